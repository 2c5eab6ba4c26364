from __future__ import annotations

import json

import pytest
from console_records import World, raised

from emulator.console.reading.traces import Traces
from emulator.console.reading.verdicts import verdict
from emulator.console.recording.ring import CALL_BYTES
from emulator.functions.outcome import Failed, Returned
from emulator.gateway.rules.effects import Send, TimedOut, Warn
from streamer.aws_limits import MESSAGE_BYTES
from streamer.protocol.messages import to_json
from streamer.protocol.parts import in_parts

STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/requests/stream/2026"


def stream_event(*requests: str) -> dict[str, object]:
    records = [
        {
            "eventSource": "aws:dynamodb",
            "eventSourceARN": STREAM,
            "dynamodb": {"Keys": {"owner": {"S": "ada"}, "request_id": {"S": request}}},
        }
        for request in requests
    ]
    return {"Records": records}


def put(request: str, more: str = "") -> dict[str, object]:
    item = {"owner": {"S": "ada"}, "request_id": {"S": request}, "status": {"S": "PENDING"}, "payload": {"S": more}}
    return {"TableName": "requests", "Item": item}


def queued(world: World, request: str = "r1", more: str = "") -> None:
    """A message that is stored, runs from the stream and is completed; item and result have ``more`` in them."""
    world.opens()
    invoke = world.receives({"action": "report", "id": request})
    world.passes(5)
    root = world.runs(invoke.event, ms=5)
    world.calls(root, "DynamoDB_20120810.PutItem", put(request, more))
    world.answers(invoke)
    world.passes(20)
    root = world.runs(stream_event(request), ms=10, function="processor")
    world.calls(
        root,
        "",
        {"request": request},
        path="/2015-03-31/functions/processor/invocations",
        status=202,
        headers=(("x-amzn-RequestId", "run-1"),),
    )
    world.passes(100)
    root = world.runs({"run": request}, ms=90, request="run-1", function="processor", waited_ms=10.0, init_ms=4.0)
    world.posts(root, {"type": "complete", "request_id": request, "result": more})


@pytest.mark.parametrize("more", ["", "x" * 2 * CALL_BYTES], ids=["kept whole", "cut"])
def test_all_that_followed_from_a_message_is_one_trace(more: str) -> None:
    world = World()
    queued(world, more=more)

    trace = Traces(world.ring).find("r1")

    assert trace is not None
    assert trace.origin is world.message()
    assert [run.function for run in trace.runs] == ["router", "processor", "processor"]
    assert [span.kind for span in trace.spans] == [
        *("message", "function", "dynamodb", "function", "lambda"),
        *("wait", "init", "function", "frame"),
    ]


@pytest.mark.parametrize(
    "name", ["r1", "gw1", "run-1", "2", "1-root2"], ids=["client", "gateway", "Lambda", "number", "X-Ray"]
)
def test_a_trace_is_found_by_each_of_its_ids(name: str) -> None:
    world = World()
    queued(world)

    trace = Traces(world.ring).find(name)

    assert trace is not None
    assert trace.origin is world.message()


def test_of_two_messages_with_one_id_the_latest_is_meant() -> None:
    world = World()
    queued(world)
    world.receives({"action": "report", "id": "r1", "payload": "again"})

    trace = Traces(world.ring).find("r1")

    assert trace is not None
    assert "again" in getattr(trace.origin, "text", "")


def test_what_nobody_knows_has_no_trace() -> None:
    assert Traces(World().ring).find("nothing") is None


def test_a_batch_of_several_requests_does_not_mix_their_traces() -> None:
    world = World()
    world.opens()
    for request in ("r1", "r2"):
        invoke = world.receives({"action": "report", "id": request})
        root = world.runs(invoke.event)
        world.calls(root, "DynamoDB_20120810.PutItem", put(request))
        world.answers(invoke)
    world.passes(30)
    root = world.runs(stream_event("r1", "r2"), function="processor")
    for request in ("r1", "r2"):
        path = "/2015-03-31/functions/processor/invocations"
        world.calls(root, "", {"request": request}, path=path, headers=(("x-amzn-RequestId", f"run-{request}"),))
        world.runs({"run": request}, request=f"run-{request}", function=f"for-{request}")

    trace = Traces(world.ring).find("r2")

    assert trace is not None
    assert [run.function for run in trace.runs] == ["router", "processor", "for-r2"]


@pytest.mark.parametrize(("early_ms", "is_found"), [(0.0, True), (8.0, True), (300.0, False)])
def test_an_invocation_whose_time_is_that_of_the_turn_it_came_in_belongs_to_the_write_of_that_turn(
    early_ms: float, is_found: bool
) -> None:
    world = World()
    world.opens()
    invoke = world.receives({"action": "report", "id": "r1"})
    root = world.runs(invoke.event, ms=1)
    world.calls(root, "DynamoDB_20120810.PutItem", put("r1"))
    world.answers(invoke)
    world.passes(10)
    world.runs(stream_event("r1"), ms=10 + early_ms, function="processor")

    trace = Traces(world.ring).find("r1")

    assert trace is not None
    assert {run.function for run in trace.runs} == {"router", *(["processor"] if is_found else [])}


def test_what_an_invocation_writes_itself_did_not_lead_to_it() -> None:
    world = World()
    root = world.runs(stream_event("r1"), ms=10, function="processor", request="b1")
    world.passes(-5)
    world.calls(root, "DynamoDB_20120810.UpdateItem", {"TableName": "requests", "Key": put("r1")["Item"]})

    traces = Traces(world.ring)
    trace = traces.find("b1")

    assert trace is not None
    assert [run.function for run in trace.runs] == ["processor"]
    assert traces.cause(trace.origin) is None


def test_waiting_and_the_cold_start_are_told_apart() -> None:
    world = World()
    invoke = world.receives({"action": "echo"})
    world.passes(100)
    world.runs(invoke.event, ms=60, waited_ms=40.0, init_ms=30.0)
    world.answers(invoke)

    trace = Traces(world.ring).find("gw1")

    assert trace is not None
    spans = {span.kind: (span.end_ns - span.begin_ns) / 1e6 for span in trace.spans}
    assert spans == {"message": 100, "wait": 10, "init": 30, "function": 60}


def test_nothing_of_a_message_begins_before_it_came() -> None:
    world = World()
    invoke = world.receives({"action": "echo"})
    world.passes(10)
    world.runs(invoke.event, ms=5, waited_ms=6.5)
    world.answers(invoke)

    trace = Traces(world.ring).find("gw1")

    assert trace is not None
    assert [(span.kind, span.end_ns - span.begin_ns) for span in trace.spans] == [
        ("message", 10_000_000),
        ("wait", 5_000_000),
        ("function", 5_000_000),
    ]


# verdicts


def said_of(world: World, name: str) -> tuple[str, str]:
    trace = Traces(world.ring).find(name)
    assert trace is not None
    return verdict(trace)


@pytest.mark.parametrize("more", ["", "x" * 2 * CALL_BYTES], ids=["kept whole", "cut"])
def test_a_completed_request_is_told_with_the_time_that_it_took(more: str) -> None:
    world = World()
    queued(world, more=more)

    assert said_of(world, "r1") == ("ok", "complete after 125.0 ms")


def test_an_error_is_told_with_the_line_of_own_code() -> None:
    world = World()
    invoke = world.receives({"action": "greet"})
    world.answers(
        invoke,
        raised(
            "KeyError",
            "'name'",
            '  File "/project/app.py", line 14, in greet\n    payload["name"]\n',
            '  File "/venv/site-packages/library.py", line 3, in get\n    x\n',
        ),
    )

    assert said_of(world, "gw1") == ("error", "router raised KeyError: 'name' (app.py:14)")


def test_a_message_without_a_route_says_so() -> None:
    world = World()
    world.refuses(
        "x", Send('{"message": "Forbidden"}'), Warn("no route matches the message, and there is no $default route")
    )

    assert said_of(world, "1") == ("refused", "no route matches the message, and there is no $default route")


def test_a_function_that_was_too_slow_is_told_with_both_times() -> None:
    world = World()
    invoke = world.receives({"action": "slow"})
    world.passes(29_000)
    world.answers(invoke, TimedOut())
    world.passes(2200)
    world.runs(invoke.event, ms=31_200)

    assert said_of(world, "gw1") == ("error", "the function answered after 31.2 s, the gateway gave up at 29 s")


def test_an_apps_error_message_is_told_with_the_exception_behind_it() -> None:
    world = World()
    invoke = world.receives({"action": "greet", "id": "g1"})
    line = {"level": "ERROR", "message": "failed", "error_type": "KeyError", "error_message": "'name'"}
    trace = ['  File "/project/app.py", line 14, in greet', "    x"]
    world.recorder.line("router", "lambda-1", json.dumps({**line, "stack_trace": trace}))
    root = world.runs(invoke.event, request="lambda-1")
    world.posts(root, {"type": "error", "request_id": "g1", "error": {"code": "INTERNAL_ERROR", "message": "sorry"}})
    world.answers(invoke)

    status, sentence = said_of(world, "g1")

    assert status == "error"
    assert sentence == "failed with INTERNAL_ERROR: sorry; router raised KeyError: 'name' (app.py:14)"


def test_a_second_attempt_that_went_well_names_the_first_ones_error() -> None:
    world = World()
    invoke = world.receives({"action": "report", "id": "r1"})
    root = world.runs(invoke.event)
    traceback = (
        "Traceback (most recent call last):\n  File \"/project/app.py\", line 3, in report\n    x\nKeyError: 'a'"
    )
    world.recorder.line("router", "lambda2", traceback)
    world.posts(root, {"type": "retrying", "request_id": "r1"})
    world.posts(root, {"type": "complete", "request_id": "r1"})
    world.answers(invoke)

    status, sentence = said_of(world, "r1")

    assert (status, sentence.split(" after ")[0]) == ("ok", "complete in attempt 2")
    assert sentence.endswith("an attempt before raised KeyError: 'a' (app.py:3)")


@pytest.mark.parametrize(
    ("state", "status", "sentence"),
    [
        ("COMPLETED", "ok", "complete; its client was gone, and heard nothing of it"),
        ("FAILED", "error", "failed; its client was gone, and heard nothing of it"),
        ("CANCELLED", "ok", "cancelled"),
        ("RETRYING", "running", "accepted; the last word so far is 'progress'"),
    ],
)
def test_a_request_whose_client_is_gone_is_told_as_it_ended(state: str, status: str, sentence: str) -> None:
    world = World()
    invoke = world.receives({"action": "report", "id": "r1"})
    for other in ("r2", "r1", "r3"):
        line = {"message": "request ended", "request_id": other, "status": state if other == "r1" else "COMPLETED"}
        world.recorder.line("router", "lambda2", json.dumps(line))
    root = world.runs(invoke.event)
    world.posts(root, {"type": "progress", "request_id": "r1"})
    world.answers(invoke)

    assert said_of(world, "r1") == (status, sentence)


def test_an_answer_that_reached_nobody_says_so() -> None:
    world = World()
    invoke = world.receives({"action": "greet", "id": "g1"})
    world.posts(world.runs(invoke.event), {"type": "response", "request_id": "g1"}, status=410)
    world.answers(invoke)

    status, sentence = said_of(world, "g1")

    assert status == "ok"
    assert sentence.endswith("ms; its client was gone, and heard nothing of it")


@pytest.mark.parametrize(
    ("delivered", "sentence"),
    [(None, "complete after 0.0 ms"), (-1, "complete; its client was gone, and heard nothing of it")],
    ids=["all parts", "not the last one"],
)
def test_a_result_in_parts_is_one_message(delivered: int | None, sentence: str) -> None:
    world = World()
    invoke = world.receives({"action": "report", "id": "r1"})
    root = world.runs(invoke.event)
    world.posts(root, {"type": "progress", "request_id": "r1"})
    result = to_json({"type": "complete", "request_id": "r1", "result": '"' * MESSAGE_BYTES})
    for part in in_parts(result, "r1", now=1.0)[:delivered]:
        world.posts(root, part.encode())
    ended = {"message": "request ended", "request_id": "r1", "status": "COMPLETED"}
    world.recorder.line("router", "lambda2", to_json(ended))
    world.answers(invoke)

    assert said_of(world, "r1") == ("ok", sentence)


def test_a_message_whose_function_has_not_answered_runs() -> None:
    world = World()
    world.receives({"action": "slow"})

    assert said_of(world, "gw1") == ("running", "its function has not answered yet")


@pytest.mark.parametrize(
    ("error", "end", "status", "sentence"),
    [
        (None, "", "ok", "changed took 1 record of requests"),
        ("KeyError", "", "error", "changed did not take 1 record of requests: KeyError: no"),
        ("KeyError", "RetryAttemptsExhausted", "error", "KeyError: no; given up: RetryAttemptsExhausted"),
    ],
    ids=["taken", "failed", "given up"],
)
def test_a_batch_is_told_with_its_run_and_what_led_to_it(
    error: str | None, end: str, status: str, sentence: str
) -> None:
    world = World()
    invoke = world.receives({"action": "order", "id": "o1"})
    world.calls(world.runs(invoke.event), "DynamoDB_20120810.PutItem", put("o1"))
    world.passes(20)
    payload = None if error is None else {"errorType": error, "errorMessage": "no"}
    world.runs(stream_event("o1"), request="b1", function="changed", error=payload)
    text = json.dumps(payload).encode()
    outcome = Returned(b"null", "b1") if payload is None else Failed(text, "b1", "Unhandled")
    world.recorder.batch(("changed", "requests"), ["1"], 1, outcome, end)
    batch = next(each for each in world.ring if each.kind == "batch")

    trace = Traces(world.ring).find(str(batch.number))

    assert trace is not None
    assert (trace.origin, [run.function for run in trace.runs]) == (batch, ["changed"])
    assert trace.cause is world.message()
    told, said = verdict(trace)
    assert told == status
    assert sentence in said
