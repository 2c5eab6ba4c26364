"""Starts a run of a request: an asynchronous invocation of the processor by itself, one per request.

So a request that takes 15 minutes holds up neither its neighbours in a stream batch nor the shard behind it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from streamer.errors import DispatchError
from streamer.requests.runs import Run, run_event


class Dispatcher(Protocol):
    """Starts runs. Safe to share between threads."""

    def dispatch(self, run: Run) -> None:
        """Start a run of a request, and return once that is certain; what comes of it is stored with the request.

        Raises:
            DispatchError: it may not have been started.
        """
        ...


class LambdaDispatcher:
    """Invokes a Lambda function with ``InvocationType=Event``. [DOC] lambda-docs:invocation-async"""

    def __init__(self, client: Callable[[], Any], function_name: str) -> None:
        """Without I/O; ``client`` gives the Lambda client when it is first needed."""
        self._client = client
        self._function_name = function_name

    def dispatch(self, run: Run) -> None:
        """See `Dispatcher.dispatch`."""
        self.start(run_event(run.key, not_before=run.not_before, tells=run.tells))

    def start(self, event: Mapping[str, Any]) -> None:
        """Have the function handle an event, and return once that is certain.

        Raises:
            DispatchError: it may not have been started.
        """
        payload = json.dumps(event).encode()
        try:
            answer = self._client().invoke(FunctionName=self._function_name, InvocationType="Event", Payload=payload)
        except (BotoCoreError, ClientError) as exc:
            raise DispatchError(f"could not invoke {self._function_name}: {exc}") from exc
        # [DOC] lambda-docs:API_Invoke: 202 for InvocationType Event.
        if answer["StatusCode"] != 202:
            raise DispatchError(f"invoking {self._function_name} was answered with {answer['StatusCode']}, not 202")
