/**
 * Finds modules where Lambda has them and plain Node.js does not look.
 *
 * `import` looks into the folders of NODE_PATH, which plain Node.js leaves to `require`; and what is asked for in `/opt`,
 * where Lambda has the layers, is taken from their folders. [DOC] lambda-docs:packaging-layers
 */
"use strict";

const module_ = require("node:module");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const BARE = /^(?!\.{0,2}\/)(?!node:)(?!file:)(?!data:)/;
const OPT = /^(?:file:\/\/)?\/opt\//;

/** Where to pretend that the importing module is: beside each `node_modules` of the search path. */
const places = (process.env.NODE_PATH ?? "")
  .split(path.delimiter)
  .filter((folder) => path.basename(folder) === "node_modules")
  .map((folder) => pathToFileURL(path.join(path.dirname(folder), "importer.js")).href);

/** The folders of the layers; what the first has counts. */
let layers = [];

/** Take the layers, also in the thread of the hooks of an older Node.js. */
function initialize(folders) {
  layers = folders;
}

const inLayers = (name) => (OPT.test(name) ? layers.map((folder) => path.join(folder, name.replace(OPT, ""))) : []);
const isMissing = (error) => error?.code === "ERR_MODULE_NOT_FOUND" || error?.code === "MODULE_NOT_FOUND";

/** What else a name may mean that is nowhere as it stands: other names, or other modules that import it. */
function others(name, context) {
  if (BARE.test(name)) return places.map((parentURL) => [name, { ...context, parentURL }]);
  return inLayers(name).map((file) => [pathToFileURL(file).href, context]);
}

async function resolve(name, context, nextResolve) {
  try {
    return await nextResolve(name, context);
  } catch (error) {
    if (!isMissing(error)) throw error;
    for (const [other, from] of others(name, context)) {
      try {
        return await nextResolve(other, from);
      } catch (again) {
        if (!isMissing(again)) throw again;
      }
    }
    throw error;
  }
}

/** The same for `registerHooks`, which needs no thread. */
function resolveNow(name, context, nextResolve) {
  return firstOf(
    () => nextResolve(name, context),
    others(name, context).map(([other, from]) => () => nextResolve(other, from)),
  );
}

/** Let `require` find what the layers have. */
function leadRequires() {
  const resolveFilename = module_._resolveFilename;
  module_._resolveFilename = function (name, ...more) {
    return firstOf(
      () => resolveFilename.call(this, name, ...more),
      inLayers(String(name)).map((file) => () => resolveFilename.call(this, file, ...more)),
    );
  };
}

/** What the first of some ways finds; where none does, the error of the first. */
function firstOf(way, more) {
  try {
    return way();
  } catch (error) {
    if (!isMissing(error)) throw error;
    for (const other of more) {
      try {
        return other();
      } catch (again) {
        if (!isMissing(again)) throw again;
      }
    }
    throw error;
  }
}

module.exports = { initialize, leadRequires, resolve, resolveNow };
