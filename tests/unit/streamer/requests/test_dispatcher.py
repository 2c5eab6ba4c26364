import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from streamer.errors import DispatchError
from streamer.records import RequestKey
from streamer.requests.dispatcher import LambdaDispatcher
from streamer.requests.runs import Run, run_of

KEY = RequestKey("acme#ada", "r-1")


class FakeLambda:
    """The one operation of the Lambda client that is used."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls: list[dict[str, Any]] = []

    def invoke(self, **arguments: Any) -> Any:
        self.calls.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_run_is_an_asynchronous_invocation_of_the_function() -> None:
    client = FakeLambda({"StatusCode": 202})

    LambdaDispatcher(lambda: client, "processor").dispatch(Run(KEY))

    ((arguments,),) = [client.calls]
    assert (arguments["FunctionName"], arguments["InvocationType"]) == ("processor", "Event")
    assert run_of(json.loads(arguments["Payload"])) == Run(KEY)


def test_the_client_is_made_when_it_is_needed() -> None:
    made: list[FakeLambda] = []

    def make() -> FakeLambda:
        made.append(FakeLambda({"StatusCode": 202}))
        return made[-1]

    dispatcher = LambdaDispatcher(make, "processor")
    assert made == []
    dispatcher.dispatch(Run(KEY))
    assert len(made) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"), id="throttled"),
        pytest.param(ConnectTimeoutError(endpoint_url="https://lambda"), id="no answer"),
        pytest.param({"StatusCode": 200}, id="another status"),
    ],
)
def test_what_lambda_did_not_accept_is_an_error(answer: Any) -> None:
    with pytest.raises(DispatchError, match="processor"):
        LambdaDispatcher(lambda: FakeLambda(answer), "processor").dispatch(Run(KEY))
