// A list of reports that are being made: their progress, cancel, and what was under way before a reload.
import { StreamerClient } from "/streamer-ws/index.js";
import { upload } from "/streamer-ws/upload.js";

// The token of a development page comes from `streamer emulate --static`; yours comes from your login. It is asked for
// again whenever a connection is opened, so one that has expired is replaced.
async function token() {
  const answer = await fetch("/.streamer/token", { method: "POST" });
  if (!answer.ok) throw new Error("no token");
  return (await answer.json()).token;
}

const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/dev`;
const client = new StreamerClient(url, { token, reconnect: { giveUp: Infinity } });

// What is under way, by id: kept over a reload of this tab.
const KEY = "reports";
const kept = () => JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
function keep(change) {
  const all = kept();
  change(all);
  sessionStorage.setItem(KEY, JSON.stringify(all));
}

function row(title) {
  const item = document.createElement("li");
  const [name, bar, word, cancel] = ["strong", "progress", "span", "button"].map((tag) => document.createElement(tag));
  name.textContent = title;
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", title);
  word.textContent = "waiting";
  cancel.textContent = "Cancel";
  item.append(name, bar, word, cancel);
  document.querySelector("#reports").prepend(item);
  return { item, bar, word, cancel };
}

async function follow(id, report) {
  const { title } = report;
  const { item, bar, word, cancel } = row(title);
  item.dataset.id = id;
  cancel.onclick = () => client.cancel(id, "cancelled in the dashboard").catch((error) => tell(error.message));
  const onProgress = ({ percentage, message }) => {
    bar.value = percentage;
    word.textContent = message;
  };
  keep((all) => (all[id] = report));
  try {
    // The same id never runs twice: after a reload this joins the request that runs.
    const { rows } = await client.request("report", report, { id, onProgress, resend: true });
    bar.value = 100;
    word.textContent = rows === null ? "done" : `done: ${rows} rows`;
  } catch (error) {
    word.textContent = error.name === "RequestCancelledError" ? "cancelled" : error.message;
  }
  keep((all) => delete all[id]);
  cancel.remove();
}

const tell = (text) => (document.querySelector("#news").textContent = text);

document.querySelector("#new").onsubmit = async (event) => {
  event.preventDefault();
  const { title, pages, rows } = event.target.elements;
  const report = { title: title.value, pages: pages.valueAsNumber };
  const [file] = rows.files;
  try {
    // More than a message holds: uploaded first, and named in the request.
    const onProgress = ({ percentage }) => tell(`Uploading ${file.name}: ${Math.floor(percentage)} %`);
    if (file) report.rows = await upload(client, file, { type: "text/csv", onProgress });
    follow(crypto.randomUUID(), report);
  } catch (error) {
    tell(error.message);
  }
};

client.addEventListener("state", () => {
  const shown = document.querySelector("#connection");
  shown.textContent = client.state;
  shown.dataset.state = client.state;
});
client.subscribe("reports", ({ data }) => {
  tell(`Somebody's report is ready: ${data.title}`);
});

for (const [id, report] of Object.entries(kept())) follow(id, report);
