// @ts-check
// Open and closed connections, and the conversation of one.

import { html, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { age, ago, bytes, clock, counted, duration, exact, parsedOr, whose } from "./format.js";
import { Detail, Empty, Facts, Status, Table, useStore, usePolled, Value } from "./parts.js";

const AGAIN_MS = 1000;
/** More take seconds to draw. */
const MOST = 200;

/** @param {{selected: string | null, go: (path: string) => void}} props */
export function Connections({ selected, go }) {
  const store = useStore();
  const { found, wrong } = usePolled("connections", AGAIN_MS);
  const table = { selected, id: (/** @type {any} */ one) => one.connection, choose: (/** @type {any} */ one) => go(`/connections/${encodeURIComponent(one.connection)}`) };
  if (!found) return html`<section class="page" aria-busy=${!wrong} aria-label="Connections"><h1>Connections</h1>${wrong && html`<p class="why" role="alert">${wrong}</p>`}</section>`;
  const all = [...found.open, ...found.closed];
  const one = all.find((each) => each.connection === selected);
  return html`<div class=${`panes ${selected ? "split" : ""}`}>
    <section class="page" aria-label="Connections">
      <h1>Connections <span class="count">${found.open.length} open</span></h1>
      ${!all.length && html`<${Empty} title="No connections yet"><p>Connect a client:</p><pre class="value">wscat -c '${store.info?.websocket_urls?.[0] ?? "ws://…"}'</pre><//>`}
      ${found.open.length > 0 && html`<${Table} caption="Open" rows=${found.open} ...${table} columns=${open(found)} />`}
      ${found.closed.length > 0 && html`<${Table} caption="Closed" rows=${found.closed} ...${table} columns=${CLOSED} />`}
    </section>
    ${selected && html`<${Detail} label="Connection" title=${html`${one?.user || "connection"} <i>${selected}</i>`} back=${() => go("/connections")}>
      ${one ? html`${found.open.includes(one) && html`<${Reach} one=${one} />`}<${Conversation} one=${one} store=${store} />` : html`<${Empty} title="It is not known any more" />`}
    <//>`}
  </div>`;
}

/** @param {any} found */
function open(found) {
  const { idle_seconds: most, max_duration_seconds: life } = found.limits;
  return [
    ["who", (/** @type {any} */ one) => html`${one.user || html`<span class="dim" title="It brought no token that tells who it is">${whose(one)}</span>`} <i>${one.tenant ?? ""}</i>`],
    ["connection", (/** @type {any} */ one) => html`<code>${one.connection}</code>`, "id"],
    ["from", (/** @type {any} */ one) => html`<span title=${one.agent}>${one.peer}</span>`, "wide"],
    ["age", (/** @type {any} */ one) => html`<span title=${`closed after ${age(life)} at the latest`}>${age((found.now - one.opened_at) / 1000)}</span>`],
    ["idle, closes in", (/** @type {any} */ one) => `${age(one.idle_seconds)}, ${age(most - one.idle_seconds)}`],
    ["in, out", (/** @type {any} */ one) => html`<span title="messages of the client, messages to it">${one.messages}, ${one.sent}</span>`, "right"],
    ["waiting", (/** @type {any} */ one) => (one.waiting_bytes ? html`<${Status} status="warning" text=${bytes(one.waiting_bytes)} />` : "–"), "right wide"],
  ];
}

const CLOSED = [
  ["who", (/** @type {any} */ one) => html`${one.user || html`<span class="dim" title="It brought no token that tells who it is">${whose(one)}</span>`} <i>${one.tenant ?? ""}</i>`],
  ["connection", (/** @type {any} */ one) => html`<code>${one.connection}</code>`, "id"],
  ["closed", (/** @type {any} */ one) => html`<time title=${exact(one.at)}>${ago(one.at)}</time>`],
  ["lasted", (/** @type {any} */ one) => duration(one.ms), "right"],
  ["in, out", (/** @type {any} */ one) => html`<span title="messages of the client, messages to it">${one.messages}, ${one.sent}</span>`, "right wide"],
  ["code", (/** @type {any} */ one) => html`<${Status} status=${one.status} text=${String(one.code)} />`],
  ["by", (/** @type {any} */ one) => one.by],
  ["meaning", (/** @type {any} */ one) => html`${one.meaning}${one.reason && html` <i>“${one.reason}”</i>`}`, "wide"],
];

const CODES = [["1000", "1000, as DELETE does"], ["1001", "1001 going away"], ["1008", "1008 policy"], ["1009", "1009 too big"], ["1011", "1011 error"], ["1012", "1012 restart"], ["cut", "cut the TCP connection"]];

/** Speaks to a client, or in its name, and closes. @param {{one: any}} props */
function Reach({ one }) {
  const [text, setText] = useState("");
  const [code, setCode] = useState("1000");
  const [wrong, setWrong] = useState("");
  const reach = async (/** @type {string} */ what, /** @type {any} */ body) => {
    try {
      await ask(`connections/${encodeURIComponent(one.connection)}/${what}`, { body });
      setWrong("");
    } catch (error) {
      setWrong(String(/** @type {Error} */ (error).message));
    }
  };
  return html`<form class="reach" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); reach("receive", { text }); }}>
    <textarea aria-label="Text" rows="3" spellcheck="false" placeholder="Text" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
    <div class="actions"><button class="button primary" title="By the same rules, limits and route as if the client had sent it">As if it had sent this</button>
      <button type="button" class="button" title="Through @connections" onClick=${() => reach("send", { text })}>Send it this</button><span class="grow" />
      <select aria-label="How to close" value=${code} onChange=${(/** @type {any} */ event) => setCode(event.target.value)}>${CODES.map(([value, label]) => html`<option value=${value}>${label}</option>`)}</select>
      <button type="button" class="button danger" onClick=${() => reach("close", code === "cut" ? { cut: true } : { code: Number(code) })}>Close</button></div>
    ${wrong && html`<p class="why" role="alert">${wrong}</p>`}
  </form>`;
}

/** @param {{one: any, store: any}} props */
function Conversation({ one, store }) {
  const every = [...store.records.values()].filter((record) => record.connection === one.connection && ["message", "call", "opening", "closed"].includes(record.kind)
    && (record.kind !== "call" || record.operation === "POST")).sort((a, b) => a.at - b.at);
  const frames = every.slice(-MOST);
  return html`<${Facts} facts=${[["agent", one.agent], ["subprotocol", one.subprotocol], ["path", one.path], ["meaning", one.meaning]]} />
    ${one.claims && Object.keys(one.claims).length > 0 && html`<details class="claims"><summary>${counted(Object.keys(one.claims).length, "claim")} of its token</summary><${Value} value=${one.claims} /></details>`}
    <${Subscriptions} one=${one} info=${store.info} />
    <h3 class="section">Conversation</h3>
    ${!frames.length && html`<p class="dim">Nothing of it is kept any more.</p>`}
    ${every.length > MOST && html`<p class="dim">The latest ${MOST} of ${every.length}; <a href=${`#/live?connection=${encodeURIComponent(one.connection)}`}>all</a></p>`}
    <ol class="conversation">${frames.map((record) => html`<${Frame} key=${record.number} record=${record} />`)}</ol>`;
}

/** What an App's connection has subscribed to. @param {{one: any, info: any}} props */
function Subscriptions({ one, info }) {
  const table = info?.is_app && info.topology.tables.find((/** @type {any} */ each) => each.key.partition === "connection_id" && each.key.sort === "target");
  const isOpen = one.code === undefined;
  const query = { TableName: table?.name, KeyConditionExpression: "connection_id = :c", ExpressionAttributeValues: { ":c": { S: one.connection } } };
  const { found } = usePolled(table && isOpen ? "dynamodb/Query" : null, 2000, query);
  if (!found?.Items.length) return null;
  return html`<h3 class="section">Subscriptions</h3><div class="words">${found.Items.map((/** @type {any} */ item) => html`<span class="word" key=${item.target.S}>${item.target.S}</span>`)}</div>`;
}

/** @param {{record: any}} props */
function Frame({ record }) {
  if (record.kind === "opening") return html`<li class="event">connected <time title=${exact(record.at)}>${clock(record.at)}</time></li>`;
  if (record.kind === "closed") return html`<li class="event">${record.meaning} (${record.code}) <time title=${exact(record.at)}>${clock(record.at)}</time></li>`;
  const isOut = record.kind === "message";
  return html`<li class=${`bubble ${isOut ? "sent" : "got"} ${record.status}`}>
    <a href=${`#/messages/${record.number}`}><time title=${exact(record.at)}>${clock(record.at)}</time> ${isOut ? (record.action ?? record.route ?? "") : (record.type ?? "frame")}</a>
    <${Value} value=${parsedOr(record.text)} />
    ${(record.sent ?? []).map((/** @type {string} */ text) => html`<div class="answer">the gateway answered <${Value} value=${parsedOr(text)} /></div>`)}
  </li>`;
}
