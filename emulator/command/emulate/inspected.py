"""Which functions ``--inspect`` is for, and where the debugger of each listens. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from streamer.errors import ConfigurationError
from streamer.topology import Topology, names_of

from ...functions.runtimes import is_node

FIRST_PORT: Final = 9229
"""Where Node.js listens unless told otherwise; the second function that is inspected has the next port."""


def inspected(written: Iterable[str], topology: Topology, ids: Mapping[str, str]) -> dict[str, int]:
    """Port by name of the function; ``written`` are ``ID`` or ``ID=PORT``, ``ids`` the names of logical ids.

    Raises:
        ConfigurationError: one is no function, or none of Node.js, or has no port.
    """
    found: dict[str, int] = {}
    for number, each in enumerate(written):
        wanted, has_port, text = each.partition("=")
        name = ids.get(wanted, wanted)
        function = next((one for one in topology.functions if one.name == name), None)
        if function is None:
            raise ConfigurationError(f"--inspect {wanted}: there is no such function; {names_of(topology.functions)}")
        if not is_node(function):
            raise ConfigurationError(f"--inspect {wanted}: it is no function of Node.js; for Python there is --debug")
        if has_port and not (text.isdecimal() and int(text) <= 65_535):
            raise ConfigurationError(f"--inspect {each}: write ID or ID=PORT")
        found[name] = int(text) if has_port else FIRST_PORT + number
    return found
