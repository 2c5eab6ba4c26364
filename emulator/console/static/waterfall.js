// @ts-check
// The spans of a message to scale: idle gaps are folded, and a range can be drawn with the mouse to look closer.

import { html, useRef, useState } from "./vendor/preact-htm.js";
import { counted, duration, short } from "./format.js";

const GAP_MS = 1000;
const WORDS = {
  message: "gateway", opening: "gateway", wait: "waiting", init: "cold start", function: "function",
  dynamodb: "DynamoDB", lambda: "Lambda", sqs: "SQS",
};

/** Places of moments on a line of 0 to 1, with idle gaps made short. @param {{begin: number, end: number}[]} spans */
export function scale(spans) {
  const inner = spans.filter((span) => span.end > span.begin || spans.length === 1).sort((a, b) => a.begin - b.begin);
  /** @type {[number, number][]} */
  const busy = [];
  for (const span of inner) {
    const last = busy[busy.length - 1];
    if (last && span.begin - last[1] <= GAP_MS) last[1] = Math.max(last[1], span.end);
    else busy.push([span.begin, span.end]);
  }
  const total = busy.reduce((sum, [begin, end]) => sum + end - begin, 0) || 1;
  const fold = busy.length > 1 ? Math.max(total * 0.04, 0.01) : 0;
  const whole = total + fold * (busy.length - 1);
  const place = (/** @type {number} */ moment) => {
    let before = 0;
    for (const [index, [begin, end]] of busy.entries()) {
      if (moment <= end || index === busy.length - 1) return (before + Math.min(Math.max(moment - begin, 0), end - begin)) / whole;
      before += end - begin + fold;
    }
    return 1;
  };
  const gaps = busy.slice(1).map(([begin], index) => ({ begin: busy[index][1], end: begin, at: place(busy[index][1]) }));
  return { place, gaps };
}

/** @param {{spans: any[], selected: number | null, onSelect: (number: number) => void}} props */
export function Waterfall({ spans, selected, onSelect }) {
  const [zoom, setZoom] = useState(/** @type {[number, number]} */ ([0, 1]));
  const [drag, setDrag] = useState(/** @type {[number, number] | null} */ (null));
  const axis = useRef(/** @type {HTMLElement | null} */ (null));
  if (!spans.length) return null;
  // A message that waits for others to answer covers their gaps; only what it led to counts as work.
  const parts = spans.length > 1 ? spans.filter((span) => span.depth > 0) : spans;
  const { place, gaps } = scale(parts);
  const begin = Math.min(...spans.map((span) => span.begin));
  const [from, to] = zoom;
  const at = (/** @type {number} */ moment) => ((place(moment) - from) / (to - from)) * 100;
  const where = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {HTMLElement} */ (axis.current).getBoundingClientRect();
    return from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * (to - from);
  };
  const grab = (/** @type {PointerEvent} */ event) => {
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
    setDrag([where(event), where(event)]);
  };
  const pull = (/** @type {PointerEvent} */ event) => drag && setDrag([drag[0], where(event)]);
  const release = () => {
    if (drag && Math.abs(drag[1] - drag[0]) > 0.01 * (to - from)) setZoom(drag[0] < drag[1] ? drag : [drag[1], drag[0]]);
    setDrag(null);
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    const width = to - from;
    const middle = (from + to) / 2;
    /** @type {Record<string, [number, number]>} */
    const views = {
      "+": [middle - width / 4, middle + width / 4],
      "-": [middle - width, middle + width],
      ArrowLeft: [from - width / 4, to - width / 4],
      ArrowRight: [from + width / 4, to + width / 4],
      Home: [0, 1],
    };
    const next = views[event.key === "=" ? "+" : event.key];
    if (!next || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const size = Math.min(1, Math.max(0.001, next[1] - next[0]));
    const begins = Math.min(1 - size, Math.max(0, next[0]));
    setZoom([begins, begins + size]);
  };
  const percent = (/** @type {number} */ point) => `${((point - from) / (to - from)) * 100}%`;
  return html`<div class="waterfall" role="group" aria-label="What took time">
    <div class="axis">
      <span class="hint">${from > 0 || to < 1 ? html`<button type="button" class="link" onClick=${() => setZoom([0, 1])}>Show all</button>` : "Drag to zoom"}</span>
      <div class="track" ref=${axis} tabIndex="0" role="group" aria-label="Zoom: plus, minus, arrows, Home" title="Drag, or + − ← → and Home" onKeyDown=${keys} onPointerDown=${grab} onPointerMove=${pull} onPointerUp=${release} onDblClick=${() => setZoom([0, 1])}>
        ${drag && html`<i class="brush" style=${{ left: percent(Math.min(...drag)), width: `${(Math.abs(drag[1] - drag[0]) / (to - from)) * 100}%` }} />`}
        ${gaps.filter((gap) => gap.at >= from && gap.at <= to).map((gap) => html`<b class="gap" style=${{ left: percent(gap.at) }} title=${`${duration(gap.end - gap.begin)} in which nothing happened`}>${duration(gap.end - gap.begin)}</b>`)}
      </div>
      <span class="numbers">took</span>
    </div>
    ${spans.map((span) => {
      const left = Math.max(0, Math.min(99.6, at(span.begin)));
      const right = Math.max(left, Math.min(100, at(span.end)));
      const isOut = at(span.end) < 0 || at(span.begin) > 100;
      const word = /** @type {Record<string, string>} */ (WORDS)[span.kind] ?? span.kind;
      return html`<button type="button" class=${`span ${span.kind} ${span.status}`} aria-pressed=${selected === span.number}
        title=${`${word}: ${span.name}${span.note ? `, ${span.note}` : ""}; begins after ${duration(span.begin - begin)}`} onClick=${() => onSelect(span.number)}>
        <span class="label" style=${{ paddingLeft: `${span.depth * 14}px` }}><b>${short(span.name)}</b>${span.note && html` <i>${short(span.note)}</i>`}</span>
        <span class="track">${!isOut && html`<i class="bar" style=${{ left: `${left}%`, width: `max(3px, ${right - left}%)` }} />`}</span>
        <span class="numbers">${span.status === "error" ? "failed, " : ""}${duration(span.end - span.begin)}</span>
      </button>`;
    })}
    <p class="legend" aria-hidden="true">${counted(spans.length, "step")}:
      ${[...new Set(spans.map((span) => span.kind))].map((kind) => html`<span class=${kind}><i />${/** @type {Record<string, string>} */ (WORDS)[kind] ?? kind}</span>`)}
    </p>
  </div>`;
}
