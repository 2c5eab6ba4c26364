"""What Task states do: functions, APIs, other executions, and calls of any service, all of them on this machine."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from streamer.stores.local_clients import SESSION_VARIABLES, proxies

from ...foundation.json_bytes import json_text, parsed_json, text_of
from ...functions.outcome import Failed, Functions, Refused, content_of
from ...functions.variables import Endpoints
from .errors import RUNTIME, TIMEOUT, StateError
from .tokens import token_of

_FUNCTION: Final = re.compile(r"arn:[\w-]+:lambda:[\w-]+:\d+:function:(?P<name>[\w-]+(?::[\w$-]+)?)")
_SERVICE: Final = re.compile(
    r"arn:[\w-]+:states:[\w-]*:\d*:(?P<sdk>aws-sdk:)?(?P<service>\w+):(?P<action>\w+)(?P<how>\.[\w.:]+)?"
)
_NAMES: Final = {"dynamodb": "DynamoDB", "events": "Events", "lambda": "Lambda", "sns": "SNS", "sqs": "SQS"}
_SDK_NAMES: Final = {"dynamodb": "DynamoDb", "eventbridge": "EventBridge", "secretsmanager": "SecretsManager"}
"""What errors begin with, of a service's own integration and by the SDK. [DOC] sfn-docs:supported-services-awssdk"""
_CLIENTS: Final = {"eventbridge": "events", "sfn": "stepfunctions", "cognitoidentityprovider": "cognito-idp"}
"""Services whose names there are not botocore's."""
_UNKNOWN: Final = "Lambda.Unknown"
"""The error of a function that names none [DOC] sfn-docs:concepts-error-handling, or answers no JSON. [INF]"""
WAITING: Final = 1000
"""Most tasks that wait for their token."""

Start = Callable[[Mapping[str, Any]], Awaitable[tuple[Mapping[str, Any], "asyncio.Future[Mapping[str, Any]]"]]]
"""Starts an execution: its answer, and how it ended once it has."""


@dataclass(slots=True)
class _Waiting:
    """A task that waits for its token."""

    answer: asyncio.Future[Any]
    heard: float
    """When it began, or somebody last said to work on it, by the loop's clock."""


class TaskRunner:
    """Implements `execution.Tasks`."""

    def __init__(self, functions: Functions, endpoints: Endpoints, start: Start) -> None:
        self._functions = functions
        self._endpoints = endpoints
        self._start = start
        self._clients: dict[str, Any] = {}
        self._tokens: dict[str, _Waiting] = {}
        self._over: deque[str] = deque(maxlen=WAITING)

    def token(self, machine: str) -> str:
        """A new token for a task of the machine of that ARN, which waits for it once it is done."""
        return token_of(machine, secrets.token_urlsafe(96))

    def settle(self, token: str, outcome: Any) -> bool:
        """End the task that waits for a token, with a result or with a StateError; False: there is none."""
        waiting = self._tokens.get(token)
        if waiting is None or waiting.answer.done():
            return False
        if isinstance(outcome, StateError):
            waiting.answer.set_exception(outcome)
        else:
            waiting.answer.set_result(outcome)
        return True

    def beat(self, token: str) -> bool:
        """Note that somebody works on the task that waits for a token; False: there is none."""
        waiting = self._tokens.get(token)
        if waiting is None or waiting.answer.done():
            return False
        waiting.heard = asyncio.get_running_loop().time()
        return True

    def knew(self, token: str) -> bool:
        """Whether a task waits, or waited lately, for a token."""
        return token in self._tokens or token in self._over

    async def do(self, resource: str, parameters: Any, token: str | None, heartbeat_seconds: float | None) -> Any:
        """The result; raises StateError."""
        if token is None:
            return await self._done(resource, parameters)
        if len(self._tokens) >= WAITING:
            raise StateError(RUNTIME, f"{WAITING} tasks wait already")
        loop = asyncio.get_running_loop()
        waiting = self._tokens[token] = _Waiting(loop.create_future(), loop.time())
        try:
            await self._done(resource, parameters)
            return await self._answered(waiting, heartbeat_seconds)
        finally:
            del self._tokens[token]
            self._over.append(token)
            if waiting.answer.done() and not waiting.answer.cancelled():
                waiting.answer.exception()  # whoever was to hear of it is gone

    async def _answered(self, waiting: _Waiting, heartbeat_seconds: float | None) -> Any:
        """What was sent with a token. [REC] ls-snap test_heartbeat_timeout: silence is ``States.Timeout``"""
        loop = asyncio.get_running_loop()
        while heartbeat_seconds is not None and not waiting.answer.done():
            left = waiting.heard + heartbeat_seconds - loop.time()
            if left <= 0:
                raise StateError(TIMEOUT, "")
            await asyncio.wait([waiting.answer], timeout=left)
        return await waiting.answer

    async def _done(self, resource: str, parameters: Any) -> Any:
        if (function := _FUNCTION.fullmatch(resource)) is not None:
            return await self._invoked(function["name"], parameters)
        found = _SERVICE.fullmatch(resource)
        if found is None:
            raise StateError(RUNTIME, f"The resource {resource} is not emulated")
        service, action, how = found["service"], found["action"], found["how"] or ""
        if found["sdk"] is None and (service, action) == ("lambda", "invoke"):
            return await self._lambda(parameters)
        if found["sdk"] is None and (service, action) == ("states", "startExecution"):
            return await self._execution(parameters, how)
        if found["sdk"] is None and (service, action) == ("apigateway", "invoke"):
            return await asyncio.to_thread(self._api, parameters)
        return await asyncio.to_thread(self._called, service, action, parameters, is_sdk=found["sdk"] is not None)

    # functions

    async def _invoked(self, name: str, event: Any) -> Any:
        outcome = await self._functions.invoke(name, json.dumps(event).encode())
        if isinstance(outcome, Refused):
            cause = f"{outcome.message} (Service: Lambda, Status Code: {outcome.status})"
            raise StateError(f"Lambda.{outcome.error_type}", cause)
        if isinstance(outcome, Failed):
            text, error = outcome.payload.decode("utf-8", "replace"), content_of(outcome.payload)
            named = error.get("errorType", "Exception") if isinstance(error, dict) else _UNKNOWN
            raise StateError(str(named), text)
        try:
            return parsed_json(outcome.payload)
        except ValueError as error:
            raise StateError(_UNKNOWN, f"the function's answer is no JSON: {error}") from error

    async def _lambda(self, parameters: Any) -> Any:
        named = str(parameters.get("FunctionName"))
        found = _FUNCTION.fullmatch(named)
        name = found["name"] if found is not None else named
        if "Qualifier" in parameters and ":" not in name:
            name = f"{name}:{parameters['Qualifier']}"
        payload = parameters.get("Payload", {})
        http = {"HttpStatusCode": 200, "AllHttpHeaders": {}, "HttpHeaders": {}}
        around = {"SdkHttpMetadata": http, "SdkResponseMetadata": {"RequestId": str(uuid.uuid4())}, "StatusCode": 200}
        if parameters.get("InvocationType") == "Event":
            asked = {**parameters, "Payload": json.dumps(payload)}
            await asyncio.to_thread(self._called, "lambda", "invoke", asked, is_sdk=False)
            return {**around, "StatusCode": 202}
        return {"ExecutedVersion": "$LATEST", "Payload": await self._invoked(name, payload), **around}

    # executions

    async def _execution(self, parameters: Any, how: str) -> Any:
        given = {f"{name[:1].lower()}{name[1:]}": value for name, value in parameters.items()}
        if "input" in given:
            given["input"] = text_of(given["input"])
        started, ending = await self._start(given)
        if not how.startswith(".sync"):
            return {"ExecutionArn": started["executionArn"], "StartDate": started["startDate"]}
        ended = await asyncio.shield(ending)
        told = {f"{name[:1].upper()}{name[1:]}": value for name, value in ended.items()}
        if told["Status"] != "SUCCEEDED":
            raise StateError("States.TaskFailed", json.dumps(told))
        return {**told, "Output": json.loads(told["Output"])} if how == ".sync:2" else told

    # APIs

    def _api(self, parameters: Any) -> Any:
        """A request to an API, which is signed. [DOC] sfn-docs:connect-api-gateway"""
        import urllib3  # noqa: PLC0415 - only for those who call APIs
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - as above
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - as above
        from botocore.credentials import Credentials  # noqa: PLC0415 - as above

        host = urlsplit(f"//{str(parameters['ApiEndpoint']).removeprefix('https://')}").netloc
        path = "/".join(
            each.strip("/") for each in (parameters.get("Stage") or "", parameters.get("Path") or "") if each
        )
        pairs = [
            (name, each) for name, values in (parameters.get("QueryParameters") or {}).items() for each in _list(values)
        ]
        content = parameters.get("RequestBody")
        body = b"" if content is None else (content if isinstance(content, str) else json.dumps(content)).encode()
        query = f"?{urlencode(pairs)}" if pairs else ""
        headers = {
            name: ",".join(map(str, _list(values))) for name, values in (parameters.get("Headers") or {}).items()
        }
        asked = AWSRequest(
            str(parameters["Method"]),
            f"https://{host}/{path}{query}",
            {"Content-Type": "application/json", **headers},
            body,
        )
        owner = self._endpoints.owner
        SigV4Auth(
            Credentials(owner.access_key_id, owner.secret_access_key), "execute-api", self._endpoints.region
        ).add_auth(asked)
        url = f"{self._endpoints.services['LAMBDA']}/{path}{query}"
        sent = {**dict(asked.headers.items()), "Host": host}
        answer = urllib3.request(str(parameters["Method"]), url, headers=sent, body=body, timeout=30.0, retries=False)
        text = answer.data.decode("utf-8", "replace")
        if answer.status >= 400:
            raise StateError(f"ApiGateway.{answer.status}", text)
        try:
            found = parsed_json(text) if text else {}
        except ValueError:
            found = text
        names = {name: [value] for name, value in answer.headers.items()}
        return {"Headers": names, "ResponseBody": found, "StatusCode": answer.status, "StatusText": answer.reason or ""}

    # services

    def _called(self, service: str, action: str, parameters: Any, *, is_sdk: bool) -> Any:
        from botocore import xform_name  # noqa: PLC0415 - only for those who call services
        from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError  # noqa: PLC0415 - as above
        from botocore.model import OperationNotFoundError  # noqa: PLC0415 - as above

        prefix = (_SDK_NAMES if is_sdk else _NAMES).get(service, service.capitalize())
        try:
            client = self._client(_CLIENTS.get(service, service))
            name = f"{action[:1].upper()}{action[1:]}"
            model = client.meta.service_model.operation_model(name)
            answer = getattr(client, xform_name(name))(**_given(parameters or {}, model.input_shape))
        except ClientError as error:
            told = error.response["Error"]
            code = str(told.get("Code", "Unknown")).rpartition(".")[2]
            raise StateError(
                f"{prefix}.{code}{'' if code.endswith('Exception') else 'Exception'}", str(told.get("Message"))
            ) from error
        except (UnknownServiceError, OperationNotFoundError) as error:
            raise StateError(RUNTIME, f"The resource {service}:{action} is not recognized, or not emulated.") from error
        except (BotoCoreError, AttributeError, KeyError) as error:
            raise StateError(f"{prefix}.SdkClientException", str(error)) from error
        answer.pop("ResponseMetadata", None)
        found = _plain(answer, model.output_shape)
        if not is_sdk and (service, action) == ("events", "putEvents") and found.get("FailedEntryCount"):
            raise StateError("EventBridge.FailedEntry", json.dumps(found))  # [DOC] sfn-docs:connect-eventbridge
        return found

    def _client(self, service: str) -> Any:
        import boto3  # noqa: PLC0415 - as above
        import botocore.session  # noqa: PLC0415 - as above
        from botocore.config import Config  # noqa: PLC0415 - as above

        if service not in self._clients:
            owner = self._endpoints.owner
            at = self._endpoints.services["DYNAMODB"] if service == "dynamodb" else self._endpoints.services["LAMBDA"]
            plain = botocore.session.Session(session_vars=dict(SESSION_VARIABLES))
            session = boto3.session.Session(botocore_session=plain)
            self._clients[service] = session.client(
                service,
                region_name=self._endpoints.region,
                endpoint_url=at,
                config=Config(proxies=proxies(at)),
                aws_access_key_id=owner.access_key_id,
                aws_secret_access_key=owner.secret_access_key,
            )
        return self._clients[service]


def _list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _given(value: Any, shape: Any) -> Any:
    """Parameters as the SDK for Python wants them: names as they are in the model, JSON where a text is wanted."""
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {name.lower(): name for name in shape.members}
        return {
            (known := names.get(name.lower(), name)): _given(each, shape.members.get(known))
            for name, each in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_given(each, shape.member) for each in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: _given(each, shape.value) for name, each in value.items()}
    if shape.type_name in ("string", "blob") and isinstance(value, dict | list):
        return json_text(value)
    if shape.type_name == "string" and not isinstance(value, str):
        return json.dumps(value)
    return value


def _plain(value: Any, shape: Any) -> Any:
    """An answer as JSON: names of the model's with a capital, those in maps (of a table's attributes) as they are."""
    if isinstance(value, dict):
        if shape is not None and shape.type_name == "map":
            return {name: _plain(each, shape.value) for name, each in value.items()}
        members = {} if shape is None else shape.members
        return {f"{name[:1].upper()}{name[1:]}": _plain(each, members.get(name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, None if shape is None else shape.member) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        part = f".{moment.microsecond // 1000:03d}" if moment.microsecond >= 1000 else ""
        return f"{moment:%Y-%m-%dT%H:%M:%S}{part}Z"
    if hasattr(value, "read"):
        return value.read().decode("utf-8", "replace")
    return value if isinstance(value, str | int | float | bool | None) else str(value)
