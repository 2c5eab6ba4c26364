"""What services around a project cost: the same template without them and with S3, SNS, EventBridge and a secret."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from benchmarks.processes import cpu_seconds, family, memory
from benchmarks.servers import Running, ours
from benchmarks.tasks import Measured, Results

WITHOUT: Final = "without_services.yaml"
WITH: Final = "with_services.yaml"
_CHILD: Final = b"emulator.services.child"


async def measure() -> Results:
    """Starts, the process of the services, and the first call to a project that describes none."""
    async with ours(WITH, "process"):
        pass  # a first start compiles what installers may have left uncompiled
    async with ours(WITHOUT, "process") as running:
        off, off_cpu = running.ready_seconds, cpu_seconds(running.pid)
        alone = memory(running.pid)
        before = _process(running)
        began = time.perf_counter()
        await asyncio.to_thread(_first_call, running)
        first = time.perf_counter() - began
    async with ours(WITH, "process") as running:
        on, on_cpu = running.ready_seconds, cpu_seconds(running.pid)
        child = _process(running)
        if before is not None or child is None:
            raise RuntimeError("the process of the services is there without need, or is not there")
        own = memory(child)
        everything = memory(running.pid)
    return {
        "services-off": Measured(off * 1000, {"cpu_s": round(off_cpu, 2), "all_pss_mb": round(alone.pss_mb, 1)}),
        "services-ready": Measured(on * 1000, {"cpu_s": round(on_cpu, 2), "all_pss_mb": round(everything.pss_mb, 1)}),
        "services-memory": Measured(own.rss_mb, {"pss_mb": round(own.pss_mb, 1)}),
        "services-first": Measured(first * 1000),
    }


def _process(running: Running) -> int | None:
    """The process of the services; None: there is none."""
    for pid in family(running.pid):
        try:
            if _CHILD in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except OSError:
            continue
    return None


def _first_call(running: Running) -> None:
    """Make a topic, which starts the process."""
    client = boto3.client(
        "sns",
        region_name="us-east-1",
        endpoint_url=f"http://{urlsplit(running.url).netloc}",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"max_attempts": 0}),
    )
    client.create_topic(Name="first")
