// @ts-check
/** Hooks for React 18 and newer. */

import { createContext, createElement, useCallback, useContext, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { PayloadTooLargeError, RequestCancelledError, RequestFailedError } from "./errors.js";
import { newId } from "./wire.js";

/** @typedef {import("./client.js").StreamerClient<any, any>} AnyClient */
/** @typedef {import("./wire.js").Progress} Progress */
/** @typedef {{payload?: any, result?: any}} Action */
/**
 * What is known of a request: `id` is its own, `data` its result.
 *
 * @template [Result=any]
 * @typedef {{status: "idle", id: null, data: null, progress: null, error: null}
 *   | {status: "running", id: string, data: null, progress: Progress | null, error: null}
 *   | {status: "done", id: string, data: Result, progress: Progress | null, error: null}
 *   | {status: "failed", id: string, data: null, progress: Progress | null, error: any}} RequestState
 */
/**
 * @template {Action} [Asked=Action]
 * @typedef {RequestState<Asked["result"]> & {
 *   run: (...asking: import("./client.js").Asking<Asked["payload"]>) => Promise<Asked["result"]>,
 *   cancel: (reason?: string) => Promise<any>,
 * }} Requesting
 */
/**
 * @template [Data=any]
 * @typedef {{messages: import("./wire.js").TopicMessage<Data>[], error: unknown}} Listening
 */
/**
 * @template {Record<string, Action>} Actions
 * @template {Record<string, any>} Topics
 * @typedef {object} Hooks
 * @property {(props: {client: import("./client.js").StreamerClient<Actions, Topics>, children?: import("react").ReactNode}) =>
 *   import("react").ReactElement} StreamerProvider
 * @property {() => import("./client.js").StreamerClient<Actions, Topics>} useStreamer
 * @property {() => import("./client.js").ClientState} useConnectionState
 * @property {<Name extends keyof Actions & string>(action: Name, options?: {persist?: string}) =>
 *   Requesting<Actions[Name]>} useRequest
 * @property {<Name extends keyof Topics & string>(name: Name, options?: {limit?: number}) => Listening<Topics[Name]>} useTopic
 */

const Context = createContext(/** @type {AnyClient | null} */ (null));
/** @type {RequestState} */
const IDLE = { status: "idle", id: null, data: null, progress: null, error: null };
/** Errors of a request that was never sent. */
const UNSENT = [PayloadTooLargeError, TypeError];
/** @typedef {{id: string, progress: any, heard: Set<(progress: any) => void>, result: Promise<any>}} Flight */
/** Requests under way, by their ids: a component that comes back goes on with its own. @type {WeakMap<AnyClient, Map<string, Flight>>} */
const FLIGHTS = new WeakMap();

/**
 * Use what outlives a page; null where it may keep nothing, as in another site's frame whose cookies are blocked, or no more.
 *
 * @template T
 * @param {(storage: Storage) => T} use
 */
function stored(use) {
  try {
    return use(sessionStorage);
  } catch {
    return null;
  }
}

/**
 * Whether it is certain that there is nothing to wait for any more: after a lost connection, a timeout or a signal the
 * request goes on, and after a refusal to tell about it, too, if that may be another one the next time.
 *
 * @param {unknown} error
 * @param {string} id
 */
function isOver(error, id) {
  if (error instanceof RequestFailedError) return error.requestId === id || !error.retryable;
  return error instanceof RequestCancelledError || UNSENT.some((kind) => error instanceof kind);
}

/**
 * @param {AnyClient} client
 * @param {string} id
 * @param {string | undefined} key where the id is kept until the request is over
 * @param {(report: (progress: any) => void) => Promise<any>} work
 */
function begun(client, id, key, work) {
  const flights = FLIGHTS.get(client) ?? new Map();
  FLIGHTS.set(client, flights);
  const heard = new Set();
  const report = (/** @type {any} */ progress) => {
    flight.progress = progress;
    for (const hear of heard) hear(progress);
  };
  /** @type {Flight} */
  const flight = { id, progress: null, heard, result: work(report) };
  const ended = (/** @type {boolean} */ isForgotten) => {
    flights.delete(id);
    if (key && isForgotten) stored((kept) => kept.getItem(key) === id && kept.removeItem(key));
  };
  if (key) stored((kept) => kept.setItem(key, id));
  flights.set(id, flight);
  flight.result.then(() => ended(true), (error) => ended(isOver(error, id)));
  return flight;
}

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
 * One request of an action at a time. With `persist`, a name, it goes on after a reload of the page, and where another
 * component of that name is mounted: its id is kept in sessionStorage until it is over. Another action or name begins anew.
 *
 * @param {string} action
 * @param {{persist?: string}} [options]
 * @returns {Requesting}
 */
export function useRequest(action, { persist } = {}) {
  const client = useStreamer();
  const [state, setState] = useState(IDLE);
  const key = persist && `streamer:${persist}`;
  const now = [client, action, key];
  const [of, setOf] = useState(now);
  if (now.some((part, index) => part !== of[index])) {
    setOf(now);
    setState(IDLE);
  }
  /** The latest, and what it was one of. */
  const latest = useRef({ id: "", of });

  const follow = useCallback(
    (/** @type {Flight} */ { id, progress, heard, result }) => {
      latest.current = { id, of };
      // What others say comes too late.
      const show = (/** @type {object} */ change) => setState((last) => (last.id === id ? { ...last, ...change } : last));
      setState({ ...IDLE, status: "running", id, progress });
      heard.add((progress) => show({ progress }));
      result.then((data) => show({ status: "done", data }), (error) => show({ status: "failed", error }));
      return result;
    },
    [of],
  );

  const run = useCallback(
    /**
     * @param {any} [payload]
     * @param {import("./client.js").RequestOptions} [options]
     * @returns {Promise<any>}
     */
    (payload, options = {}) => {
      const id = options.id ?? newId();
      // Refused by the client; what is under way stays as it is.
      if (FLIGHTS.get(client)?.has(id)) return client.request(action, payload, { ...options, id });
      const work = (/** @type {(progress: any) => void} */ report) => {
        const onProgress = (/** @type {any} */ progress) => (report(progress), options.onProgress?.(progress));
        return client.request(action, payload, { ...options, id, onProgress });
      };
      return follow(begun(client, id, key, work));
    },
    [client, action, key, follow],
  );

  useEffect(() => {
    const id = key && stored((kept) => kept.getItem(key));
    if (!id) return;
    // React mounts twice in development: the second time finds the flight of the first.
    const flight = FLIGHTS.get(client)?.get(id);
    follow(flight ?? begun(client, id, key, (onProgress) => client.resume(id, { onProgress }))).catch(() => {});
  }, [client, key, follow]);

  const cancel = useCallback(
    /** @param {string} [reason] @returns {Promise<any>} */
    async (reason) => {
      const { id, of: asked } = latest.current;
      if (id && asked === of) return client.cancel(id, reason);
    },
    [client, of],
  );
  return { ...state, run, cancel };
}

/**
 * The latest messages of a topic, the newest last.
 *
 * @param {string} name
 * @param {{limit?: number}} [options]
 * @returns {Listening}
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
      (message) => setState((last) => ({ ...last, messages: [...last.messages, message].slice(-limit || Infinity) })),
      (error) => setState((last) => ({ ...last, error })),
    );
  }, [client, name, limit]);
  return state;
}

/**
 * The same for the `Actions` and `Topics` that `streamer describe --format typescript` makes.
 *
 * @template {Record<string, Action>} Actions
 * @template {Record<string, any>} [Topics=Record<string, any>]
 * @returns {Hooks<Actions, Topics>}
 */
export const typedHooks = () => ({ StreamerProvider, useConnectionState, useRequest, useStreamer, useTopic });
