// @ts-check
/** Upload what no message holds: to a link that the service signs, by which requests name it afterwards. */

import { ClientError } from "./errors.js";

/** @typedef {Blob | ArrayBuffer | ArrayBufferView | string | ReadableStream<Uint8Array> | Response} Content */
/**
 * @typedef {object} UploadOptions
 * @property {string} [type] what it is, such as "text/csv"; what the Blob says if there is none
 * @property {string} [action] the service's action that gives links
 * @property {(progress: import("./wire.js").Progress) => void} [onProgress] called with each percent; never goes back
 * @property {AbortSignal} [signal] stops it
 */

/** Pauses before further attempts, at most; each attempt has a link of its own. */
const PAUSES = [500, 1000, 2000, 4000];
/** How long nothing may move, and how long the service may take for a link. */
const STILL = 60_000;

/** An upload did not get to S3. */
export class UploadFailedError extends ClientError {
  static kind = "UploadFailedError";

  /**
   * @param {string} reason
   * @param {number | null} status S3's HTTP status; null: it gave none
   * @param {string | null} code S3's code of the error, such as "AccessDenied"; null: none that this page may read
   * @param {boolean} retryable whether it may go better another time; then it was tried several times already
   */
  constructor(reason, status, code, retryable) {
    super(`the upload failed: ${reason}`);
    this.status = status;
    this.code = code;
    this.retryable = retryable;
  }
}

/**
 * Upload something, and get the reference by which a request names it.
 *
 * Rejects with RequestFailedError when the service takes no such upload, with UploadFailedError when S3 refuses or does
 * not answer several times, with the signal's reason, and as `request`.
 *
 * @param {import("./client.js").StreamerClient<any, any>} client
 * @param {Content} content a stream of unknown length is read whole first: S3 wants to know how much comes
 * @param {UploadOptions} [options]
 * @returns {Promise<string>}
 */
export async function upload(client, content, { type, action = "upload", onProgress, signal } = {}) {
  const blob = await blobOf(content, signal).catch((error) => {
    signal?.throwIfAborted(); // browsers say that the stream failed
    throw error;
  });
  const wanted = { bytes: blob.size, content_type: type || blob.type || "application/octet-stream" };
  let told = 0;
  /** @param {number} sent @param {number} percentage */
  const tell = (sent, percentage) => {
    if (percentage < told + 1) return;
    told = percentage;
    const message = `${(sent / 1e6).toFixed(1)} of ${(blob.size / 1e6).toFixed(1)} MB`;
    onProgress?.({ percentage, message, metadata: null });
  };
  for (let attempt = 0; ; attempt++) {
    const link = await client.request(action, wanted, { resend: true, timeout: STILL, signal });
    if (!link?.url) throw new UploadFailedError("the service's action gave no link", null, null, false);
    const failed = await put(link, blob, (sent) => tell(sent, (98 * sent) / blob.size), signal);
    if (!failed) {
      tell(blob.size, 100);
      return link.upload;
    }
    if (!failed.retryable || attempt === PAUSES.length) throw failed;
    await pause(PAUSES[attempt] * (0.5 + Math.random() / 2), signal);
    signal?.throwIfAborted();
  }
}

/**
 * Over at once if a signal is aborted.
 *
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
const pause = (ms, signal) =>
  new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal?.addEventListener("abort", over);
  });

/**
 * @param {Content} content
 * @param {AbortSignal} [signal] ends the reading of a stream, and the stream
 */
async function blobOf(content, signal) {
  if (content instanceof Blob) return content;
  if (content instanceof Response) return content.blob();
  if (content instanceof ReadableStream) {
    return new Response(content.pipeThrough(new TransformStream(), { signal })).blob();
  }
  return new Blob([/** @type {BlobPart} */ (content)]);
}

/**
 * Why it failed; null: it did not.
 *
 * @param {{url: string, headers: Record<string, string>}} link
 * @param {Blob} blob
 * @param {(sent: number) => void} tell
 * @param {AbortSignal | undefined} signal
 */
async function put({ url, headers }, blob, tell, signal) {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const follow = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", follow);
  let still = setTimeout(() => stop.abort(), STILL);
  /** @param {number} sent */
  const moved = (sent) => {
    clearTimeout(still);
    still = setTimeout(() => stop.abort(), STILL);
    tell(sent);
  };
  try {
    // Only a page's own XMLHttpRequest tells how much is sent.
    const send = typeof XMLHttpRequest === "undefined" ? fetched : sentByPage;
    const [status, text] = await send(url, headers, blob, moved, stop.signal);
    return status >= 200 && status < 300 ? null : refusal(status, text);
  } catch (error) {
    signal?.throwIfAborted();
    const why = stop.signal.aborted ? `nothing moved for ${STILL / 1000} s` : "there was no answer";
    return Object.assign(new UploadFailedError(why, null, null, true), { cause: error });
  } finally {
    clearTimeout(still);
    signal?.removeEventListener("abort", follow);
  }
}

/**
 * @param {number} status
 * @param {string} text S3's
 */
function refusal(status, text) {
  const [code, message] = ["Code", "Message"].map((name) => text.split(`<${name}>`)[1]?.split("</")[0] ?? "");
  // A link that was too old when it was used is replaced by the next attempt's.
  const passes = status >= 500 || status === 408 || status === 429 || /expired/i.test(code + message);
  const words = ["S3 refused it: HTTP", status, code, message].filter(Boolean).join(" ");
  return new UploadFailedError(words, status, code || null, passes);
}

/**
 * @typedef {(
 *   url: string, headers: Record<string, string>, blob: Blob, moved: (sent: number) => void, signal: AbortSignal
 * ) => Promise<[number, string]>} Send
 */

/** @type {Send} */
const sentByPage = (url, headers, blob, moved, signal) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => moved(loaded);
    request.onload = () => resolve([request.status, request.responseText]);
    request.onerror = request.onabort = reject;
    signal.addEventListener("abort", () => request.abort());
    request.send(blob);
  });

/** @type {Send} */
async function fetched(url, headers, blob, moved, signal) {
  let sent = 0;
  const counted = new TransformStream({
    transform(piece, out) {
      out.enqueue(piece);
      moved((sent += piece.length));
    },
  });
  const stream = blob.stream().pipeThrough(counted);
  // S3 wants to know how much comes, which Deno says only of a Blob, whose stream it sends, and of nothing.
  const sized = "Deno" in globalThis ? Object.assign(blob.slice(), { stream: () => stream }) : stream;
  const told = { ...headers, "content-length": `${blob.size}` };
  const init = { method: "PUT", headers: told, body: blob.size ? sized : null, signal, duplex: "half" };
  const answer = await fetch(url, /** @type {RequestInit} */ (init));
  return [answer.status, await answer.text()];
}
