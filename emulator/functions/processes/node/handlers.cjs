/** Finds a function's handler: modules of every form, with the rules and errors of Lambda. */
"use strict";

const fs = require("node:fs");
const module_ = require("node:module");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { Failures } = require("./failures.cjs");

let layers = [];

/** The handler that `folder/file.export.nested` names below a root; `folders` are those of its layers. */
async function load(root, name, folders) {
  layers = folders;
  if (layers.length > 0) {
    const imports = require("./imports.cjs");
    imports.initialize(layers);
    imports.leadRequires();
  }
  if (name.includes("..")) {
    throw new Failures.MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(name);
  const folder = name.slice(0, name.indexOf(base));
  const dot = base.indexOf(".");
  if (dot < 0) throw new Failures.MalformedHandlerName("Bad handler");
  const found = await loadModule(root, folder, base.slice(0, dot));
  const handler = base
    .slice(dot + 1)
    .split(".")
    .reduce((within, key) => within && within[key], found);
  if (!handler) throw new Failures.HandlerNotFound(`${name} is undefined or not exported`);
  if (typeof handler !== "function") throw new Failures.HandlerNotFound(`${name} is not a function`);
  return handler;
}

async function loadModule(root, folder, name) {
  try {
    return await moduleAt(root, folder, name);
  } catch (error) {
    if (error instanceof SyntaxError) {
      const file = path.resolve(root, folder, name);
      tellPlace(error, [`${file}.js`, `${file}.mjs`].find((each) => fs.existsSync(each)) ?? file);
      throw new Failures.UserCodeSyntaxError(error);
    }
    if (error?.code === "MODULE_NOT_FOUND") throw new Failures.ImportModuleError(error);
    throw error;
  }
}

/** Lambda's error does not say where in the code it is; the log here does. */
function tellPlace(error, file) {
  const place = require("./syntax.cjs").placeOf(error, file);
  if (place !== undefined) process.stderr.write(`${place}\n`);
}

async function moduleAt(root, folder, name) {
  const file = path.resolve(root, folder, name);
  const isModule = fs.existsSync(`${file}.js`) && isInModulePackage(path.dirname(file));
  return (
    required(file) ||
    (!isModule && required(`${file}.js`)) ||
    (isModule && (await imported(`${file}.js`))) ||
    (await imported(`${file}.mjs`)) ||
    required(`${file}.cjs`) ||
    require(require.resolve(name, { paths: [root, path.resolve(root, folder)] }))
  );
}

function required(file) {
  if (!fs.existsSync(file)) return undefined;
  // Code that is not a module may still import some.
  if (fs.statSync(file).isFile() && /\bimport\s*\(/.test(fs.readFileSync(file, "utf8"))) leadImports();
  return require(file);
}

async function imported(file) {
  if (!fs.existsSync(file)) return undefined;
  leadImports();
  return await import(pathToFileURL(file));
}

let areLed = false;

/** Let `import` find what `require` finds: layers and what Lambda itself provides, which are in NODE_PATH. */
function leadImports() {
  if (areLed || !process.env.NODE_PATH) return;
  areLed = true;
  const hooks = path.join(__dirname, "imports.cjs");
  if (module_.registerHooks) module_.registerHooks({ resolve: require(hooks).resolveNow });
  else module_.register(pathToFileURL(hooks), { data: layers });
}

/** Whether `.js` files of a folder are ES modules: the next package.json says so, and no node_modules is between. */
function isInModulePackage(folder) {
  if (path.basename(folder) === "node_modules") return false;
  const file = path.join(folder, "package.json");
  if (fs.existsSync(file)) {
    try {
      return JSON.parse(fs.readFileSync(file, "utf8"))?.type === "module";
    } catch (error) {
      console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  const above = path.dirname(folder);
  return above !== folder && isInModulePackage(above);
}

module.exports = { load };
