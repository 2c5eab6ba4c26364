from __future__ import annotations

import json
import re
from typing import Any

import pytest
from gateway_id_parts import decode
from gateway_world import (
    KEY,
    NOW_MS,
    OK,
    UPGRADE,
    authorized_stage,
    header,
    opened,
    returned,
    route,
    stage_of,
    upgrade,
)

from emulator.gateway.rules.connection import State
from emulator.gateway.rules.effects import (
    Accept,
    Decision,
    HttpAnswer,
    Invoke,
    NotInvoked,
    Raised,
    Result,
    TimedOut,
)
from emulator.gateway.rules.handshake import Handshake, UpgradeRequest, refuse_plain, refuse_request
from emulator.gateway.rules.ids import is_well_formed
from emulator.gateway.rules.limits import Limits
from emulator.gateway.rules.signature import MISMATCH, MISSING
from emulator.gateway.rules.stage import Stage
from streamer.errors import TopologyError
from streamer.topology import Throttle

ALLOW = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
ALLOWED = {"principalId": "p", "context": {"n": 1}, "policyDocument": {"Statement": [ALLOW]}}


def decide(stage: Stage, *results: Result, request: UpgradeRequest | None = None) -> Decision:
    """The last decision of a handshake whose functions answer like this."""
    return run(stage, *results, request=request)[0]


def run(stage: Stage, *results: Result, request: UpgradeRequest | None = None) -> tuple[Decision, Handshake]:
    handshake = Handshake(stage, request or upgrade(), NOW_MS)
    decision = handshake.begin(0.0, NOW_MS + 1)
    for result in results:
        assert isinstance(decision, Invoke)
        decision = handshake.resume(result, 0.0, NOW_MS + 5)
    return decision, handshake


def status(decision: Decision) -> int:
    return decision.status if isinstance(decision, HttpAnswer) else 101


# the URL and the request


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("/dev", 101, id="the stage"),
        pytest.param("/dev/", 101, id="trailing slash"),
        pytest.param("/dev?a=1", 101, id="query"),
        pytest.param("/dev/?a=1", 101, id="slash and query"),
        pytest.param("/d%65v", 101, id="percent-encoded"),
        pytest.param("/", 403, id="no stage"),
        pytest.param("/prod", 403, id="another stage"),
        pytest.param("/DEV", 403, id="another case"),
        pytest.param("/dev/chat", 403, id="extra path"),
        pytest.param("/dev//", 403, id="two slashes"),
        pytest.param("//dev", 403, id="slash before"),
        pytest.param("/dev?" + "a" * 4091, 101, id="4,096 characters"),
        pytest.param("/dev?" + "a" * 4092, 414, id="4,097 characters"),
    ],
)
def test_the_path_is_the_stage_and_nothing_else(target: str, expected: int) -> None:
    assert status(decide(stage_of(route("$default")), request=upgrade(target=target))) == expected


def test_a_wrong_stage_is_forbidden() -> None:
    decision = decide(stage_of(), request=upgrade(target="/other"))

    assert isinstance(decision, HttpAnswer)
    assert decision.body == b'{"message":"Forbidden"}'
    assert header(decision.headers, "x-amzn-ErrorType") == "ForbiddenException"


def test_a_plain_get_is_told_to_upgrade() -> None:
    plain = UpgradeRequest(target="/dev", headers=(("Host", "x"),), peer="192.0.2.1")

    decision = decide(stage_of(), request=plain)

    assert status(decision) == 426
    assert isinstance(decision, HttpAnswer)
    assert header(decision.headers, "Upgrade") == "websocket"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"Sec-WebSocket-Version": "8"}, 400, id="old version"),
        pytest.param({"Sec-WebSocket-Key": "short"}, 400, id="key that is no 16 bytes"),
        pytest.param({"Sec-WebSocket-Key": "A" * 24}, 400, id="key of 18 bytes"),
        pytest.param({"Sec-WebSocket-Key": f"{'A' * 22}==!"}, 400, id="key with more behind it"),
        pytest.param({"Sec-WebSocket-Key": "é"}, 400, id="key that is no ASCII"),
        pytest.param({"Upgrade": "h2c"}, 426, id="another protocol"),
        pytest.param({"Upgrade": "WebSocket"}, 101, id="any case"),
        pytest.param({"Connection": "keep-alive, Upgrade"}, 101, id="Firefox"),
        pytest.param({"Connection": "keep-alive"}, 426, id="no upgrade of this hop"),
    ],
)
def test_a_broken_upgrade_is_refused_before_any_function_runs(headers: dict[str, str], expected: int) -> None:
    sent = tuple({**dict(UPGRADE), **headers}.items())
    request = UpgradeRequest(target="/dev", headers=sent, peer="192.0.2.1")

    assert status(decide(stage_of(route("$default")), request=request)) == expected


@pytest.mark.parametrize("hosts", [(), ("x", "y")], ids=["none", "two"])
def test_an_upgrade_names_one_host(hosts: tuple[str, ...]) -> None:
    named = tuple(("Host", host) for host in hosts)
    rest = tuple(pair for pair in UPGRADE if pair[0] != "Host")
    request = UpgradeRequest(target="/dev", headers=(*named, *rest), peer="192.0.2.1")

    assert status(decide(stage_of(route("$default")), request=request)) == 400


def test_headers_may_have_10240_bytes_together() -> None:
    used = sum(len(name) + len(value) for name, value in UPGRADE)
    stage = stage_of(route("$default"))

    assert status(decide(stage, request=upgrade(("X", "x" * (10_240 - used - 1))))) == 101
    assert status(decide(stage, request=upgrade(("X", "x" * (10_240 - used))))) == 431


def test_a_request_the_shell_takes_for_plain_is_always_refused() -> None:
    assert refuse_plain(stage_of(), upgrade(), NOW_MS).status == 426
    assert refuse_plain(stage_of(), upgrade(target="/other"), NOW_MS).status == 403


def test_another_method_than_get_is_forbidden() -> None:
    plain = UpgradeRequest(target="/dev", headers=(), peer="192.0.2.1", method="POST")

    refusal = refuse_request(stage_of(), plain, NOW_MS)

    assert refusal is not None
    assert refusal.status == 403


# $connect


def test_the_client_waits_for_connect() -> None:
    decision, handshake = run(stage_of())

    assert isinstance(decision, Invoke)
    assert (decision.function, decision.route_key, decision.timeout_seconds) == ("on_connect", "$connect", 29.0)
    states = [handshake.connection.state]
    assert handshake.resume(OK, 0.0, NOW_MS) == Accept(None)
    states.append(handshake.connection.state)
    assert states == [State.CONNECTING, State.OPEN]


def test_what_is_to_be_invoked_is_written_to_no_log_with_its_event() -> None:
    decision = decide(stage_of(route("$connect")), request=upgrade(("Authorization", "Bearer secret")))

    assert isinstance(decision, Invoke)
    assert "secret" in str(decision.event)
    assert "secret" not in repr(decision)


def test_without_connect_route_every_client_is_accepted() -> None:
    decision, handshake = run(stage_of(route("$default")), request=upgrade(("Sec-WebSocket-Protocol", "a")))

    assert decision == Accept(None)
    assert handshake.connection.is_open


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        pytest.param({"statusCode": 200}, 101, id="200"),
        pytest.param({"statusCode": 201}, 101, id="201"),
        pytest.param({"statusCode": 204}, 101, id="204"),
        pytest.param({"statusCode": 299}, 101, id="299"),
        pytest.param({"statusCode": 300}, 300, id="300"),
        pytest.param({"statusCode": 301}, 301, id="301"),
        pytest.param({"statusCode": 400}, 400, id="400"),
        pytest.param({"statusCode": 401}, 401, id="401"),
        pytest.param({"statusCode": 403}, 403, id="403"),
        pytest.param({"statusCode": 418}, 418, id="418"),
        pytest.param({"statusCode": 499}, 499, id="unregistered"),
        pytest.param({"statusCode": 500}, 500, id="500"),
        pytest.param({"statusCode": 501}, 501, id="501"),
        pytest.param({"statusCode": 101}, 502, id="101 is not meant to be returned"),
        pytest.param(None, 502, id="None"),
        pytest.param({}, 502, id="no statusCode"),
        pytest.param("ok", 502, id="string"),
        pytest.param({"statusCode": 200, "body": {}}, 502, id="body is an object"),
        pytest.param({"statusCode": 200, "extra": 1}, 502, id="unknown key"),
    ],
)
def test_connect_decides_the_status_of_the_handshake(result: Any, expected: int) -> None:
    assert status(decide(stage_of(), returned(result))) == expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        pytest.param(Raised(b'{"errorMessage": "boom"}'), 502, id="raises"),
        pytest.param(Raised(b"{}", is_unreachable=True), 504, id="an endpoint does not answer"),
        pytest.param(NotInvoked("throttled"), 500, id="Lambda refuses"),
        pytest.param(TimedOut(), 504, id="too slow"),
    ],
)
def test_a_failing_connect_refuses_the_client(result: Result, expected: int) -> None:
    decision, handshake = run(stage_of(), result)

    assert status(decision) == expected
    assert handshake.connection.state is State.CLOSED
    assert handshake.connection.closed(1006, "", NOW_MS) is None


def test_the_body_and_headers_of_a_refusing_connect_stay_here() -> None:
    result = returned({"statusCode": 401, "body": "no such user", "headers": {"Set-Cookie": "a=b", "X-Mine": "1"}})

    decision, handshake = run(stage_of(), result)

    assert isinstance(decision, HttpAnswer)
    assert decision.body == b'{"message":"Unauthorized"}'
    assert {name for name, _ in decision.headers} == {
        "x-amzn-RequestId",
        "x-amz-apigw-id",
        "Content-Type",
        "x-amzn-ErrorType",
    }
    assert [warning.text for warning in handshake.warnings] == [
        "of what $connect answered, the client hears only the status: 401: no such user"
    ]


@pytest.mark.parametrize("result", [Raised(b"{}"), returned({"statusCode": 500})], ids=["raises", "says so"])
def test_a_failed_handshake_names_the_connection_and_the_request(result: Result) -> None:
    decision, handshake = run(stage_of(), result)

    assert isinstance(decision, HttpAnswer)
    body = json.loads(decision.body)
    assert body["message"] == "Internal server error"
    assert body["connectionId"] == handshake.connection_id
    assert is_well_formed(body["requestId"])
    assert is_well_formed(header(decision.headers, "x-amz-apigw-id") or "")
    assert header(decision.headers, "Content-Type") == "application/json"


def test_a_not_modified_refusal_has_no_body() -> None:
    decision = decide(stage_of(), returned({"statusCode": 304}))

    assert isinstance(decision, HttpAnswer)
    assert decision.body == b""


# ids and times


def test_the_id_carries_the_time_of_the_handshake_and_stays_the_same() -> None:
    decision, handshake = run(stage_of())

    assert isinstance(decision, Invoke)
    context = decision.event["requestContext"]
    assert decode(context["connectionId"]).matches(context["connectedAt"])
    assert decode(context["requestId"]).matches(context["requestTimeEpoch"])
    assert context["connectedAt"] == NOW_MS
    assert context["requestTimeEpoch"] == NOW_MS + 1
    assert context["connectionId"] == handshake.connection_id == handshake.connection.connection_id
    assert decision.request_id == context["requestId"]


def test_the_trace_id_has_the_second_of_connected_at() -> None:
    decision = decide(stage_of())

    assert isinstance(decision, Invoke)
    assert decision.event["headers"]["X-Amzn-Trace-Id"].startswith(f"Root=1-{NOW_MS // 1000:08x}-")


# subprotocols


@pytest.mark.parametrize(
    ("headers", "chosen"),
    [
        pytest.param({}, None, id="none returned"),
        pytest.param({"Sec-WebSocket-Protocol": "b"}, "b", id="returned"),
        pytest.param({"sec-websocket-protocol": "b"}, "b", id="any case"),
        pytest.param({"Sec-Websocket-Protocol": "a, b"}, "a, b", id="the list as it is, which browsers refuse"),
        pytest.param({"Sec-WebSocket-Protocol": ""}, None, id="empty"),
        pytest.param({"Set-Cookie": "x", "X-Other": "y"}, None, id="other headers are dropped"),
    ],
)
def test_only_connect_chooses_the_subprotocol(headers: dict[str, str], chosen: str | None) -> None:
    result = returned({"statusCode": 200, "headers": headers})

    decision = decide(stage_of(), result, request=upgrade(("Sec-WebSocket-Protocol", "a, b")))

    assert decision == Accept(chosen)


def test_a_subprotocol_may_be_returned_as_multi_value_header() -> None:
    result = returned({"statusCode": 200, "multiValueHeaders": {"Sec-WebSocket-Protocol": ["b"]}})

    assert decide(stage_of(), result, request=upgrade(("Sec-WebSocket-Protocol", "b"))) == Accept("b")


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x", "é", "a\x00"])
def test_a_subprotocol_cannot_smuggle_headers(value: str) -> None:
    result = returned({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": value}})

    assert status(decide(stage_of(), result)) == 502


@pytest.mark.parametrize(
    ("offered", "returned_headers", "warns"),
    [
        pytest.param("a, b", {}, True, id="offered, none returned"),
        pytest.param("a, b", {"Sec-WebSocket-Protocol": "c"}, True, id="not offered"),
        pytest.param("a, b", {"Sec-WebSocket-Protocol": "a"}, False, id="one of the offered"),
        pytest.param(None, {}, False, id="nothing offered"),
    ],
)
def test_the_developer_hears_of_subprotocols_browsers_refuse(
    offered: str | None, returned_headers: dict[str, str], warns: bool
) -> None:
    headers = [] if offered is None else [("Sec-WebSocket-Protocol", offered)]

    _, handshake = run(
        stage_of(), returned({"statusCode": 200, "headers": returned_headers}), request=upgrade(*headers)
    )

    assert bool(handshake.warnings) is warns


# the authorizer


def test_the_authorizer_runs_before_connect_and_shapes_its_event() -> None:
    stage = authorized_stage("route.request.header.X-Token")
    handshake = Handshake(stage, upgrade(("X-Token", "t")), NOW_MS)

    first = handshake.begin(0.0, NOW_MS + 1)
    second = handshake.resume(returned(ALLOWED), 0.0, NOW_MS + 42)

    assert isinstance(first, Invoke)
    assert (first.function, first.event["type"]) == ("authorize", "REQUEST")
    assert first.event["methodArn"] == "arn:aws:execute-api:eu-west-1:210987654321:z9y8x7w6v5/dev/$connect"
    assert isinstance(second, Invoke)
    context = second.event["requestContext"]
    assert context["authorizer"] == {"n": "1", "principalId": "p", "integrationLatency": 41}
    assert context["connectionId"] == first.event["requestContext"]["connectionId"]
    assert context["requestId"] != first.event["requestContext"]["requestId"]
    assert handshake.resume(OK, 0.0, NOW_MS + 50) == Accept(None)


@pytest.mark.parametrize(
    "headers",
    [pytest.param((), id="missing"), pytest.param((("X-Token", ""),), id="empty")],
)
def test_without_identity_the_authorizer_is_not_called(headers: tuple[tuple[str, str], ...]) -> None:
    decision = decide(authorized_stage("route.request.header.X-Token"), request=upgrade(*headers))

    assert isinstance(decision, HttpAnswer)
    assert decision.status == 401
    assert decision.body == b'{"message":"Unauthorized"}'


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        pytest.param(
            returned({**ALLOWED, "policyDocument": {"Statement": [{**ALLOW, "Effect": "Deny"}]}}), 403, id="deny"
        ),
        pytest.param(
            returned({**ALLOWED, "policyDocument": {"Statement": [{**ALLOW, "Resource": "arn:x"}]}}),
            403,
            id="another resource",
        ),
        pytest.param(Raised(b'{"errorMessage": "Unauthorized"}'), 401, id="Unauthorized"),
        pytest.param(Raised(b'{"errorMessage": "boom"}'), 500, id="raises"),
        pytest.param(returned(None), 500, id="malformed"),
        pytest.param(TimedOut(), 500, id="too slow"),
        pytest.param(NotInvoked("throttled"), 500, id="Lambda refuses"),
    ],
)
def test_the_authorizers_verdict_is_the_status(result: Result, expected: int) -> None:
    decision, handshake = run(authorized_stage(), result)

    assert status(decision) == expected
    assert handshake.connection.state is State.CLOSED


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"Effect": "Deny"},
            "User is not authorized to access this resource with an explicit deny in an identity-based policy",
        ),
        ({"Resource": "arn:x"}, "User is not authorized to access this resource"),
    ],
)
def test_who_a_policy_does_not_let_in_is_told_so(changed: dict[str, str], message: str) -> None:
    denied = returned({**ALLOWED, "policyDocument": {"Statement": [{**ALLOW, **changed}]}})

    decision, _ = run(authorized_stage(), denied)

    assert isinstance(decision, HttpAnswer)
    assert decision.body == f'{{"message":"{message}"}}'.encode()
    assert dict(decision.headers)["x-amzn-ErrorType"] == "AccessDeniedException"


def test_an_authorizer_without_connect_function_is_impossible_but_identity_sources_may_be_none() -> None:
    assert isinstance(decide(authorized_stage()), Invoke)


def test_authorizer_data_stay_with_the_connection() -> None:
    connection = opened(authorized_stage(), authorizer=returned(ALLOWED))

    [invoke] = connection.receive_text("{}", 1.0, NOW_MS + 100)
    assert isinstance(invoke, Invoke)
    gone = connection.closed(1005, "", NOW_MS + 200)

    assert invoke.event["requestContext"]["authorizer"] == {"n": "1", "principalId": "p"}
    assert gone is not None
    assert gone.event["requestContext"]["authorizer"] == {"n": "1", "principalId": "p"}


def test_the_authorizer_runs_for_every_attempt() -> None:
    stage = authorized_stage()

    for _ in range(3):
        first = decide(stage)
        assert isinstance(first, Invoke)
        assert first.function == "authorize"


# IAM and API keys


@pytest.mark.parametrize(
    ("flaw", "expected", "error_type"),
    [
        pytest.param(MISSING, 403, "MissingAuthenticationTokenException", id="not signed"),
        pytest.param(MISMATCH, 403, "InvalidSignatureException", id="wrongly signed"),
        pytest.param(None, 101, None, id="signed"),
    ],
)
def test_iam_needs_a_signed_upgrade(flaw: Any, expected: int, error_type: str | None) -> None:
    stage = stage_of(route("$connect", iam=True))
    results = [OK] if flaw is None else []

    decision = decide(stage, *results, request=upgrade(flaw=flaw))

    assert status(decision) == expected
    if isinstance(decision, HttpAnswer):
        assert header(decision.headers, "x-amzn-ErrorType") == error_type


def test_the_events_of_a_client_that_signed_say_who_it_is() -> None:
    signer = {"accessKey": "AKIDEXAMPLE", "userArn": "arn:aws:iam::210987654321:user/ada"}
    stage = stage_of(route("$connect", iam=True), route("$disconnect"))
    handshake = Handshake(stage, upgrade(flaw=None, signer=signer), NOW_MS)

    asked = handshake.begin(0.0, NOW_MS)
    handshake.resume(OK, 0.0, NOW_MS)
    left = handshake.connection.closed(1000, "", NOW_MS)

    assert isinstance(asked, Invoke)
    assert left is not None
    for event in (asked.event, left.event):
        identity = event["requestContext"]["identity"]
        assert identity.items() >= signer.items()
        assert identity["sourceIp"] == "192.0.2.9"


def test_without_iam_a_signature_does_not_matter() -> None:
    assert decide(stage_of(), OK, request=upgrade(flaw=MISSING)) == Accept(None)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param((), 403, id="missing"),
        pytest.param((("X-API-Key", "wrong"),), 403, id="wrong"),
        pytest.param((("X-API-Key", "key-1"),), 101, id="right"),
    ],
)
def test_an_api_key_may_be_required(headers: tuple[tuple[str, str], ...], expected: int) -> None:
    stage = stage_of(route("$connect", api_key_required=True), api_keys=("key-0", "key-1"))
    results = [OK] if expected == 101 else []

    assert status(decide(stage, *results, request=upgrade(*headers))) == expected


def test_every_event_of_a_client_with_an_api_key_says_which() -> None:
    keys = ("key-0", "key-1")
    stage = stage_of(route("$connect", api_key_required=True), api_keys=keys)
    identities = []
    for key in keys:
        handshake = Handshake(stage, upgrade(("x-api-key", key)), now_ms=NOW_MS)
        asked = handshake.begin(0.0, 0)
        assert isinstance(asked, Invoke)
        identities.append(asked.event["requestContext"]["identity"])

    assert [each["apiKey"] for each in identities] == list(keys)
    assert all(re.fullmatch("[0-9a-z]{10}", each["apiKeyId"]) for each in identities)
    assert identities[0]["apiKeyId"] != identities[1]["apiKeyId"]


def test_without_a_need_of_an_api_key_no_event_has_one() -> None:
    asked = Handshake(stage_of(), upgrade(("x-api-key", "key-1")), now_ms=NOW_MS).begin(0.0, 0)

    assert isinstance(asked, Invoke)
    assert "apiKey" not in asked.event["requestContext"]["identity"]


@pytest.mark.parametrize(("key", "expected"), [("key-1", 101), ("wrong", 403), (None, 403)])
def test_the_authorizer_may_name_the_api_key(key: str | None, expected: int) -> None:
    stage = stage_of(
        route("$connect", authorizer="auth", api_key_required=True),
        authorizers=authorized_stage().api.authorizers,
        api_keys=("key-1",),
        api_key_selection_expression="$context.authorizer.usageIdentifierKey",
    )
    answers = [returned({**ALLOWED, "usageIdentifierKey": key})] + ([OK] if expected == 101 else [])

    assert status(decide(stage, *answers)) == expected


def test_another_api_key_selection_expression_is_refused_when_the_stage_is_made() -> None:
    with pytest.raises(TopologyError, match="API key selection expression"):
        stage_of(api_key_selection_expression="$request.header.mine")


@pytest.mark.parametrize(
    ("target", "headers", "expected"),
    [
        pytest.param("/dev", (), 400, id="nothing"),
        pytest.param("/dev?room=1", (), 400, id="the header is missing"),
        pytest.param("/dev?room=", (("X-User", "a"),), 400, id="empty"),
        pytest.param("/dev?room=1", (("x-user", "a"),), 101, id="both"),
    ],
)
@pytest.mark.parametrize("kind", ["", "multivalue"])
def test_request_parameters_may_be_required(
    target: str, headers: tuple[tuple[str, str], ...], expected: int, kind: str
) -> None:
    required = (f"route.request.{kind}querystring.room", f"route.request.{kind}header.X-User")
    stage = stage_of(route("$connect", required_parameters=required))
    results = [OK] if expected == 101 else []

    assert status(decide(stage, *results, request=upgrade(*headers, target=target))) == expected


# throttling and time-outs


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(lambda: stage_of(limits=Limits(connections=Throttle(rate=1, burst=1))), id="new connections"),
        pytest.param(lambda: stage_of(limits=Limits(account=Throttle(rate=1, burst=1))), id="account"),
        pytest.param(lambda: stage_of(throttle=Throttle(rate=1, burst=1)), id="stage"),
        pytest.param(lambda: stage_of(route("$connect", throttle=Throttle(rate=1, burst=1))), id="route"),
    ],
)
def test_a_throttled_handshake_gets_429(stage: Any) -> None:
    made = stage()

    first, second = decide(made), decide(made)

    assert isinstance(first, Invoke)
    assert isinstance(second, HttpAnswer)
    assert second.status == 429
    assert second.body == b'{"message":"Too Many Requests"}'
    assert header(second.headers, "x-amzn-ErrorType") == "TooManyRequestsException"


def test_nothing_is_throttled_unless_asked_for() -> None:
    stage = stage_of()

    assert all(isinstance(decide(stage), Invoke) for _ in range(2_000))


def test_the_integration_timeout_is_the_routes_but_at_most_the_limit() -> None:
    short = stage_of(route("$connect", integration_timeout_seconds=5.0))
    capped = stage_of(route("$connect"), limits=Limits(integration_timeout_seconds=2.0))

    for stage, expected in ((short, 5.0), (capped, 2.0)):
        decision = decide(stage)
        assert isinstance(decision, Invoke)
        assert decision.timeout_seconds == expected


def test_the_sec_websocket_key_of_the_tests_is_valid() -> None:
    assert len(KEY) == 24
