// @ts-check
// Clients side by side, each a real WebSocket of this browser through the gateway.

import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { clock, counted, exact } from "./format.js";
import { Empty, Status, useStore, Value } from "./parts.js";

const SAVED = "streamer-send";
const MOST_FRAMES = 500;
const FRAME_BYTES = 32_768;

/** @typedef {{key: number, user: string, tenant: string, permissions: string, text: string, given?: number}} Draft */

/** Drafts and history, kept in this browser; never a token. */
function saved() {
  try {
    return /** @type {{history: string[], who: string[]}} */ ({ history: [], who: [], ...JSON.parse(localStorage.getItem(SAVED) ?? "{}") });
  } catch {
    return { history: /** @type {string[]} */ ([]), who: /** @type {string[]} */ ([]) };
  }
}

/** @param {string} text */
function remember(text) {
  const now = saved();
  const history = [text, ...now.history.filter((each) => each !== text)].slice(0, 50);
  localStorage.setItem(SAVED, JSON.stringify({ ...now, history }));
}

/** @param {{query: URLSearchParams}} props */
export function Send({ query }) {
  const { info } = useStore();
  const [drafts, setDrafts] = useState(/** @type {Draft[]} */ ([]));
  const made = useRef(0);
  const add = () => {
    made.current += 1;
    const who = info?.identity ?? { user: "ada", tenant: "acme", permissions: [] };
    const text = query.get("text") ?? example(info);
    setDrafts((all) => [...all, { key: made.current, user: query.get("user") || who.user, tenant: query.get("tenant") || who.tenant, permissions: who.permissions.join(" "), text }]);
  };
  useEffect(() => {
    if (info && !made.current) add();
  }, [info]);
  const wanted = query.get("text");
  const isForOther = Boolean(query.get("user"));
  useEffect(() => {
    // Its clients stay while other pages are shown: the last one gets the text, unless it is somebody else's.
    if (!wanted || !drafts.length) return;
    if (isForOther) add();
    else setDrafts((all) => all.map((each, index) => (index === all.length - 1 ? { ...each, text: wanted, given: (each.given ?? 0) + 1 } : each)));
  }, [query.toString()]);
  if (!info) return html`<section class="page" aria-busy="true" aria-label="Send"><h1>Send</h1></section>`;
  return html`<section class="page" aria-label="Send">
    <div class="title"><h1>Send</h1><span class="grow" /><button type="button" class="button" onClick=${add}>Another client</button></div>
    ${!info.mints && html`<p class="missed">No token can be made here: ${info.why_no_tokens}. A client connects without one, or with what you put into its address.</p>`}
    ${!drafts.length && html`<${Empty} title="No clients"><p>Each is a WebSocket of this browser, through the gateway.</p><//>`}
    <div class="sessions">${drafts.map((draft) => html`<${Session} key=${draft.key} draft=${draft} info=${info} onClose=${() => setDrafts((all) => all.filter((each) => each.key !== draft.key))} />`)}</div>
  </section>`;
}

/** @param {any} info */
function example(info) {
  const action = info?.actions?.[0] ?? "ping";
  return info?.is_app ? JSON.stringify({ action, id: "{{uuid}}", payload: {} }, null, 2) : '{"action": "hello"}';
}

/** @param {{draft: Draft, info: any, onClose: () => void}} props */
function Session({ draft, info, onClose }) {
  const [who, setWho] = useState({ user: draft.user, tenant: draft.tenant, permissions: draft.permissions, url: info.websocket_urls[0] });
  const [state, setState] = useState("closed");
  const [why, setWhy] = useState("");
  const [text, setText] = useState(draft.text);
  const [frames, setFrames] = useState(/** @type {any[]} */ ([]));
  const socket = useRef(/** @type {WebSocket | null} */ (null));
  const last = useRef(/** @type {any} */ (null));
  const note = (/** @type {any} */ frame) => setFrames((all) => [...all, { at: Date.now(), ...frame }].slice(-MOST_FRAMES));
  useEffect(() => () => socket.current?.close(), []);
  useEffect(() => {
    if (draft.given) setText(draft.text);
  }, [draft.given]);
  const connect = async () => {
    setWhy("");
    setState("connecting");
    try {
      const offers = [];
      if (info.mints) {
        const { token } = await ask("tokens", { body: { user: who.user, tenant: who.tenant, permissions: who.permissions.split(/[\s,]+/).filter(Boolean) } });
        offers.push("streamer.v1", `bearer.${token}`);
      }
      const opened = new WebSocket(who.url, offers);
      socket.current = opened;
      opened.onopen = () => setState("open");
      opened.onmessage = (event) => {
        const value = parsed(event.data);
        if (value && typeof value === "object") last.current = value;
        note({ kind: "got", value });
      };
      opened.onclose = (event) => {
        setState("closed");
        note({ kind: "event", value: `closed with ${event.code}${event.reason ? ` ${event.reason}` : ""}` });
      };
      opened.onerror = () => setWhy("refused, or nobody answers: Live tells more");
    } catch (error) {
      setState("closed");
      setWhy(String(/** @type {Error} */ (error).message));
    }
  };
  const send = () => {
    const full = filled(text, last.current);
    const size = new TextEncoder().encode(full).length;
    if (size > FRAME_BYTES) return setWhy(`${size} bytes: a browser sends a message as one frame, of 32,768 bytes at most`);
    setWhy("");
    remember(text);
    socket.current?.send(full);
    note({ kind: "sent", value: parsed(full) });
  };
  const field = (/** @type {"user" | "tenant" | "permissions" | "url"} */ name, /** @type {string} */ label) => html`<label>${label}<input value=${who[name]} disabled=${state !== "closed"} onInput=${(/** @type {any} */ event) => setWho({ ...who, [name]: event.target.value })} /></label>`;
  const wrong = flaw(text);
  const isOpen = state === "open";
  return html`<section class="card session" aria-label=${`Client ${who.user}`}>
    <header class="title"><h2>${who.user || "client"} <i>${who.tenant}</i></h2><${Status} status=${isOpen ? "ok" : state === "connecting" ? "running" : ""} text=${state} /><span class="grow" />
      <button type="button" class="button small" onClick=${() => { socket.current?.close(); onClose(); }}>Remove</button></header>
    <form class="fields" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); if (isOpen) socket.current?.close(1000); else connect(); }}>
      ${info.mints && html`${field("user", "User")}${field("tenant", "Tenant")}${field("permissions", "Permissions")}`}${field("url", "Address")}
      <button class="button" disabled=${state === "connecting"}>${isOpen ? "Close" : "Connect"}</button>
    </form>
    <form onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); send(); }}>
      <div class="title"><label class="grow">Action <select onChange=${(/** @type {any} */ event) => event.target.value && setText(JSON.stringify({ action: event.target.value, id: "{{uuid}}", payload: {} }, null, 2))}>
        <option value="">choose …</option>${["ping", ...info.actions].map((name) => html`<option value=${name}>${name}</option>`)}</select></label>
        <label>History <select onChange=${(/** @type {any} */ event) => event.target.value && setText(event.target.value)}><option value="">${counted(saved().history.length, "message")}</option>${saved().history.map((each) => html`<option value=${each}>${each.replace(/\s+/g, " ").slice(0, 60)}</option>`)}</select></label></div>
      <textarea aria-label="Message" rows="7" spellcheck="false" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && isOpen && send()} />
      <div class="title"><span class="dim grow">${wrong ? html`<span class="why">${wrong}</span>` : html`<code>{{uuid}}</code> and <code>{{last.field}}</code> are filled in; Ctrl-Enter sends`}</span>
        <button class="button primary" disabled=${!isOpen}>Send</button></div>
    </form>
    ${why && html`<p class="why" role="alert">${why}</p>`}
    <ol class="conversation" aria-live="polite">${[...frames].reverse().map((frame) => frame.kind === "event" ? html`<li class="event">${frame.value} <time title=${exact(frame.at)}>${clock(frame.at)}</time></li>` : html`<li class=${`bubble ${frame.kind} ${frame.value?.type === "error" ? "error" : ""}`}>
      <time title=${exact(frame.at)}>${clock(frame.at)}</time> ${frame.value?.type ?? frame.value?.action ?? ""}
      ${frame.value?.type === "progress" && html`<progress max="100" value=${frame.value.percentage} aria-label="progress" />`}<${Value} value=${frame.value} /></li>`)}</ol>
  </section>`;
}

/** @param {string} text @param {any} last */
export function filled(text, last) {
  return text.replaceAll("{{uuid}}", () => crypto.randomUUID()).replace(/\{\{last\.([\w.]+)\}\}/g, (whole, path) => {
    let value = last;
    for (const name of path.split(".")) value = value?.[name];
    return value === undefined ? whole : typeof value === "string" ? value : JSON.stringify(value);
  });
}

/** Where a text that begins as JSON stops being some. @param {string} text */
function flaw(text) {
  if (!/^\s*[{[]/.test(text)) return "";
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return String(/** @type {Error} */ (error).message).replace("JSON.parse: ", "");
  }
}

/** @param {any} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
