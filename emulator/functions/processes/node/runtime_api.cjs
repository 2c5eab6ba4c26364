/**
 * The five calls of the Lambda Runtime API, over one connection that is inherited.
 *
 * Asked with a parser of our own, which knows our own answers: Node's HTTP client takes a third of a millisecond for each.
 * The connection keeps the process alive only while an answer is outstanding, so that Node notices when an event has
 * nothing left to run.
 */
"use strict";

const net = require("node:net");

const PREFIX = "/2018-06-01/runtime/";
const FIXED = "HTTP/1.1\r\nHost: runtime\r\nUser-Agent: streamer-node\r\n";
const NEXT = Buffer.from(`GET ${PREFIX}invocation/next ${FIXED}\r\n`, "latin1");
const JSON_TYPE = "application/json";
/** Up to here head and body are written as one. */
const TOGETHER_BYTES = 64 * 1024;
const STREAMED = "Lambda-Runtime-Function-Response-Mode: streaming\r\n";
const ERROR_TYPE = "Lambda-Runtime-Function-Error-Type";
const ERROR_BODY = "Lambda-Runtime-Function-Error-Body";
const END_OF_LINE = Buffer.from("\r\n");
const END_OF_HEAD = Buffer.from("\r\n\r\n");

class Connection {
  constructor(descriptor) {
    this._received = [];
    this._size = 0;
    this._wanted = 0;
    this._head = null;
    this._done = null;
    this._later = [];
    /** Whether the emulator owes the next event. */
    this.awaitsEvent = false;
    this._socket = new net.Socket({ fd: descriptor, readable: true, writable: true });
    this._socket.unref();
    this._socket.on("data", (data) => this._read(data));
    this._socket.on("close", () => process.exit(0)); // the emulator is gone
    this._socket.on("error", () => process.exit(0));
  }

  /** Wait for the next event, as long as it takes. */
  next(then) {
    this.awaitsEvent = true;
    this._ask(NEXT, null, (answer) => {
      this.awaitsEvent = false;
      then({ headers: answer.headers, body: answer.body.toString("utf8") });
    });
  }

  /** Answer an event with its result, text or bytes. */
  succeed(id, body, contentType, then) {
    this._post(`invocation/${encodeURIComponent(id)}/response`, body, { "Content-Type": contentType }, then);
  }

  /**
   * Answer an event with what is written from now on: `write` takes a part, and a function for when there is room for
   * the next; `end` an error or null, and a function for when the answer is accepted.
   */
  stream(id, contentType) {
    const path = `${PREFIX}invocation/${encodeURIComponent(id)}/response`;
    const lines = `Content-Type: ${oneLine(contentType)}\r\n${STREAMED}Trailer: ${ERROR_TYPE}, ${ERROR_BODY}\r\n`;
    let head = Buffer.from(`POST ${path} ${FIXED}${lines}Transfer-Encoding: chunked\r\n\r\n`, "latin1");
    const write = (bytes, then) => {
      this._socket.write(head === null ? bytes : Buffer.concat([head, bytes]), then);
      head = null;
    };
    this._done = () => {}; // the connection is taken until the end
    return {
      write: (part, then) => {
        if (part.length === 0) then(); // an empty chunk would be the last
        else write(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, END_OF_LINE]), then);
      },
      end: (error, then) => {
        const body = error === null ? "" : Buffer.from(JSON.stringify(error), "utf8").toString("base64");
        const trailers =
          error === null ? "" : `${ERROR_TYPE}: ${oneLine(error.errorType)}\r\n${ERROR_BODY}: ${body}\r\n`;
        this._done = () => then();
        this._socket.ref();
        write(Buffer.from(`0\r\n${trailers}\r\n`, "latin1"));
      },
    };
  }

  /** Answer an event with an error. */
  fail(id, error, cause, then) {
    const headers = { "Content-Type": JSON_TYPE, [ERROR_TYPE]: oneLine(error.errorType) };
    if (cause) headers["Lambda-Runtime-Function-XRay-Error-Cause"] = oneLine(cause);
    this._post(`invocation/${encodeURIComponent(id)}/error`, JSON.stringify(error), headers, then);
  }

  /** Say that the function could not be initialised. */
  failInit(error, then) {
    const headers = { "Content-Type": JSON_TYPE, [ERROR_TYPE]: oneLine(error.errorType) };
    this._post("init/error", JSON.stringify(error), headers, then);
  }

  _post(path, body, headers, then) {
    const content = typeof body === "string" ? Buffer.from(body, "utf8") : body;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `POST ${PREFIX}${path} ${FIXED}${lines.join("")}Content-Length: ${content.length}\r\n\r\n`;
    // What is refused, such as a result over 6 MB, has been answered by whoever refuses it.
    this._ask(Buffer.from(head, "latin1"), content, () => then());
  }

  _ask(head, body, done) {
    if (this._done !== null) {
      this._later.push([head, body, done]);
      return;
    }
    this._done = done;
    this._socket.ref();
    if (body === null) this._socket.write(head);
    else if (body.length <= TOGETHER_BYTES) this._socket.write(Buffer.concat([head, body]));
    else {
      this._socket.write(head);
      this._socket.write(body);
    }
  }

  _read(data) {
    this._received.push(data);
    this._size += data.length;
    if (this._head === null) {
      const all = this._received.length === 1 ? data : Buffer.concat(this._received);
      const end = all.indexOf(END_OF_HEAD);
      this._received = [all];
      if (end < 0) return;
      this._head = headersOf(all.toString("latin1", 0, end));
      this._wanted = end + 4 + Number(this._head["content-length"] ?? 0);
      this._begin = end + 4;
    }
    if (this._size < this._wanted) return;
    const all = this._received.length === 1 ? this._received[0] : Buffer.concat(this._received);
    const answer = { headers: this._head, body: all.subarray(this._begin, this._wanted) };
    const rest = all.subarray(this._wanted);
    this._received = rest.length ? [rest] : [];
    this._size = rest.length;
    this._head = null;
    const done = this._done;
    this._done = null;
    this._socket.unref();
    done(answer);
    if (this._done === null && this._later.length) this._ask(...this._later.shift());
  }
}

function headersOf(head) {
  const found = {};
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    found[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return found;
}

/** A header's value: one line of printable ASCII, the rest as JSON escapes it. */
function oneLine(text) {
  return String(text)
    .replace(/[\r\n]/g, " ")
    .replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

module.exports = { Connection };
