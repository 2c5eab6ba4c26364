// The client and the demo of a real emulator, whose address and token are in the environment.
// Started by tests/e2e/test_javascript_client.py.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { StreamerClient } from "../src/index.js";

const { STREAMER_URL: url, STREAMER_TOKEN: token, STREAMER_WS: ws } = process.env;
const WebSocket = ws && (await import(ws)).default; // that of "ws" instead of Node's own
const options = { skip: url ? false : "needs STREAMER_URL and STREAMER_TOKEN of a running demo" };
const clients = [];

function make(more = {}) {
  const client = new StreamerClient(url, { token, WebSocket, ...more });
  clients.push(client);
  return client;
}

after(() => clients.forEach((client) => client.close()));

for (const tokenIn of ["subprotocol", "query"]) {
  test(`a quick action answers; the token is in the ${tokenIn}`, options, async () => {
    assert.deepEqual(await make({ tokenIn }).request("echo", { a: ["käse"] }), { a: ["käse"] });
  });
}

test("a queued action reports progress, and its result", options, async () => {
  const seen = [];
  const result = await make().request("report", { steps: 5, seconds: 0.2 }, { onProgress: (p) => seen.push(p.percentage) });

  assert.equal(result.steps, 5);
  assert.equal(seen.at(-1), 100);
  assert.deepEqual(seen, [...seen].sort((one, other) => one - other));
});

test("every message can be had, the final one included", options, async () => {
  const types = [];
  for await (const { type } of make().events("report", { steps: 2, seconds: 0.1 })) types.push(type);

  // All else may overtake the acknowledgment.
  assert.deepEqual(new Set(types.filter((type) => type !== "acknowledgment")), new Set(["progress", "complete"]));
  assert.equal(types.at(-1), "complete");
});

test("a bad payload and an unknown action are errors with their codes", options, async () => {
  const client = make();

  await assert.rejects(client.request("report", { steps: -1 }), { name: "RequestFailedError", code: "VALIDATION_ERROR" });
  await assert.rejects(client.request("nonsense"), { name: "RequestFailedError", code: "INVALID_ACTION" });
  assert.equal(await client.request("echo", 1), 1);
});

test("a request is resumed by another client, and cancelled by a third", options, async () => {
  const id = `js-${process.pid}-resume`;
  const first = make();
  const events = first.events("report", { steps: 100, seconds: 60 }, { id });
  await events.next();
  first.close();
  const cancelled = assert.rejects(make().resume(id), { name: "RequestCancelledError" });
  const third = make();
  assert.deepEqual((await third.cancel(id, "enough")).cancelled, true);

  await cancelled;
  assert.equal((await third.status(id)).status, "CANCELLED");
});

test("what is published reaches a topic's readers", options, async () => {
  const client = make();
  const messages = client.topic("news");
  const first = messages.next();
  while ((await client.publish("news", { a: 1 })).delivered === 0);

  assert.deepEqual((await first).value.data, { a: 1 });
  await messages.return();
});

test("a token that is refused is an error in words", options, async () => {
  await assert.rejects(make({ token: "wrong", reconnect: null }).open(), { name: "CannotConnectError" });
});

test("the largest message passes, and one byte more is refused here", options, async () => {
  const client = make();
  const room = client.limitBytes - JSON.stringify({ action: "echo", id: "r", payload: "" }).length;

  assert.equal((await client.request("echo", "x".repeat(room), { id: "r" })).length, room);
  await assert.rejects(client.request("echo", "x".repeat(room + 1), { id: "r" }), { name: "PayloadTooLargeError" });
  assert.equal(await client.request("echo", 1), 1);
});
