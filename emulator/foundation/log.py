"""The emulator's own log: events with fields; ``command`` installs the handler that writes them."""

from __future__ import annotations

import logging
import time
from typing import Any, Final


class _Logger(logging.Logger):
    """Stays on where a function in this process calls `logging.config.dictConfig`, which disables all others."""

    disabled = False

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "disabled":
            super().__setattr__(name, value)


def _logger(name: str) -> logging.Logger:
    usual = logging.getLoggerClass()
    logging.setLoggerClass(_Logger)
    try:
        return logging.getLogger(name)
    finally:
        logging.setLoggerClass(usual)


LOGGER: Final = _logger("streamer.emulator")

MESSAGE: Final = 15
"""Level of what the gateway tells of each message, which nobody pays for who does not ask: below INFO."""

FRAMES: Final = logging.getLogger("streamer.emulator.frames")
"""Given to ``websockets``, which would report every connection that closes."""
FRAMES.setLevel(logging.WARNING)


_UNSAID: Final[dict[str, Any]] = {
    **dict.fromkeys(("pathname", "filename", "module", "funcName"), ""),
    **dict.fromkeys(("thread", "threadName", "process", "processName", "taskName", "exc_text", "stack_info")),
    "name": LOGGER.name,
    "args": (),
    "lineno": 0,
    "relativeCreated": 0.0,
}


class _Record(logging.LogRecord):
    """One event, for the handlers of `logging`.

    It does not tell the line of code, the thread and the process that made it: to look those up would cost half of the
    whole, for each message and each connection.
    """

    def __init__(self, level: int, event: str, error: BaseException | None, fields: dict[str, Any]) -> None:
        now = time.time()
        self.__dict__ = {
            **_UNSAID,
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": event,
            "exc_info": None if error is None else (type(error), error, error.__traceback__),
            "created": now,
            "msecs": now % 1 * 1000,
            "fields": fields,
        }


def _tell(level: int, event: str, error: BaseException | None, fields: dict[str, Any]) -> None:
    if LOGGER.isEnabledFor(level):
        LOGGER.handle(_Record(level, event, error, fields))


def debug(event: str, **fields: Any) -> None:
    """Something that only someone who looks for a fault wants to see."""
    _tell(logging.DEBUG, event, None, fields)


def tells_messages() -> bool:
    """Whether anybody wants to hear of each message."""
    return LOGGER.isEnabledFor(MESSAGE)


def message(event: str, **fields: Any) -> None:
    """One message was answered; for those who `tells_messages` says want to hear of it."""
    _tell(MESSAGE, event, None, fields)


def info(event: str, **fields: Any) -> None:
    """Something a user at the terminal wants to see."""
    _tell(logging.INFO, event, None, fields)


def warning(event: str, **fields: Any) -> None:
    """Something that works here, but would surprise the user, usually on AWS."""
    _tell(logging.WARNING, event, None, fields)


def error(event: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Something failed; ``error`` adds the traceback."""
    _tell(logging.ERROR, event, error, fields)
