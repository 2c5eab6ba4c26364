"""Reports that a page shows while they are made."""

from __future__ import annotations

import time
from typing import Any

from streamer import App, Progress, Request

app = App(title="Reports", version="1.0.0")
app.topic("reports", data={"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]})

files = app.uploads(largest_bytes=10_000_000, content_types=["text/csv"])

MOST_PAGES = 200


def options(payload: Any) -> dict[str, Any]:
    """``{"title": "Sales", "pages": 20}``, and ``rows`` if it is of uploaded ones; ValueError says what is wrong."""
    wanted = payload if isinstance(payload, dict) else {}
    title, pages = wanted.get("title"), wanted.get("pages")
    if not isinstance(title, str) or not title.strip():
        raise ValueError("a report needs a title")
    if not isinstance(pages, int) or not 1 <= pages <= MOST_PAGES:
        raise ValueError(f"a report has 1 to {MOST_PAGES} pages")
    return {"title": title.strip(), "pages": pages, "rows": wanted.get("rows")}


@app.action("report", queued=True, max_attempts=3, validator=options)
def report(request: Request, progress: Progress) -> dict[str, Any]:
    """Make a report, page by page."""
    title, pages, uploaded = (request.payload[name] for name in ("title", "pages", "rows"))
    rows = None
    if uploaded is not None:
        with files.open(request, uploaded) as file:
            rows = sum(1 for _ in file)
    for page in range(1, pages + 1):
        time.sleep(0.1)
        progress(100 * page / pages, f"page {page} of {pages}")
    app.publish("reports", {"title": title})
    return {"title": title, "pages": pages, "rows": rows, "for": request.user_id}
