// @ts-check
/** The wire protocol (docs/protocol.md): what is sent and received, without any I/O. */

import { GatewayError, PayloadTooLargeError, RequestCancelledError, RequestFailedError } from "./errors.js";

/** @typedef {{type: string, request_id?: string | null, [field: string]: any}} Event a message as it came */
/** @typedef {{percentage: number, message: string, metadata: any}} Progress 0 to 100, never going back */
/**
 * `timestamp` in Unix seconds; `missed`: how many before this one were dropped because the reader was too slow.
 *
 * @template [Data=any]
 * @typedef {{topic: string | null, data: Data, timestamp: number, missed: number}} TopicMessage
 */

/** Largest frame that API Gateway takes, and browsers send a message as one frame. */
export const FRAME_BYTES = 32 * 1024;
/** Largest message in frames. */
export const MESSAGE_BYTES = 128 * 1024;
const JOINED_CHARACTERS = 512 * 1024;
const JOINED_AT_ONCE = 8;
const PARTS = 64;
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const FINAL = new Set(["response", "complete", "cancelled", "error", "pong"]);

/**
 * A message that asks for an action.
 *
 * @param {string} action
 * @param {string} id
 * @param {unknown} payload
 * @param {unknown} metadata
 * @param {number} limitBytes
 */
export function envelope(action, id, payload, metadata, limitBytes) {
  checkId(id);
  if (action === "keep-alive") throw new TypeError("keep-alive has no answer to wait for");
  const text = JSON.stringify({ action, id, payload, metadata });
  // A UTF-16 unit takes at most three bytes, so most messages need no encoding to be known to fit.
  if (text.length * 3 > limitBytes) {
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > limitBytes) throw new PayloadTooLargeError(bytes, limitBytes);
  }
  return text;
}

/** @param {string} id */
export function checkId(id) {
  if (!REQUEST_ID.test(id)) {
    throw new TypeError(`${JSON.stringify(id)} is no request id: 1 to 128 letters, digits, ".", "_", ":" and "-"`);
  }
}

/** A new request id; also where `crypto.randomUUID` is not allowed, as on pages without TLS. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * A message of the service, API Gateway's own complaint, or null for what is neither.
 *
 * @param {unknown} text
 * @returns {Event | GatewayError | null}
 */
export function parse(text) {
  let content;
  try {
    content = JSON.parse(String(text));
  } catch {
    return null;
  }
  if (typeof content?.type === "string") return content;
  // API Gateway's frames have no type; their ids are its own, not the client's.
  if (typeof content?.message === "string" && "connectionId" in content) {
    return new GatewayError(content.message, content.requestId ?? content.messageId ?? null);
  }
  return null;
}

/**
 * A timer, also for `Infinity`: whatever a timer cannot hold, it would take for one millisecond.
 *
 * @param {() => void} act
 * @param {number} ms
 * @returns {any}
 */
export const after = (act, ms) => setTimeout(act, Math.min(ms, 2 ** 31 - 1));

/** @param {Event} event */
export const isFinal = (event) => FINAL.has(event.type);

/**
 * @param {Event} event
 * @returns {Progress}
 */
export function progressOf(event) {
  const { percentage, message, metadata } = event;
  return { percentage: typeof percentage === "number" ? percentage : 0, message: message ?? "", metadata: metadata ?? null };
}

/**
 * The error that a final event stands for; null: it is a success.
 *
 * @param {Event} event
 */
export function failureOf(event) {
  const id = event.request_id ?? null;
  if (event.type === "cancelled") return new RequestCancelledError(id, event.reason ?? "");
  if (event.type !== "error") return null;
  const { code, message, details, retryable } = event.error ?? {};
  return new RequestFailedError(
    code ?? "INTERNAL_ERROR",
    message ?? "the service gave no reason",
    id,
    details,
    retryable === true,
  );
}

/**
 * The data or result of a final event; throws the failure that it stands for.
 *
 * @param {Event} event
 */
export function resultOf(event) {
  const failure = failureOf(event);
  if (failure) throw failure;
  return (event.type === "complete" ? event.result : event.data) ?? null;
}

/** Joins messages that came in parts, in any order and repeated or not, within bounds; for one connection. */
export class Joiner {
  /** @type {Map<string, Map<number, string>>} */
  #joining = new Map();

  /**
   * The text of the message when its last part came, else null.
   *
   * @param {Event} part
   */
  add({ part_of: name, index, count, text }) {
    if (!(index >= 0 && index < count && count <= PARTS && typeof text === "string")) return null;
    const texts = this.#joining.get(name) ?? new Map();
    this.#joining.set(name, texts);
    const [oldest] = this.#joining.keys();
    if (this.#joining.size > JOINED_AT_ONCE) this.#joining.delete(oldest);
    texts.set(index, text);
    let whole = "";
    for (const each of texts.values()) whole += each;
    const isOver = whole.length > JOINED_CHARACTERS;
    if (!isOver && texts.size < count) return null;
    this.#joining.delete(name);
    return isOver ? null : Array.from({ length: count }, (_, number) => texts.get(number)).join("");
  }
}
