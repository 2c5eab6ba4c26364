"""What a service is as its code, its ``streamer.toml`` and ``.env`` say now, read in a process of its own.

What runs is what they said at the start; of changed code only the functions are taken. Run as a module it is that
process: its one argument is the descriptor to write to, standard input has the options.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ..here.identity import Identity
from ..options import EmulateOptions
from ..targets.target import Target
from . import processes

SECONDS: Final = 30.0
"""How long that may take."""


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What an emulator would run that started now."""

    fixed: Mapping[str, str]
    """What it takes from the service only when it starts, each part by its name in words, as JSON."""
    actions: tuple[str, ...]
    permissions: tuple[str, ...]
    """What its developer may do."""


def now_of(target: Target, identity: Identity) -> Now:
    """What a target is, to be compared."""
    topology = target.topology
    fixed: dict[str, Any] = {f"function {each.name}": each for each in topology.functions}
    fixed |= {
        each.name.replace("_", " "): getattr(topology, each.name)
        for each in dataclasses.fields(topology)
        if each.name != "functions"
    }
    fixed |= {"services": target.services, "domains": target.domains}
    return Now(
        fixed={name: _json(part) for name, part in fixed.items()},
        actions=target.actions,
        permissions=identity.permissions,
    )


def differences(before: Now, now: Now) -> list[str]:
    """Names of what takes a restart."""
    names = sorted(before.fixed.keys() | now.fixed.keys())
    return [name for name in names if before.fixed.get(name) != now.fixed.get(name)]


async def service_now(options: EmulateOptions) -> Now | None:
    """What these options would run now; None: that cannot be read, such as while code is half written."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as result:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", __name__, str(writing)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(writing,),
                start_new_session=True,
            )
        finally:
            os.close(writing)
        reader = asyncio.create_task(asyncio.to_thread(result.read))
        try:
            async with asyncio.timeout(SECONDS):
                await process.communicate(_json(options).encode())
        except TimeoutError:
            return None
        finally:
            await processes.end(process)  # with what it started, which holds the pipe open, too
            content = await reader
    return msgspec.json.decode(content, type=Now) if content else None


def _json(part: Any) -> str:
    return msgspec.json.encode(part, enc_hook=str, order="deterministic").decode()


def main(descriptor: int, said: bytes) -> None:
    """Write what the options that are said would run, unless it cannot be read."""
    from ..targets.which_project import project_of  # noqa: PLC0415 - what the emulator has imported already
    from ..targets.which_target import target_of  # noqa: PLC0415 - as above

    options = msgspec.json.decode(said, type=EmulateOptions, dec_hook=lambda _type, text: Path(text))
    project, shell = project_of(options)
    target, environment = target_of(options, project, {**shell, **project.environment})
    found = now_of(target, Identity.of_developer(environment, target.permissions))
    with os.fdopen(descriptor, "wb") as result:
        result.write(_json(found).encode())
        result.flush()
        os._exit(0)  # whatever threads the code began must not keep this process


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.stdin.buffer.read())
