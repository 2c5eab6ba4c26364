"""Probes of FIDELITY section G: the management API, by requests that are built and signed byte by byte."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from botocore.credentials import Credentials
from fidelity_client import TEXT, Frame
from fidelity_world import OWN, MakeWorld, World

from emulator.gateway.rules.assumptions import NonUtf8Post

MADE_UP = "H111mc0HywMCEEf="
MESSAGE = 128 * 1024
METHODS = ("POST", "GET", "DELETE")


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("/dev/@connections/{raw}", id="raw"),
        pytest.param("/dev/%40connections/{encoded}", id="encoded, as SDKs do"),
        pytest.param("/dev/%40connections/{raw}", id="half encoded"),
        pytest.param("/dev/@connections/{encoded}", id="the other half"),
    ],
)
@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("GET", 200), ("DELETE", 204)])
def test_every_method_by_every_form_of_the_path(world: World, form: str, method: str, status: int) -> None:
    world.open()
    raw = world.id_of()

    answer = world.call(method, raw, path=form.format(raw=raw, encoded=quote(raw, safe="")))

    assert answer.status == status


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"a": 1}', id="JSON"),
        pytest.param("käse 🧀".encode(), id="UTF-8"),
        pytest.param(b"", id="empty"),
        pytest.param(b"  blanks\n", id="blanks"),
    ],
)
def test_a_post_is_one_text_message_and_an_empty_200(world: World, data: bytes) -> None:
    client = world.open()

    answer = world.call("POST", world.id_of(), data)

    assert (answer.status, answer.body) == (200, b"")
    assert client.next() == Frame(TEXT, data)


def test_a_post_of_128_kb_comes_in_frames_of_32_kb(world: World) -> None:
    client = world.open()

    assert world.call("POST", world.id_of(), b"x" * MESSAGE).status == 200
    assert [len(frame.payload) for frame in client.message_frames()] == [32_768] * 4


def test_a_larger_post_is_413(world: World) -> None:
    client = world.open()

    answer = world.call("POST", world.id_of(), b"x" * (MESSAGE + 1))

    assert (answer.status, answer.header("x-amzn-ErrorType")) == (413, "PayloadTooLargeException")
    assert answer.json["message"]
    client.pinged()


@pytest.mark.parametrize(("assumed", "status"), [(NonUtf8Post.REPLACE, 200), (NonUtf8Post.REFUSE, 400)])
def test_a_post_that_is_not_utf8(make_world: MakeWorld, assumed: NonUtf8Post, status: int) -> None:
    world = make_world(assumptions={"non_utf8_post": assumed})
    client = world.open()

    assert world.call("POST", world.id_of(), b"a\xffb").status == status
    if status == 200:
        assert client.message() == "a\ufffdb"
    client.pinged()


@pytest.mark.parametrize("agent", ["probe/1.0", None])
def test_a_get_describes_the_connection(world: World, agent: str | None) -> None:
    headers = [("User-Agent", agent)] if agent else []
    client = world.open(*headers)
    client.text("hi")
    context = world.event("message")["requestContext"]

    answer = world.call("GET", world.id_of())

    document = answer.json
    assert list(document) == ["connectedAt", "identity", "lastActiveAt"]
    identity = {"sourceIp": "127.0.0.1"} | ({"userAgent": agent} if agent else {})
    assert list(document["identity"].items()) == list(identity.items())
    for key in ("connectedAt", "lastActiveAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document[key])
    at = datetime.fromtimestamp(context["connectedAt"] // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert document["connectedAt"] == f"{at}.{context['connectedAt'] % 1000:03d}Z"
    assert document["lastActiveAt"] >= document["connectedAt"]


def test_a_delete_answers_204_without_body(world: World) -> None:
    world.open()

    answer = world.call("DELETE", world.id_of())

    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("content-length") is None


# G7-G10: who is gone


@pytest.mark.parametrize("method", METHODS)
def test_a_made_up_id_is_gone(world: World, method: str) -> None:
    answer = world.call(method, MADE_UP, b"")

    assert (answer.status, answer.body) == (410, b"")
    assert answer.header("x-amzn-ErrorType") == "GoneException"


@pytest.mark.parametrize("method", METHODS)
def test_a_closed_connection_is_gone(world: World, method: str) -> None:
    world.open().close(1000)

    assert world.call(method, world.id_of()).status == 410


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrong", ["abc", "not-an-id-at-all", "H111mc0HywMCEEf", "H111mc0HywMCEE==", "ä" * 15 + "="])
def test_a_malformed_id_is_a_bad_request(world: World, method: str, wrong: str) -> None:
    answer = world.call(method, wrong)

    assert (answer.status, answer.header("x-amzn-ErrorType")) == (400, "BadRequestException")
    assert answer.json == {"message": f"Invalid connectionId: {wrong}"}


@pytest.mark.parametrize("method", METHODS)
def test_during_connect_the_connection_is_gone_too(world: World, method: str) -> None:
    gate = world.gate()
    client = world.upgrading(world.told(gate=gate.path))
    connection_id = world.id_of()

    status = world.call(method, connection_id, b"").status
    gate.open()
    client.opened()

    assert status == 410
    assert world.call("GET", connection_id).status == 200


def test_posting_to_oneself_in_connect_is_gone_by_the_usual_client(world: World) -> None:
    client = world.upgrading(world.told(post="too early"))
    client.opened()

    world.printed("connect", "GoneException 410")
    client.pinged()


def test_posting_to_oneself_from_a_message_arrives_by_the_usual_client(world: World) -> None:
    client = world.open()
    client.json(do={"post": "from myself"})

    assert client.message() == "from myself"


def test_a_message_may_be_posted_before_the_clients_first(world: World) -> None:
    client = world.open()
    world.call("POST", world.id_of(), b"welcome")

    assert client.message() == "welcome"


# G11-G13: who may call


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "not signed"])
@pytest.mark.parametrize(
    "path", ["/prod/@connections/{}", "/@connections/{}", "/dev/connections/{}", "/dev/@connections/"]
)
def test_another_stage_or_path_is_forbidden(world: World, path: str, *, signed: bool) -> None:
    target = path.format(MADE_UP)
    headers = world.signature("POST", target, b"x") if signed else []

    answer = world.http("POST", target, *headers, body=b"x")

    assert (answer.status, answer.json) == (403, {"message": "Forbidden"})
    assert answer.header("x-amzn-ErrorType") == "ForbiddenException"


@pytest.mark.parametrize("method", METHODS)
def test_a_call_without_signature_is_403(world: World, method: str) -> None:
    client = world.open()
    answer = world.http(method, f"/dev/@connections/{world.id_of()}", body=b"")

    assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})
    assert answer.header("x-amzn-ErrorType") == "MissingAuthenticationTokenException"
    client.pinged()


@pytest.mark.parametrize(
    ("authorization", "error_type"),
    [
        pytest.param("Bearer abc", "IncompleteSignatureException", id="a bearer token"),
        pytest.param("AWS4-HMAC-SHA256", "IncompleteSignatureException", id="nothing but the algorithm"),
        pytest.param(
            "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host",
            "IncompleteSignatureException",
            id="no signature",
        ),
        pytest.param(
            "AWS4-HMAC-SHA256 Credential=nonsense, SignedHeaders=host, Signature=00",
            "IncompleteSignatureException",
            id="malformed credential",
        ),
    ],
)
def test_a_malformed_signature_is_403(world: World, authorization: str, error_type: str) -> None:
    headers = [("Authorization", authorization), ("X-Amz-Date", "20260101T000000Z")]

    answer = world.http("POST", f"/dev/@connections/{MADE_UP}", *headers, body=b"x")

    assert (answer.status, answer.header("x-amzn-ErrorType")) == (403, error_type)


@pytest.mark.parametrize("what", ["secret", "body", "path", "service", "region", "date"])
def test_a_signature_over_something_else_is_403(world: World, what: str) -> None:
    client = world.open()
    target = f"/dev/%40connections/{quote(world.id_of(), safe='')}"
    credentials = Credentials(OWN.access_key, "wrong") if what == "secret" else OWN
    service = "lambda" if what == "service" else "execute-api"
    signed = target if what != "path" else f"/dev/%40connections/{quote(MADE_UP)}"
    region = "eu-west-1" if what == "region" else "us-east-1"
    headers = world.signature("POST", signed, b"x", credentials, (service, region))
    if what == "date":
        headers = [(name, "20200101T000000Z" if name == "X-Amz-Date" else value) for name, value in headers]

    answer = world.http("POST", target, *headers, body=b"y" if what == "body" else b"x")

    assert (answer.status, answer.header("x-amzn-ErrorType")) == (403, "InvalidSignatureException")
    client.pinged()


@pytest.mark.parametrize(
    "timestamp",
    ["20260231T000000Z", "99999999T999999Z", "".join(chr(0x660 + int(digit)) for digit in "20260101") + "T000000Z"],
)
def test_a_time_that_does_not_exist_is_403(world: World, timestamp: str) -> None:
    date = timestamp[:8]
    scope = f"a/{date}/us-east-1/execute-api/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    headers = [(n, v.encode().decode("latin-1")) for n, v in [("Authorization", signed), ("X-Amz-Date", timestamp)]]

    assert world.http("GET", f"/dev/@connections/{MADE_UP}", *headers).status == 403


def test_well_formed_signatures_with_a_key_only_aws_knows_are_taken(world: World) -> None:
    client = world.open()
    foreign = Credentials("ASIAQWERTYUIOPASDFGH", "some other secret", "token")

    assert world.call("POST", world.id_of(), b"hello", credentials=foreign).status == 200
    assert client.message() == "hello"


# G15-G21


def test_posts_one_after_the_other_arrive_in_that_order(world: World) -> None:
    client = world.open()
    for number in range(50):
        assert world.call("POST", world.id_of(), str(number).encode()).status == 200

    assert [client.message() for _ in range(50)] == [str(number) for number in range(50)]


def test_a_post_runs_no_function(world: World) -> None:
    client = world.open()
    world.call("POST", world.id_of(), b'{"action":"x"}')
    client.message()

    assert not world.events("message")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS"])
def test_another_method_lacks_an_authentication_token(world: World, method: str) -> None:
    answer = world.call(method, MADE_UP)

    assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})


@pytest.mark.parametrize("method", METHODS)
def test_every_answer_has_the_headers_of_execute_api(world: World, method: str) -> None:
    world.open()

    answer = world.call(method, world.id_of())

    assert re.fullmatch(r"[0-9a-f-]{36}", answer.header("x-amzn-RequestId") or "")
    assert re.fullmatch(r"[A-Za-z0-9_-]{15}=", answer.header("x-amz-apigw-id") or "")
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("Connection") == "keep-alive"
    assert (answer.header("Date") or "").endswith(" GMT")


def test_one_http_connection_serves_many_calls(world: World) -> None:
    client = world.open()
    target = f"/dev/@connections/{world.id_of()}"
    wire = world.wire()
    for number in range(3):
        body = json.dumps(number).encode()
        lines = [("Host", world.host), ("Content-Length", "1"), *world.signature("POST", target, body)]
        wire.send(f"POST {target} HTTP/1.1\r\n".encode() + b"".join(f"{n}: {v}\r\n".encode() for n, v in lines))
        wire.send(b"\r\n" + body)
        assert wire.answer().status == 200

    assert [client.message() for _ in range(3)] == ["0", "1", "2"]
