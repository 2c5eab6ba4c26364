"""Domains of an API's own: under which address, and by which path, its stage is found. Pure.

A mapping's path stands for the stage and replaces it. [DOC] apigw-docs:websocket-api-mappings
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from msgspec import Struct


class Domain(Struct, frozen=True, kw_only=True):
    """A custom domain name that leads to a stage."""

    name: str
    """Without a port, in lower case."""
    base_path: str = ""
    """The key of its API mapping, such as ``chat`` or ``chat/v1``; empty: nothing follows the domain."""

    @property
    def path(self) -> str:
        """What a URL has after the domain."""
        return f"/{self.base_path}" if self.base_path else ""

    @property
    def has_levels(self) -> bool:
        """Whether its mapping has several; API Gateway then writes names of headers in lower case.

        [DOC] apigw-docs:websocket-api-mappings
        """
        return "/" in self.base_path


class Entrance(Struct, frozen=True):
    """How a request reached the stage."""

    domain: Domain | None = None
    """None: at the API's own address."""


OWN = Entrance()


def name_of(host: str) -> str:
    """A host without its port, as `Domain.name` has it."""
    return host.partition(":")[0].lower().rstrip(".")


def entrance(domains: Sequence[Domain], host: str, path: str, stage: str) -> Entrance | None:
    """How a request for a host and a path reaches the stage; None: it does not.

    At the emulator's own address the path of a mapping stands for its domain, whose name leads elsewhere; the stage's
    own path wins there.
    """
    bare = unquote(path).removesuffix("/")
    if not domains:
        return OWN if bare == f"/{stage}" else None
    name = name_of(host)
    if any(each.name == name for each in domains):
        return next((Entrance(each) for each in domains if each.name == name and each.path == bare), None)
    if bare == f"/{stage}":
        return OWN
    return next((Entrance(each) for each in domains if each.path == bare), None)
