"""A streamer App: clients prove who they are, every connection has its row."""

import time
from typing import Any

from streamer import App, Progress, Request

app = App()


@app.action("echo")
def echo(request: Request) -> Any:
    return request.payload


@app.action("instant", queued=True)
def instant(request: Request, progress: Progress) -> str:
    return "done"


@app.action("steps", queued=True)
def steps(request: Request, progress: Progress) -> str:
    """Tell of so many steps, so far apart."""
    count, seconds = request.payload["count"], request.payload["seconds"]
    for step in range(1, count + 1):
        time.sleep(seconds)
        progress(100 * step / (count + 1), "working")
    return "done"


@app.action("announce")
def announce(request: Request) -> dict[str, Any]:
    """Send the payload to every connection of the tenant."""
    delivery = app.connections.broadcast(request.payload, tenant=True)
    return {"delivered": delivery.delivered, "gone": delivery.gone_count, "failed": delivery.failed_count}
