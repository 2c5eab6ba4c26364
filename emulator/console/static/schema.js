// @ts-check
// JSON Schemas: told to people, what a payload could look like, and a form made of one, with JSON where no field fits.

import { html, useEffect, useState } from "./vendor/preact-htm.js";
import { parsed as kept, parsedOr } from "./format.js";

/** How deep members of members get fields of their own. */
const DEEPEST = 3;

/** What a reference leads to. @param {any} schema @param {any} schemas */
function followed(schema, schemas) {
  const name = schema?.$ref?.replace("#/schemas/", "");
  return name === undefined ? { schema, name: "" } : { schema: schemas[name], name };
}

/** A JSON Schema for people. @param {{schema: any, schemas: any, depth?: number}} props */
export function Schema({ schema: given, schemas, depth = 0 }) {
  const { schema, name } = followed(given, schemas);
  if (schema === null || schema === undefined) return html`<p class="dim">${depth ? "anything" : "Nothing is known of it: any JSON value."}</p>`;
  const members = Object.entries(schema.properties ?? {});
  return html`<div class="schema"><span class="type">${typeText(schema, schemas)}</span>${name && html` <i class="dim">${name}</i>`}${limits(schema) && html` <span class="dim">${limits(schema)}</span>`}${schema.description && html` <span class="dim">${schema.description}</span>`}
    ${members.length > 0 && depth < 6 && html`<dl>${members.map(([member, each]) => html`<div key=${member}><dt class=${(schema.required ?? []).includes(member) ? "required" : ""}>${member}</dt><dd>: <${Schema} schema=${each} schemas=${schemas} depth=${depth + 1} /></dd></div>`)}</dl>`}
    ${schema.items && depth < 6 && html`<dl><div><dt>each</dt><dd>: <${Schema} schema=${schema.items} schemas=${schemas} depth=${depth + 1} /></dd></div></dl>`}
    ${(schema.anyOf ?? schema.oneOf ?? []).some((/** @type {any} */ each) => each.properties || each.$ref) && depth < 6 && html`<dl>${(schema.anyOf ?? schema.oneOf).map((/** @type {any} */ each, /** @type {number} */ index) => html`<div key=${index}><dt>or</dt><dd>: <${Schema} schema=${each} schemas=${schemas} depth=${depth + 1} /></dd></div>`)}</dl>`}
  </div>`;
}

/** @param {any} schema @param {any} schemas @returns {string} */
function typeText(schema, schemas) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((/** @type {any} */ each) => JSON.stringify(each)).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((/** @type {any} */ each) => followed(each, schemas).name || typeText(each, schemas)).join(" | ");
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  return schema.type ?? "anything";
}

/** @param {any} schema */
function limits(schema) {
  const said = [["minimum", "≥"], ["maximum", "≤"], ["exclusiveMinimum", ">"], ["exclusiveMaximum", "<"], ["minLength", "length ≥"], ["maxLength", "length ≤"], ["pattern", "like"], ["format", ""], ["default", "default"]];
  return said.filter(([name]) => schema[name] !== undefined && schema[name] !== null).map(([name, word]) => `${word} ${typeof schema[name] === "object" ? JSON.stringify(schema[name]) : schema[name]}`.trim()).join(", ");
}

/** A payload that a schema may accept. @param {any} given @param {any} schemas @param {number} [depth] @returns {any} */
export function example(given, schemas, depth = 0) {
  const { schema } = followed(given, schemas);
  if (!schema || depth > 6) return depth ? null : {};
  if (schema.default !== undefined) return schema.default;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = (schema.anyOf ?? schema.oneOf)?.[0];
  if (choice) return example(choice, schemas, depth + 1);
  const kind = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (kind === "object" || schema.properties) return Object.fromEntries((schema.required ?? []).map((/** @type {string} */ name) => [name, example(schema.properties?.[name], schemas, depth + 1)]));
  if (kind === "array") return (schema.prefixItems ?? (schema.minItems ? [schema.items] : [])).map((/** @type {any} */ each) => example(each, schemas, depth + 1));
  if (kind === "integer" || kind === "number") return schema.minimum ?? (schema.exclusiveMinimum !== undefined ? schema.exclusiveMinimum + 1 : 0);
  if (kind === "boolean") return false;
  if (kind === "null") return null;
  return kind === "string" ? "x".repeat(schema.minLength ?? 0) : {};
}

/** What a value may be, with references followed and "or nothing" left out. @param {any} given @param {any} schemas @returns {any} */
function plainSchema(given, schemas) {
  const { schema } = followed(given, schemas);
  const choices = (schema?.anyOf ?? schema?.oneOf)?.filter((/** @type {any} */ each) => followed(each, schemas).schema?.type !== "null");
  if (choices?.length === 1) return { ...plainSchema(choices[0], schemas), description: schema.description };
  const kinds = Array.isArray(schema?.type) ? schema.type.filter((/** @type {string} */ kind) => kind !== "null") : [schema?.type];
  return kinds.length === 1 && schema ? { ...schema, type: kinds[0] } : (schema ?? {});
}

/** What a field's text means; undefined: nothing was said. @param {string} text @param {any} schema @returns {any} */
export function meant(text, schema) {
  if (text === "") return undefined;
  if (schema.type === "integer" || schema.type === "number") return Number.isFinite(Number(text)) ? parsedOr(text, Number(text)) : text;
  return text;
}

/** Whether members of it get fields of their own. @param {any} schema */
function hasMembers(schema) {
  return Object.keys(schema?.properties ?? {}).length > 0;
}

/** @param {{schema: any, schemas: any, value: any, change: (value: any) => void, depth?: number}} props */
export function Form({ schema: given, schemas, value, change, depth = 0 }) {
  const schema = plainSchema(given, schemas);
  if (!hasMembers(schema)) return html`<${JsonField} label="payload" value=${value} change=${change} />`;
  const known = value && typeof value === "object" && !Array.isArray(value) ? value : {};
  const set = (/** @type {string} */ name, /** @type {any} */ next) => {
    const { [name]: _was, ...others } = known;
    change(next === undefined ? others : { ...known, [name]: next });
  };
  return html`<div class="members">${Object.entries(schema.properties).map(([name, each]) => html`<${Member} key=${name} name=${name} schema=${plainSchema(each, schemas)} schemas=${schemas} isRequired=${(schema.required ?? []).includes(name)} value=${known[name]} change=${(/** @type {any} */ next) => set(name, next)} depth=${depth} />`)}</div>`;
}

/** @param {{name: string, schema: any, schemas: any, isRequired: boolean, value: any, change: (value: any) => void, depth: number}} props */
function Member({ name, schema, schemas, isRequired, value, change, depth }) {
  const label = schema.title && schema.title.toLowerCase() !== name.replaceAll("_", " ").toLowerCase() ? `${name}, ${schema.title}` : name;
  if (hasMembers(schema) && depth < DEEPEST) return html`<fieldset><legend class=${isRequired ? "required" : ""}>${label}</legend><${Form} schema=${schema} schemas=${schemas} value=${value} change=${change} depth=${depth + 1} /></fieldset>`;
  const told = { title: schema.description, class: isRequired ? "required" : "" };
  const choices = schema.enum ?? (schema.const !== undefined ? [schema.const] : schema.type === "boolean" ? [true, false] : null);
  if (choices) {
    const chosen = choices.findIndex((/** @type {any} */ each) => JSON.stringify(each) === JSON.stringify(value));
    return html`<label ...${told}><span>${label}</span><select value=${String(chosen)} required=${isRequired} onChange=${(/** @type {any} */ event) => change(event.target.value === "-1" ? undefined : choices[Number(event.target.value)])}>
      ${(!isRequired || chosen < 0) && html`<option value="-1">–</option>`}${choices.map((/** @type {any} */ each, /** @type {number} */ index) => html`<option key=${index} value=${String(index)}>${typeof each === "string" ? each : JSON.stringify(each)}</option>`)}</select></label>`;
  }
  const isNumber = schema.type === "integer" || schema.type === "number";
  if (!isNumber && schema.type !== "string") return html`<${JsonField} label=${label} ...${told} value=${value} change=${change} />`;
  // Text also for numbers: `{{last.result}}` may stand there.
  return html`<label ...${told}><span>${label}</span><input inputMode=${isNumber ? "decimal" : undefined} required=${isRequired && !isNumber} placeholder=${hint(schema)} value=${value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value)}
    onInput=${(/** @type {any} */ event) => change(meant(event.target.value, schema) ?? (isRequired && !isNumber ? "" : undefined))} /></label>`;
}

/** @param {any} schema */
function hint(schema) {
  if (schema.default !== undefined && schema.default !== null) return JSON.stringify(schema.default);
  if (schema.format) return schema.format;
  const [from, to] = [schema.minimum ?? schema.exclusiveMinimum, schema.maximum ?? schema.exclusiveMaximum];
  if (from !== undefined && to !== undefined) return `${from} to ${to}`;
  return from !== undefined ? `from ${from}` : to !== undefined ? `up to ${to}` : "";
}

/** @param {{label: string, value: any, change: (value: any) => void, title?: string, class?: string}} props */
function JsonField({ label, value, change, title, class: look }) {
  const said = value === undefined ? "" : JSON.stringify(value);
  const [text, setText] = useState(said);
  const [isWrong, setWrong] = useState(false);
  useEffect(() => {
    if (!isWrong && parsed(text)?.said !== said) setText(said);
  }, [said]);
  const type = (/** @type {any} */ event) => {
    const next = event.target.value;
    setText(next);
    const found = next.trim() === "" ? { value: undefined } : parsed(next);
    setWrong(!found);
    if (found) change(found.value);
  };
  return html`<label title=${title} class=${`${look ?? ""} json-field`}><span>${label}, JSON</span><textarea rows="2" spellcheck="false" aria-invalid=${isWrong} value=${text} onInput=${type} /></label>`;
}

/** @param {string} text @returns {{value: any, said: string} | null} */
function parsed(text) {
  try {
    const value = kept(text);
    return { value, said: JSON.stringify(value) };
  } catch {
    return null;
  }
}
