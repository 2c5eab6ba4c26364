// @ts-check
// Words and numbers for people.

/** @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  const seconds = Math.round(ms / 1000);
  if (ms >= 59_950) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (ms >= 999.5) return `${(ms / 1000).toFixed(ms >= 10_000 ? 1 : 2)} s`;
  return ms >= 100 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** @param {number} at */
export function clock(at) {
  const date = new Date(at);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** @param {number} at */
export function exact(at) {
  return new Date(at).toISOString();
}

/** @param {number} seconds */
export function age(seconds) {
  if (seconds < 59.5) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.floor((seconds + 0.5) / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** A time beside now; its title should have the exact one. @param {number} at */
export function ago(at) {
  const seconds = (at - Date.now()) / 1000;
  return seconds > 0 ? `in ${age(seconds)}` : `${age(-seconds)} ago`;
}

/** @param {number} count */
export function bytes(count) {
  if (count < 1024) return `${count} B`;
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} KB` : `${(count / 1024 / 1024).toFixed(1)} MB`;
}

/** @param {unknown} value */
export function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** JSON whose numbers stay as they were written, where the browser can. @param {string} text @returns {any} */
export function parsed(text) {
  return JSON.parse(text, kept);
}

/** @type {any} */
const RAW = JSON;
const digits = (/** @type {string} */ text) => text.replace(/e.*/i, "").replace(/[-.]/g, "").replace(/^0+|0+$/g, "");

/** @param {string} _name @param {any} value @param {{source: string}} [context] */
function kept(_name, value, context) {
  const isChanged = typeof value === "number" && context && RAW.rawJSON && digits(context.source) !== digits(String(value));
  return isChanged ? RAW.rawJSON(context.source) : value;
}

/** A number as it was written; undefined: JavaScript has it. @param {any} value @returns {string | undefined} */
export function rawNumber(value) {
  return RAW.isRawJSON?.(value) ? value.rawJSON : undefined;
}

/** @param {string} text @param {any} [otherwise] */
export function parsedOr(text, otherwise = text) {
  try {
    return parsed(text);
  } catch {
    return otherwise;
  }
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** A new UUID, also where browsers make none: under a name without TLS. */
export function newId() {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})/, "$1-$2-4$3-a$4-");
}

/** A user and a tenant, or a connection, in as few words as possible. @param {any} record */
export function whose(record) {
  return record.user || (record.connection ? `${record.connection.slice(0, 8)}…` : "");
}

/** Let the browser keep a text as a file. @param {string} name @param {string} text */
export function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Names that CloudFormation gives, as a template has them: "shop-Pack-OHYN097V8AGE" is Pack. @param {string | null | undefined} text */
export function short(text) {
  return (text ?? "").replace(/\b[A-Za-z]\w*(?:-\w+)*?-([A-Za-z]\w*)-[A-Z0-9]{12}\b/g, "$1");
}
