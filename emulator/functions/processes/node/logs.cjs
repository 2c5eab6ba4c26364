/** `console` in Lambda's formats, text and JSON, with the request's id. */
"use strict";

const fs = require("node:fs");
const util = require("node:util");
const { errorOf, lineOf } = require("./failures.cjs");

const LEVELS = { TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, FATAL: 6 };
const METHODS = { trace: "TRACE", debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR", fatal: "FATAL" };

let requestId;
let isJson = false;

function setRequestId(id) {
  requestId = id;
}

/** Give `console` Lambda's format, and leave out what is below the level that the function asks for. */
function patchConsole() {
  isJson = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
  const least = LEVELS[process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()] ?? LEVELS.TRACE;
  const line = isJson ? jsonLine : textLine;
  for (const [method, level] of Object.entries(METHODS)) {
    const isWanted = level === "FATAL" || LEVELS[level] >= least;
    // Without a message Lambda logs "undefined".
    console[method] = isWanted ? (message, ...more) => write(line(level, [message, ...more])) : () => {};
  }
  console.log = console.info;
}

/** An error of an event, or of none. */
function error(title, thrown) {
  if (isJson) console.error(errorOf(thrown));
  else console.error(title, lineOf(errorOf(thrown)));
}

function textLine(level, given) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(...given)}`;
}

function jsonLine(level, given) {
  const found = { timestamp: new Date().toISOString(), level, requestId };
  if (given.length === 1) {
    found.message = given[0];
    try {
      return JSON.stringify(found, (_name, value) => (value instanceof Error ? shown(value) : value));
    } catch {
      found.message = util.format(given[0]);
      return JSON.stringify(found);
    }
  }
  found.message = util.format(...given);
  const failure = given.find((each) => each instanceof Error);
  if (failure !== undefined) {
    found.errorType = failure.constructor?.name ?? "UnknownError";
    found.errorMessage = failure.message;
    found.stackTrace = typeof failure.stack === "string" ? failure.stack.split("\n") : [];
  }
  return JSON.stringify(found);
}

function shown(failure) {
  return {
    errorType: failure.constructor?.name ?? "UnknownError",
    errorMessage: failure.message,
    stackTrace: typeof failure.stack === "string" ? failure.stack.split("\n") : failure.stack,
    ...failure,
  };
}

/** One event of the log: the lines in it are separated as Lambda's clients do where they write to a pipe. */
function write(text) {
  let left = Buffer.from(`${text.replace(/\n/g, "\r")}\n`, "utf8");
  while (left.length) {
    try {
      left = left.subarray(fs.writeSync(1, left));
    } catch (problem) {
      if (problem.code !== "EAGAIN") throw problem;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // the pipe is full: its reader is late
    }
  }
}

module.exports = { error, patchConsole, setRequestId };
