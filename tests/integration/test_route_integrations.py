"""Routes that no function's proxy answers: HTTP endpoints, actions of services, and what goes wrong with them."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from fake_functions import Answers
from websockets.sync.client import connect

from emulator.functions.outcome import Returned
from emulator.functions.variables import Endpoints
from emulator.gateway.integrations import RESPONSE_BYTES, Integrations
from emulator.gateway.integrations import ask as ask_endpoint
from emulator.gateway.invocations import Invocations
from emulator.gateway.rules.effects import Invoke, Raised, Result
from emulator.gateway.rules.mapping import MappingError, Request
from emulator.gateway.rules.stage import INTEGRATION
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Function, Key, Route, Table, Topology
from streamer.topology.integrations import Integration, IntegrationResponse

HANDLER = """
def fail(event, context):
    raise ValueError(f"no {event['what']}")
"""


TOGETHER = 40


class _Backend(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked; ``/moved`` redirects, ``/missing`` is 404, ``/together`` waits for others.

    ``/endless`` never ends its answer, and ``/bytes/N`` has N of them.
    """

    together = threading.Barrier(TOGETHER)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path == "/together":
            self.together.wait(timeout=20)
        if self.path == "/endless":
            self._never_end()
            return
        status = {"/moved": 302, "/missing": 404}.get(self.path, 200)
        asked = {"path": self.path, "tenant": self.headers["tenant"], "body": body}
        if self.headers["name"] is not None:
            asked["name"] = self.headers["name"].encode("latin-1").decode(errors="replace")
        content = json.dumps(asked).encode()
        if self.path.startswith("/bytes/"):
            content = bytes(int(self.path.removeprefix("/bytes/")))
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        if status == 302:
            self.send_header("location", "/elsewhere")
        self.end_headers()
        self.wfile.write(content)

    def _never_end(self) -> None:
        self.send_response(200)
        self.end_headers()
        silence = threading.Event()
        with contextlib.suppress(OSError):  # until the one who asked has enough
            while True:
                self.wfile.write(b": still here\n\n")
                silence.wait(0.02)

    def log_message(self, *_: object) -> None:
        return


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 2 * TOGETHER


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with _Server(("127.0.0.1", 0), _Backend) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def route(key: str, kind: str, **said: Any) -> Route:
    return Route(route_key=key, route_response=True, integration=Integration(kind=kind, **said))


def topology(backend: str) -> Topology:
    missing = IntegrationResponse(key="/404/", templates={"$default": "nothing at $input.path('$.path')"})
    by_status = IntegrationResponse(key="/200/", templates={"$default": "fine"})
    unlucky = IntegrationResponse(key="/no .*/", templates={"$default": "sorry: $input.path('$.errorMessage')"})
    of_function = (by_status, unlucky)
    routes = (
        route("proxy", "HTTP_PROXY", uri=f"{backend}/items", parameters={"integration.request.header.tenant": "'t1'"}),
        route("http", "HTTP", uri=f"{backend}/items", templates={"$default": "<$input.path('$.text')>"}),
        route("missing", "HTTP", uri=f"{backend}/missing", responses=(missing,)),
        route("moved", "HTTP_PROXY", uri=f"{backend}/moved"),
        route("together", "HTTP_PROXY", uri=f"{backend}/together"),
        route(
            "named",
            "HTTP_PROXY",
            uri=f"{backend}/{{name}}",
            parameters={
                "integration.request.header.name": "route.request.body.name",
                "integration.request.path.name": "route.request.body.name",
            },
        ),
        route("nowhere", "HTTP_PROXY", uri="http://127.0.0.1:port/"),
        route("nobody", "HTTP_PROXY", uri="http://127.0.0.1:1/"),
        route("fail", "AWS", function="fail", templates={"$default": '{"what": "luck"}'}),
        route("told", "AWS", function="fail", templates={"$default": '{"what": "luck"}'}, responses=of_function),
        route(
            "given",
            "AWS",
            function="fail",
            templates={"$default": '{"what": "luck"}'},
            parameters={"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
            responses=(IntegrationResponse(key="$default", templates={"$default": "taken"}),),
        ),
        route("textual", "AWS", function="fail", templates={"$default": "no JSON"}, responses=of_function),
        route("wrong", "MOCK", templates={"$default": "#if"}),
        route("empty", "MOCK"),
        route(
            "put",
            "AWS",
            uri="arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
            templates={
                "$default": '{"TableName": "notes", "Item": {"id": {"S": "$context.connectionId"},'
                ' "text": {"S": "$util.escapeJavaScript($input.path("$.text"))"}}}'
            },
        ),
    )
    return Topology(
        api=Api(name="chat", routes=routes, stage="prod"),
        functions=(Function(name="fail", handler="handlers.fail", timeout_seconds=30),),
        tables=(Table(name="notes", key=Key(partition="id")),),
    )


@pytest.fixture(scope="module")
def emulator(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorThread]:
    folder: Path = tmp_path_factory.mktemp("integrations")
    (folder / "handlers.py").write_text(HANDLER)
    with EmulatorThread(topology(backend), EmulatorConfig(project_folder=folder, state_folder=folder)) as found:
        yield found


def ask(emulator: EmulatorThread, action: str, **more: str) -> Any:
    """The answer, from JSON where it is JSON."""
    with connect(emulator.websocket_url, open_timeout=60) as connection:
        connection.send(json.dumps({"action": action, **more}))
        text = str(connection.recv(timeout=30))
    with contextlib.suppress(ValueError):
        return json.loads(text)
    return text


def test_an_http_proxy_passes_the_message_and_the_answer(emulator: EmulatorThread) -> None:
    answer = ask(emulator, "proxy", text="hi")

    assert answer == {"path": "/items", "tenant": "t1", "body": '{"action": "proxy", "text": "hi"}'}


def test_an_http_endpoint_gets_what_the_template_makes_of_the_message(emulator: EmulatorThread) -> None:
    assert ask(emulator, "http", text="hi")["body"] == "<hi>"


def test_the_status_of_an_endpoint_chooses_the_response(emulator: EmulatorThread) -> None:
    assert ask(emulator, "missing") == "nothing at /missing"


def test_a_redirect_is_an_answer(emulator: EmulatorThread) -> None:
    assert ask(emulator, "moved")["path"] == "/moved"


def test_endpoints_that_are_slow_do_not_hold_up_others(emulator: EmulatorThread) -> None:
    with connect(emulator.websocket_url, open_timeout=60) as connection:
        for number in range(TOGETHER):
            connection.send(json.dumps({"action": "together", "number": number}))
        answers = [json.loads(connection.recv(timeout=30)) for _ in range(TOGETHER)]

    assert {json.loads(each["body"])["number"] for each in answers} == set(range(TOGETHER))


def test_the_error_of_a_function_is_the_answer_of_its_integration(emulator: EmulatorThread) -> None:
    assert ask(emulator, "fail")["errorMessage"] == "no luck"


def test_a_function_gets_no_event_that_is_no_json(emulator: EmulatorThread) -> None:
    """[USR] serverless/serverless #2270: the client hears what Lambda says, and the function is not called."""
    answer = ask(emulator, "textual")

    assert set(answer) == {"message"}
    assert answer["message"].startswith("Could not parse request body into json: Could not parse payload into json: ")


def test_who_only_gives_a_function_its_event_does_not_wait_for_it(emulator: EmulatorThread) -> None:
    assert ask(emulator, "given") == "taken"


def test_the_error_message_of_a_function_chooses_the_response(emulator: EmulatorThread) -> None:
    assert ask(emulator, "told") == "sorry: no luck"


@pytest.mark.parametrize(
    ("name", "path", "header"),
    [
        pytest.param("é", "/%C3%A9", None, id="of latin-1"),
        pytest.param("\U0001f600", "/%F0%9F%98%80", "\U0001f600", id="of more"),
        pytest.param("\ud83d", "/%3F", "?", id="half a surrogate pair"),
    ],
)
def test_an_endpoint_gets_any_text_of_a_message(
    emulator: EmulatorThread, name: str, path: str, header: str | None
) -> None:
    answer = ask(emulator, "named", name=name)

    assert answer["path"] == path
    assert header in (None, answer["name"])


def test_a_text_that_is_no_header_is_an_error_of_the_service(emulator: EmulatorThread) -> None:
    assert ask(emulator, "named", name="a\r\nb: c")["message"] == "Internal server error"


@pytest.mark.parametrize("action", ["nobody", "nowhere", "wrong", "empty"])
def test_what_cannot_be_done_is_an_error_of_the_service(emulator: EmulatorThread, action: str) -> None:
    assert ask(emulator, action)["message"] == "Internal server error"


def test_an_action_of_dynamodb_is_done_here(emulator: EmulatorThread) -> None:
    assert ask(emulator, "put", text='a "quoted" one') == {}

    items = boto3.client("dynamodb", **emulator.aws("dynamodb")).scan(TableName="notes")["Items"]
    assert [item["text"]["S"] for item in items] == ['a "quoted" one']


def answer_of(url: str, *, seconds: float = 20.0) -> bytes:
    return ask_endpoint(Request(method="POST", url=url, body=""), b"", Endpoints(), seconds=seconds).body


def test_an_answer_that_never_ends_is_waited_for_no_longer_than_one_that_never_comes(backend: str) -> None:
    with pytest.raises(TimeoutError):
        answer_of(f"{backend}/endless", seconds=0.2)


def test_an_answer_that_is_too_large_is_an_error_and_not_cut(backend: str) -> None:
    assert len(answer_of(f"{backend}/bytes/{RESPONSE_BYTES}")) == RESPONSE_BYTES
    with pytest.raises(MappingError, match="more than 10,485,760 bytes"):
        answer_of(f"{backend}/bytes/{RESPONSE_BYTES + 1}")


async def test_an_endpoint_of_connect_that_is_gone_is_told_apart() -> None:
    api = Api(name="chat", routes=(route("$connect", "HTTP_PROXY", uri="http://127.0.0.1:1/"),), stage="prod")
    integrations = Integrations(Answers(Returned(b"null", "r")), lambda: api, Endpoints())
    result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
    event = {"requestContext": {"requestId": "r", "routeKey": "$connect", "apiId": "a", "requestTimeEpoch": 0}}

    Invocations(integrations).start(Invoke(f"{INTEGRATION}$connect", event, 20.0, "r", "$connect"), result.set_result)

    found = await result
    assert isinstance(found, Raised)
    assert found.is_unreachable
