"""What records mean: whom a call was made to, what an invocation came from, who ended a connection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.console.recording.faults import Fault, fault_of_line, fault_of_payload
from emulator.console.recording.meaning import (
    body_of,
    closer_of,
    level_and_text,
    meaning_of,
    source_of,
    what_was_called,
)
from emulator.console.recording.records import Call, Closed, Run
from emulator.console.recording.ring import CALL_BYTES, PAYLOAD_BYTES
from emulator.foundation.recording import By
from emulator.functions.outcome import Returned


def call(method: str, target: str, body: Any, **fields: str) -> Call:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return Call(
        at_ns=0, method=method, target=target, fields=headers, body=text, body_bytes=len(text), status=200,
        answer=b"", answer_bytes=0, answer_headers=(), function="f", answered_ns=1,
    )  # fmt: skip


def run(payload: bytes, size: int = 0) -> Run:
    return Run(
        at_ns=1, function="f", payload=payload, payload_bytes=size or len(payload), outcome=Returned(b"", "r"),
        environment=0, trace="", waited_ms=0.0, duration_ms=0.0, init_ms=None, memory_mb=None,
    )  # fmt: skip


def signed(service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential=AKIA/20261127/eu-central-1/{service}/aws4_request, SignedHeaders=host"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (call("POST", "/dev/@connections/c1", b"x"), ("@connections", "POST", "c1")),
        (
            call("POST", "/", {"TableName": "t"}, x_amz_target="DynamoDB_20120810.PutItem"),
            ("dynamodb", "PutItem", "t"),
        ),
        (
            call("POST", "/", {"QueueUrl": "http://x/queue/jobs"}, x_amz_target="AmazonSQS.SendMessage"),
            ("sqs", "SendMessage", "jobs"),
        ),
        (
            call("POST", "/", b"Action=SendMessage&QueueUrl=http://x/queue/jobs", authorization=signed("sqs")),
            ("sqs", "SendMessage", "jobs"),
        ),
        (
            call("POST", "/", b"Action=Publish&TopicArn=arn:aws:sns:eu:1:news", authorization=signed("sns")),
            ("sns", "Publish", "news"),
        ),
        (
            call(
                "POST", "/", {"SecretId": "db"},
                x_amz_target="secretsmanager.GetSecretValue", authorization=signed("secretsmanager"),
            ),
            ("secretsmanager", "GetSecretValue", "db"),
        ),
        (
            call("PUT", "/bucket/key.txt?x=1", b"content", authorization=signed("s3")),
            ("s3", "PUT", "/bucket/key.txt"),
        ),
        (
            call("PUT", "/bucket/key.txt?X-Amz-Credential=AKIA%2F20261127%2Feu-central-1%2Fs3%2Faws4_request", b"c"),
            ("s3", "PUT", "/bucket/key.txt"),
        ),
        (call("GET", "/orders?page=2", b""), ("http", "GET", "/orders")),
        (
            call("POST", "/2015-03-31/functions/say%3Alive/invocations", b"{}"),
            ("lambda", "Invoke RequestResponse", "say"),
        ),
        (
            call("POST", "/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:say:7/invocations", b""),
            ("lambda", "Invoke RequestResponse", "say"),
        ),
    ],
    ids=[
        "connections", "dynamodb", "sqs", "sqs by query", "sns", "secrets", "s3", "s3 by a link", "http", "an alias",
        "a version by its ARN",
    ],
)  # fmt: skip
def test_a_call_names_service_operation_and_target(record: Call, expected: tuple[str, str, str]) -> None:
    assert what_was_called(record) == expected


@pytest.mark.parametrize(
    ("event", "source", "route"),
    [
        ({"requestContext": {"connectionId": "c", "routeKey": "$default"}}, "gateway", "$default"),
        ({"Records": [{"eventSource": "aws:dynamodb"}]}, "stream", None),
        ({"Records": [{"eventSource": "aws:kinesis"}]}, "stream", None),
        ({"Records": [{"eventSource": "aws:sqs"}]}, "queue", None),
        ({"Records": [{"EventSource": "aws:sns"}]}, "topic", None),
        ({"Records": [{"eventSource": "aws:s3"}]}, "bucket", None),
        ({"requestContext": {"http": {"method": "GET", "path": "/orders"}}}, "http", "GET /orders"),
        ({"requestContext": {}, "httpMethod": "PUT", "path": "/orders/7"}, "http", "PUT /orders/7"),
        ({"source": "aws.events", "detail-type": "Scheduled Event"}, "schedule", None),
        ({"source": "shop", "detail-type": "order placed"}, "event bus", "order placed"),
        ({"hello": 1}, "invoke", None),
        ([1], "invoke", None),
        ({"requestContext": "text"}, "invoke", None),
    ],
    ids=str,
)
def test_an_invocation_names_what_it_came_from(event: Any, source: str, route: str | None) -> None:
    told = source_of(run(json.dumps(event).encode()))

    assert (told["source"], told.get("route")) == (source, route)


LONG = "ä\\n]}" * PAYLOAD_BYTES


@pytest.mark.parametrize(
    ("event", "source"),
    [
        ({"requestContext": {"connectionId": "c", "routeKey": "say"}, "body": LONG}, "gateway"),
        ({"Records": [{"eventSource": "aws:sqs", "body": LONG}, {"eventSource": "aws:sqs", "body": LONG}]}, "queue"),
        ({"requestContext": {"http": {"method": "PUT", "path": "/"}}, "isBase64Encoded": False, "body": LONG}, "http"),
        ({"body": LONG, "requestContext": {"connectionId": "c"}}, "invoke"),
    ],
    ids=["a message", "a batch", "a request", "what stands behind is not known"],
)
@pytest.mark.parametrize("spare", range(3))
def test_an_invocation_whose_event_was_cut_names_what_it_came_from(event: Any, source: str, spare: int) -> None:
    payload = json.dumps(event, ensure_ascii=False).encode()

    assert source_of(run(payload[: PAYLOAD_BYTES - spare], len(payload)))["source"] == source


@pytest.mark.parametrize(
    ("body", "kept", "expected"),
    [
        (b'{"Key":{"pk":{"S":"a"},"big":{"S":"xxx', True, {"Key": {"pk": {"S": "a"}, "big": {}}}),
        (b'{"a":[1,{"b":"]\\"}"},2', True, {"a": [1, {"b": ']"}'}]}),
        (b'{"a":tru', True, {}),
        (b'{"type":"complete","result":{"n":12', True, {"type": "complete", "result": {}}),
        (b'{"a":1}}', True, {}),
        (b"plain, text", True, {}),
        (b'{"a":1,"b":', False, {}),
    ],
)  # fmt: skip
def test_of_a_body_that_was_cut_whole_members_are_known(body: bytes, kept: bool, expected: Any) -> None:
    record = call("POST", "/", body)
    record.body_bytes = CALL_BYTES + 1 if kept else len(body)

    assert body_of(record) == expected


@pytest.mark.parametrize(
    ("by", "code", "is_ours", "closer", "meaning"),
    [
        ("client", 1000, False, "client", "the client closed it"),
        ("gateway", 1000, False, "@connections", "deleted through @connections"),
        ("idle", 1001, False, "idle", "nothing was sent either way for too long"),
        ("duration", 1001, False, "duration", "it was open for as long as a connection may be"),
        ("gateway", 1001, False, "gateway", "the emulator stopped"),
        ("network", 1006, False, "network", "the TCP connection broke without a close frame"),
        ("gateway", 1012, True, "console", "closed from the console with 1012"),
        ("network", 1006, True, "console", "cut from the console"),
    ],
    ids=str,
)
def test_who_ended_a_connection_and_why_is_known(by: By, code: int, is_ours: bool, closer: str, meaning: str) -> None:
    record = Closed(at_ns=0, connection="c", code=code, reason="", by=by, opened_ns=0, is_ours=is_ours)

    assert (closer_of(record), meaning_of(record)) == (closer, meaning)


def test_a_line_of_nodes_console_has_a_level() -> None:
    assert level_and_text("2026-11-27T15:07:53.739Z\ta7aaeea6\tWARN\tprice of\ttea") == ("WARN", "price of\ttea")


@pytest.mark.parametrize(
    ("message", "text"),
    [("done", "done"), ("", ""), ({"password": "x", "a": True}, '{"password":"x","a":true}'), ([1, None], "[1,null]")],
    ids=str,
)
def test_what_a_line_of_json_says_is_a_text_or_json_itself(message: Any, text: str) -> None:
    assert level_and_text(json.dumps({"level": "WARN", "message": message})) == ("WARN", text)


STACK = [
    "Error: we sell no cocoa",
    "    at handler (file:///project/src/prices.mjs:7:32)",
    "    at Object.call (/project/node_modules/shop/index.js:3:1)",
    "    at /site-packages/streamer/emulator/functions/processes/node/runtime.cjs:62:61",
    "    at Socket.emit (node:events:524:28)",
]


def test_a_failure_that_an_action_told_itself_is_a_fault_without_a_place() -> None:
    fault = fault_of_line('{"level":"ERROR","error_type":"TIMEOUT","error_message":"slow"}')

    assert fault is not None
    assert (fault.sentence, fault.frames) == ("TIMEOUT: slow", ())
    assert fault_of_line('{"level":"ERROR","message":"no end"}') is None


@pytest.mark.parametrize(
    "fault",
    [
        fault_of_payload(
            json.dumps({"errorType": "Error", "errorMessage": "we sell no cocoa", "trace": STACK}).encode()
        ),
        fault_of_line(
            "2026-11-27T15:07:53.774Z\tid\tERROR\tInvoke Error \t"
            + json.dumps({"errorType": "Error", "errorMessage": "we sell no cocoa", "stack": STACK})
        ),
        fault_of_line(
            json.dumps(
                {
                    "level": "ERROR",
                    "message": {"errorType": "Error", "errorMessage": "we sell no cocoa", "stackTrace": STACK},
                }
            )
        ),
    ],
    ids=["result", "line", "line of JSON"],
)
def test_an_error_of_node_names_the_line_of_own_code(fault: Fault | None) -> None:
    assert fault is not None
    assert fault.sentence == "Error: we sell no cocoa (prices.mjs:7)"
    assert [(each.name, each.is_own) for each in fault.frames] == [
        ("Socket.emit", False),
        ("the module", False),
        ("Object.call", False),
        ("handler", True),
    ]
