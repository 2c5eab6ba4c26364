/** Handlers that stream their response. Nothing here streams: a WebSocket API, and a synchronous Invoke, get it whole. */
"use strict";

const { Writable } = require("node:stream");
const { Failures } = require("./failures.cjs");

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HTTP_TYPE = "application/vnd.awslambda.http-integration-response";
const END_OF_PRELUDE = Buffer.alloc(8);

class Collected extends Writable {
  constructor() {
    super({ decodeStrings: true });
    this.contentType = "application/octet-stream";
    this._parts = [];
    this.onFirstWrite = null;
  }

  setContentType(type) {
    this.contentType = type;
  }

  /** Anything that is no text and no bytes is written as JSON. */
  write(part, ...more) {
    const isPlain = typeof part === "string" || part instanceof Uint8Array;
    return super.write(isPlain ? part : JSON.stringify(part), ...more);
  }

  _write(part, _encoding, done) {
    if (this.onFirstWrite !== null) {
      const first = this.onFirstWrite;
      this.onFirstWrite = null;
      first((bytes) => this._parts.push(bytes));
    }
    this._parts.push(Buffer.from(part));
    done();
  }

  content() {
    return Buffer.concat(this._parts);
  }
}

/** `awslambda`, unless the function does not want it. */
function provideGlobal() {
  if (["1", "true"].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  globalThis.awslambda = {
    streamifyResponse: (handler) => {
      handler[STREAMING] = "response";
      return handler;
    },
    HttpResponseStream: {
      from: (stream, prelude) => {
        stream.setContentType(HTTP_TYPE);
        stream.onFirstWrite = (write) => {
          write(Buffer.from(JSON.stringify(prelude)));
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

module.exports = { Collected, isStreaming, provideGlobal };
