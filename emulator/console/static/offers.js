// @ts-check
// What clients can ask the App for: actions, schemas, permissions, topics. Trying one leads to Send.

import { html, useEffect, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { short } from "./format.js";
import { Copy, Detail, Empty, Facts, Table, useStore, Value } from "./parts.js";
import { example, Schema } from "./schema.js";

/** @param {{selected: string | null, go: (path: string, query?: URLSearchParams) => void}} props */
export function Offers({ selected, go }) {
  const { info, boot } = useStore();
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [wrong, setWrong] = useState("");
  const load = () => ask("describe").then((answer) => { setFound(answer); setWrong(""); }, (error) => setWrong(String(error.message)));
  useEffect(() => {
    if (info?.is_app) load();
  }, [boot, info?.is_app]);
  if (info && !info.is_app) return html`<section class="page" aria-label="API"><h1>API</h1><${Routes} info=${info} /><p class="dim">Of plain handlers only their code knows what they take.</p></section>`;
  if (!found) return html`<section class="page" aria-busy=${!wrong} aria-label="API"><h1>API</h1>${wrong ? html`<p class="why" role="alert">${wrong}</p><div class="actions"><button type="button" class="button" onClick=${load}>Look again</button></div>` : html`<p class="dim">Asking the code …</p>`}</section>`;
  const [kind, ...rest] = (selected ?? "").split("/");
  const name = rest.join("/");
  const action = kind === "action" && found.actions.find((/** @type {any} */ each) => each.name === name);
  const topic = kind === "topic" && found.topics.find((/** @type {any} */ each) => each.name === name);
  const open = (/** @type {string} */ what) => go(`/api/${encodeURIComponent(what)}`);
  return html`<div class=${`panes ${selected ? "split" : ""}`}>
    <section class="page" aria-label="API">
      <div class="title"><h1>${found.info.title} <span class="count">${found.info.version}</span></h1><span class="grow" /><${Copy} text=${() => JSON.stringify(found, null, 2)} label="Copy as JSON" /><button type="button" class="button small" onClick=${load} title="As the code is now">Look again</button></div>
      ${wrong && html`<p class="why" role="alert">${wrong}</p>`}
      ${found.info.description && html`<p>${found.info.description}</p>`}
      <${Table} caption="Actions" columns=${COLUMNS} rows=${found.actions} id=${(/** @type {any} */ one) => one.name} selected=${action ? name : null} choose=${(/** @type {any} */ one) => open(`action/${one.name}`)} />
      ${found.topics.length > 0 && html`<${Table} caption="Topics" columns=${TOPICS} rows=${found.topics} id=${(/** @type {any} */ one) => one.name} selected=${topic ? name : null} choose=${(/** @type {any} */ one) => open(`topic/${one.name}`)} />`}
      <${Routes} info=${info} />
      <p class="dim"><code>streamer describe</code> writes this as AsyncAPI, TypeScript, Python or Markdown.</p>
    </section>
    ${action && html`<${Action} key=${name} one=${action} schemas=${found.schemas} back=${() => go("/api")} />`}
    ${topic && html`<${Detail} label="Topic" title=${topic.name} back=${() => go("/api")}><p>${topic.description || html`<span class="dim">Nothing is told about it.</span>`}</p><section class="part"><header><h3>Data</h3></header><${Schema} schema=${topic.data} schemas=${found.schemas} /></section><//>`}
    ${selected && !action && !topic && html`<${Detail} label="Action" title=${name} back=${() => go("/api")}><${Empty} title="The App has none of this name" /><//>`}
  </div>`;
}

const COLUMNS = [
  ["action", (/** @type {any} */ one) => html`<span class="action">${one.name}</span>`],
  ["kind, permissions", (/** @type {any} */ one) => html`<${Tags} one=${one} />`],
  ["about", (/** @type {any} */ one) => html`<span class="dim">${one.summary}</span>`, "wide"],
];
const TOPICS = [
  ["topic", (/** @type {any} */ one) => html`<span class="action">${one.name}</span>`],
  ["about", (/** @type {any} */ one) => html`<span class="dim">${one.description}</span>`],
];

/** @param {{one: any}} props */
function Tags({ one }) {
  return html`<span class="tags">${one.queued ? html`<span class="tag queued">queued</span>` : html`<span class="tag">quick</span>`}${one.deprecated && html`<span class="tag warning">deprecated</span>`}
    ${one.permissions.map((/** @type {string} */ each) => html`<span class="tag" key=${each}>${each}</span>`)}</span>`;
}

/** @param {{one: any, schemas: any, back: () => void}} props */
function Action({ one, schemas, back }) {
  const payload = one.examples[0] ?? example(one.payload, schemas);
  const attempt = (/** @type {any} */ chosen) => `#/send?${new URLSearchParams({ text: JSON.stringify({ action: one.name, id: "{{uuid}}", payload: chosen }, null, 2) })}`;
  return html`<${Detail} label="Action" title=${one.name} back=${back}>
    <${Tags} one=${one} />
    <p>${one.summary || html`<span class="dim">Nothing is told about it: its docstring is empty.</span>`}</p>
    ${one.description && html`<p class="dim">${one.description}</p>`}
    <${Facts} facts=${[
      ["attempts", one.queued && String(one.max_attempts)],
      ["one run may take", one.timeout_seconds && `${one.timeout_seconds} s`],
      ["needs", one.permissions.join(", ")],
      ["cancelled when nobody listens", one.cancel_on_disconnect && "yes"],
    ]} />
    <div class="actions"><a class="button primary" href=${attempt(payload)}>Try it</a></div>
    <section class="part"><header><h3>Payload</h3>${one.payload && html`<${Copy} text=${() => JSON.stringify(one.payload, null, 2)} label="Copy the schema" />`}</header><${Schema} schema=${one.payload} schemas=${schemas} /></section>
    <section class="part"><header><h3>Result</h3>${one.result && html`<${Copy} text=${() => JSON.stringify(one.result, null, 2)} label="Copy the schema" />`}</header><${Schema} schema=${one.result} schemas=${schemas} /></section>
    ${one.examples.map((/** @type {any} */ each, /** @type {number} */ index) => html`<section class="part" key=${index}><header><h3>Example ${one.examples.length > 1 ? index + 1 : ""}</h3><a href=${attempt(each)}>Try it</a></header><${Value} value=${each} /></section>`)}
  <//>`;
}

/** Which function runs for what. @param {{info: any}} props */
function Routes({ info }) {
  return html`<${Table} caption="Routes" rows=${info.topology.routes} id=${(/** @type {any} */ one) => `${one.api}/${one.route}`} columns=${[
      ["route", (/** @type {any} */ one) => html`<span class="action">${one.route}</span>`],
      ["function", (/** @type {any} */ one) => (one.function ? html`<a href=${`#/functions/${encodeURIComponent(one.function)}`}>${short(one.function)}</a>` : "none")],
      ["API", (/** @type {any} */ one) => one.api, "wide"],
      ["try", (/** @type {any} */ one) => one.message && html`<a href=${`#/send?${new URLSearchParams({ text: JSON.stringify(one.message, null, 2) })}`}>Try it</a>`, "right"],
    ]} />`;
}
