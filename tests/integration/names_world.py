"""A script: emulates a service whose functions call AWS by name in every way, and prints as JSON what each got.

With ``NO_ROUTE`` set it runs in a network namespace of its own, in which nothing but loopback exists.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import socket
import struct
import sys
import tempfile
from pathlib import Path

import websockets

from emulator.wiring.emulator import Emulator, EmulatorConfig
from streamer.topology import Api, Function, Route, Topology

PYTHON = """
import asyncio, json, os, socket, urllib.request
import boto3, urllib3

def say(call):
    try:
        return str(call())
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]

def connected(connect):
    with socket.socket() as opened:
        connect(opened, ("sts.amazonaws.com", 443))
        return opened.getpeername()[0]

async def streams():
    reader, writer = await asyncio.open_connection("athena.us-east-1.amazonaws.com", 443, ssl=True)
    writer.write(b"GET / HTTP/1.1\\r\\nHost: athena.us-east-1.amazonaws.com\\r\\n\\r\\n")
    line = await reader.readline()
    writer.close()
    return line.decode().strip()

def post(url, event):
    client = boto3.client("apigatewaymanagementapi", endpoint_url=url)
    client.post_to_connection(ConnectionId=event["requestContext"]["connectionId"], Data=b"by name")
    return "posted"

def handler(event, context):
    about = event["requestContext"]
    url = f"https://{about['domainName']}/{about['stage']}"
    built = f"https://{about['apiId']}.execute-api.us-east-1.amazonaws.com/{about['stage']}"
    found = {
        "domainName": about["domainName"],
        "management": say(lambda: post(url, event)),
        "built": say(lambda: post(built, event)),
        "sts": say(lambda: boto3.client("sts").get_caller_identity()),
        "bedrock": say(lambda: boto3.client("bedrock-runtime").invoke_model(modelId="m", body=b"{}")),
        "s3": say(lambda: boto3.client("s3", endpoint_url="https://s3.us-east-1.amazonaws.com").list_buckets()),
        "dynamodb": say(lambda: boto3.client("dynamodb", endpoint_url="https://dynamodb.us-east-1.amazonaws.com")
            .list_tables()["TableNames"]),
        "urllib": say(lambda: urllib.request.urlopen("https://athena.us-east-1.amazonaws.com/")),
        "urllib3": say(lambda: urllib3.PoolManager(ca_certs=os.environ["SSL_CERT_FILE"])
            .request("GET", "https://athena.us-east-1.amazonaws.com/").status),
        "asyncio": say(lambda: asyncio.run(streams())),
        "connect": say(lambda: connected(socket.socket.connect)),
        "gethostbyname": say(lambda: socket.gethostbyname("sts.amazonaws.com")),
        "elsewhere": say(lambda: socket.getaddrinfo("localhost", 80)[0][4][1]),
    }
    return {"statusCode": 200, "body": json.dumps(found)}
"""
NODE = """
const https = require("node:https"), http2 = require("node:http2");
const net = require("node:net"), tls = require("node:tls");
const dns = require("node:dns");
const { fork } = require("node:child_process");
const { Worker } = require("node:worker_threads");
const say = (start) => new Promise((done) => { start((...told) => done(told.join(" ")), (e) => done(String(e))); });
const status = (...asked) => say((then, no) => https.get(...asked, (a) => then(a.statusCode)).on("error", no));
exports.handler = async (event) => {
  const { domainName, stage, connectionId } = event.requestContext;
  const host = "athena.us-east-1.amazonaws.com";
  const found = {
    https: await status(`https://${host}/`),
    options: await status({ host, path: "/" }),
    agent: await status(`https://${host}/`, { agent: new https.Agent({ keepAlive: true }) }),
    fetch: await fetch(`https://${host}/x`).then((a) => String(a.status), String),
    net: await say((then, no) => net.connect(443, host, function () { then(this.remoteAddress); }).on("error", no)),
    tls: await say((then, no) => {
      const socket = tls.connect({ host, port: 443, servername: host }, () => then(socket.authorized));
      socket.on("error", no);
    }),
    http2: await say((then, no) => {
      const session = http2.connect(`https://${host}`);
      session.on("error", no);
      session.on("connect", () => then(session.socket.remoteAddress));
    }),
    lookup: await say((then, no) => dns.lookup(host, (error, address) => (error ? no(error) : then(address)))),
    worker: await say((then, no) => {
      const code = `require("node:https").get("https://${host}/", (a) =>
        require("node:worker_threads").parentPort.postMessage(a.statusCode));`;
      new Worker(code, { eval: true }).on("message", then).on("error", no);
    }),
    forked: await say((then, no) => fork(`${__dirname}/child.js`).on("message", (seen) => then(seen)).on("error", no)),
  };
  await new Promise((done, fail) => {
    // Signed by nobody: the answer is what matters, and that it comes from here.
    const request = https.request(`https://${domainName}/${stage}/@connections/${encodeURIComponent(connectionId)}`,
      { method: "GET" }, (a) => { found.management = String(a.statusCode); a.resume().on("end", done); });
    request.on("error", fail).end();
  });
  return { statusCode: 200, body: JSON.stringify(found) };
};
"""
CHILD = """
const told = (answer) => process.send(answer.statusCode, () => process.exit());
require("node:https").get("https://athena.us-east-1.amazonaws.com/", told);
"""
SHELL = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  head=$(mktemp)
  curl -sS -D "$head" "$api/invocation/next" -o /dev/null
  id=$(grep -i aws-request-id "$head" | cut -d: -f2 | tr -d ' \\r')
  seen=$(curl -sS -o /dev/null -w '%{http_code}' https://athena.us-east-1.amazonaws.com/)
  curl -sS -X POST "$api/invocation/$id/response" -d "{\\"statusCode\\": 200, \\"body\\": \\"$seen\\"}" -o /dev/null
done
"""


def bring_loopback_up() -> None:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14s", b"lo", 0x41, b""))  # SIOCSIFFLAGS: up and running


async def main(folder: Path) -> None:
    (folder / "py.py").write_text(PYTHON)
    (folder / "index.js").write_text(NODE)
    (folder / "child.js").write_text(CHILD)
    (folder / "bootstrap").write_text(SHELL)
    (folder / "bootstrap").chmod(0o755)
    functions = [Function(name="python", handler="py.handler", timeout_seconds=60)]
    if shutil.which("node"):
        functions.append(Function(name="node", handler="index.handler", runtime="nodejs20.x", timeout_seconds=60))
    if shutil.which("curl"):
        functions.append(Function(name="shell", handler="x", runtime="provided.al2023", timeout_seconds=60))
    routes = tuple(Route(route_key=each.name, function=each.name, route_response=True) for each in functions)
    topology = Topology(api=Api(name="named", routes=routes), functions=tuple(functions))
    config = EmulatorConfig(project_folder=folder, state_folder=folder / ".streamer", iam="off", aws_domain=True)
    found = {}
    async with Emulator(topology, config, log_sink=ToStandardError()) as emulator:
        for each in functions:
            async with websockets.connect(emulator.websocket_url, open_timeout=60) as client, asyncio.timeout(60):
                await client.send(json.dumps({"action": each.name}))
                text = await client.recv()
                while text == "by name":
                    text = await client.recv()
                found[each.name] = json.loads(text)
    sys.stdout.write(json.dumps(found))


class ToStandardError:
    platform_lines = False

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        sys.stderr.write(f"{function}: {line}\n")


if __name__ == "__main__":
    if os.environ.get("NO_ROUTE"):
        bring_loopback_up()
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(main(Path(name).resolve()))
