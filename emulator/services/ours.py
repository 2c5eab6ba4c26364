"""The services that are answered in the emulator's own process, without moto: each begins when it is first needed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from streamer.errors import ConfigurationError

from ..functions.outcome import Functions
from ..functions.variables import Endpoints
from ..port.elsewhere import parameters_of
from ..port.http import HttpRequest, HttpResponse
from ..port.signed import POOLS
from .calls import Call
from .parameters import TARGET, ParameterError, ParameterStore

if TYPE_CHECKING:
    from .cognito.service import UserPools
    from .kinesis.service import KinesisStreams
    from .machines.service import StateMachines

STORE: Final = "ssm"
MACHINES: Final = "states"
STREAMS: Final = "kinesis"
OURS: Final = frozenset({STORE, POOLS, MACHINES, STREAMS})
_JSON: Final = "application/x-amz-json-1.1"


class Service(Protocol):
    """One of them."""

    def make(self, call: Call) -> None:
        """Do what a template describes.

        Raises:
            ConfigurationError: it is refused, as AWS would.
        """
        ...

    def remove(self, call: Call) -> str | None:
        """Delete what may be gone already; answers why it cannot be deleted, if so."""
        ...

    async def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request that is allowed; None: the operation is not known."""
        ...


class OurServices:
    """All of them."""

    def __init__(self, endpoints: Endpoints, functions: Functions) -> None:
        """Begin the parameter store alone; some of ``functions`` have a say in what the others do."""
        self._endpoints = endpoints
        self._functions = functions
        self._parameters = _Parameters(ParameterStore(endpoints.region, endpoints.account_id))
        self._pools: UserPools | None = None
        self._machines: StateMachines | None = None
        self._streams: KinesisStreams | None = None

    async def close(self) -> None:
        """End what runs."""
        if self._machines is not None:
            await self._machines.close()

    @property
    def streams(self) -> KinesisStreams:
        """The streams of Kinesis."""
        if self._streams is None:
            from .kinesis.service import KinesisStreams  # noqa: PLC0415 - only for those who have streams

            self._streams = KinesisStreams(self._endpoints.region, self._endpoints.account_id)
        return self._streams

    def parameters(self) -> Mapping[str, str]:
        """Values of the parameter store, by name."""
        return self._parameters.store.values()

    def make(self, call: Call) -> None:
        """See `Service.make`."""
        self._of(call.service).make(call)

    def remove(self, call: Call) -> str | None:
        """See `Service.remove`."""
        begun: Mapping[str, Service | None] = {
            STORE: self._parameters,
            POOLS: self._pools,
            MACHINES: self._machines,
            STREAMS: self._streams,
        }
        found = begun[call.service]
        return None if found is None else found.remove(call)

    async def answer(self, request: HttpRequest, service: str) -> HttpResponse | None:
        """See `Service.answer`."""
        return await self._of(service).answer(request)

    def take(self, to: str, payload: str, group: str | None) -> bool:
        """Start an execution, or put a record, for another service; False: ``to`` is no machine or stream of ours."""
        if self._machines is not None and self._machines.start(to, payload):
            return True
        return self._streams is not None and self._streams.put(to, payload.encode(), group or str(uuid.uuid4()))

    def _of(self, service: str) -> Service:
        if service == STORE:
            return self._parameters
        if service == STREAMS:
            return self.streams
        if service == POOLS:
            if self._pools is None:
                from .cognito.service import UserPools  # noqa: PLC0415 - only for those who have users

                self._pools = UserPools(self._endpoints.region, self._endpoints.account_id, self._functions)
            return self._pools
        if self._machines is None:
            from .machines.service import StateMachines  # noqa: PLC0415 - only for those who have machines

            self._machines = StateMachines(self._endpoints, self._functions)
        return self._machines


class _Parameters:
    """The parameter store as a `Service`."""

    def __init__(self, store: ParameterStore) -> None:
        self.store = store

    def make(self, call: Call) -> None:
        try:
            self.store.perform("PutParameter", call.parameters, now=time.time())
        except ParameterError as error:
            raise ConfigurationError(f"{call.resource}: {error.code}: {error}") from error

    def remove(self, call: Call) -> str | None:
        try:
            self.store.perform(call.operation, call.parameters, now=time.time())
        except ParameterError as error:
            return None if error.code == "ParameterNotFound" else f"{error.code}: {error}"
        return None

    async def answer(self, request: HttpRequest) -> HttpResponse | None:
        operation = request.fields.get("x-amz-target", "").removeprefix(TARGET)
        try:
            found = self.store.perform(operation, parameters_of(request), now=time.time())
        except ParameterError as refused:
            return HttpResponse.of_json(400, refused.told(), kind=_JSON)
        return None if found is None else HttpResponse.of_json(200, found, kind=_JSON)
