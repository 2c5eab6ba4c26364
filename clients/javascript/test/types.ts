// Compiled, never run: what the types allow, and what they refuse.
import { RequestFailedError, StreamerClient, type Progress } from "../src/index.js";
import { typedHooks, useRequest, useTopic } from "../src/react.js";
import { UploadFailedError, upload } from "../src/upload.js";

type Actions = {
  report: { payload: { pages: number }; result: { url: string } };
  ping: { payload?: undefined; result: null };
};
type Topics = { orders: { id: number } };

export async function uses(signal: AbortSignal): Promise<string> {
  const client = new StreamerClient<Actions, Topics>("wss://example.com/prod", {
    token: async () => "fresh",
    tokenIn: "query",
    reconnect: { giveUp: Infinity },
  });
  const report = await client.request("report", { pages: 3 }, {
    onProgress: ({ percentage, message }: Progress) => void `${percentage} ${message}`,
    signal,
    timeout: 1000,
  });
  const url: string = report.url;
  await client.request("ping");
  await client.request("ping", undefined, { signal });
  client.events("ping");
  client.addEventListener("gateway-error", ({ detail }) => void detail);
  client.addEventListener("state", () => client.state satisfies string, { once: true });
  client satisfies EventTarget;
  for await (const { data, missed } of client.topic("orders")) {
    const id: number = data.id + missed;
    if (id) break;
  }
  client.subscribe("orders", ({ data }) => void data.id)();
  // @ts-expect-error what is published has no such field
  client.subscribe("orders", ({ data }) => void data.name);
  // @ts-expect-error nor has it in a loop
  for await (const { data } of client.topic("orders")) data.name;
  for await (const event of client.events("report", { pages: 1 })) if (event.type === "progress") break;

  // @ts-expect-error there is no such action
  await client.request("repotr", { pages: 3 });
  // @ts-expect-error the payload is another
  await client.request("report", { pages: "three" });
  // @ts-expect-error there is no payload
  await client.request("report");
  // @ts-expect-error there is no payload
  client.events("report");
  // @ts-expect-error the result has no such field
  report.uri;
  // @ts-expect-error there is no such topic
  client.topic("order");
  // @ts-expect-error no such place for a token
  new StreamerClient("wss://example.com", { tokenIn: "cookie" });
  return url;
}

export function asked<Name extends keyof Actions>(
  client: StreamerClient<Actions, Topics>, name: Name, payload: Actions[Name]["payload"],
): Promise<Actions[Name]["result"]> {
  return client.request(name, payload);
}

export async function uploads(client: StreamerClient<Actions, Topics>, file: File, signal: AbortSignal) {
  const reference: string = await upload(client, file, {
    action: "upload-picture",
    onProgress: ({ percentage }: Progress) => void percentage,
    signal,
  }).catch((error) => (error instanceof UploadFailedError ? `${error.status} ${error.code}` : ""));
  await upload(client, new Uint8Array(3), { type: "image/png" });
  // @ts-expect-error no content
  await upload(client, { a: 1 });
  // @ts-expect-error no such option
  await upload(client, file, { contentType: "text/csv" });
  return reference;
}

export async function untyped(): Promise<void> {
  await using client = new StreamerClient("ws://127.0.0.1:8787/dev");
  try {
    (await client.request("anything", [1])).whatever;
  } catch (error) {
    if (error instanceof RequestFailedError) error.code satisfies string;
  }
}

export function Report(): string | null {
  const { run, progress, status, error, cancel, id } = useRequest("report", { persist: "report" });
  const { messages } = useTopic("orders", { limit: 5 });
  if (status === "idle") void run({ pages: 3 });
  if (status === "failed") void error;
  if (status === "idle") void run();
  void cancel("enough");
  void cancel();
  // @ts-expect-error no such state
  if (status === "finished") return null;
  return `${id} ${progress?.percentage} ${messages.length}`;
}

const typed = typedHooks<Actions, Topics>();

export function TypedReport({ client }: { client: StreamerClient<Actions, Topics> }): string {
  const { run, status, data, error } = typed.useRequest("report");
  const ping = typed.useRequest("ping");
  const { messages } = typed.useTopic("orders");
  const ids: number[] = messages.map((message) => message.data.id);
  void run({ pages: 3 }, { timeout: 1000 }).then(({ url }) => url satisfies string);
  void ping.run();
  void typed.useStreamer().request("report", { pages: 3 });
  typed.StreamerProvider({ client });
  // @ts-expect-error there is no such action
  typed.useRequest("repotr");
  // @ts-expect-error the payload is another
  void run({ pages: "three" });
  // @ts-expect-error there is no payload
  void run();
  // @ts-expect-error there is no such topic
  typed.useTopic("order");
  // @ts-expect-error there is no result yet
  if (status === "running") return data.url;
  // @ts-expect-error the result has no such field
  if (status === "done") return data.uri + data.url;
  return `${error} ${ids}`;
}
