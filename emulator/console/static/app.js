// @ts-check
// The frame of the page: where one is, the navigation, the keys, and what is wrong.

import { html, render, useEffect, useErrorBoundary, useRef, useState } from "./vendor/preact-htm.js";
import { About } from "./about.js";
import { Offers } from "./offers.js";
import { hasToken, setToken, takeToken } from "./api.js";
import { Connections } from "./connections.js";
import { Functions } from "./functions.js";
import { Live } from "./live.js";
import { Metrics } from "./metrics.js";
import { Empty, Icon, useStore, Voice } from "./parts.js";
import { Requests } from "./requests.js";
import { Send } from "./send.js";
import { store } from "./store.js";
import { Streams } from "./streams.js";
import { Tables } from "./tables.js";

const PAGES = [["live", "Live"], ["connections", "Connections"], ["send", "Send"], ["requests", "Requests"], ["tables", "Tables"], ["streams", "Streams"], ["functions", "Functions"], ["metrics", "Metrics"], ["api", "API"], ["about", "About"]];
const KEYS = [["/", "search"], ["j  k", "next, previous row"], ["Enter", "open"], ["Escape", "close"], ["1 … 9, 0", "pages"], ["?", "this list"]];
const THEMES = ["system", "light", "dark"];

function place() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  const [, page = "live", ...rest] = path.split("/");
  return { page: page || "live", rest: rest.length ? decoded(rest.join("/")) : null, query: new URLSearchParams(query) };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an address that somebody cut or wrote
  }
}

/** @param {string} path @param {URLSearchParams} [query] @param {boolean} [isSameStep] whether it stays one step of the history */
function go(path, query, isSameStep) {
  const said = query?.toString();
  const next = `#${path}${said ? `?${said}` : ""}`;
  if (next !== location.hash) location[isSameStep ? "replace" : "assign"](next);
}

/** A page, or why it cannot be shown. @param {{children?: any}} props */
function Shown({ children }) {
  const [error, mend] = useErrorBoundary();
  useEffect(() => mend, [location.hash]);
  return error ? html`<${Empty} title="This cannot be shown"><p>${String(error)}</p><a class="button" href="#/live">Go to Live</a><//>` : children;
}

function App() {
  const { state, info, why } = useStore();
  const [where, setWhere] = useState(place());
  const [theme, setTheme] = useState(localStorage.getItem("streamer-theme") ?? "system");
  const [hasHelp, setHelp] = useState(false);
  const hasSend = useRef(false);
  const search = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    const moved = () => (takeToken() ? location.reload() : setWhere(place()));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("streamer-theme", theme);
  }, [theme]);
  useEffect(() => {
    document.title = info?.target ? `${info.target} · streamer` : "streamer";
  }, [info]);
  useEffect(() => {
    const key = (/** @type {KeyboardEvent} */ event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") {
        if (isTyping) return target.blur();
        if (document.querySelector(".help")) return setHelp(false);
        const now = place();
        if (now.query.has("item")) {
          now.query.delete("item");
          go(`/${now.page}/${encodeURIComponent(now.rest ?? "")}`, now.query);
        } else if (now.rest && now.page !== "tables") go(now.page === "messages" ? "/live" : `/${now.page}`, now.query);
      }
      if (isTyping) return;
      if (event.key === "/") {
        event.preventDefault();
        search.current?.focus();
      }
      if (event.key === "?") setHelp((shown) => !shown);
      const page = PAGES["1234567890".indexOf(event.key)];
      if (page) go(`/${page[0]}`);
      if (event.key === "j" || event.key === "k") /** @type {HTMLElement | null} */ (document.querySelector(".rows, .table tr[tabindex]"))?.focus();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  useEffect(() => {
    // On small screens the pages are a row that scrolls.
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [where.page]);
  if (state === "refused" || !hasToken()) return html`<${Locked} why=${why} />`;
  const { page, rest, query } = where;
  const type = (/** @type {Event} */ event) => {
    const next = new URLSearchParams(query);
    const { value } = /** @type {HTMLInputElement} */ (event.target);
    if (value) next.set("q", value);
    else next.delete("q");
    go(rest && page === "messages" ? `/messages/${rest}` : "/live", next, place().query.has("q"));
  };
  const current = page === "messages" ? "live" : page;
  // Its sockets stay open while another page is shown.
  if (current === "send") hasSend.current = true;
  return html`
    <header class="top">
      <a class="brand" href="#/live" aria-label="streamer, Live"><svg viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" rx="4" /><path d="M3.5 5.5h6M6.5 8h6M3.5 10.5h4" /></svg><b>streamer</b></a>
      <span class="target" title="What is emulated">${info?.target ?? ""}</span>
      <label class="search"><${Icon} name="search" /><input ref=${search} type="search" placeholder="Search" aria-label="Search in Live" value=${query.get("q") ?? ""} onInput=${type} /><kbd>/</kbd></label>
      <span class="grow" />
      ${store.recording ? html`<button type="button" class="chip" aria-pressed="true" aria-label="Close the recording" onClick=${() => store.close()}>${store.recording.name} ✕</button>` : html`<span class=${`connected ${state}`} role="status">${{ live: "recording", gone: "emulator stopped; trying again", connecting: "connecting" }[/** @type {"live"} */ (state)]}</span>`}
      <button type="button" class="button icon-only" title=${`Theme: ${theme}`} aria-label=${`Theme: ${theme}; change it`} onClick=${() => setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length])}><${Icon} name="theme" /></button>
    </header>
    <nav aria-label="Pages">${PAGES.map(([name, label]) => html`<a href=${`#/${name}`} aria-current=${current === name ? "page" : undefined}><${Icon} name=${name} /><span>${label}</span></a>`)}</nav>
    <main>
      ${hasSend.current && html`<div class="kept" hidden=${current !== "send"}><${Shown}><${Send} query=${query} isShown=${current === "send"} /><//></div>`}
      <${Shown}>
      ${current === "live" && html`<${Live} query=${query} selected=${page === "messages" ? rest : null} go=${go} />`}
      ${current === "connections" && html`<${Connections} selected=${rest} go=${go} />`}
      ${current === "requests" && html`<${Requests} query=${query} selected=${rest} go=${go} />`}
      ${current === "tables" && html`<${Tables} query=${query} table=${rest} go=${go} />`}
      ${current === "functions" && html`<${Functions} selected=${rest} go=${go} />`}
      ${current === "streams" && html`<${Streams} selected=${rest} go=${go} />`}
      ${current === "metrics" && html`<${Metrics} />`}
      ${current === "api" && html`<${Offers} selected=${rest} go=${go} />`}
      ${current === "about" && html`<${About} />`}
      ${!PAGES.some(([name]) => name === current) && html`<${Empty} title=${`There is no page “${current}”`}><a class="button" href="#/live">Go to Live</a><//>`}
      <//>
    </main>
    <${Voice} />
    ${hasHelp && html`<dialog open class="help" aria-label="Keys"><h2>Keys</h2><dl>${KEYS.map(([key, does]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${does}</dd></div>`)}</dl><button type="button" class="button" onClick=${() => setHelp(false)}>Close</button></dialog>`}`;
}

/** @param {{why: string}} props */
function Locked({ why }) {
  const [token, setText] = useState("");
  const enter = (/** @type {Event} */ event) => {
    event.preventDefault();
    setToken(token.replace(/.*token=|[^\w-]/g, ""));
    location.reload();
  };
  return html`<main class="locked"><div class="empty">
    <h1>The console needs its token</h1>
    <p>${why || "Open it from a terminal, in the folder of the emulator:"}</p><pre class="value">streamer console</pre>
    <form onSubmit=${enter}><label>or enter what stands in <code>.streamer/console-token</code><input type="password" autocomplete="off" value=${token} onInput=${(/** @type {Event} */ event) => setText(/** @type {HTMLInputElement} */ (event.target).value)} /></label><button class="button">Open</button></form>
  </div></main>`;
}

/** Opens other tabs: one that the browser opens by itself has no token. @param {MouseEvent} event */
function besides(event) {
  const link = /** @type {Element} */ (event.target).closest?.('a[href^="#"]');
  if (!link || !(event.button === 1 || (event.button === 0 && (event.ctrlKey || event.metaKey || event.shiftKey)))) return;
  event.preventDefault();
  open(/** @type {HTMLAnchorElement} */ (link).href);
}

addEventListener("click", besides);
// For the same file again.
addEventListener("click", (/** @type {any} */ { target }) => target.type === "file" && (target.value = ""));
addEventListener("auxclick", besides);
takeToken();
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
if (hasToken()) store.follow();
