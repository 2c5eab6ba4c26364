"""What authorizers said, for as long as it counts. Pure."""

from __future__ import annotations

from typing import Final

from ..rules.effects import Result

KEPT_VERDICTS: Final = 1024
"""Answers of authorizers that are kept, of all APIs; the oldest are forgotten first."""
Key = tuple[str, ...]
"""The API, the authorizer and the identity that was asked about."""


class KeptVerdicts:
    """Answers of authorizers by what was asked. [DOC] apigw-docs:http-api-lambda-authorizer, caching"""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[float, Result]] = {}

    def get(self, key: Key, now: float) -> Result | None:
        """An answer for the same identity that still counts at ``now``; None: the authorizer is to be asked.

        A failure is no answer, so the next request asks again. [INF]
        """
        until, result = self._kept.get(key, (0.0, None))
        return result if now < until else None

    def keep(self, key: Key, result: Result, until: float) -> None:
        """Let an answer count until then, in the seconds of the clock that `get` is asked with."""
        self._kept.pop(key, None)  # what is asked for anew is the newest
        self._kept[key] = (until, result)
        while len(self._kept) > KEPT_VERDICTS:
            del self._kept[next(iter(self._kept))]
