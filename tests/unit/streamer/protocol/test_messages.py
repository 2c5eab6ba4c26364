import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import ActionError, ErrorCode, PayloadTooLargeError
from streamer.protocol import messages
from streamer.protocol.messages import Malformed, Message, parse, to_json
from streamer.records import Failure, ProgressPoint

NOW = 1_767_268_800.123456
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(text: str) -> Any:
    return json.loads(text)


# from clients


def test_a_message_with_all_fields() -> None:
    body = '{"action": "greet", "id": "r-1", "payload": {"name": "Ada"}, "metadata": {"trace": 7}}'

    assert parse(body, new_id="made") == Message("greet", "r-1", {"name": "Ada"}, {"trace": 7})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"action": "greet"}', id="absent"),
        pytest.param('{"action": "greet", "id": null, "payload": null, "metadata": null}', id="null"),
        pytest.param('{"action": "greet", "colour": "red"}', id="beside unknown ones"),
    ],
)
def test_optional_fields_have_defaults(body: str) -> None:
    assert parse(body, new_id="made") == Message("greet", "made", None, {})


@pytest.mark.parametrize("payload", ["0", "false", '""', "[]", "{}", "1.5e3"])
def test_any_json_value_is_a_payload(payload: str) -> None:
    parsed = parse(f'{{"action": "greet", "payload": {payload}}}', new_id="made")

    assert isinstance(parsed, Message)
    assert parsed.payload == json.loads(payload)


@pytest.mark.parametrize(
    ("body", "request_id", "says"),
    [
        pytest.param("", None, "not JSON", id="empty"),
        pytest.param("hello", None, "not JSON", id="not JSON"),
        pytest.param('{"action": "a", "payload": NaN}', None, "NaN is not a JSON value", id="NaN"),
        pytest.param('{"action": "a", "payload": 1e999}', None, "too large a number", id="infinite number"),
        pytest.param(f'{{"action": "a", "payload": {"9" * 5000}}}', None, "not JSON", id="number of 5000 digits"),
        pytest.param("[" * 100_000, None, "nested too deeply", id="deep nesting"),
        pytest.param('["greet"]', None, "not an array", id="array"),
        pytest.param("null", None, "not null", id="null"),
        pytest.param("true", None, "not a boolean", id="boolean"),
        pytest.param("7", None, "not a number", id="number"),
        pytest.param('"greet"', None, "not a string", id="string"),
        pytest.param('{"action": "a", "id": 7}', None, '"id" must be a string', id="id is a number"),
        pytest.param('{"action": "a", "id": ""}', None, '"id" must be a string', id="id is empty"),
        pytest.param('{"action": "a", "id": "a b"}', None, '"id" must be a string', id="id with a blank"),
        pytest.param('{"action": "a", "id": "a\\n"}', None, '"id" must be a string', id="id with a line end"),
        pytest.param(f'{{"action": "a", "id": "{"x" * 129}"}}', None, "1 to 128", id="id too long"),
        pytest.param('{"id": "r-1"}', "r-1", '"action" is missing', id="no action"),
        pytest.param("{}", "made", '"action" is missing', id="no action, no id"),
        pytest.param('{"id": "r-1", "action": 5}', "r-1", '"action" must be', id="action is a number"),
        pytest.param('{"id": "r-1", "action": ""}', "r-1", '"action" must be', id="action is empty"),
        pytest.param('{"id": "r-1", "action": "a b"}', "r-1", '"action" must be', id="action with a blank"),
        pytest.param(f'{{"id": "r-1", "action": "{"x" * 65}"}}', "r-1", "1 to 64", id="action too long"),
        pytest.param('{"id": "r-1", "action": "ä"}', "r-1", '"action" must be', id="action with an umlaut"),
        pytest.param('{"id": "r", "action": "a", "metadata": []}', "r", "not an array", id="metadata is an array"),
    ],
)
def test_a_bad_message_is_refused_with_the_reason(body: str, request_id: str | None, says: str) -> None:
    refused = parse(body, new_id="made")

    assert isinstance(refused, Malformed)
    assert refused.request_id == request_id
    assert refused.failure.code == ErrorCode.VALIDATION_ERROR
    assert says in refused.failure.message


@given(st.text())
def test_no_text_breaks_the_parser(body: str) -> None:
    parse(body, new_id="made")


@given(JSON, st.dictionaries(st.text(), JSON, max_size=3))
def test_payload_and_metadata_arrive_as_they_were_sent(payload: Any, metadata: dict[str, Any]) -> None:
    sent = to_json({"action": "greet", "payload": payload, "metadata": metadata})

    assert parse(sent, new_id="made") == Message("greet", "made", payload, metadata)


# JSON


@given(JSON)
def test_json_round_trips_and_is_utf_8(value: Any) -> None:
    assert json.loads(to_json(value).encode().decode()) == value


def test_lone_surrogates_are_escaped() -> None:
    assert to_json("\ud83d") == '"\\ud83d"'
    assert to_json("😀") == '"😀"'


def test_dataclasses_are_objects_of_their_fields_within_others_too() -> None:
    @dataclass
    class Line:
        name: str

    @dataclass
    class Order:
        lines: list[Line]
        price: Decimal

    assert to_json(Order(lines=[Line("a")], price=Decimal("1.5"))) == '{"lines":[{"name":"a"}],"price":1.5}'
    with pytest.raises(TypeError, match="type has no form in JSON"):
        to_json(Order)


class _Model:
    def model_dump(self, *, mode: str) -> dict[str, str]:
        return {"dumped": mode}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(Decimal("7"), "7", id="whole decimal"),
        pytest.param(Decimal("1.5"), "1.5", id="decimal"),
        pytest.param(Decimal("1E+2"), "100", id="decimal with exponent"),
        pytest.param(_Model(), '{"dumped":"json"}', id="Pydantic model"),
        pytest.param((1, 2), "[1,2]", id="tuple"),
    ],
)
def test_what_else_has_a_form_in_json(value: Any, text: str) -> None:
    assert to_json(value) == text


class _Point:
    pass


_CIRCLE: list[Any] = []
_CIRCLE.append(_CIRCLE)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param({1, 2}, "set", id="set"),
        pytest.param({"a": [b"x"]}, "bytes", id="bytes inside"),
        pytest.param(_Point(), "_Point", id="object"),
        pytest.param(_Model, "type", id="model class"),
        pytest.param({(1, 2): 3}, "tuple", id="key"),
        pytest.param(float("nan"), "Out of range", id="NaN"),
        pytest.param(Decimal("Infinity"), "Out of range", id="infinite decimal"),
        pytest.param(_CIRCLE, "Circular", id="circle"),
    ],
)
def test_a_result_that_is_not_json_is_named(value: Any, says: str) -> None:
    with pytest.raises(ActionError, match=f"result is not JSON: .*{says}") as caught:
        messages.result_json(value)

    assert caught.value.code == ErrorCode.INTERNAL_ERROR


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param('{"a":1,"b":2}', '{"b":2, "a":1}', True, id="order of keys"),
        pytest.param("[1,2]", "[2,1]", False, id="order of items"),
        pytest.param("1", "true", False, id="1 is not true"),
        pytest.param("null", "null", True, id="null"),
    ],
)
def test_json_is_the_same_whatever_the_order_of_its_keys(one: str, other: str, same: bool) -> None:
    assert messages.same_json(one, other) is same


# to clients


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        pytest.param(
            messages.response("r", '{"a":1}', now=NOW),
            {"type": "response", "success": True, "data": {"a": 1}},
            id="response",
        ),
        pytest.param(
            messages.acknowledgment("r", "queued", "accepted", now=NOW),
            {"type": "acknowledgment", "status": "queued", "message": "accepted"},
            id="acknowledgment",
        ),
        pytest.param(
            messages.progress("r", ProgressPoint(percentage=10, message="reading"), now=NOW),
            {"type": "progress", "percentage": 10, "message": "reading"},
            id="progress",
        ),
        pytest.param(
            messages.progress("r", ProgressPoint(percentage=10, metadata={"page": 3}), now=NOW),
            {"type": "progress", "percentage": 10, "message": "", "metadata": {"page": 3}},
            id="progress with metadata",
        ),
        pytest.param(messages.complete("r", "[1]", now=NOW), {"type": "complete", "result": [1]}, id="complete"),
        pytest.param(
            messages.cancelled("r", "enough", now=NOW), {"type": "cancelled", "reason": "enough"}, id="cancelled"
        ),
        pytest.param(
            messages.error("r", Failure(code="NOT_FOUND", message="no"), now=NOW),
            {"type": "error", "error": {"code": "NOT_FOUND", "message": "no", "retryable": False}},
            id="error",
        ),
        pytest.param(
            messages.error("r", Failure(code="TIMEOUT", message="no", details={"a": 1}, retryable=True), now=NOW),
            {"type": "error", "error": {"code": "TIMEOUT", "message": "no", "retryable": True, "details": {"a": 1}}},
            id="error with details",
        ),
        pytest.param(messages.pong("r", now=NOW), {"type": "pong"}, id="pong"),
    ],
)
def test_every_message_says_its_type_request_and_time(text: str, fields: dict[str, Any]) -> None:
    assert read(text) == {"request_id": "r", "timestamp": 1_767_268_800.123, **fields}


def test_an_error_without_a_readable_id_has_a_null_one() -> None:
    assert read(messages.error(None, Failure(code="VALIDATION_ERROR", message=""), now=NOW))["request_id"] is None


@pytest.mark.parametrize(
    ("message", "fits"),
    [
        pytest.param("x" * 131_072, True, id="128 KB"),
        pytest.param("x" * 131_073, False, id="one byte more"),
        pytest.param("ä" * 65_536, True, id="128 KB in two-byte characters"),
        pytest.param("ä" * 65_537, False, id="one character more"),
    ],
)
def test_a_message_may_have_131072_bytes_of_utf_8(message: str, fits: bool) -> None:
    if fits:
        messages.check_size(message)
    else:
        with pytest.raises(PayloadTooLargeError):
            messages.check_size(message)
