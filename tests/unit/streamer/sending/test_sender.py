from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from streamer.aws_limits import MESSAGE_BYTES
from streamer.errors import ConfigurationError, GoneError, PayloadTooLargeError, SendError
from streamer.sending.sender import ManagementApi, RetryPolicy, Verdict, judge
from streamer.sending.transport import Answer, NoAnswerError

ENDPOINT = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/dev"
CONNECTION = "WgQ2HdS5oAMCKkw="


class Gateway:
    """A management API that gives the prepared answers, and a clock that only its waits move."""

    def __init__(self, *answers: Answer | Exception, seconds_per_request: float = 0.0) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, bytes, Mapping[str, str], float]] = []
        self.methods: list[str] = []
        self.waits: list[float] = []
        self.now = 100.0
        self.seconds_per_request = seconds_per_request

    def exchange(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float
    ) -> Answer:
        self.methods.append(method)
        self.requests.append((url, body, headers, timeout_seconds))
        self.now += self.seconds_per_request
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def api(self, **options: Any) -> ManagementApi:
        return ManagementApi(
            **{
                "credentials": Credentials("AKIDEXAMPLE", "secret", "session"),
                "region": "us-east-1",
                "exchange": self.exchange,
                "sleep": self.sleep,
                "jitter": lambda: 1.0,
                "clock": lambda: self.now,
                **options,
            }
        )


OK = Answer(200)
THROTTLED = Answer(429, b'{"message":"Too Many Requests"}', "LimitExceededException")


def test_a_message_is_one_signed_post_to_the_connections_encoded_url() -> None:
    gateway = Gateway(OK)
    gateway.api().at(ENDPOINT).send(CONNECTION, '{"ä":1}')

    ((url, body, headers, _),) = gateway.requests
    assert url == f"{ENDPOINT}/%40connections/WgQ2HdS5oAMCKkw%3D"
    assert body == '{"ä":1}'.encode()
    assert re.search(
        r"Credential=AKIDEXAMPLE/\d{8}/us-east-1/execute-api/aws4_request, .*Signature=[0-9a-f]{64}$",
        headers["authorization"],
    )
    assert headers["x-amz-security-token"] == "session"


def test_the_signature_is_the_one_the_sdk_would_make() -> None:
    gateway = Gateway(OK)
    gateway.api().at(ENDPOINT).send(CONNECTION, b"hello")

    ((url, body, headers, _),) = gateway.requests
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": headers["content-type"]})
    request.context["timestamp"] = headers["x-amz-date"]
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    request.headers["X-Amz-Security-Token"] = "session"
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret", "session"), "execute-api", "us-east-1")
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert headers["authorization"].endswith(f"Signature={expected}")


def test_an_endpoint_from_the_environment_replaces_the_events() -> None:
    gateway = Gateway(OK)
    gateway.api(endpoint="http://127.0.0.1:8787/dev/").at(ENDPOINT).send("c", "x")

    assert gateway.requests[0][0] == "http://127.0.0.1:8787/dev/%40connections/c"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (301, Verdict.REFUSED),
        (400, Verdict.REFUSED),
        (403, Verdict.REFUSED),
        (404, Verdict.REFUSED),
        (410, Verdict.GONE),
        (413, Verdict.TOO_LARGE),
        (429, Verdict.TRY_AGAIN),
        (500, Verdict.TRY_AGAIN),
        (502, Verdict.TRY_AGAIN),
        (503, Verdict.TRY_AGAIN),
        (504, Verdict.TRY_AGAIN),
    ],
)
def test_what_a_status_means(status: int, verdict: Verdict) -> None:
    assert judge(status) is verdict


def test_a_closed_connection_is_gone_at_the_first_answer() -> None:
    gateway = Gateway(Answer(410, b"", "GoneException"))

    with pytest.raises(GoneError) as caught:
        gateway.api().at(ENDPOINT).send(CONNECTION, "x")

    assert caught.value.connection_id == CONNECTION
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("message", [b"x" * (MESSAGE_BYTES + 1), "ä" * (MESSAGE_BYTES // 2 + 1)])
def test_a_message_over_the_limit_is_not_even_sent(message: str | bytes) -> None:
    gateway = Gateway(OK)

    with pytest.raises(PayloadTooLargeError) as caught:
        gateway.api().at(ENDPOINT).send(CONNECTION, message)

    assert caught.value.size_bytes > MESSAGE_BYTES
    assert gateway.requests == []


def test_a_message_of_exactly_the_limit_is_sent() -> None:
    gateway = Gateway(OK)
    gateway.api().at(ENDPOINT).send(CONNECTION, b"x" * MESSAGE_BYTES)

    assert len(gateway.requests[0][1]) == MESSAGE_BYTES


def test_a_message_that_the_gateway_finds_too_large_is_an_error_for_the_caller() -> None:
    with pytest.raises(PayloadTooLargeError):
        Gateway(Answer(413)).api().at(ENDPOINT).send(CONNECTION, "x")


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(THROTTLED, id="throttled, or a slow reader"),
        pytest.param(Answer(500), id="internal error"),
        pytest.param(Answer(503), id="unavailable"),
        pytest.param(NoAnswerError("timed out"), id="no answer"),
    ],
)
def test_trouble_that_passes_is_tried_again_with_growing_waits(trouble: Answer | Exception) -> None:
    gateway = Gateway(trouble, trouble, trouble, OK)
    gateway.api().at(ENDPOINT).send(CONNECTION, "x")

    assert gateway.waits == [0.1, 0.2, 0.4]


def test_waits_are_fully_jittered() -> None:
    gateway = Gateway(THROTTLED, THROTTLED, OK)
    jitters = iter([0.0, 0.5])
    gateway.api(jitter=lambda: next(jitters)).at(ENDPOINT).send(CONNECTION, "x")

    assert gateway.waits == [0.0, 0.1]


def test_trouble_that_stays_ends_in_an_error_that_says_what_it_was() -> None:
    gateway = Gateway(THROTTLED)

    with pytest.raises(SendError, match=r"HTTP 429 LimitExceededException Too Many Requests"):
        gateway.api().at(ENDPOINT).send(CONNECTION, "x")

    assert len(gateway.requests) == RetryPolicy().attempts


def test_slow_answers_do_not_add_up_beyond_the_total() -> None:
    gateway = Gateway(NoAnswerError("timed out"), seconds_per_request=2.5)

    with pytest.raises(SendError, match="timed out"):
        gateway.api(retry=RetryPolicy(total_seconds=6.0, request_seconds=3.0)).at(ENDPOINT).send(CONNECTION, "x")

    assert len(gateway.requests) == 3
    assert [round(timeout, 1) for *_, timeout in gateway.requests] == [3.0, 3.0, 0.7]


def test_a_refusal_is_not_tried_again_and_names_its_reason() -> None:
    body = b'{"message":"User: arn is not authorized to perform: execute-api:ManageConnections"}'
    gateway = Gateway(Answer(403, body, "AccessDeniedException"))

    with pytest.raises(SendError, match=r"AccessDeniedException .*ManageConnections"):
        gateway.api().at(ENDPOINT).send(CONNECTION, "x")

    assert len(gateway.requests) == 1


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b'{"message": 5}', b"\xff"])
def test_an_answer_of_any_form_is_described(body: bytes) -> None:
    with pytest.raises(SendError, match="HTTP 400"):
        Gateway(Answer(400, body)).api().at(ENDPOINT).send(CONNECTION, "x")


def test_credentials_that_change_are_used_as_they_are_at_the_time() -> None:
    class Rotating:
        keys = iter(["FIRST", "SECOND"])

        def get_frozen_credentials(self) -> Credentials:
            return Credentials(next(self.keys), "secret")

    gateway = Gateway(OK)
    sender = gateway.api(credentials=Rotating()).at(ENDPOINT)
    sender.send(CONNECTION, "x")
    sender.send(CONNECTION, "x")

    assert ["FIRST" in headers["authorization"] for _, _, headers, _ in gateway.requests] == [True, False]


def test_without_credentials_nothing_is_sent() -> None:
    with pytest.raises(ConfigurationError, match="credentials"):
        Gateway(OK).api(credentials=None).at(ENDPOINT).send(CONNECTION, "x")


def test_without_a_region_there_is_no_sender() -> None:
    with pytest.raises(ConfigurationError, match="AWS_REGION"):
        ManagementApi.from_environ({})


@given(st.text(min_size=1))
def test_no_connection_id_can_leave_its_place_in_the_url(connection_id: str) -> None:
    gateway = Gateway(OK)
    try:
        gateway.api().at(ENDPOINT).send(connection_id, "x")
    except UnicodeEncodeError:
        return

    last = gateway.requests[0][0].removeprefix(f"{ENDPOINT}/%40connections/")
    assert not set(last) & set("/?#&= ")


def test_a_connection_is_asked_for_with_a_signed_get() -> None:
    gateway = Gateway(OK)

    assert gateway.api().at(ENDPOINT).is_active(CONNECTION) is True

    ((url, body, headers, _),) = gateway.requests
    assert (gateway.methods, url, body) == (["GET"], f"{ENDPOINT}/%40connections/WgQ2HdS5oAMCKkw%3D", b"")
    assert "Signature=" in headers["authorization"]
    assert "content-type" not in headers


@pytest.mark.parametrize(
    ("answers", "active"),
    [
        pytest.param([Answer(410)], False, id="gone"),
        pytest.param([THROTTLED, OK], True, id="open, after a while"),
    ],
)
def test_whether_a_connection_is_open(answers: list[Answer], active: bool) -> None:
    assert Gateway(*answers).api().at(ENDPOINT).is_active(CONNECTION) is active


def test_whether_a_connection_is_open_may_stay_unknown() -> None:
    with pytest.raises(SendError) as caught:
        Gateway(Answer(500)).api().at(ENDPOINT).is_active(CONNECTION)

    assert caught.value.is_temporary


def test_a_sender_for_one_try_leaves_the_waiting_to_its_caller() -> None:
    gateway = Gateway(THROTTLED)

    with pytest.raises(SendError, match="once") as caught:
        gateway.api().once_at(ENDPOINT).send(CONNECTION, "{}")

    assert (len(gateway.requests), gateway.waits, caught.value.is_temporary) == (1, [], True)


def test_what_api_gateway_refuses_is_not_worth_another_try() -> None:
    with pytest.raises(SendError) as caught:
        Gateway(Answer(403)).api().at(ENDPOINT).send(CONNECTION, "{}")

    assert not caught.value.is_temporary


def test_a_request_names_the_invocation_that_sends_and_does_not_sign_that() -> None:
    gateway = Gateway(OK)

    gateway.api(trace=lambda: "Root=1-a;Parent=b;Sampled=0").at(ENDPOINT).send(CONNECTION, "hi")

    ((_, _, headers, _),) = gateway.requests
    assert headers["x-amzn-trace-id"] == "Root=1-a;Parent=b;Sampled=0"
    assert "x-amzn-trace-id" not in headers["authorization"]
