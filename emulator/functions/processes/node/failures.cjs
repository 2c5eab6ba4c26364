/** Errors of Lambda's own, and what callers and X-Ray are told of any error. */
"use strict";

const util = require("node:util");

const Failures = {};
for (const name of [
  "ImportModuleError",
  "HandlerNotFound",
  "MalformedHandlerName",
  "UserCodeSyntaxError",
  "MalformedStreamingHandler",
  "InvalidStreamingOperation",
  "CallbackHandlerDeprecated",
]) {
  Failures[name] = class extends Error {};
  Failures[name].prototype.name = `Runtime.${name}`;
}
Failures.NodeJsExit = class extends Error {
  constructor() {
    super(
      "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that" +
        " was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes",
    );
  }
};
Failures.NodeJsExit.prototype.name = "Runtime.NodeJsExit";
Failures.UnhandledPromiseRejection = class extends Error {
  constructor(reason, promise) {
    super(reason);
    this.reason = reason;
    this.promise = promise;
  }
};
Failures.UnhandledPromiseRejection.prototype.name = "Runtime.UnhandledPromiseRejection";

const isText = (value) => typeof value === "string" && value !== "";
const escaped = (text) => text?.replaceAll("\x7F", "%7F");

/** The error as a caller gets it: type, message and trace, whatever was thrown. */
function answerOf(error) {
  try {
    const looksLikeOne = error && isText(error.name) && isText(error.message) && isText(error.stack);
    if (util.types.isNativeError(error) || looksLikeOne) {
      return {
        errorType: escaped(error.name),
        errorMessage: escaped(error.message),
        trace: escaped(error.stack).split("\n"),
      };
    }
    return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
  } catch {
    return {
      errorType: "handled",
      errorMessage:
        "callback called with Error argument, but there was a problem while retrieving one or more of its message, name," +
        " and stack",
    };
  }
}

/** Anything that was thrown, as an error. */
function errorOf(thrown) {
  return thrown instanceof Error ? thrown : new Error(thrown);
}

/** The error in a line of the log: its properties too, after a tab. */
function lineOf(error) {
  try {
    return `\t${JSON.stringify(error, (_name, value) => withProperties(value))}`;
  } catch {
    return `\t${JSON.stringify(answerOf(error))}`;
  }
}

function withProperties(value) {
  if (!(value instanceof Error)) return value;
  const shown = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
  if (typeof value.stack === "string") shown.stack = value.stack.split("\n");
  return shown;
}

/** X-Ray's cause of an error as JSON; empty where there is none to tell. */
function xrayCause(error) {
  try {
    const stack = (error.stack ? escaped(error.stack).split("\n").slice(1) : []).map(frame);
    return JSON.stringify({
      working_directory: process.cwd(),
      exceptions: [{ type: escaped(error.name), message: escaped(error.message), stack }],
      paths: [...new Set(stack.map((each) => each.path))],
    });
  } catch {
    return "";
  }
}

function frame(text) {
  const line = text.trim().replace(/[()]/g, "");
  const called = line.slice(line.indexOf(" ") + 1);
  const space = called.lastIndexOf(" ");
  const [path, number] = called.slice(space + 1).split(":");
  return { path, line: parseInt(number, 10), label: (space >= 0 && called.slice(0, space)) || "anonymous" };
}

module.exports = { Failures, answerOf, errorOf, lineOf, xrayCause };
