"""What the control plane needs of the emulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from streamer.topology import Table, Topology

from ...iam.roles import Roles
from ...services.calls import Call
from .lookups import Lookup
from .removal import Removal


class World(Protocol):
    """The emulator, and what is in it."""

    @property
    def region(self) -> str:
        """Where all of it is."""
        ...

    @property
    def account_id(self) -> str:
        """Whose all of it is."""
        ...

    @property
    def asks_for_rights(self) -> bool:
        """Whether functions are held to their roles, or what they do is recorded."""
        ...

    @property
    def tables_outlive_stacks(self) -> bool:
        """Whether tables are elsewhere, and are still there when the emulator has forgotten their stacks."""
        ...

    async def apply(self, topology: Topology, services: tuple[Call, ...], roles: Roles) -> None:
        """Emulate a topology from now on, whose functions run as these roles; raises ConfigurationError."""
        ...

    async def uploaded(self, bucket: str, key: str) -> bytes:
        """An object of S3; raises LookupError."""
        ...

    async def has(self, wanted: Lookup) -> bool:
        """Whether something is there."""
        ...

    async def visibility_seconds(self, queue: str) -> int | None:
        """The visibility timeout of a queue, by its name; None: there is none."""
        ...

    async def table(self, name: str) -> Table | None:
        """A table that is there, whoever made it; None: there is none."""
        ...

    async def remove(self, removal: Removal) -> str | None:
        """Remove what a resource kept; answers why it cannot be removed, if so."""
        ...

    def stored(self) -> Mapping[str, str]:
        """Values of the parameter store."""
        ...
