"""Whether anyone still listens to a request that is to be cancelled when nobody does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from streamer.audience import Audience

GRACE_SECONDS: Final = 30.0
"""How long nobody may be listening: time to reconnect and to subscribe again."""
ASKING_SECONDS: Final = 10.0
"""How often API Gateway is asked about connections that nothing was sent to."""


class Desertion:
    """Watches an audience. Used by one thread."""

    def __init__(
        self,
        audience: Audience,
        *,
        monotonic: Callable[[], float],
        grace_seconds: float = GRACE_SECONDS,
        asking_seconds: float = ASKING_SECONDS,
    ) -> None:
        """Without I/O."""
        self._audience = audience
        self._monotonic = monotonic
        self._grace_seconds = grace_seconds
        self._asking_seconds = asking_seconds
        self._asks_at = monotonic()
        self._since: float | None = None

    def is_complete(self) -> bool:
        """Whether nobody has been listening for all of the grace period; asks now and then, so call it often."""
        now = self._monotonic()
        if now >= self._asks_at:
            self._asks_at = now + self._asking_seconds
            if not self._audience.is_deserted():
                self._since = None
            elif self._since is None:
                self._since = now
        return self._since is not None and now - self._since >= self._grace_seconds
