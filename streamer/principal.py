"""Who a connection belongs to. Apart from ``streamer.auth``, so that only ``$connect`` loads a JWT library. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """The proven identity behind a connection."""

    user_id: str
    tenant_id: str
    permissions: frozenset[str] = frozenset()
