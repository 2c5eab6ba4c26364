"""The emulator as the control plane sees it: a `protocol.World` made of its parts."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from streamer.topology import Table, Topology

from ...dynamodb.endpoints.protocol import Database
from ...functions.variables import Endpoints
from ...iam.roles import Roles
from ...port.http import FORM, HttpRequest, HttpResponse
from ...services.calls import Call
from ...services.host import Services
from .lookups import Lookup
from .removal import Removal
from .strangers import table_of

_TARGETS: Final = {"dynamodb": "DynamoDB_20120810", "sqs": "AmazonSQS"}
_JSON: Final = "application/x-amz-json-1.1"
_GONE: Final = (b"ResourceNotFound", b"NonExistentQueue", b"DoesNotExist")
"""Errors that say that there is nothing to remove."""


class EmulatedWorld(Struct, frozen=True, kw_only=True):
    """Made when all of it runs."""

    endpoints: Endpoints
    services: Services
    database: Database
    asks_for_rights: bool
    """Whether functions are held to their roles, or what they do is recorded."""
    tables_outlive_stacks: bool
    """Whether tables are elsewhere, and are still there when the emulator has forgotten their stacks."""
    applying: Callable[[Topology, tuple[Call, ...], Roles], Awaitable[None]]

    @property
    def region(self) -> str:
        """Where all of it is."""
        return self.endpoints.region

    @property
    def account_id(self) -> str:
        """Whose all of it is."""
        return self.endpoints.account_id

    async def apply(self, topology: Topology, services: tuple[Call, ...], roles: Roles) -> None:
        """Emulate a topology from now on, whose functions run as these roles; raises ConfigurationError."""
        await self.applying(topology, services, roles)

    async def uploaded(self, bucket: str, key: str) -> bytes:
        """An object of S3; raises LookupError."""
        answer = await self._asked(Lookup(service="s3", method="GET", path=f"/{bucket}/{quote(key)}"))
        if answer is None or answer.status != 200:
            raise LookupError(f"s3://{bucket}/{key}")
        return answer.body

    async def has(self, wanted: Lookup) -> bool:
        """Whether something is there."""
        if wanted.service in _TARGETS:
            return (await self.database.ask(wanted.target, wanted.body)).status == 200
        if self.services.has(wanted.service) and self.services.pid is None:
            return False  # what would have it was not started yet, or lost all of it
        answer = await self._asked(wanted)
        return answer is not None and answer.status == 200

    async def visibility_seconds(self, queue: str) -> int | None:
        """The visibility timeout of a queue, by its name; None: there is none."""
        name = "VisibilityTimeout"
        asked = {"QueueUrl": f"http://localhost/{self.account_id}/{queue}", "AttributeNames": [name]}
        answer = await self.database.ask(f"{_TARGETS['sqs']}.GetQueueAttributes", json.dumps(asked).encode())
        return None if answer.status != 200 else int(json.loads(answer.body)["Attributes"][name])

    async def table(self, name: str) -> Table | None:
        """A table that is there, whoever made it; None: there is none."""
        asked = json.dumps({"TableName": name}).encode()
        answer = await self.database.ask(f"{_TARGETS['dynamodb']}.DescribeTable", asked)
        if answer.status != 200:
            return None
        expiry = await self.database.ask(f"{_TARGETS['dynamodb']}.DescribeTimeToLive", asked)
        told = json.loads(expiry.body).get("TimeToLiveDescription") or {}
        return table_of(json.loads(answer.body)["Table"], told.get("AttributeName"))

    async def _asked(self, wanted: Lookup) -> HttpResponse | None:
        scope = f"{self.endpoints.owner.access_key_id}/20260101/{self.region}/{wanted.service}/aws4_request"
        fields = {
            "host": f"{wanted.service}.{self.region}.amazonaws.com",
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        if wanted.body:
            fields["content-type"] = _JSON if wanted.target else f"{FORM}; charset=utf-8"
        if wanted.target:
            fields["x-amz-target"] = wanted.target
        request = HttpRequest(wanted.method, wanted.path, tuple(fields.items()), wanted.body, "127.0.0.1", fields)
        return await self.services.answer(request, wanted.service)

    async def remove(self, removal: Removal) -> str | None:
        """Remove what a resource kept; answers why it cannot be removed, if so."""
        if removal.service not in _TARGETS:
            return await self.services.remove(
                Call(
                    service=removal.service,
                    operation=removal.operation,
                    parameters=removal.parameters,
                    resource=removal.resource,
                )
            )
        target = f"{_TARGETS[removal.service]}.{removal.operation}"
        answer = await self.database.ask(target, json.dumps(removal.parameters).encode())
        if answer.status == 200 or any(each in answer.body for each in _GONE):
            return None
        return str(json.loads(answer.body).get("message") or answer.body.decode())

    def stored(self) -> Mapping[str, str]:
        """Values of the parameter store."""
        return self.services.stored()
