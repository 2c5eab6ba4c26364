"""The app that ``streamer emulate`` runs when it is given none: one action of each kind."""

from __future__ import annotations

import time
from typing import Any

from streamer.app import App
from streamer.context import Progress, Request

app = App()


@app.action("echo")
def echo(request: Request) -> Any:
    """Answer with the payload."""
    return request.payload


def report_options(payload: Any) -> dict[str, float]:
    """``{"steps": 10, "seconds": 2}``, each optional: how many steps to take, and how long in all."""
    options = {"steps": 10, "seconds": 2} | ({} if payload is None else dict(payload))
    if set(options) != {"steps", "seconds"}:
        raise ValueError('the payload may have "steps" and "seconds", nothing else')
    steps, seconds = options["steps"], options["seconds"]
    if type(steps) is not int or not 1 <= steps <= 1000:
        raise ValueError('"steps" must be a whole number from 1 to 1000')
    if type(seconds) not in (int, float) or not 0 <= seconds <= 600:
        raise ValueError('"seconds" must be a number from 0 to 600')
    return options


@app.action("report", estimated_duration=10, validator=report_options)
def report(request: Request, progress: Progress) -> dict[str, Any]:
    """Work for a while, in steps, and return a summary."""
    steps, seconds = request.payload["steps"], request.payload["seconds"]
    began = time.monotonic()
    for step in range(1, steps + 1):
        time.sleep(seconds / steps)
        progress(100 * step / steps, f"step {step} of {steps}", {"step": step, "steps": steps})
    return {"steps": steps, "seconds": round(time.monotonic() - began, 3), "for": request.user_id}


@app.action("fail")
def fail(request: Request) -> None:
    """Raise, to show what becomes of it."""
    raise RuntimeError(f"this action always fails (request {request.id})")
