/**
 * A client of the Lambda Runtime API for Node.js: loads the function, then runs one event after another, as Lambda's does.
 *
 * It asks over a connection that its process inherits as descriptor 3, so that there is no port on which others could ask
 * for the events. Messages, error types and log lines are Lambda's own. [REC] aws-lambda-ric 3.3 for nodejs22.x and
 * before, 4.0 for nodejs24.x
 */
"use strict";

const runtimeApi = require("./runtime_api.cjs");
const { Failures, answerOf, xrayCause } = require("./failures.cjs");
const logs = require("./logs.cjs");
const handlers = require("./handlers.cjs");
const streaming = require("./streaming.cjs");

/** The version that Lambda's name of the runtime says, whatever runs here. */
const VERSION = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? "")?.[1] ?? 0) || 22;
/** From here on a handler is awaited, and callbacks are gone. */
const AWAITS = VERSION >= 24;
const CALLBACKS_GONE =
  "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify" +
  " this function to use a supported handler signature to use Node.js 24 or later. For more information see" +
  " https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.";
/** Exit statuses after an error that nothing caught. */
const UNCAUGHT = 129;
const UNHANDLED = 128;

/** The folders of the function's layers, which its own code does not see. */
const layers = process.argv.splice(2);
const nothing = () => {};
const api = new runtimeApi.Connection(3);
/** What to do when nothing is left to run. */
let whenEmpty = nothing;
/** Tells Lambda of an error that nothing caught, then goes on with its second argument. */
let tellFatal = (error, then) => api.failInit(answerOf(error), then);

function fatal(title, error, status) {
  logs.error(title, error);
  if (api.awaitsEvent) process.exit(status); // there is no event to answer
  tellFatal(error, () => process.exit(status));
}

async function main() {
  logs.patchConsole();
  if (!AWAITS) {
    process.on("uncaughtException", (error) => fatal("Uncaught Exception", error, UNCAUGHT));
    process.on("unhandledRejection", (reason, promise) =>
      fatal("Unhandled Promise Rejection", new Failures.UnhandledPromiseRejection(reason, promise), UNHANDLED),
    );
  }
  process.on("beforeExit", () => whenEmpty());
  streaming.provideGlobal();
  let handler;
  try {
    handler = await handlers.load(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER, layers);
    if (AWAITS && handler.length >= 3 && !streaming.isStreaming(handler)) {
      throw new Failures.CallbackHandlerDeprecated(CALLBACKS_GONE);
    }
  } catch (error) {
    fatal(AWAITS ? "Init Error" : "Uncaught Exception", error, AWAITS ? 1 : UNCAUGHT);
    return;
  }
  const run = streaming.isStreaming(handler) ? runStreaming : AWAITS ? runAwaited : runClassic;
  const next = () => setImmediate(() => api.next((event) => begin(event, handler, run, next)));
  next();
}

function begin(event, handler, run, next) {
  const id = event.headers["lambda-runtime-aws-request-id"];
  logs.setRequestId(id);
  const trace = event.headers["lambda-runtime-trace-id"];
  if (trace) process.env._X_AMZN_TRACE_ID = trace;
  else delete process.env._X_AMZN_TRACE_ID;
  tellFatal = (error, then) => api.fail(id, answerOf(error), xrayCause(error), then);
  run(event, handler, id, next);
}

function described(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers["lambda-runtime-client-context"], "ClientContext"),
    identity: parsed(headers["lambda-runtime-cognito-identity"], "CognitoIdentity"),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function parsed(text, name) {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

function serialized(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? "";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}

function isPromise(value) {
  return value && typeof value.then === "function";
}

/** One event of nodejs22.x and before: callbacks, `context.done` and its kin, or a promise; the first one counts. */
function runClassic(event, handler, id, next) {
  let waits = true;
  let isAnswered = false;
  const fail = (error) => {
    logs.error("Invoke Error", error);
    api.fail(id, answerOf(error), xrayCause(error), next);
  };
  const answer = (result) => {
    if (isAnswered) {
      console.error(
        "Invocation has already been reported as done. Cannot call complete more than once per invocation.",
      );
      return;
    }
    isAnswered = true;
    api.succeed(id, serialized(result), "application/json", next);
  };
  const done = (error, result) => {
    whenEmpty = nothing;
    if (error !== undefined && error !== null) fail(error);
    else answer(result);
  };
  const callback = (error, result) => {
    whenEmpty = nothing;
    if (error !== undefined && error !== null) fail(error);
    else if (!waits) answer(result);
    else {
      whenEmpty = () => {
        whenEmpty = nothing;
        setImmediate(() => answer(result));
      };
    }
  };
  let isOver = false;
  const first = (end) =>
    function (...given) {
      if (!isOver) {
        end(...given);
        isOver = true; // only then: what cannot be serialized may still be answered with that
      }
    };
  const context = {
    get callbackWaitsForEmptyEventLoop() {
      return waits;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waits = value;
    },
    succeed: first((result) => done(null, result)),
    fail: first((error) => (error === undefined || error === null ? done("handled") : done(error, null))),
    done: first(done),
  };
  const told = first(callback);
  const isAsync = handler.constructor?.name === "AsyncFunction";
  whenEmpty = () => {
    whenEmpty = nothing;
    isAnswered = true;
    if (isAsync) fail(new Failures.NodeJsExit());
    else api.succeed(id, "null", "application/json", next);
  };
  try {
    const result = handler(JSON.parse(event.body), Object.assign(context, described(event.headers)), told);
    if (isPromise(result)) result.then(context.succeed, context.fail).catch(context.fail);
  } catch (error) {
    told(error);
  }
}

/** One event of nodejs24.x: whatever the handler returns, awaited. */
async function runAwaited(event, handler, id, next) {
  let body;
  try {
    const context = Object.assign(described(event.headers), {
      xRayTraceId: event.headers["lambda-runtime-trace-id"],
    });
    body = serialized(await handler(JSON.parse(event.body), context));
  } catch (error) {
    setImmediate(() => {
      logs.error("Invoke Error", error);
      api.fail(id, answerOf(error), xrayCause(error), next);
    });
    return;
  }
  setImmediate(() => api.succeed(id, body, "application/json", next));
}

/** One event of a handler that streams. Before nodejs24.x the next waits until nothing is left to run, or not: context. */
async function runStreaming(event, handler, id, next) {
  const stream = new streaming.ResponseStream((contentType) => api.stream(id, contentType), handler);
  const context = AWAITS ? {} : { callbackWaitsForEmptyEventLoop: true };
  const rest = () => {
    const goOn = () => {
      whenEmpty = nothing;
      next();
    };
    if (context.callbackWaitsForEmptyEventLoop) whenEmpty = goOn;
    else goOn();
  };
  const failed = (error) => {
    whenEmpty = nothing;
    logs.error("Invoke Error", error);
    stream.fail(answerOf(error), rest);
  };
  tellFatal = (error, then) => stream.fail(answerOf(error), then);
  whenEmpty = () => failed("Response stream is not finished.");
  try {
    const result = handler(JSON.parse(event.body), stream, Object.assign(context, described(event.headers)));
    if (!isPromise(result)) throw "Streaming does not support non-async handlers.";
    if ((await result) !== undefined) console.warn("Streaming handlers ignore return values.");
    await stream.answered;
  } catch (error) {
    failed(error);
    return;
  }
  rest();
}

main();
