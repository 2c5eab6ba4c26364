"""Requests of SQS clients, in both protocols."""

import json
from typing import cast

import pytest

from emulator.iam.caller import Caller
from emulator.iam.sqs import refused
from emulator.port.http import HttpRequest

MESSAGE = "User: x is not authorized to perform: sqs:sendmessage on resource: <y>"


class Asked:
    """A caller that is refused everything, and remembers what it asked for."""

    def __init__(self, message: str | None = MESSAGE) -> None:
        self.needs: list[tuple[str, str | None]] = []
        self._message = message

    def sqs(self, operation: str, parameters: dict[str, str]) -> str | None:
        url = parameters.get("QueueUrl", parameters.get("QueueName"))
        self.needs.append((operation, url))
        return self._message

    @property
    def caller(self) -> Caller:
        return cast("Caller", self)


def in_json(body: bytes = b'{"QueueUrl": "http://x/1/jobs"}') -> HttpRequest:
    return HttpRequest("POST", "/", (), body, "", {"x-amz-target": "AmazonSQS.SendMessage"})


def in_query(target: str = "/", body: bytes = b"Action=SendMessage&QueueUrl=http%3A%2F%2Fx%2F1%2Fjobs") -> HttpRequest:
    return HttpRequest("POST", target, (), body, "", {})


def test_a_refusal_in_each_protocol() -> None:
    of_json, of_query = (refused(request, Asked().caller) for request in (in_json(), in_query()))

    assert of_json is not None
    assert of_query is not None
    assert of_json.status == of_query.status == 403
    assert json.loads(of_json.body)["message"] == MESSAGE
    assert ("x-amzn-query-error", "AccessDenied;Sender") in of_json.headers
    assert b"<Code>AccessDenied</Code>" in of_query.body
    assert b"on resource: &lt;y&gt;" in of_query.body


def test_what_the_key_of_a_queue_does_not_allow_is_an_error_of_its_own() -> None:
    asked = Asked("User: x is not authorized to perform: kms:GenerateDataKey on resource: k")
    of_json, of_query = (refused(request, asked.caller) for request in (in_json(), in_query()))

    assert of_json is not None
    assert of_query is not None
    assert of_json.status == of_query.status == 400
    assert json.loads(of_json.body)["__type"] == "com.amazonaws.sqs#KmsAccessDenied"
    assert ("x-amzn-query-error", "KMS.AccessDeniedException;Sender") in of_json.headers
    assert b"<Code>KMS.AccessDeniedException</Code>" in of_query.body


@pytest.mark.parametrize(
    ("request_", "need"),
    [
        pytest.param(in_json(), ("SendMessage", "http://x/1/jobs"), id="JSON"),
        pytest.param(in_json(b"[]"), ("SendMessage", None), id="no object"),
        pytest.param(in_json(b"{"), ("SendMessage", None), id="no JSON"),
        pytest.param(in_query(), ("SendMessage", "http://x/1/jobs"), id="query"),
        pytest.param(in_query("/1/jobs", b"Action=SendMessage"), ("SendMessage", "/1/jobs"), id="queue in the path"),
        pytest.param(in_query("/?Action=GetQueueUrl&QueueName=jobs", b""), ("GetQueueUrl", "jobs"), id="GET"),
        pytest.param(in_query("/", b"\xff"), ("", "/"), id="no text"),
    ],
)
def test_what_a_request_asks_for(request_: HttpRequest, need: tuple[str, str | None]) -> None:
    asked = Asked(None)

    assert refused(request_, asked.caller) is None
    assert asked.needs == [need]
