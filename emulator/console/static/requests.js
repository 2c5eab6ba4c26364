// @ts-check
// Queued requests of an App as they are stored: how far each is, and another run or an end for it.

import { html, useState } from "./vendor/preact-htm.js";
import { ask, said } from "./api.js";
import { age, ago, counted, exact, parsedOr } from "./format.js";
import { Copy, Detail, Empty, Facts, Status, Table, usePolled, useStore, Value } from "./parts.js";

const STATES = ["PENDING", "PROCESSING", "RETRYING", "COMPLETED", "FAILED", "CANCELLED"];
/** @type {Record<string, string>} */
const LOOK = { PENDING: "", PROCESSING: "running", RETRYING: "warning", COMPLETED: "ok", FAILED: "error", CANCELLED: "" };

/** @param {any} one */
const nameOf = (one) => JSON.stringify([one.tenant, one.user, one.request]);

/** @param {{query: URLSearchParams, selected: string | null, go: (path: string, query?: URLSearchParams) => void}} props */
export function Requests({ query, selected, go }) {
  const { info } = useStore();
  const state = query.get("state") ?? "";
  const isApp = info?.is_app !== false;
  const { found, wrong, again } = usePolled(isApp ? `requests${said({ status: state, user: query.get("user") ?? "", cursor: query.get("cursor") ?? "" })}` : null);
  if (!isApp) return html`<section class="page" aria-label="Requests"><h1>Requests</h1><${Empty} title="Plain handlers have no queued requests"><p>An App of streamer keeps slow actions as requests in a table, and runs them from its stream. What your handlers keep is under <a href="#/tables">Tables</a>.</p><//></section>`;
  if (!found) return html`<section class="page" aria-busy=${!wrong} aria-label="Requests"><h1>Requests</h1>${wrong && html`<p class="why" role="alert">${wrong}</p>`}</section>`;
  const open = (/** @type {any} */ one) => go(`/requests/${encodeURIComponent(nameOf(one))}`, query);
  const all = Object.values(found.counts).reduce((sum, count) => sum + Number(count), 0);
  const to = (/** @type {string} */ name, /** @type {string} */ value) => {
    const next = new URLSearchParams(query);
    next.delete("cursor");
    if (value) next.set(name, value);
    else next.delete(name);
    go("/requests", next);
  };
  const choose = (/** @type {string} */ name) => to("state", name === state ? "" : name);
  const shown = STATES.filter((name) => found.counts[name] || name === state);
  return html`<div class=${`panes ${selected ? "split" : ""}`}>
    <section class="page" aria-label="Requests">
      <h1>Requests <span class="count">${counted(Number(all), "request")}</span></h1>
      ${shown.length > 0 && html`<div class="chips" role="toolbar" aria-label="States">${shown.map((name) => html`<button type="button" class="chip" aria-pressed=${name === state} onClick=${() => choose(name)}><${Status} status=${LOOK[name]} text=${word(name)} /> ${found.counts[name] ?? 0}</button>`)}</div>`}
      ${!all && html`<${Empty} title="No queued requests yet"><p>Actions that take long are queued: those with an estimated duration above the threshold.</p><pre class="value">streamer call ${info?.actions?.[0] ?? "ACTION"}</pre><//>`}
      ${all > 0 && !found.matching && html`<${Empty} title="None in this state"><button type="button" class="button" onClick=${() => choose(state)}>Show all</button><//>`}
      ${found.requests.length > 0 && html`<${Table} caption=${state ? word(state) : "Stuck ones first, then the latest"} columns=${columns(found.now)} rows=${found.requests} id=${nameOf} selected=${selected} choose=${open} />`}
      ${(found.next || query.has("cursor")) && html`<div class="actions">${query.has("cursor") && html`<button type="button" class="button" onClick=${() => to("cursor", "")}>From the first</button>`}${found.next && html`<button type="button" class="button" onClick=${() => to("cursor", found.next)}>Show ${counted(found.left, "older one")}</button>`}</div>`}
      ${!found.whole && html`<p class="missed">The table is large: only its first part was read.</p>`}
    </section>
    ${selected && html`<${One} key=${selected} name=${selected} back=${() => go("/requests", query)} changed=${again} />`}
  </div>`;
}

/** @param {string} state */
function word(state) {
  return state.toLowerCase();
}

/** @param {number} now */
function columns(now) {
  return [
    ["state", (/** @type {any} */ one) => html`<${State} one=${one} />`],
    ["action", (/** @type {any} */ one) => html`<span class="action">${one.action}</span>`],
    ["who", (/** @type {any} */ one) => html`${one.user} <i>${one.tenant}</i>`],
    ["id", (/** @type {any} */ one) => html`<code>${one.request}</code>`, "id wide"],
    ["attempt", (/** @type {any} */ one) => `${one.attempt} of ${one.max_attempts}`, "right"],
    ["progress", (/** @type {any} */ one) => html`<${Progress} one=${one} />`],
    ["age", (/** @type {any} */ one) => html`<span title=${exact(one.created_at)}>${age((now - one.created_at) / 1000)}</span>`, "right"],
    ["why, or what is next", (/** @type {any} */ one) => html`<span class="dim">${one.why || next(one, now)}</span>`, "wide"],
  ];
}

/** @param {any} one @param {number} now */
function next(one, now) {
  if (one.is_final || !one.due_at) return "";
  const left = (one.due_at - now) / 1000;
  const what = one.state === "PROCESSING" ? "lease ends" : one.state === "RETRYING" ? "next attempt" : "looked at";
  return left > 0 ? `${what} in ${age(left)}` : `${what} since ${age(-left)}`;
}

/** @param {{one: any}} props */
function State({ one }) {
  return one.is_stuck ? html`<${Status} status="error" text=${`stuck, ${word(one.state)}`} />` : html`<${Status} status=${LOOK[one.state] ?? ""} text=${word(one.state)} />`;
}

/** @param {{one: any}} props */
function Progress({ one }) {
  if (!one.progress || one.state === "COMPLETED") return html`<span class="dim">–</span>`;
  return html`<span class="progress" title=${one.progress.message}><progress max="100" value=${one.progress.percentage} aria-label="progress" />${Math.round(one.progress.percentage)} %</span>`;
}

/** @param {{name: string, back: () => void, changed: () => void}} props */
function One({ name, back, changed }) {
  const whose = parsedOr(name);
  const [tenant, user, request] = Array.isArray(whose) ? whose : ["", "", name];
  const path = `requests/${encodeURIComponent(request ?? "")}`;
  const { found: one, wrong, again } = usePolled(`${path}${said({ tenant, user })}`);
  const [refused, setRefused] = useState("");
  const [attempts, setAttempts] = useState(1);
  const act = async (/** @type {string} */ what, /** @type {any} */ body) => {
    try {
      await ask(`${path}/${what}`, { body: { tenant, user, ...body } });
      setRefused("");
    } catch (error) {
      setRefused(String(/** @type {Error} */ (error).message));
    }
    again();
    changed();
  };
  if (!one) return html`<${Detail} label="Request" title=${request ?? "…"} back=${back}>${wrong && html`<${Empty} title="It is not stored any more"><p>${wrong}</p><//>`}<//>`;
  return html`<${Detail} label="Request" title=${html`${one.action} <i>${one.request}</i>`} back=${back}>
    <div class=${`verdict ${LOOK[one.state] ?? ""}`}><${State} one=${one} /><p>${one.why || sentence(one)}</p></div>
    ${one.progress && !one.is_final && html`<div class="progress wide-bar"><progress max="100" value=${one.progress.percentage} aria-label="progress" />${Math.round(one.progress.percentage)} % <span class="dim">${one.progress.message}</span></div>`}
    <${Facts} facts=${[
      ["who", `${one.user} of ${one.tenant}`],
      ["attempt", `${one.attempt} of ${one.max_attempts}`],
      ["made", html`<time title=${exact(one.created_at)}>${ago(one.created_at)}</time>`],
      ["changed", html`<time title=${exact(one.updated_at)}>${ago(one.updated_at)}</time>`],
      [one.state === "PROCESSING" ? "lease ends" : "due", one.due_at && html`<time title=${exact(one.due_at)}>${ago(one.due_at)}</time>`],
      ["expires", one.expires_at && html`<time title=${exact(one.expires_at)}>${ago(one.expires_at)}</time>`],
      ["connection", html`<a href=${`#/connections/${encodeURIComponent(one.connection)}`}>${one.connection}</a>`],
      ["heard by", counted(one.heard_by, "connection")],
      ["permissions", one.permissions.join(" ")],
    ]} />
    <div class="actions">
      <a class="button primary" href=${`#/messages/${encodeURIComponent(one.request)}`}>What happened</a>
      ${(one.state === "FAILED" || !one.is_final) && html`<button type="button" class="button" onClick=${() => act("retry", { attempts })}>${one.state === "FAILED" ? "Try again" : "Run now"}</button>`}
      ${one.state === "FAILED" && html`<label class="inline">attempts <input type="number" min="1" max="100" value=${attempts} onInput=${(/** @type {any} */ event) => setAttempts(Number(event.target.value) || 1)} /></label>`}
      ${!one.is_final && html`<button type="button" class="button danger" onClick=${() => act("cancel", {})}>Cancel</button>`}
    </div>
    ${refused && html`<p class="why" role="alert">${refused}</p>`}
    <section class="part"><header><h3>Payload</h3><${Copy} text=${() => JSON.stringify(one.payload, null, 2)} /></header><${Value} value=${one.payload} /></section>
    ${one.result !== null && html`<section class="part"><header><h3>Result</h3><${Copy} text=${() => JSON.stringify(one.result, null, 2)} /></header><${Value} value=${one.result} /></section>`}
    ${Object.keys(one.metadata ?? {}).length > 0 && html`<section class="part"><header><h3>Metadata</h3></header><${Value} value=${one.metadata} /></section>`}
  <//>`;
}

/** @param {any} one */
function sentence(one) {
  if (one.state === "COMPLETED") return `complete${one.attempt > 1 ? ` in attempt ${one.attempt}` : ""} after ${age((one.updated_at - one.created_at) / 1000)}`;
  if (one.state === "PENDING") return "accepted; no attempt has begun";
  if (one.state === "PROCESSING") return `attempt ${one.attempt} runs`;
  return "";
}
