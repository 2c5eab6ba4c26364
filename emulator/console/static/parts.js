// @ts-check
// Small things that several pages are made of.

import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { ask, Refused } from "./api.js";
import { asText, counted, rawNumber } from "./format.js";
import { store } from "./store.js";

const PATHS = {
  live: "M2 8h3l2-5 3 10 2-5h2",
  message: "M2 4h12v7H7l-3 3v-3H2z",
  connections: "M6 8a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM15 8a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM6 8h4",
  send: "M2 8 14 3l-4 11-3-5zM7 9l7-6",
  requests: "M3 2h10v4H3zM3 10h10v4H3zM6 6v4M10 6v4",
  tables: "M2 3h12v10H2zM2 6.5h12M6 6.5V13",
  streams: "M2 5c2-2 4-2 6 0s4 2 6 0M2 11c2-2 4-2 6 0s4 2 6 0",
  functions: "M3 13 8 3l5 10M5 9h6",
  metrics: "M2 14V9M6 14V5M10 14V8M14 14V2",
  api: "M5 3 1.5 8 5 13M11 3l3.5 5L11 13M9 2 7 14",
  about: "M8 7v4M8 4.6v.4M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z",
  opening: "M3 8h8M8 5l3 3-3 3M13.5 3v10",
  closed: "M4 4l8 8M12 4l-8 8",
  batch: "M2 4h12M2 8h12M2 12h8",
  run: "M5 3l7 5-7 5z",
  note: "M8 3v6M8 12v.4",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5 14 14",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M5 3l7 5-7 5z",
  theme: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  back: "M10 3 5 8l5 5",
};

/** @param {{name: string}} props */
export function Icon({ name }) {
  const path = /** @type {Record<string, string>} */ (PATHS)[name] ?? PATHS.note;
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${path} /></svg>`;
}

const SPEAK_MS = 5000;
/** @type {Set<() => string>} What there is to say now, in words; empty: nothing. */
const tellers = new Set();

/** Lets a page say what is new, when it is its turn. @param {() => string} tell */
export function useVoice(tell) {
  const latest = useRef(tell);
  latest.current = tell;
  useEffect(() => {
    const speak = () => latest.current();
    tellers.add(speak);
    return () => void tellers.delete(speak);
  }, []);
}

/** The one place that is read aloud, now and then. */
export function Voice() {
  const [text, setText] = useState("");
  useEffect(() => {
    const timer = setInterval(() => setText([...tellers].map((tell) => tell()).filter(Boolean).join("; ")), SPEAK_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<p class="unseen" aria-live="polite">${text}</p>`;
}

/** Draws anew whenever something is new. */
export function useStore() {
  const [, setVersion] = useState(0);
  useEffect(() => store.listen(() => setVersion(store.version)), []);
  return store;
}

/** What is answered to a question, asked again and again while the page can be seen; `again` asks at once.
 * @param {string | null} path @param {number} [everyMs] @param {any} [body] @returns {{found: any, wrong: string, again: () => void}} */
export function usePolled(path, everyMs = 1500, body = undefined) {
  const question = path === null ? null : `${path} ${body === undefined ? "" : JSON.stringify(body)}`;
  const [answer, setAnswer] = useState({ question: /** @type {string | null} */ (null), found: /** @type {any} */ (null), wrong: "" });
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (path === null) return undefined;
    let isOver = false;
    let isAsking = false;
    const load = async () => {
      if (document.hidden || isAsking) return;
      isAsking = true;
      try {
        const found = await ask(path, { body });
        if (!isOver) setAnswer({ question, found, wrong: "" });
      } catch (error) {
        const wrong = String(/** @type {Error} */ (error).message);
        // What is refused is not there any more; what was lost on the way may be.
        if (!isOver) setAnswer((before) => ({ question, found: before.question === question && !(error instanceof Refused) ? before.found : null, wrong }));
      } finally {
        isAsking = false;
      }
    };
    load();
    const timer = setInterval(load, everyMs);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [question, round, store.boot]);
  const isCurrent = answer.question === question;
  return { found: isCurrent ? answer.found : null, wrong: isCurrent ? answer.wrong : "", again: () => setRound((before) => before + 1) };
}

/** Rows to choose from, by mouse and by keys. @param {{caption: string, columns: any[], rows: any[], id: (row: any) => string, selected?: string | null, choose?: (row: any) => void}} props */
export function Table({ caption, columns, rows, id, selected = null, choose }) {
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const key = (/** @type {KeyboardEvent} */ event, /** @type {number} */ index) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === "Enter" && choose) choose(rows[index]);
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key] ?? 0;
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    /** @type {HTMLElement | undefined} */ (body.current?.children[index + step])?.focus();
  };
  // Without rows to choose, keys scroll the region itself.
  const region = choose ? {} : { tabIndex: 0, role: "group", "aria-label": caption };
  return html`<div class="scroll" ...${region}><table class="table"><caption>${caption} <span class="count">${rows.length}</span></caption>
    <thead><tr>${columns.map(([name, , style = ""]) => html`<th scope="col" class=${style}>${name}</th>`)}</tr></thead>
    <tbody ref=${body} class=${choose ? "" : "still"}>${rows.map((row, index) => html`<tr key=${id(row)} class=${id(row) === selected ? "selected" : ""} aria-current=${id(row) === selected ? "true" : undefined} tabIndex=${choose ? 0 : undefined}
      onClick=${choose && (() => choose(row))} onKeyDown=${choose && ((/** @type {KeyboardEvent} */ event) => key(event, index))}>
      ${columns.map(([, cell, style = ""]) => html`<td class=${style}>${cell(row)}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** What stands beside a list. @param {{label: string, title: any, back: () => void, children?: any}} props */
export function Detail({ label, title, back, children }) {
  return html`<aside class="detail" aria-label=${label}><header class="head">
    <button type="button" class="button icon-only" aria-label="Back to the list" title="Back (Escape)" onClick=${back}><${Icon} name="back" /></button><h2>${title}</h2></header>${children}</aside>`;
}

/** Names and values; what is empty is left out. @param {{facts: [string, any][]}} props */
export function Facts({ facts }) {
  const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return html`<dl class="facts">${known.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {{status: string, text?: string}} props */
export function Status({ status, text }) {
  return html`<span class=${`status ${status}`}>${text ?? status}</span>`;
}

/** @param {{text: string | (() => string), label?: string}} props */
export function Copy({ text, label = "Copy" }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    const isDone = await copied(typeof text === "function" ? text() : text);
    setSaid(isDone ? "Copied" : "Not copied");
    setTimeout(() => setSaid(""), 1200);
  };
  return html`<button type="button" class="button small" onClick=${copy}>${said || label}</button>`;
}

/** Whether a text is in the clipboard now. @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Under a name without TLS.
    const [area, before] = [document.createElement("textarea"), document.activeElement];
    area.value = text;
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    /** @type {HTMLElement | null} */ (before)?.focus();
    return isDone;
  }
}

/** @param {{title: string, children?: any}} props */
export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2><div>${children}</div></div>`;
}

/** A JSON value, its parts to be folded. @param {{value: any, name?: string, depth?: number, open?: number}} props */
export function Json({ value, name, depth = 0, open = 2 }) {
  const [isOpen, setOpen] = useState(depth < open);
  const label = name === undefined ? "" : html`<span class="key">${name}</span>: `;
  const isNumber = rawNumber(value) !== undefined;
  if (value === null || typeof value !== "object" || isNumber) {
    const kind = value === null ? "null" : isNumber ? "number" : typeof value;
    return html`<div class="json leaf">${label}<span class=${kind}>${JSON.stringify(value)}</span></div>`;
  }
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  if (!entries.length) return html`<div class="json leaf">${label}${isList ? "[]" : "{}"}</div>`;
  const size = counted(entries.length, isList ? "item" : "member");
  return html`<div class="json">
    <button type="button" class="fold" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <span class="caret">${isOpen ? "▾" : "▸"}</span>${label}${isOpen ? (isList ? "[" : "{") : html`<span class="dim">${size}</span>`}
    </button>
    ${isOpen && html`<div class="nested">
      ${entries.map(([key, each]) => html`<${Json} key=${key} name=${isList ? undefined : key} value=${each} depth=${depth + 1} open=${open} />`)}
    </div><div class="end">${isList ? "]" : "}"}</div>`}
  </div>`;
}

/** A value as JSON to be folded, or as text. @param {{value: any}} props */
export function Value({ value }) {
  if (value === "" || value === undefined) return html`<p class="dim">Nothing.</p>`;
  if (value !== null && typeof value === "object") return html`<div class="value"><${Json} value=${value} /></div>`;
  return html`<pre class="value">${asText(value)}</pre>`;
}

/** What a function wrote; of an error with its stack trace the sentence, then own code, then the rest. @param {{line: any}} props */
export function LineText({ line: { fault, message } }) {
  if (!fault) return html`<span>${message}</span>`;
  const calls = [...fault.frames].reverse();
  const lines = (/** @type {boolean} */ own) => calls.filter((call) => call.own === own).map((call) => html`<div>${call.file}:${call.line} ${call.code}</div>`);
  return html`<span>${fault.sentence}${lines(true)}${calls.some((call) => !call.own) && html`<details><summary>library code</summary>${lines(false)}</details>`}</span>`;
}

/** Tabs with keys. @param {{tabs: {name: string, count?: number, body: () => any}[], label: string}} props */
export function Tabs({ tabs, label }) {
  const [chosen, setChosen] = useState(0);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const index = Math.min(chosen, tabs.length - 1);
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const next = (index + step + tabs.length) % tabs.length;
    setChosen(next);
    /** @type {HTMLElement} */ (list.current?.children[next])?.focus();
  };
  return html`<div class="tabs">
    <div role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>
      ${tabs.map((tab, number) => html`<button type="button" role="tab" aria-selected=${number === index} tabIndex=${number === index ? 0 : -1}
        onClick=${() => setChosen(number)}>${tab.name}${tab.count !== undefined && html`<span class="count">${tab.count}</span>`}</button>`)}
    </div>
    <div role="tabpanel" aria-label=${tabs[index]?.name} tabIndex="0">${tabs[index]?.body()}</div>
  </div>`;
}
