// @ts-check
// One message, or another row of Live: what became of it, its waterfall, and everything that is known of its parts.

import { html, useEffect, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { asText, bytes, clock, counted, duration, exact, newId, parsed, short } from "./format.js";
import { Copy, Detail, Empty, Facts, LineText, Status, Tabs, Value } from "./parts.js";
import { store } from "./store.js";
import { Waterfall } from "./waterfall.js";

const FOLLOW_MS = 700;
const GONE = "It ran, but so much has happened since that its record is not kept any more.";

/** @param {{number: string, onClose: () => void, go: (path: string, query?: URLSearchParams) => void}} props */
export function Message({ number, onClose, go }) {
  const [trace, setTrace] = useState(/** @type {any} */ (null));
  const [record, setRecord] = useState(/** @type {any} */ (null));
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    let isOver = false;
    let seen = -1;
    // One question at a time: of two, the answer to the first may come last, and be shown for good.
    let isAsking = false;
    const load = async () => {
      const now = store.recording ? -store.recording.number - 1 : store.next;
      if (isOver || isAsking || seen === now) return;
      seen = now;
      isAsking = true;
      try {
        const found = await ask(store.about(`traces/${encodeURIComponent(number)}`));
        if (isOver) return;
        setTrace(found);
        setWrong("");
      } catch (error) {
        if (!isOver) setWrong(String(/** @type {Error} */ (error).message));
      } finally {
        isAsking = false;
      }
    };
    setTrace(null);
    setRecord(null);
    setWrong("");
    load();
    // Whatever follows from it comes later: look again while something is new.
    const timer = setInterval(load, FOLLOW_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [number]);
  const select = async (/** @type {number} */ chosen) => setRecord(record?.number === chosen ? null : await ask(store.about(`events/${chosen}`)).catch((error) => ({ number: chosen, kind: error.message })));
  if (wrong && !trace) return html`<${Detail} label="Detail" title="Not kept any more" back=${onClose}><${Empty} title="It is gone"><p>${wrong}</p><a class="button" href="#/live">What is kept</a><//><//>`;
  if (!trace) return html`<${Detail} label="Detail" title="…" back=${onClose}><p aria-busy="true" /><//>`;
  return html`<${Detail} label="Detail" title=${title(trace.origin)} back=${onClose}>
    <div class=${`verdict ${trace.status}`}><${Status} status=${trace.status} /><p title=${trace.verdict}>${short(trace.verdict)}</p></div>
    <${Facts} facts=${known(trace)} />
    <${Faults} faults=${trace.faults} />
    <${Waterfall} spans=${trace.spans} selected=${record?.number ?? null} onSelect=${select} />
    ${record && html`<section class="part" aria-label="Selected step">
      <header><h3>${record.kind} ${record.number}</h3><${Copy} text=${JSON.stringify(record, null, 2)} label="Copy as JSON" /></header><${Value} value=${record} /></section>`}
    <${Tabs} key=${number} label="Parts" tabs=${parts(trace, go)} />
    ${!store.recording && html`<${Again} trace=${trace} go=${go} />`}
    <footer class="actions">${copies(trace)}</footer>
  <//>`;
}

/** Repeats what was, and shows what comes of it. @param {{trace: any, go: (path: string, query?: URLSearchParams) => void}} props */
function Again({ trace, go }) {
  const { origin, runs } = trace;
  const [wrong, setWrong] = useState("");
  const [isEdited, setEdited] = useState(false);
  const [text, setText] = useState("");
  const repeat = async (/** @type {any} */ body) => {
    setWrong("");
    try {
      const { number } = await ask("replays", { body });
      setEdited(false);
      if (number === null) return setWrong(GONE);
      go(`/messages/${number}`);
    } catch (error) {
      setWrong(String(/** @type {Error} */ (error).message));
    }
  };
  const isMessage = origin.kind === "message";
  // A service answers an id that it knows with what came of it: to run it anew, it needs another one.
  const renewed = isMessage && origin.request && typeof origin.text === "object" ? () => pretty({ ...origin.text, id: newId() }) : null;
  const elsewhere = () => go("/send", new URLSearchParams({ user: origin.user ?? "", tenant: origin.tenant ?? "", text: pretty(origin.text) }));
  return html`<div class="actions">
      ${isMessage && html`<button type="button" class="button primary" onClick=${() => repeat({ event: origin.number })}>Send again</button>
        ${renewed && html`<button type="button" class="button" onClick=${() => repeat({ event: origin.number, text: renewed() })}>Send with a new id</button>`}
        <button type="button" class="button" onClick=${() => { setText(pretty(origin.text)); setEdited(!isEdited); }}>Edit and send</button>
        <button type="button" class="button" onClick=${elsewhere}>Send as a new client</button>`}
      ${runs.map((/** @type {any} */ run) => html`<button type="button" class="button" key=${run.number} onClick=${() => repeat({ event: run.number })}>Run ${short(run.function)} again</button>`)}
    </div>
    ${wrong && html`<p class="why" role="alert">${wrong}</p>`}
    ${isEdited && html`<form class="part" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); repeat({ event: origin.number, text }); }}>
      <textarea aria-label="Message" rows="8" spellcheck="false" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
      <button class="button primary">Send</button></form>`}`;
}

/** @param {any} value */
function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** @param {any} origin */
function title(origin) {
  if (origin.kind === "message") return origin.action ?? origin.route ?? "message";
  if (origin.kind === "run") return short(origin.function);
  return { opening: "connection opened", closed: "connection closed", batch: "stream batch" }[/** @type {"batch"} */ (origin.kind)] ?? origin.kind;
}

/** @param {{origin: any, cause: any}} trace @returns {[string, any][]} */
function known({ origin, cause }) {
  return [
    ["at", html`<time title=${exact(origin.at)}>${clock(origin.at)}</time>`],
    ["who", origin.user && `${origin.user}${origin.tenant ? ` of ${origin.tenant}` : ""}`],
    ["connection", origin.connection && html`<a href=${`#/connections/${encodeURIComponent(origin.connection)}`}>${origin.connection}</a>`],
    ["id", origin.request],
    ["route", origin.route && html`${origin.route} → <a href=${`#/functions/${encodeURIComponent(origin.function)}`}>${short(origin.function)}</a>`],
    ["sent by", origin.ours && "the console"],
    ["from", origin.peer],
    ["code", origin.code && `${origin.code}${origin.reason ? ` ${origin.reason}` : ""}`],
    ["source", short(origin.source)],
    ["because of", cause && html`<a href=${`#/messages/${cause.number}`}>${title(cause)}${cause.request ? ` ${cause.request}` : ""}</a>`],
    ["size", origin.bytes !== undefined && bytes(origin.bytes)],
  ];
}

/** @param {{faults: Record<string, any>}} props */
function Faults({ faults }) {
  return Object.entries(faults).map(([request, fault], index, all) => html`<section class="fault" key=${request} aria-label=${all.length > 1 ? `Error ${index + 1}` : "Error"}>
    <h3>${fault.type}${fault.message && html`: <span>${fault.message}</span>`}</h3>
    <ol>${[...fault.frames].reverse().filter((frame, index) => frame.own || index === 0).map((frame) => html`<li class=${frame.own ? "own" : ""}>
      <span>${frame.file}:${frame.line} <i>in ${frame.name}</i></span>${frame.code && html`<code>${frame.code}</code>`}</li>`)}</ol>
    ${fault.frames.some((/** @type {any} */ frame) => !frame.own) && html`<details><summary>${counted(fault.frames.length, "call")} in all</summary>
      <ol>${[...fault.frames].reverse().map((frame) => html`<li class=${frame.own ? "own" : ""}><span>${frame.file}:${frame.line} <i>in ${frame.name}</i></span></li>`)}</ol></details>`}
  </section>`);
}

/** The event that a function got, and another run of it with a changed one. @param {{run: any, go: (path: string) => void}} props */
function EventOf({ run, go }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState("");
  const again = async () => {
    try {
      const { number } = await ask("replays", { body: { event: run.number, json: parsed(text) } });
      if (number === null) return setWrong(GONE);
      go(`/messages/${number}`);
    } catch (error) {
      setWrong(String(/** @type {Error} */ (error).message));
    }
  };
  const edit = () => setText(text ? "" : JSON.stringify(run.event, null, 2));
  return html`<h4 class="with-action">Event ${!store.recording && html`<button type="button" class="link" aria-expanded=${Boolean(text)} onClick=${edit}>${text ? "as it was" : "edit and run"}</button>`}</h4>
    ${text ? html`<textarea aria-label="Event" rows="12" spellcheck="false" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
      <div class="actions after"><button type="button" class="button primary small" onClick=${again}>Run ${short(run.function)}</button>${wrong && html`<span class="why" role="alert">${wrong}</span>`}</div>` : html`<${Value} value=${run.event} />`}`;
}

/** @param {any} trace @param {(path: string) => void} go */
function parts(trace, go) {
  const { origin, runs, logs, calls } = trace;
  const frames = calls.filter((/** @type {any} */ call) => call.service === "@connections" && call.operation === "POST");
  const others = calls.filter((/** @type {any} */ call) => !frames.includes(call));
  const lines = logs.filter((/** @type {any} */ line) => line.level !== "METRIC");
  const sent = origin.sent ?? [];
  return [
    { name: origin.kind === "message" ? "Message" : "Record", body: () => html`<${Value} value=${origin.kind === "message" ? origin.text : origin} />` },
    { name: "Frames", count: frames.length + sent.length, body: () => html`${sent.map((/** @type {any} */ text) => html`<section class="part"><header><h3>by the gateway itself</h3></header><${Value} value=${text} /></section>`)}
      ${frames.map((/** @type {any} */ call) => html`<section class="part" key=${call.number}><header><h3>${call.type ?? "frame"} <i>to ${call.user || call.target}</i></h3><span class="dim">+${duration(call.at - origin.at)}</span></header><${Value} value=${call.text} /></section>`)}
      ${!frames.length && !sent.length && html`<p class="dim">Nothing was sent to a client.</p>`}` },
    { name: "Functions", count: runs.length, body: () => runs.length ? runs.map((/** @type {any} */ run) => html`<section class="part" key=${run.number}>
      <header><h3>${short(run.function)}#${run.environment} <i>by ${run.source}</i></h3><span class="dim">${duration(run.ms)}${run.init_ms === null ? "" : `, cold start ${duration(run.init_ms)}`}${run.memory_mb ? `, ${run.memory_mb} MB` : ""}</span></header>
      <${EventOf} run=${run} go=${go} /><h4>${run.status === "error" ? "Error" : "Result"}</h4><${Value} value=${run.result} /></section>`) : html`<p class="dim">No function ran.</p>` },
    { name: "Logs", count: lines.length, body: () => lines.length ? html`<ol class="lines">${lines.map((/** @type {any} */ line) => html`<li key=${line.number} class=${line.status}>
      <time title=${exact(line.at)}>+${duration(Math.max(0, line.at - origin.at))}</time><b>${line.level}</b><span class="dim" title=${line.function}>${short(line.function)}</span><${LineText} line=${line} /></li>`)}</ol>` : html`<p class="dim">No function logged anything.</p>` },
    { name: "Calls", count: others.length, body: () => others.length ? others.map((/** @type {any} */ call) => html`<section class="part" key=${call.number}>
      <header><h3>${call.operation} <i>${short(call.target)}</i></h3><${Status} status=${call.status} text=${`${call.http_status}, ${duration(call.ms)}`} /></header>
      ${call.why && html`<p class="why">${call.why}</p>`}<h4>Request</h4><${Value} value=${call.text} /><h4>Answer</h4><${Value} value=${call.answer} /></section>`) : html`<p class="dim">Its functions called nothing.</p>` },
  ];
}

/** @param {any} trace */
function copies(trace) {
  const { origin } = trace;
  const all = html`<${Copy} label="Copy trace as JSON" text=${() => JSON.stringify(trace, null, 2)} />`;
  if (origin.kind !== "message") return all;
  const payload = origin.text?.payload;
  const text = asText(origin.text);
  return html`${origin.action && html`<${Copy} label="Copy as streamer call" text=${command(origin, payload)} />
    <${Copy} label="Copy as pytest test" text=${pytest(origin, payload)} />`}
    <${Copy} label="Copy as JavaScript" text=${`socket.send(${JSON.stringify(text)});`} />${all}`;
}

/** For a shell, which takes each word as it is. @param {any} origin @param {any} payload */
export function command({ action, user, tenant }, payload) {
  const who = [["--user", user], ["--tenant", tenant]].filter(([, name]) => name).flat();
  const quoted = (/** @type {string} */ word) => (/^[\w@.:/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  return ["streamer", "call", action, JSON.stringify(payload ?? null), ...who].map(quoted).join(" ");
}

/** @param {any} origin @param {any} payload */
export function pytest(origin, payload) {
  const name = String(origin.action).replace(/\W+/g, "_");
  const words = { true: "True", false: "False", null: "None" };
  const python = JSON.stringify(payload ?? null, null, 4).replace(/"(?:[^"\\]|\\.)*"|true|false|null/g, (found) => words[/** @type {"true"} */ (found)] ?? found).replaceAll("\n", "\n        ");
  return `def test_${name}(streamer):\n    with streamer.connect(${JSON.stringify(origin.user || "ada")}, ${JSON.stringify(origin.tenant || "acme")}) as client:\n        result = client.request(${JSON.stringify(origin.action)}, ${python})\n\n    assert result is not None\n`;
}
