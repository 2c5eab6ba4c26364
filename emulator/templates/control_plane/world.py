"""The emulator as the control plane sees it: an `engine.World` made of its parts."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from streamer.topology import Topology

from ...dynamodb.endpoints.protocol import Database
from ...functions.variables import Endpoints
from ...iam.roles import Roles
from ...port.http import HttpRequest
from ...services.calls import Call
from ...services.host import Services
from .removal import Removal

_TARGETS: Final = {"dynamodb": "DynamoDB_20120810", "sqs": "AmazonSQS"}
_GONE: Final = (b"ResourceNotFound", b"NonExistentQueue", b"DoesNotExist")
"""Errors that say that there is nothing to remove."""


class EmulatedWorld(Struct, frozen=True, kw_only=True):
    """Made when all of it runs."""

    endpoints: Endpoints
    services: Services
    database: Database
    asks_for_rights: bool
    """Whether functions are held to their roles, or what they do is recorded."""
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
        scope = f"{self.endpoints.owner.access_key_id}/20260101/{self.region}/s3/aws4_request"
        fields = {
            "host": f"s3.{self.region}.amazonaws.com",
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        target = f"/{bucket}/{quote(key)}"
        request = HttpRequest("GET", target, tuple(fields.items()), b"", "127.0.0.1", fields)
        answer = await self.services.answer(request, "s3")
        if answer is None or answer.status != 200:
            raise LookupError(f"s3://{bucket}/{key}")
        return answer.body

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
