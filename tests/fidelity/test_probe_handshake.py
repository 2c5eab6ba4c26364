"""Probes of FIDELITY section A, the handshake and its subprotocols: what a client sees of an upgrade on AWS."""

from __future__ import annotations

import base64
import re

import pytest
from fidelity_client import patience
from fidelity_world import AUTHORIZER, DEFAULT, DISCONNECT, MakeWorld, World

from streamer.topology import Throttle

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ID = re.compile(r"[A-Za-z0-9_-]{15}=")


# A1-A6: the URL


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/dev", id="the stage"),
        pytest.param("/dev/", id="trailing slash"),
        pytest.param("/dev?a=b", id="query"),
        pytest.param("/dev/?a=b", id="slash and query"),
    ],
)
def test_a_client_connects_to_the_stage(world: World, target: str) -> None:
    world.open(target=target).pinged()


@pytest.mark.parametrize("target", ["/prod", "/", "/dev/extra", "/dev/@connections", "/Dev", "/dev//"])
def test_any_other_path_is_forbidden(world: World, target: str) -> None:
    answer = world.refused(target)

    assert (answer.status, answer.body) == (403, b'{"message":"Forbidden"}')
    assert answer.header("x-amzn-ErrorType") == "ForbiddenException"
    assert not world.events("connect")


def test_a_plain_get_is_told_to_upgrade(world: World) -> None:
    assert world.http("GET", "/dev").status == 426


def test_a_client_of_http_1_0_cannot_upgrade(world: World) -> None:
    """RFC 9110, 7.8: what it says of upgrades is ignored."""
    assert world.upgrading(version="HTTP/1.0").answer().status == 426
    assert not world.events("connect")


def test_a_refused_head_has_no_body(world: World) -> None:
    client = world.upgrading(method="HEAD")

    assert client.answer(has_body=False).status == 403
    assert client.is_ended()


def test_a_plain_get_of_another_path_is_forbidden(world: World) -> None:
    assert world.http("GET", "/nothing").status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_only_a_get_upgrades(world: World, method: str) -> None:
    client = world.upgrading(method=method)

    assert client.answer(has_body=method != "HEAD").status == 403


def test_a_url_has_up_to_4096_characters(world: World) -> None:
    target = "/dev?q="
    client = world.open(target=target + "x" * (4096 - len(target)))

    assert len(world.event("connect")["queryStringParameters"]["q"]) == 4096 - len(target)
    client.pinged()


def test_a_longer_url_is_refused(world: World) -> None:
    assert world.refused("/dev?q=" + "x" * 4090).status == 414


@pytest.mark.parametrize(
    ("headers", "without"),
    [
        pytest.param([("Sec-WebSocket-Version", "8")], (), id="old version"),
        pytest.param([], ("Sec-WebSocket-Version",), id="no version"),
        pytest.param([], ("Sec-WebSocket-Key",), id="no key"),
        pytest.param([("Sec-WebSocket-Key", "c2hvcnQ=")], (), id="short key"),
        pytest.param([("Sec-WebSocket-Key", "not base64 at all!!!")], (), id="key is no base64"),
    ],
)
def test_an_upgrade_that_the_rfc_does_not_allow_is_a_bad_request(
    world: World, headers: list[tuple[str, str]], without: tuple[str, ...]
) -> None:
    assert world.refused(None, *headers, without=without).status == 400


def test_blanks_behind_a_key_are_none_of_it(world: World) -> None:
    key = base64.b64encode(bytes(16)).decode()
    client = world.upgrading(None, ("Sec-WebSocket-Key", f"{key} "))
    client.key = key

    client.opened()  # looks at the answer to the key

    assert world.event("connect")["headers"]["Sec-WebSocket-Key"] == key


def test_a_connection_header_with_more_than_upgrade_is_fine(world: World) -> None:
    """Firefox sends both."""
    world.open(("Connection", "keep-alive, Upgrade")).pinged()


# A7-A20: the gate


def test_the_101_waits_for_connect(world: World) -> None:
    gate = world.gate()
    client = world.upgrading(world.told(gate=gate.path))
    world.event("connect")
    with patience(client, 0.05), pytest.raises(TimeoutError):
        client.exactly(1)

    gate.open()

    client.opened()


def test_what_a_client_sends_before_the_101_is_kept_until_then(world: World) -> None:
    gate = world.gate()
    client = world.upgrading(world.told(gate=gate.path))
    client.text("too early")

    gate.open()

    client.opened()
    assert world.event("message")["body"] == "too early"


def test_without_connect_route_every_client_is_accepted(make_world: MakeWorld) -> None:
    make_world(DEFAULT).open().pinged()


def test_an_api_without_any_route_accepts_clients_too(make_world: MakeWorld) -> None:
    make_world(DISCONNECT).open().pinged()


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_of_connect_opens(world: World, status: int) -> None:
    world.open(target=world.told(**{"return": {"statusCode": status}})).pinged()


def test_an_object_without_a_status_may_be_one_of_200(make_world: MakeWorld) -> None:
    world = make_world(assumptions={"missing_status_is_error": False})

    world.open(target=world.told(**{"return": {}})).pinged()


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 429, 500, 501, 503])
def test_any_other_status_of_connect_is_the_handshakes(world: World, status: int) -> None:
    assert world.refused(world.told(**{"return": {"statusCode": status}})).status == status


def test_a_connect_that_raises_is_502(world: World) -> None:
    answer = world.refused(world.told(**{"raise": "boom"}))

    assert answer.status == 502
    assert answer.json["message"] == "Internal server error"


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(None, id="None"),
        pytest.param("ok", id="a string"),
        pytest.param([200], id="a list"),
        pytest.param({}, id="no statusCode"),
        pytest.param({"statusCode": "OK"}, id="statusCode is a word"),
        pytest.param({"statusCode": 200, "body": {"a": 1}}, id="body is an object"),
        pytest.param({"statusCode": 200, "message": "hi"}, id="a key too many"),
    ],
)
def test_a_connect_that_returns_no_proxy_response_is_502(world: World, result: object) -> None:
    assert world.refused(world.told(**{"return": result})).status == 502


def test_a_connect_that_lambda_does_not_run_is_500(make_world: MakeWorld) -> None:
    world = make_world(functions={"connect": {"reserved_concurrency": 0}})

    assert world.refused().status == 500


def test_a_connect_that_is_too_slow_is_504(make_world: MakeWorld) -> None:
    world = make_world(limits={"integration_timeout_seconds": 0.05})
    gate = world.gate()

    answer = world.refused(world.told(gate=gate.path))

    assert answer.status == 504
    gate.open()
    world.printed("connect", "through the gate")


def test_a_connect_that_outlives_its_own_timeout_is_502(make_world: MakeWorld) -> None:
    world = make_world(functions={"connect": {"timeout_seconds": 0.1}})
    gate = world.gate()

    assert world.refused(world.told(gate=gate.path)).status == 502


def test_a_throttled_handshake_is_429(make_world: MakeWorld) -> None:
    world = make_world(throttle=Throttle(rate=0.001, burst=1))
    world.open()

    answer = world.refused()

    assert (answer.status, answer.body) == (429, b'{"message":"Too Many Requests"}')


def test_a_stage_with_a_throttle_of_nothing_refuses_everyone(make_world: MakeWorld) -> None:
    assert make_world(throttle=Throttle(rate=0, burst=0)).refused().status == 429


@pytest.mark.parametrize("limit", ["account", "connections"])
def test_the_accounts_quotas_refuse_with_429_too(make_world: MakeWorld, limit: str) -> None:
    world = make_world(limits={limit: Throttle(rate=0.001, burst=1)})
    world.open()

    assert world.refused().status == 429


def test_the_function_s_own_body_and_headers_of_a_refusal_stay_here(world: World) -> None:
    result = {
        "statusCode": 401,
        "body": "secret reason",
        "headers": {"X-Reason": "secret", "WWW-Authenticate": "Bearer"},
    }

    answer = world.refused(world.told(**{"return": result}))

    assert b"secret" not in answer.body
    assert answer.header("X-Reason") is None
    assert answer.json == {"message": "Unauthorized"}


def test_a_failed_handshake_names_the_connection_and_the_request(world: World) -> None:
    body = world.refused(world.told(**{"raise": "boom"})).json
    context = world.event("connect")["requestContext"]

    assert list(body) == ["message", "connectionId", "requestId"]
    assert (body["connectionId"], body["requestId"]) == (context["connectionId"], context["requestId"])


@pytest.mark.parametrize("target", ["/dev?do=%7B%22raise%22%3A%22x%22%7D", "/elsewhere"])
def test_a_refusal_has_the_headers_of_execute_api(world: World, target: str) -> None:
    answer = world.refused(target)

    assert UUID.fullmatch(answer.header("x-amzn-RequestId") or "")
    assert ID.fullmatch(answer.header("x-amz-apigw-id") or "")
    assert answer.header("x-amzn-ErrorType")
    assert answer.header("Content-Type") == "application/json"


def test_of_an_accepting_connect_only_the_subprotocol_reaches_the_client(world: World) -> None:
    headers = {"Set-Cookie": "a=b", "X-Extra": "1", "Sec-WebSocket-Protocol": "news"}
    result = {"statusCode": 200, "headers": headers, "body": "welcome"}
    client = world.upgrading(world.told(**{"return": result}), ("Sec-WebSocket-Protocol", "news"))

    answer = client.opened()

    names = {name.lower() for name, _ in answer.headers}
    assert names == {"date", "upgrade", "connection", "sec-websocket-accept", "sec-websocket-protocol"}
    client.pinged()  # and no body came as a message


@pytest.mark.parametrize("order", [{"raise": "no"}, {"return": {"statusCode": 401}}], ids=["raises", "refuses"])
def test_a_refused_client_was_never_connected(world: World, order: dict[str, object]) -> None:
    world.refused(world.told(**order))

    assert world.call("GET", world.id_of()).status == 410
    world.open().close(1000)
    assert len([world.event("disconnect")]) == len(world.events("disconnect"))


def test_one_connection_id_stands_in_every_event(make_world: MakeWorld) -> None:
    world = make_world(authorizer=AUTHORIZER)
    client = world.open()
    client.text("hi")
    world.event("message")
    client.close(1000)

    names = ("authorize", "connect", "message", "disconnect")
    assert len({world.event(name)["requestContext"]["connectionId"] for name in names}) == 1


def test_a_client_that_gives_up_while_connect_runs_is_disconnected_once_accepted(world: World) -> None:
    gate = world.gate()
    client = world.upgrading(world.told(gate=gate.path))
    world.event("connect")
    client.reset()

    gate.open()

    assert world.ended()[0] == 1006


# A21-A26: subprotocols


def offered(world: World, value: str, header: dict[str, str] | None = None) -> str | None:
    """The subprotocol in the 101, when the client offers this and $connect returns that header."""
    result = {"statusCode": 200, "headers": header or {}}
    client = world.upgrading(world.told(**{"return": result}), ("Sec-WebSocket-Protocol", value))
    return client.opened().header("Sec-WebSocket-Protocol")


def test_a_subprotocol_is_never_echoed(world: World) -> None:
    assert offered(world, "chat") is None


@pytest.mark.parametrize("name", ["Sec-WebSocket-Protocol", "sec-websocket-protocol", "Sec-Websocket-Protocol"])
def test_connect_chooses_the_subprotocol_whatever_the_case_of_the_name(world: World, name: str) -> None:
    assert offered(world, "chat1, chat2", {name: "chat2"}) == "chat2"


def test_a_subprotocol_may_come_as_a_multi_value_header(world: World) -> None:
    result = {"statusCode": 200, "multiValueHeaders": {"Sec-WebSocket-Protocol": ["chat"]}}
    client = world.upgrading(world.told(**{"return": result}), ("Sec-WebSocket-Protocol", "chat"))

    assert client.opened().header("Sec-WebSocket-Protocol") == "chat"


def test_a_returned_list_goes_out_as_it_is(world: World) -> None:
    assert offered(world, "a, b", {"Sec-WebSocket-Protocol": "a, b"}) == "a, b"


@pytest.mark.parametrize("offer", ["a, b", "a,b", "b ,a"])
def test_the_offers_are_one_string_as_the_client_wrote_it(world: World, offer: str) -> None:
    offered(world, offer)
    event = world.event("connect")

    assert event["headers"]["Sec-WebSocket-Protocol"] == offer
    assert event["multiValueHeaders"]["Sec-WebSocket-Protocol"] == [offer]


def test_without_connect_no_subprotocol_is_accepted(make_world: MakeWorld) -> None:
    client = make_world(DEFAULT).upgrading(None, ("Sec-WebSocket-Protocol", "chat"))

    assert client.opened().header("Sec-WebSocket-Protocol") is None


# A41, A42


def test_a_new_version_of_the_code_drops_no_connection(world: World) -> None:
    client = world.open()
    handlers = world.folder / "handlers.py"
    handlers.write_text(handlers.read_text() + "\ndef message(event, context):\n    print('version 2')\n")

    world.emulator.reload()
    client.text("hi")

    world.printed("message", "version 2")
    assert world.emulator.connection_count == 1


def test_compression_is_offered_to_the_function_and_not_negotiated(world: World) -> None:
    offer = "permessage-deflate; client_max_window_bits"
    client = world.upgrading(None, ("Sec-WebSocket-Extensions", offer))

    assert client.opened().header("Sec-WebSocket-Extensions") is None
    assert world.event("connect")["headers"]["Sec-WebSocket-Extensions"] == offer


def test_the_101_has_the_headers_of_aws(world: World) -> None:
    answer = world.upgrading().opened()

    assert [name for name, _ in answer.headers] == ["Date", "Connection", "Upgrade", "Sec-WebSocket-Accept"]
    assert (answer.header("Connection"), answer.header("Upgrade")) == ("upgrade", "websocket")


def test_several_upgrades_in_one_packet_are_not_mixed_up(world: World) -> None:
    """A second request behind the first is WebSocket data on AWS, and nonsense as such."""
    client = world.upgrading()
    client.opened()
    client.send(b"GET /dev HTTP/1.1\r\n\r\n")

    assert client.closed().close_code == 1002
