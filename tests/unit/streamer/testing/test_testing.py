import io

import pytest

from streamer import App, Request, RetryableError
from streamer.errors import GoneError, PayloadTooLargeError
from streamer.settings import Settings
from streamer.testing import LocalService, RequestFailed

app = App()


@app.action("whoami", permissions=["look"])
def whoami(request: Request) -> str:
    return f"{request.tenant_id}/{request.user_id}"


@app.action("double", queued=True)
async def double(request: Request) -> int:
    return int(request.payload) * 2


@app.action("fail", queued=True)
def fail(request: Request) -> None:
    raise ValueError("no")


@app.action("stubborn", queued=True, max_attempts=5)
def stubborn(request: Request) -> int:
    if request.attempt < request.payload:
        raise RetryableError(f"attempt {request.attempt} is not enough")
    return request.attempt


def test_quick_and_queued_actions_are_called_alike() -> None:
    with LocalService(app) as service:
        client = service.connect(user_id="ada", tenant_id="acme", permissions=["look"])

        assert client.call("whoami") == "acme/ada"
        assert client.call("double", 21) == 42


def test_an_error_is_raised_with_its_code() -> None:
    with LocalService(app) as service, pytest.raises(RequestFailed, match="FORBIDDEN: ") as caught:
        service.connect().call("whoami")
    assert caught.value.details == {"missing": ["look"]}


@pytest.mark.parametrize(("production", "says"), [(True, "unexpectedly"), (False, "ValueError: no")])
def test_settings_are_the_tests_to_choose(production: bool, says: str) -> None:
    settings = Settings(production=production)

    with LocalService(app, settings=settings) as service, pytest.raises(RequestFailed, match=says):
        service.connect().call("fail")


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
def test_a_queued_action_is_tried_as_often_as_it_needs(attempts: int) -> None:
    with LocalService(app) as service:
        client = service.connect()

        assert client.call("stubborn", attempts) == attempts
        retrying = [message["attempt"] for message in client.received if message["type"] == "retrying"]
        assert retrying == list(range(1, attempts))


def test_an_action_whose_attempts_are_over_has_failed() -> None:
    with LocalService(app) as service, pytest.raises(RequestFailed, match="attempt 5 is not enough"):
        service.connect().call("stubborn", 6)


def test_a_request_id_that_is_none_is_refused() -> None:
    with LocalService(app) as service, pytest.raises(RequestFailed, match='VALIDATION_ERROR: "id" must'):
        service.connect().call("double", 1, id="not an id")


def test_a_message_that_api_gateway_would_not_take_is_refused_as_by_a_client() -> None:
    with LocalService(app) as service:
        connection = service.connect()
        with pytest.raises(PayloadTooLargeError, match=r"131\d\d\d bytes"):
            connection.call("greet", {"name": "x" * 131_072})
        # Of text other than ASCII it is the bytes of the message that count, no escapes.
        assert connection.send({"action": "ping", "payload": "ü" * 60_000})[0]["type"] == "pong"


def test_what_has_no_answer_gives_none() -> None:
    with LocalService(app) as service:
        assert service.connect().call("keep-alive") is None


def test_nothing_is_called_over_a_closed_connection() -> None:
    with LocalService(app) as service:
        client = service.connect()
        client.close()

        with pytest.raises(GoneError, match="is gone"):
            client.call("double", 1)


def test_each_connection_hears_its_own() -> None:
    with LocalService(app) as service:
        one, other = service.connect(), service.connect()
        one.send({"action": "ping", "id": "p"})

        assert [message["request_id"] for message in one.received] == ["p"]
        assert other.received == []


def test_a_closed_connection_leaves_nothing_behind() -> None:
    with LocalService(app) as service:
        client = service.connect()
        client.close()

        assert service.connections.records == {}
        assert client.send({"action": "ping"}) == []


def test_logs_can_be_looked_at() -> None:
    log = io.StringIO()
    with LocalService(app, log=log) as service:
        service.connect().call("double", 1)

    assert '"message":"request ended"' in log.getvalue()
