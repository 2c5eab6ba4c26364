"""Build hook: in a wheel, ``emulator``, ``deploy`` and ``cli.py`` live inside the ``streamer`` package.

Generic top-level names in site-packages overwrite and shadow users' own modules. In the checkout, and so in an
editable install, they stay at the top, where a reader finds them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

EXAMPLE = (".py", ".md", ".ini", ".txt")
"""Kinds of files that an example consists of."""


class WheelLayout(BuildHookInterface):  # type: ignore[type-arg]
    """Moves the tools below ``streamer`` in a standard wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the wheel is built; ``version`` is ``standard`` or ``editable``."""
        if version == "standard":
            for name in ("emulator", "deploy", "cli.py"):
                build_data["force_include"][name] = f"streamer/{name}"
            # The emulator serves it to pages in development.
            build_data["force_include"]["clients/javascript/src"] = "streamer/clients/javascript/src"
            # What `streamer init --template reports` copies; not what running it has left there.
            for file in sorted(Path(self.root, "examples", "reports").rglob("*")):
                if file.suffix in EXAMPLE:
                    name = file.relative_to(self.root).as_posix()
                    build_data["force_include"][name] = f"streamer/emulator/{name}"
