"""Another user of this machine, for tests that run as root."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

import pytest

NOBODY: Final = 65534
needs_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux to become another user"
)


async def as_nobody(program: str) -> list[str]:
    """Run a program as that user; answers the lines that it prints."""
    # Imported before, since what is root's need not be readable for others.
    become = f"import encodings.idna, http.client, os\nos.setgroups([])\nos.setgid({NOBODY})\nos.setuid({NOBODY})\n"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", become + program, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode().splitlines()
