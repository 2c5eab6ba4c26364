// @ts-check
// Clients side by side, each a real WebSocket of this browser through the gateway.

import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { Empty, useStore } from "./parts.js";
import { Session } from "./session.js";

/** @typedef {{key: number, user: string, tenant: string, permissions: string, text: string, given?: number}} Draft */

/** @param {{query: URLSearchParams, isShown: boolean}} props */
export function Send({ query, isShown }) {
  const { info, boot } = useStore();
  const [drafts, setDrafts] = useState(/** @type {Draft[]} */ ([]));
  const [described, setDescribed] = useState(/** @type {any} */ (null));
  const made = useRef(0);
  const said = query.toString();
  useEffect(() => {
    // What the code takes as it is now; a form is made of it.
    if (isShown && info?.is_app) ask("describe").then(setDescribed, () => setDescribed(null));
  }, [boot, info?.is_app, isShown]);
  const add = () => {
    made.current += 1;
    const who = info?.identity ?? { user: "ada", tenant: "acme", permissions: [] };
    const text = query.get("text") ?? first(info);
    setDrafts((all) => [...all, { key: made.current, user: query.get("user") || who.user, tenant: query.get("tenant") || who.tenant, permissions: who.permissions.join(" "), text }]);
  };
  useEffect(() => {
    if (info && !made.current) add();
  }, [info]);
  const wanted = query.get("text");
  const isForOther = Boolean(query.get("user"));
  useEffect(() => {
    // Its clients stay while other pages are shown: the last one gets the text, unless it is somebody else's.
    if (!wanted || !drafts.length) return;
    if (isForOther) add();
    else setDrafts((all) => all.map((each, index) => (index === all.length - 1 ? { ...each, text: wanted, given: (each.given ?? 0) + 1 } : each)));
  }, [said]);
  if (!info) return html`<section class="page" aria-busy="true" aria-label="Send"><h1>Send</h1></section>`;
  return html`<section class="page" aria-label="Send">
    <div class="title"><h1>Send</h1><span class="grow" /><button type="button" class="button" onClick=${add}>Another client</button></div>
    ${!info.mints && html`<p class="missed">No token can be made here: ${info.why_no_tokens}. A client connects without one, or with what you put into its address.</p>`}
    ${!drafts.length && html`<${Empty} title="No clients"><p>Each is a WebSocket of this browser, through the gateway.</p><button type="button" class="button" onClick=${add}>Add one</button><//>`}
    <div class="sessions">${drafts.map((draft) => html`<${Session} key=${draft.key} draft=${draft} info=${info} described=${described} onClose=${() => setDrafts((all) => all.filter((each) => each.key !== draft.key))} />`)}</div>
  </section>`;
}

/** @param {any} info */
function first(info) {
  if (info?.is_app) return JSON.stringify({ action: info.actions[0] ?? "ping", id: "{{uuid}}", payload: {} }, null, 2);
  return JSON.stringify(info?.topology.routes.find((/** @type {any} */ each) => each.message)?.message ?? { action: "hello" });
}
