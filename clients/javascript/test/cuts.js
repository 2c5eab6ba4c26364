// Clients whose connections are cut: each asks for one queued request, and tells what came of it as a line of JSON.
// Started by tests/cut_harness.py, with the address, a token and how many.
import { StreamerClient } from "../src/index.js";

const [url, token, count] = process.argv.slice(2);
const attempts = [];

class Counted extends WebSocket {
  constructor(...given) {
    super(...given);
    attempts.push(Date.now());
  }
}

async function one(number) {
  const client = new StreamerClient(url, { token, WebSocket: Counted, connectTimeout: 60_000 });
  const id = `cut-${number}`;
  const finals = [];
  let last = 0;
  let back = 0;
  let error = null;
  try {
    for await (const event of client.events("work", { number }, { id, resend: true })) {
      if (event.type === "progress") {
        if (event.percentage < last) back += 1;
        last = event.percentage;
      }
      if (["complete", "error", "cancelled"].includes(event.type)) finals.push([event.type, event.result ?? event.error]);
    }
  } catch (failure) {
    error = String(failure);
  }
  client.close();
  process.stdout.write(JSON.stringify({ id, finals, back, error }) + "\n");
}

await Promise.all(Array.from({ length: Number(count) }, (_, number) => one(number)));
process.stdout.write(JSON.stringify({ attempts }) + "\n");
process.exit(0);
