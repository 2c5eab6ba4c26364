// @ts-check
// Versions, addresses, limits and assumptions of what runs, and the recording.

import { html, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { age, asText, bytes, counted, download as save } from "./format.js";
import { usePolled, useStore } from "./parts.js";

export function About() {
  const store = useStore();
  const { info } = store;
  const { found: now } = usePolled("info", 2000);
  const [wrong, setWrong] = useState("");
  const attempt = (/** @type {(event: any) => Promise<void>} */ what) => (/** @type {any} */ event) => what(event).then(() => setWrong(""), (error) => setWrong(String(error.message)));
  const open = attempt(async (event) => {
    await store.open(event.target.files[0]);
    location.hash = "#/live";
  });
  if (!info) return html`<section class="page" aria-busy="true" aria-label="About"><h1>About</h1></section>`;
  const download = attempt(async () => save("streamer-recording.json", JSON.stringify(await ask("export"))));
  const clear = attempt(async () => {
    await ask("clear", { body: {} });
    store.reset();
  });
  return html`<section class="page" aria-label="About">
    <h1>${info.target || "About"} <span class="count">streamer ${info.version}</span></h1>
    <div class="cards">
      <${Card} title="Addresses" rows=${[...info.websocket_urls.map((/** @type {string} */ url) => ["WebSocket", url]), ...info.http_urls, ["@connections", info.management_url], ["DynamoDB", info.dynamodb_url], ["Lambda, SQS", info.url], ["certificate", info.ca_file], ["isolation", info.isolation], ["stage", info.stage], ["a token lasts", info.mints && age(info.token_seconds)]]} />
      <${Card} title="Versions" rows=${Object.entries(info.versions)} />
      <${Card} title="Limits" rows=${Object.entries(info.limits).map(([name, value]) => [explained(name, info), shown(value)])} />
      <${Card} title="Assumptions" rows=${Object.entries(info.assumptions).map(([name, value]) => [explained(name, info), shown(value)])} />
    </div>
    <h2>Recording</h2>
    <p>${counted(store.records.size, "record")} in this page; the emulator keeps ${counted((now ?? info).recording.kept, "change")} with ${bytes((now ?? info).recording.bytes)}, of ${info.recording.most.toLocaleString()} and ${bytes(info.recording.most_bytes)} at most, in memory only.
      It records while somebody looks, as now, or while fewer than ${counted(info.recording.busy, "message")} a second come.</p>
    <div class="actions"><button type="button" class="button" onClick=${download}>Export as a file</button><button type="button" class="button" onClick=${clear}>Clear</button>
      <label class="button">Open a recording<input class="unseen" type="file" accept="application/json" aria-label="Open a recording" onChange=${open} /></label></div>
    ${wrong && html`<p class="why" role="alert">${wrong}</p>`}
  </section>`;
}

/** @param {any} value */
function shown(value) {
  return value === null ? "not set" : value === "" ? "empty" : asText(value);
}

/** Why it is so, for who wants to know. @param {string} name @param {any} info */
function explained(name, info) {
  return info.fidelity[name] ? html`<a href=${info.fidelity[name]} target="_blank" rel="noreferrer">${name}</a>` : name;
}

/** @param {{title: string, rows: any[][]}} props */
function Card({ title, rows }) {
  return html`<section class="card" aria-label=${title}><h2>${title}</h2><dl>${rows.filter(([, value]) => value).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>`;
}
