"""Reads the console's feed as its page does."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from typing import Final, Self

from benchmarks.servers import Running
from emulator.console.token import console_token

BETWEEN_SECONDS: Final = 0.1
"""Between two questions; ten a second at most."""
BUSY_SECONDS: Final = 0.7
"""The same after an answer that was full."""
MOST_AT_ONCE: Final = 500


class Reader:
    """Asks for ever, in a thread, while a block runs."""

    def __init__(self, running: Running) -> None:
        assert running.log is not None
        assert running.dynamodb_url is not None
        self._address = running.dynamodb_url.removeprefix("http://")
        self._token = console_token(Path(running.log).parent / "project" / ".streamer")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.told = self.missed = 0
        """Records that it was told, and that came too fast."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        after = count = 0
        while not self._done.wait(BUSY_SECONDS if count >= MOST_AT_ONCE else BETWEEN_SECONDS):
            query = f"after={after}&wait=1&limit={MOST_AT_ONCE}" if after else f"limit={MOST_AT_ONCE}"
            connection.request(
                "GET", f"/_streamer/api/events?{query}", headers={"authorization": f"Bearer {self._token}"}
            )
            page = json.loads(connection.getresponse().read())
            after = page["next"]
            count = len(page["events"])
            self.told += count
            self.missed += page["missed"]
        connection.close()
