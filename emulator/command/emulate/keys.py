"""Keys that ``streamer emulate`` listens to while its standard input is a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from msgspec import Struct

from streamer.errors import ConfigurationError

from ...console.opening import open_url
from ...foundation import log
from ...foundation.tasks import end
from ...wiring.emulator import Emulator
from ..here.identity import Access
from .banner import connecting

WAITING: Final = 16
"""Keys that may wait for those before them; more are dropped, as those of a cat on the keyboard."""


class Controls(Struct, frozen=True, kw_only=True):
    """What keys act upon."""

    emulator: Emulator
    access: Access
    stop: Callable[[], None]
    """Ends the emulator as Ctrl-C does."""
    say: Callable[[str], None]
    """Prints a line, or several."""


class Key(Struct, frozen=True):
    """One of them."""

    word: str
    """For the line that tells of all: ``reload``."""
    does: str
    """For the help: ``reload the functions``."""
    press: Callable[[Controls], Awaitable[None]]


async def _reload(controls: Controls) -> None:
    await controls.emulator.reload()
    controls.emulator.warm()
    controls.say("the next messages run new functions")


async def _cut(controls: Controls) -> None:
    count = controls.emulator.cut_all()
    controls.say(f"cut {count} {'connection' if count == 1 else 'connections'}, as a network that fails does")


async def _token(controls: Controls) -> None:
    emulator = controls.emulator
    controls.say("\n".join(connecting(emulator.websocket_url, controls.access, emulator.config.region)))


async def _console(controls: Controls) -> None:
    url = controls.emulator.console_url
    if url is None:
        controls.say("there is no console; start without --no-console")
    elif not await asyncio.to_thread(open_url, controls.emulator.config.state_folder, url):
        controls.say(f"there is no browser to open; go to {url}")


async def _quit(controls: Controls) -> None:
    controls.stop()


async def _help(controls: Controls) -> None:
    controls.say("\n".join(f"  {name}  {key.does}" for name, key in KEYS.items()))


KEYS: Final[Mapping[str, Key]] = {
    "r": Key("reload", "reload the functions", _reload),
    "c": Key("cut", "cut all connections", _cut),
    "t": Key("token", "show a line to connect with, and a new token", _token),
    "o": Key("console", "open the console", _console),
    "q": Key("quit", "quit, as Ctrl-C does", _quit),
    "?": Key("help", "show this list", _help),
}
"""In the order of the help."""


class Terminal:
    """A terminal that gives keys one by one and does not show them; signals such as Ctrl-C stay what they are.

    In the background it is left alone: reading from it would stop the process.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._before: list[Any] | None = None

    def take(self) -> None:
        """Have it give keys one by one from now on; `restore` must follow."""
        if self._before is None:
            self._before = termios.tcgetattr(self.descriptor)
        tty.setcbreak(self.descriptor, termios.TCSANOW)

    def restore(self) -> None:
        """Leave it as it was before `take`."""
        if self._before is not None and self.is_ours:
            with contextlib.suppress(termios.error):  # it is gone
                termios.tcsetattr(self.descriptor, termios.TCSANOW, self._before)
        self._before = None

    @property
    def is_ours(self) -> bool:
        """Whether we may read from it now: in the foreground, or where there is no job control."""
        try:
            return os.tcgetpgrp(self.descriptor) == os.getpgrp()
        except OSError:  # it is not our controlling terminal
            return True

    def read(self) -> str:
        """What was typed; empty when the terminal is gone."""
        try:
            return os.read(self.descriptor, 64).decode("utf-8", "ignore")
        except OSError:
            return ""


def terminal(*, isolation: str | None) -> Terminal | None:
    """Standard input if keys can be read from it; None: it is no terminal, or functions read from it themselves.

    With ``inline`` that is what ``breakpoint()`` does.
    """
    if isolation == "inline" or sys.stdin is None or not sys.stdin.isatty():
        return None
    return Terminal(sys.stdin.fileno())


@asynccontextmanager
async def listening(found: Terminal | None, controls: Controls) -> AsyncIterator[None]:
    """Act upon keys meanwhile; without a terminal, do nothing."""
    if found is None:
        yield
        return
    pressed: asyncio.Queue[str] = asyncio.Queue(WAITING)
    acting = asyncio.create_task(_act(pressed, controls))
    try:
        with _reading(found, pressed):
            if found.is_ours:
                controls.say("Keys: " + ", ".join(f"{name} {key.word}" for name, key in KEYS.items()))
            yield
    finally:
        found.restore()
        await end([acting])


async def _act(pressed: asyncio.Queue[str], controls: Controls) -> None:
    while True:
        key = KEYS.get(await pressed.get())
        if key is not None:
            try:
                await key.press(controls)
            except ConfigurationError as error:
                log.error("the key did not do what it should", error=error)


@contextmanager
def _reading(found: Terminal, pressed: asyncio.Queue[str]) -> Iterator[None]:
    """Read keys while the terminal is ours; it may stop being so, and become so again (Ctrl-Z, ``bg``, ``fg``)."""
    loop, descriptor = asyncio.get_running_loop(), found.descriptor

    def readable() -> None:
        if not found.is_ours:
            loop.remove_reader(descriptor)
            return
        typed = found.read()
        if not typed:
            loop.remove_reader(descriptor)
        for key in typed:
            with contextlib.suppress(asyncio.QueueFull):
                pressed.put_nowait(key)

    def resumed() -> None:
        loop.remove_reader(descriptor)
        if found.is_ours:
            found.take()
            loop.add_reader(descriptor, readable)

    resumed()
    loop.add_signal_handler(signal.SIGCONT, resumed)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGCONT)
        loop.remove_reader(descriptor)
