// When the client connects, when again, and how it notices that a connection is dead.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { CannotConnectError, ConnectionLostError, PayloadTooLargeError, StreamerClient } from "../src/index.js";
import { FakeSocket, fakePage, until } from "./page.js";

const QUICK = { base: 1, most: 5, giveUp: 20_000 };
let client;
let page;

beforeEach(() => {
  FakeSocket.made = [];
  page = fakePage();
});

afterEach(() => {
  client?.close();
  page.remove();
});

function make(options = {}) {
  client = new StreamerClient("ws://127.0.0.1:1/dev", { WebSocket: FakeSocket, reconnect: QUICK, ...options });
  return client;
}

async function opened(options) {
  const opening = make(options).open();
  await until(() => FakeSocket.made.length);
  FakeSocket.last.onopen();
  await opening;
  return FakeSocket.last;
}

async function next(count) {
  await until(() => FakeSocket.made.length >= count);
  FakeSocket.last.onopen();
  return FakeSocket.last;
}

test("it does nothing until it is used, and connects once for all who wait", async () => {
  make();
  assert.equal(client.state, "idle");
  const asking = [client.request("echo", 1, { id: "a" }), client.request("echo", 2, { id: "b" })];
  const socket = await next(1);
  await until(() => socket.sent.length === 2);
  for (const id of ["a", "b"]) socket.say({ type: "response", request_id: id, data: id });

  assert.deepEqual(await Promise.all(asking), ["a", "b"]);
  assert.equal(FakeSocket.made.length, 1);
});

for (const [name, options, protocols, query] of [
  ["as a subprotocol", { token: "h.p-_.s" }, ["streamer.v1", "bearer.h.p-_.s"], ""],
  ["in the query if asked for", { token: "h.p.s", tokenIn: "query" }, [], "?Authorization=h.p.s"],
  ["in the query if no subprotocol can hold it", { token: "aGk=" }, [], "?Authorization=aGk%3D"],
  ["nowhere if there is none", {}, [], ""],
]) {
  test(`the token goes ${name}`, async () => {
    const socket = await opened(options);

    assert.deepEqual(socket.protocols, protocols);
    assert.equal(socket.url, `ws://127.0.0.1:1/dev${query}`);
  });
}

test("a token function is asked for every attempt, and what it throws is not told", async () => {
  let asked = 0;
  const token = async () => {
    asked += 1;
    if (asked === 2) throw new Error("the password is hunter2");
    return `t${asked}`;
  };
  (await opened({ token })).end();
  await next(2);

  assert.deepEqual(FakeSocket.made.map(({ protocols }) => protocols[1]), ["bearer.t1", "bearer.t3"]);
  client.close();
  make({ reconnect: null, token: () => Promise.reject(new Error("the password is hunter2")) });
  await assert.rejects(client.open(), (error) => error instanceof CannotConnectError && !error.message.includes("hunter2"));
});

for (const [what, token] of [["an object", { token: "h.p.s" }], ["a text with a line break", "h.p.s\n"]]) {
  test(`a token that is ${what} is told at once, not tried and refused, and not shown`, async () => {
    await assert.rejects(make({ token: async () => token }).open(), (error) => {
      return error instanceof CannotConnectError && error.message.includes("the token is no text, or has") && !error.message.includes("h.p");
    });

    assert.deepEqual(FakeSocket.made, []);
  });
}

test("what a token function takes is not counted: there is time for another attempt", async () => {
  const now = Date.now;
  const token = () => {
    const then = Date.now() + 60_000;
    Date.now = () => then;
    return "t";
  };
  try {
    const opening = make({ token, connectTimeout: 50 }).open();
    await until(() => FakeSocket.made.length);
    FakeSocket.last.onerror({});
    await next(2);
    await opening;
  } finally {
    Date.now = now;
  }

  assert.equal(client.state, "open");
});

test("a first connection that cannot be had is an error in words, within the time for it", async () => {
  const opening = make({ connectTimeout: 50, token: "secret" }).open();
  const refused = setInterval(() => FakeSocket.made.forEach((socket) => socket.onerror?.({})), 1);

  await assert.rejects(opening, { name: "CannotConnectError", status: null, message: /ws:\/\/127.0.0.1:1\/dev: nobody answers, or the token was refused/ });
  clearInterval(refused);
  assert.equal(client.state, "closed");
});

async function failed(options, message) {
  const opening = make(options).open();
  await until(() => FakeSocket.made.length);
  FakeSocket.last.onerror({ message });
  return opening;
}

for (const [name, message] of [
  ["ws", "Unexpected server response: 401"],
  ["Bun", "WebSocket connection to 'ws://127.0.0.1:1/dev' failed: Expected 101 status code: 401"],
  ["Deno", "NetworkError: failed to connect to WebSocket: Invalid status code: 401"],
]) {
  test(`a refusal whose status ${name} tells is the end`, async () => {
    await assert.rejects(failed({ token: "old" }, message), { message: "cannot connect to ws://127.0.0.1:1/dev: HTTP 401", status: 401 });
  });
}

test("a refusal whose status is known is not the end where a fresh token may help", async () => {
  const opening = failed({ token: () => "fresh" }, "Unexpected server response: 401");
  await next(2);
  await opening;
});

test("no error tells the token of an address that a WebSocket names", async () => {
  const message = "WebSocket connection to 'ws://127.0.0.1:1/dev?Authorization=h.p.s' failed: Failed to connect";
  const failing = failed({ token: "h.p.s", tokenIn: "query", reconnect: null }, message);

  await assert.rejects(failing, { message: "cannot connect to ws://127.0.0.1:1/dev: WebSocket connection to 'ws://127.0.0.1:1/dev' failed: Failed to connect" });
});

test("nothing is given to a socket that is closing: it goes over the next one", async () => {
  const closing = await opened();
  closing.readyState = 2;
  const asking = client.request("echo", 1, { id: "r" });
  await new Promise((resolve) => setTimeout(resolve, 5));
  closing.end(1001);
  const socket = await next(2);
  await until(() => socket.sent.length);
  socket.say({ type: "response", request_id: "r", data: 1 });

  assert.equal(await asking, 1);
  assert.deepEqual([closing.sent, socket.sent.map(({ id }) => id)], [[], ["r"]]);
});

test("an answer that does not come in time counts as none", async () => {
  const opening = make({ connectTimeout: 5, reconnect: null }).open();

  await assert.rejects(opening, /no answer within 5 ms/);
});

test("a service that accepts and hangs up is not pressed: waits grow until a message comes", async () => {
  const attempts = [];
  make({ reconnect: { base: 0, most: 0, giveUp: 20_000 } });
  client.addEventListener("state", () => client.nextAttempt && attempts.push(client.nextAttempt.attempt));
  client.open();
  for (let count = 1; count <= 4; count += 1) (await next(count)).end(1001);
  const socket = await next(5);
  socket.say({ type: "pong", request_id: "x" });
  socket.end(1001);
  await next(6);

  assert.deepEqual(attempts, [1, 2, 3, 4, 1]);
});

for (const [code, soon] of [[1001, true], [1012, true], [1006, false], [1011, false]]) {
  test(`after ${code} the next attempt is made ${soon ? "within a second" : "when the pause is over"}`, async () => {
    const far = 3.6e9;
    const socket = await opened({ reconnect: { base: far, most: far, giveUp: 2 * far } });
    socket.end(code);

    assert.equal(client.nextAttempt.at - Date.now() <= 1000, soon);
  });
}

test("in silence something is said, each fourth time a ping, and no answer to that is another connection", async () => {
  const socket = await opened({ keepAlive: 10, answerTimeout: 10 });
  socket.answers = ({ action }) => action === "ping" && socket.sent.length < 8 && socket.say({ type: "pong", request_id: "keep-alive" });
  await until(() => FakeSocket.made.length === 2);

  const said = socket.sent.map(({ action }) => action);
  const round = ["keep-alive", "keep-alive", "keep-alive", "ping"];
  assert.deepEqual(said.slice(0, 8), [...round, ...round]);
  assert.equal(socket.closedWith, 1005);
});

test("a request that nothing is heard of lets it look at once whether the connection lives, and goes on over another one", async () => {
  const socket = await opened({ keepAlive: 10, answerTimeout: 10 });
  const asking = client.request("report", null, { id: "r-1" });
  const another = await next(2);
  await until(() => another.sent.length);
  another.say({ type: "response", request_id: another.sent[0].id, data: {} });
  another.say({ type: "complete", request_id: "r-1", result: 7 });

  assert.equal(await asking, 7);
  assert.deepEqual(socket.sent.map(({ action }) => action), ["report", "ping"]);
  assert.equal(another.sent[0].action, "subscribe");
});

test("a page that is shown again checks its connection at once; a hidden one does not", async () => {
  const socket = await opened({ answerTimeout: 10 });
  page.change("hidden");
  assert.equal(socket.sent.length, 0);
  page.change("visible");
  page.document.dispatchEvent(new Event("resume"));
  assert.equal(socket.sent.length, 1);

  await next(2);
  assert.equal(client.state, "open");
});

test("a network that comes back ends the wait, but does not press the service", async () => {
  const socket = await opened({ reconnect: { base: 3_600_000, most: 3_600_000, giveUp: 7_200_000 } });
  const jitter = Math.random;
  Math.random = () => 0.9;
  socket.end();
  Math.random = jitter;
  assert.equal(client.state, "waiting");
  page.fire("online");
  assert.equal(FakeSocket.made.length, 1); // the last attempt was a moment ago
  const now = Date.now;
  Date.now = () => now() + 1500;
  page.fire("online");
  Date.now = now;

  await next(2);
  assert.equal(client.state, "open");
});

test("the back/forward cache gets a page without a connection, and gives it back with one", async () => {
  const socket = await opened();
  const asking = client.request("report", null, { id: "r-1" });
  await until(() => socket.sent.length);
  socket.say({ type: "acknowledgment", request_id: "r-1" });
  page.fire("pagehide", { persisted: true });
  assert.equal(socket.closedWith, 1000);
  assert.equal(client.state, "waiting");
  page.fire("online");
  assert.equal(FakeSocket.made.length, 1);
  page.fire("pageshow", { persisted: true });

  const another = await next(2);
  await until(() => another.sent.length);
  assert.deepEqual(another.sent[0].payload, { request_id: "r-1" });
  another.say({ type: "complete", request_id: "r-1", result: 1 });
  assert.equal(await asking, 1);
});

for (const [name, options, wasOpen] of [
  ["a lost connection", { reconnect: { base: 3_600_000, most: 3_600_000, giveUp: 200 } }, true],
  ["one that never was", { connectTimeout: 200, reconnect: { base: 3_600_000, most: 3_600_000, giveUp: 60_000 } }, false],
]) {
  test(`the last attempt for ${name} is made when the time is over, however long the pause would be`, async () => {
    const opening = wasOpen ? opened(options) : make(options).open();
    await until(() => FakeSocket.made.length);
    if (wasOpen) await opening;
    FakeSocket.last.end();
    await next(2);
    await opening;

    assert.equal(client.state, "open");
  });
}

test("a tab that slept longer than it may be without a connection tries all the same", async () => {
  const socket = await opened({ reconnect: { base: 40, most: 40, giveUp: 60_000 } });
  const now = Date.now;
  socket.end();
  Date.now = () => now() + 8 * 3_600_000;
  try {
    await next(2);
  } finally {
    Date.now = now;
  }

  assert.equal(client.state, "open");
});

test("a closed client stays closed, lets go of the page, and is opened by open alone", async () => {
  const socket = await opened();
  client.close();
  assert.equal(socket.closedWith, 1000);
  page.fire("online");
  page.fire("pageshow", { persisted: true });
  await assert.rejects(client.request("echo"), (error) => error instanceof ConnectionLostError && error.code === 1000);
  const opening = client.open();
  await next(2);
  await opening;

  assert.equal(client.state, "open");
});

for (const state of ["open", "waiting"]) {
  test(`who closes the client when told that it is ${state} has closed it`, async () => {
    make({ reconnect: { base: 0, most: 0 }, keepAlive: 1 });
    client.addEventListener("state", () => client.state === state && client.close());
    client.open().catch(() => {});
    await until(() => FakeSocket.made.length);
    FakeSocket.last.onopen();
    FakeSocket.last.end();
    await new Promise((resolve) => setTimeout(resolve, 5));

    assert.deepEqual([client.state, FakeSocket.made.length], ["closed", 1]);
  });
}

test("who opens the client again when told of its end gets the next connection", async () => {
  const first = await opened({ reconnect: null });
  let again;
  client.addEventListener("state", () => client.state === "closed" && (again ??= client.open()));
  first.end();
  await next(2);

  await again;
  assert.equal(client.state, "open");
});

test("what is larger than a frame is refused before it is sent, in bytes of UTF-8", async () => {
  const socket = await opened();
  const room = 32_768 - JSON.stringify({ action: "echo", id: "r", payload: "" }).length;

  await assert.rejects(client.request("echo", "x".repeat(room + 1), { id: "r" }), (error) => {
    return error instanceof PayloadTooLargeError && error.sizeBytes === 32_769 && error.limitBytes === 32_768;
  });
  await assert.rejects(client.request("echo", "ä".repeat(room / 2 + 1)), PayloadTooLargeError);
  const asking = client.request("echo", "x".repeat(room), { id: "r" });
  await until(() => socket.sent.length === 1);
  socket.say({ type: "response", request_id: "r", data: 1 });
  assert.equal(await asking, 1);
});

test("a WebSocket that can fragment sends up to 128 KB, in frames of at most 32 KB", async () => {
  const frames = [];
  class Fragmenting extends FakeSocket {
    emit() {}
    send(part, options) {
      frames.push([Buffer.from(part), options]);
    }
  }
  await opened({ WebSocket: Fragmenting });
  const payload = "ä".repeat(50_000);
  const asking = client.request("echo", payload, { id: "r" });
  await until(() => frames.length === 4);
  FakeSocket.last.say({ type: "response", request_id: "r", data: null });
  await asking;

  assert.deepEqual(frames.map(([, { fin, binary }]) => [fin, binary]), [...Array(3).fill([false, false]), [true, false]]);
  assert.ok(frames.every(([part]) => part.length <= 32_768));
  assert.equal(JSON.parse(Buffer.concat(frames.map(([part]) => part))).payload, payload);
  assert.equal(client.limitBytes, 131_072);
});

test("a signal stops the waiting, not the request", async () => {
  const socket = await opened();
  const stop = new AbortController();
  const asking = client.request("report", null, { id: "r-1", signal: stop.signal });
  await until(() => socket.sent.length === 1);
  stop.abort();

  await assert.rejects(asking, { name: "AbortError" });
  assert.equal(socket.sent.length, 1);
});

test("a signal that is aborted already asks for nothing, not even a connection", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  make();
  await assert.rejects(client.request("order", 1, { signal }), /enough/);
  await assert.rejects(client.resume("r-1", { signal }), /enough/);
  await assert.rejects(client.events("order", 1, { signal }).next(), /enough/);

  assert.deepEqual([client.state, FakeSocket.made.length], ["idle", 0]);
});

test("what nobody waits for any more is not sent once there is a connection again", async () => {
  (await opened()).end();
  const stop = new AbortController();
  const asking = client.request("order", 1, { signal: stop.signal });
  const hasty = client.request("order", 2, { timeout: 5 });
  const events = client.events("order", 3);
  const first = events.next();
  const messages = client.topic("news");
  const published = messages.next();
  stop.abort();
  await assert.rejects(asking, { name: "AbortError" });
  await assert.rejects(hasty, { name: "RequestTimeoutError" });
  await Promise.all([events.return(), messages.return(), first, published]);
  const socket = await next(2);
  const wanted = client.request("echo", 4, { id: "r" });
  await until(() => socket.sent.some(({ id }) => id === "r"));
  socket.say({ type: "response", request_id: "r", data: 4 });

  assert.equal(await wanted, 4);
  assert.deepEqual(socket.sent.map(({ action }) => action), ["echo"]);
});

test("a signal that outlives requests is let go of", async () => {
  const socket = await opened();
  socket.answers = ({ id }) => socket.say({ type: "response", request_id: id, data: null });
  const { signal } = new AbortController();
  const listeners = () => getEventListeners(signal, "abort").length;
  const events = client.events("report", null, { signal });
  assert.equal(listeners(), 1);
  for await (const { type } of events) assert.equal(type, "response");
  await client.request("report", null, { signal });

  assert.equal(listeners(), 0);
});

test("times that no timer can hold are as long as one can be", async () => {
  const socket = await opened({ connectTimeout: Infinity, keepAlive: Infinity, answerTimeout: Infinity });
  const asking = client.request("report", null, { id: "r", timeout: Infinity });
  const longer = client.request("report", null, { id: "s", timeout: 2 ** 31 });
  await until(() => socket.sent.length === 2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const id of ["r", "s"]) socket.say({ type: "response", request_id: id, data: 1 });

  assert.deepEqual(await Promise.all([asking, longer]), [1, 1]);
});

test("who has no time left waits no longer", async () => {
  await opened();

  await assert.rejects(client.request("report", null, { timeout: 0 }), { name: "RequestTimeoutError" });
});

test("leaving a loop unsubscribes at once, even while it waits", async () => {
  const socket = await opened();
  socket.answers = ({ action, id }) => socket.say({ type: "response", request_id: id, data: action });
  const messages = client.topic("news");
  const waiting = messages.next();
  await until(() => socket.sent.length === 1);
  await messages.return();

  assert.deepEqual(await waiting, { done: true, value: undefined });
  await until(() => socket.sent.length === 2);
  assert.deepEqual(socket.sent.map(({ action }) => action), ["subscribe", "unsubscribe"]);
});

test("a topic is left and come back to one after the other, as the service may carry out two at once in any order", async () => {
  const socket = await opened();
  const answer = () => socket.say({ type: "response", request_id: socket.sent.at(-1).id, data: null });
  client.subscribe("news", () => {})();
  const stop = client.subscribe("news", () => {});
  await until(() => socket.sent.length === 1);
  answer();
  await until(() => socket.sent.length === 2);
  stop();
  client.subscribe("news", () => {});
  stop();
  answer();
  await until(() => socket.sent.length === 3);
  answer();

  assert.deepEqual(socket.sent.map(({ action }) => action), ["subscribe", "subscribe", "subscribe"]);
});

test("a slow reader of a topic misses the oldest, and is told how many", async () => {
  const socket = await opened();
  socket.answers = ({ id }) => socket.say({ type: "response", request_id: id, data: null });
  const messages = client.topic("news");
  const first = messages.next();
  await until(() => socket.sent.length === 1);
  for (let number = 0; number < 1031; number += 1) socket.say({ type: "message", topic: "news", data: number });

  assert.equal((await first).value.data, 0);
  const { data, missed } = (await messages.next()).value;
  assert.deepEqual([data, missed], [7, 6]);
  assert.equal((await messages.next()).value.missed, 0);
});

test("subscribe calls back until it is told to stop, and tells of the end", async () => {
  const socket = await opened();
  socket.answers = ({ id }) => socket.say({ type: "response", request_id: id, data: null });
  const heard = [];
  const ended = [];
  client.subscribe("news", ({ data }) => heard.push(data), (error) => ended.push(error.name));
  const stop = client.subscribe("other", ({ data }) => heard.push(data));
  await until(() => socket.sent.length === 2);
  socket.say({ type: "message", topic: "news", data: 1 });
  socket.say({ type: "message", topic: "other", data: 2 });
  await until(() => heard.length === 2);
  stop();
  socket.say({ type: "message", topic: "other", data: 3 });
  client.close();
  await until(() => ended.length);

  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(ended, ["ConnectionLostError"]);
});

test("what a callback throws is an uncaught error, and the next message is told all the same", async () => {
  const socket = await opened();
  const uncaught = [];
  const listeners = process.rawListeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", ({ message }) => uncaught.push(message));
  try {
    const heard = [];
    client.subscribe("news", ({ data }) => {
      heard.push(data);
      if (data === 1) throw new Error("a mistake of the page");
    });
    await until(() => socket.sent.length === 1);
    for (const data of [1, 2]) socket.say({ type: "message", topic: "news", data });
    await until(() => heard.length === 2);

    assert.deepEqual([heard, uncaught], [[1, 2], ["a mistake of the page"]]);
    assert.deepEqual(socket.sent.map(({ action }) => action), ["subscribe"]);
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});

test("an error that belongs to no request is an event", async () => {
  const socket = await opened();
  const told = [];
  client.addEventListener("gateway-error", ({ detail }) => told.push(detail.message));
  socket.say({ message: "Forbidden", connectionId: "c=", requestId: "g=" });

  assert.deepEqual(told, ["API Gateway answered: Forbidden"]);
});

test("an error that names no request is not about events that nobody reads, which were not asked for", async () => {
  const socket = await opened();
  client.events("report", 1);
  const asking = client.request("echo", 2);
  await until(() => socket.sent.length === 1);
  socket.say({ message: "Forbidden", connectionId: "c=", requestId: "g=" });

  await assert.rejects(asking, { name: "GatewayError", text: "Forbidden" });
});

for (const [what, pong, isAsked] of [["the check of a page that is shown again", false, false], ["a request, once the check is answered", true, true]]) {
  test(`an error that names no request may be about ${what}`, async () => {
    const socket = await opened();
    const asking = client.request("report", null, { id: "r-1" });
    await until(() => socket.sent.length === 1);
    page.change("visible");
    assert.equal(socket.sent[1].action, "ping");
    socket.say({ message: "Forbidden", connectionId: "c=", requestId: "g=" });
    if (pong) socket.say({ type: "pong", request_id: "keep-alive" });
    else socket.say({ type: "response", request_id: "r-1", data: 1 });

    if (isAsked) await assert.rejects(asking, { name: "GatewayError" });
    else assert.equal(await asking, 1);
  });
}

test("of a service that knows no ping nothing is told when its connection is checked, and the next error is somebody's", async () => {
  const socket = await opened();
  const told = [];
  client.addEventListener("gateway-error", ({ detail }) => told.push(detail.message));
  page.change("visible");
  socket.say({ message: "Forbidden", connectionId: "c=", requestId: "g=" });
  assert.deepEqual(told, []);
  const asking = client.request("report");
  await until(() => socket.sent.length === 2);
  socket.say({ message: "Internal server error", connectionId: "c=", requestId: "g=" });

  await assert.rejects(asking, { text: "Internal server error" });
});
