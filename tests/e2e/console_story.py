"""The App of a story: its request fails in the second attempt because of a KeyError, and is mended."""

from __future__ import annotations

from typing import Final

PROJECT: Final = """
from streamer import App
from streamer.errors import RetryableError

app = App()

@app.action("report", estimated_duration=10, max_attempts=2)
def report(request):
    if request.attempt == 1:
        raise RetryableError("the warehouse does not answer")
    return request.payload["rows"] * 2
"""
WRONG, MENDED = 'payload["rows"]', 'payload.get("rows", 21)'
PLACE: Final = "KeyError: 'rows' (app.py:11)"
