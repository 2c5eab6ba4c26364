from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from gateway_world import NOW_MS, header, opened, route, stage_of, upgrade
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.gateway.rules.assumptions import Assumptions, NonUtf8Post
from emulator.gateway.rules.connection import Connection
from emulator.gateway.rules.effects import Close, Send, Warn
from emulator.gateway.rules.handshake import Handshake
from emulator.gateway.rules.ids import is_well_formed
from emulator.gateway.rules.limits import Limits
from emulator.gateway.rules.management import (
    ManagementAnswer,
    ManagementRequest,
    ManagementTarget,
    handle,
    parse_path,
    without_stage,
)
from emulator.gateway.rules.signature import MISMATCH, MISSING
from emulator.gateway.rules.stage import Stage
from streamer.topology import Throttle

ID = "WgQ2HdS5oAMCKkw="


def call(
    method: str,
    stage: Stage,
    connection: Connection | None,
    body: bytes = b"",
    *,
    now: float = 10.0,
    **settings: Any,
) -> ManagementAnswer:
    connection_id = ID if connection is None else connection.connection_id
    settings = {"target": ManagementTarget("dev", connection_id), **settings}
    return handle(stage, ManagementRequest(method=method, body=body, **settings), connection, now, NOW_MS + 10_000)


# paths


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(f"/dev/@connections/{ID}", ManagementTarget("dev", ID), id="raw"),
        pytest.param("/dev/%40connections/WgQ2HdS5oAMCKkw%3D", ManagementTarget("dev", ID), id="as SDKs send it"),
        pytest.param("/dev/@connections/WgQ2HdS5oAMCKkw%3d", ManagementTarget("dev", ID), id="lower-case escape"),
        pytest.param(f"/dev/%40connections/{ID}/", ManagementTarget("dev", ID), id="trailing slash"),
        pytest.param("/dev/@connections/not-an-id", ManagementTarget("dev", "not-an-id"), id="malformed id"),
        pytest.param("/a%20b/@connections/x", ManagementTarget("a b", "x"), id="encoded stage"),
        pytest.param(f"/@connections/{ID}", None, id="no stage"),
        pytest.param("/dev/@connections", None, id="no id"),
        pytest.param("/dev/@connections/", None, id="empty id"),
        pytest.param(f"/dev/x/@connections/{ID}", None, id="extra path before"),
        pytest.param(f"/dev/@connections/{ID}/x", None, id="extra path after"),
        pytest.param("/dev/@connections/a%2Fb", None, id="encoded slash"),
        pytest.param("/dev", None, id="the stage"),
        ("/dev//@connections/A%3D", ManagementTarget("dev", "A=")),
        ("/dev///@connections/A%3D", None),
    ],
)
def test_paths_are_read_raw_and_encoded(path: str, expected: ManagementTarget | None) -> None:
    assert parse_path(path) == expected


@pytest.mark.parametrize("stage", ["dev", ""])
@pytest.mark.parametrize("path", ["/@connections/A=", "/%40connections/A%3D"])
def test_a_path_without_a_stage_means_the_only_one_or_none(path: str, stage: str) -> None:
    assert without_stage(path, stage) == ManagementTarget(stage, "A=")


@pytest.mark.parametrize("path", ["/", "/@connections", "/dev/@connections/A", "/x/y"])
def test_another_path_has_no_target_without_a_stage(path: str) -> None:
    assert without_stage(path, "dev") is None


@given(st.text(max_size=40))
@settings(max_examples=80)
def test_any_path_is_a_target_or_none(path: str) -> None:
    assert isinstance(parse_path(path), ManagementTarget | None)


@given(st.text(min_size=1, max_size=16).filter(lambda text: "/" not in text))
@settings(max_examples=80)
def test_encoding_an_id_into_a_path_loses_nothing(connection_id: str) -> None:
    try:
        encoded = quote(connection_id, safe="")
    except UnicodeEncodeError:
        return

    found = parse_path(f"/dev/%40connections/{encoded}")

    assert found in (ManagementTarget("dev", connection_id), None)
    assert found is not None or "\n" in connection_id


# the three methods


def test_a_post_is_one_text_message_and_an_empty_200() -> None:
    stage = stage_of()
    answer = call("POST", stage, opened(stage), "grüße".encode())

    assert answer.effects == (Send("grüße"),)
    assert (answer.response.status, answer.response.body) == (200, b"")


def test_posts_arrive_in_the_order_of_their_answers() -> None:
    stage = stage_of()
    connection = opened(stage)

    sent = [effect for n in range(5) for effect in call("POST", stage, connection, str(n).encode()).effects]

    assert sent == [Send(str(n)) for n in range(5)]


def test_a_post_never_runs_a_function() -> None:
    stage = stage_of()

    answer = call("POST", stage, opened(stage), b'{"action":"join"}')

    assert list(answer.effects) == [Send('{"action":"join"}')]


def test_a_get_describes_the_connection() -> None:
    stage = stage_of()
    connection = opened(stage, ("User-Agent", "wscat"))
    connection.post("x", 4.0)

    answer = call("GET", stage, connection)

    assert answer.response.status == 200
    assert answer.response.body.decode() == (
        '{"connectedAt":"2026-01-01T12:00:00.345Z","identity":{"sourceIp":"192.0.2.9","userAgent":"wscat"},'
        '"lastActiveAt":"2026-01-01T12:00:04.345Z"}'
    )


def test_a_get_omits_the_user_agent_of_a_client_without_one() -> None:
    stage = stage_of()

    answer = call("GET", stage, opened(stage))

    assert json.loads(answer.response.body)["identity"] == {"sourceIp": "192.0.2.9"}


def test_a_delete_closes_with_1000_and_answers_204() -> None:
    stage = stage_of()
    connection = opened(stage)

    answer = call("DELETE", stage, connection)

    assert (answer.response.status, answer.response.body) == (204, b"")
    assert answer.effects == (Close(1000, "Connection Closed Normally"),)
    assert call("DELETE", stage, connection).response.status == 410


def test_every_answer_has_the_headers_of_execute_api() -> None:
    stage = stage_of()

    for answer in (call("POST", stage, opened(stage), b"x"), call("POST", stage, None, b"x")):
        headers = answer.response.headers
        assert len(header(headers, "x-amzn-RequestId") or "") == 36
        assert is_well_formed(header(headers, "x-amz-apigw-id") or "")
        assert header(headers, "Content-Type") == "application/json"


# refusals


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_an_unknown_connection_is_gone_with_an_empty_body(method: str) -> None:
    answer = call(method, stage_of(), None)

    assert (answer.response.status, answer.response.body) == (410, b"")
    assert header(answer.response.headers, "x-amzn-ErrorType") == "GoneException"


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_during_connect_the_connection_is_gone_too(method: str) -> None:
    stage = stage_of()
    handshake = Handshake(stage, upgrade(), NOW_MS)
    handshake.begin(0.0, NOW_MS)

    assert call(method, stage, handshake.connection).response.status == 410


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_during_disconnect_the_connection_is_gone(method: str) -> None:
    stage = stage_of()
    connection = opened(stage)
    connection.closed(1000, "", NOW_MS)

    assert call(method, stage, connection).response.status == 410


def test_a_drop_that_nobody_noticed_yet_still_answers_200() -> None:
    stage = stage_of()
    connection = opened(stage)

    before = call("POST", stage, connection, b"x").response.status
    connection.closed(1006, "", NOW_MS)

    assert (before, call("POST", stage, connection, b"x").response.status) == (200, 410)


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_malformed_id_is_a_bad_request(method: str) -> None:
    answer = call(method, stage_of(), None, target=ManagementTarget("dev", 'no"id'))

    assert answer.response.status == 400
    assert json.loads(answer.response.body) == {"message": 'Invalid connectionId: no"id'}
    assert header(answer.response.headers, "x-amzn-ErrorType") == "BadRequestException"


def test_a_made_up_id_that_looks_right_is_gone() -> None:
    assert call("POST", stage_of(), None, target=ManagementTarget("dev", "H111mc0HywMCEEf=")).response.status == 410


@pytest.mark.parametrize(("size", "status"), [(131_072, 200), (131_073, 413)])
def test_a_post_has_at_most_128_kb(size: int, status: int) -> None:
    stage = stage_of()

    answer = call("POST", stage, opened(stage), b"x" * size)

    assert answer.response.status == status
    assert call("GET", stage, opened(stage), b"x" * size).response.status == 200
    if status == 413:
        assert header(answer.response.headers, "x-amzn-ErrorType") == "PayloadTooLargeException"
        assert answer.effects == ()
        assert "message" in json.loads(answer.response.body)


@pytest.mark.parametrize("named", ["prod", ""])
@pytest.mark.parametrize("flaw", [None, MISSING])
def test_a_wrong_stage_is_forbidden_signed_or_not(flaw: Any, named: str) -> None:
    stage = stage_of()

    answer = call("POST", stage, opened(stage), b"x", target=ManagementTarget(named, ID), flaw=flaw)

    assert answer.response.status == 403
    assert answer.response.body == b'{"message":"Forbidden"}'
    assert header(answer.response.headers, "x-amzn-ErrorType") == "ForbiddenException"
    assert answer.warning is not None
    assert f"those of {stage.api.name} are at /{stage.api.stage}/@connections/" in answer.warning


@pytest.mark.parametrize(
    ("flaw", "error_type", "message"),
    [
        pytest.param(MISSING, "MissingAuthenticationTokenException", "Missing Authentication Token", id="not signed"),
        pytest.param(MISMATCH, "InvalidSignatureException", MISMATCH.message, id="wrongly signed"),
    ],
)
def test_a_call_must_be_signed(flaw: Any, error_type: str, message: str) -> None:
    stage = stage_of()

    answer = call("POST", stage, opened(stage), b"x", flaw=flaw)

    assert answer.response.status == 403
    assert json.loads(answer.response.body) == {"message": message}
    assert header(answer.response.headers, "x-amzn-ErrorType") == error_type
    assert answer.effects == ()


def test_who_may_not_call_is_told_so_in_awss_words() -> None:
    stage = stage_of()

    answer = call("POST", stage, opened(stage), b"x", denial="User: x is not authorized")

    assert answer.response.status == 403
    assert json.loads(answer.response.body) == {"Message": "User: x is not authorized"}
    assert header(answer.response.headers, "x-amzn-ErrorType") == "AccessDeniedException"
    assert answer.effects == ()


def test_a_wrong_signature_counts_before_what_its_key_may_do() -> None:
    stage = stage_of()

    answer = call("POST", stage, opened(stage), b"x", flaw=MISMATCH, denial="User: x is not authorized")

    assert header(answer.response.headers, "x-amzn-ErrorType") == "InvalidSignatureException"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD"])
def test_another_method_lacks_an_authentication_token(method: str) -> None:
    stage = stage_of()

    answer = call(method, stage, opened(stage))

    assert answer.response.status == 403
    assert json.loads(answer.response.body) == {"message": "Missing Authentication Token"}


def test_a_slow_reader_gets_no_more() -> None:
    stage = stage_of()

    answer = call("POST", stage, opened(stage), b"x", is_buffer_full=True)

    assert answer.response.status == 429
    assert header(answer.response.headers, "x-amzn-ErrorType") == "LimitExceededException"
    assert answer.effects == ()


def test_calls_share_the_accounts_throttle() -> None:
    stage = stage_of(route("$default"), limits=Limits(account=Throttle(rate=1, burst=2)))
    connection = opened(stage)

    statuses = [call("POST", stage, connection, b"x", now=0.0).response.status for _ in range(2)]

    assert statuses == [200, 429]


def test_bytes_that_are_not_utf8_are_replaced_with_a_warning_or_refused() -> None:
    replacing = stage_of()
    refusing = stage_of(assumptions=Assumptions(non_utf8_post=NonUtf8Post.REFUSE))

    replaced = call("POST", replacing, opened(replacing), b"a\xffb")
    refused = call("POST", refusing, opened(refusing), b"a\xffb")

    assert replaced.response.status == 200
    assert replaced.effects[0] == Send("a\ufffdb")
    assert isinstance(replaced.effects[1], Warn)
    assert (refused.response.status, refused.effects) == (400, ())
