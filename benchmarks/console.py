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
        after = 0
        while not self._done.wait(BETWEEN_SECONDS):
            query = f"after={after}&wait=1&limit=500" if after else "limit=500"
            connection.request(
                "GET", f"/_streamer/api/events?{query}", headers={"authorization": f"Bearer {self._token}"}
            )
            page = json.loads(connection.getresponse().read())
            after = page["next"]
            self.told += len(page["events"])
            self.missed += page["missed"]
        connection.close()
