// @ts-check
// The records that the page knows, and who wants to hear of new ones.

import { ask, pause, Refused, seen } from "./api.js";

/** @typedef {Record<string, any> & {number: number, sequence: number, kind: string, at: number, status?: string}} Told */

const MOST = 20_000;
const FIRST = 2000;
const BETWEEN_MS = 100;
/** After an answer that was full: nobody reads faster, and telling costs the emulator time. */
const BUSY_MS = 700;
const MOST_AT_ONCE = 500;
const AGAIN_MS = 1500;
const NEAR = 50;
/** What a client is told of a request before it is over. */
const GOES_ON = new Set(["acknowledgment", "progress", "retrying"]);
/** What the processor's log says of a request that is over, and how its client is told if it is there. @type {Map<string, string>} */
const ENDS = new Map([["COMPLETED", "complete"], ["FAILED", "error"], ["CANCELLED", "cancelled"]]);
/** Where a condition does not hold: an answer that whoever sets one asks for. */
const CONDITION = "ConditionalCheckFailedException";
/** Kinds that have a row of their own in Live; the others belong to a message. */
const ROWS = new Set(["opening", "message", "closed", "batch", "note"]);

class Store {
  /** @type {Map<number, Told>} */
  records = new Map();
  /** @type {Told[]} Oldest first. */
  rows = [];
  /** @type {Map<string, Told>} Runs by the gateway's request id. */
  runs = new Map();
  /** @type {Map<string, Told[]>} Calls by the root of their trace. */
  calls = new Map();
  /** @type {Map<string, Told>} The last frame about a request, by connection and the client's id. */
  frames = new Map();
  /** @type {Set<string>} Invocations that another function asked for; they belong to its message. */
  invoked = new Set();
  missed = 0;
  /** When it was noticed that the emulator was started anew; 0: it was not. */
  anewAt = 0;
  state = "connecting";
  why = "";
  boot = "";
  /** @type {any} */
  info = null;
  version = 0;
  next = 0;
  /** @type {{number: number, name: string} | null} A recording that is read instead of what happens. */
  recording = null;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #isScheduled = false;
  #gone = 0;
  /** Ends the question that waits for news, when something else is to be read. */
  #waiting = new AbortController();

  /** @param {() => void} listener */
  listen(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #changed() {
    this.version += 1;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      for (const listener of this.#listeners) listener();
    });
  }

  /** @param {string} state @param {string} [why] */
  #become(state, why = "") {
    if (this.state === state && this.why === why) return;
    this.state = state;
    this.why = why;
    this.#changed();
  }

  /** Begin anew: another run of the emulator, or everything was forgotten. */
  reset() {
    this.records.clear();
    this.rows = [];
    this.runs.clear();
    this.calls.clear();
    this.frames.clear();
    this.invoked.clear();
    this.missed = 0;
    this.#changed();
  }

  /** @param {Told[]} events */
  add(events) {
    for (const record of events) {
      if (record.kind === "call" && record.lambda_request && record.function) this.invoked.add(record.lambda_request);
      if (record.kind === "call" && record.connection && record.request) {
        // What reached nobody, as after another run for a client that is gone, is not what it was told.
        const name = `${record.connection}/${record.request}`;
        const last = this.frames.get(name);
        if (last?.type !== "cancelled" && (record.http_status < 400 || !last)) this.frames.set(name, record);
      }
      if (record.ended) this.#over(record.ended);
      const known = this.records.get(record.number);
      this.records.set(record.number, record);
      if (isRow(record, this.invoked) && !this.#isSaid(record)) {
        if (known) this.rows[this.#index(record.number)] = record;
        else this.#insert(record);
      }
      if (record.kind === "run" && record.gateway_request) this.runs.set(record.gateway_request, record);
      if (record.kind === "call" && record.root && !known) {
        const others = this.calls.get(record.root);
        if (others) others.push(record);
        else this.calls.set(record.root, [record]);
      }
    }
    if (events.length) this.#changed();
  }

  /** A request is over whose client may be gone, and was not told. @param {Record<string, any>} said */
  #over({ connection_id: connection, request_id: request, status }) {
    const name = `${connection}/${request}`;
    const last = this.frames.get(name);
    const type = ENDS.get(status);
    if (type && GOES_ON.has(last?.type)) this.frames.set(name, { .../** @type {Told} */ (last), type });
  }

  /** @param {number} number */
  #index(number) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle].number < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {Told} record */
  #insert(record) {
    const last = this.rows[this.rows.length - 1];
    if (!last || last.number < record.number) this.rows.push(record);
    else this.rows.splice(this.#index(record.number), 0, record);
  }

  /** Whether the row of a message says what a note says. @param {Told} record */
  #isSaid(record) {
    if (record.kind !== "note" || !record.connection) return false;
    return this.rows.slice(-NEAR).some((row) => row.kind === "message" && row.connection === record.connection && row.why === record.text);
  }

  /** Let go of what the emulator keeps no more; after a clear, of another tab perhaps, that is all. @param {number} gone */
  forget(gone) {
    if (gone === this.#gone) return;
    this.#gone = gone;
    for (const record of this.records.values()) {
      if (record.sequence > gone) continue;
      this.records.delete(record.number);
      if (record.gateway_request) this.runs.delete(record.gateway_request);
      if (record.root) this.calls.delete(record.root);
      if (record.lambda_request) this.invoked.delete(record.lambda_request);
      if (record.request) this.frames.delete(`${record.connection}/${record.request}`);
    }
    this.rows = this.rows.filter((record) => this.records.has(record.number));
    this.#changed();
  }

  /** A question about records, to what is read now. @param {string} path */
  about(path) {
    return this.recording ? `${path}${path.includes("?") ? "&" : "?"}recording=${this.recording.number}` : path;
  }

  /** Read a recording. @param {File} file */
  async open(file) {
    const { recording: number } = await ask("recordings", { body: JSON.parse(await file.text()) });
    const page = await ask(`events?recording=${number}&limit=${MOST}`);
    this.recording = { number, name: file.name };
    this.#waiting.abort();
    this.reset();
    this.add(page.events);
  }

  /** Go on with what happens. */
  close() {
    this.recording = null;
    this.next = 0;
    this.boot = "";
    this.#waiting.abort();
    this.reset();
  }

  /** Ask for ever. */
  async follow() {
    for (;;) {
      await seen();
      if (this.recording) {
        await pause(BETWEEN_MS);
        continue;
      }
      this.#waiting = new AbortController();
      try {
        if (!this.info) this.info = await ask("info");
        const query = this.next ? `after=${this.next}&wait=20&limit=${MOST_AT_ONCE}` : `limit=${FIRST}`;
        const page = await ask(`events?${query}`, { signal: this.#waiting.signal });
        if (this.#waiting.signal.aborted) continue;
        if (page.boot !== this.boot) {
          if (this.boot) {
            this.info = await ask("info"); // pages have one all the time: what is typed into them stays
            this.reset();
            this.next = 0;
            this.anewAt = Date.now();
          }
          const isFirst = !this.boot;
          this.boot = page.boot;
          if (!isFirst) continue;
        }
        if (this.next) this.missed += page.missed;
        this.next = page.next;
        this.forget(page.gone);
        this.add(page.events);
        this.#become("live");
        await pause(page.events.length < MOST_AT_ONCE ? BETWEEN_MS : BUSY_MS);
      } catch (error) {
        if (this.#waiting.signal.aborted) continue;
        if (error instanceof Refused && error.status === 401) return this.#become("refused", error.message);
        this.#become("gone", error instanceof Refused ? error.message : "");
        await pause(AGAIN_MS);
      }
    }
  }
}

/** @param {Told} record @param {Set<string>} invoked */
function isRow(record, invoked) {
  if (record.kind !== "run") return ROWS.has(record.kind);
  // Those of a message, a stream or a queue belong to rows of their own.
  if (["gateway", "stream", "queue"].includes(record.source)) return false;
  return record.source !== "invoke" || !invoked.has(record.lambda_request);
}

export const store = new Store();

/** @param {Told} call */
function isWrong(call) {
  return call.status === "error" && (call.type === "error" || call.http_status >= 400) && !call.why?.startsWith(CONDITION);
}

/** What a message's function and its frames add to what is known of it. @param {Told} record */
export function summary(record) {
  const run = record.gateway_request ? store.runs.get(record.gateway_request) : record.kind === "run" ? record : undefined;
  const calls = run?.root ? (store.calls.get(run.root) ?? []) : [];
  const last = record.kind === "message" ? store.frames.get(`${record.connection}/${record.request}`) : undefined;
  // Whatever an action met on its way, what its client was told in the end is what became of it.
  const isAnswered = last && last.type !== "error" && !GOES_ON.has(last.type);
  const wrong = isAnswered ? undefined : calls.find(isWrong);
  let status = record.status ?? "ok";
  if (status === "ok" && (wrong || last?.type === "error")) status = "error";
  if (status === "ok" && GOES_ON.has(last?.type)) status = "running";
  return { run, status, why: record.why || run?.why || wrong?.why || (status === "error" && last?.why) || "" };
}
