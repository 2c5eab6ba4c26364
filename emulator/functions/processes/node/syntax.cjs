/** Where a syntax error is, which Lambda's own error does not say. */
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

/** Most files that are looked at, and how long for one. */
const FILES = 50;
const MILLISECONDS = 2000;
const PLACE = /^(file:\/\/)?\/.+:\d+$/;
const RELATIVE = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g;

/**
 * The file and line of a syntax error, the code and a mark below it, as Node.js prints them; undefined: not found.
 *
 * Errors of ES modules do not hold it: Node.js only prints it where such an error ends a program, as of `node --check`.
 * So a module, and what it imports from beside it, is checked file by file; none of it is run.
 */
function placeOf(error, file) {
  const told = shown(String(error.stack));
  if (told !== undefined) return told;
  const files = fs.existsSync(file) ? [file] : [];
  for (const each of files) {
    const checked = spawnSync(process.execPath, ["--check", each], { env: {}, encoding: "utf8", timeout: MILLISECONDS });
    const found = shown(checked.stderr ?? "");
    if (found !== undefined || checked.error) return found;
    for (const [, name] of fs.readFileSync(each, "utf8").matchAll(RELATIVE)) {
      const next = path.resolve(path.dirname(each), name);
      const isNew = files.length < FILES && !files.includes(next);
      if (isNew && fs.statSync(next, { throwIfNoEntry: false })?.isFile()) files.push(next);
    }
  }
  return undefined;
}

function shown(text) {
  const lines = text.split("\n");
  if (!PLACE.test(lines[0])) return undefined;
  const end = lines.findIndex((line, number) => number > 0 && (line === "" || /^\w*Error: /.test(line)));
  return lines.slice(0, end < 0 ? 3 : end).join("\n");
}

module.exports = { placeOf };
