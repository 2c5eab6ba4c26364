"""What the console's page makes of records, in Node.js: what became of a message."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from javascript_tools import node

STORE = Path(__file__).resolve().parents[2] / "emulator" / "console" / "static" / "store.js"
SCRIPT = """
globalThis.requestAnimationFrame = () => {};
const [file, records] = JSON.parse(process.argv[1]);
const { store, summary } = await import(file);
store.add(records);
const { status, why } = summary(store.rows[0]);
console.log(JSON.stringify([status, why]));
"""
CONDITION = "ConditionalCheckFailedException: The conditional request failed"

pytestmark = pytest.mark.needs_node


def frame(kind: str, **more: Any) -> dict[str, Any]:
    status = "error" if kind == "error" else "ok"
    return {
        "kind": "call",
        "type": kind,
        "http_status": 200,
        "status": status,
        "connection": "c",
        "request": "r",
        **more,
    }


def refused(why: str, status: int = 400) -> dict[str, Any]:
    return {"kind": "call", "http_status": status, "status": "error", "why": why}


def ended(status: str, request: str = "r") -> dict[str, Any]:
    text = {"connection_id": "c", "request_id": request, "status": status}
    return {"kind": "log", "message": "request ended", "text": text}


@pytest.mark.parametrize(
    ("records", "told"),
    [
        pytest.param([frame("response")], ["ok", ""], id="answered"),
        pytest.param([frame("progress")], ["running", ""], id="under way"),
        pytest.param([frame("error", why="NO: no")], ["error", "NO: no"], id="answered with an error"),
        pytest.param([refused("ValidationException: no")], ["error", "ValidationException: no"], id="a call refused"),
        pytest.param(
            [refused("ValidationException: no"), frame("response")], ["ok", ""], id="a call refused, and answered"
        ),
        pytest.param([refused(CONDITION)], ["ok", ""], id="a condition that did not hold"),
        pytest.param([frame("progress"), ended("COMPLETED")], ["ok", ""], id="over, and nobody there"),
        pytest.param([frame("progress"), ended("CANCELLED")], ["ok", ""], id="cancelled, and nobody there"),
        pytest.param([frame("progress"), ended("FAILED")], ["error", ""], id="failed, and nobody there"),
        pytest.param([frame("progress"), ended("RETRYING")], ["running", ""], id="tried again"),
        pytest.param([frame("progress"), ended("COMPLETED", "other")], ["running", ""], id="another is over"),
        pytest.param([frame("error", why="NO: no"), ended("COMPLETED")], ["error", "NO: no"], id="told before"),
    ],
)
def test_a_message_is(records: list[dict[str, Any]], told: list[str]) -> None:
    message = {"kind": "message", "status": "ok", "connection": "c", "request": "r", "gateway_request": "g"}
    run = {"kind": "run", "gateway_request": "g", "root": "1-a", "source": "gateway"}
    all_of_it = [message, run, *({"root": "1-a", **each} for each in records)]
    numbered = [{"number": number, "sequence": number, "at": 0, **each} for number, each in enumerate(all_of_it, 1)]
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", SCRIPT, json.dumps([STORE.as_uri(), numbered])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == told
