"""What a function's init costs: interpreters that import and build it, beside one that only makes a boto3 client."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from benchmarks.tasks import Measured, Results

ROOT: Final = Path(__file__).resolve().parent.parent
BARE: Final = "import boto3; boto3.client('dynamodb')"
ROUTER: Final = "import streamer.handlers.router as router"
BUILT: Final = f"{ROUTER}; router._build()._principals._connections._client()"
ENVIRONMENT: Final = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_LAMBDA_FUNCTION_NAME": "router",
    "STREAMER_APP": "app:app",
    "STREAMER_ENV": "development",
    "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "benchmarks" / "service"))),
}


def _seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **ENVIRONMENT}, check=True, stdin=subprocess.DEVNULL
    )
    return time.perf_counter() - begin


def measure(rounds: int = 9) -> Results:
    """Medians, the interpreters taking turns so that noise hits all of them alike."""
    times: dict[str, list[float]] = {BARE: [], ROUTER: [], BUILT: []}
    for _ in range(rounds):
        for code, seconds in times.items():
            seconds.append(_seconds(code))
    bare, router, built = (statistics.median(seconds) * 1000 for seconds in times.values())
    details = {"boto3_with_client_ms": bare, "router_import_ms": router, "router_built_with_client_ms": built}
    return {"router-import": Measured(built - bare, {name: round(value, 1) for name, value in details.items()})}
