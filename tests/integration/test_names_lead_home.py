"""AWS's host names lead to the emulator, whoever asks and however, and nothing leaves this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("names_world.py")
ROOT = SCRIPT.parents[2]


def run(*prefix: str, **more: str) -> dict[str, Any]:
    done = subprocess.run(
        [*prefix, sys.executable, str(SCRIPT)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What functions got in a network namespace without a route, where nothing but loopback can be reached."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs unshare, and network namespaces for users")
    return run(unshare, "-rn", NO_ROUTE="1")


def test_python_finds_the_emulator_under_every_name(found: dict[str, Any]) -> None:
    seen = found["python"]
    assert seen.pop("domainName").endswith(".execute-api.us-east-1.amazonaws.com")
    assert "NotImplementedException" in seen.pop("bedrock")
    assert "arn:aws:iam::123456789012:root" in seen.pop("sts")
    assert "'Buckets': []" in seen.pop("s3")
    assert seen == {
        "management": "posted",
        "built": "posted",
        "dynamodb": "[]",
        "urllib": "HTTPError: HTTP Error 501: Not Implemented",
        "urllib3": "501",
        "asyncio": "HTTP/1.1 501 Not Implemented",
        "connect": "127.0.0.1",
        "gethostbyname": "127.0.0.1",
        "elsewhere": "80",
    }


@pytest.mark.needs_node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_node_finds_the_emulator_under_every_name(found: dict[str, Any]) -> None:
    assert found["node"] == {
        **dict.fromkeys(("https", "options", "agent", "fetch", "worker", "forked"), "501"),
        "net": "127.0.0.1",
        "lookup": "127.0.0.1",
        "tls": "true",
        "http2": "127.0.0.1",  # reached; the emulator speaks HTTP/1.1
        "management": "403",
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_programs_of_other_runtimes_find_it_by_a_proxy(found: dict[str, Any]) -> None:
    assert found["shell"] == 501
