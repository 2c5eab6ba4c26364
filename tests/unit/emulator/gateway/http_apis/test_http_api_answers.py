"""What a client is answered for what came of a function."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_api_requests import api, asked
from hypothesis import given
from hypothesis import strategies as st

from emulator.gateway.http_apis.answers import PRELUDE_BYTES, answered, begun
from emulator.gateway.http_apis.events import event_of
from emulator.gateway.http_apis.headers import MalformedError
from emulator.gateway.http_apis.refusals import error, not_found, too_large, too_long
from emulator.gateway.rules.effects import HttpAnswer, NotInvoked, Raised, Replied, Result, TimedOut
from streamer.topology.http_apis import HttpKind, HttpRoute

SECOND = api()
FIRST = api(HttpRoute(path="$default", function="answer", payload="1.0"))
REST = api(HttpRoute(path="/", function="answer"), kind=HttpKind.REST, stage="Prod", binary_types=("image/*",))
URL = api(kind=HttpKind.URL)
STREAM = HttpRoute(path="$default", function="answer", streamed=True)
STREAMS = {
    "URL": api(STREAM, kind=HttpKind.URL),
    "REST": api(HttpRoute(path="/", function="answer", streamed=True), kind=HttpKind.REST, stage="Prod"),
}
REMAPPED = {
    "x-amzn-Remapped-WWW-Authenticate": "Basic",
    "x-amzn-Remapped-date": "then",
    "x-amzn-Remapped-Connection": "close",
}
APIS = {"2.0": SECOND, "1.0": FIRST, "REST": REST, "URL": URL}


def answer_of(kind: str, result: Result, **said: Any) -> HttpAnswer:
    of = APIS[kind]
    return answered(asked(of, f"{of.base_path}/", **said), result)[0]


def replied(kind: str, result: Any, **said: Any) -> tuple[int, dict[str, str], bytes]:
    answer = answer_of(kind, Replied(json.dumps(result).encode()), **said)
    return answer.status, {name.lower(): value for name, value in answer.headers}, answer.body


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("2.0", {"WWW-Authenticate": "Basic", "date": "then", "Host": "h", "X-Own": "1"}),
        ("1.0", {"WWW-Authenticate": "Basic", "date": "then", "Host": "h", "X-Own": "1"}),
        ("REST", REMAPPED | {"X-Own": "1"}),
        ("URL", REMAPPED | {"X-Own": "1"}),
    ],
)
def test_some_headers_of_functions_have_other_names_for_clients(kind: str, seen: dict[str, str]) -> None:
    sent = {"WWW-Authenticate": "Basic", "date": "then", "Connection": "close", "Host": "h", "X-Own": "1"}
    answer = answer_of(kind, Replied(json.dumps({"statusCode": 401, "headers": sent}).encode()))

    known = {name.lower() for name in sent}
    assert {n: v for n, v in answer.headers if n.lower().removeprefix("x-amzn-remapped-") in known} == seen


@pytest.mark.parametrize(
    ("result", "body"),
    [
        pytest.param({"message": "Hello"}, b'{"message":"Hello"}', id="an object"),
        pytest.param("Hello from Lambda!", b"Hello from Lambda!", id="a text"),
        pytest.param([1], b"[1]", id="a list"),
        pytest.param("\ud83d", b"?", id="half a surrogate pair"),
        pytest.param(None, b"null", id="nothing"),
    ],
)
@pytest.mark.parametrize("kind", ["2.0", "URL"])
def test_without_a_status_payload_2_takes_the_result_for_the_body(kind: str, result: Any, body: bytes) -> None:
    status, headers, found = replied(kind, result)

    assert (status, headers["content-type"], found) == (200, "application/json", body)


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("2.0", "text/plain; charset=utf-8"),
        ("1.0", "text/plain; charset=utf-8"),
        ("REST", "application/json"),
        ("URL", "application/json"),
    ],
)
def test_the_type_of_a_body_that_says_none(kind: str, content_type: str) -> None:
    assert replied(kind, {"statusCode": 201, "body": "x"})[:2][1]["content-type"] == content_type


def test_cookies_of_payload_2_are_headers_each() -> None:
    answer = answer_of("2.0", Replied(b'{"statusCode": 200, "cookies": ["a=1; Secure", "b=2"]}'))

    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1; Secure", "b=2"]


@pytest.mark.parametrize("kind", ["1.0", "REST"])
def test_headers_and_multi_value_headers_are_sent_both_and_what_is_in_both_once(kind: str) -> None:
    headers = {"x-a": "1", "X-B": "2", "x-c": "5"}
    result = {"statusCode": 200, "headers": headers, "multiValueHeaders": {"X-A": ["3", "4"], "X-C": ["5"]}}

    answer = answer_of(kind, Replied(json.dumps(result).encode()))

    assert [each for each in answer.headers if each[0].lower() in ("x-a", "x-b", "x-c")] == [
        ("X-A", "3"),
        ("X-A", "4"),
        ("X-C", "5"),
        ("x-a", "1"),
        ("X-B", "2"),
    ]


@pytest.mark.parametrize(
    ("kind", "accept", "content_type", "body"),
    [
        ("2.0", "*/*", "image/png", b"\x89P"),
        ("URL", "*/*", "image/png", b"\x89P"),
        ("REST", "image/webp,*/*", "text/plain", b"\x89P"),
        ("REST", "*/*", "image/png", b"\x89P"),
        ("REST", "*/*", "text/plain", b"iVA="),
    ],
)
def test_base64_becomes_bytes(kind: str, accept: str, content_type: str, body: bytes) -> None:
    result = {"statusCode": 200, "headers": {"Content-Type": content_type}, "body": "iVA=", "isBase64Encoded": True}

    assert replied(kind, result, headers=(("Accept", accept),))[2] == body


MALFORMED = [
    pytest.param({"statusCode": "abc"}, id="status of letters"),
    pytest.param({"statusCode": 99}, id="status too low"),
    pytest.param({"statusCode": True}, id="status true"),
    pytest.param({"statusCode": 200, "body": {"a": 1}}, id="body an object"),
    pytest.param({"statusCode": 200, "headers": []}, id="headers a list"),
    pytest.param({"statusCode": 200, "headers": {"a": ["b"]}}, id="a header's value a list"),
    pytest.param({"statusCode": 200, "headers": {"a": "b\r\nc: d"}}, id="a header with a line's end"),
    pytest.param({"statusCode": 200, "headers": {"a b": "c"}}, id="a header's name with a blank"),
    pytest.param({"statusCode": 200, "body": "%", "isBase64Encoded": True}, id="no base64"),
]


@pytest.mark.parametrize("result", MALFORMED)
@pytest.mark.parametrize(("kind", "status"), [("2.0", 500), ("1.0", 500), ("REST", 502), ("URL", 502)])
def test_a_result_that_is_no_answer_is_an_error_of_the_service(kind: str, status: int, result: Any) -> None:
    said = (("Accept", "image/png"),)
    answer, warning = answered(asked(APIS[kind], f"{APIS[kind].base_path}/", headers=said), _reply(result))

    assert answer.status == status
    assert warning is not None
    assert warning.startswith("malformed response of the function: ")


def _reply(result: Any) -> Replied:
    return Replied(json.dumps(result).encode())


@pytest.mark.parametrize(
    ("kind", "error_type", "body"),
    [
        ("REST", "AccessDeniedException", b'{"Message":"no"}'),
        ("REST", "ForbiddenException", b'{"message":"no"}'),
        ("URL", "AccessDeniedException", b'{"Message":"no"}'),
        ("2.0", "AccessDeniedException", b'{"message":"no"}'),
    ],
)
def test_what_a_policy_denies_has_a_capital_message_in_rest_apis(kind: str, error_type: str, body: bytes) -> None:
    assert error(asked(APIS[kind], f"{APIS[kind].base_path}/"), 403, "no", error_type).body == body


@pytest.mark.parametrize(
    ("status", "message", "length"),
    [
        pytest.param(401, "Unauthorized", 26, id="an authorizer's word"),
        pytest.param(403, "Forbidden", 23, id="an API key's"),
        pytest.param(400, "Invalid request body", 35, id="a model's"),
        pytest.param(502, "Internal server error", 36, id="an integration's"),
        pytest.param(500, None, 16, id="an authorizer that failed"),
    ],
)
def test_some_refusals_of_a_rest_api_have_a_blank(status: int, message: str | None, length: int) -> None:
    assert len(error(asked(REST, "/Prod/"), status, message).body) == length


@pytest.mark.parametrize("kind", ["1.0", "REST"])
@pytest.mark.parametrize("result", [None, "text", [1]])
def test_what_is_no_object_is_malformed_in_other_payloads(kind: str, result: Any) -> None:
    assert replied(kind, result)[0] == (502 if kind == "REST" else 500)


def test_without_a_status_an_http_apis_first_payload_is_malformed_and_a_rest_apis_is_200() -> None:
    for result, body in (({}, b""), ({"body": "x"}, b"x"), ({"statusCode": None}, b"")):
        assert replied("1.0", result)[0] == 500
        assert replied("REST", result)[::2] == (200, body)


def test_a_rest_api_takes_no_further_keys() -> None:
    result = {"statusCode": 200, "wrongValue": "value"}

    assert replied("REST", result)[::2] == (502, b'{"message": "Internal server error"}')
    assert replied("1.0", result)[0] == 200


@pytest.mark.parametrize(
    ("kind", "result", "status", "body"),
    [
        ("2.0", Raised(b"{}"), 500, b'{"message":"Internal Server Error"}'),
        ("1.0", Raised(b"{}"), 500, b'{"message":"Internal Server Error"}'),
        ("REST", Raised(b"{}"), 502, b'{"message": "Internal server error"}'),
        ("URL", Raised(b"{}"), 502, b"Internal Server Error"),
        ("2.0", TimedOut(), 503, b'{"message":"Service Unavailable"}'),
        ("REST", TimedOut(), 504, b'{"message": "Endpoint request timed out"}'),
        ("2.0", NotInvoked("gone"), 500, b'{"message":"Internal Server Error"}'),
        ("REST", NotInvoked("gone"), 500, b'{"message": "Internal server error"}'),
        ("URL", Replied(b"{"), 502, b"Internal Server Error"),
        ("URL", NotInvoked("busy"), 429, b'{"Message":"Too Many Requests"}'),
    ],
)
def test_each_kind_of_api_has_its_own_word_for_a_failure(kind: str, result: Result, status: int, body: bytes) -> None:
    answer = answer_of(kind, result)

    assert (answer.status, answer.body) == (status, body)


def test_a_path_that_there_is_not() -> None:
    http, rest = not_found(asked(SECOND)), not_found(asked(REST, "/Prod/x"))

    assert (http.status, http.body) == (404, b'{"message":"Not Found"}')
    assert (rest.status, rest.body) == (403, b'{"message":"Missing Authentication Token"}')
    assert ("x-amzn-ErrorType", "MissingAuthenticationTokenException") in rest.headers


@pytest.mark.parametrize("path", ["/", "/Other/x", "/Production"])
def test_a_stage_that_a_rest_api_has_not_is_forbidden(path: str) -> None:
    answer = not_found(asked(REST, path))

    assert (answer.status, answer.body) == (403, b'{"message":"Forbidden"}')
    assert ("x-amzn-ErrorType", "ForbiddenException") in answer.headers


def test_a_path_that_a_rest_api_has_not_takes_a_token_for_a_signature() -> None:
    answer = not_found(asked(REST, "/Prod/x", headers=(("Authorization", "Bearer abc"),)))

    assert answer.status == 403
    assert answer.body.startswith(b'{"message":"Invalid key=value pair (missing equal-sign) in Authorization header')
    assert ("x-amzn-ErrorType", "IncompleteSignatureException") in answer.headers


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        pytest.param("2.0", 10_240 - len("GET / HTTP/1.1"), id="HTTP, with the request line"),
        pytest.param("REST", 10_240, id="REST"),
        pytest.param("URL", None, id="function URL"),
    ],
)
def test_values_of_headers_have_a_largest_size_together(kind: str, most: int | None) -> None:
    of = APIS[kind]

    def refusal(size: int) -> HttpAnswer | None:
        return too_large(asked(of, f"{of.base_path}/", headers=(("Cookie", "a" * 10), ("X-B", "b" * (size - 10)))))

    assert refusal(most or 60_000) is None
    if most is not None:
        refused = refusal(most + 1)
        assert refused is not None
        assert refused.status == 431


@pytest.mark.parametrize(("kind", "most"), [("2.0", 10 << 20), ("REST", 10 << 20), ("URL", 6 << 20)])
def test_a_body_has_a_largest_size(kind: str, most: int) -> None:
    of = APIS[kind]
    most_of_all, more = (asked(of, f"{of.base_path}/", body=b"x" * size) for size in (most, most + 1))

    refusal = too_large(more)

    assert too_large(most_of_all) is None
    assert refusal is not None
    assert refusal.status == 413


def test_a_body_that_is_too_large_for_a_rest_api_is_told_in_plain_text() -> None:
    refusal = too_large(asked(REST, "/Prod/", body=b"x" * ((10 << 20) + 1)))

    assert refusal is not None
    assert refusal.body == b"HTTP content length exceeded 10485760 bytes."
    assert ("content-type", "text/plain") in refusal.headers


@pytest.mark.parametrize(
    ("kind", "size", "told"),
    [
        pytest.param("REST", 5 << 20, None, id="what Lambda takes"),
        pytest.param("REST", 6 << 20, (413, b'{"message":"Request Too Long"}'), id="REST"),
        pytest.param("2.0", 6 << 20, (500, b'{"message":"Internal Server Error"}'), id="HTTP"),
    ],
)
def test_an_event_has_a_largest_size(kind: str, size: int, told: tuple[int, bytes] | None) -> None:
    of = asked(APIS[kind], f"{APIS[kind].base_path}/", body=b"x" * size)

    refusal = too_long(of, event_of(of))

    assert (None if refusal is None else (refusal.status, refusal.body)) == told


@pytest.mark.parametrize(
    ("kind", "status", "names"),
    [
        ("2.0", 403, ["apigw-requestid", "content-type"]),
        ("REST", 403, ["x-amzn-RequestId", "x-amz-apigw-id", "content-type", "x-amzn-ErrorType"]),
        ("REST", 400, ["x-amzn-RequestId", "X-Amzn-Trace-Id", "x-amz-apigw-id", "content-type", "x-amzn-ErrorType"]),
    ],
)
def test_the_headers_of_a_refusal(kind: str, status: int, names: list[str]) -> None:
    assert [name for name, _ in error(asked(APIS[kind], "/"), status, "no").headers] == names


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4), st.text(max_size=20))
def test_no_header_of_a_function_adds_a_line(headers: dict[str, str], body: str) -> None:
    answer = answer_of("2.0", _reply({"statusCode": 200, "headers": headers, "body": body}))

    for name, value in answer.headers:
        assert not set(name + value) & {"\r", "\n", "\0"}
        (name + value).encode("latin-1")


def streamed(kind: str, payload: bytes) -> tuple[HttpAnswer, str | None]:
    of = STREAMS[kind]
    return answered(asked(of, f"{of.base_path}/"), Replied(payload))


@pytest.mark.parametrize("kind", STREAMS)
def test_a_streamed_answer_has_its_status_and_headers_before_eight_zeros(kind: str) -> None:
    said = {"statusCode": 201, "headers": {"Content-Type": "text/html"}, "cookies": ["a=1", "b=2"]}

    answer, warning = streamed(kind, json.dumps(said).encode() + bytes(8) + b"<p>\0</p>")
    plain, _ = streamed(kind, b"{}" + bytes(8))

    assert (answer.status, answer.body, warning) == (201, b"<p>\0</p>", None)
    assert [*answer.headers][:3] == [("Content-Type", "text/html"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    assert (plain.status, plain.headers[0], plain.body) == (200, ("content-type", "application/octet-stream"), b"")


def test_a_rest_api_takes_several_values_of_a_streamed_header() -> None:
    answer, _ = streamed("REST", json.dumps({"multiValueHeaders": {"x": ["1", "2"]}}).encode() + bytes(8))

    assert [each for each in answer.headers if each[0] == "x"] == [("x", "1"), ("x", "2")]


def test_a_url_that_streams_takes_what_has_no_zeros() -> None:
    raw, _ = streamed("URL", b"<p>hello</p>")
    whole, _ = streamed("URL", b'{"statusCode": 202, "body": "hello"}')

    assert (raw.status, raw.body) == (200, b"<p>hello</p>")
    assert ("content-type", "application/octet-stream") in raw.headers
    assert (whole.status, whole.body) == (202, b"hello")


HTTP_STREAM = "application/vnd.awslambda.http-integration-response"


@pytest.mark.parametrize(
    ("kind", "content_type", "payload", "answer"),
    [
        pytest.param("URL", "text/plain", b"he", (200, "text/plain", b"he"), id="a URL's own type"),
        pytest.param("URL", "text/plain", b"{}" + bytes(8), (200, "text/plain", b"{}" + bytes(8)), id="no head"),
        pytest.param("URL", HTTP_STREAM, b'{"statusCode": 201}' + bytes(7), None, id="half a head"),
        pytest.param(
            "URL",
            HTTP_STREAM,
            b'{"statusCode": 201}' + bytes(8) + b"he",
            (201, "application/octet-stream", b"he"),
            id="a URL's head",
        ),
        pytest.param("REST", "text/plain", b'{"statusCode": 201}', None, id="a REST API waits for a head"),
        pytest.param(
            "REST",
            "text/plain",
            b'{"headers": {"content-type": "a/b"}}' + bytes(8),
            (200, "a/b", b""),
            id="of whatever type",
        ),
    ],
)
def test_an_answer_begins_as_soon_as_its_head_is_there(
    kind: str, content_type: str, payload: bytes, answer: tuple[int, str, bytes] | None
) -> None:
    of = STREAMS[kind]

    found = begun(asked(of, f"{of.base_path}/"), content_type, payload)

    assert answer == (None if found is None else (found.status, dict(found.headers)["content-type"], found.body))


def test_the_head_of_a_streamed_answer_is_in_its_first_16_kb() -> None:
    """[DOC] apigw-docs:response-transfer-mode-lambda"""
    of = asked(STREAMS["REST"], "/Prod/")
    head = b'{"headers": {"a": "%b"}}'
    most = head % (b"x" * (PRELUDE_BYTES - 8 - len(head % b"")))

    assert begun(of, "text/plain", most + bytes(8) + b"body") is not None
    assert begun(of, "text/plain", most + bytes(7)) is None
    with pytest.raises(MalformedError, match="its first 16384 bytes have no eight NUL bytes"):
        begun(of, "text/plain", b" " + most + bytes(8))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        pytest.param("REST", b'{"statusCode": 200, "body": "hello"}', id="no zeros"),
        pytest.param("URL", b"hello" + bytes(8), id="not JSON"),
        pytest.param("REST", b"[]" + bytes(8), id="no object"),
        pytest.param("URL", b'{"statusCode": "ok"}' + bytes(8), id="no status"),
    ],
)
def test_a_streamed_answer_can_be_malformed(kind: str, payload: bytes) -> None:
    answer, warning = streamed(kind, payload)

    assert answer.status == 502
    assert warning is not None
    assert warning.startswith("malformed response of the function: ")
