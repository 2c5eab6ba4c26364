from __future__ import annotations

import pytest
from gateway_world import NOW_MS, OK, opened, route, stage_of

from emulator.gateway.rules.effects import Invoke
from emulator.gateway.rules.limits import ACCOUNT_THROTTLE, CONNECTION_THROTTLE, Limits
from streamer.errors import TopologyError
from streamer.topology import Api, Authorizer, Function, Route, Throttle, Topology
from streamer.topology.checks import validate


def topology(*routes: Route) -> Topology:
    names = {each.function for each in routes} | {"authorize"}
    authorizers = (Authorizer(name="auth", function="authorize"),)
    api = Api(name="test", routes=routes, authorizers=authorizers)
    return Topology(api=api, functions=tuple(Function(name=name, handler="m.f") for name in sorted(names)))


def test_the_default_limits_are_awss() -> None:
    limits = Limits()

    assert (limits.frame_bytes, limits.message_bytes) == (32_768, 131_072)
    assert (limits.idle_seconds, limits.max_duration_seconds) == (600.0, 7200.0)
    assert limits.integration_timeout_seconds == 29.0
    assert (limits.header_bytes, limits.url_chars) == (10_240, 4096)
    assert Throttle(rate=10_000, burst=5_000) == ACCOUNT_THROTTLE
    assert Throttle(rate=500, burst=500) == CONNECTION_THROTTLE


@pytest.mark.parametrize("key", ["$join", "$connected", "$"])
def test_route_keys_of_your_own_must_not_start_with_a_dollar(key: str) -> None:
    with pytest.raises(TopologyError, match="reserved"):
        validate(topology(route(key)))


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda: route("join", authorizer="auth"), id="authorizer"),
        pytest.param(lambda: route("join", iam=True), id="IAM"),
        pytest.param(lambda: route("join", api_key_required=True), id="API key"),
    ],
)
def test_access_is_decided_at_connect_only(made: object) -> None:
    assert callable(made)
    with pytest.raises(TopologyError, match="only \\$connect can"):
        validate(topology(made()))


@pytest.mark.parametrize("seconds", [0.0, 0.049, 29.1, 900.0])
def test_an_integration_timeout_is_50_ms_to_29_s(seconds: float) -> None:
    with pytest.raises(TopologyError, match=r"0\.05 to 29"):
        validate(topology(route("join", integration_timeout_seconds=seconds)))


def test_a_route_may_have_a_throttle_of_its_own_instead_of_the_stages() -> None:
    own = Throttle(rate=1, burst=3)
    stage = stage_of(route("join", throttle=own), route("other"), throttle=Throttle(rate=1, burst=1))
    connection = opened(stage)

    runs = {
        action: sum(
            isinstance(effect, Invoke)
            for _ in range(5)
            for effect in connection.receive_text(f'{{"action":"{action}"}}', 0.0, NOW_MS)
        )
        for action in ("join", "other")
    }

    assert runs == {"join": 3, "other": 1}


def test_every_route_is_optional() -> None:
    connection = opened(stage_of(route("join")), connect=OK)

    assert isinstance(connection.receive_text('{"action":"join"}', 0.0, NOW_MS)[0], Invoke)
    assert connection.closed(1000, "", NOW_MS) is None


def test_policies_are_not_asked_again_once_connected() -> None:
    connection = opened(stage_of(route("$connect", iam=False), route("$default")))

    invokes = [effect for _ in range(3) for effect in connection.receive_text("x", 0.0, NOW_MS)]

    assert [invoke.function for invoke in invokes if isinstance(invoke, Invoke)] == ["on_default"] * 3
