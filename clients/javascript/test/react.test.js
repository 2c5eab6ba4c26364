// The hooks in React itself, over a WebSocket that the test speaks for.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { StrictMode, act, createElement } from "react";
import { create } from "react-test-renderer";
import { StreamerClient } from "../src/index.js";
import { StreamerProvider, useConnectionState, useRequest, useTopic } from "../src/react.js";
import { FakeSocket, until } from "./page.js";

globalThis.IS_REACT_ACT_ENVIRONMENT = true;

let client;
let shown;
let root;
const kept = new Map();
const STORAGE = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => void kept.set(key, value),
  removeItem: (key) => void kept.delete(key),
};
globalThis.sessionStorage = STORAGE;

beforeEach(() => {
  FakeSocket.made = [];
  kept.clear();
  client = new StreamerClient("ws://127.0.0.1:1/dev", { WebSocket: FakeSocket, reconnect: { base: 1, most: 5, giveUp: 20_000 } });
});

afterEach(async () => {
  await act(async () => root.unmount());
  client.close();
});

/** Show what hooks say; React mounts twice, as in development. */
async function show(use, props = {}) {
  function Page(given) {
    shown = use(given);
    return null;
  }
  const page = (given) => createElement(StrictMode, null, createElement(StreamerProvider, { client }, createElement(Page, given)));
  await act(async () => {
    root = create(page(props));
  });
  return (changed) => act(async () => root.update(page(changed)));
}

/** The socket, open, once something was sent. */
async function asked(count = 1) {
  await act(async () => {
    await until(() => FakeSocket.made.length);
    FakeSocket.last.onopen?.();
    await until(() => FakeSocket.last.sent.length >= count);
  });
  return FakeSocket.last;
}

const say = (socket, message) => act(async () => socket.say(message));

test("a request goes from idle over its progress to its result, and the connection is told", async () => {
  await show(() => ({ ...useRequest("report"), connection: useConnectionState() }));
  assert.deepEqual([shown.status, shown.id, shown.connection], ["idle", null, "idle"]);

  let result;
  await act(async () => void (result = shown.run({ month: "2026-01" }, { id: "r-1" })));
  const socket = await asked();
  assert.deepEqual([shown.status, shown.id, shown.connection], ["running", "r-1", "open"]);
  assert.deepEqual(socket.sent[0].payload, { month: "2026-01" });

  await say(socket, { type: "progress", request_id: "r-1", percentage: 40, message: "half" });
  assert.equal(shown.progress.percentage, 40);
  await say(socket, { type: "complete", request_id: "r-1", result: 7 });

  assert.deepEqual([shown.status, shown.data, await result], ["done", 7, 7]);
});

test("what fails is shown, and thrown to who asked", async () => {
  await show(() => useRequest("report"));
  let failing;
  await act(async () => void (failing = assert.rejects(shown.run(1, { id: "r-1" }), (error) => error.code === "NO")));
  await say(await asked(), { type: "error", request_id: "r-1", error: { code: "NO", message: "not today", retryable: false } });
  await failing;

  assert.deepEqual([shown.status, shown.error.code], ["failed", "NO"]);
});

test("the events of an earlier request are not shown for a later one", async () => {
  await show(() => useRequest("report"));
  await act(async () => void shown.run(1, { id: "old" }).catch(() => {}));
  const socket = await asked();
  await act(async () => void shown.run(2, { id: "new" }).catch(() => {}));
  await asked(2);
  await say(socket, { type: "complete", request_id: "old", result: "old" });
  assert.deepEqual([shown.status, shown.id, shown.data], ["running", "new", null]);

  await say(socket, { type: "complete", request_id: "new", result: "new" });
  assert.equal(shown.data, "new");
});

test("with persist, a page that is loaded again goes on, once, and forgets the request when it is over", async () => {
  kept.set("streamer:monthly", "r-1");
  await show(() => useRequest("report", { persist: "monthly" }));
  const socket = await asked();
  assert.deepEqual([shown.status, shown.id], ["running", "r-1"]);
  assert.equal(socket.sent.at(-1).payload.request_id, "r-1");
  await say(socket, { type: "complete", request_id: "r-1", result: 7 });

  assert.deepEqual([shown.status, shown.data, kept.size], ["done", 7, 0]);
});

test("with persist, a component that comes back meanwhile goes on with what is under way", async () => {
  const use = () => useRequest("report", { persist: "monthly" });
  await show(use);
  const told = [];
  let result;
  await act(async () => void (result = shown.run(1, { id: "r-1", onProgress: ({ percentage }) => told.push(percentage) })));
  const socket = await asked();
  await say(socket, { type: "progress", request_id: "r-1", percentage: 40, message: "" });
  await act(async () => root.unmount());
  await show(use);
  assert.deepEqual([shown.status, shown.id, shown.progress.percentage], ["running", "r-1", 40]);

  await say(socket, { type: "progress", request_id: "r-1", percentage: 60, message: "" });
  assert.equal(shown.progress.percentage, 60);
  await say(socket, { type: "complete", request_id: "r-1", result: 7 });
  assert.deepEqual([shown.status, shown.data, await result, kept.size, told], ["done", 7, 7, 0, [40, 60]]);
  assert.equal(socket.sent.length, 1);
});

const refused = (request_id, code, retryable) => FakeSocket.last.say({ type: "error", request_id, error: { code, retryable } });

for (const [what, end, isKept] of [
  ["is kept while nobody knows what becomes of it", () => client.close(), true],
  ["is kept when a signal ends the waiting", (stopping) => stopping.abort(new Error("enough")), true],
  ["is forgotten when the service says no", () => refused("r-1", "NO", false), false],
  ["is forgotten when it failed, though another one may succeed", () => refused("r-1", "TIMEOUT", true), false],
]) {
  test(`with persist, a request ${what}`, async () => {
    await show(() => useRequest("report", { persist: "monthly" }));
    const stopping = new AbortController();
    let failing;
    await act(async () => void (failing = shown.run(1, { id: "r-1", signal: stopping.signal }).catch(() => {})));
    await asked();
    await act(async () => {
      end(stopping);
      await failing;
    });

    assert.deepEqual([shown.status, kept.get("streamer:monthly")], ["failed", isKept ? "r-1" : undefined]);
  });
}

for (const [code, retryable] of [["RATE_LIMITED", true], ["NOT_FOUND", false]]) {
  test(`with persist, a page that is loaded again and hears ${code} ${retryable ? "keeps" : "forgets"} the request`, async () => {
    kept.set("streamer:monthly", "r-1");
    await show(() => useRequest("report", { persist: "monthly" }));
    const socket = await asked();
    await act(async () => refused(socket.sent.at(-1).id, code, retryable));

    assert.deepEqual([shown.status, kept.size], ["failed", retryable ? 1 : 0]);
  });
}

test("with persist, the same request once more is refused, and the one under way goes on", async () => {
  await show(() => useRequest("report", { persist: "monthly" }));
  let result;
  await act(async () => void (result = shown.run(1, { id: "r-1" })));
  const socket = await asked();
  await act(async () => assert.rejects(shown.run(1, { id: "r-1" }), /already under way/));
  assert.deepEqual([shown.status, kept.get("streamer:monthly")], ["running", "r-1"]);

  await say(socket, { type: "complete", request_id: "r-1", result: 7 });
  assert.deepEqual([shown.status, await result, kept.size], ["done", 7, 0]);
});

function refuse() {
  throw new Error("SecurityError, or QuotaExceededError");
}

for (const [what, storage] of [
  ["nothing", { get: refuse }],
  ["nothing more", { value: { ...STORAGE, setItem: refuse } }],
]) {
  test(`with persist, a page that may keep ${what} asks all the same`, async () => {
    Object.defineProperty(globalThis, "sessionStorage", { configurable: true, ...storage });
    try {
      await show(() => useRequest("report", { persist: "monthly" }));
      let result;
      await act(async () => void (result = shown.run(1, { id: "r-1" })));
      await say(await asked(), { type: "complete", request_id: "r-1", result: 7 });

      assert.deepEqual([shown.status, shown.data, await result], ["done", 7, 7]);
    } finally {
      Object.defineProperty(globalThis, "sessionStorage", { configurable: true, writable: true, value: STORAGE });
    }
  });
}

for (const [what, before, after] of [
  ["name", { action: "report", persist: "january" }, { action: "report", persist: "february" }],
  ["action", { action: "report" }, { action: "summary" }],
]) {
  test(`another ${what} begins anew: it shows and cancels nothing of the one before`, async () => {
    const change = await show(({ action, persist }) => useRequest(action, { persist }), before);
    let result;
    await act(async () => void (result = shown.run(1, { id: "r-1" })));
    const socket = await asked();
    await say(socket, { type: "progress", request_id: "r-1", percentage: 40, message: "" });
    await change(after);
    assert.deepEqual([shown.status, shown.id, shown.progress, await shown.cancel()], ["idle", null, null, undefined]);

    await say(socket, { type: "complete", request_id: "r-1", result: 7 });
    assert.deepEqual([shown.status, shown.data, await result, socket.sent.length], ["idle", null, 7, 1]);
  });
}

test("a name that is come back to shows what became of its request meanwhile", async () => {
  const change = await show(({ persist }) => useRequest("report", { persist }), { persist: "january" });
  await act(async () => void shown.run(1, { id: "r-1" }).catch(() => {}));
  const socket = await asked();
  await change({ persist: "february" });
  await say(socket, { type: "progress", request_id: "r-1", percentage: 40, message: "" });
  await change({ persist: "january" });
  assert.deepEqual([shown.status, shown.id, shown.progress.percentage], ["running", "r-1", 40]);

  await act(async () => void shown.cancel().catch(() => {}));
  await asked(2);
  assert.deepEqual(socket.sent[1].payload, { request_id: "r-1" });
});

for (const [limit, latest] of [[2, [2, 3]], [0, []]]) {
  test(`a topic shows its latest ${limit} messages, and ends with the component`, async () => {
    await show(() => useTopic("news", { limit }));
    const socket = await asked();
    const { id } = socket.sent.find(({ action }) => action === "subscribe");
    await say(socket, { type: "response", request_id: id, data: null });
    for (const number of [1, 2, 3]) await say(socket, { type: "message", topic: "news", data: number });

    assert.deepEqual(shown.messages.map(({ data }) => data), latest);
  });
}

test("without a provider a hook says what is missing", async () => {
  let error;
  function Page() {
    try {
      useConnectionState();
    } catch (caught) {
      error = caught;
    }
    return null;
  }
  await act(async () => {
    root = create(createElement(Page));
  });

  assert.match(error.message, /there is no StreamerProvider above/);
});
