// @ts-check
// The tables of the service: look for items, page by page, and change them without losing what others wrote.

import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { ask } from "./api.js";
import { ago, counted, download as save, parsed, parsedOr } from "./format.js";
import { absent, brief, change, isPlain, keyOf, OPERATORS, plainItem, same, search, typed } from "./items.js";
import { Copy, Detail, Empty, Facts, usePolled, useStore } from "./parts.js";

const PAGE = 50;
const COLUMNS = 7;
const NEW = "new";

/** @param {string} operation @param {any} body */
const perform = (operation, body) => ask(`dynamodb/${operation}`, { body });

/** @param {{query: URLSearchParams, table: string | null, go: (path: string, query?: URLSearchParams) => void}} props */
export function Tables({ query, table: named, go }) {
  const { info } = useStore();
  const tables = info?.topology.tables ?? [];
  const table = tables.find((/** @type {any} */ each) => each.name === named) ?? (named ? null : tables[0]);
  if (!info) return html`<section class="page" aria-busy="true" aria-label="Tables"><h1>Tables</h1></section>`;
  if (!tables.length) return html`<section class="page" aria-label="Tables"><h1>Tables</h1><${Empty} title="The service has no tables"><p>Declare one in the topology or in the template; it appears here with its items.</p><//></section>`;
  if (!table) return html`<section class="page" aria-label="Tables"><h1>Tables</h1><${Empty} title=${`There is no table ${named}`}><a class="button" href="#/tables">All tables</a><//></section>`;
  return html`<${One} key=${table.name} table=${table} tables=${tables} query=${query} go=${go} />`;
}

/** @param {{table: any, tables: any[], query: URLSearchParams, go: (path: string, query?: URLSearchParams) => void}} props */
function One({ table, tables, query, go }) {
  const [starts, setStarts] = useState(/** @type {any[]} */ ([]));
  const [chosen, setChosen] = useState(/** @type {Record<string, any>} */ ({}));
  const [said, setSaid] = useState(/** @type {{text: string, undo?: () => Promise<any>} | null} */ (null));
  const [wrong, setWrong] = useState("");
  const index = table.indexes.find((/** @type {any} */ each) => each.name === query.get("index"));
  const key = index ? index.key : table.key;
  const { operation, parameters } = search(table.name, key, query);
  const start = starts[starts.length - 1];
  const body = { ...parameters, Limit: PAGE, ExclusiveStartKey: start };
  const { found, wrong: refused, again } = usePolled(`dynamodb/${operation}`, 2000, body);
  const items = found?.Items ?? [];
  const changed = useChanged(items, table.key, JSON.stringify(body));
  const item = query.get("item");
  const path = `/tables/${encodeURIComponent(table.name)}`;
  const to = (/** @type {Record<string, string>} */ changes) => {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    go(path, next);
  };
  const attempt = async (/** @type {() => Promise<void>} */ what) => {
    setWrong("");
    try {
      await what();
    } catch (error) {
      setWrong(reason(error));
    }
    again();
  };
  const removeAll = () => attempt(async () => {
    /** @type {any[]} */
    const removed = [];
    try {
      for (const each of Object.values(chosen)) removed.push(await deleted(table, each));
    } finally {
      setChosen({});
      setSaid({ text: `${counted(removed.length, "item")} deleted`, undo: () => putBack(table, removed) });
    }
  });
  const count = () => attempt(async () => {
    let [total, from] = [0, undefined];
    do {
      const page = await perform(operation, { ...parameters, Select: "COUNT", ExclusiveStartKey: from });
      total += page.Count;
      from = page.LastEvaluatedKey;
    } while (from);
    setSaid({ text: counted(total, "item") });
  });
  const names = columns(items, table.key, index?.key);
  const picked = Object.keys(chosen).length;
  return html`<div class=${`panes ${item ? "split" : ""}`}>
    <section class="page" aria-label="Tables">
      <div class="title"><h1>Tables</h1><label class="inline"><select aria-label="Table" value=${table.name} onChange=${(/** @type {any} */ event) => go(`/tables/${encodeURIComponent(event.target.value)}`)}>${tables.map((each) => html`<option key=${each.name} value=${each.name}>${each.name}</option>`)}</select></label>
        <span class="grow" /><button type="button" class="button" onClick=${() => to({ item: NEW })}>New item</button></div>
      <${Facts} facts=${[["key", keyText(table.key)], ["indexes", table.indexes.map((/** @type {any} */ each) => `${each.name}: ${keyText(each.key)}`).join("; ")], ["expires by", table.ttl]]} />
      <${Search} key=${`${table.name}/${index?.name ?? ""}`} table=${table} searched=${key} query=${query} find=${(/** @type {any} */ changes) => { setStarts([]); to(changes); }} />
      <div class="actions"><button type="button" class="button small" onClick=${count}>Count</button>
        <button type="button" class="button small" onClick=${() => attempt(() => download(table, operation, parameters))}>Export</button>
        <label class="button small">Import<input class="unseen" type="file" accept="application/json" aria-label="Import items from a file" onChange=${(/** @type {any} */ event) => attempt(async () => setSaid({ text: `${counted(await upload(table, event.target.files[0]), "item")} written` }))} /></label>
        ${picked > 0 && html`<button type="button" class="button small danger" onClick=${removeAll}>Delete ${counted(picked, "item")}</button>`}
        ${said && html`<span role="status">${said.text}${said.undo && html` <button type="button" class="link" onClick=${() => attempt(async () => { await said.undo?.(); setSaid({ text: "put back" }); })}>Undo</button>`}</span>`}</div>
      ${(wrong || refused) && html`<p class="why" role="alert">${wrong || refused}</p>`}
      ${found && !items.length && html`<${Empty} title=${operation === "Scan" ? "It is empty" : "Nothing found"}><p>${operation === "Scan" ? "What the service writes appears here." : "No item has such a key."}</p><//>`}
      ${items.length > 0 && html`<div class="scroll"><table class="table items" aria-label="Items"><thead><tr><th scope="col"><span class="unseen">chosen</span></th>${names.map((name) => html`<th scope="col" key=${name}>${name}</th>`)}</tr></thead>
        <tbody>${items.map((/** @type {any} */ each) => {
          const id = JSON.stringify(keyOf(each, table.key));
          const open = () => to({ item: id });
          return html`<tr key=${id} tabIndex="0" class=${`${id === item ? "selected" : ""} ${changed.has(id) ? "changed" : ""}`} aria-current=${id === item ? "true" : undefined} onClick=${open} onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && event.target === event.currentTarget && open()}>
            <td onClick=${(/** @type {Event} */ event) => event.stopPropagation()}><input type="checkbox" aria-label=${`Choose ${brief("", each[table.key.partition])}`} checked=${id in chosen} onChange=${() => setChosen(toggled(chosen, id, each))} /></td>
            ${names.map((name) => html`<td key=${name} title=${brief(name, each[name])}>${name === table.ttl ? left(each[name]) : brief(name, each[name])}</td>`)}</tr>`;
        })}</tbody></table></div>
        <div class="actions"><button type="button" class="button small" disabled=${!starts.length} onClick=${() => setStarts(starts.slice(0, -1))}>Before</button><button type="button" class="button small" disabled=${!found.LastEvaluatedKey} onClick=${() => setStarts([...starts, found.LastEvaluatedKey])}>Next</button><span class="dim">page ${starts.length + 1}, ${counted(items.length, "item")}</span></div>`}
    </section>
    ${item && html`<${Editor} key=${item} table=${table} id=${item} done=${(/** @type {string} */ text, /** @type {any} */ undo, /** @type {string} */ next) => { setSaid({ text, undo }); to({ item: next }); again(); }} back=${() => to({ item: "" })} />`}
  </div>`;
}

/** @param {any} key */
function keyText(key) {
  return `${key.partition} (${key.types[key.partition]})${key.sort ? `, ${key.sort} (${key.types[key.sort]})` : ""}`;
}

/** @param {any} error */
function reason(error) {
  const text = String(/** @type {Error} */ (error).message);
  return text.startsWith("ConditionalCheckFailedException") ? "Somebody has changed it meanwhile: look at it again." : text;
}

/** @param {Record<string, any>} chosen @param {string} id @param {any} item */
function toggled(chosen, id, item) {
  const { [id]: was, ...others } = chosen;
  return was ? others : { ...chosen, [id]: item };
}

/** Keys first, then what most items have. @param {any[]} items @param {any} key @param {any} [other] */
function columns(items, key, other) {
  const first = [key.partition, key.sort, other?.partition, other?.sort].filter(Boolean);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const item of items) for (const name of Object.keys(item)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const others = [...counts.keys()].filter((name) => !first.includes(name)).sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  return [...new Set([...first, ...others])].slice(0, COLUMNS);
}

/** @param {any} value */
function left(value) {
  return value?.N ? ago(Number(value.N) * 1000) : brief("", value);
}

/** Ids of items that are other than a moment ago. @param {any[]} items @param {any} key @param {string} question */
function useChanged(items, key, question) {
  const before = useRef({ question: "", items: /** @type {Map<string, any>} */ (new Map()), changed: /** @type {Set<string>} */ (new Set()), last: /** @type {any} */ (null) });
  if (before.current.last !== items) {
    const now = new Map(items.map((item) => [JSON.stringify(keyOf(item, key)), item]));
    const known = before.current;
    const isSame = known.question === question && known.items.size > 0;
    const changed = new Set(isSame ? [...now.keys()].filter((id) => !same(now.get(id), known.items.get(id))) : []);
    before.current = { question, items: now, changed, last: items };
  }
  return before.current.changed;
}

/** @param {{table: any, searched: any, query: URLSearchParams, find: (changes: Record<string, string>) => void}} props */
function Search({ table, searched, query, find }) {
  const [key, setKey] = useState(query.get("key") ?? "");
  const [sort, setSort] = useState(query.get("sort") ?? "");
  const [operator, setOperator] = useState(query.get("op") ?? "=");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    find({ key, sort, op: operator === "=" ? "" : operator });
  };
  return html`<form class="query" onSubmit=${submit}>
    ${table.indexes.length > 0 && html`<label>Index<select value=${query.get("index") ?? ""} onChange=${(/** @type {any} */ event) => find({ index: event.target.value, key: "", sort: "", op: "" })}><option value="">the table</option>${table.indexes.map((/** @type {any} */ each) => html`<option key=${each.name} value=${each.name}>${each.name}</option>`)}</select></label>`}
    <label>${searched.partition}<input value=${key} placeholder="all" onInput=${(/** @type {any} */ event) => setKey(event.target.value)} /></label>
    ${searched.sort && html`<label>${searched.sort}<span class="chips"><select aria-label="Operator" value=${operator} onChange=${(/** @type {any} */ event) => setOperator(event.target.value)}>${OPERATORS.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}</select><input aria-label=${searched.sort} value=${sort} placeholder=${operator === "between" ? "from and to" : "any"} onInput=${(/** @type {any} */ event) => setSort(event.target.value)} /></span></label>`}
    <button class="button">${key ? "Query" : "Scan"}</button>
    ${query.get("key") && html`<button type="button" class="button" onClick=${() => find({ order: query.get("order") ? "" : "down" })}>${query.get("order") ? "Ascending" : "Descending"}</button>
      <button type="button" class="link" onClick=${() => { setKey(""); setSort(""); find({ key: "", sort: "", op: "", order: "" }); }}>All</button>`}
  </form>`;
}

/** @param {{table: any, id: string, done: (text: string, undo: any, next: string) => void, back: () => void}} props */
function Editor({ table, id, done, back }) {
  const [item, setItem] = useState(/** @type {any} */ (null));
  const [text, setText] = useState("");
  const [isTyped, setTyped] = useState(false);
  const [wrong, setWrong] = useState("");
  const [isNew, setNew] = useState(id === NEW);
  const shown = (/** @type {any} */ value, /** @type {boolean} */ asTyped) => JSON.stringify(asTyped ? value : plainItem(value), null, 2);
  useEffect(() => {
    if (id === NEW) {
      const key = table.key;
      const empty = Object.fromEntries([key.partition, key.sort].filter(Boolean).map((name) => [name, { [key.types[name]]: key.types[name] === "N" ? "0" : "" }]));
      setItem(empty);
      setText(shown(empty, false));
      return;
    }
    perform("GetItem", { TableName: table.name, Key: parsedOr(id, {}), ConsistentRead: true }).then(({ Item }) => {
      setItem(Item ?? {});
      const asTyped = Item ? !isPlain(Item) : false;
      setTyped(asTyped);
      if (Item) setText(shown(Item, asTyped));
      else setWrong("It is gone.");
    }, (error) => setWrong(reason(error)));
  }, [id]);
  /** @param {() => Promise<void>} what */
  const attempt = async (what) => {
    setWrong("");
    try {
      await what();
    } catch (error) {
      setWrong(reason(error));
    }
  };
  const written = () => {
    const value = parsed(text);
    return isTyped ? value : Object.fromEntries(Object.entries(value).map(([name, each]) => [name, typed(each)]));
  };
  const save = () => attempt(async () => {
    const next = written();
    const isSameKey = same(keyOf(next, table.key), keyOf(item, table.key));
    if (!isNew && !isSameKey) throw new Error("The key cannot be changed: make a copy, and delete this one.");
    const changed = (/** @type {any} */ from, /** @type {any} */ to) => perform("UpdateItem", { TableName: table.name, ...change(table.key, from, to) });
    await (isNew ? putBack(table, [next]) : changed(item, next));
    done("written", isNew ? undefined : () => changed(next, item), "");
  });
  const remove = () => attempt(async () => {
    const removed = await deleted(table, item);
    done("1 item deleted", () => putBack(table, [removed]), "");
  });
  const look = (/** @type {boolean} */ asTyped) => attempt(async () => {
    const value = written();
    if (!asTyped && !isPlain(value)) throw new Error("It has sets, bytes or exact numbers, which plain JSON cannot tell.");
    setText(shown(value, asTyped));
    setTyped(asTyped);
  });
  return html`<${Detail} label="Item" title=${isNew ? "New item" : "Item"} back=${back}>
    ${item && html`<div class="chips" role="toolbar" aria-label="Form"><button type="button" class="chip" aria-pressed=${!isTyped} onClick=${() => look(false)}>Plain JSON</button><button type="button" class="chip" aria-pressed=${isTyped} onClick=${() => look(true)}>With types</button><span class="grow" /><${Copy} text=${() => text} /></div>
    <textarea aria-label="Item" rows=${Math.min(30, Math.max(8, text.split("\n").length + 1))} spellcheck="false" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
    <div class="actions"><button type="button" class="button primary" onClick=${save}>${isNew ? "Add" : "Save"}</button>
      ${!isNew && html`<button type="button" class="button" onClick=${() => setNew(true)}>Make a copy</button><span class="grow" /><button type="button" class="button danger" onClick=${remove}>Delete</button>`}</div>
    <p class="dim">${isNew ? "Added only if no item has this key." : "Saved only if nobody has changed it since it was shown."}</p>`}
    ${wrong && html`<p class="why" role="alert">${wrong}</p>`}
  <//>`;
}

/** Deletes an item as it was shown; answers with all of it. @param {any} table @param {any} item */
async function deleted(table, item) {
  return (await perform("DeleteItem", { TableName: table.name, ...change(table.key, item), ReturnValues: "ALL_OLD" })).Attributes;
}

/** Writes items that are not there. @param {any} table @param {any[]} items */
function putBack(table, items) {
  return Promise.all(items.map((Item) => perform("PutItem", { TableName: table.name, Item, ...absent(table.key.partition) })));
}

/** @param {any} table @param {string} operation @param {any} parameters */
async function download(table, operation, parameters) {
  const items = [];
  let from;
  do {
    const page = await perform(operation, { ...parameters, Select: "ALL_ATTRIBUTES", ExclusiveStartKey: from });
    items.push(...page.Items);
    from = page.LastEvaluatedKey;
  } while (from);
  save(`${table.name}.json`, JSON.stringify(items, null, 1));
}

/** Writes the items of a file; answers how many. @param {any} table @param {File} file */
async function upload(table, file) {
  const items = JSON.parse(await file.text());
  if (!Array.isArray(items)) throw new Error("no list of items");
  for (let at = 0; at < items.length; at += 25) {
    let requests = items.slice(at, at + 25).map((/** @type {any} */ Item) => ({ PutRequest: { Item } }));
    while (requests.length) {
      const { UnprocessedItems } = await perform("BatchWriteItem", { RequestItems: { [table.name]: requests } });
      requests = UnprocessedItems?.[table.name] ?? [];
    }
  }
  return items.length;
}
