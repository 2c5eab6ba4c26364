// @ts-check
// One client of the page Send: who it is, its socket, its next message, and what was said.

import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { clock, counted, download, exact, newId, parsedOr } from "./format.js";
import { Status, useVoice, Value } from "./parts.js";
import { forgetMessage, identityText, messagesFile, nameMessage, readMessages, remember, rememberIdentity, saved } from "./saved.js";
import { example, Form } from "./schema.js";

const MOST_FRAMES = 500;
const FRAME_BYTES = 32_768;
const FINAL = new Set(["response", "complete", "cancelled", "error", "part"]);
/** @type {Record<string, any>} Payloads of what every App answers. */
const BUILT_IN = {
  ping: {},
  health: {},
  subscribe: { topic: "news" },
  unsubscribe: { topic: "news" },
  publish: { topic: "news", data: {} },
  status: { request_id: "{{last.request_id}}" },
  cancel: { request_id: "{{last.request_id}}" },
};

/** @typedef {import("./send.js").Draft} Draft */

/** @param {{draft: Draft, info: any, described: any, onClose: () => void}} props */
export function Session({ draft, info, described, onClose }) {
  const [who, setWho] = useState({ user: draft.user, tenant: draft.tenant, permissions: draft.permissions, claims: "", url: info.websocket_urls[0], offers: "", tokenIn: "subprotocol" });
  const [state, setState] = useState("closed");
  const [why, setWhy] = useState("");
  const [text, setText] = useState(draft.text);
  const [frames, setFrames] = useState(/** @type {any[]} */ ([]));
  const socket = useRef(/** @type {WebSocket | null} */ (null));
  const last = useRef(/** @type {any} */ (null));
  const note = (/** @type {any} */ frame) => setFrames((all) => [...all, { at: Date.now(), ...frame }].slice(-MOST_FRAMES));
  const heard = useRef(0);
  const got = useRef(0);
  useVoice(() => {
    const news = got.current - heard.current;
    heard.current = got.current;
    return news ? `${counted(news, "message")} for ${who.user}` : "";
  });
  const isRemoved = useRef(false);
  useEffect(() => () => {
    isRemoved.current = true;
    socket.current?.close();
  }, []);
  useEffect(() => {
    if (draft.given) setText(draft.text);
  }, [draft.given]);
  const connect = async () => {
    setWhy("");
    setState("connecting");
    try {
      const { url, offers } = await addressed(who, info);
      if (isRemoved.current) return;
      const opened = new WebSocket(url, offers);
      socket.current = opened;
      opened.onopen = () => setState("open");
      opened.onmessage = (event) => {
        const value = parsedOr(event.data);
        if (value && typeof value === "object") last.current = value;
        got.current += 1;
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
  const say = (/** @type {string} */ message) => {
    const full = filled(message, last.current);
    const size = new TextEncoder().encode(full).length;
    if (size > FRAME_BYTES) return void setWhy(`${size} bytes: a browser sends a message as one frame, of 32,768 bytes at most`);
    setWhy("");
    socket.current?.send(full);
    note({ kind: "sent", value: parsedOr(full) });
    return true;
  };
  const send = () => {
    if (say(text)) remember(text);
  };
  const isOpen = state === "open";
  return html`<section class="card session" aria-label=${`Client ${who.user}`}>
    <header class="title"><h2>${(info.mints && who.user) || "client"} <i>${info.mints ? who.tenant : ""}</i></h2><${Status} status=${isOpen ? "ok" : state === "connecting" ? "running" : ""} text=${state} /><span class="grow" />
      <button type="button" class="button small" onClick=${onClose}>Remove</button></header>
    <${Identity} who=${who} setWho=${setWho} info=${info} state=${state} toggle=${() => (isOpen ? socket.current?.close(1000) : connect())} />
    <${Compose} text=${text} setText=${setText} info=${info} described=${described} isOpen=${isOpen} send=${send} />
    ${why && html`<p class="why" role="alert">${why}</p>`}
    <${Running} frames=${frames} cancel=${(/** @type {string} */ id) => say(JSON.stringify({ action: "cancel", payload: { request_id: id } }))} isOpen=${isOpen} />
    <ol class="conversation">${[...frames].reverse().map((frame) => frame.kind === "event" ? html`<li key=${frame} class="event">${frame.value} <time title=${exact(frame.at)}>${clock(frame.at)}</time></li>` : html`<li key=${frame} class=${`bubble ${frame.kind} ${frame.value?.type === "error" ? "error" : ""}`}>
      <time title=${exact(frame.at)}>${clock(frame.at)}</time> ${frame.value?.type ?? frame.value?.action ?? ""}
      ${frame.value?.type === "progress" && html`<progress max="100" value=${frame.value.percentage} aria-label="progress" />`}<${Value} value=${frame.value} /></li>`)}</ol>
  </section>`;
}

/** Where to connect and what to offer, with a token that was made on the spot. @param {any} who @param {any} info */
async function addressed(who, info) {
  const offers = who.offers.split(/[\s,]+/).filter(Boolean);
  if (!info.mints || who.tokenIn === "nowhere") return { url: who.url, offers };
  const claims = who.claims.trim() ? JSON.parse(who.claims) : {};
  const permissions = who.permissions.split(/[\s,]+/).filter(Boolean);
  const { token } = await ask("tokens", { body: { user: who.user, tenant: who.tenant, permissions, claims } });
  rememberIdentity({ user: who.user, tenant: who.tenant, permissions: permissions.join(" "), claims: who.claims.trim() });
  if (who.tokenIn === "query") {
    const url = new URL(who.url);
    url.searchParams.set("Authorization", token);
    return { url: url.href, offers };
  }
  return { url: who.url, offers: [...new Set(["streamer.v1", ...offers]), `bearer.${token}`] };
}

/** Who connects, and how. @param {{who: any, setWho: (who: any) => void, info: any, state: string, toggle: () => void}} props */
function Identity({ who, setWho, info, state, toggle }) {
  const isClosed = state === "closed";
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ placeholder = "") => html`<label>${label}<input value=${who[name]} placeholder=${placeholder} disabled=${!isClosed} onInput=${(/** @type {any} */ event) => setWho({ ...who, [name]: event.target.value })} /></label>`;
  const known = saved().who;
  return html`<form class="fields" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); toggle(); }}>
    ${info.mints && html`${field("user", "User")}${field("tenant", "Tenant")}${field("permissions", "Permissions")}${field("claims", "Further claims, JSON", "{}")}`}
    <div class="whole">${field("url", "Address")}</div>
    <details class="more"><summary>More: ${info.mints ? "identities, token, " : ""}subprotocols</summary><div class="fields">
      ${info.mints && html`<label>As before<select disabled=${!isClosed || !known.length} onChange=${(/** @type {any} */ event) => event.target.value && setWho({ ...who, ...known[Number(event.target.value)] })}><option value="">${counted(known.length, "identity", "identities")}</option>${known.map((each, index) => html`<option key=${index} value=${String(index)}>${identityText(each)}</option>`)}</select></label>
        <label>Token goes into<select value=${who.tokenIn} disabled=${!isClosed} onChange=${(/** @type {any} */ event) => setWho({ ...who, tokenIn: event.target.value })}><option value="subprotocol">a subprotocol</option><option value="query">the address</option><option value="nowhere">nothing: none</option></select></label>`}
      ${field("offers", "Subprotocols")}</div>
      <p class="dim">A browser sets no headers for a WebSocket: a token travels as a subprotocol or in the address.</p></details>
    <button class="button" disabled=${state === "connecting"}>${state === "open" ? "Close" : "Connect"}</button>
  </form>`;
}

/** The next message: as a form of its action's schema, or as text. @param {{text: string, setText: (text: string) => void, info: any, described: any, isOpen: boolean, send: () => void}} props */
function Compose({ text, setText, info, described, isOpen, send }) {
  const [isText, setIsText] = useState(false);
  const [said, setSaid] = useState("");
  const [, setRound] = useState(0);
  const routes = info.topology.routes.filter((/** @type {any} */ each) => each.message);
  const names = described?.actions.map((/** @type {any} */ each) => each.name) ?? (info.is_app ? info.actions : routes.map((/** @type {any} */ each) => each.route));
  const message = parsedOr(text);
  const isObject = message !== null && typeof message === "object" && !Array.isArray(message);
  const offer = isObject ? described?.actions.find((/** @type {any} */ each) => each.name === message.action) : undefined;
  const isForm = Boolean(offer?.payload) && !isText;
  const change = (/** @type {any} */ changes) => setText(JSON.stringify({ ...message, ...changes }, null, 2));
  const choose = (/** @type {string} */ name) => {
    if (!info.is_app) return setText(JSON.stringify(routes.find((/** @type {any} */ each) => each.route === name).message, null, 2));
    const found = described?.actions.find((/** @type {any} */ each) => each.name === name);
    const payload = BUILT_IN[name] ?? found?.examples[0] ?? (found?.payload ? example(found.payload, described.schemas) : {});
    setText(JSON.stringify({ action: name, id: "{{uuid}}", payload }, null, 2));
  };
  const act = (/** @type {() => string} */ what) => {
    try {
      setSaid(what());
    } catch (error) {
      setSaid(String(/** @type {Error} */ (error).message));
    }
    setRound((before) => before + 1);
  };
  const { history, messages } = saved();
  const wrong = flaw(text);
  return html`<form onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); if (isOpen) send(); }}>
    <div class="title"><label class="inline">Action <select value=${isObject ? message.action : ""} onChange=${(/** @type {any} */ event) => event.target.value && choose(event.target.value)}>
        <option value="">choose …</option>${names.map((/** @type {string} */ name) => html`<option key=${name} value=${name}>${name}</option>`)}
        ${info.is_app && html`<optgroup label="of every App">${Object.keys(BUILT_IN).map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</optgroup>`}</select></label>
      ${offer?.payload && html`<span class="chips" role="toolbar" aria-label="How to write it"><button type="button" class="chip" aria-pressed=${isForm} onClick=${() => setIsText(false)}>Form</button><button type="button" class="chip" aria-pressed=${!isForm} onClick=${() => setIsText(true)}>Text</button></span>`}
      <span class="grow" />
      <label class="inline">Sent <select value="" onChange=${(/** @type {any} */ event) => event.target.value && setText(event.target.value)}><option value="">${counted(history.length, "message")}</option>${history.map((each) => html`<option value=${each}>${each.replace(/\s+/g, " ").slice(0, 60)}</option>`)}</select></label></div>
    ${isForm
      ? html`<div class="form"><label>id<input value=${message.id ?? ""} placeholder="made by the service" onInput=${(/** @type {any} */ event) => change({ id: event.target.value || undefined })} /></label>
          <${Form} key=${offer.name} schema=${offer.payload} schemas=${described.schemas} value=${message.payload} change=${(/** @type {any} */ payload) => change({ payload })} /></div>`
      : html`<textarea aria-label="Message" rows="7" spellcheck="false" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)}
          onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && isOpen && send()} />`}
    <div class="title"><span class="dim grow">${wrong ? html`<span class="why">${wrong}</span>` : html`<code>{{uuid}}</code> and <code>{{last.field}}</code> are filled in${isForm ? "" : "; Ctrl-Enter sends"}`}</span>
      <button class="button primary" disabled=${!isOpen} title=${isOpen ? "" : "Connect first"}>Send</button></div>
    <details class="more"><summary>Saved messages <span class="count">${messages.length}</span></summary>
      <div class="chips">${messages.map((each) => html`<span class="chip" key=${each.name}><button type="button" class="link" title=${each.text} onClick=${() => setText(each.text)}>${each.name}</button><button type="button" class="link" aria-label=${`Forget ${each.name}`} onClick=${() => act(() => { forgetMessage(each.name); return "forgotten"; })}>✕</button></span>`)}</div>
      <div class="actions"><${Name} save=${(/** @type {string} */ name) => act(() => { nameMessage({ name, text }); return `saved as ${name}`; })} />
        <button type="button" class="button small" disabled=${!messages.length} onClick=${() => download("messages.json", messagesFile())}>Export</button>
        <label class="button small">Import<input class="unseen" type="file" accept="application/json" aria-label="Import saved messages" onChange=${async (/** @type {any} */ event) => { const content = await event.target.files[0].text(); act(() => `${counted(readMessages(content), "message")} read`); }} /></label>
        <span class="dim" role="status">${said}</span></div></details>
  </form>`;
}

/** @param {{save: (name: string) => void}} props */
function Name({ save }) {
  const [name, setName] = useState("");
  const keep = () => {
    if (name.trim()) save(name.trim());
    setName("");
  };
  return html`<label class="inline">Name <input value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter") { event.preventDefault(); keep(); } }} /></label>
    <button type="button" class="button small" disabled=${!name.trim()} onClick=${keep}>Save this one</button>`;
}

/** Requests that are not over. @param {{frames: any[], cancel: (id: string) => void, isOpen: boolean}} props */
function Running({ frames, cancel, isOpen }) {
  /** @type {Map<string, any>} */
  const running = new Map();
  for (const { kind, value } of frames) {
    const id = kind === "got" ? value?.request_id : null;
    if (!id) continue;
    if (FINAL.has(value.type)) running.delete(id);
    else if (value.type === "progress") running.set(id, value);
    else if (value.type === "acknowledgment" && !running.has(id)) running.set(id, value);
  }
  return [...running].map(([id, value]) => html`<div class="progress running" key=${id}><progress max="100" value=${value.percentage ?? 0} aria-label=${`progress of ${id}`} /><span>${Math.round(value.percentage ?? 0)} %</span><span class="dim grow">${value.message ?? ""} ${id}</span>
    <button type="button" class="button small danger" disabled=${!isOpen} onClick=${() => cancel(id)}>Cancel</button></div>`);
}

/** @param {string} text @param {any} last */
export function filled(text, last) {
  return text.replaceAll("{{uuid}}", newId).replace(/("?)\{\{last\.([\w.]+)\}\}\1/g, (whole, quote, path) => {
    let value = last;
    for (const name of path.split(".")) value = value?.[name];
    const said = JSON.stringify(value) ?? whole;
    return quote ? said : said.replace(/^"|"$/g, "");
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
