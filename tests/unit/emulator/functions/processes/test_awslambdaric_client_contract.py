"""What `runtime_client` changes inside awslambdaric, that it needs no port and no thread; new versions may differ."""

from __future__ import annotations

import inspect
import json

import pytest
from awslambdaric.lambda_config import LambdaConfigProvider
from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient, LambdaRuntimeClient, LambdaRuntimeClientError
from awslambdaric.lambda_runtime_marshaller import to_json

from emulator.functions.processes.runtime_client import adapt, call_rapid


def test_the_call_that_is_replaced_takes_what_ours_takes() -> None:
    theirs = inspect.signature(BaseLambdaRuntimeClient.call_rapid)
    ours = inspect.signature(call_rapid)

    assert list(theirs.parameters)[1:] == list(ours.parameters)[1:]
    assert LambdaRuntimeClient.call_rapid is BaseLambdaRuntimeClient.call_rapid


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_no_python_waits_for_events_in_a_thread_of_its_own(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = LambdaConfigProvider(
        ["bootstrap", "app.handler"],
        {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:0", "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}"},
    )
    assert config.use_thread_polling is (version != "3.11")
    for changed, name in ((LambdaConfigProvider, "use_thread_polling"), (BaseLambdaRuntimeClient, "call_rapid")):
        monkeypatch.setattr(changed, name, getattr(changed, name))  # is undone after the test

    adapt()

    assert config.use_thread_polling is False
    assert BaseLambdaRuntimeClient.call_rapid is call_rapid


def test_a_failed_init_is_told_by_the_call_that_is_replaced() -> None:
    calls: list[tuple[object, ...]] = []

    class Client(LambdaRuntimeClient):  # type: ignore[misc]
        def call_rapid(self, *arguments: object) -> None:
            calls.append(arguments)

    Client("127.0.0.1:0").post_init_error({"errorType": "T"})

    assert [call[:2] for call in calls] == [("POST", "/2018-06-01/runtime/init/error")]
    assert json.loads(to_json(calls[0][3])) == {"errorType": "T"}
    assert issubclass(LambdaRuntimeClientError, Exception)
