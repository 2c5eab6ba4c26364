"""Routes of HTTP APIs that pass requests on, or ask a service of AWS. Pure.

[DOC] apigw-docs:http-api-develop-integrations-http, http-api-develop-integrations-aws-services,
http-api-develop-integrations-aws-services-reference, http-api-parameter-mapping
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from streamer.topology.http_apis import DEFAULT_PATH, Backend

from ...foundation.json_bytes import parsed_json
from ..rules.effects import HttpAnswer
from ..rules.mapping import NOT_PASSED, MappingError, Request, parameter_value, parameter_values, value_of_body
from .actions import ACTIONS
from .events import Asked
from .headers import own_headers, sendable

_OWN_REGION: Final = "Region"
_NUMBERS: Final = frozenset({"DelaySeconds", "MaxNumberOfMessages", "VisibilityTimeout", "WaitTimeSeconds"})
_DOCUMENTS: Final = frozenset(
    {"AttributeNames", "MessageAttributeNames", "MessageAttributes", "MessageSystemAttributes", "Resources"}
)
_EVENT: Final = frozenset({"Detail", "DetailType", "EventBusName", "Resources", "Source", "Time", "TraceHeader"})
_IN_BRACES: Final = re.compile(r"\$\{([^}]+)\}")
_MAPPED_ANSWER: Final = re.compile(r"(?P<how>append|overwrite|remove):header\.(?P<name>.+)|overwrite:statuscode")
_MAPPED: Final = re.compile(r"(?P<how>append|overwrite|remove):(?P<where>header|querystring|path)\.?(?P<name>.*)")


def value(text: str, event: Mapping[str, Any], answer: HttpAnswer | None = None) -> str:
    """A parameter's value: ``$request.body.x`` and its kin, with or without braces, else the text itself.

    Args:
        text: As it is written.
        event: The request.
        answer: What ``$response`` is; None: there is none yet.
    """
    if text.startswith("$") and not text.startswith("${"):
        return _named(text.removeprefix("$"), event, answer)
    return _IN_BRACES.sub(lambda found: _named(found[1].removeprefix("$"), event, answer), text)


def _named(name: str, event: Mapping[str, Any], answer: HttpAnswer | None) -> str:
    start, _, rest = name.partition(".")
    kind, _, key = rest.partition(".")
    if start == "response" and answer is not None:
        return _of_answer(kind, rest, answer)
    if name == "request.path":
        return _below_stage(event)
    if start == "request" and kind in ("header", "querystring"):
        several = parameter_values(f"multivalue{kind}.{key}", event)
        return ",".join(several) if several else parameter_value(rest, event) or ""
    return parameter_value(f"${name}", event) or ""


def _of_answer(kind: str, rest: str, answer: HttpAnswer) -> str:
    if kind == "header":
        wanted = rest.removeprefix("header.").lower()
        return ",".join(each for name, each in answer.headers if name.lower() == wanted)
    return value_of_body(rest.removeprefix("body").removeprefix("."), answer.body.decode("utf-8", "replace")) or ""


def _below_stage(event: Mapping[str, Any]) -> str:
    """The request's path without the stage."""
    stage = event["requestContext"].get("stage")
    path = str(event.get("path") or "/")
    return path if stage == DEFAULT_PATH else path.removeprefix(f"/{stage}") or "/"


def answer_with(parameters: Mapping[str, str], answer: HttpAnswer, event: Mapping[str, Any]) -> HttpAnswer:
    """An integration's answer with what the parameters for its status change; raises MappingError."""
    headers, status = list(answer.headers), answer.status
    for name, text in parameters.items():
        given = value(text, event, answer)
        found = _MAPPED_ANSWER.fullmatch(name)
        if found is None:
            raise MappingError(f"{name} is no parameter of an answer")
        if found["name"] is None:
            status = _status(given)
            continue
        lower = found["name"].lower()
        before = [each for each in headers if each[0].lower() == lower]
        headers = [each for each in headers if each[0].lower() != lower]
        if found["how"] == "append":
            headers += before
        if found["how"] != "remove":
            headers.append(sendable(found["name"], given))
    return HttpAnswer(status, tuple(headers), answer.body)


def _status(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 200 <= int(text) <= 599:
        raise MappingError(f"overwrite:statuscode gives {text!r}, which is no status")
    return int(text)


def action_request(backend: Backend, event: Mapping[str, Any], region: str) -> Request:
    """What a service is asked; raises MappingError."""
    service, target = ACTIONS[str(backend.subtype)]
    given = {name: value(text, event) for name, text in backend.parameters.items()}
    there = given.pop(_OWN_REGION, None) or region
    content: dict[str, Any] = {name: _typed(name, text) for name, text in given.items()}
    if service == "events":
        content = {"Entries": [{name: each for name, each in content.items() if name in _EVENT}]}
    if service == "kinesis":
        # [INF] what clients send is text, of which Kinesis takes the bytes
        content["Data"] = base64.b64encode(str(content.get("Data", "")).encode("utf-8", "replace")).decode()
    return Request(
        method="POST",
        url=f"https://{service}.{there}.amazonaws.com/",
        body=json.dumps(content),
        headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": target},
        service=service,
        region=there,
    )


def _typed(name: str, text: str) -> Any:
    if name not in _NUMBERS | _DOCUMENTS:
        return text
    try:
        return parsed_json(text)
    except ValueError as error:
        raise MappingError(f"{name} is no JSON: {text}") from error


def proxy_request(backend: Backend, asked: Asked, event: Mapping[str, Any]) -> Request:
    """What is passed on, with what parameters change; raises MappingError."""
    headers = {name.lower(): each for name, each in asked.headers if name.lower() not in NOT_PASSED}
    query = parse_qsl(asked.query, keep_blank_values=True)
    url, _, own_query = _filled(backend.uri, asked, event).partition("?")
    path: str | None = None
    for name, text in backend.parameters.items():
        found = _MAPPED.fullmatch(name)
        if found is None:
            raise MappingError(f"{name} is no parameter of a request")
        given = "" if found["how"] == "remove" else value(text, event)
        match found["where"]:
            case "header":
                _change(headers, found["how"], found["name"].lower(), given)
            case "querystring":
                kept = query if found["how"] == "append" else [each for each in query if each[0] != found["name"]]
                query = kept if found["how"] == "remove" else [*kept, (found["name"], given)]
            case "path":
                path = given
    if path is not None:
        scheme, _, rest = url.partition("://")
        url = f"{scheme}://{rest.partition('/')[0]}/{quote(path.removeprefix('/'), safe='/%', errors='replace')}"
    if not url.startswith(("http://", "https://")):
        raise MappingError(f"{url!r} is no HTTP address")
    queries = "&".join(each for each in (own_query, urlencode(query, errors="replace")) if each)
    method = asked.method if backend.method == "ANY" else backend.method
    return Request(method=method, url=f"{url}{'?' if queries else ''}{queries}", body="", headers=headers)


def _change(headers: dict[str, str], how: str, name: str, given: str) -> None:
    before = headers.pop(name, None)
    if how == "append" and before is not None:
        headers[name] = f"{before},{given}"
    elif how != "remove":
        headers[name] = given


def _filled(uri: str, asked: Asked, event: Mapping[str, Any]) -> str:
    """An address with its variables: ``{proxy}`` of the route's path, ``${stageVariables.x}``."""
    filled = _IN_BRACES.sub(lambda found: parameter_value(found[1], event) or "", uri)
    for name, each in asked.match.parameters.items():
        filled = filled.replace(f"{{{name}}}", quote(each, safe="/", errors="replace"))
    return filled


def action_answer(asked: Asked, status: int, body: bytes) -> HttpAnswer:
    """A service's answer as clients get it."""
    return HttpAnswer(status, (("content-type", "application/json"), *own_headers(asked)), body)
