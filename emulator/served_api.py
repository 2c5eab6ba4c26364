"""One API at its address: its port, and the gateway behind it."""

from __future__ import annotations

import hashlib
import secrets
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from streamer.topology import Api

from .functions.outcome import Functions
from .functions.variables import Endpoints
from .gateway.integrations import Integrations
from .gateway.rules.ids import IdSource
from .gateway.rules.limits import Assumptions, Limits
from .gateway.rules.management import ManagementTarget
from .gateway.rules.stage import Facts, Stage
from .gateway.shell import Gateway
from .gateway.verifier import Verifier
from .notes import Notes
from .port.aws_names import domain_name
from .port.front import Front, Gate
from .port.http import Connect, HttpProtocol, HttpRequest
from .port.peers import owners
from .port.tls import Authority
from .port.users import own_users_gate
from .recording import Recording

if TYPE_CHECKING:
    from .config import EmulatorConfig

_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - compared only

Answer = Callable[["ServedApi", HttpRequest], Any]
"""Answers a request that came to the port of an API."""


class ServedApi:
    """Listens from the start; is entered by whoever owns it once everything behind it runs."""

    gateway: Gateway
    stage: Stage

    def __init__(
        self,
        api: Api,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext,
        gate: Gate | None,
        request_seconds: float,
        answer: Answer,
        connect: Connect | None = None,
    ) -> None:
        self.api = api
        self._host = host
        self._answer = answer
        self._connect = connect
        self._request_seconds = request_seconds
        self.front = Front(self._protocol, gate=gate, host=host, port=port, tls=tls, first_byte_seconds=request_seconds)
        self.port = int(self.front.port)
        name = "127.0.0.1" if host in _EVERYWHERE else host
        self.address = f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"

    def open(
        self,
        functions: Functions,
        endpoints: Endpoints,
        limits: Limits,
        assumptions: Assumptions,
        *,
        recording: Recording | None = None,
        aws_domain: bool = False,
        notes: Notes | None = None,
    ) -> None:
        """Make the gateway; with ``aws_domain`` events name the API as AWS's would."""
        facts = Facts(
            region=endpoints.region,
            account_id=endpoints.account_id,
            api_id=self.api_id,
            domain_name=domain_name(self.api_id, endpoints.region) if aws_domain else self.address,
        )
        ids = IdSource(endpoints.region, secrets.randbits(64))
        self.stage = Stage(self.api, facts, ids, limits=limits, assumptions=assumptions)
        known = (endpoints.owner, *endpoints.keys.values())
        verifier = Verifier(secrets={keys.access_key_id: keys.secret_access_key for keys in known}, clock=time.time)
        integrations = Integrations(functions, lambda: self.api, endpoints)
        self.gateway = Gateway(self.stage, integrations, verifier, recording, notes)

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

    def _protocol(self, is_tls: bool) -> HttpProtocol:
        return HttpProtocol(
            lambda request: self._answer(self, request),
            upgrade=self.gateway.upgrade,
            connect=self._connect,
            is_tls=is_tls,
            request_seconds=self._request_seconds,
        )


def listening(
    apis: Iterable[Api],
    config: EmulatorConfig,
    authority: Authority,
    stack: AsyncExitStack,
    *,
    answer: Answer,
    connect: Connect,
) -> tuple[ServedApi, ...]:
    """The APIs, each with a port of its own: the configured one and those after it, or free ones."""
    tls = authority.server_context()
    gate = None if config.all_users else own_users_gate(config.host, owners())
    found = []
    for number, api in enumerate(apis):
        served = ServedApi(
            api,
            host=config.host,
            port=config.port + number if config.port else 0,
            tls=tls,
            gate=gate,
            request_seconds=config.request_seconds,
            answer=answer,
            connect=connect,
        )
        stack.callback(served.front.close)
        found.append(served)
    return tuple(found)
