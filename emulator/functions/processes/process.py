"""The process of one environment, with all it started itself: its process group."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .descendants import Descendants, signal_each
from .meter import Meter
from .template import Template


class Process:
    """Not started, running (perhaps frozen), or killed."""

    __slots__ = (
        "_descendants",
        "_folder",
        "_has_ended",
        "_is_frozen",
        "_is_killed",
        "_meter",
        "_pid",
        "_stopped",
        "peak_mb",
    )

    def __init__(self, meter: Meter, descendants: Descendants, *, searches: Path | None = None) -> None:
        """``searches`` is its temporary folder, where what it started has to be looked for by that when it ends.

        None: the template ends all of it.
        """
        self._meter = meter
        self._descendants = descendants
        self._folder = searches
        self._stopped: set[int] = set()
        """What it started and that is stopped with it."""
        self.peak_mb = 0
        """Most memory seen in use, in MiB."""
        self._pid: int | None = None
        self._is_frozen = False
        self._is_killed = False
        self._has_ended = False
        """Whether its end was told, so that its id may be another's."""

    async def start(
        self,
        template: Template,
        *,
        environment: Mapping[str, str],
        folder: str,
        command: Sequence[str] | None,
        import_path: Sequence[str] = (),
        output: int,
        channel: int | None,
        ended: Callable[[int | str], None],
    ) -> None:
        """Start it; see `Template.start`. One that was killed or frozen meanwhile is so at once.

        ``ended`` is called with the exit status, or with the name of the signal that ended it.

        Raises:
            OSError: the system has no room for another process or file.
        """
        self._pid = await template.start(
            environment=environment,
            folder=folder,
            command=command,
            import_path=import_path,
            output=output,
            channel=channel,
            ended=lambda status: self._tell_end(ended, status),
        )
        if self._is_killed:
            self._signal(signal.SIGKILL)
        elif self._is_frozen:
            self._stop()

    def _tell_end(self, ended: Callable[[int | str], None], status: int) -> None:
        self._has_ended = True
        ended(_end(status))

    @property
    def pid(self) -> int | None:
        """Its process id, which is its group's too; None: it is not started."""
        return self._pid

    def kill(self) -> None:
        """End it at once."""
        self._is_killed = True
        self._signal(signal.SIGKILL)
        if self._folder is not None and self._pid is not None:
            signal_each(self._descendants.left_in(self._folder), signal.SIGKILL)

    @property
    def is_frozen(self) -> bool:
        """Whether it is stopped."""
        return self._is_frozen

    def has_one_thread(self) -> bool:
        """Whether its main thread is its only one; False where that is not known."""
        return self._pid is not None and self._meter.has_one_thread(self._pid)

    def freeze(self) -> None:
        """Stop what the function left running, as Lambda does between events (H11)."""
        if not self._is_frozen:
            self._is_frozen = True
            self._stop()

    def _stop(self) -> None:
        """Stop its group, then what else it started: what is stopped starts no more."""
        self._signal(signal.SIGSTOP)
        while self._pid is not None and (others := self._descendants.of(self._pid) - self._stopped):
            signal_each(others, signal.SIGSTOP)
            self._stopped |= others

    def thaw(self) -> None:
        """Let it run."""
        if self._is_frozen:
            self._is_frozen = False
            self._signal(signal.SIGCONT)
            if self._stopped:
                signal_each(self._stopped, signal.SIGCONT)
                self._stopped = set()

    def demand_seconds(self) -> float:
        """CPU time that it has used or waited for since it began; see `Meter`."""
        return 0.0 if self._pid is None else self._meter.demand_seconds(self._pid)

    def measure_mb(self) -> int:
        """Memory in use now, in MiB; 0 where it is not known or the process has ended."""
        used = 0 if self._pid is None else self._meter.memory_mb(self._pid)
        self.peak_mb = max(self.peak_mb, used)
        return used

    def _signal(self, number: int) -> None:
        """Send a signal to its group, and to itself: it may have gone to the group of a program that it started."""
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, number)
            if not self._has_ended:
                signal_each((self._pid,), number)


def _end(status: int) -> int | str:
    """An exit status as it is, a signal by its name: its number is the system's own."""
    if status >= 0:
        return status
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
