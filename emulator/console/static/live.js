// @ts-check
// One row for each message, connection event, stream batch and invocation from outside, the newest on top.

import { html, useEffect, useLayoutEffect, useRef, useState } from "./vendor/preact-htm.js";
import { asText, clock, counted, duration, exact, short, whose } from "./format.js";
import { Message } from "./message.js";
import { Empty, Icon, Status, useStore, useVoice } from "./parts.js";
import { summary } from "./store.js";

const ROW = 30;
const AROUND = 12;
const WORDS = { opening: "connect", closed: "close" };

/** @param {{query: URLSearchParams, selected: string | null, go: (path: string, query?: URLSearchParams, isSameStep?: boolean) => void}} props */
export function Live({ query, selected, go }) {
  const store = useStore();
  const [isPaused, setPaused] = useState(false);
  const [frozen, setFrozen] = useState(/** @type {any[] | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const shown = filtered(frozen ?? store.rows, query);
  const unseen = useRef(0);
  const before = useRef(/** @type {{first: number | undefined, count: number}} */ ({ first: undefined, count: 0 }));
  const rows = [...shown].reverse();
  const heard = useRef(store.rows[store.rows.length - 1]?.number ?? 0);
  useVoice(() => {
    const news = store.rows.slice(-500).filter((/** @type {any} */ row) => row.number > heard.current);
    heard.current = store.rows[store.rows.length - 1]?.number ?? 0;
    const wrong = news.filter((/** @type {any} */ row) => ["error", "refused"].includes(summary(row).status)).length;
    return news.length ? `${counted(news.length, "new row")}${wrong ? `, ${wrong} failed` : ""}` : "";
  });

  // New rows come on top: whoever has scrolled keeps the rows that they look at.
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const added = before.current.first === undefined ? 0 : rows.findIndex((row) => row.number === before.current.first);
    if (element.scrollTop > 0 && added > 0) {
      element.scrollTop += added * ROW;
      setTop(element.scrollTop); // at once: rows of where it was before would leave a frame empty
      unseen.current += added;
    }
    if (element.scrollTop === 0) unseen.current = 0;
    before.current = { first: rows[0]?.number, count: rows.length };
  });
  useEffect(() => {
    const element = list.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const open = (/** @type {any} */ row) => go(`/messages/${row.number}`, query);
  const close = () => go("/live", query);
  const { anewAt } = store;
  const known = useRef(anewAt);
  useEffect(() => {
    if (anewAt === known.current) return;
    known.current = anewAt;
    // Their numbers are other records' now.
    if (selected) close();
    setFrozen(null);
    setPaused(false);
  }, [anewAt]);
  const set = (/** @type {string} */ name, /** @type {string} */ value) => {
    const next = new URLSearchParams(query);
    if (value) next.set(name, value);
    else next.delete(name);
    go(selected ? `/messages/${selected}` : "/live", next);
  };
  const freeze = () => {
    setFrozen(isPaused ? null : [...store.rows]);
    setPaused(!isPaused);
  };
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === "ArrowDown" || event.key === "j" ? 1 : event.key === "ArrowUp" || event.key === "k" ? -1 : 0;
    if (!step || !rows.length) return;
    event.preventDefault();
    const now = rows.findIndex((row) => String(row.number) === selected);
    const next = Math.min(rows.length - 1, Math.max(0, now < 0 ? 0 : now + step));
    const element = /** @type {HTMLElement} */ (list.current);
    if (next * ROW < element.scrollTop) element.scrollTop = next * ROW;
    if ((next + 1) * ROW > element.scrollTop + element.clientHeight) element.scrollTop = (next + 1) * ROW - element.clientHeight;
    go(`/messages/${rows[next].number}`, query, Boolean(selected));
  };
  const first = Math.max(0, Math.floor(top / ROW) - AROUND);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + AROUND);
  const drawn = rows.slice(first, last);
  // Read aloud, as the list has the focus.
  const active = drawn.some((row) => String(row.number) === selected) ? `row-${selected}` : undefined;
  return html`<div class=${`panes ${selected ? "split" : ""}`}>
    <section class="list" aria-label="Live"><h1 class="unseen">Live</h1>
      <${Filters} query=${query} set=${set} isPaused=${isPaused} freeze=${freeze} count=${rows.length} rows=${store.rows} />
      ${store.missed > 0 && html`<p class="missed" role="status">${counted(store.missed, "change was", "changes were")} not shown: they came too fast.</p>`}
      ${anewAt > 0 && html`<p class="missed" role="status">The emulator was started anew at ${clock(anewAt).slice(0, 8)}: what it knew before is gone.</p>`}
      <div class="columns" aria-hidden="true"><span>time</span><span>what</span><span>who</span><span>action</span><span class="wide">text</span><span class="wide">course</span><span class="right">took</span><span>status</span></div>
      <div class="rows" ref=${list} role="grid" aria-label="Messages and events" aria-rowcount=${rows.length} aria-activedescendant=${active} tabIndex="0" onKeyDown=${move}
        onScroll=${(/** @type {Event} */ event) => setTop(/** @type {HTMLElement} */ (event.currentTarget).scrollTop)}>
        ${rows.length > 0 && html`<div role="rowgroup" style=${{ height: `${rows.length * ROW}px`, position: "relative" }}>
          ${drawn.map((row, index) => html`<${Row} key=${row.number} row=${row} index=${first + index} isSelected=${String(row.number) === selected} open=${open} />`)}
        </div>`}
        ${!rows.length && html`<${Nothing} store=${store} query=${query} clear=${() => go("/live", new URLSearchParams())} />`}
      </div>
      ${unseen.current > 0 && top > 0 && html`<button type="button" class="new" onClick=${() => { /** @type {HTMLElement} */ (list.current).scrollTop = 0; unseen.current = 0; }}>${unseen.current} new</button>`}
    </section>
    ${selected && html`<${Message} number=${selected} onClose=${close} go=${go} />`}
  </div>`;
}

/** @param {{row: any, index: number, isSelected: boolean, open: (row: any) => void}} props */
function Row({ row, index, isSelected, open }) {
  const { run, status, why } = summary(row);
  return html`<div role="row" id=${`row-${row.number}`} aria-rowindex=${index + 1} aria-selected=${isSelected} class=${`row ${status}`} style=${{ transform: `translateY(${index * ROW}px)` }} onClick=${() => open(row)}>
    <time role="gridcell" title=${exact(row.at)}>${clock(row.at)}</time>
    <span role="gridcell" class="kind"><${Icon} name=${row.kind} />${/** @type {Record<string, string>} */ (WORDS)[row.kind] ?? row.kind}</span>
    <span role="gridcell" class="who" title=${row.connection ?? ""}>${whose(row)}</span>
    <span role="gridcell" class="action" title=${row.function ?? ""}>${action(row)}</span>
    <span role="gridcell" class="text wide" title=${why}>${why || text(row)}</span>
    <span role="gridcell" class="course wide">${run && html`<${Course} run=${run} />`}</span>
    <span role="gridcell" class="right">${duration(row.ms)}</span>
    <span role="gridcell"><${Status} status=${status} /></span>
  </div>`;
}

/** Waiting, cold start and work in one thin bar. @param {{run: any}} props */
function Course({ run }) {
  const init = Math.min(run.init_ms ?? 0, run.waited_ms);
  const total = Math.max(run.waited_ms + run.ms, 0.001);
  const parts = [["wait", run.waited_ms - init], ["init", init], ["function", run.ms]];
  const words = `waited ${duration(run.waited_ms - init)}, cold start ${duration(init)}, worked ${duration(run.ms)}`;
  // Wider for what took longer, by its order of magnitude: 1 ms and 10 s have to fit the same column.
  const width = Math.min(100, 12 + 22 * Math.log10(1 + total));
  return html`<span class="bars" role="img" aria-label=${words} title=${words} style=${{ width: `${width}%` }}>
    ${parts.map(([name, ms]) => Number(ms) > 0.05 && html`<i key=${name} class=${name} style=${{ flexGrow: Number(ms) / total }} />`)}</span>`;
}

/** @param {any} row */
function action(row) {
  if (row.kind === "message") return row.action ?? row.route ?? "";
  if (row.kind === "opening") return row.http_status;
  if (row.kind === "closed") return row.code;
  if (row.kind === "batch" || row.kind === "run") return short(row.function);
  return row.level ?? "";
}

/** @param {any} row */
function text(row) {
  if (row.kind === "message") return asText(row.text);
  if (row.kind === "opening") return row.body || `${row.path} from ${row.peer}`;
  if (row.kind === "closed") return row.meaning;
  if (row.kind === "batch") return `${counted(row.records, "record")} of ${short(row.source)}${row.attempt > 1 ? `, attempt ${row.attempt}` : ""}${row.end ? `, given up: ${row.end}` : ""}`;
  if (row.kind === "run") return `by ${row.source}${row.route ? ` ${row.route}` : ""}`;
  return short([row.text, ...Object.entries(row.fields ?? {}).map((each) => each.join("="))].join(" "));
}

const FIELDS = ["kind", "user", "connection", "action", "function"];

/** @param {any[]} rows @param {URLSearchParams} query */
function filtered(rows, query) {
  const words = (query.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = FIELDS.filter((name) => query.get(name)).map((name) => [name, query.get(name)]);
  const wrongOnly = query.get("errors") === "1";
  const noPing = query.get("ping") === "0";
  if (!words.length && !wanted.length && !wrongOnly && !noPing) return rows;
  return rows.filter((row) => {
    if (noPing && row.action === "ping") return false;
    if (wanted.some(([name, value]) => String(row[/** @type {string} */ (name)] ?? "") !== value)) return false;
    const { status, why } = summary(row);
    if (wrongOnly && status !== "error" && status !== "refused") return false;
    if (!words.length) return true;
    const said = `${row.kind} ${row.user ?? ""} ${row.tenant ?? ""} ${row.connection ?? ""} ${row.request ?? ""} ${action(row)} ${text(row)} ${why}`.toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

const OFFERED = 30;

/** What the latest rows may be filtered by: each field's values. @param {any[]} rows */
function offered(rows) {
  return FIELDS.slice(1).map((name) => {
    /** @type {Set<string>} */
    const values = new Set();
    for (let index = rows.length - 1; index >= 0 && index > rows.length - 2000 && values.size < OFFERED; index -= 1) if (rows[index][name]) values.add(String(rows[index][name]));
    return /** @type {[string, string[]]} */ ([name, [...values].sort()]);
  }).filter(([, values]) => values.length);
}

/** @param {{query: URLSearchParams, set: (name: string, value: string) => void, isPaused: boolean, freeze: () => void, count: number, rows: any[]}} props */
function Filters({ query, set, isPaused, freeze, count, rows }) {
  const [choices, setChoices] = useState(/** @type {[string, string[]][]} */ ([]));
  const choose = (/** @type {any} */ event) => {
    const [name, ...rest] = event.target.value.split("=");
    if (name) set(name, rest.join("="));
    event.target.value = "";
  };
  const on = (/** @type {string} */ name, /** @type {string} */ value) => query.get(name) === value;
  const toggle = (/** @type {string} */ name, /** @type {string} */ value, /** @type {string} */ label) => html`<button type="button" class="chip" aria-pressed=${on(name, value)} onClick=${() => set(name, on(name, value) ? "" : value)}>${label}</button>`;
  return html`<div class="filters" role="toolbar" aria-label="Filters">
    ${toggle("errors", "1", "Errors only")}${toggle("kind", "message", "Messages")}${toggle("kind", "opening", "Connects")}${toggle("kind", "closed", "Closes")}${toggle("kind", "batch", "Batches")}${toggle("kind", "run", "Runs")}${toggle("ping", "0", "Hide ping")}
    ${FIELDS.slice(1).filter((name) => query.get(name)).map((name) => html`<button type="button" class="chip" aria-pressed="true" aria-label=${`Remove the filter ${name}`} onClick=${() => set(name, "")}>${name}: ${query.get(name)} ✕</button>`)}
    <select class="chip" aria-label="Filter by" onFocus=${() => setChoices(offered(rows))} onPointerEnter=${() => setChoices(offered(rows))} onChange=${choose}><option value="">Only …</option>${choices.map(([name, values]) => html`<optgroup key=${name} label=${name}>${values.map((value) => html`<option key=${value} value=${`${name}=${value}`}>${value}</option>`)}</optgroup>`)}</select>
    <span class="grow" /><span class="dim">${counted(count, "row")}</span>
    <button type="button" class="chip" aria-pressed=${isPaused} onClick=${freeze}><${Icon} name=${isPaused ? "play" : "pause"} />${isPaused ? "Go on" : "Pause"}</button>
  </div>`;
}

/** @param {{store: any, query: URLSearchParams, clear: () => void}} props */
function Nothing({ store, query, clear }) {
  if (store.state === "connecting") return null;
  if ([...query.keys()].length && store.rows.length) return html`<${Empty} title="Nothing matches"><p>${counted(store.rows.length, "row is", "rows are")} hidden by the filters.</p><button type="button" class="button" onClick=${clear}>Remove all filters</button><//>`;
  const call = store.info?.is_app ? "streamer call ping" : `wscat -c '${store.info?.websocket_urls?.[0] ?? ""}'`;
  return html`<${Empty} title="Waiting for the first message"><p>Connect a client, or call an action from another shell:</p><pre class="value">${call}</pre><p>Whatever passes through the emulator appears here.</p><//>`;
}
