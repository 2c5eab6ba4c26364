// Clients whose connections are cut: each asks for one queued request, and tells what came of it.
// tests/cut_harness.py has it run in Node.js, with the address, a token and how many as arguments, and in a browser.
import { StreamerClient } from "../src/index.js";

/** What came of each client, and when connections were attempted. */
export async function cuts(url, token, count) {
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
    return { id, finals, back, error };
  }

  const told = await Promise.all(Array.from({ length: Number(count) }, (_, number) => one(number)));
  return { told, attempts };
}

if (globalThis.process?.argv[1]?.endsWith("cuts.js")) {
  process.stdout.write(JSON.stringify(await cuts(...process.argv.slice(2))), () => process.exit(0));
}
