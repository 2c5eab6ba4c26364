"""What an App offers as its code is now: ``streamer describe`` in a process of its own, which imports it anew."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from streamer.errors import ConfigurationError

from . import processes

SECONDS: Final = 30.0
"""How long that may take."""


async def described_now(target: str, folder: Path) -> dict[str, Any]:
    """The plain document of the App that ``target`` names in a project's folder.

    Raises:
        ConfigurationError: it cannot be described, such as while its code does not load.
    """
    with tempfile.TemporaryDirectory() as made:
        file = Path(made, "service.json")  # programs that the code runs may write to standard output
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "streamer", "describe", target, "--format", "json", "--output", str(file)),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS):
                _, said = await process.communicate()
        except TimeoutError as error:
            raise ConfigurationError(f"describing {target} takes longer than {SECONDS:g} s") from error
        finally:
            await processes.end(process)
        if process.returncode != 0:
            last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise ConfigurationError(last or f"describing {target} ended with {process.returncode}")
        found: dict[str, Any] = json.loads(await asyncio.to_thread(file.read_bytes))
    return found
