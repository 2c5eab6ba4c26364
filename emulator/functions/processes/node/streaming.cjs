/** Handlers that stream their response: each part goes out when it is written. [REC] aws-lambda-ric */
"use strict";

const { Writable } = require("node:stream");
const { Failures } = require("./failures.cjs");

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const HTTP_TYPE = "application/vnd.awslambda.http-integration-response";
const DEFAULT_TYPE = "application/octet-stream";
const END_OF_PRELUDE = Buffer.alloc(8);

class ResponseStream extends Writable {
  /** `open` begins the answer, of a content type; what it gives takes parts, and the end with an error or none. */
  constructor(open, handler) {
    super({ decodeStrings: true, highWaterMark: handler[HIGH_WATER_MARK] });
    this._open = open;
    this._wire = null;
    this._contentType = DEFAULT_TYPE;
    this._isWritten = false;
    this._isOver = false;
    this._failure = null;
    this._onBeforeFirstWrite = null;
    /** Resolved when Lambda has the whole answer. */
    this.answered = new Promise((resolve) => {
      this._tellAnswered = resolve;
    });
  }

  setContentType(type) {
    if (this._isWritten) throw new Failures.InvalidStreamingOperation("Cannot set content-type, too late.");
    this._contentType = type;
  }

  /** Anything that is no text and no bytes is written as JSON. What `end` is given has nothing written before it. */
  write(part, ...more) {
    const isPlain = typeof part === "string" || part instanceof Uint8Array;
    if (!this._isWritten) this._onBeforeFirstWrite?.((bytes) => super.write(bytes));
    this._isWritten = true;
    return super.write(isPlain ? part : JSON.stringify(part), ...more);
  }

  /** End the answer with an error, after what was written; one that has ended stays as it is. */
  fail(error, then) {
    this.answered.then(then);
    if (this._isOver || (this.writableEnded && !this.destroyed)) return;
    this._failure = error;
    if (this.destroyed) this._finish();
    else this.end();
  }

  _write(part, _encoding, done) {
    this._begun().write(part, done);
  }

  _final(done) {
    this._finish();
    done();
  }

  _finish() {
    this._isOver = true;
    this._begun().end(this._failure, this._tellAnswered);
  }

  _begun() {
    this._wire ??= this._open(this._contentType);
    return this._wire;
  }
}

/** `awslambda`, unless the function does not want it. */
function provideGlobal() {
  if (["1", "true"].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  globalThis.awslambda = {
    streamifyResponse: (handler, options) => {
      handler[STREAMING] = "response";
      if (typeof options?.highWaterMark === "number") handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
      return handler;
    },
    HttpResponseStream: {
      from: (stream, prelude) => {
        stream.setContentType(HTTP_TYPE);
        const said = JSON.stringify(prelude);
        stream._onBeforeFirstWrite = (write) => {
          write(said);
          write(END_OF_PRELUDE);
        };
        return stream;
      },
    },
  };
}

function isStreaming(handler) {
  const kind = handler[STREAMING];
  if (kind === undefined || kind === null || kind === false) return false;
  if (kind !== "response") throw new Failures.MalformedStreamingHandler("Only response streaming is supported.");
  return true;
}

module.exports = { ResponseStream, isStreaming, provideGlobal };
