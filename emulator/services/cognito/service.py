"""User pools over HTTP: reads requests, runs the functions of pools, tells the codes that nobody is sent here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Mapping
from typing import Any, Final

from streamer.errors import ConfigurationError

from ...foundation import log
from ...foundation.json_bytes import parsed_json
from ...functions.outcome import Failed, Functions, Refused, content_of
from ...port.aws_names import is_aws
from ...port.http import HttpRequest, HttpResponse
from ...port.signed import POOL_DOCUMENT, POOLS_TARGET
from ..calls import Call
from .directory import Directory
from .entities import PoolError
from .keys import SigningKey
from .triggers import Sent, Steps, Trigger

_JSON: Final = "application/x-amz-json-1.1"
_ALLOWED: Final = (
    ("access-control-allow-origin", "*"),
    ("access-control-allow-headers", "*"),
    ("access-control-allow-methods", "POST, GET, OPTIONS"),
    ("access-control-expose-headers", "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"),
    ("access-control-max-age", "172800"),
)
"""What web pages of any origin are told, as on AWS. [USR] amazon-cognito-identity-js calls it from browsers"""
_SIGNS: Final = frozenset(
    {
        *(
            "InitiateAuth",
            "AdminInitiateAuth",
            "RespondToAuthChallenge",
            "AdminRespondToAuthChallenge",
            "GetTokensFromRefreshToken",
        )
    }
)


class UserPools:
    """Answers requests."""

    def __init__(self, region: str, account_id: str, functions: Functions) -> None:
        self._functions = functions
        self._keys = SigningKey()
        self._directory = Directory(region, account_id, keys=self._keys, randomness=random.SystemRandom())

    def make(self, call: Call) -> None:
        """Do what a template describes; no function is run for it.

        Raises:
            ConfigurationError: it is refused.
        """
        steps = self._directory.perform(call.operation, call.parameters, now=time.time())
        assert steps is not None, call.operation
        answer: Any = None
        try:
            while True:
                step = steps.send(answer)
                answer = step.event["response"] if isinstance(step, Trigger) else None
        except StopIteration:
            return
        except PoolError as error:
            raise ConfigurationError(f"{call.resource}: {error.code}: {error}") from error

    def remove(self, call: Call) -> None:
        """Delete a pool that may be gone."""
        with contextlib.suppress(ConfigurationError):  # which says that there is none
            self.make(call)

    async def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request; None: the operation is not known."""
        if request.method == "OPTIONS":
            return HttpResponse(200, b"", _ALLOWED)
        if (document := POOL_DOCUMENT.fullmatch(request.raw_path)) is not None:
            return await self._document(document["pool"], document["name"], request)
        operation = request.fields.get("x-amz-target", "").removeprefix(POOLS_TARGET)
        try:
            parameters = parsed_json(request.body or b"{}")
            if not isinstance(parameters, dict):
                raise TypeError("an object is expected")  # noqa: TRY301 - told as what cannot be read
        except (ValueError, TypeError):
            return _refused(PoolError("SerializationException", "The request is not JSON"))
        try:
            steps = self._directory.perform(operation, parameters, now=time.time())
            if steps is None:
                return None
            if operation in _SIGNS:
                await asyncio.to_thread(self._keys.ready)
            found = await self._done(steps)
        except PoolError as error:
            return _refused(error)
        except (AttributeError, KeyError, TypeError, ValueError):
            return _refused(PoolError("SerializationException", "A parameter is of another type than its model says"))
        return HttpResponse.of_json(200, found, *_ALLOWED, kind=_JSON)

    async def _document(self, pool: str, name: str, request: HttpRequest) -> HttpResponse:
        await asyncio.to_thread(self._keys.ready)
        host = request.fields.get("host", "")
        scheme = "https" if request.is_tls or is_aws(host) else "http"
        try:
            found = self._directory.configuration(pool, f"{scheme}://{host}")
        except PoolError as error:
            return _refused(error)
        content = found if name == "openid-configuration" else self._keys.published()
        return HttpResponse.of_json(200, content, *_ALLOWED)

    async def _done(self, steps: Steps) -> Mapping[str, Any]:
        answer: Any = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                found: Mapping[str, Any] = end.value
                return found
            if isinstance(step, Sent):
                # Nobody gets mail from here, and without the code no user could go on.
                log.info("Cognito would send a code", pool=step.pool, to=step.to, code=step.code, purpose=step.purpose)
                answer = None
            else:
                answer = await self._response(step)

    async def _response(self, trigger: Trigger) -> Any:
        """What a function makes of ``response``. [DOC] cognito-docs, "Lambda trigger sources", errors"""
        name = trigger.function.partition(":function:")[2]
        outcome = await self._functions.invoke(name, json.dumps(trigger.event).encode())
        if isinstance(outcome, Refused):
            raise PoolError("UnexpectedLambdaException", f"{trigger.name} invocation failed: {outcome.message}")
        if isinstance(outcome, Failed):
            error = content_of(outcome.payload)
            why = str(error.get("errorMessage", "") if isinstance(error, dict) else error)
            raise PoolError("UserLambdaValidationException", f"{trigger.name} failed with error {why}.")
        returned = content_of(outcome.payload)
        if not isinstance(returned, dict) or not isinstance(returned.get("response", {}), dict):
            raise PoolError("InvalidLambdaResponseException", "Unrecognizable lambda output")
        return returned.get("response", {})


def _refused(error: PoolError) -> HttpResponse:
    told = (("x-amzn-ErrorType", f"{error.code}:"), ("x-amzn-ErrorMessage", " ".join(str(error).split())))
    return HttpResponse.of_json(400, error.told(), *told, *_ALLOWED, kind=_JSON)
