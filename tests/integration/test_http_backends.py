"""Routes of REST and HTTP APIs that ask services, HTTP endpoints, and functions by templates, asked over HTTP."""

from __future__ import annotations

import base64
import hashlib
import http.client
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Function, Queue, Topology
from streamer.topology.http_apis import Backend, BackendResponse, HttpApi, HttpKind, HttpRoute

HANDLER = """
def custom(event, context):
    if event.get("fails"):
        raise ValueError("asked to fail")
    return {"got": event}
"""
OK = BackendResponse()
SQS = "arn:aws:apigateway:us-east-1:sqs:path/123456789012/inbox"
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/inbox"
FUNCTION = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/custom/invocations"


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Tells what it was asked; the path says with which status."""

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        told = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": base64.b64encode(self.rfile.read(length)).decode(),
        }
        content = json.dumps(told).encode()
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("content-length", str(len(content)))
        self.send_header("x-backend", "here")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - as the server calls them

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing is written."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def rest(endpoint: str) -> HttpApi:
    def route(key: str, **backend: Any) -> HttpRoute:
        method, _, path = key.partition(" ")
        return HttpRoute(path=path, method=method, backend=Backend(**backend))

    by_template = '{"name": "$input.params(\'name\')", "word": $input.json("$.word")}'
    chosen = '#set($context.responseOverride.status = 202){"from": "$input.path(\'$.method\')"}'
    return HttpApi(
        name="rest",
        kind=HttpKind.REST,
        api_id="restrestre",
        stage="prod",
        routes=(
            route(
                "POST /http/{name}",
                kind="HTTP",
                uri=f"{endpoint}/things/{{id}}",
                templates={"application/json": by_template},
                parameters={
                    "integration.request.path.id": "method.request.path.name",
                    "integration.request.querystring.q": "method.request.querystring.query",
                    "integration.request.header.X-Fixed": "'fixed'",
                },
                responses=(
                    BackendResponse(
                        templates={"application/json": chosen},
                        headers={
                            "X-Told": "integration.response.header.X-Backend",
                            "X-Path": "integration.response.body.path",
                        },
                    ),
                    BackendResponse(pattern="4\\d\\d", status=410, templates={"text/plain": "gone"}),
                ),
            ),
            route(
                "ANY /proxy/{proxy+}",
                kind="HTTP_PROXY",
                method="ANY",
                uri=f"{endpoint}/all/{{proxy}}",
                parameters={"integration.request.path.proxy": "method.request.path.proxy"},
            ),
            route(
                "POST /queue",
                kind="AWS",
                uri=SQS,
                templates={"application/json": "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"},
                parameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
                passthrough="NEVER",
                responses=(
                    BackendResponse(
                        templates={
                            "application/json": '#set($said = $input.path("$.SendMessageResponse"))'
                            '{"sent": "$said.SendMessageResult.MD5OfMessageBody"}'
                        }
                    ),
                ),
            ),
            route(
                "POST /function",
                kind="AWS",
                uri=FUNCTION,
                function="custom",
                templates={"application/json": '{"fails": $input.json("$.fails"), "by": "template"}'},
                responses=(OK, BackendResponse(pattern=".*asked to.*", status=409)),
            ),
            route(
                "GET /mock",
                kind="MOCK",
                templates={"application/json": '{"statusCode": $input.params("status")}'},
                responses=(
                    BackendResponse(
                        templates={"application/json": '{"is": "$input.params("is")"}'},
                        headers={"X-Said": "method.request.querystring.said"},
                    ),
                    BackendResponse(pattern="5\\d\\d", status=503, templates={"application/json": '{"is": "broken"}'}),
                ),
            ),
        ),
    )


def web(endpoint: str) -> HttpApi:
    return HttpApi(
        name="web",
        kind=HttpKind.HTTP,
        api_id="webwebwebw",
        routes=(
            HttpRoute(
                path="/pass/{proxy+}",
                payload="1.0",
                backend=Backend(
                    kind="HTTP_PROXY",
                    method="ANY",
                    uri=f"{endpoint}/web/{{proxy}}?own=1",
                    parameters={
                        "append:header.x-seen": "$context.identity.sourceIp",
                        "overwrite:header.x-who": "user ${request.header.x-user}",
                        "remove:querystring.secret": "",
                    },
                ),
            ),
            HttpRoute(
                path="/send",
                method="POST",
                payload="1.0",
                backend=Backend(
                    kind="AWS_PROXY",
                    subtype="SQS-SendMessage",
                    parameters={"QueueUrl": QUEUE, "MessageBody": "$request.body.text", "DelaySeconds": "0"},
                ),
            ),
            HttpRoute(
                path="/put",
                method="POST",
                payload="1.0",
                backend=Backend(
                    kind="AWS_PROXY",
                    subtype="Kinesis-PutRecord",
                    parameters={"StreamName": "clicks", "Data": "$request.body", "PartitionKey": "$request.body.key"},
                ),
            ),
            HttpRoute(
                path="/nowhere",
                payload="1.0",
                backend=Backend(kind="HTTP_PROXY", method="ANY", uri="http://127.0.0.1:1/"),
            ),
        ),
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, endpoint: str) -> Iterator[EmulatorThread]:
    folder = tmp_path_factory.mktemp("backends")
    (folder / "handlers.py").write_text(HANDLER)
    topology = Topology(
        api=Api(name="sockets", routes=()),
        functions=(Function(name="custom", handler="handlers.custom", timeout_seconds=20),),
        queues=(Queue(name="inbox"),),
        http_apis=(rest(endpoint), web(endpoint)),
    )
    with EmulatorThread(topology, EmulatorConfig(project_folder=folder, state_folder=folder)) as emulator:
        yield emulator


def asked(
    running: EmulatorThread, method: str, path: str, body: str | bytes = "", **headers: str
) -> tuple[int, dict[str, str], str]:
    """Status, headers in lower case, and body."""
    address = str(running.aws("lambda")["endpoint_url"]).removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def message(running: EmulatorThread) -> str:
    sqs = boto3.client("sqs", **running.aws("sqs"))
    url = sqs.get_queue_url(QueueName="inbox")["QueueUrl"]
    (found,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
    return str(found["Body"])


# REST APIs


def test_templates_and_parameters_make_what_an_endpoint_is_asked(running: EmulatorThread) -> None:
    body = json.dumps({"word": ["a"]})
    status, headers, text = asked(running, "POST", "/prod/http/one?query=two", body, content_type="application/json")

    assert (status, json.loads(text)) == (202, {"from": "POST"})
    assert (headers["x-told"], headers["x-path"]) == ("here", "/things/one?q=two")
    assert headers["content-type"] == "application/json"


def test_a_response_is_chosen_by_the_endpoints_status(running: EmulatorThread) -> None:
    status, headers, text = asked(running, "POST", "/prod/http/missing", "{}")
    assert (status, text, headers["content-type"]) == (410, "gone", "text/plain")


def test_a_proxy_passes_requests_and_answers_on(running: EmulatorThread) -> None:
    status, headers, text = asked(running, "PUT", "/prod/proxy/a/b?c=d&c=e", b"\xff\x00", x_mine="1")
    told = json.loads(text)

    assert (status, headers["x-backend"]) == (200, "here")
    assert (told["method"], told["path"], told["headers"]["x-mine"]) == ("PUT", "/all/a/b?c=d&c=e", "1")
    assert base64.b64decode(told["body"]) == b"\xff\x00"
    assert asked(running, "GET", "/prod/proxy/missing")[0] == 404
    encoded = json.loads(asked(running, "GET", "/prod/proxy/a%20b/c%2Fd/e:f@(1)")[2])
    assert encoded["path"] == "/all/a%20b/c%2Fd/e:f@(1)"


def test_a_service_is_asked_by_a_template(running: EmulatorThread) -> None:
    status, _, text = asked(running, "POST", "/prod/queue", "said & done", content_type="application/json")
    digest = hashlib.md5(b"said & done", usedforsecurity=False).hexdigest()
    assert (status, json.loads(text), message(running)) == (200, {"sent": digest}, "said & done")


def test_a_body_without_a_template_may_not_pass(running: EmulatorThread) -> None:
    status, _, text = asked(running, "POST", "/prod/queue", "x", content_type="text/csv")
    assert (status, json.loads(text)) == (415, {"message": "Unsupported Media Type"})


@pytest.mark.parametrize(
    ("fails", "status", "answer"),
    [
        pytest.param(False, 200, {"got": {"fails": False, "by": "template"}}, id="returns"),
        pytest.param(True, 409, "asked to fail", id="fails"),
    ],
)
def test_a_function_gets_what_a_template_makes(running: EmulatorThread, fails: bool, status: int, answer: Any) -> None:
    found = asked(running, "POST", "/prod/function", json.dumps({"fails": fails}))
    told = json.loads(found[2])
    assert (found[0], told if status == 200 else told["errorMessage"]) == (status, answer)


def test_a_function_gets_no_event_that_is_no_json(running: EmulatorThread) -> None:
    status, _, text = asked(running, "POST", "/prod/function", "fails", content_type="text/plain")

    message = json.loads(text)["message"]
    assert status == 200
    assert message.startswith("Could not parse request body into json: Could not parse payload into json: ")


def test_a_mock_with_several_responses_answers_by_its_templates_status(running: EmulatorThread) -> None:
    assert asked(running, "GET", "/prod/mock?status=200&is=fine")[::2] == (200, '{"is": "fine"}')
    assert asked(running, "GET", "/prod/mock?status=500")[::2] == (503, '{"is": "broken"}')


def test_a_header_that_cannot_be_sent_is_the_apis_own_error(running: EmulatorThread) -> None:
    assert asked(running, "GET", "/prod/mock?status=200&said=fine")[1]["x-said"] == "fine"

    status, headers, text = asked(running, "GET", "/prod/mock?status=200&said=a%0Ab")
    assert (status, json.loads(text)) == (500, {"message": "Internal server error"})
    assert headers["x-amzn-errortype"] == "InternalServerErrorException"


# HTTP APIs


def test_parameters_change_what_is_passed_on(running: EmulatorThread) -> None:
    path = "/pass/a%20b/c?secret=1&open=2"
    _, headers, text = asked(running, "GET", path, x_user="ann", x_seen="before")
    told = json.loads(text)

    assert told["path"] == "/web/a%20b/c?own=1&open=2"
    assert told["headers"]["x-who"] == "user ann"
    assert told["headers"]["x-seen"] == "before,127.0.0.1"
    assert "apigw-requestid" in headers


def test_a_route_sends_a_message(running: EmulatorThread) -> None:
    status, _, text = asked(running, "POST", "/send", json.dumps({"text": "by an HTTP API"}))
    assert (status, "MessageId" in json.loads(text), message(running)) == (200, True, "by an HTTP API")


def test_a_route_puts_a_record(running: EmulatorThread) -> None:
    kinesis = boto3.client("kinesis", **running.aws("kinesis"))
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    assert asked(running, "POST", "/put", '{"key": "k"}')[0] == 200

    where = {"StreamName": "clicks", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(**where)["ShardIterator"]
    (record,) = kinesis.get_records(ShardIterator=iterator)["Records"]
    assert (record["Data"], record["PartitionKey"]) == (b'{"key": "k"}', "k")


def test_an_endpoint_that_does_not_answer_is_503(running: EmulatorThread) -> None:
    assert asked(running, "GET", "/nowhere")[0] == 503
