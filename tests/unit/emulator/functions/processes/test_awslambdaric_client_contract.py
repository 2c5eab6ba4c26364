"""What `bootstrap` replaces inside awslambdaric's client, so that it needs no port; a new version may change it."""

from __future__ import annotations

import inspect
import json

from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient, LambdaRuntimeClient, LambdaRuntimeClientError
from awslambdaric.lambda_runtime_marshaller import to_json

from emulator.functions.processes.bootstrap import _call_rapid


def test_the_call_that_is_replaced_takes_what_ours_takes() -> None:
    theirs = inspect.signature(BaseLambdaRuntimeClient.call_rapid)
    ours = inspect.signature(_call_rapid)

    assert list(theirs.parameters)[1:] == list(ours.parameters)[1:]
    assert LambdaRuntimeClient.call_rapid is BaseLambdaRuntimeClient.call_rapid


def test_a_failed_init_is_told_by_the_call_that_is_replaced() -> None:
    calls: list[tuple[object, ...]] = []

    class Client(LambdaRuntimeClient):  # type: ignore[misc]
        def call_rapid(self, *arguments: object) -> None:
            calls.append(arguments)

    Client("127.0.0.1:0").post_init_error({"errorType": "T"})

    assert [call[:2] for call in calls] == [("POST", "/2018-06-01/runtime/init/error")]
    assert json.loads(to_json(calls[0][3])) == {"errorType": "T"}
    assert issubclass(LambdaRuntimeClientError, Exception)
