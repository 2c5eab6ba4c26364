// @ts-check
/** Hooks for React 18 and newer. */

import { createContext, createElement, useCallback, useContext, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { newId } from "./wire.js";

/** @typedef {import("./client.js").StreamerClient<any, any>} AnyClient */
/**
 * @typedef {object} RequestState
 * @property {"idle" | "running" | "done" | "failed"} status
 * @property {string | null} id the request's
 * @property {any} data the result
 * @property {import("./wire.js").Progress | null} progress
 * @property {any} error
 */

const Context = createContext(/** @type {AnyClient | null} */ (null));
/** @type {RequestState} */
const IDLE = { status: "idle", id: null, data: null, progress: null, error: null };

/**
 * Gives a client to all hooks below it.
 *
 * @param {{client: AnyClient, children?: import("react").ReactNode}} props
 */
export const StreamerProvider = ({ client, children }) => createElement(Context.Provider, { value: client }, children);

/** The client of the `StreamerProvider` above. */
export function useStreamer() {
  const client = useContext(Context);
  if (!client) throw new Error("there is no StreamerProvider above this component");
  return client;
}

/** @returns {import("./client.js").ClientState} */
export function useConnectionState() {
  const client = useStreamer();
  const subscribe = useCallback(
    (/** @type {() => void} */ changed) => {
      client.addEventListener("state", changed);
      return () => client.removeEventListener("state", changed);
    },
    [client],
  );
  return useSyncExternalStore(subscribe, () => client.state, () => "idle");
}

/**
 * One request of an action at a time. With `persist`, a name, it goes on after a reload of the page: its id is kept in
 * sessionStorage until it is over.
 *
 * @param {string} action
 * @param {{persist?: string}} [options]
 */
export function useRequest(action, { persist } = {}) {
  const client = useStreamer();
  const [state, setState] = useState(IDLE);
  /** The run that is shown, another object each time; what others say comes too late. */
  const shown = useRef(/** @type {{id: string} | null} */ (null));
  const key = persist && `streamer:${persist}`;

  const follow = useCallback(
    async (/** @type {string} */ id, /** @type {(report: (p: any) => void) => Promise<any>} */ work) => {
      const own = (shown.current = { id });
      const show = (/** @type {Partial<RequestState>} */ change) => {
        if (shown.current === own) setState((last) => ({ ...last, ...change }));
      };
      setState({ ...IDLE, status: "running", id });
      if (key) sessionStorage.setItem(key, id);
      try {
        const data = await work((progress) => show({ progress }));
        show({ status: "done", data });
        return data;
      } catch (error) {
        show({ status: "failed", error });
        throw error;
      } finally {
        if (key && shown.current === own) sessionStorage.removeItem(key);
      }
    },
    [client, key],
  );

  const run = useCallback(
    (/** @type {any} */ payload, /** @type {import("./client.js").RequestOptions} */ options = {}) => {
      const id = options.id ?? newId();
      return follow(id, (onProgress) => client.request(action, payload, { ...options, id, onProgress }));
    },
    [client, action, follow],
  );

  useEffect(() => {
    const id = key && sessionStorage.getItem(key);
    if (!id) return undefined;
    const stop = new AbortController();
    follow(id, (onProgress) => client.resume(id, { onProgress, signal: stop.signal })).catch(() => {});
    return () => {
      // React mounts twice in development: the id stays for the second time.
      shown.current = null;
      stop.abort();
    };
  }, [client, key, follow]);

  const cancel = useCallback(
    (/** @type {string} */ reason) => (shown.current ? client.cancel(shown.current.id, reason) : Promise.resolve()),
    [client],
  );
  return { ...state, run, cancel };
}

/**
 * The latest messages of a topic, the newest last.
 *
 * @param {string} name
 * @param {{limit?: number}} [options]
 * @returns {{messages: import("./wire.js").TopicMessage[], error: unknown}}
 */
export function useTopic(name, { limit = 100 } = {}) {
  const client = useStreamer();
  const [state, setState] = useState({
    messages: /** @type {import("./wire.js").TopicMessage[]} */ ([]),
    error: /** @type {unknown} */ (null),
  });
  useEffect(() => {
    setState({ messages: [], error: null });
    return client.subscribe(
      name,
      (message) => setState((last) => ({ ...last, messages: [...last.messages, message].slice(-limit) })),
      (error) => setState((last) => ({ ...last, error })),
    );
  }, [client, name, limit]);
  return state;
}
