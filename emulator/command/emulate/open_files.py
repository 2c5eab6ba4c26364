"""How many files may be open: every connection is one."""

from __future__ import annotations

import contextlib
import resource
from typing import Final

from streamer.errors import ConfigurationError

MOST_FILES: Final = 1_048_576
"""Files to ask for where the system says that there is no limit."""
LEAST_FILES: Final = 40
"""With fewer the emulator can start no function."""


def raise_file_limit() -> None:
    """Let as many be open as may be; the soft limit is often 1,024, on macOS 256.

    Raises:
        ConfigurationError: too few may be open to start a function.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in file_limits(soft, hard, unlimited=resource.RLIM_INFINITY):
        with contextlib.suppress(ValueError, OSError):  # macOS refuses more than its kernel has, whatever "hard" says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            break
    may_be_open = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if may_be_open != resource.RLIM_INFINITY and may_be_open < LEAST_FILES:
        raise ConfigurationError(
            f"only {may_be_open} files may be open here; raise that with `ulimit -n`: {LEAST_FILES} are needed, "
            "and one more for each connection"
        )


def file_limits(soft: int, hard: int, *, unlimited: int) -> list[int]:
    """Soft limits worth trying, the best first; none if the limit is as high as it may be."""
    if soft == unlimited:
        return []
    highest = MOST_FILES if hard == unlimited else hard
    steps = [highest >> halvings for halvings in range(highest.bit_length())]
    return [step for step in steps if step > soft]
