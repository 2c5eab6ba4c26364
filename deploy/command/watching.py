"""What passes through a stage on AWS, read from CloudWatch Logs and X-Ray, for ``streamer tail`` and ``trace``."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from .. import describe
from ..cloud import Cloud, LogEvent
from ..config import load
from ..errors import DeployError
from ..logs import Window, ago_ms, lines
from ..telling import ACCESS, Teller, Told, about, invocations, root_of, waterfall
from .options import cloud_of

TAIL_SINCE: Final = "10m"
TRACE_SINCE: Final = "6h"
INVOCATIONS: Final = 50
"""Most invocations whose lines a trace asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage whose logs and traces are read; used as the console of an emulator is."""

    cloud: Cloud
    stack: str
    since: str | None = None
    """How far back, such as ``15m``; None: ten minutes for lines, six hours for a trace."""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def events(self, *, follow: bool, limit: int, missed: Callable[[int], None], **wanted: Any) -> Iterator[Told]:
        """The last so many lines, told, and with ``follow`` those to come, without an end.

        Args:
            follow: Whether to go on.
            limit: Most lines of those that there are already.
            missed: Never called: nothing is skipped that AWS has.
            wanted: ``errors``, ``connection``, ``user`` and ``trace`` (of a request) that are to be told of.

        Raises:
            DeployError: there is no such stage, or AWS refuses.
        """
        groups, teller = self._groups(), Teller(self._prefix)
        window = Window(ago_ms(self.since or TAIL_SINCE, round(self.clock() * 1000)))

        def told(*, follows: bool) -> Iterator[Told]:
            for event in lines(self.cloud, groups, window, pattern=None, follow=follows, sleep=self.sleep):
                found = teller.tell(event)
                if found is not None and _is_wanted(found, teller, wanted):
                    yield found

        yield from deque(told(follows=False), maxlen=limit)
        if follow:
            yield from told(follows=True)

    def get(self, path: str) -> Told:
        """What became of the request that ``traces/ID`` names, by an id of the client's, Lambda's or X-Ray's.

        Raises:
            DeployError: nothing of it is found, or AWS refuses.
        """
        name = path.removeprefix("traces/")
        if '"' in name or not name.isprintable():
            raise DeployError(f"{name!r} is no id of a request")
        since_ms = ago_ms(self.since or TRACE_SINCE, round(self.clock() * 1000))
        told = about(name, self._lines(name, since_ms), Teller(self._prefix))
        segments, problem = self._segments(name, told, since_ms)
        if not told and not segments:
            raise DeployError(
                f"nothing of {name} was found in logs and traces of the last {self.since or TRACE_SINCE}; see --since"
            )
        shown = waterfall(name, told, segments, stack=self.stack)
        return shown if problem is None else {**shown, "verdict": f"{shown['verdict']} (no traces: {problem})"}

    @property
    def _prefix(self) -> str:
        return f"{describe.FUNCTION_LOGS}{self.stack}-"

    def _groups(self) -> list[str]:
        """The log groups of the functions, and the access log where there is one."""
        return describe.log_groups(self.cloud, self.stack, (describe.FUNCTION_LOGS, ACCESS))

    def _lines(self, name: str, since_ms: int) -> list[LogEvent]:
        """Lines with a name in them, and all lines of the invocations that those are of, by time."""
        groups = describe.function_logs(self.cloud, self.stack)
        found = [event for group in groups for event in self._with(name, group, since_ms)]
        for group, invocation in invocations(found)[:INVOCATIONS]:
            found += self._with(invocation, group, since_ms)
        once = {f"{event.group} {event.event_id}": event for event in found}
        return sorted(once.values(), key=lambda event: event.at_ms)

    def _with(self, term: str, group: str, since_ms: int) -> Iterator[LogEvent]:
        return self.cloud.log_events(group, start_ms=since_ms, pattern=f'"{term}"')

    def _segments(
        self, name: str, told: list[Told], since_ms: int
    ) -> tuple[Sequence[Mapping[str, Any]], DeployError | None]:
        """Those of the traces that X-Ray finds by the annotation, or that invocations name; or why there are none.

        What was logged is worth telling without them.
        """
        expression = f'annotation.request_id = "{name}"'
        named = name if name.startswith("1-") and name.count("-") == 2 else root_of(name)
        logged = [str(each["root"]) for each in told if each["kind"] == "run"]
        try:
            annotated = self.cloud.trace_ids(expression, start=since_ms / 1000, end=self.clock())
            return self.cloud.segments([each for each in dict.fromkeys((named, *annotated, *logged)) if each]), None
        except DeployError as error:
            return (), error


def stage(folder: Path, name: str, *, since: str | None) -> Stage:
    """A stage of the project of a folder.

    Raises:
        DeployError: ``streamer.toml`` cannot be read, or there are no credentials.
    """
    config = load(folder, {"stage": name})
    return Stage(cloud=cloud_of(config), stack=config.stack, since=since)


def _is_wanted(told: Told, teller: Teller, wanted: dict[str, Any]) -> bool:
    if wanted.get("errors") and told["status"] not in ("error", "refused"):
        return False
    return teller.belongs(
        told, connection=wanted.get("connection"), user=wanted.get("user"), request=wanted.get("trace")
    )
