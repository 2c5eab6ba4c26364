"""The emulator's own log: events with fields; ``command`` installs the handler that writes them."""

from __future__ import annotations

import logging
from typing import Any, Final

LOGGER: Final = logging.getLogger("streamer.emulator")

MESSAGE: Final = 15
"""Level of what the gateway tells of each message, which nobody pays for who does not ask: below INFO."""

FRAMES: Final = logging.getLogger("streamer.emulator.frames")
"""Given to ``websockets``, which would report every connection that closes."""
FRAMES.setLevel(logging.WARNING)


def debug(event: str, **fields: Any) -> None:
    """Something that only someone who looks for a fault wants to see."""
    LOGGER.debug(event, extra={"fields": fields})


def tells_messages() -> bool:
    """Whether anybody wants to hear of each message."""
    return LOGGER.isEnabledFor(MESSAGE)


def message(event: str, **fields: Any) -> None:
    """One message was answered; for those who `tells_messages` says want to hear of it.

    No record of a message tells the line of code that made it, which would cost a seventh of the whole to look up.
    """
    LOGGER.handle(LOGGER.makeRecord(LOGGER.name, MESSAGE, "", 0, event, (), None, extra={"fields": fields}))


def info(event: str, **fields: Any) -> None:
    """Something a user at the terminal wants to see."""
    LOGGER.info(event, extra={"fields": fields})


def warning(event: str, **fields: Any) -> None:
    """Something that works here, but would surprise the user, usually on AWS."""
    LOGGER.warning(event, extra={"fields": fields})


def error(event: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Something failed; ``error`` adds the traceback."""
    LOGGER.error(event, exc_info=error, extra={"fields": fields})
