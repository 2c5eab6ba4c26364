// @ts-check
// The last five minutes in numbers: rate, errors and time of actions, and every metric that functions wrote.

import { html } from "./vendor/preact-htm.js";
import { clock, counted, duration } from "./format.js";
import { Empty, Table, usePolled, Value } from "./parts.js";

export function Metrics() {
  const { found, wrong } = usePolled("metrics", 2500);
  if (!found) return html`<section class="page" aria-busy=${!wrong} aria-label="Metrics"><h1>Metrics</h1>${wrong && html`<p class="why" role="alert">${wrong}</p>`}</section>`;
  const isEmpty = !found.actions.length && !found.metrics.length;
  /** @type {Map<string, any[]>} */
  const spaces = new Map();
  for (const each of found.metrics) spaces.set(each.namespace, [...(spaces.get(each.namespace) ?? []), each]);
  return html`<section class="page" aria-label="Metrics"><h1>Metrics <span class="count">of the last 5 minutes</span></h1>
    ${isEmpty && html`<${Empty} title="No numbers yet"><p>Actions appear here once they are called, and whatever functions print in CloudWatch's Embedded Metric Format.</p><//>`}
    ${found.actions.length > 0 && html`<${Table} caption="Messages, by action" rows=${found.actions} id=${(/** @type {any} */ one) => one.name} columns=${ACTIONS} />`}
    ${[...spaces].map(([space, metrics]) => html`<section key=${space} aria-label=${space}><h2 class="space">${space} <span class="count">${counted(metrics.length, "series", "series")}</span></h2>
      <div class="charts">${metrics.map((each) => html`<${Chart} key=${each.name + JSON.stringify(each.dimensions)} one=${each} />`)}</div></section>`)}
    ${found.documents.length > 0 && html`<details><summary>${counted(found.documents.length, "latest document")} as written</summary>
      ${found.documents.map((/** @type {any} */ each) => html`<section class="part" key=${each.number}><header><h3>${each.function}</h3><time>${clock(each.at)}</time></header><${Value} value=${each.document} /></section>`)}</details>`}
  </section>`;
}

const ACTIONS = [
  ["action", (/** @type {any} */ one) => html`<span class="action">${one.name}</span>`],
  ["messages", (/** @type {any} */ one) => one.count, "right"],
  ["errors", (/** @type {any} */ one) => (one.errors ? html`<span class="status error">${one.errors}</span>` : "0"), "right"],
  ["p50", (/** @type {any} */ one) => duration(one.p50), "right"],
  ["p95", (/** @type {any} */ one) => duration(one.p95), "right"],
  ["p99", (/** @type {any} */ one) => duration(one.p99), "right wide"],
  ["rate", (/** @type {any} */ one) => html`<${Bars} counts=${one.counts} errors=${one.error_counts} label=${`messages of ${one.name} over time`} />`, "rate wide"],
];

/** @param {{one: any}} props */
function Chart({ one }) {
  const number = (/** @type {number | null} */ value) => amount(value, one.unit);
  const dimensions = Object.entries(one.dimensions).map(([name, value]) => `${name} ${value}`).join(", ");
  return html`<section class="card chart" aria-label=${`${one.name} ${dimensions}`.trim()}><h3>${one.name}</h3><p class="dim dimensions" title=${dimensions}>${dimensions || "no dimensions"}</p>
    <${Bars} counts=${one.sums} label=${`${one.name} over time`} />
    <dl>${[["sum", number(one.sum)], ["count", one.count], ["p50", number(one.p50)], ["p95", number(one.p95)], ["p99", number(one.p99)]].map(([label, value]) => html`<div key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl></section>`;
}

/** @param {number | null} value @param {string} unit */
function amount(value, unit) {
  if (value === null) return "–";
  if (unit === "Milliseconds") return duration(value);
  if (unit === "Seconds") return duration(value * 1000);
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

/** One bar for each piece of time, the newest on the right. @param {{counts: number[], errors?: number[], label: string}} props */
function Bars({ counts, errors, label }) {
  const most = Math.max(...counts, 1e-9);
  const width = 100 / counts.length;
  const bar = (/** @type {number} */ value) => (value ? Math.max(1.5, (value / most) * 24) : 0);
  return html`<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label=${label}><line x1="0" y1="23.75" x2="100" y2="23.75" />
    ${counts.map((value, index) => html`${value > 0 && html`<rect x=${index * width} y=${24 - bar(value)} width=${width * 0.8} height=${bar(value)} />`}${(errors?.[index] ?? 0) > 0 && html`<rect class="error" x=${index * width} y=${24 - bar(errors?.[index] ?? 0)} width=${width * 0.8} height=${bar(errors?.[index] ?? 0)} />`}`)}</svg>`;
}
