// @ts-check
/** What can go wrong for a client: the names and fields of the Python client's errors. */

/** Base of all that the client throws for what the network or the service does. */
export class ClientError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = new.target.kind;
  }

  /** Its name, which a minifier leaves as it is. */
  static kind = "ClientError";
}

/** The connection could not be opened. */
export class CannotConnectError extends ClientError {
  static kind = "CannotConnectError";

  /**
   * @param {string} url without its query, which may hold a token
   * @param {string} reason
   * @param {number | null} [status] the HTTP status of a refusal; null: nobody answered, or (in browsers) nobody says
   */
  constructor(url, reason, status = null) {
    super(`cannot connect to ${url}: ${reason}`);
    this.url = url;
    this.status = status;
  }
}

/** The connection ended before the final answer; a queued request may go on without it. */
export class ConnectionLostError extends ClientError {
  static kind = "ConnectionLostError";

  /**
   * @param {number | null} code the WebSocket close code; null: it was never established, or broke
   * @param {string} reason
   */
  constructor(code, reason) {
    super(`the connection ended (${code ?? "no close code"}) ${reason}`.trimEnd());
    this.code = code;
    this.reason = reason;
  }
}

/** The service answered with an `error` message. */
export class RequestFailedError extends ClientError {
  static kind = "RequestFailedError";

  /**
   * @param {string} code a code of docs/protocol.md, or the action's own
   * @param {string} text
   * @param {string | null} requestId
   * @param {unknown} [details]
   * @param {boolean} [retryable] whether another attempt may succeed
   */
  constructor(code, text, requestId, details = null, retryable = false) {
    super(`${code}: ${text}`);
    this.code = code;
    /** What the service said, without the code. */
    this.text = text;
    this.requestId = requestId;
    this.details = details;
    this.retryable = retryable;
  }
}

/** The request was cancelled. */
export class RequestCancelledError extends ClientError {
  static kind = "RequestCancelledError";

  /**
   * @param {string | null} requestId
   * @param {string} reason
   */
  constructor(requestId, reason) {
    super(`the request was cancelled: ${reason}`);
    this.requestId = requestId;
    this.reason = reason;
  }
}

/** No final answer came in time; the request may still finish, and `resume` waits for it again. */
export class RequestTimeoutError extends ClientError {
  static kind = "RequestTimeoutError";

  /**
   * @param {string} requestId
   * @param {number} milliseconds
   */
  constructor(requestId, milliseconds) {
    super(`no final answer to request ${requestId} within ${milliseconds} ms`);
    this.requestId = requestId;
  }
}

/** API Gateway answered instead of the service: its function failed, timed out, or no route takes the message. */
export class GatewayError extends ClientError {
  static kind = "GatewayError";

  /**
   * @param {string} text such as "Internal server error"
   * @param {string | null} gatewayRequestId API Gateway's own id of the message, for its logs
   */
  constructor(text, gatewayRequestId) {
    super(`API Gateway answered: ${text}`);
    this.text = text;
    this.gatewayRequestId = gatewayRequestId;
  }
}

/** A message is larger than API Gateway takes from this WebSocket; it was not sent. */
export class PayloadTooLargeError extends ClientError {
  static kind = "PayloadTooLargeError";

  /**
   * @param {number} sizeBytes
   * @param {number} limitBytes
   */
  constructor(sizeBytes, limitBytes) {
    super(`a message of ${sizeBytes} bytes; at most ${limitBytes} can be sent`);
    this.sizeBytes = sizeBytes;
    this.limitBytes = limitBytes;
  }
}
