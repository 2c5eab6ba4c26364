from __future__ import annotations

import math
from typing import Any

import pytest
from gateway_id_parts import decode
from gateway_world import NOW_MS, OK, opened, returned, route, stage_of, upgrade

from emulator.gateway.rules.assumptions import Assumptions
from emulator.gateway.rules.connection import TRANSITIONS, Connection, State, failure_of_disconnect
from emulator.gateway.rules.effects import (
    Close,
    Effect,
    Invoke,
    NotInvoked,
    Raised,
    Result,
    Send,
    TimedOut,
    Warn,
)
from emulator.gateway.rules.handshake import Handshake
from emulator.gateway.rules.limits import Limits
from streamer.topology import Throttle

ROUTES = (route("$connect"), route("$disconnect"), route("$default"), route("join"))


def visible(effects: list[Effect]) -> list[Effect]:
    """What happens besides warnings."""
    return [effect for effect in effects if not isinstance(effect, Warn)]


def invoked(connection: Connection, text: str = '{"action":"join"}', now: float = 1.0) -> Invoke:
    [invoke] = connection.receive_text(text, now, NOW_MS + 1000)
    assert isinstance(invoke, Invoke)
    return invoke


# messages


def test_a_message_runs_its_route() -> None:
    connection = opened(stage_of(*ROUTES))

    invoke = invoked(connection)

    context = invoke.event["requestContext"]
    assert (invoke.function, invoke.route_key, invoke.wants_reply) == ("on_join", "join", False)
    assert (context["routeKey"], context["eventType"]) == ("join", "MESSAGE")
    assert context["connectionId"] == connection.connection_id
    assert decode(context["messageId"]).host == decode(connection.connection_id).host
    assert decode(context["messageId"]).matches(context["requestTimeEpoch"])
    assert invoke.request_id == context["requestId"]


@pytest.mark.parametrize("text", [' {"action": "join"}\n', "{broken", "äöü 😀", '{"action":"join", body:1}', " "])
def test_the_body_is_the_exact_text(text: str) -> None:
    assert invoked(opened(stage_of(*ROUTES)), text).event["body"] == text


@pytest.mark.parametrize(("assumptions", "body"), [(Assumptions(), ""), (Assumptions(empty_message_body=None), None)])
def test_an_empty_message_reaches_the_default_route(assumptions: Assumptions, body: str | None) -> None:
    invoke = invoked(opened(stage_of(*ROUTES, assumptions=assumptions)), "")

    assert invoke.route_key == "$default"
    assert invoke.event["body"] == body


def test_without_route_and_default_the_client_is_told_forbidden() -> None:
    connection = opened(stage_of(route("join")))

    effects = connection.receive_text('{"action":"other"}', 1.0, NOW_MS)

    [send] = visible(effects)
    assert isinstance(send, Send)
    assert send.text.startswith(f'{{"message": "Forbidden", "connectionId":"{connection.connection_id}", "requestId":"')
    assert connection.is_open


def test_a_client_cannot_reach_connect_by_a_message() -> None:
    assert invoked(opened(stage_of(*ROUTES)), '{"action":"$connect"}').route_key == "$default"


def test_each_message_has_ids_of_its_own() -> None:
    connection = opened(stage_of(*ROUTES))

    contexts = [invoked(connection).event["requestContext"] for _ in range(3)]

    assert len({context["messageId"] for context in contexts}) == 3
    assert len({context["requestId"] for context in contexts}) == 3


def test_several_messages_may_run_at_once_and_answer_in_any_order() -> None:
    connection = opened(stage_of(route("join", route_response=True)))
    first, second = invoked(connection), invoked(connection)

    assert connection.replied(second, returned({"statusCode": 200, "body": "2"}), 2.0) == [Send("2")]
    assert connection.replied(first, returned({"statusCode": 200, "body": "1"}), 3.0) == [Send("1")]


# results


@pytest.mark.parametrize("status", [200, 201, 301, 401, 501])
def test_without_route_response_results_are_invisible(status: int) -> None:
    connection = opened(stage_of(*ROUTES))

    effects = connection.replied(invoked(connection), returned({"statusCode": status, "body": "x"}), 2.0)

    assert visible(effects) == []
    assert connection.is_open


@pytest.mark.parametrize(
    ("result", "said"),
    [
        pytest.param({"statusCode": 301, "body": "x"}, None, id="below 400"),
        pytest.param({"statusCode": 400}, "400", id="without a body"),
        pytest.param({"statusCode": 500, "body": "TypeError: x\n    at y"}, "500: TypeError: x at y", id="a traceback"),
        pytest.param({"statusCode": 500, "body": "x" * 500}, f"500: {'x' * 200}", id="a long body"),
    ],
)
def test_the_developer_hears_of_failures_that_no_client_does(result: Any, said: str | None) -> None:
    connection = opened(stage_of(*ROUTES))

    effects = connection.replied(invoked(connection), returned(result), 2.0)

    heard = [
        effect.text.removeprefix("no client hears of the answer, for the route has no route response: ")
        for effect in effects
        if isinstance(effect, Warn)
    ]
    assert heard == ([] if said is None else [said])
    assert connection.last_active == 1.0
    assert failure_of_disconnect(returned(result)) == said


@pytest.mark.parametrize(
    ("result", "effects"),
    [
        pytest.param({"statusCode": 200, "body": " as is "}, [Send(" as is ")], id="body as it is"),
        pytest.param({"statusCode": 500, "body": "x"}, [Send("x")], id="whatever the status"),
        pytest.param({"statusCode": 200, "headers": {"A": "b"}, "body": "x"}, [Send("x")], id="no headers"),
        pytest.param({"statusCode": 200}, [], id="no body"),
        pytest.param({"statusCode": 200, "body": None}, [], id="null body"),
    ],
)
def test_a_route_response_sends_the_body(result: Any, effects: list[Effect]) -> None:
    connection = opened(stage_of(route("join", route_response=True)))
    invoke = invoked(connection)

    assert invoke.wants_reply
    assert connection.replied(invoke, returned(result), 2.0) == effects


@pytest.mark.parametrize(
    ("result", "message"),
    [
        pytest.param(Raised(b'{"errorMessage": "boom"}'), "Internal server error", id="raised"),
        pytest.param(NotInvoked("throttled"), "Internal server error", id="not invoked"),
        pytest.param(TimedOut(), "Endpoint request timed out", id="timed out"),
        pytest.param(
            returned({"ConnectionId": "x", "Data": "y", "statusCode": 200}), "Internal server error", id="keys"
        ),
        pytest.param(returned({"statusCode": 200, "body": {}}), "Internal server error", id="body no string"),
        pytest.param(returned("ok"), "Internal server error", id="string"),
        pytest.param(returned(None), "Internal server error", id="None"),
    ],
)
@pytest.mark.parametrize("route_response", [False, True])
def test_errors_are_told_even_on_one_way_routes(result: Result, message: str, route_response: bool) -> None:
    connection = opened(stage_of(route("join", route_response=route_response)))
    invoke = invoked(connection)

    [send] = visible(connection.replied(invoke, result, 2.0))

    expected = f'"connectionId":"{connection.connection_id}", "requestId":"{invoke.request_id}"}}'
    assert send == Send(f'{{"message": "{message}", {expected}')
    assert connection.is_open


def test_a_result_of_none_warns_loudly_and_may_be_tolerated() -> None:
    strict, lenient = (
        opened(stage_of(*ROUTES, assumptions=Assumptions(none_result_is_error=is_error))) for is_error in (True, False)
    )

    strictly = strict.replied(invoked(strict), returned(None), 2.0)
    leniently = lenient.replied(invoked(lenient), returned(None), 2.0)

    assert [type(effect) for effect in strictly] == [Send, Warn]
    assert [type(effect) for effect in leniently] == [Warn]
    assert (strict.last_active, lenient.last_active) == (2.0, 1.0)  # what only the developer hears is no activity


def test_a_result_without_a_status_may_be_tolerated() -> None:
    stage = stage_of(route("join", route_response=True), assumptions=Assumptions(missing_status_is_error=False))
    connection = opened(stage)

    assert connection.replied(invoked(connection), returned({"body": "x"}), 2.0) == [Send("x")]


def test_a_route_response_over_128_kb_is_an_error() -> None:
    connection = opened(stage_of(route("join", route_response=True)))
    results = (returned({"statusCode": 200, "body": "x" * size}) for size in (131_072, 131_073))

    fits, too_big = (visible(connection.replied(invoked(connection), result, 2.0)) for result in results)

    assert fits == [Send("x" * 131_072)]
    assert "Internal server error" in str(too_big)


def test_half_a_surrogate_pair_is_replaced_because_no_frame_can_carry_it() -> None:
    connection = opened(stage_of(route("join", route_response=True)))

    effects = connection.replied(invoked(connection), returned({"statusCode": 200, "body": "a\ud800b😀é"}), 2.0)

    assert effects == [Send("a\ufffdb😀é")]


def test_nothing_is_sent_after_the_end() -> None:
    connection = opened(stage_of(route("join", route_response=True)))
    invoke = invoked(connection)
    connection.delete()

    assert connection.replied(invoke, Raised(b"{}"), 2.0) == []
    assert connection.post("x", 2.0) == []
    assert connection.receive_text("{}", 2.0, NOW_MS) == []
    assert connection.receive_binary() == []
    assert connection.failed(NOW_MS) == []
    assert connection.expire(1e9) == []


# limits


def test_a_binary_message_closes_with_1003() -> None:
    connection = opened(stage_of(*ROUTES))

    assert visible(connection.receive_binary()) == [Close(1003, "Binary is not supported")]
    assert connection.state is State.CLOSING


def test_a_message_of_128_kb_passes_and_a_larger_one_closes_with_1009() -> None:
    connection = opened(stage_of(*ROUTES))

    assert isinstance(connection.receive_text("x" * 131_072, 1.0, NOW_MS)[0], Invoke)
    assert visible(connection.receive_text("é" * 65_537, 1.0, NOW_MS)) == [Close(1009, "")]


def test_a_frame_the_shell_found_too_big_closes_with_1009() -> None:
    effects = opened(stage_of(*ROUTES)).too_big(41_210)

    assert visible(effects) == [Close(1009, "Max frame length of 32768 has been exceeded.")]
    assert "a frame of 41,210 bytes: 32,768 at most" in str(effects)


def test_silence_for_ten_minutes_closes_with_1001() -> None:
    connection = opened(stage_of(*ROUTES), now=100.0)

    assert connection.deadline() == 700.0
    assert connection.expire(699.9) == []
    assert connection.expire(700.0) == [Close(1001, "Going away")]


@pytest.mark.parametrize(
    "activity",
    [
        pytest.param(lambda c: c.receive_text("{}", 500.0, NOW_MS), id="client message"),
        pytest.param(lambda c: c.post("x", 500.0), id="POST"),
        pytest.param(lambda c: c.replied(invoked(c, now=1.0), Raised(b"{}"), 500.0), id="error frame"),
    ],
)
def test_messages_in_either_direction_count_as_activity(activity: Any) -> None:
    connection = opened(stage_of(*ROUTES))

    activity(connection)

    assert connection.deadline() == 1100.0


def test_an_invisible_result_is_no_activity() -> None:
    connection = opened(stage_of(*ROUTES))
    connection.replied(invoked(connection, now=1.0), OK, 500.0)

    assert connection.deadline() == 601.0


@pytest.mark.parametrize(("resets", "deadline"), [(False, 600.0), (True, 1100.0)])
def test_a_ping_does_not_count_as_activity_unless_assumed(resets: bool, deadline: float) -> None:
    connection = opened(stage_of(*ROUTES, assumptions=Assumptions(ping_resets_idle=resets)))

    connection.receive_ping(500.0)

    assert connection.deadline() == deadline


def test_a_busy_connection_ends_after_two_hours() -> None:
    connection = opened(stage_of(*ROUTES))
    for minute in range(9, 120, 9):
        connection.post("x", minute * 60.0)

    assert connection.deadline() == 7200.0
    assert (connection.is_too_old(7199.9), connection.is_too_old(7200.0)) == (False, True)
    assert connection.expire(7199.9) == []
    assert connection.expire(7200.0) == [Close(1001, "Going away")]
    assert connection.deadline() == math.inf


def test_limits_can_be_shortened() -> None:
    limits = Limits(idle_seconds=1.0, max_duration_seconds=3.0, message_bytes=10)
    connection = opened(stage_of(*ROUTES, limits=limits))

    assert connection.deadline() == 1.0
    connection.post("x", 2.5)
    assert connection.deadline() == 3.0
    assert visible(connection.receive_text("x" * 11, 2.5, NOW_MS)) == [Close(1009, "")]


def test_a_throttled_message_is_answered_and_the_connection_stays() -> None:
    connection = opened(stage_of(route("join", throttle=Throttle(rate=1, burst=1))))
    invoked(connection, now=1.0)

    [send] = connection.receive_text('{"action":"join"}', 1.0, NOW_MS)

    assert isinstance(send, Send)
    assert send.text.startswith('{"message": "Too Many Requests", "connectionId":"')
    assert connection.is_open
    assert isinstance(invoked(connection, now=2.0), Invoke)


def test_the_accounts_throttle_covers_all_connections() -> None:
    stage = stage_of(route("join"), limits=Limits(account=Throttle(rate=1, burst=3)))
    first, second = opened(stage), opened(stage)
    invoked(first, now=0.0)

    [effect] = second.receive_text('{"action":"join"}', 0.0, NOW_MS)

    assert isinstance(effect, Send)


def test_a_client_that_sends_too_fast_may_be_closed_with_1008() -> None:
    limits = Limits(messages_per_connection=Throttle(rate=1, burst=2))
    connection = opened(stage_of(*ROUTES, limits=limits))

    invoked(connection)
    invoked(connection)

    assert visible(connection.receive_text("{}", 1.0, NOW_MS)) == [Close(1008, "")]


# the end


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        pytest.param(1005, "", (1005, "Client-side close frame status not set"), id="no status"),
        pytest.param(1000, "", (1000, ""), id="Python's close()"),
        pytest.param(1001, "", (1001, ""), id="tab closed"),
        pytest.param(4321, "bye", (4321, "bye"), id="the client's own"),
        pytest.param(1006, "", (1006, ""), id="dropped"),
    ],
)
def test_disconnect_tells_how_the_client_closed(code: int, reason: str, told: tuple[int, str]) -> None:
    connection = opened(stage_of(*ROUTES))

    invoke = connection.closed(code, reason, NOW_MS + 5000)

    assert invoke is not None
    context = invoke.event["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == told
    assert (context["routeKey"], context["eventType"]) == ("$disconnect", "DISCONNECT")
    assert connection.state is State.CLOSED


@pytest.mark.parametrize(
    ("close", "told"),
    [
        pytest.param(lambda c: c.delete(), (1000, "Connection Closed Normally"), id="DELETE"),
        pytest.param(lambda c: c.expire(1e6), (1001, "Going away"), id="idle"),
        pytest.param(lambda c: c.receive_binary(), (1003, "Binary is not supported"), id="binary"),
        pytest.param(lambda c: c.too_big(), (1009, ""), id="too big"),
        pytest.param(lambda c: c.end(1007, "", "not UTF-8"), (1007, ""), id="broken protocol"),
        pytest.param(lambda c: c.end(1012, "Service Restart"), (1012, "Service Restart"), id="restart"),
    ],
)
def test_disconnect_tells_how_the_gateway_closed(close: Any, told: tuple[int, str]) -> None:
    connection = opened(stage_of(*ROUTES))
    effects = close(connection)

    invoke = connection.closed(1006, "whatever the client did", NOW_MS)

    assert visible(effects) == [Close(*told)]
    assert invoke is not None
    context = invoke.event["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == told


def test_unknown_reasons_can_be_set() -> None:
    assumptions = Assumptions(
        abnormal_reason="dropped",
        unsupported_data_reason="text only",
        policy_violation_reason="fast",
        too_big_reason="big",
    )
    limits = Limits(messages_per_connection=Throttle(rate=1.0, burst=0))
    dropped, *others = (opened(stage_of(*ROUTES, assumptions=assumptions, limits=limits)) for _ in range(5))
    binary, hasty, long, framed = others

    invoke = dropped.closed(1006, "", NOW_MS)

    assert invoke is not None
    assert invoke.event["requestContext"]["disconnectReason"] == "dropped"
    assert visible(binary.receive_binary()) == [Close(1003, "text only")]
    assert visible(hasty.receive_text("{}", 1.0, NOW_MS)) == [Close(1008, "fast")]
    assert visible(long.too_big()) == visible(framed.too_big(41_210)) == [Close(1009, "big")]


def test_disconnect_runs_once() -> None:
    connection = opened(stage_of(*ROUTES))

    assert connection.closed(1000, "", NOW_MS) is not None
    assert connection.closed(1006, "", NOW_MS) is None


def test_disconnect_is_optional() -> None:
    assert opened(stage_of(route("$default"))).closed(1000, "", NOW_MS) is None


def test_the_result_of_disconnect_reaches_nobody() -> None:
    connection = opened(stage_of(route("$disconnect", route_response=True)))
    invoke = connection.closed(1000, "", NOW_MS)

    assert invoke is not None
    assert not invoke.wants_reply
    assert connection.replied(invoke, Raised(b"{}"), 2.0) == []


def test_a_connection_that_was_never_accepted_has_no_end() -> None:
    handshake = Handshake(stage_of(), upgrade(), NOW_MS)
    handshake.begin(0.0, NOW_MS)

    assert handshake.connection.closed(1006, "", NOW_MS) is None
    assert handshake.connection.post("x", 0.0) == []
    assert handshake.connection.delete() == []


def test_the_states_are_a_table_that_ends() -> None:
    assert set(TRANSITIONS) == set(State)
    assert not TRANSITIONS[State.CLOSED]
    assert all(State.CONNECTING not in after for after in TRANSITIONS.values())
