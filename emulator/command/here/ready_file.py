"""Says that an emulator runs in this folder: the ready file."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from streamer.aws_limits import LOOPBACK
from streamer.project import own_file

from ...foundation.files import write_whole
from ...foundation.place import REGION
from .development_secret import FOLDER
from .identity import Identity

FILE: Final = FOLDER / "emulator.json"
"""Where the emulator of this folder says that it runs, whatever ``--ready-file`` adds. Of several it is the first that
started, and when that one has ended, one of those that still run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Addresses of a running emulator."""

    websocket_url: str
    management_url: str
    dynamodb_url: str
    pid: int
    url: str = ""
    """Of Lambda's API and of SQS."""
    ca_file: str = ""
    """The certificate to trust for ``wss://`` and ``https://``."""
    urls: tuple[str, ...] = ()
    """What clients of each WebSocket API connect to."""
    http_urls: Mapping[str, str] = field(default_factory=dict)
    """Where each HTTP API, REST API and function URL of a template is found, by logical id."""
    resources: Mapping[str, Any] = field(default_factory=dict)
    """Of a template: logical id to physical id and what becomes of it here."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Of a template."""
    region: str = REGION
    """What requests have to be signed for."""
    verifies_with: str = ""
    """How tokens are verified, as `identity.key_kind` says; empty: not said."""
    identity: Identity = field(default_factory=Identity)
    """Whom commands take their user for."""
    wanted: Mapping[str, str] = field(default_factory=dict)
    """What tokens have to claim; see `streamer.settings.wanted_of`."""
    actions: tuple[str, ...] = ()
    """What clients can ask an App for, besides the built-in actions."""
    functions: tuple[str, ...] = ()
    """Names of its functions."""
    function_ids: Mapping[str, str] = field(default_factory=dict)
    """Of a template: logical id of a function to its name."""

    def callable_functions(self) -> dict[str, str]:
        """Name of each function by what commands may call it: its logical id, if it has one, and the name itself."""
        ids = {logical_id: name for logical_id, name in self.function_ids.items() if name in self.functions}
        return {**ids, **{name: name for name in self.functions}}


def write_ready(path: Path, ready: Ready) -> None:
    """Write the file in one step: a reader sees all of it or nothing.

    Raises:
        OSError: the file cannot be written, or is no regular one.
    """
    write_whole(path, f"{json.dumps(asdict(ready), indent=2)}\n".encode())


def remove_ready(path: Path, pid: int) -> None:
    """Remove the file if it is still that process's own; a link to it stays."""
    ready = _read(path)
    if ready is not None and ready.pid == pid:
        path.resolve().unlink(missing_ok=True)


def running(path: Path = FILE) -> Ready | None:
    """The emulator that the file names; None when there is no file, or its process is gone."""
    ready = _read(path)
    return ready if ready is not None and is_alive(ready.pid) else None


def trusted_ca_file(url: str, path: Path = FILE) -> str | None:
    """The certificate to trust for a URL beyond those of the system: that of the emulator that runs in this folder.

    None: no other. Only on this machine: the files of a folder must not decide who is believed to be another host.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # who connects says so better
        return None
    if parts.scheme != "wss" or parts.hostname not in LOOPBACK:
        return None
    found = running(path)
    return found.ca_file or None if found is not None else None


def _read(path: Path) -> Ready | None:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        content = json.loads(own_file(path))
        return Ready(
            websocket_url=str(content["websocket_url"]),
            management_url=str(content["management_url"]),
            dynamodb_url=str(content["dynamodb_url"]),
            pid=int(content["pid"]),
            url=str(content.get("url", "")),
            ca_file=str(content.get("ca_file", "")),
            region=str(content.get("region", REGION)),
            verifies_with=str(content.get("verifies_with", "")),
            identity=Identity.of_json(content["identity"]) if "identity" in content else Identity(),
            wanted={str(name): str(value) for name, value in content.get("wanted", {}).items()},
            actions=tuple(str(name) for name in content.get("actions", ())),
            functions=tuple(str(name) for name in content.get("functions", ())),
            function_ids={str(each): str(name) for each, name in content.get("function_ids", {}).items()},
        )
    return None


def is_alive(pid: int) -> bool:
    """Whether a process runs, whoever's it is."""
    if not 0 < pid < 2**31:  # 0 and negative numbers mean groups of processes
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
