// @ts-check
// The console's HTTP interface: the token, questions, and the long poll.

import { parsed } from "./format.js";

const KEY = "streamer-console-token";
const API = "api/";

/** Take the token out of the address, so that it is in no history and no picture of the screen; whether it is another one. */
export function takeToken() {
  const found = /[#&]token=([\w-]+)/.exec(location.hash);
  if (!found) return false;
  const isOther = sessionStorage.getItem(KEY) !== found[1];
  setToken(found[1]);
  const rest = location.hash.replace(found[0], "");
  history.replaceState(null, "", `${location.pathname}${rest && rest !== "#" ? `#${rest.replace(/^#/, "")}` : ""}`);
  return isOther;
}

/** @param {string} token */
export function setToken(token) {
  sessionStorage.setItem(KEY, token);
}

export function hasToken() {
  return sessionStorage.getItem(KEY) !== null;
}

export class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {string} path @param {{body?: unknown, signal?: AbortSignal}} [options] @returns {Promise<any>} */
export async function ask(path, { body, signal } = {}) {
  const headers = { authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ""}` };
  const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  if (body !== undefined) Object.assign(headers, { "content-type": "application/json" });
  const answer = await fetch(API + path, { headers, signal, cache: "no-store", credentials: "omit", ...post }).catch((error) => {
    throw signal?.aborted ? error : new Error("the emulator does not answer");
  });
  // A list of records is long, and has clients' numbers in texts alone.
  const content = path.startsWith("events?") ? await answer.json() : parsed(await answer.text());
  if (!answer.ok) throw new Refused(answer.status, content.message ?? `HTTP ${answer.status}`);
  return content;
}

/** @param {Record<string, string | number | undefined>} query @returns {string} With its question mark, or nothing. */
export function said(query) {
  const words = Object.entries(query).filter(([, value]) => value !== undefined && value !== "").map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return words.length ? `?${words.join("&")}` : "";
}

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves at once while the page can be seen, else when it is seen again. */
export function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}
