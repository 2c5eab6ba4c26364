/** Lets `import` look into the folders of NODE_PATH, as on Lambda; plain Node.js leaves them to `require`. */
"use strict";

const path = require("node:path");
const { pathToFileURL } = require("node:url");

const BARE = /^(?!\.{0,2}\/)(?!node:)(?!file:)(?!data:)/;

/** Where to pretend that the importing module is: beside each `node_modules` of the search path. */
const places = (process.env.NODE_PATH ?? "")
  .split(path.delimiter)
  .filter((folder) => path.basename(folder) === "node_modules")
  .map((folder) => pathToFileURL(path.join(path.dirname(folder), "importer.js")).href);

const isMissing = (error, name) => error?.code === "ERR_MODULE_NOT_FOUND" && BARE.test(name);

async function resolve(name, context, nextResolve) {
  try {
    return await nextResolve(name, context);
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    for (const parentURL of places) {
      try {
        return await nextResolve(name, { ...context, parentURL });
      } catch (again) {
        if (!isMissing(again, name)) throw again;
      }
    }
    throw error;
  }
}

/** The same for `registerHooks`, which needs no thread. */
function resolveNow(name, context, nextResolve) {
  try {
    return nextResolve(name, context);
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    for (const parentURL of places) {
      try {
        return nextResolve(name, { ...context, parentURL });
      } catch (again) {
        if (!isMissing(again, name)) throw again;
      }
    }
    throw error;
  }
}

module.exports = { resolve, resolveNow };
