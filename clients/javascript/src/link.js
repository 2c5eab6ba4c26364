// @ts-check
/** Keeps one connection open: opens it again when it is lost, and notices when a sleeping tab has lost it. */

import { CannotConnectError, ConnectionLostError } from "./errors.js";
import { FRAME_BYTES, MESSAGE_BYTES, after } from "./wire.js";

/**
 * @typedef {object} Reconnect how a lost connection is opened again: exponential backoff with full jitter
 * @property {number} [base] milliseconds; the first wait is up to this long, each further one up to twice the one before
 * @property {number} [most] milliseconds; no wait is longer
 * @property {number} [restart] milliseconds; nor longer than this in the first minute after a service that closed in order,
 *     as one that restarts does
 * @property {number} [giveUp] milliseconds; after so long without a connection everyone who waits gets an error
 */
/**
 * @typedef {object} LinkOptions
 * @property {string | (() => string | Promise<string>) | null} [token]
 * @property {"subprotocol" | "query"} [tokenIn]
 * @property {Reconnect | null} [reconnect]
 * @property {any} [WebSocket]
 * @property {number} [connectTimeout]
 * @property {number} [keepAlive]
 * @property {number} [answerTimeout]
 */
/**
 * @typedef {object} Watcher whom a link tells what happens
 * @property {(text: unknown) => void} received
 * @property {() => void} opened
 * @property {() => void} lost the connection was lost; another one is tried for
 * @property {(error: Error) => void} ended there will be no connection any more
 * @property {() => void} changed the state is another
 * @property {() => boolean} isAwaited whether somebody waits for an answer to what was sent
 * @property {() => void} checked a ping was sent, which API Gateway itself answers where the service has none
 */

/** Has no answer, which would cost as much again. */
const KEEP_ALIVE = '{"action":"keep-alive"}';
/** Every so many times it is looked whether the connection lives, instead. */
const CHECKED = 4;
/** So much silence is too much while somebody waits for an answer; it is looked at once whether the connection lives. */
const WAITED = 60_000;
const PING = '{"action":"ping","id":"keep-alive"}';
/** What a subprotocol may consist of. */
const SPEAKABLE = /^[\w.~!#$%&'*+^`|-]+$/;
/** Close codes after which another connection would end the same way. */
const FOR_GOOD = new Map([
  [1008, "the service does not want this client"],
  [1009, "a message was larger than the service takes"],
]);
/** Close codes of a service that goes away and says so; API Gateway takes the next connection at once. */
const IN_ORDER = new Set([1001, 1012]);
/** For so long after a connection ended in order no pause is longer than `restart`. */
const RESTARTING = 60_000;
/** A timer that is so late was asleep. */
const ASLEEP = 30_000;
/** Whatever happens, attempts that are not waited for are so far apart. */
const APART = 1000;

/** A connection that is opened again when it is lost. */
export class Link {
  /** @type {"idle" | "connecting" | "open" | "waiting" | "closed"} */
  state = "idle";
  /** How many connections were opened so far. */
  number = 0;
  /** Attempts to connect since a message came; a service that accepts and hangs up is not pressed either. */
  attempts = 0;
  /** When the next attempt is made, in milliseconds since 1970; 0: none is waited for. */
  nextAt = 0;

  #url;
  #watcher;
  #token;
  #inQuery;
  #connectTimeout;
  #keepAlive;
  #answerTimeout;
  /** @type {Required<Reconnect> | null} */
  #reconnect;
  #WebSocket;
  /** @type {any} */
  #socket = null;
  /** @type {Error | null} */
  #error = null;
  #isClosed = false;
  #turn = 0;
  #since = 0;
  #attemptAt = 0;
  #restartingUntil = 0;
  #heardAt = 0;
  #keptAt = 0;
  #kept = 0;
  /** @type {any} */
  #timer;
  /** @type {any} */
  #checking;
  /** @type {Array<{resolve: () => void, reject: (error: Error) => void}>} */
  #waiters = [];
  /** @type {(() => void) | null} */
  #unlisten = null;

  /**
   * @param {string} url
   * @param {LinkOptions} options
   * @param {Watcher} watcher
   */
  constructor(url, options, watcher) {
    this.#url = String(url);
    this.#watcher = watcher;
    this.#token = options.token;
    this.#inQuery = options.tokenIn === "query";
    this.#reconnect = options.reconnect === null ? null : { base: 250, most: 20_000, restart: 1000, giveUp: 300_000, ...options.reconnect };
    this.#WebSocket = options.WebSocket ?? /** @type {any} */ (globalThis).WebSocket;
    this.#connectTimeout = options.connectTimeout ?? 10_000;
    this.#keepAlive = options.keepAlive ?? 480_000;
    this.#answerTimeout = options.answerTimeout ?? 5_000;
  }

  /** Most bytes of a message: only `ws` can send one in frames, and only its sockets are emitters of Node.js. */
  get limitBytes() {
    return this.#canFragment ? MESSAGE_BYTES : FRAME_BYTES;
  }

  get #canFragment() {
    return typeof this.#WebSocket?.prototype?.emit === "function";
  }

  /** The open connection, once there is one; rejects when there will be none. */
  async connected() {
    // What is sent on a socket that is closing, which takes a moment to say so, is dropped without a word.
    if (this.state === "open" && !(this.#socket.readyState > 1)) return;
    if (this.#isClosed && this.#error) throw this.#error;
    const open = new Promise((/** @type {(value: void) => void} */ resolve, reject) => this.#waiters.push({ resolve, reject }));
    if (this.state === "idle" || this.state === "closed") this.#start();
    await open;
  }

  /** As `connected`, also after `close`. */
  open() {
    this.#isClosed = false;
    return this.connected();
  }

  /** @param {string} text */
  send(text) {
    if (text.length * 3 <= FRAME_BYTES || !this.#canFragment) {
      this.#socket.send(text);
      return;
    }
    const bytes = new TextEncoder().encode(text);
    for (let start = 0; start < bytes.length; start += FRAME_BYTES) {
      const end = start + FRAME_BYTES;
      this.#socket.send(bytes.subarray(start, end), { binary: false, fin: end >= bytes.length });
    }
  }

  close() {
    this.#isClosed = true;
    if (this.state === "closed") return;
    this.#end(new ConnectionLostError(1000, "this client closed it"));
  }

  #start() {
    this.#error = null;
    this.attempts = 0;
    this.number = 0;
    this.#since = Date.now();
    this.#listen();
    this.#connect();
  }

  async #connect() {
    const turn = ++this.#turn;
    clearTimeout(this.#timer);
    this.#attemptAt = Date.now();
    this.#become("connecting");
    let socket;
    try {
      const token = await this.#freshToken();
      if (turn !== this.#turn) return;
      // That somebody signs in takes nothing of the time for the first connection.
      if (!this.number) this.#since += Date.now() - this.#attemptAt;
      socket = this.#dial(token);
    } catch (error) {
      if (turn !== this.#turn) return;
      // Only a token that could not be made is another one the next time.
      if (error instanceof CannotConnectError) this.#retry(error);
      else this.#end(this.#cannot(error instanceof Error ? error.message : String(error)));
      return;
    }
    this.#socket = socket;
    const late = `no answer within ${this.#connectTimeout} ms`;
    this.#timer = after(() => this.#failed(late), this.#connectTimeout);
    socket.onopen = () => this.#opened();
    socket.onmessage = (/** @type {{data: unknown}} */ { data }) => this.#heard(data);
    // Node 20 says nothing after an error; browsers do not tell a refusal from nobody's answer.
    socket.onerror = (/** @type {{message?: string}} */ { message }) => {
      if (this.state === "connecting") this.#failed(message || "nobody answers, or the token was refused");
    };
    socket.onclose = (/** @type {{code: number, reason: string}} */ { code, reason }) => {
      if (this.state === "open") this.#lost(code === 1006 ? null : code, reason);
      else this.#failed(reason ?? "");
    };
  }

  async #freshToken() {
    if (typeof this.#token !== "function") return this.#token;
    try {
      return await this.#token();
    } catch (error) {
      // Its text may hold a secret; it is the cause of what is thrown.
      const kind = error instanceof Error ? error.name : typeof error;
      throw Object.assign(this.#cannot(`the token function threw ${kind}`), { cause: error });
    }
  }

  /** @param {string | null | undefined} token */
  #dial(token) {
    // What is no token would stand in the query, where logs have it, and be refused without a word.
    if (token && (typeof token !== "string" || /\s/.test(token))) throw new TypeError("the token is no text, or has a blank or a line break in it");
    if (!this.#WebSocket) throw new Error("there is no WebSocket here; pass one, such as that of 'ws'");
    if (!token) return new this.#WebSocket(this.#url);
    if (this.#inQuery || !SPEAKABLE.test(token)) {
      const mark = this.#url.includes("?") ? "&" : "?";
      return new this.#WebSocket(`${this.#url}${mark}Authorization=${encodeURIComponent(token)}`);
    }
    return new this.#WebSocket(this.#url, ["streamer.v1", `bearer.${token}`]);
  }

  #opened() {
    clearTimeout(this.#timer);
    this.number += 1;
    this.#heardAt = Date.now();
    this.#keep();
    this.#become("open");
    if (this.state !== "open") return; // who was told has closed it
    for (const { resolve } of this.#waiters.splice(0)) resolve();
    this.#watcher.opened();
  }

  /** @param {unknown} data */
  #heard(data) {
    this.#heardAt = Date.now();
    this.#kept = 0;
    this.attempts = 0;
    clearTimeout(this.#checking);
    this.#checking = null;
    this.#watcher.received(data);
  }

  /** Say something in silence; API Gateway closes after ten minutes, and tabs in the background wake up late. */
  #keep() {
    clearTimeout(this.#timer);
    const silence = () => Date.now() - Math.max(this.#heardAt, this.#keptAt);
    const soon = Math.min(this.#keepAlive, WAITED);
    this.#timer = after(() => {
      const isAwaited = this.#watcher.isAwaited();
      if (silence() >= (isAwaited ? soon : this.#keepAlive)) {
        this.#keptAt = Date.now();
        this.#kept += 1;
        if (isAwaited || this.#kept % CHECKED === 0) this.#check();
        else this.#socket.send(KEEP_ALIVE);
      }
      this.#keep();
    }, Math.max(1, Math.min(soon, this.#keepAlive - silence())));
  }

  /** Whether the other side is still there: else another connection is opened. */
  #check() {
    if (this.#checking) return;
    this.#checking = after(() => this.#lost(null, "no answer to a ping"), this.#answerTimeout);
    this.#socket.send(PING);
    this.#watcher.checked();
  }

  /**
   * @param {number | null} code
   * @param {string} reason
   */
  #lost(code, reason) {
    this.#drop();
    this.#since = Date.now();
    // Only once: a service that hangs up in order again and again is not pressed for longer than that.
    if (this.attempts === 0) this.#restartingUntil = code !== null && IN_ORDER.has(code) ? this.#since + RESTARTING : 0;
    const error = new ConnectionLostError(code, reason);
    if (code !== null && FOR_GOOD.has(code)) this.#end(new ConnectionLostError(code, reason || FOR_GOOD.get(code) || ""));
    else if (!this.#reconnect) this.#end(error);
    else {
      this.#retry(error, true);
      this.#watcher.lost();
    }
  }

  /** @param {string} why */
  #failed(why) {
    this.#drop();
    // As ws, Bun and Deno end what they say.
    const status = Number(/: (\d{3})$/.exec(why)?.[1]) || null;
    const error = this.#cannot(status ? `HTTP ${status}` : why, status);
    if ((status === 401 || status === 403) && typeof this.#token !== "function") this.#end(error);
    else this.#retry(error);
  }

  /**
   * @param {Error} error what everyone gets when no time is left
   * @param {boolean} [wasOpen]
   */
  #retry(error, wasOpen = false) {
    const policy = this.#reconnect;
    if (!policy) {
      this.#end(error);
      return;
    }
    const now = Date.now();
    // Nobody waits long for a connection that was never there: a wrong address or token should be told.
    const deadline = this.#since + (this.number || wasOpen ? policy.giveUp : this.#connectTimeout);
    if (now >= deadline) {
      this.#end(error);
      return;
    }
    const most = now < this.#restartingUntil ? Math.min(policy.most, policy.restart) : policy.most;
    const wait = Math.min(most, policy.base * 2 ** Math.min(this.attempts, 32)) * Math.random();
    this.attempts += 1;
    // No time is given away: however long the pause would be, the last attempt is made when the time is over.
    this.nextAt = Math.min(now + wait, deadline);
    this.#turn += 1;
    this.#timer = after(() => {
      if (Date.now() - this.nextAt > ASLEEP) this.#since = Date.now();
      this.#connect();
    }, Math.max(0, this.nextAt - now));
    this.#become("waiting");
  }

  /** @param {Error} error */
  #end(error) {
    this.#drop(1000);
    this.#turn += 1;
    this.#unlisten?.();
    this.#unlisten = null;
    this.#error = error;
    for (const { reject } of this.#waiters.splice(0)) reject(error);
    this.#watcher.ended(error);
    this.#become("closed");
  }

  /** Let go of the socket, whatever it still says. @param {number} [code] */
  #drop(code) {
    clearTimeout(this.#timer);
    clearTimeout(this.#checking);
    this.#checking = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {};
    socket.close(...(code ? [code] : []));
  }

  /** The last that a change does, since who is told may open or close the client at once. @param {Link["state"]} state */
  #become(state) {
    if (state !== "waiting") this.nextAt = 0;
    this.state = state;
    this.#watcher.changed();
  }

  /**
   * @param {string} reason
   * @param {number | null} [status]
   */
  #cannot(reason, status = null) {
    // Bun and ws name the address, and its query may hold the token.
    return new CannotConnectError(this.#url.split("?")[0], reason.replace(/\?[^\s']*/, ""), status);
  }

  /** Something happened to the page or the network: look at once whether the connection lives. */
  #hurry() {
    if (this.state === "open") this.#check();
    else if (this.state === "waiting" && Date.now() - this.#attemptAt >= APART) this.#connect();
  }

  #listen() {
    const page = /** @type {any} */ (globalThis);
    if (this.#unlisten || typeof page.addEventListener !== "function") return;
    const hurry = () => {
      if (page.document?.visibilityState !== "hidden") this.#hurry();
    };
    /** @type {Array<[any, string, (event: any) => void]>} */
    const heard = [
      [page, "online", () => this.#hurry()],
      [page.document, "visibilitychange", hurry],
      [page.document, "resume", hurry],
      [page, "pagehide", ({ persisted }) => persisted && this.#rest()],
      [page, "pageshow", ({ persisted }) => persisted && this.#wake()],
    ];
    for (const [target, name, listener] of heard) target?.addEventListener(name, listener);
    this.#unlisten = () => {
      for (const [target, name, listener] of heard) target?.removeEventListener(name, listener);
    };
  }

  /** The page goes into the back/forward cache, which takes none with an open connection. */
  #rest() {
    const wasOpen = this.state === "open";
    this.#drop(1000);
    this.#turn += 1;
    this.nextAt = Infinity;
    this.#become("waiting");
    if (wasOpen) this.#watcher.lost();
  }

  #wake() {
    this.#since = Date.now();
    this.attempts = 0;
    if (this.state === "waiting") this.#connect();
  }
}
