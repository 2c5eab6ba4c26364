// @ts-check
// Items of DynamoDB: what they look like, and the requests that look for them and change them with care.

import { rawNumber } from "./format.js";

/** @typedef {Record<string, any>} Item Typed, as `{"name": {"S": "ada"}}`. */
/** @typedef {{partition: string, sort: string | null, types: Record<string, string>}} Key */

const HIDDEN = /(authorization|cookies?|token|secret|passw(or)?d|pwd|passphrase|credentials|(api|private|secret.*)key)$/i;
const hidden = (/** @type {string} */ name, /** @type {any} */ value) => (HIDDEN.test(name.replace(/[-_]/g, "")) ? "‹hidden›" : value);

/** A typed value in a few characters. @param {string} name @param {any} value */
export function brief(name, value) {
  if (value === undefined) return "";
  const [kind, inner] = /** @type {[string, any]} */ (Object.entries(value)[0] ?? ["", ""]);
  if (kind === "B") return hidden(name, `‹${inner.length} characters of base64›`);
  return hidden(name, kind === "S" || kind === "N" ? inner : JSON.stringify(plain(value), hidden));
}

/** A typed value as plain JSON; what JSON does not have becomes text. @param {any} value @returns {any} */
export function plain(value) {
  const [kind, inner] = /** @type {[string, any]} */ (Object.entries(value)[0] ?? ["NULL", true]);
  if (kind === "N") return String(Number(inner)) === inner ? Number(inner) : inner;
  if (kind === "NULL") return null;
  if (kind === "L") return inner.map(plain);
  if (kind === "M") return Object.fromEntries(Object.entries(inner).map(([name, each]) => [name, plain(each)]));
  return inner;
}

/** @param {Item} item */
export function plainItem(item) {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, plain(value)]));
}

/** Plain JSON as a typed value. @param {any} value @returns {any} */
export function typed(value) {
  if (value === null) return { NULL: true };
  if (typeof value === "string") return { S: value };
  if (typeof value === "number") return { N: String(value) };
  if (typeof value === "boolean") return { BOOL: value };
  if (rawNumber(value)) return { N: rawNumber(value) };
  if (Array.isArray(value)) return { L: value.map(typed) };
  return { M: Object.fromEntries(Object.entries(value).map(([name, each]) => [name, typed(each)])) };
}

/** Whether an item is the same after it was written plainly: it has no sets, no bytes, no number too exact. @param {Item} item */
export function isPlain(item) {
  const again = Object.fromEntries(Object.entries(plainItem(item)).map(([name, value]) => [name, typed(value)]));
  return same(again, item);
}

/** @param {any} a @param {any} b @returns {boolean} */
export function same(a, b) {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => same(a[name], b[name]));
}

/** @param {Item} item @param {Key} key */
export function keyOf(item, key) {
  return Object.fromEntries([key.partition, key.sort].filter(Boolean).map((name) => [name, item[/** @type {string} */ (name)]]));
}

/** What makes an item as it was shown another one, only while nobody has changed it; what others have added stays.
 * @param {Key} key @param {Item} item @param {Item} [next] */
export function change(key, item, next = item) {
  /** @type {Item[]} */
  const [names, values] = [{}, {}];
  /** @type {string[][]} */
  const [terms, set, removed] = [[], [], []];
  for (const [index, name] of Object.keys({ ...item, ...next }).entries()) {
    const [was, is] = [item, next].map((each) => Object.hasOwn(each, name) && each[name]);
    names[`#n${index}`] = name;
    terms.push(was ? `#n${index} = :v${index}` : `attribute_not_exists(#n${index})`);
    if (was) values[`:v${index}`] = was;
    if (!is) removed.push(`#n${index}`);
    else if (!same(was, is)) {
      set.push(`#n${index} = :w${index}`);
      values[`:w${index}`] = is;
    }
  }
  const parts = [set.length && `SET ${set}`, removed.length && `REMOVE ${removed}`].filter(Boolean);
  return { Key: keyOf(item, key), ConditionExpression: terms.join(" AND "), ExpressionAttributeNames: names, ExpressionAttributeValues: values, UpdateExpression: parts.join(" ") || undefined };
}

/** @param {string} partition */
export function absent(partition) {
  return { ConditionExpression: "attribute_not_exists(#k)", ExpressionAttributeNames: { "#k": partition } };
}

export const OPERATORS = [["=", "="], ["<", "<"], ["<=", "≤"], [">", ">"], [">=", "≥"], ["begins_with", "begins with"], ["between", "between"]];

/** The Query or Scan that is meant. @param {string} table @param {Key} key @param {URLSearchParams} query @returns {{operation: string, parameters: any}} */
export function search(table, key, query) {
  const index = query.get("index");
  const base = { TableName: table, IndexName: index || undefined };
  const partition = query.get("key");
  if (!partition) return { operation: "Scan", parameters: base };
  const value = (/** @type {string} */ name, /** @type {string} */ text) => ({ [key.types[name] ?? "S"]: text });
  const parameters = {
    ...base,
    KeyConditionExpression: "#p = :p",
    ExpressionAttributeNames: /** @type {Record<string, string>} */ ({ "#p": key.partition }),
    ExpressionAttributeValues: /** @type {Item} */ ({ ":p": value(key.partition, partition) }),
    ScanIndexForward: query.get("order") !== "down",
  };
  const sort = query.get("sort");
  if (key.sort && sort) {
    const operator = query.get("op") ?? "=";
    const [from, to = ""] = operator === "between" ? sort.split(/\s+(?:and|to|…)\s+/) : [sort];
    parameters.ExpressionAttributeNames["#s"] = key.sort;
    parameters.ExpressionAttributeValues[":s"] = value(key.sort, from);
    if (operator === "between") parameters.ExpressionAttributeValues[":t"] = value(key.sort, to);
    const said = { begins_with: "begins_with(#s, :s)", between: "#s BETWEEN :s AND :t" }[/** @type {"between"} */ (operator)] ?? `#s ${operator} :s`;
    parameters.KeyConditionExpression += ` AND ${said}`;
  }
  return { operation: "Query", parameters };
}
