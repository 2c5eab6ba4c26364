"""Draws ``docs/terminal.svg``, the README's picture, from a real run: ``make picture``.

A demo is emulated and asked; what the commands print is what is shown, but for the token.
"""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

STREAMER: Final = Path(sys.executable).parent / "streamer"
TARGET: Final = Path(__file__).parent / "terminal.svg"
COLUMNS: Final = 96
CALLS: Final = (
    ("echo", '{"hello": "socket"}'),
    ("report", '{"steps": 4, "seconds": 2}'),
)
TOKEN: Final = re.compile(r"((?:Authorization|token)=\w{10})[\w.-]+")
CHARACTER: Final = (8.4, 20)
"""Width and height, in pixels."""


def main() -> None:
    """Run it and write the picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        TARGET.write_text(picture([(kind, shortened(text, folder)) for kind, text in told(folder)]), "utf-8")


def shortened(text: str, folder: Path) -> str:
    """Without most of the token, at the port and in the folder that a reader would have."""
    text = TOKEN.sub(r"\1...", text).replace(str(folder), "~/service")
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8787", text)


def told(folder: Path) -> list[tuple[str, str]]:
    """Lines of the run, each as ``typed`` or ``told``: first the emulator's terminal, then the one that calls."""
    path = os.pathsep.join([str(STREAMER.parent), os.environ.get("PATH", "")])
    variables = {**os.environ, "PATH": path, "COLUMNS": str(COLUMNS)}
    command = [str(STREAMER), "emulate", "--demo", "--port", "0"]
    calls: list[tuple[str, str]] = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as emulator:
        assert emulator.stdout is not None
        banner = []
        for line in emulator.stdout:
            banner.append(line)
            if "Stop with" in line:
                break
        for action, payload in CALLS:
            done = subprocess.run(
                [STREAMER, "call", action, payload],
                cwd=folder,
                env=variables,
                capture_output=True,
                text=True,
                check=True,
            )
            calls += [("typed", f"streamer call {action} '{payload}'"), *lines(done.stderr + done.stdout), ("told", "")]
        emulator.terminate()
        rest = emulator.stdout.read()
    return [("typed", "streamer emulate --demo"), *lines("".join(banner) + "\n" + rest), ("told", ""), *calls[:-1]]


def lines(text: str) -> list[tuple[str, str]]:
    """What a command told."""
    return [("told", line) for line in text.splitlines()]


def picture(lines: Iterable[tuple[str, str]]) -> str:
    """A terminal with these lines, as SVG."""
    width, height = CHARACTER
    rows = [(kind, part) for kind, text in lines for part in folded(text)]
    texts = [
        f'<text x="20" y="{56 + number * height}">{prompt(kind)}{html.escape(text)}</text>'
        for number, (kind, text) in enumerate(rows)
        if text or kind == "typed"
    ]
    across, down = round(COLUMNS * width) + 40, len(rows) * height + 72
    dots = "".join(f'<circle cx="{24 + 20 * at}" cy="20" r="6" fill="#5b6472"/>' for at in range(3))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down}" role="img" '
        'aria-label="streamer emulate and streamer call in a terminal">\n'
        "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d7dce2;white-space:pre}"
        ".p{fill:#7fd1a8;font-weight:bold}</style>\n"
        f'<rect width="{across}" height="{down}" rx="10" fill="#1d232c"/>{dots}\n' + "\n".join(texts) + "\n</svg>\n"
    )


def prompt(kind: str) -> str:
    """What stands before what was typed."""
    return '<tspan class="p">$ </tspan>' if kind == "typed" else ""


def folded(text: str) -> list[str]:
    """As a terminal of that width does."""
    return [text[at : at + COLUMNS] for at in range(0, len(text), COLUMNS)] or [""]


if __name__ == "__main__":
    main()
