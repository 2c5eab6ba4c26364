"""What probes are made with: a service of plain Lambda handlers that do as they are told, and an emulator that runs it.

Every function prints the event it got, which is how a probe sees what AWS would have sent.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fidelity_client import WAIT_SECONDS, Answer, Upgrading, Wire, request_bytes

from emulator.functions.variables import OWNER
from emulator.testing.thread import EmulatorThread, LogLine
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Authorizer, Function, Route, Topology

OWN: Final = Credentials(OWNER.access_key_id, OWNER.secret_access_key)
"""The emulator's own key pair."""
Scope = tuple[str, str]
SCOPE: Final[Scope] = ("execute-api", "us-east-1")

HANDLERS: Final = '''
    """They return 200, or what the "do" of the query, the message or the environment asks for."""
    import json
    import os


    def connect(event, context):
        query = event.get("queryStringParameters") or {}
        return obey(event, json.loads(query.get("do", "{}")))


    def authorize(event, context):
        order = json.loads(event["queryStringParameters"].get("auth", "{}"))
        allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
        policy = {"Version": "2012-10-17", "Statement": [{**allow, **order.get("statement", {})}]}
        reply = {"principalId": "ada", "policyDocument": policy, **order.get("reply", {})}
        return obey(event, {"return": reply, **json.loads(os.environ.get("DO", "{}")), **order})


    def message(event, context):
        try:
            order = json.loads(event["body"]).get("do", {})
        except (ValueError, AttributeError, TypeError):
            order = {}
        return obey(event, order)


    def echo(event, context):
        return {"statusCode": 200, "body": event["body"]}


    def disconnect(event, context):
        return obey(event, {})


    def obey(event, order):
        order = {**json.loads(os.environ.get("DO", "{}")), **order}
        print(json.dumps(event))
        if "gate" in order:  # a named pipe: opens when the probe opens its other end
            open(order["gate"]).close()
            print("through the gate")
        if "raise" in order:
            raise Exception(order["raise"])
        if "post" in order:
            return post(event, order["post"])
        return order.get("return", {"statusCode": 200})


    def post(event, text):
        """To oneself, as user code does it: the endpoint is made from the event, and nothing is set up for tests."""
        import boto3

        context = event["requestContext"]
        endpoint = f"https://{context['domainName']}/{context['stage']}"
        client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
        try:
            client.post_to_connection(ConnectionId=context["connectionId"], Data=text.encode())
        except client.exceptions.GoneException as error:
            print("GoneException", error.response["ResponseMetadata"]["HTTPStatusCode"])
        return {"statusCode": 200}
'''

CONNECT: Final = Route(route_key="$connect", function="connect")
DISCONNECT: Final = Route(route_key="$disconnect", function="disconnect")
DEFAULT: Final = Route(route_key="$default", function="message")
USUAL: Final = (CONNECT, DISCONNECT, DEFAULT)
POSTS: Final[Mapping[str, Any]] = {"posts_to_connections": True, "timeout_seconds": 30}
NAMES: Final = ("connect", "authorize", "message", "echo", "disconnect")


def topology_of(
    *routes: Route,
    functions: Mapping[str, Mapping[str, Any]] | None = None,
    authorizer: Authorizer | None = None,
    **api: Any,
) -> Topology:
    """A service with these routes (none: $connect, $disconnect and $default) and every handler there is.

    An authorizer is attached to ``$connect``; ``functions`` changes properties of functions by name.
    """
    chosen = routes or USUAL
    if authorizer is not None:
        chosen = tuple(
            replace(route, authorizer=authorizer.name) if route.route_key == "$connect" else route for route in chosen
        )
        api["authorizers"] = (authorizer,)
    made = [
        Function(**{"name": name, "handler": f"handlers.{name}", **POSTS, **(functions or {}).get(name, {})})
        for name in NAMES
    ]
    return Topology(api=Api(name="probe", routes=chosen, **api), functions=tuple(made))


AUTHORIZER: Final = Authorizer(name="gatekeeper", function="authorize")


class World:
    """A running emulator and what probes do with it."""

    def __init__(self, topology: Topology, folder: Path, config: EmulatorConfig) -> None:
        (folder / "handlers.py").write_text(textwrap.dedent(HANDLERS))
        self.folder = folder
        self.topology = topology
        self.emulator = EmulatorThread(topology, config)
        self._clients: list[Wire] = []
        self._gates: list[Gate] = []
        self._running = False

    def __enter__(self) -> Self:
        self.emulator.__enter__()
        self._running = True
        return self

    def __exit__(self, *failure: object) -> None:
        for client in self._clients:
            client.drop()
        for gate in self._gates:
            gate.release()
        if self._running:
            self.stop()

    def stop(self) -> None:
        """End the emulator before the test does."""
        self._running = False
        self.emulator.__exit__(None, None, None)

    # where it is

    @property
    def port(self) -> int:
        return urlsplit(self.emulator.websocket_url).port or 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def path(self) -> str:
        return f"/{self.topology.api.stage}"

    def trusting(self) -> ssl.SSLContext:
        """What a client needs to speak TLS: the CA file that the banner names."""
        return ssl.create_default_context(cafile=str(self.emulator.ca_file))

    # clients

    def wire(self, **settings: Any) -> Wire:
        client = Wire(self.port, **settings)
        self._clients.append(client)
        return client

    def upgrading(
        self,
        target: str | None = None,
        *headers: tuple[str, str],
        wire: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Upgrading:
        """A client whose upgrade request was sent and not yet answered."""
        client = Upgrading(self.port, **(wire or {}))
        self._clients.append(client)
        client.ask(target or self.path, *headers, **{"host": self.host, **settings})
        return client

    def refused(self, target: str | None = None, *headers: tuple[str, str], **settings: Any) -> Answer:
        """The answer to an upgrade request that is expected not to be a 101."""
        answer = self.upgrading(target, *headers, **settings).answer()
        assert answer.status != 101
        return answer

    def open(self, *headers: tuple[str, str], target: str | None = None, **settings: Any) -> Upgrading:
        """An open connection."""
        client = self.upgrading(target, *headers, **settings)
        client.opened()
        return client

    def told(self, **order: Any) -> str:
        """The URL that makes `connect` do something: ``told(raise="x")``."""
        return f"{self.path}?{urlencode({'do': json.dumps(order)})}"

    def authorized(self, **order: Any) -> str:
        """The URL that makes `authorize` do something."""
        return f"{self.path}?{urlencode({'auth': json.dumps(order)})}"

    # HTTP

    def http(
        self, method: str, target: str, *headers: tuple[str, str], body: bytes = b"", host: str | None = None
    ) -> Answer:
        with Wire(self.port) as wire:
            length = (("Content-Length", str(len(body))),) if body or method == "POST" else ()
            wire.send(request_bytes(method, target, [("Host", host or self.host), *length, *headers], body))
            return wire.answer()

    def call(
        self,
        method: str,
        connection_id: str,
        body: bytes = b"",
        *,
        credentials: Credentials = OWN,
        path: str | None = None,
    ) -> Answer:
        """A signed call of the management API."""
        target = path or f"{self.path}/%40connections/{quote(connection_id, safe='')}"
        return self.http(method, target, *self.signature(method, target, body, credentials), body=body)

    def signature(
        self, method: str, target: str, body: bytes = b"", credentials: Credentials = OWN, scope: Scope = SCOPE
    ) -> list[tuple[str, str]]:
        """The headers that sign a request, for a service and a Region."""
        request = AWSRequest(method, f"http://{self.host}{target}", data=body, headers={"Host": self.host})
        SigV4Auth(credentials, *scope).add_auth(request)
        return [(name, value) for name, value in request.headers.items() if name.lower() != "host"]

    def presigned(self, target: str, credentials: Credentials = OWN, *, expires: int = 300) -> str:
        """A path and query that carry their signature."""
        request = AWSRequest("GET", f"http://{self.host}{target}", headers={"Host": self.host})
        SigV4QueryAuth(credentials, "execute-api", "us-east-1", expires=expires).add_auth(request)
        return str(request.url).removeprefix(f"http://{self.host}")

    # what functions saw

    def event(self, function: str, number: int = 0) -> dict[str, Any]:
        """The event that a function got at its first, second, … invocation, keys in order."""
        self._wait_for(lambda _line: len(self._event_lines(function)) > number)
        return dict(json.loads(self._event_lines(function)[number]))

    def _event_lines(self, function: str) -> list[str]:
        lines = self.emulator.logs.lines
        return [line.text for line in lines if line.function == function and line.text.startswith("{")]

    def events(self, function: str) -> list[dict[str, Any]]:
        """Those of all its invocations so far."""
        return [json.loads(text) for text in self._event_lines(function)]

    def printed(self, function: str, text: str) -> None:
        """Wait for a line of a function."""
        self._wait_for(lambda line: line.function == function and text in line.text)

    def _wait_for(self, wanted: Callable[[LogLine], bool]) -> None:
        self.emulator.logs.wait_for(wanted, timeout_seconds=WAIT_SECONDS)

    def id_of(self, number: int = 0) -> str:
        """The connection id that the ``$connect`` function was told."""
        return str(self.event("connect", number)["requestContext"]["connectionId"])

    def ended(self, number: int = 0) -> tuple[int, str]:
        """Code and reason of a ``$disconnect`` event."""
        context = self.event("disconnect", number)["requestContext"]
        return context["disconnectStatusCode"], context["disconnectReason"]

    # gates

    def gate(self, name: str = "gate") -> Gate:
        self._gates.append(Gate(self.folder / name))
        return self._gates[-1]


class Gate:
    """Where a function waits until the probe lets it through; say its ``path`` in an order."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = str(path)

    def open(self) -> None:
        """Let one invocation through; waits until one stands there."""
        os.close(os.open(self.path, os.O_WRONLY))

    def release(self) -> None:
        """Let through who still stands there, when a probe failed before it could."""
        with contextlib.suppress(OSError):  # nobody does
            os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))


MakeWorld = Callable[..., World]
