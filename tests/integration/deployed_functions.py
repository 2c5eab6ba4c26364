"""Deployed functions without AWS: the bundle under AWS's own runtime client, and a recording AWS behind it."""

import json
import queue
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

SECONDS = 30
RUNTIME_CLIENT = ("awslambdaric", "simplejson", "runtime_client")
"""What Lambda itself brings to run a handler, besides what `provide` does; the bundle must not need to."""


class Server(ThreadingHTTPServer):
    """A server on a free port, stopped with its threads."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], owner: Any) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@dataclass(frozen=True)
class Call:
    """A request to AWS, in the words of IAM."""

    function: str
    action: str
    resource: str


def permissions(operation: str, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Action and table, or index of a table, for each permission that a request to DynamoDB needs."""
    if operation == "TransactWriteItems":
        # [DOC] ddb-docs:transaction-apis-iam: a transaction needs the permissions of its parts.
        parts = [next(iter(each.items())) for each in given["TransactItems"]]
        return [(f"{kind}Item", part["TableName"]) for kind, part in parts]
    if "TableName" not in given:
        return [(operation, name) for name in given["RequestItems"]]
    index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
    return [(operation, given["TableName"] + index)]


@dataclass
class RecordingAws:
    """Passes DynamoDB and Secrets Manager on to moto, answers for the rest, and remembers every call and caller.

    The access key of a function is its name, so the signature tells who called.
    """

    moto: str
    calls: list[Call] = field(default_factory=list)
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Connection id and message, as clients would have got them."""
    invoked: list[dict[str, Any]] = field(default_factory=list)

    def record(self, handler: Handler, body: bytes) -> tuple[int, bytes]:
        found = re.search(r"Credential=(\w+)/\d+/([\w-]+)/([\w-]+)/", handler.headers["Authorization"])
        assert found is not None
        function, region, service = found.groups()
        arn = f"arn:aws:{service}:{region}:123456789012"
        match service:
            case "dynamodb":
                operation = handler.headers["X-Amz-Target"].split(".")[1]
                used = permissions(operation, json.loads(body))
                self.calls += [Call(function, f"dynamodb:{action}", f"{arn}:table/{where}") for action, where in used]
                return self.forward(handler, body)
            case "secretsmanager":
                self.calls.append(Call(function, "secretsmanager:GetSecretValue", json.loads(body)["SecretId"]))
                return self.forward(handler, body)
            case "lambda":
                name = handler.path.split("/")[3]
                self.calls.append(Call(function, "lambda:InvokeFunction", f"{arn}:function:{name}"))
                self.invoked.append(json.loads(body))
                return 202, b""
            case "execute-api":
                stage, _, connection = unquote(handler.path).removeprefix("/").partition("/@connections/")
                resource = f"{arn}:api-id/{stage}/{handler.command}/@connections/{connection}"
                self.calls.append(Call(function, "execute-api:ManageConnections", resource))
                if connection.startswith("gone"):
                    return 410, b"{}"
                if handler.command == "POST":
                    self.sent.append((connection, json.loads(body)))
                    return 200, b""
                return 200, b"{}"
        raise AssertionError(f"{function} called {service}")

    def forward(self, handler: Handler, body: bytes) -> tuple[int, bytes]:
        kept = {name: value for name, value in handler.headers.items() if name not in ("Host", "Accept-Encoding")}
        request = urllib.request.Request(self.moto + handler.path, data=body, headers=kept, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


class AwsHandler(Handler):
    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        status, body = self.server.owner.record(self, self.body())
        self.answer(status, body, Content_Type="application/x-amz-json-1.1")


@contextmanager
def recording_aws(moto: str) -> Iterator[tuple[RecordingAws, str]]:
    aws = RecordingAws(moto)
    with serving(Server(AwsHandler, aws)) as server:
        yield aws, f"http://{server.address}"


class RuntimeApiHandler(Handler):
    """Lambda's Runtime API for one execution environment. [DOC] lambda-docs:runtimes-api"""

    def do_GET(self) -> None:
        self.server.owner.is_ready.set()
        event = self.server.owner.events.get()
        if event is None:
            self.close_connection = True
            return
        self.answer(
            200,
            json.dumps(event).encode(),
            Lambda_Runtime_Aws_Request_Id="invocation",
            Lambda_Runtime_Deadline_Ms="4000000000000",
            # AWS's runtime client crashes where the real API's type is missing.
            Content_Type="application/json",
            Lambda_Runtime_Trace_Id="Root=1-695661c0-0f1e2d3c4b5a69788796a5b4;Parent=0f1e2d3c4b5a6978;Sampled=0",
            Lambda_Runtime_Invoked_Function_Arn="arn:aws:lambda:us-east-1:123456789012:function:f",
        )

    def do_POST(self) -> None:
        kind = self.path.rsplit("/", 1)[1]
        self.server.owner.results.put((kind, json.loads(self.body() or b"null")))
        self.answer(202, b"{}")


@dataclass
class DeployedFunction:
    """One function in a process that sees the bundle, boto3, the runtime client and the standard library only."""

    events: "queue.Queue[Any]" = field(default_factory=queue.Queue)
    results: "queue.Queue[Any]" = field(default_factory=queue.Queue)
    modules: list[str] = field(default_factory=list)
    is_ready: threading.Event = field(default_factory=threading.Event)
    """Its init is over: it asked for an event."""

    def invoke(self, event: Mapping[str, Any]) -> Any:
        self.events.put(event)
        kind, result = self.results.get(timeout=SECONDS)
        assert kind == "response", (kind, result)
        return result


BOOT = """
import sys
sys.path[:0] = {path!r}
from awslambdaric.__main__ import main
main(["bootstrap", {handler!r}])
"""


@contextmanager
def running(handler: str, task: Path, provided: Path, environment: Mapping[str, str]) -> Iterator[DeployedFunction]:
    function = DeployedFunction()
    with serving(Server(RuntimeApiHandler, function)) as server:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", BOOT.format(path=[str(task), str(provided)], handler=handler)],
            cwd=task,
            env={**environment, "AWS_LAMBDA_RUNTIME_API": server.address, "LAMBDA_TASK_ROOT": str(task)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        watcher = threading.Thread(
            target=lambda: function.results.put(("died", (process.communicate()[0], process.returncode)))
        )
        watcher.start()
        try:
            yield function
        finally:
            process.kill()
            watcher.join()
            function.events.put(None)
