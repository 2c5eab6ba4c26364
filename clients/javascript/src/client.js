// @ts-check
/// <reference lib="esnext.disposable" preserve="true" />
/** The client, as callers use it: requests and topics over one connection. */

import { ConnectionLostError, GatewayError, RequestFailedError, RequestTimeoutError } from "./errors.js";
import { Link } from "./link.js";
import { Complaints, Inbox, TopicQueue } from "./queue.js";
import { Joiner, after, checkId, envelope, failureOf, isFinal, newId, parse, progressOf, resultOf } from "./wire.js";

/** @typedef {"idle" | "connecting" | "open" | "waiting" | "closed"} ClientState */
/**
 * @typedef {object} ClientOptions
 * @property {string | (() => string | Promise<string>) | null} [token] the JWT, or a function that gives a fresh one; it
 *   is asked for every attempt to connect, since browsers do not tell a refused token from a service that is away
 * @property {"subprotocol" | "query"} [tokenIn] where the token goes. A query ends up in access logs; tokens that no
 *   subprotocol can hold (with "=") go there all the same
 * @property {import("./link.js").Reconnect | null} [reconnect] null: a lost connection is the end
 * @property {any} [WebSocket] another than the built-in one; with that of "ws" messages may have 128 KB instead of 32
 * @property {number} [connectTimeout] milliseconds for one attempt, and for the first connection at all; what a token
 *   function takes is not counted
 * @property {number} [keepAlive] milliseconds of silence after which something is sent; each fourth time an answer is waited
 *   for, and after a minute at most while a request is under way
 * @property {number} [answerTimeout] milliseconds to wait for the answer to a ping
 */
/**
 * @typedef {object} RequestOptions
 * @property {(progress: import("./wire.js").Progress) => void} [onProgress] never goes back
 * @property {string} [id] the request's id; a new one if there is none
 * @property {Record<string, unknown>} [metadata] further fields for the action
 * @property {number} [timeout] milliseconds to wait for the final answer
 * @property {AbortSignal} [signal] stops waiting; a request that was sent goes on
 * @property {boolean} [resend] whether to send it again when the connection was lost before the service answered
 *   anything, and it does not know the request afterwards: a quick action may then run twice (queued ones never do)
 */

/**
 * @typedef {object} ClientEvents
 * @property {Event} state `state` is another
 * @property {CustomEvent<undefined>} lost
 * @property {CustomEvent<undefined>} reopened
 * @property {CustomEvent<unknown>} gateway-error
 */
/**
 * @typedef {<Name extends keyof ClientEvents>(
 *   name: Name, listener: (event: ClientEvents[Name]) => void, options?: AddEventListenerOptions | boolean
 * ) => void} Listening
 */
/** @typedef {{addEventListener: Listening, removeEventListener: Listening} & EventTarget} Target */
/**
 * What follows an action's name: its payload, which only an action that needs none goes without.
 *
 * @template Payload
 * @typedef {[payload: Payload, options?: RequestOptions] | (undefined extends Payload ? [] : never)} Asking
 */

/** How long the client waits for answers to its own questions; API Gateway waits 29 s for the service. */
const ASKING = 30_000;
/** Begins the messages that are pings. */
const PING = '{"action":"ping"';
/** Pauses before it is asked again about a request that is not known: it may have been on its way. */
const RESUMING = [0, 250, 500, 1000, 2000];

/**
 * A connection to a streamer service that outlives its sockets. It does nothing until it is used.
 *
 * Events: "state", "lost", "reopened", and "gateway-error", whose `detail` is an error that belongs to no request.
 *
 * @template {Record<string, {payload?: any, result?: any}>} [Actions=Record<string, {payload?: any, result?: any}>]
 * @template {Record<string, any>} [Topics=Record<string, any>]
 */
export class StreamerClient extends /** @type {new () => Target} */ (EventTarget) {
  #link;
  #joiner = new Joiner();
  /** @type {Map<string, Inbox>} */
  #inboxes = new Map();
  #complaints = new Complaints();
  /** The link's own question, which an error may be about as well. @type {any} */
  #ping = {};
  /** @type {Map<string | null, Set<TopicQueue>>} */
  #topics = new Map();
  /** Topics that were subscribed to. @type {Set<string>} */
  #asked = new Set();
  /** What was asked last about a topic. @type {Map<string, Promise<unknown>>} */
  #turns = new Map();

  /**
   * @param {string} url such as "wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod"
   * @param {ClientOptions} [options]
   */
  constructor(url, options = {}) {
    super();
    this.#link = new Link(url, options, {
      received: (text) => this.#received(text),
      opened: () => this.#opened(),
      lost: () => this.#lost(),
      ended: (error) => this.#ended(error),
      changed: () => this.dispatchEvent(new Event("state")),
      isAwaited: () => [...this.#inboxes.values()].some(({ sentOn }) => sentOn),
      checked: () => (this.#ping = { isAnswered: false, sentOn: this.#link.number, fail: () => (this.#ping.isAnswered = true) }),
    });
  }

  /** @returns {ClientState} */
  get state() {
    return this.#link.state;
  }

  /** The number of attempts to connect since a message came, and when the next one is made; null: none is waited for. */
  get nextAttempt() {
    const { nextAt: at, attempts: attempt } = this.#link;
    return at ? { attempt, at } : null;
  }

  /** Most bytes that a message may have: 32 KB, or 128 KB where the WebSocket can send it in frames. */
  get limitBytes() {
    return this.#link.limitBytes;
  }

  /** Connect now rather than at the first use, or again after the end. */
  open() {
    return this.#link.open();
  }

  /** Close the connection; whoever still waits gets a ConnectionLostError. */
  close() {
    this.#link.close();
  }

  /** For `await using`; where that is not known yet, it is of no use and does no harm. */
  async [Symbol.asyncDispose]() {
    this.close();
  }

  /**
   * Ask for an action and wait for its result.
   *
   * @template {keyof Actions & string} Name
   * @param {Name} action
   * @param {Asking<Actions[Name]["payload"]>} asking its payload, and `RequestOptions`
   * @returns {Promise<Actions[Name]["result"]>}
   */
  async request(action, ...[payload, options = {}]) {
    const id = options.id ?? newId();
    return this.#result(this.#inbox(action, payload, { ...options, id }), id, options);
  }

  /**
   * Ask for an action and go through every message about it, the final one included, even if it is an error.
   *
   * @template {keyof Actions & string} Name
   * @param {Name} action
   * @param {Asking<Actions[Name]["payload"]>} asking its payload, and `RequestOptions` without `onProgress` and `timeout`
   * @returns {AsyncIterableIterator<import("./wire.js").Event>}
   */
  events(action, ...[payload, options = {}]) {
    const inbox = this.#inbox(action, payload, options);
    inbox.stop = following(options.signal, inbox);
    return inbox;
  }

  /**
   * Wait for the result of a request that was sent before: before a reload, or by the same user elsewhere.
   *
   * @param {string} id
   * @param {Pick<RequestOptions, "onProgress" | "timeout" | "signal">} [options]
   * @returns {Promise<any>}
   */
  async resume(id, options = {}) {
    checkId(id);
    /** @type {Inbox} */
    const inbox = this.#register(id, "", "resume", async () => {
      await this.#link.connected();
      if (inbox.isFinished) return;
      inbox.isAnswered = true;
      inbox.sentOn = this.#link.number;
      await this.#ask("subscribe", { request_id: id }, "repeat");
    });
    return this.#result(inbox, id, options);
  }

  /**
   * What the service has stored of a request: state, progress, result or error.
   *
   * @param {string} id
   * @returns {Promise<any>}
   */
  status(id) {
    return this.#ask("status", { request_id: id }, "repeat");
  }

  /**
   * @param {string} id
   * @param {string} [reason]
   * @returns {Promise<any>} whether it was `cancelled`, and its `status`
   */
  cancel(id, reason) {
    return this.#ask("cancel", { request_id: id, reason }, "repeat");
  }

  /**
   * Publish to a topic of the tenant, which takes a permission, and tell how many connections got it; `passed_on`
   * counts invocations of the service that deliver to more of them.
   *
   * @template {keyof Topics & string} Name
   * @param {Name} topic
   * @param {Topics[Name]} [data]
   * @returns {Promise<{delivered: number, gone: number, failed: number, passed_on?: number}>}
   */
  publish(topic, data) {
    return this.#ask("publish", { topic, data }, "fail");
  }

  /**
   * What is published to a topic of the tenant, until the loop is left. What is published while a lost connection is not
   * open again is missed.
   *
   * @template {keyof Topics & string} Name
   * @param {Name} name
   * @returns {AsyncIterableIterator<import("./wire.js").TopicMessage<Topics[Name]>>}
   */
  topic(name) {
    return this.#queue(name, () => this.#inTurn(name, async () => {
      await this.#link.connected();
      if (!this.#topics.has(name)) return;
      this.#asked.add(name);
      await this.#ask("subscribe", { topic: name }, "repeat");
    }));
  }

  /**
   * What the service sends without a topic: to this connection, its user or its tenant.
   *
   * @returns {AsyncIterableIterator<import("./wire.js").TopicMessage>}
   */
  direct() {
    return this.#queue(null, () => this.#link.connected());
  }

  /**
   * Have a function called with what is published to a topic. What it throws is an uncaught error, as of a listener.
   *
   * @template {keyof Topics & string} Name
   * @param {Name} name
   * @param {(message: import("./wire.js").TopicMessage<Topics[Name]>) => void} callback
   * @param {(error: unknown) => void} [onError] called once when nothing more will come; else that is a "gateway-error"
   * @returns {() => void} unsubscribes
   */
  subscribe(name, callback, onError = (error) => this.#tell("gateway-error", error)) {
    const messages = this.topic(name);
    (async () => {
      for await (const message of messages) {
        try {
          callback(message);
        } catch (error) {
          // As for listeners of events: it is the page's error, and what comes next is told all the same.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    })().catch(onError);
    return () => void messages.return?.();
  }

  // requests

  /**
   * @param {string} action
   * @param {unknown} payload
   * @param {RequestOptions} options
   */
  #inbox(action, payload, { id = newId(), metadata, resend }) {
    const body = envelope(action, id, payload, metadata, this.limitBytes);
    return this.#register(id, body, resend ? "resume-or-repeat" : "resume");
  }

  /**
   * @param {string} id
   * @param {string} body
   * @param {Inbox["onLoss"]} onLoss
   * @param {() => unknown} [begin]
   */
  #register(id, body, onLoss, begin) {
    if (this.#inboxes.has(id)) throw new TypeError(`request ${id} is already under way on this client`);
    /** @type {Inbox} */
    const inbox = new Inbox(body, onLoss, begin ?? (() => this.#send(inbox)), () => {
      this.#inboxes.delete(id);
      inbox.stop();
      this.#complaints.gone(inbox);
    });
    this.#inboxes.set(id, inbox);
    return inbox;
  }

  /** @param {Inbox} inbox */
  async #send(inbox) {
    await this.#link.connected();
    // Who stopped waiting before there was a connection may have asked anew: it is not done twice.
    if (inbox.isFinished) return;
    // Before sending: if the connection is lost over it, the request may have arrived all the same.
    inbox.sentOn = this.#link.number;
    this.#link.send(inbox.body);
  }

  /**
   * @param {Inbox} inbox
   * @param {string} id
   * @param {RequestOptions} options
   */
  async #result(inbox, id, { onProgress, timeout, signal }) {
    inbox.stop = following(signal, inbox);
    const timer = timeout != null && after(() => inbox.fail(new RequestTimeoutError(id, timeout)), timeout);
    try {
      for await (const event of inbox) {
        if (isFinal(event)) return resultOf(event);
        if (event.type === "progress") onProgress?.(progressOf(event));
      }
    } finally {
      clearTimeout(timer);
      inbox.finish();
    }
  }

  /**
   * Ask the service something that it answers at once.
   *
   * @param {string} action
   * @param {unknown} payload
   * @param {Inbox["onLoss"]} onLoss
   */
  async #ask(action, payload, onLoss) {
    const id = newId();
    const body = envelope(action, id, payload, undefined, this.limitBytes);
    return this.#result(this.#register(id, body, onLoss), id, { timeout: ASKING });
  }

  /**
   * @param {string | null} name
   * @param {() => unknown} begin
   */
  #queue(name, begin) {
    const queue = new TopicQueue(begin, () => {
      const queues = this.#topics.get(name);
      queues?.delete(queue);
      if (queues?.size) return;
      this.#topics.delete(name);
      if (name === null) return;
      this.#inTurn(name, () => {
        // Somebody may have come back, and a connection that is lost meanwhile takes the subscription with it.
        if (this.#topics.has(name) || !this.#asked.delete(name) || this.state !== "open") return;
        return this.#ask("unsubscribe", { topic: name }, "fail");
      }).catch(() => {});
    });
    this.#topics.set(name, (this.#topics.get(name) ?? new Set()).add(queue));
    return queue;
  }

  /**
   * Ask about a topic when what was asked before is answered: the service may carry out two messages at once, in any order.
   *
   * @param {string} name
   * @param {() => unknown} ask
   */
  async #inTurn(name, ask) {
    const before = this.#turns.get(name);
    const turn = (async () => {
      await before?.catch(() => {});
      await ask();
    })();
    this.#turns.set(name, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    }
  }

  // what the link tells

  /** @param {unknown} text */
  #received(text) {
    const message = parse(text);
    if (message instanceof GatewayError) this.#complain(message);
    else if (message?.type === "part") {
      const whole = this.#joiner.add(message);
      if (whole !== null) this.#received(whole);
    } else if (message?.type === "message") {
      for (const queue of this.#topics.get(message.topic ?? null) ?? []) queue.put(message);
    } else if (message) {
      const inbox = this.#inboxes.get(message.request_id ?? "");
      const failure = inbox || message.request_id ? null : failureOf(message);
      inbox?.put(message);
      if (message.type === "pong" && !inbox) this.#ping.isAnswered = true;
      // API Gateway's own answer, if it could not tell the ping's id.
      if (message.type === "pong" && message.request_id === null) {
        for (const each of this.#inboxes.values()) if (each.body.startsWith(PING)) each.put(message);
      }
      this.#complaints.settle();
      if (failure) this.#complain(failure);
    }
  }

  #lost() {
    this.#joiner = new Joiner();
    this.#complaints = new Complaints();
    for (const inbox of [...this.#inboxes.values()]) {
      if (inbox.onLoss === "fail" && inbox.sentOn) inbox.fail(unknown());
    }
    this.#tell("lost");
  }

  #opened() {
    if (this.#link.number === 1) return;
    for (const [id, inbox] of this.#inboxes) {
      if (!inbox.sentOn) continue; // its sender has waited for the connection, too
      if (inbox.onLoss === "repeat") this.#send(inbox).catch(() => {});
      else if (inbox.onLoss !== "fail") this.#again(id, inbox).catch((error) => inbox.fail(error));
    }
    for (const [name, queues] of this.#topics) {
      if (name === null) continue;
      const isWanted = () => this.#topics.has(name);
      this.#inTurn(name, () => this.#patiently(isWanted, () => this.#ask("subscribe", { topic: name }, "fail"))).catch((error) => {
        for (const queue of queues) queue.fail(error);
      });
    }
    this.#tell("reopened");
  }

  /** @param {Error} error */
  #ended(error) {
    for (const inbox of [...this.#inboxes.values()]) inbox.fail(error);
    for (const queue of [...this.#topics.values()].flatMap((queues) => [...queues])) queue.fail(error);
  }

  /**
   * Hear again about a request that was sent on an earlier connection.
   *
   * @param {string} id
   * @param {Inbox} inbox
   */
  #again(id, inbox) {
    const ask = async () => {
      try {
        await this.#ask("subscribe", { request_id: id }, "fail");
      } catch (failed) {
        if (!isNotFound(failed) || inbox.isAnswered) throw failed;
        if (inbox.onLoss === "resume-or-repeat") return this.#send(inbox);
        throw unknown();
      }
      inbox.isAnswered = true;
    };
    return this.#patiently(() => this.#inboxes.get(id) === inbox, ask);
  }

  /**
   * Ask over this connection until there is an answer that another time would not change.
   *
   * @param {() => boolean} isWanted
   * @param {() => unknown} ask
   */
  async #patiently(isWanted, ask) {
    const { number } = this.#link;
    /** @type {unknown} */
    let error;
    const isOver = () => !isWanted() || this.#link.number !== number || this.state !== "open"; // the next one begins this anew
    for (const pause of RESUMING) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (isOver()) return;
      try {
        await ask();
        return;
      } catch (failed) {
        error = failed;
        if (failed instanceof RequestFailedError && !failed.retryable && !isNotFound(failed)) break;
      }
    }
    if (!isOver()) throw error;
  }

  /**
   * An error that does not say which request it answers: it is told once it is certain whom it is about. That is nobody
   * whose request was not sent on this connection, as of events that are not read yet.
   *
   * @param {Error} complaint
   */
  #complain(complaint) {
    const { number } = this.#link;
    const sent = [this.#ping, ...this.#inboxes.values()].filter(({ sentOn }) => sentOn === number);
    if (!this.#complaints.heard(complaint, sent)) this.#tell("gateway-error", complaint);
  }

  /**
   * @param {string} name
   * @param {unknown} [detail]
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/**
 * Let a signal end the waiting; returns what stops that.
 *
 * @param {AbortSignal | undefined} signal
 * @param {Inbox} inbox
 */
function following(signal, inbox) {
  const stop = () => inbox.fail(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  return () => signal?.removeEventListener("abort", stop);
}

/** @param {unknown} error */
const isNotFound = (error) => error instanceof RequestFailedError && error.code === "NOT_FOUND";

const unknown = () =>
  new ConnectionLostError(null, "before the request was answered; it may or may not have been carried out");
