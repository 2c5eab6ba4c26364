// @ts-check
// The functions of the service: what they are, how they did, their environments over time, and another run of one.

import { html, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { age, clock, counted, duration, exact, parsed, short } from "./format.js";
import { Detail, Empty, Facts, LineText, Status, Table, usePolled, useStore } from "./parts.js";

const EDITED = "edited";
const STATES = ["initializing", "running", "idle", "frozen"];

/** @param {{selected: string | null, go: (path: string) => void}} props */
export function Functions({ selected, go }) {
  const { found, wrong } = usePolled("functions");
  if (!found) return html`<section class="page" aria-busy=${!wrong} aria-label="Functions"><h1>Functions</h1>${wrong && html`<p class="why" role="alert">${wrong}</p>`}</section>`;
  return html`<div class=${`panes ${selected ? "split" : ""}`}>
    <section class="page" aria-label="Functions"><h1>Functions</h1>
      <${Table} caption="Of the invocations that are kept" columns=${COLUMNS} rows=${found.functions} id=${(/** @type {any} */ one) => one.name} selected=${selected} choose=${(/** @type {any} */ one) => go(`/functions/${encodeURIComponent(one.name)}`)} />
      ${found.functions.every((/** @type {any} */ one) => !one.runs) && html`<p class="dim">None has run yet. Send a message, or open one here and run it with an event.</p>`}
    </section>
    ${selected && html`<${One} key=${selected} name=${selected} go=${go} />`}
  </div>`;
}

const COLUMNS = [
  ["name", (/** @type {any} */ one) => html`<span class="action" title=${one.name}>${short(one.name)}</span>`],
  ["code", (/** @type {any} */ one) => html`<code>${one.code}</code>`, "wide"],
  ["memory", (/** @type {any} */ one) => html`${one.memory_mb ?? "–"} <i>of ${one.memory_limit_mb} MB</i>`, "right wide"],
  ["runs", (/** @type {any} */ one) => one.runs, "right"],
  ["errors", (/** @type {any} */ one) => (one.errors ? html`<${Status} status="error" text=${String(one.errors)} />` : "0"), "right"],
  ["cold", (/** @type {any} */ one) => one.cold_starts, "right"],
  ["now", (/** @type {any} */ one) => html`<span class="dim">${statesText(one.states)}</span>`, "wide"],
  ["p50", (/** @type {any} */ one) => duration(one.p50) || "–", "right"],
  ["p95", (/** @type {any} */ one) => duration(one.p95) || "–", "right"],
];

/** How many environments do what, as "1 running, 2 frozen". @param {Record<string, number>} now */
function statesText(now) {
  return STATES.filter((state) => now[state]).map((state) => `${now[state]} ${state}`).join(", ") || "–";
}

/** @param {{name: string, go: (path: string) => void}} props */
function One({ name, go }) {
  const { found: one, wrong, again } = usePolled(`functions/${encodeURIComponent(name)}`);
  const store = useStore();
  const back = () => go("/functions");
  if (!one) return html`<${Detail} label="Function" title=${name} back=${back}>${wrong && html`<${Empty} title="There is no such function"><p>${wrong}</p><a class="button" href="#/functions">All functions</a><//>`}<//>`;
  return html`<${Detail} label="Function" title=${html`<span title=${one.name}>${short(one.name)}</span> <i>${one.handler}</i>`} back=${back}>
    ${one.unavailable && html`<p class="missed" role="status">It cannot run here: ${one.unavailable}</p>`}
    <dl class="figures">${figures(one).map(([label, value, style = ""]) => html`<div key=${label} class=${style}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
    <${Facts} facts=${[
      ["code", html`<code>${one.code}</code>`],
      ["runs by", one.runtime],
      ["time limit", `${one.timeout_seconds} s`],
      ["routes", one.routes.join(", ")],
      ["reads", short(one.reads.join(", "))],
      ["schedules", one.schedules.join(", ")],
    ]} />
    <${Lanes} one=${one} go=${go} />
    <${Run} one=${one} go=${go} again=${again} />
    ${one.environment.length > 0 && html`<section class="part"><header><h3>Variables</h3><span class="dim">names; values are not told</span></header>
      <div class="words">${one.environment.map((/** @type {any} */ each) => html`<span key=${each.name} class=${`word ${each.is_secret ? "hidden" : ""}`}>${each.name}</span>`)}</div></section>`}
    <${Log} name=${name} store=${store} memory=${one.memory_limit_mb} />
  <//>`;
}

const LINES = 200;
const WEIGHT = { FATAL: 3, PLATFORM: 0, TRACE: 0, DEBUG: 0, INFO: 1, WARNING: 2, WARN: 2, ERROR: 3, CRITICAL: 3 };
const FROM = [["0", "everything"], ["1", "without START and REPORT"], ["2", "warnings"], ["3", "errors"]];

/** What Lambda itself writes about an invocation. @param {any} run @param {number} memory */
function platform(run, memory) {
  const line = { kind: "log", function: run.function, lambda_request: run.lambda_request, level: "PLATFORM", status: "" };
  const init = run.init_ms === null ? "" : `, init ${duration(run.init_ms)}`;
  const report = `REPORT ${duration(run.ms)}, billed ${Math.ceil(run.ms)} ms, ${run.memory_mb ?? "–"} of ${memory} MB${init}`;
  const event = (/** @type {string} */ name, /** @type {any} */ rest) => ({ ...line, number: `${run.number} ${name}`, at: run.at, ...rest });
  return [event("report", { status: run.status === "error" ? "error" : "", message: report }), event("end", { message: "END" }), event("start", { at: run.at - run.ms, message: `START by ${run.source}` })];
}

/** @param {{name: string, store: any, memory: number}} props */
function Log({ name, store, memory }) {
  const [from, setFrom] = useState("1");
  const [words, setWords] = useState("");
  const own = [...store.records.values()].filter((record) => record.function === name && (record.kind === "log" ? record.level !== "METRIC" : record.kind === "run" && from === "0"));
  const every = own.flatMap((record) => (record.kind === "run" ? platform(record, memory) : [record])).sort((a, b) => b.at - a.at);
  const wanted = words.toLowerCase();
  const lines = every.filter((line) => (/** @type {Record<string, number>} */ (WEIGHT)[line.level] ?? 1) >= Number(from) && `${line.message} ${line.lambda_request ?? ""}`.toLowerCase().includes(wanted)).slice(0, LINES);
  return html`<section class="part" aria-label="Log"><header><h3>Log</h3><span class="title"><label class="inline">show <select value=${from} onChange=${(/** @type {any} */ event) => setFrom(event.target.value)}>${FROM.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}</select></label>
      <label class="inline"><input type="search" placeholder="with these words" aria-label="Words in the log" value=${words} onInput=${(/** @type {any} */ event) => setWords(event.target.value)} /></label></span></header>
    ${lines.length ? html`<ol class="lines">${lines.map((line) => html`<li key=${line.number} class=${line.status}><time title=${exact(line.at)}>${clock(line.at)}</time><b>${line.level === "PLATFORM" ? "" : line.level}</b><span class="dim">${line.lambda_request?.slice(0, 8) ?? ""}</span><${LineText} line=${line} /></li>`)}</ol>` : html`<p class="dim">${every.length ? "No line is like that." : "It has logged nothing that is kept."}</p>`}</section>`;
}

/** @param {any} one */
function figures(one) {
  return [
    ["runs", one.runs],
    ["errors", one.errors, one.errors ? "error" : ""],
    ["cold starts", one.cold_starts],
    ["init p50", duration(one.init_p50) || "–"],
    ["p50", duration(one.p50) || "–"],
    ["p95", duration(one.p95) || "–"],
    ["p99", duration(one.p99) || "–"],
    ["waited p95", duration(one.waited_p95) || "–"],
    ["at once", one.concurrency === null ? one.at_once : `${one.at_once} of ${one.concurrency}`],
    ["throttles", one.throttles, one.throttles ? "error" : ""],
    ["memory, MB", `${one.memory_mb ?? "–"} of ${one.memory_limit_mb}`],
  ];
}

/** Environments over the last minutes: alive, starting, at work. @param {{one: any, go: (path: string) => void}} props */
function Lanes({ one, go }) {
  const { begin, now, lanes } = one;
  // From the first thing that is known, so that what has just begun is not a speck at the end.
  const first = Math.min(now - 10_000, ...lanes.flatMap((/** @type {any} */ lane) => [lane.started ?? now, ...lane.runs.map((/** @type {any} */ run) => run.begin - (run.init_ms ?? 0))]));
  const from = Math.max(begin, first);
  const at = (/** @type {number} */ moment) => Math.max(0, Math.min(100, ((moment - from) / (now - from)) * 100));
  const span = (/** @type {number} */ a, /** @type {number} */ b) => ({ left: `${at(a)}%`, width: `${Math.max(0, at(b) - at(a))}%` });
  return html`<section class="part" aria-label="Environments"><header><h3>Environments</h3><span class="legend lane-legend"><span class="cold"><i />cold start</span><span class="ran"><i />work</span><span class="failed"><i />failure</span><span class="frozen"><i />frozen</span></span></header>
    ${lanes.length ? html`<div class="lanes"><div class="head-line"><span>${duration(now - from)} ago</span><span>now</span></div>
      ${lanes.map((/** @type {any} */ lane) => html`<div class="lane" key=${`${lane.environment}/${lane.started}/${lane.pid}`} title=${lane.pid ? `process ${lane.pid}` : ""}><span>#${lane.environment}</span><span class="line">
        ${lane.started && html`<i class="life" style=${span(lane.started, lane.ended ?? now)} />`}
        ${lane.frozen.map((/** @type {any} */ part) => html`<i class="ice" style=${span(part.begin, part.end)} title=${`frozen for ${duration(part.end - part.begin)}`} />`)}
        ${lane.running && html`<i class="ran now" style=${span(lane.running, now)} title=${`runs since ${clock(lane.running)}`} />`}
        ${lane.runs.map((/** @type {any} */ run) => html`${run.init_ms && html`<i class="cold" style=${span(run.begin - run.init_ms, run.begin)} title=${`cold start ${duration(run.init_ms)}`} />`}
          <i class=${`ran ${run.status}`} style=${span(run.begin, run.end)} title=${`${clock(run.begin)}, ${duration(run.end - run.begin)}`} onClick=${() => go(`/messages/${run.number}`)} />`)}</span><span class="doing" title=${doing(lane)}>${doing(lane)}</span></div>`)}</div>` : html`<p class="dim">None that is known of in the last 5 minutes.</p>`}</section>`;
}

/** What an environment does now, or why it does nothing any more. @param {any} lane */
function doing(lane) {
  if (lane.state === "ended") return lane.why ? `${lane.end}: ${lane.why}` : lane.end || "ended";
  return lane.state ? `${lane.state} ${age(lane.seconds)}` : "";
}

/** @param {{one: any, go: (path: string) => void, again: () => void}} props */
function Run({ one, go, again }) {
  const [chosen, setChosen] = useState(one.events[0]?.name ?? "");
  const [text, setText] = useState(() => JSON.stringify(one.events[0]?.event ?? {}, null, 2));
  const [wrong, setWrong] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [isEvent, setEvent] = useState(false);
  const choose = (/** @type {string} */ name) => {
    setChosen(name);
    const found = one.events.find((/** @type {any} */ each) => each.name === name);
    if (found) setText(JSON.stringify(found.event, null, 2));
  };
  const act = async (/** @type {() => Promise<any>} */ what) => {
    setBusy(true);
    setWrong("");
    try {
      const answer = await what();
      if (answer.number) go(`/messages/${answer.number}`);
    } catch (error) {
      setWrong(String(/** @type {Error} */ (error).message));
    }
    setBusy(false);
    again();
  };
  const path = `functions/${encodeURIComponent(one.name)}`;
  const run = () => act(async () => {
    const found = one.events.find((/** @type {any} */ each) => each.name === chosen);
    // As it was, with the secrets that are not shown here.
    if (found?.number && !isEvent) return ask("replays", { body: { event: found.number } });
    return ask(`${path}/invoke`, { body: { event: parsed(text), type: isEvent ? "Event" : "RequestResponse", of: one.events[0]?.number ?? 0 } });
  });
  return html`<section class="part" aria-label="Run it"><header><h3>Run it</h3>
      <label class="inline">event <select value=${chosen} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>${one.events.map((/** @type {any} */ each) => html`<option key=${each.name} value=${each.name}>${each.name}</option>`)}<option value=${EDITED}>edited</option></select></label></header>
    <textarea aria-label="Event" rows="8" spellcheck="false" value=${text} onInput=${(/** @type {any} */ event) => { setText(event.target.value); setChosen(EDITED); }} />
    <div class="actions after"><button type="button" class="button primary" disabled=${isBusy} onClick=${run}>Run</button>
      <label class="inline" title="As Lambda's asynchronous invocation: with retries, and its destination in the end"><input type="checkbox" checked=${isEvent} onChange=${() => setEvent(!isEvent)} />asynchronously</label>
      <button type="button" class="button" disabled=${isBusy} onClick=${() => act(() => ask(`${path}/retire`, { body: {} }))}>Make the next one cold</button>
      <span class="dim">${isBusy ? "running …" : one.events[0]?.number ? `the last one is run with its secrets` : `${counted(one.events.length, "sample")}`}</span></div>
    ${wrong && html`<p class="why" role="alert">${wrong}</p>`}</section>`;
}
