"""http.client still works as `streamer.sending.http_client_connections` and the transport need it; botocore too."""

from __future__ import annotations

import http.client
import inspect
from pathlib import Path
from typing import Any

import pytest
from botocore.httpsession import get_cert_path

from streamer.sending.http_client_connections import WholeRequests


class Plain(http.client.HTTPConnection):
    """Notes what http.client hands over to be sent."""

    def __init__(self) -> None:
        super().__init__("h")
        self.handed_over: list[bytes] = []

    def connect(self) -> None:
        raise AssertionError("http.client changed request(): it connects before it calls send()")

    def send(self, data: Any) -> None:
        self.handed_over.append(data)


class Whole(WholeRequests):
    """Notes what goes to the socket."""

    def __init__(self) -> None:
        super().__init__("h")
        self.sock = self
        self.sent: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("body", [b"", b"body"])
def test_request_hands_head_and_body_to_send_and_connects_only_there(body: bytes) -> None:
    connection = Plain()
    connection.request("POST", "/a", body, {"x": "y"})

    assert b"".join(connection.handed_over).startswith(b"POST /a HTTP/1.1\r\n"), "http.client changed request()"
    assert b"".join(connection.handed_over).endswith(b"\r\n\r\n" + body), "http.client changed request()"


@pytest.mark.parametrize("body", [b"", b"body"])
def test_a_request_goes_to_the_socket_in_one_piece(body: bytes) -> None:
    connection = Whole()
    connection.request("POST", "/a", body, {"x": "y"})

    assert len(connection.sent) == 1, "http.client changed how send() writes to the socket"
    assert connection.is_sent


def test_request_takes_the_parameters_that_are_handed_on() -> None:
    parameters = list(inspect.signature(http.client.HTTPConnection.request).parameters)

    assert parameters == ["self", "method", "url", "body", "headers", "encode_chunked"], "http.client changed request()"


def test_botocore_tells_which_certificates_it_trusts() -> None:
    assert Path(get_cert_path(True)).is_file(), "botocore changed httpsession.get_cert_path()"
