// Uploads: against an emulator whose App tests/e2e/test_javascript_uploads.py has written, and against a played S3.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { StreamerClient } from "../src/index.js";
import { UploadFailedError, upload } from "../src/upload.js";

const { STREAMER_URL: url, STREAMER_TOKEN: token } = process.env;
const options = { skip: url ? false : "needs STREAMER_URL and STREAMER_TOKEN of an App with uploads" };
const client = new StreamerClient(url ?? "ws://127.0.0.1:9", { token });
after(() => client.close());

const CSV = { type: "text/csv" };

for (const [name, content, type] of [
  ["a Blob, which says what it is", new Blob(["1\n2\n"], CSV), undefined],
  ["text", "1\n2\n", "text/csv"],
  ["bytes", new TextEncoder().encode("1\n2\n"), "text/csv"],
  ["a buffer", new TextEncoder().encode("1\n2\n").buffer, "text/csv"],
  ["a stream", new Blob(["1\n2\n"]).stream(), "text/csv"],
  ["what was fetched", new Response(new Blob(["1\n2\n"], CSV)), undefined],
]) {
  test(`${name} is uploaded and read by a queued action`, options, async () => {
    const reference = await upload(client, content, { type });

    assert.deepEqual(await client.request("count", reference), { rows: 2, bytes: 4, type: "text/csv" });
  });
}

test("what no message holds gets there, and says how far it is", options, async () => {
  const parts = Array.from({ length: 100 }, () => "name,amount\n".repeat(1000));
  const seen = [];
  const reference = await upload(client, new Blob(parts), { ...CSV, onProgress: (progress) => seen.push(progress) });

  assert.equal((await client.request("count", reference)).rows, 100_000);
  assert.deepEqual(seen.at(-1), { percentage: 100, message: "1.2 of 1.2 MB", metadata: null });
  assert.ok(seen.length > 3);
  const told = seen.map(({ percentage }) => percentage);
  assert.deepEqual(told, told.toSorted?.((one, other) => one - other) ?? told);
});

test("nothing is something, too", options, async () => {
  assert.equal((await client.request("count", await upload(client, "", CSV))).rows, 0);
});

test("what is too large or of another type is refused before it is sent", options, async () => {
  await assert.rejects(upload(client, new Uint8Array(3_000_001), CSV), {
    name: "RequestFailedError",
    code: "PAYLOAD_TOO_LARGE",
    details: { bytes: 3_000_001, largest_bytes: 3_000_000 },
  });
  await assert.rejects(upload(client, "<p>", { type: "text/html" }), { code: "VALIDATION_ERROR" });
});

// a played S3

/** Answers each PUT as it is told; 0 cuts the connection. */
async function played(answers, use) {
  const asked = [];
  const got = [];
  const server = createServer((request, response) => {
    const [status, text] = answers.shift();
    if (!status) return request.socket.destroy();
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      got.push([request.headers, Buffer.concat(pieces).toString()]);
      response.writeHead(status).end(text);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = `http://127.0.0.1:${server.address().port}/`;
  const service = {
    async request(action, wanted) {
      asked.push([action, wanted]);
      return { upload: `upload-${asked.length}`, url: at, headers: { "content-type": wanted.content_type } };
    },
  };
  try {
    await use(service, asked, got);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
const WRONG = "<Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.</Message></Error>";

for (const [name, answer] of [
  ["a failure", [500, ""]],
  ["a link that was too old", [403, EXPIRED]],
  ["a lost connection", [0, ""]],
]) {
  test(`after ${name} it is tried again with a new link`, () =>
    played([answer, [200, ""]], async (service, asked, got) => {
      assert.equal(await upload(service, "1\n", CSV), "upload-2");
      assert.deepEqual(asked, Array(2).fill(["upload", { bytes: 2, content_type: "text/csv" }]));
      const [headers, body] = got.at(-1);
      assert.deepEqual([headers["content-length"], headers["content-type"], body], ["2", "text/csv", "1\n"]);
    }));
}

for (const content of ["1\n2\n", ""]) {
  test(`where a fetch leaves the length out, as Deno's, S3 is told it: ${content.length}`, () =>
    played([[200, ""]], async (service, asked, got) => {
      const { fetch } = globalThis;
      globalThis.Deno = {};
      globalThis.fetch = (at, { headers: { "content-length": _, ...headers }, ...init }) => fetch(at, { ...init, headers });
      const seen = [];
      try {
        await upload(service, content, { ...CSV, onProgress: ({ percentage }) => seen.push(percentage) });
      } finally {
        Object.assign(globalThis, { fetch });
        delete globalThis.Deno;
      }
      const [headers, body] = got[0];
      assert.deepEqual([headers["content-length"], headers["content-type"], body], [`${content.length}`, "text/csv", content]);
      assert.deepEqual(seen, content ? [98, 100] : [100]);
    }));
}

test("a refusal is told at once, in S3's words", () =>
  played([[403, WRONG]], async (service, asked) => {
    await assert.rejects(upload(service, "1\n"), (error) => {
      assert.ok(error instanceof UploadFailedError);
      assert.deepEqual(
        [error.name, error.message, error.status, error.code, error.retryable],
        [
          "UploadFailedError",
          "the upload failed: S3 refused it: HTTP 403 SignatureDoesNotMatch It does not match.",
          403,
          "SignatureDoesNotMatch",
          false,
        ],
      );
      return true;
    });
    assert.equal(asked.length, 1);
  }));

test("a signal stops it with its own reason", () =>
  played([[200, ""]], async (service, asked, got) => {
    const stop = new AbortController();
    const sending = upload(service, new Uint8Array(5e6), { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) });
    await assert.rejects(sending, { message: "enough" });
    await assert.rejects(upload(service, "1", { signal: stop.signal }), { message: "enough" });
    assert.equal(got.length, 0);
  }));

test("a signal stops it at once while a stream is read, which ends, and while it waits for another attempt", async () => {
  const stop = new AbortController();
  let cancelled;
  const silent = new ReadableStream({ cancel: (reason) => void (cancelled = reason.message) });
  const reading = upload({}, silent, { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(reading, { message: "enough" });
  assert.equal(cancelled, "enough");

  await played([[500, ""]], async (service, asked) => {
    const { setTimeout: timer } = globalThis;
    const waits = new AbortController();
    // As long as the pause is, it is not waited for.
    globalThis.setTimeout = (act, ms, ...rest) => {
      if (ms >= 250 && ms <= 500) queueMicrotask(() => waits.abort(new Error("enough")));
      return timer(act, ms >= 250 && ms <= 500 ? 2 ** 31 - 1 : ms, ...rest);
    };
    try {
      await assert.rejects(upload(service, "1", { signal: waits.signal }), { message: "enough" });
    } finally {
      globalThis.setTimeout = timer;
    }
    assert.equal(asked.length, 1);
  });
});

test("an action that gives no link is told", async () => {
  await assert.rejects(upload({ request: async () => ({ hello: 1 }) }, "1"), /the service's action gave no link/);
});
