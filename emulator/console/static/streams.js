// @ts-check
// What functions read besides messages: streams of tables and queues; how far they are, what failed, dead letters.

import { html, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { age, ago, clock, counted, exact, short } from "./format.js";
import { plain, plainItem, same } from "./items.js";
import { Detail, Empty, Facts, Status, Table, usePolled, useStore, Value } from "./parts.js";

/** @param {{selected: string | null, go: (path: string) => void}} props */
export function Streams({ selected, go }) {
  const { found, wrong } = usePolled("mappings");
  const { found: queued, wrong: without } = usePolled("queues", 2000);
  if (!found) return html`<section class="page" aria-busy=${!wrong} aria-label="Streams"><h1>Streams and queues</h1>${wrong && html`<p class="why" role="alert">${wrong}</p>`}</section>`;
  const queues = queued?.queues ?? [];
  const [kind, ...rest] = (selected ?? "").split("/");
  const name = rest.join("/");
  const mapping = kind === "mapping" && found.mappings.find((/** @type {any} */ each) => nameOf(each) === name);
  const queue = kind === "queue" && queues.find((/** @type {any} */ each) => each.name === name);
  const open = (/** @type {string} */ what) => go(`/streams/${encodeURIComponent(what)}`);
  return html`<div class=${`panes ${selected ? "split" : ""}`}>
    <section class="page" aria-label="Streams"><h1>Streams and queues</h1>
      ${!found.mappings.length && !queues.length && html`<${Empty} title="Nothing reads a stream or a queue"><p>Event source mappings of the service appear here, with how far each is.</p><//>`}
      ${found.mappings.length > 0 && html`<${Table} caption="Event source mappings" columns=${mappingColumns(found.now)} rows=${found.mappings} id=${nameOf} selected=${mapping ? name : null} choose=${(/** @type {any} */ each) => open(`mapping/${nameOf(each)}`)} />`}
      ${queues.length > 0 && html`<${Table} caption="Queues" columns=${QUEUES} rows=${queues} id=${(/** @type {any} */ each) => each.name} selected=${queue ? name : null} choose=${(/** @type {any} */ each) => open(`queue/${each.name}`)} />`}
      ${without && html`<p class="dim">${without}</p>`}
    </section>
    ${mapping && html`<${Mapping} key=${name} one=${mapping} now=${found.now} back=${() => go("/streams")} />`}
    ${queue && html`<${Queue} key=${name} one=${queue} back=${() => go("/streams")} go=${go} />`}
    ${selected && !mapping && !queue && html`<${Detail} label="Source" title=${name} back=${() => go("/streams")}><${Empty} title="It is not there any more" /><//>`}
  </div>`;
}

/** @param {any} one */
const nameOf = (one) => `${one.function}/${one.source}`;

/** @param {any} one */
const lanes = (one) => one.shards.flatMap((/** @type {any} */ shard) => shard.lanes);

/** @param {any} one @param {string} what */
const sum = (one, what) => lanes(one).reduce((/** @type {number} */ total, /** @type {any} */ lane) => total + lane[what], 0);

/** @param {any} one @param {number} now */
function state(one, now) {
  const retry = Math.min(...lanes(one).map((/** @type {any} */ lane) => lane.retry_at ?? Infinity));
  if (retry < Infinity) return html`<${Status} status="error" text=${`tried again in ${age(Math.max(0, (retry - now) / 1000))}`} />`;
  if (sum(one, "flying")) return html`<${Status} status="running" text="at work" />`;
  if (one.state !== "Enabled") return html`<${Status} status="warning" text=${one.state.toLowerCase()} />`;
  return html`<${Status} status="ok" text=${one.batches ? "up to date" : "waits"} />`;
}

/** @param {number} now */
function mappingColumns(now) {
  return [
    ["reads", (/** @type {any} */ one) => html`<span class="action" title=${one.source}>${short(one.source)}</span> <i>${one.kind}</i>`],
    ["function", (/** @type {any} */ one) => html`<span title=${one.function}>${short(one.function)}</span>`],
    ["state", (/** @type {any} */ one) => state(one, now)],
    ["behind", (/** @type {any} */ one) => behind(one, now), "right"],
    ["in flight", (/** @type {any} */ one) => (one.kind === "stream" ? sum(one, "flying") : "–"), "right wide"],
    ["batches", (/** @type {any} */ one) => one.batches ?? 0, "right id"],
    ["failed", (/** @type {any} */ one) => (one.failed ? html`<${Status} status="error" text=${String(one.failed)} />` : "0"), "right"],
    ["given up", (/** @type {any} */ one) => (one.given_up ? html`<${Status} status="error" text=${counted(one.given_up, "record")} />` : "0"), "right wide"],
  ];
}

/** @param {any} one @param {number} now */
function behind(one, now) {
  if (one.kind !== "stream") return "–";
  const waiting = sum(one, "waiting") + sum(one, "flying");
  const oldest = Math.min(...lanes(one).map((/** @type {any} */ lane) => lane.oldest_at ?? now));
  return waiting ? html`${waiting} <i>${age((now - oldest) / 1000)}</i>` : "0";
}

const QUEUES = [
  ["queue", (/** @type {any} */ one) => html`<span class="action" title=${one.name}>${short(one.name)}</span>`],
  ["filled by", (/** @type {any} */ one) => short(one.filled_by.join(", ")) || "–", "wide"],
  ["read by", (/** @type {any} */ one) => short(one.readers.join(", ")) || "–"],
  ["waiting", (/** @type {any} */ one) => (one.waiting && one.filled_by.length ? html`<${Status} status="warning" text=${String(one.waiting)} />` : one.waiting), "right"],
  ["in flight", (/** @type {any} */ one) => one.flying, "right"],
  ["delayed", (/** @type {any} */ one) => one.delayed, "right wide"],
];

/** @param {{one: any, now: number, back: () => void}} props */
function Mapping({ one, now, back }) {
  const { info } = useStore();
  // A stream of Kinesis has no old and new.
  const isTables = one.kind === "stream" && info?.topology.tables.some((/** @type {any} */ each) => each.name === one.source);
  const { found, wrong } = usePolled(isTables ? `streams/${encodeURIComponent(one.source)}` : null, 2000);
  return html`<${Detail} label="Mapping" title=${html`${short(one.source)} <i>to ${short(one.function)}</i>`} back=${back}>
    <div class=${`verdict ${one.failed && one.last === one.last_failed ? "error" : ""}`}>${state(one, now)}<p>${sentence(one)}</p></div>
    <${Facts} facts=${[
      ["state", one.state],
      ["last result", one.last_result],
      ["batch size", one.batch_size],
      ["retries", one.retries === -1 ? "as often as it takes" : one.retries],
      ["splits failed batches", one.bisects && "yes"],
      ["dead letters go to", short(one.on_failure)],
      ["last batch", one.last && html`<a href=${`#/messages/${one.last}`}>${one.last}</a>`],
      ["last error", one.last_error],
      ["last failure", one.last_failed && html`<a href=${`#/messages/${one.last_failed}`}>${one.last_failed}</a>`],
    ]} />
    ${one.shards.map((/** @type {any} */ shard) => html`<section class="part" key=${shard.shard}><header><h3>Shard <i>${shard.shard.slice(-12)}</i></h3><span class="dim">${shard.settled ? html`done up to <code>${shard.settled}</code>` : "nothing read yet"}</span></header>
      <${Table} caption="Lanes" rows=${shard.lanes.map((/** @type {any} */ lane, /** @type {number} */ index) => ({ index, ...lane }))} id=${(/** @type {any} */ lane) => String(lane.index)} columns=${[
        ["lane", (/** @type {any} */ lane) => lane.index],
        ["waiting", (/** @type {any} */ lane) => lane.waiting, "right"],
        ["in flight", (/** @type {any} */ lane) => lane.flying, "right"],
        ["failures", (/** @type {any} */ lane) => lane.failures, "right"],
        ["next try", (/** @type {any} */ lane) => (lane.retry_at ? `in ${age(Math.max(0, (lane.retry_at - now) / 1000))}` : "–"), "right"],
        ["oldest", (/** @type {any} */ lane) => (lane.oldest_at ? age((now - lane.oldest_at) / 1000) : "–"), "right"],
      ]} /></section>`)}
    ${isTables && html`<section class="part"><header><h3>Records of the stream</h3><span class="dim">the latest first</span></header>
      ${wrong && html`<p class="why">${wrong}</p>`}
      ${!found && !wrong && html`<p class="dim">Reading …</p>`}
      ${found && !found.records.length && html`<p class="dim">None in the last 24 hours.</p>`}
      <ol class="records">${(found?.records ?? []).map((/** @type {any} */ record) => html`<${Change} key=${record.sequence} record=${record} />`)}</ol></section>`}
  <//>`;
}

/** @param {any} one */
function sentence(one) {
  if (!one.batches) return "no batch is kept";
  const failed = one.failed ? `, ${one.failed} failed` : "";
  const lost = one.given_up ? `; ${counted(one.given_up, "record")} given up: ${one.end}` : "";
  return `${counted(one.batches, "batch", "batches")} with ${counted(one.records, "record")}${failed}${lost}`;
}

/** What a write changed. @param {{record: any}} props */
function Change({ record }) {
  const [isOpen, setOpen] = useState(false);
  const before = record.old ?? {};
  const after = record.new ?? {};
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => !same(before[name], after[name]));
  const keys = Object.values(plainItem(record.keys ?? {})).join(" / ");
  return html`<li class="record"><button type="button" class="fold-line" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <time title=${exact(record.at)}>${clock(record.at)}</time><b class=${record.event}>${record.event.toLowerCase()}</b><span>${keys}${record.by_ttl ? " (expired)" : ""}</span><span class="dim">${names.slice(0, 4).join(", ")}${names.length > 4 ? " …" : ""}</span></button>
    ${isOpen && html`<dl class="diff">${names.map((name) => html`<div key=${name}><dt>${name}</dt><dd>${name in before && html`<del>${JSON.stringify(plain(before[name]))}</del>`}${name in after && html`<ins>${JSON.stringify(plain(after[name]))}</ins>`}</dd></div>`)}</dl>`}</li>`;
}

/** @param {{one: any, back: () => void, go: (path: string) => void}} props */
function Queue({ one, back, go }) {
  const path = `queues/${encodeURIComponent(one.name)}`;
  const { found, again } = usePolled(path, 2000);
  const [said, setSaid] = useState("");
  const [isSure, setSure] = useState(false);
  const act = async (/** @type {string} */ what) => {
    try {
      const answer = await ask(`${path}/${what}`, { body: {} });
      setSaid(what === "redrive" ? `${counted(answer.moved, "message")} moved to ${answer.to}` : "purged");
    } catch (error) {
      setSaid(String(/** @type {Error} */ (error).message));
    }
    setSure(false);
    again();
  };
  // One message: another try for what it is about, or its end.
  const settle = async (/** @type {"retry" | "drop"} */ what, /** @type {any} */ message) => {
    try {
      const answer = await ask(`${path}/${what}`, { body: { id: message.id } });
      if (answer.number) return go(`/messages/${answer.number}`);
      setSaid(answer.to ? `moved to ${short(answer.to)}` : what === "drop" ? "dropped" : "it ran");
    } catch (error) {
      setSaid(String(/** @type {Error} */ (error).message));
    }
    again();
  };
  const hasOneSource = one.comes_from.length === 1;
  return html`<${Detail} label="Queue" title=${short(one.name)} back=${back}>
    <${Facts} facts=${[["waiting", String(one.waiting)], ["in flight", String(one.flying)], ["delayed", String(one.delayed)], ["filled by", short(one.filled_by.join(", "))], ["read by", short(one.readers.join(", "))], ["dead letters go to", short(one.dead_letter_queue)], ["name", short(one.name) === one.name ? "" : one.name]]} />
    <div class="actions">${hasOneSource && html`<button type="button" class="button" disabled=${!one.waiting} onClick=${() => act("redrive")}>Move all back to their queue</button>`}
      ${isSure ? html`<button type="button" class="button danger" onClick=${() => act("purge")}>Drop ${counted(one.waiting, "message")}</button><button type="button" class="button" onClick=${() => setSure(false)}>Keep</button>` : html`<button type="button" class="button danger" disabled=${!one.waiting} onClick=${() => setSure(true)}>Purge</button>`}
      <span role="status">${said}</span></div>
    ${found?.messages === null && html`<p class="dim">Its messages are not shown: receiving one counts towards its dead letters.</p>`}
    ${found?.messages?.length === 0 && html`<p class="dim">It is empty.</p>`}
    ${(found?.messages ?? []).map((/** @type {any} */ message) => html`<section class="part" key=${message.id}><header><h3>${message.id.slice(0, 8)} <i>${message.function ? `given up by ${short(message.function)}` : ""}</i></h3><time title=${exact(message.at)}>${ago(message.at)}</time></header><${Value} value=${message.body} />
      <div class="actions after">${(message.function || hasOneSource) && html`<button type="button" class="button small" title="It stays here if that fails again" onClick=${() => settle("retry", message)}>${message.function ? `Run ${short(message.function)} again` : "Move back to its queue"}</button>`}<button type="button" class="button small danger" onClick=${() => settle("drop", message)}>Drop</button></div></section>`)}
    ${found?.messages?.length > 0 && one.waiting > found.messages.length && html`<p class="dim">${one.waiting - found.messages.length} more wait behind these.</p>`}
  <//>`;
}
