// @ts-check
// JSON Schemas: told to people, and what a payload could look like.

import { html } from "./vendor/preact-htm.js";

/** What a reference leads to. @param {any} schema @param {any} schemas */
export function followed(schema, schemas) {
  const name = schema?.$ref?.replace("#/schemas/", "");
  return name === undefined ? { schema, name: "" } : { schema: schemas[name], name };
}

/** A JSON Schema for people. @param {{schema: any, schemas: any, depth?: number}} props */
export function Schema({ schema: given, schemas, depth = 0 }) {
  const { schema, name } = followed(given, schemas);
  if (schema === null || schema === undefined) return html`<p class="dim">${depth ? "anything" : "Nothing is known of it: any JSON value."}</p>`;
  const members = Object.entries(schema.properties ?? {});
  return html`<div class="schema"><span class="type">${typeText(schema, schemas)}</span>${name && html` <i class="dim">${name}</i>`}${limits(schema) && html` <span class="dim">${limits(schema)}</span>`}${schema.description && html` <span class="dim">${schema.description}</span>`}
    ${members.length > 0 && depth < 6 && html`<dl>${members.map(([member, each]) => html`<div key=${member}><dt class=${(schema.required ?? []).includes(member) ? "required" : ""}>${member}</dt>: <dd><${Schema} schema=${each} schemas=${schemas} depth=${depth + 1} /></dd></div>`)}</dl>`}
    ${schema.items && depth < 6 && html`<dl><div><dt>each</dt>: <dd><${Schema} schema=${schema.items} schemas=${schemas} depth=${depth + 1} /></dd></div></dl>`}
    ${(schema.anyOf ?? schema.oneOf ?? []).some((/** @type {any} */ each) => each.properties || each.$ref) && depth < 6 && html`<dl>${(schema.anyOf ?? schema.oneOf).map((/** @type {any} */ each, /** @type {number} */ index) => html`<div key=${index}><dt>or</dt>: <dd><${Schema} schema=${each} schemas=${schemas} depth=${depth + 1} /></dd></div>`)}</dl>`}
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
  if (kind === "array") return schema.minItems ? [example(schema.items, schemas, depth + 1)] : [];
  if (kind === "integer" || kind === "number") return schema.minimum ?? (schema.exclusiveMinimum !== undefined ? schema.exclusiveMinimum + 1 : 0);
  if (kind === "boolean") return false;
  if (kind === "null") return null;
  return kind === "string" ? "x".repeat(schema.minLength ?? 0) : {};
}
