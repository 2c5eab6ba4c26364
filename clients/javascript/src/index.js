// @ts-check
/** Talk to a streamer service from a browser, Node, Deno or Bun. */
export { StreamerClient } from "./client.js";
export {
  CannotConnectError,
  ClientError,
  ConnectionLostError,
  GatewayError,
  PayloadTooLargeError,
  RequestCancelledError,
  RequestFailedError,
  RequestTimeoutError,
} from "./errors.js";

/** @typedef {import("./client.js").ClientOptions} ClientOptions */
/** @typedef {import("./client.js").RequestOptions} RequestOptions */
/** @typedef {import("./client.js").ClientState} ClientState */
/** @typedef {import("./client.js").ClientEvents} ClientEvents */
/** @typedef {import("./wire.js").Event} Event */
/** @typedef {import("./wire.js").Progress} Progress */
/**
 * @template [Data=any]
 * @typedef {import("./wire.js").TopicMessage<Data>} TopicMessage
 */
/** @typedef {import("./link.js").Reconnect} Reconnect */
