"""APIs at their addresses: ports, and the gateway behind each."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import secrets
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from streamer.topology import Api

from ..foundation.notes import Notes
from ..foundation.place import iam_arn
from ..foundation.recording import Recording
from ..functions.outcome import Invocable
from ..functions.variables import Endpoints
from ..gateway.integrations import Integrations
from ..gateway.rules.ids import IdSource
from ..gateway.rules.management import ManagementTarget
from ..gateway.rules.stage import Facts, Stage
from ..gateway.shell import Gateway
from ..gateway.verifier import Verifier
from ..iam.guard import Guard
from ..iam.keys import Secrets
from ..port.aws_names import domain_name
from ..port.front import Front, Gate
from ..port.http import Answer, Handler, HttpRequest
from ..port.http1 import Connect, HttpProtocol, Upgrade
from ..port.peers import owners
from ..port.tls import Authority
from ..port.users import own_users_gate

if TYPE_CHECKING:
    from .config import EmulatorConfig

_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - compared only

Answering = Callable[["ServedApi", HttpRequest], Answer]
"""Answers a request that came to the port of an API."""
Upgrading = Callable[["ServedApi", HttpRequest, asyncio.Transport, bytes], None]
"""Takes over a connection to the port of an API that asks for a WebSocket."""


class ApiPort:
    """Listens from the start; its `front` is entered by whoever owns it once everything behind it runs."""

    def __init__(
        self, config: EmulatorConfig, number: int, *, tls: ssl.SSLContext, gate: Gate | None, connect: Connect | None
    ) -> None:
        """``number`` is how many ports there are before this one."""
        self._connect = connect
        self._request_seconds = config.request_seconds
        self._answer: Handler
        self._upgrade: Upgrade
        port = config.port + number if config.port else 0
        seconds = config.request_seconds
        self.front = Front(self._protocol, gate=gate, host=config.host, port=port, tls=tls, first_byte_seconds=seconds)
        self.number = int(self.front.port)
        name = "127.0.0.1" if config.host in _EVERYWHERE else config.host
        self.address = f"[{name}]:{self.number}" if ":" in name else f"{name}:{self.number}"

    def serve(self, served: ServedApi, answer: Answering, upgrade: Upgrading) -> None:
        """Say what becomes of requests, before the first one can come."""
        self._answer = functools.partial(answer, served)
        self._upgrade = functools.partial(upgrade, served)

    def _protocol(self, is_tls: bool, peer: str) -> HttpProtocol:
        return HttpProtocol(
            self._answer,
            upgrade=self._upgrade,
            connect=self._connect,
            is_tls=is_tls,
            peer=peer,
            request_seconds=self._request_seconds,
        )


class ServedApi:
    """An API at a port, alone or at a path of its own."""

    gateway: Gateway
    stage: Stage

    def __init__(self, api: Api, port: ApiPort, *, has_path: bool = False) -> None:
        """``has_path``: its stage is found below its id, since the port is another API's."""
        self.api = api
        self.front = port.front
        self.port = port.number
        self.address = port.address
        self._port = port
        self._has_path = has_path

    def beside(self, api: Api) -> ServedApi:
        """Another API at the same port."""
        return ServedApi(api, self._port, has_path=True)

    def open(
        self,
        functions: Invocable,
        endpoints: Endpoints,
        config: EmulatorConfig,
        *,
        guard: Guard,
        recording: Recording | None = None,
        notes: Notes | None = None,
    ) -> None:
        """Make the gateway."""
        facts = Facts(
            region=endpoints.region,
            account_id=endpoints.account_id,
            api_id=self.api_id,
            domain_name=domain_name(self.api_id, endpoints.region) if config.aws_domain else self.address,
            domains=config.domains.get(self.api.name, ()),
        )
        ids = IdSource(endpoints.region, secrets.randbits(64))
        self.stage = Stage(self.api, facts, ids, limits=config.limits, assumptions=config.assumptions)
        integrations = Integrations(functions, lambda: self.api, endpoints)
        self.gateway = Gateway(self.stage, integrations, verifier(guard, endpoints), recording, notes)

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"ws://{self.address}{self.path}"

    def is_at(self, request: HttpRequest) -> bool:
        """Whether a request came to one of the API's own domains."""
        if not self.stage.facts.domains:
            return False
        found = self.stage.entrance(request.fields.get("host", ""), request.raw_path)
        return found is not None and found.domain is not None

    @property
    def path(self) -> str:
        """The path of its stage at its port."""
        return f"/{self.api_id}/{self.api.stage}" if self._has_path else f"/{self.api.stage}"

    @property
    def api_id(self) -> str:
        """As in ARNs and events."""
        return self.api.api_id or hashlib.blake2b(self.api.name.encode(), digest_size=5).hexdigest()

    def change(self, api: Api) -> None:
        """Go by another description from now on; connections stay open. Raises TopologyError, and stays as it is."""
        self.stage.change(api)
        self.api = api

    def has(self, target: ManagementTarget) -> bool:
        """Whether a connection is one of this API's."""
        return self.gateway.has(target.connection_id)


def following(before: Sequence[ServedApi], apis: Iterable[Api]) -> list[tuple[ServedApi, Api]]:
    """The APIs of another description, each with what serves it: what did already, or a path beside the first one.

    An API is the same if its id and its stage are.
    """
    known = {_key(each.api): each for each in before}
    return [(known.get(_key(api)) or before[0].beside(api), api) for api in apis]


def _key(api: Api) -> tuple[str, str]:
    return api.api_id or api.name, api.stage


def listening(
    apis: Iterable[Api],
    config: EmulatorConfig,
    authority: Authority,
    stack: AsyncExitStack,
    *,
    answer: Answering,
    upgrade: Upgrading,
    connect: Connect,
) -> list[ServedApi]:
    """The APIs, each with a port of its own: the configured one and those after it, or free ones."""
    tls = authority.server_context(config.region)
    asked = None if config.all_users else owners()
    if asked is not None:
        stack.callback(asked.close)
    gate = own_users_gate(config.host, asked)
    found = []
    for number, api in enumerate(apis):
        port = ApiPort(config, number, tls=tls, gate=gate, connect=connect)
        stack.callback(port.front.close)
        served = ServedApi(api, port)
        port.serve(served, answer, upgrade)
        found.append(served)
    return found


def verifier(guard: Guard, endpoints: Endpoints) -> Verifier:
    """What APIs that ask for IAM know of who signs."""
    return Verifier(
        secrets=Secrets(endpoints.owner, endpoints.keys),
        region=endpoints.region,
        identity=lambda access_key_id: _identity(guard, access_key_id, endpoints),
        caller=guard.caller,
        is_expired=guard.is_expired,
        clock=time.time,
    )


def _identity(guard: Guard, access_key_id: str, endpoints: Endpoints) -> dict[str, str]:
    """Who has an access key, as events say it. [DOC] apigw-docs:api-gateway-mapping-template-reference

    Whoever signs with a key that was not given out here is the account's owner.
    """
    caller, account = guard.caller_with(access_key_id), endpoints.account_id
    if caller is None:
        root = iam_arn(endpoints.region, account, "root")
        return {"accountId": account, "caller": account, "user": account, "userArn": root}
    session = caller.user_id
    return {"accountId": account, "caller": session, "user": session, "userArn": caller.user_arn}
