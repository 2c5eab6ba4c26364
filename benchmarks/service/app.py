"""A streamer App: clients prove who they are, every connection has its row."""

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
    for step in range(1, request.payload + 1):
        progress(100 * step / (request.payload + 1), "working")
    return "done"


@app.action("announce")
def announce(request):
    """Send the payload to every connection of the tenant."""
    delivery = app.connections.broadcast(request.payload, tenant=True)
    return {"delivered": delivery.delivered, "gone": len(delivery.gone), "failed": len(delivery.failed)}
