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
"""
SUMMARY = """
const { status, why } = summary(store.rows[0]);
console.log(JSON.stringify([status, why]));
"""
FILLED = """
const { filled } = await import(file.replace("store.js", "session.js"));
console.log(JSON.stringify(records.map(({ template, last }) => filled(template, last))));
"""
EXAMPLES = """
const { example } = await import(file.replace("store.js", "schema.js"));
console.log(JSON.stringify(records.map(({ schema }) => example(schema, {}))));
"""
FORGOTTEN = """
const kept = () => [store.rows.map(({ number }) => number), store.records.size, store.runs.size, store.calls.size];
const all = [0, 2, 6].map((gone) => (store.forget(gone), kept()));
store.add(records.map((record) => ({ ...record, number: record.number + 6, sequence: record.sequence + 6 })));
store.forget(6);
console.log(JSON.stringify([...all, kept()]));
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
    return {"kind": "log", "ended": {"connection_id": "c", "request_id": request, "status": status}}


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
        pytest.param([frame("cancelled"), frame("progress")], ["ok", ""], id="cancelled, and not yet stopped"),
        pytest.param([frame("progress"), ended("FAILED")], ["error", ""], id="failed, and nobody there"),
        pytest.param([frame("progress"), ended("RETRYING")], ["running", ""], id="tried again"),
        pytest.param([frame("progress"), ended("COMPLETED", "other")], ["running", ""], id="another is over"),
        pytest.param([frame("error", why="NO: no"), ended("COMPLETED")], ["error", "NO: no"], id="told before"),
    ],
)
def test_a_message_shows_what_became_of_it(records: list[dict[str, Any]], told: list[str]) -> None:
    message = {"kind": "message", "status": "ok", "connection": "c", "request": "r", "gateway_request": "g"}
    run = {"kind": "run", "gateway_request": "g", "root": "1-a", "source": "gateway"}

    assert said(SUMMARY, [message, run, *({"root": "1-a", **each} for each in records)]) == told


def test_the_page_keeps_what_the_emulator_keeps_which_may_be_nothing_after_a_clear_in_another_tab() -> None:
    of_one = [{"kind": "message", "gateway_request": "g"}, {"kind": "run", "gateway_request": "g", "root": "1-a"}]
    of_another = [{**each, "gateway_request": "h"} for each in of_one]
    calls = [{"kind": "call", "root": "1-a"}, {"kind": "call", "root": "1-b"}]

    assert said(FORGOTTEN, [*of_one, *of_another, *calls]) == [
        [[1, 2, 3, 4], 6, 2, 2],
        [[3, 4], 4, 1, 1],
        [[], 0, 0, 0],
        [[7, 8, 9, 10], 6, 2, 2],
    ]


def test_what_was_said_last_is_filled_in_as_json_has_it() -> None:
    last = {"text": 'say "hi"\n\\ö', "empty": "", "number": 3, "data": {"items": ["a"]}}
    template = """{"t": "{{last.text}}", "e": "{{last.empty}}", "n": {{last.number}}, "i": {{last.data.items}},
        "field": "{{last.number}}", "all": "{{last.data}}", "in": "[{{last.text}}{{last.empty}}] {{last.number}}"}"""
    unknown = 'x {{last.none.at}} "{{last.none}}"'

    told = said(FILLED, [{"template": template, "last": last}, {"template": unknown, "last": last}])

    assert told[1] == unknown
    within = {"field": 3, "all": last["data"], "in": f"[{last['text']}] 3"}
    assert json.loads(told[0]) == {"t": last["text"], "e": "", "n": 3, "i": ["a"], **within}


def test_what_a_payload_could_look_like_is_filled_in_to_try_an_action() -> None:
    number, text = {"type": "integer", "minimum": 2}, {"type": "string"}
    schemas: dict[str, Any] = {
        "needed fields": {"type": "object", "properties": {"a": number, "b": text}, "required": ["a"]},
        "a list": {"type": "array", "items": text},
        "a list of at least one": {"type": "array", "items": number, "minItems": 1},
        "a tuple": {"type": "array", "prefixItems": [number, text], "minItems": 2, "maxItems": 2},
    }

    told = said(EXAMPLES, [{"schema": each} for each in schemas.values()])

    assert dict(zip(schemas, told, strict=True)) == {
        "needed fields": {"a": 2},
        "a list": [],
        "a list of at least one": [2],
        "a tuple": [2, ""],
    }


def said(question: str, records: list[dict[str, Any]]) -> Any:
    """What the store says of records, which are numbered as they came."""
    numbered = [{"number": number, "sequence": number, "at": 0, **each} for number, each in enumerate(records, 1)]
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", SCRIPT + question, json.dumps([STORE.as_uri(), numbered])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
