"""Runs the ``streamer`` command and samples what its threads do: ``python -m benchmarks.sampler FILE emulate ...``.

For machines without py-spy. It sees the command's own process only, and holds the interpreter's lock while it looks.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

_SAMPLE_SECONDS: Final = 0.002
_WAITS: Final = ("select", "poll", "get", "wait", "acquire", "accept", "recv", "read", "run_forever")


class Sampler(threading.Thread):
    """Counts call stacks, outermost frame first and frames separated by ``;``, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stacks: Counter[str] = Counter()
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look at every thread but this one, again and again."""
        while not self._stopped.wait(_SAMPLE_SECONDS):
            for thread, frame in sys._current_frames().items():  # noqa: SLF001 - there is no other way to see them
                if thread != self.ident and frame.f_code.co_name not in _WAITS:
                    self.stacks[_stack(frame)] += 1

    def write(self, path: Path) -> None:
        """Stop, and write the counts."""
        self._stopped.set()
        path.write_text("".join(f"{stack} {count}\n" for stack, count in self.stacks.items()))


def _stack(innermost: FrameType) -> str:
    names = []
    frame: FrameType | None = innermost
    while frame is not None:
        code = frame.f_code
        names.append(f"{code.co_name} ({Path(code.co_filename).name}:{code.co_firstlineno})")
        frame = frame.f_back
    return ";".join(reversed(names))


def main() -> None:
    """Run the command that the arguments name; it ends with SIGINT."""
    output = Path(sys.argv[1]).resolve()
    sys.argv[:] = ["streamer", *sys.argv[2:]]
    sampler = Sampler()
    # Not while everything is being imported: the emulator is told by the first signal when the load begins.
    signal.signal(signal.SIGUSR1, lambda *_: sampler.start())
    from streamer._entry import main as command  # noqa: PLC0415 - with the arguments above

    try:
        command()
    finally:
        sampler.write(output)


if __name__ == "__main__":
    main()
