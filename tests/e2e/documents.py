"""The code blocks of the documents, and ways to run them."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
import shlex
import subprocess
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from running_command import PATIENCE_SECONDS, STREAMER, Emulate
from websockets.sync.client import ClientConnection

ROOT: Final = Path(__file__).parents[2]
BLOCK: Final = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCUMENTS: Final = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document."""

    document: str
    """From the checkout's folder on."""
    line: int
    language: str
    text: str

    @property
    def first(self) -> str:
        """Its first line, by which it is known."""
        return self.text.partition("\n")[0]

    @property
    def lines(self) -> list[str]:
        """Those that hold something."""
        return [line for line in self.text.splitlines() if line.strip()]

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(document: Path) -> Iterator[Block]:
    """All blocks of a document."""
    text = document.read_text("utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(document.relative_to(ROOT).as_posix(), line, found[1], found[2])


ALL: Final = tuple(block for document in DOCUMENTS for block in blocks(document))


# shells


def shell(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line in a folder; ``streamer`` is this checkout's, ``wscat`` and ``openssl`` are stand-ins."""
    tools = folder / ".tools"
    tools.mkdir(exist_ok=True)
    for name, program in STAND_INS.items():
        (tools / name).write_text(program)
        (tools / name).chmod(0o755)
    path = f"{tools}:{STREAMER.parent}:/usr/local/bin:/usr/bin:/bin"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "AWS_DEFAULT_REGION": "eu-central-1", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


STAND_INS: Final[Mapping[str, str]] = {
    "wscat": f"""#!{STREAMER.parent}/python
import sys
from websockets.sync.client import connect
with connect(sys.argv[sys.argv.index("-c") + 1], compression=None, proxy=None) as client:
    client.ping().wait(30)
""",
    "openssl": "#!/bin/sh\nhead -c 16 /dev/urandom | od -An -tx1 | tr -d ' \\n'\n",
}


def command(line: str) -> str:
    """A line without its comment and prompt, and without the ``&`` that puts it into the background."""
    return re.split(r"\s{2,}#", line)[0].removeprefix("$ ").strip().removesuffix("&").strip()


def starts_emulator(line: str) -> bool:
    """Whether it is a command that goes on until it is stopped."""
    return line.startswith("streamer emulate") and "--check" not in line


def emulator(line: str, folder: Path) -> Emulate:
    """The emulator that a line starts, at a free port."""
    arguments = shlex.split(line)[2:]
    for option in ("--port", "--ready-file", "--log-format"):  # the harness has its own
        if option in arguments:
            at = arguments.index(option)
            del arguments[at : at + 2]
    return Emulate(*arguments, folder=folder)


# Python


def run_python(text: str, names: dict[str, Any], *, replaced: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a block, which may ``await`` at its top; answers its names."""
    for old, new in (replaced or {}).items():
        assert old in text, f"the block does not say {old!r}"
        text = text.replace(old, new)
    module = types.ModuleType("block")
    module.__dict__.update(names)
    code = compile(text, "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    found = eval(code, module.__dict__)
    if inspect.iscoroutine(found):
        asyncio.run(asyncio.wait_for(found, PATIENCE_SECONDS))
    return module.__dict__


# what is said on a socket


def expected(line: str) -> Any:
    """A message as documents write it: ``...`` stands for anything, at the end of an object for more of it."""
    text = re.sub(r",\s*\.\.\.\s*}", ', "...": 0}', line).replace("{...}", '{"...": 0}')
    return json.loads(text)


def agrees(wanted: Any, found: Any, *, exact: bool) -> bool:
    """Whether a message is what a document says; without ``exact``, numbers may be others."""
    match wanted:
        case "...":
            return True
        case dict():
            rest = {key: value for key, value in wanted.items() if key != "..."}
            return (
                isinstance(found, dict)
                and (len(rest) < len(wanted) or not exact or set(rest) == set(found))
                and all(key in found and agrees(value, found[key], exact=exact) for key, value in rest.items())
            )
        case bool() | str() | None:
            return bool(wanted == found)
        case int() | float() if not exact:
            return isinstance(found, int | float)
        case _:
            return bool(wanted == found)


def converse(
    lines: list[str], client: ClientConnection, *, exact: bool = True, before: Mapping[str, Callable[[], Any]] = {}
) -> None:
    """Send what ``>`` says and receive what ``<`` says, whatever comes between; ``before`` is done ahead of a line."""
    heard: list[Any] = []
    for line in lines:
        for start, act in before.items():
            if line.startswith(start):
                act()
        if line.startswith("> "):
            client.send(line[2:])
        elif line.startswith("< "):
            wanted = expected(line[2:])
            while not any(agrees(wanted, message, exact=exact) for message in heard):
                heard.append(json.loads(client.recv(PATIENCE_SECONDS)))
            heard.remove(next(message for message in heard if agrees(wanted, message, exact=exact)))
