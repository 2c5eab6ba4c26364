// Plays the client's part of the shared conversations (tests/protocol): reads what to do as lines of JSON, and writes
// what came of it. Started by tests/integration/conversations.py.
import { createInterface } from "node:readline";
import { StreamerClient } from "../src/index.js";

const [url] = process.argv.slice(2);
let made = 0;
let client;

function tell(call, what) {
  process.stdout.write(JSON.stringify({ call, ...what }) + "\n");
}

function described(error) {
  const { name, code, reason, text, status, sizeBytes } = error;
  return { error: name, fields: { code, reason, message: text, status, size_bytes: sizeBytes } };
}

const does = {
  client({ fresh_token: fresh, token, give_up_ms: giveUp }) {
    client = new StreamerClient(url, {
      token: fresh ? () => `token-${++made}` : token,
      reconnect: { base: 1, most: 10, giveUp: giveUp ?? 30_000 },
    });
    return client.open();
  },
  async request({ call, action, payload, id, resend, timeout_ms: timeout }) {
    const onProgress = ({ percentage }) => tell(call, { progress: percentage });
    return client.request(action, payload, { id, resend, timeout, onProgress });
  },
  resume({ call, id }) {
    return client.resume(id, { onProgress: ({ percentage }) => tell(call, { progress: percentage }) });
  },
  async topic({ call, topic, count }) {
    const heard = [];
    for await (const { data, missed } of client.topic(topic)) {
      heard.push(missed ? { data, missed } : data);
      tell(call, { progress: data });
      if (heard.length === count) break;
    }
    return heard;
  },
  cancel: ({ id, reason }) => client.cancel(id, reason),
  status: ({ id }) => client.status(id),
  publish: ({ topic, data }) => client.publish(topic, data),
  close: () => client.close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const step = JSON.parse(line);
  (async () => does[step.do](step))().then(
    (result) => tell(step.call, { result: result ?? null }),
    (error) => tell(step.call, described(error)),
  );
}
process.exit(0);
