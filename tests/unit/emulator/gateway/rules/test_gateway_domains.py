"""Custom domains: which requests reach the stage by them, and what events say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from gateway_world import FACTS, NOW_MS, UPGRADE
from msgspec import structs

from emulator.gateway.rules.domains import OWN, Domain, Entrance, entrance
from emulator.gateway.rules.effects import Accept, Decision, HttpAnswer, Invoke, Replied
from emulator.gateway.rules.events import late
from emulator.gateway.rules.handshake import Handshake, UpgradeRequest
from emulator.gateway.rules.ids import IdSource
from emulator.gateway.rules.management import ManagementTarget, at_domain
from emulator.gateway.rules.stage import Stage
from streamer.topology import Api, Route

HERE = "127.0.0.1:8787"
CHAT = Domain(name="ws.example.com", base_path="chat")
BARE = Domain(name="bare.example.com")
DEEP = Domain(name="deep.example.com", base_path="chat/v1")
ALL = (CHAT, BARE, DEEP)


@pytest.mark.parametrize(
    ("host", "path", "found"),
    [
        pytest.param(HERE, "/dev", OWN, id="the own address"),
        pytest.param(HERE, "/dev/", OWN, id="with a slash"),
        pytest.param("ws.example.com", "/chat", Entrance(CHAT), id="a domain and its path"),
        pytest.param("WS.Example.COM.:8787", "/chat/", Entrance(CHAT), id="in capitals, with a port and a slash"),
        pytest.param("ws.example.com", "/dev", None, id="the stage is no path of the domain"),
        pytest.param("ws.example.com", "/chat/dev", None, id="nor does it follow"),
        pytest.param("ws.example.com", "/", None, id="a domain without its path"),
        pytest.param("bare.example.com", "/", Entrance(BARE), id="a domain without a path"),
        pytest.param("bare.example.com", "/chat", None, id="another domain's path"),
        pytest.param("deep.example.com", "/chat/v1", Entrance(DEEP), id="a path of two levels"),
        pytest.param("deep.example.com", "/chat%2Fv1", Entrance(DEEP), id="percent-encoded"),
        pytest.param(HERE, "/chat", Entrance(CHAT), id="here the path stands for its domain"),
        pytest.param(HERE, "/chat/v1", Entrance(DEEP), id="of two levels, too"),
        pytest.param(HERE, "/", Entrance(BARE), id="nothing stands for a domain without a path"),
        pytest.param(HERE, "/other", None, id="nobody's path"),
    ],
)
def test_a_mappings_path_stands_for_the_stage(host: str, path: str, found: Entrance | None) -> None:
    assert entrance(ALL, host, path, "dev") == found


@pytest.mark.parametrize(
    ("host", "found"),
    [
        pytest.param(HERE, OWN, id="here the stage wins"),
        pytest.param("ws.example.com", Entrance(Domain(name="ws.example.com", base_path="dev")), id="at the domain"),
    ],
)
def test_a_mapping_may_be_called_as_its_stage(host: str, found: Entrance) -> None:
    assert entrance([Domain(name="ws.example.com", base_path="dev")], host, "/dev", "dev") == found


def test_without_domains_there_is_the_own_address_alone() -> None:
    assert entrance((), HERE, "/", "dev") is None
    assert entrance((), "ws.example.com", "/dev", "dev") == OWN


# handshakes and events


def stage(*domains: Domain) -> Stage:
    routes = tuple(Route(route_key=key, function="f") for key in ("$connect", "$disconnect", "$default"))
    facts = structs.replace(FACTS, domains=domains)
    return Stage(Api(name="test", routes=routes), facts, IdSource(FACTS.region, 1))


def asked(host: str, target: str) -> UpgradeRequest:
    headers = [(name, host if name == "Host" else value) for name, value in UPGRADE]
    return UpgradeRequest(target=target, headers=(*headers, ("X-Trace", "1")), peer="192.0.2.9")


def begun(host: str, target: str) -> tuple[Handshake, Decision]:
    handshake = Handshake(stage(*ALL), asked(host, target), NOW_MS)
    return handshake, handshake.begin(0.0, NOW_MS)


def event_of(decision: Decision) -> Mapping[str, Any]:
    assert isinstance(decision, Invoke)
    return decision.event


@pytest.mark.parametrize(
    ("host", "target"),
    [
        pytest.param("ws.example.com", "/chat?a=1", id="by the domain"),
        pytest.param(HERE, "/chat?a=1", id="by its path, here"),
    ],
)
def test_events_name_the_domain_and_the_real_stage(host: str, target: str) -> None:
    handshake, decision = begun(host, target)
    event = event_of(decision)
    assert event["requestContext"]["domainName"] == "ws.example.com"
    assert event["requestContext"]["stage"] == "dev"
    assert event["headers"]["Host"] == "ws.example.com"
    assert event["queryStringParameters"] == {"a": "1"}

    assert isinstance(handshake.resume(Replied(b'{"statusCode": 200}'), 0.0, NOW_MS), Accept)
    effects = handshake.connection.receive_text("hello", 0.0, NOW_MS)
    message = next(each for each in effects if isinstance(each, Invoke)).event
    assert message["requestContext"]["domainName"] == "ws.example.com"
    goodbye = handshake.connection.closed(1000, "", NOW_MS)
    assert goodbye is not None
    assert goodbye.event["requestContext"]["domainName"] == goodbye.event["headers"]["Host"] == "ws.example.com"


def test_at_the_own_address_events_are_as_without_domains() -> None:
    event = event_of(begun(HERE, "/dev")[1])
    assert event["requestContext"]["domainName"] == event["headers"]["Host"] == HERE
    assert "X-Trace" in event["headers"]


def test_names_of_headers_are_in_lower_case_where_a_mapping_has_levels() -> None:
    event = event_of(begun("deep.example.com", "/chat/v1")[1])
    assert event["headers"]["host"] == "deep.example.com"
    assert all(name == name.lower() for name in event["headers"])


@pytest.mark.parametrize("target", ["/dev", "/", "/chat/v1"])
def test_any_other_path_of_a_domain_is_forbidden(target: str) -> None:
    _, decision = begun("ws.example.com", target)
    assert isinstance(decision, HttpAnswer)
    assert decision.status == 403


@pytest.mark.parametrize(
    ("came_by", "told"),
    [
        pytest.param("ws.example.com", "ws.example.com", id="by a domain"),
        pytest.param("127.0.0.1:1", HERE, id="by the address of the last run"),
    ],
)
def test_a_connection_of_the_last_run_keeps_its_domain(came_by: str, told: str) -> None:
    event = {"headers": {"Host": came_by}, "multiValueHeaders": {"Host": [came_by]}}
    noted = {**event, "requestContext": {"domainName": came_by}}
    found = late(noted, stage(*ALL), "R=", NOW_MS)
    assert (found["requestContext"]["domainName"], found["headers"]["Host"]) == (told, told)


# @connections

ID = "AAAAAAAAAAAAAAA="
FOUND, FORBIDDEN = ManagementTarget("dev", ID), ManagementTarget("", ID)


@pytest.mark.parametrize(
    ("host", "path", "found"),
    [
        pytest.param("ws.example.com", f"/chat/@connections/{ID}", FOUND, id="below the mapping's path"),
        pytest.param("ws.example.com", "/chat/%40connections/AAAAAAAAAAAAAAA%3D", FOUND, id="percent-encoded"),
        pytest.param("ws.example.com", f"/chat//@connections/{ID}", FOUND, id="with a second slash"),
        pytest.param("deep.example.com", f"/chat/v1/@connections/{ID}", FOUND, id="of two levels"),
        pytest.param("bare.example.com", f"/@connections/{ID}", FOUND, id="of none"),
        pytest.param(HERE, f"/chat/@connections/{ID}", FOUND, id="here, too"),
        pytest.param("ws.example.com", f"/dev/@connections/{ID}", FORBIDDEN, id="the stage leads nowhere there"),
        pytest.param("ws.example.com", f"/chat/dev/@connections/{ID}", FORBIDDEN, id="nor after the path"),
        pytest.param("ws.example.com", f"/@connections/{ID}", FORBIDDEN, id="nor nothing"),
        pytest.param(HERE, f"/dev/@connections/{ID}", None, id="the own address is looked at elsewhere"),
        pytest.param(HERE, "/dev", None, id="another path"),
        pytest.param("ws.example.com", "/chat", None, id="another path of a domain"),
    ],
)
def test_connections_are_found_below_the_mappings_path(host: str, path: str, found: ManagementTarget | None) -> None:
    assert at_domain(stage(*ALL), host, path) == found
