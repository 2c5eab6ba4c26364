"""A streamer App: clients prove who they are, every connection has its row."""

import time

from streamer import App

app = App()


@app.action("echo")
def echo(request):
    return request.payload


@app.action("instant", queued=True)
def instant(request, progress):
    return "done"


@app.action("steps", queued=True)
def steps(request, progress):
    """Tell of so many steps, so far apart."""
    count, seconds = request.payload["count"], request.payload["seconds"]
    for step in range(1, count + 1):
        time.sleep(seconds)
        progress(100 * step / (count + 1), "working")
    return "done"


@app.action("announce")
def announce(request):
    """Send the payload to every connection of the tenant."""
    delivery = app.connections.broadcast(request.payload, tenant=True)
    return {"delivered": delivery.delivered, "gone": len(delivery.gone), "failed": len(delivery.failed)}
