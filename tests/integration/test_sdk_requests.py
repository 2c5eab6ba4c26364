"""botocore's requests over connections of our own: the real client, against servers that behave in every way."""

from __future__ import annotations

import binascii
import contextlib
import json
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from scripted_server import OK, Peer, Talk, peer

from streamer.errors import ConfigurationError, StoreError
from streamer.sending.sdk_requests import SdkRequests
from streamer.sending.transport import PooledExchange
from streamer.stores.dynamodb import DynamoConnectionStore

KEY = {"connection_id": {"S": "c"}}
ITEM = {"Item": {"connection_id": {"S": "c"}, "count": {"N": "1"}}}
ATTEMPTS = 2


def answer(body: Any, status: int = 200, *headers: str) -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} OK", "x-amzn-RequestId: r-1", f"x-amz-crc32: {binascii.crc32(text)}", *headers]
    return "\r\n".join([*lines, f"content-length: {len(text)}", "", ""]).encode() + text


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@contextlib.contextmanager
def client_at(
    url: str, *, is_ours: bool = True, timeout_seconds: float = 10.0, ca_bundle: str | None = None
) -> Iterator[Any]:
    """A client of DynamoDB that tries twice."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=timeout_seconds,
        read_timeout=timeout_seconds,
    )
    url = url.removesuffix("/dev/c")
    session = botocore.session.Session()
    client = session.create_client("dynamodb", "us-east-1", endpoint_url=url, config=config)
    exchange = PooledExchange(ca_bundle)
    if is_ours:
        credentials = session.get_credentials()
        SdkRequests(exchange, credentials=credentials, timeout_seconds=timeout_seconds).register(client)
    try:
        yield client
    finally:
        client.close()
        exchange._forget()


def get_from(url: str, **how: Any) -> Any:
    with client_at(url, **how) as client:
        return get(client)


def get(client: Any) -> Any:
    return client.get_item(TableName="t", Key=KEY)


def request_of(server: Peer) -> tuple[str, dict[str, str], bytes]:
    head, _, body = server.requests[-1][1].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert len(headers) == len(lines)
    return first, headers, body


def test_a_request_is_the_one_that_urllib3_would_have_sent() -> None:
    sent = []
    with peer(lambda server: server.answering(answer(ITEM))) as server:
        for is_ours in (True, False):
            assert get_from(server.url, is_ours=is_ours)["Item"] == ITEM["Item"]
            first, headers, body = request_of(server)
            assert signature_of(headers) == signature_of_botocore(first, headers, body)
            headers["authorization"] = headers["authorization"].rpartition("=")[0]
            # The letters of what was used come in any order.
            headers["user-agent"] = re.sub(r" m/\S+", "", headers["user-agent"])
            for changing in ("x-amz-date", "amz-sdk-invocation-id"):
                assert headers.pop(changing)
            sent.append((first, headers, body))

    assert sent[0] == sent[1]


def signature_of(headers: dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


def signature_of_botocore(first: str, headers: dict[str, str], body: bytes) -> str:
    """What botocore would have written under a request at its time."""
    method, path, _ = first.split(" ")
    signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = AWSRequest(
        method=method,
        url=f"http://{headers['host']}{path}",
        headers={name: headers[name] for name in signed},
        data=body,
    )
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", "secret", "token"), "dynamodb", "us-east-1")
    signature: str = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return signature


def test_what_is_to_be_signed_for_another_place_is_left_to_botocore() -> None:
    def elsewhere(context: dict[str, Any], **_: Any) -> None:
        context["signing"] = {"region": "eu-west-3", "signing_name": "dynamodb"}

    with peer(lambda server: server.answering(answer(ITEM))) as server, client_at(server.url) as client:
        client.meta.events.register("before-call.dynamodb", elsewhere)
        get(client)

        assert "/eu-west-3/dynamodb/aws4_request" in request_of(server)[1]["authorization"]


def test_without_credentials_botocore_says_so(monkeypatch: pytest.MonkeyPatch, nobody: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    with pytest.raises(NoCredentialsError):
        get_from(nobody)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(ITEM, id="an item"),
        pytest.param({"Item": {"all": {"M": {"list": {"L": [{"NULL": True}, {"SS": ["a"]}]}}}}}, id="values in values"),
        pytest.param({}, id="no item"),
        pytest.param({"Item": None}, id="an item that is null"),
        pytest.param({"ConsumedCapacity": {"CapacityUnits": 0.5}, **ITEM}, id="what it cost"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="something else"),
    ],
)
def test_an_answer_is_read_as_one_of_urllib3(said: Any) -> None:
    with peer(lambda server: server.answering(answer(said))) as server:
        ours, theirs = (get_from(server.url, is_ours=is_ours) for is_ours in (True, False))

    assert ours == theirs
    assert ours["ResponseMetadata"]["RequestId"] == "r-1"


def test_calls_share_a_connection() -> None:
    with peer(lambda server: server.answering(answer(ITEM))) as server:
        with client_at(server.url) as client:
            for _ in range(3):
                get(client)

        assert server.connections == 1


def test_a_refusal_is_botocores_error() -> None:
    refusal = answer({"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no"}, 400)
    with peer(lambda server: server.answering(refusal)) as server, pytest.raises(ClientError) as caught:
        get_from(server.url)

    assert caught.value.response["Error"] == {"Code": "ResourceNotFoundException", "Message": "no"}


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(lambda server: server.answering_once(answer({"message": "no"}, 500)), id="an error of the server"),
        pytest.param(lambda server: server.answering_once(b""), id="a connection that is closed"),
        pytest.param(lambda server: server.answering_once(b"nonsense\r\n\r\n"), id="what is no answer"),
        pytest.param(lambda server: server.answering_once(answer(ITEM)[:-3]), id="half an answer"),
        pytest.param(
            lambda server: server.answering_once(answer(ITEM).replace(b"crc32: ", b"crc32: 1")), id="a wrong checksum"
        ),
    ],
)
def test_botocore_tries_again(first: Callable[[Peer], Talk]) -> None:
    with peer(first, lambda server: server.answering(answer(ITEM))) as server:
        assert get_from(server.url)["Item"] == ITEM["Item"]

        assert len(server.requests) == 2
        assert "attempt=2" in request_of(server)[1]["amz-sdk-request"]


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_where_nobody_listens_the_endpoint_is_named(nobody: str) -> None:
    with pytest.raises(EndpointConnectionError, match=nobody):
        get_from(nobody)


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        pytest.param(lambda server: server.answering_once(b""), ConnectionClosedError, id="it hangs up"),
        pytest.param(lambda server: server.received, ConnectionClosedError, id="it says nothing and hangs up"),
        pytest.param(
            lambda server: _wait,
            ReadTimeoutError,
            id="it is silent",
        ),
    ],
)
def test_what_becomes_of_a_server_that_never_answers(
    talk: Callable[[Peer], Talk], error: type[HTTPClientError]
) -> None:
    with peer(talk) as server:
        with pytest.raises(error):
            get_from(server.url, timeout_seconds=0.2)

        assert server.connections == ATTEMPTS


def _wait(connection: socket.socket) -> None:
    """Until the client has given up."""
    while connection.recv(65536):
        pass


def test_tls_with_a_server_that_speaks_none_is_an_error_of_tls() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(OK)
        _wait(connection)

    with peer(lambda _server: talk) as server, pytest.raises(SSLError):
        get_from(server.url.replace("http:", "https:"))


def test_certificates_that_cannot_be_read_are_a_mistake_in_the_configuration(nobody: str) -> None:
    with pytest.raises(ConfigurationError, match=r"AWS_CA_BUNDLE.*/nonexistent/ca\.pem"):
        get_from(nobody.replace("http:", "https:"), ca_bundle="/nonexistent/ca.pem")


def test_a_proxy_is_left_to_botocore(monkeypatch: pytest.MonkeyPatch, nobody: str) -> None:
    with peer(lambda server: server.answering(answer(ITEM))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/dev/c"))
        assert get_from(nobody)["Item"] == ITEM["Item"]
        assert request_of(proxy)[0].startswith(f"POST {nobody}/ ")

        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with pytest.raises(EndpointConnectionError):
            get_from(nobody)


def test_an_error_of_the_store_tells_the_endpoint(nobody: str) -> None:
    with (
        client_at(nobody) as client,
        pytest.raises(StoreError, match=f"GetItem was not answered: .*{nobody}") as caught,
    ):
        DynamoConnectionStore(lambda: client, "t").get("c")

    assert isinstance(caught.value.__cause__, BotoCoreError)
