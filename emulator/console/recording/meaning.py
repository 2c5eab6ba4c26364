"""What records mean: what became of a message, what was called, where an invocation came from. Pure."""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Mapping
from typing import Any, Final, assert_never
from urllib.parse import parse_qsl, unquote

from ...foundation.json_bytes import parsed_json, text_of
from ...functions.outcome import Outcome, Refused
from ...functions.target import target
from ...gateway.rules.effects import Close, NotInvoked, Raised, Replied, Send, TimedOut, Warn
from ...gateway.rules.management import parse_path
from ...port.header_names import TRACE
from ...port.signed import CREDENTIAL
from .faults import fault_of_payload
from .records import Call, Closed, Message, Run
from .ring import CALL_BYTES, PAYLOAD_BYTES

_SOURCES: Final = {
    "aws:dynamodb": "stream",
    "aws:kinesis": "stream",
    "aws:sqs": "queue",
    "aws:sns": "topic",
    "aws:s3": "bucket",
}
REQUEST_ENDED: Final = "request ended"
"""What the App's processor logs of each run of a queued request that is over."""
_NODE_LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Of the text that the runtime of Node.js writes: time, request id, level and message, with tabs between."""
_ABOUT: Final = (
    *("TopicArn", "TargetArn", "stateMachineArn", "executionArn", "SecretId", "Name", "Names", "KeyId", "UserPoolId"),
    *("ClientId", "EventBusName", "ScheduleName", "RoleArn"),
)
"""What other services name the thing that a request is about, the first that is there."""

_PIECE: Final = re.compile(r"""(?s)"(?:[^"\\]|\\.)*"|["{}\[\],]""")
"""Of JSON: a text, the beginning of one that was cut, or what stands around members."""


def status_of_message(record: Message) -> tuple[str, str]:
    """What became of a message, in a word, and why if it went wrong."""
    if record.invoke is None:
        return "refused", _why_not_run(record)
    match record.result:
        case None:
            return "running", ""
        case Replied():
            warned = next((each.text for each in record.replies if isinstance(each, Warn)), "")
            return ("error", warned) if warned else ("ok", "")
        case Raised(payload):
            fault = fault_of_payload(payload)
            return "error", fault.sentence if fault is not None else "the function failed"
        case NotInvoked(reason):
            return "error", f"the function was not run: {reason}"
        case TimedOut():
            return "error", f"no answer within {record.invoke.timeout_seconds:g} s"
        case _ as result:
            assert_never(result)


def _why_not_run(record: Message) -> str:
    for effect in record.effects:
        if isinstance(effect, Warn):
            return effect.text
    for effect in record.effects:
        if isinstance(effect, Send):
            said = app_message(effect.text).get("message")
            return f"answered with {said!r}" if said else "answered by the gateway itself"
        if isinstance(effect, Close):
            return f"closed with {effect.code}"
    return "the connection was not open any more"


def closer_of(record: Closed) -> str:
    """Who ended a connection: `recording.By`, ``@connections`` or ``console``."""
    if record.is_ours:
        return "console"
    return "@connections" if (record.by, record.code) == ("gateway", 1000) else record.by


def meaning_of(record: Closed) -> str:
    """Why a connection ended, in a sentence."""
    known = {
        ("client", 1000): "the client closed it",
        ("client", 1001): "the client went away, as a browser does that leaves the page",
        ("client", 1005): "the client closed it without a code",
        ("gateway", 1000): "deleted through @connections",
        ("gateway", 1001): "the emulator stopped",
        ("idle", 1001): "nothing was sent either way for too long",
        ("duration", 1001): "it was open for as long as a connection may be",
        ("gateway", 1002): "the client broke the WebSocket protocol",
        ("gateway", 1003): "the client sent a binary message, which WebSocket APIs do not take",
        ("gateway", 1007): "the client sent text that is not UTF-8",
        ("gateway", 1008): "the client sent too fast",
        ("gateway", 1009): "the client sent a frame over 32 KB, or a message over 128 KB",
    }
    if record.is_ours:
        return "cut from the console" if record.by == "network" else f"closed from the console with {record.code}"
    if record.by == "network":
        return "the TCP connection broke without a close frame"
    return known.get((record.by, record.code), f"closed by the {record.by} with {record.code}")


def lambda_request_of(outcome: Outcome) -> str | None:
    """The id of the invocation, as the function knows it; None: it did not run."""
    return None if isinstance(outcome, Refused) else outcome.request_id


def root_of(trace: str) -> str:
    """``1-…`` of an ``X-Amzn-Trace-Id``, which SDKs percent-encode; empty: there is none."""
    for part in unquote(trace).split(";"):
        name, _, value = part.strip().partition("=")
        if name == "Root":
            return value
    return ""


def caller_of(call: Call) -> str:
    """The root of the invocation that made a call; empty: none did."""
    return root_of(call.fields.get(TRACE, ""))


def source_of(run: Run) -> Mapping[str, Any]:
    """What an invocation came from, as its event tells; kept in the record, which is asked for it often."""
    if run.came_from is None:
        run.came_from = _source_of(event_of(run))
    return run.came_from


def _source_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    context = event.get("requestContext")
    if isinstance(context, dict) and "connectionId" in context:
        return {
            "source": "gateway",
            "connection": context["connectionId"],
            "gateway_request": context.get("requestId"),
            "route": context.get("routeKey"),
        }
    records = event.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        named = records[0].get("eventSource") or records[0].get("EventSource")
        return {"source": _SOURCES.get(str(named), "invoke"), "records": len(records)}
    if isinstance(context, dict) and (route := _http_route(event, context)):
        return {"source": "http", "route": route}
    if event.get("source") in ("aws.events", "aws.scheduler"):
        return {"source": "schedule"}
    return {"source": "event bus", "route": event["detail-type"]} if "detail-type" in event else {"source": "invoke"}


def _http_route(event: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """Method and path of an event of an HTTP API, a REST API or a function URL; empty: it is none."""
    http = context.get("http")
    if isinstance(http, dict):
        return f"{http.get('method')} {http.get('path')}"
    return f"{event['httpMethod']} {event.get('path')}" if "httpMethod" in event else ""


def what_was_called(record: Call) -> tuple[str, str, str]:
    """Service, operation and target of a call, as people name them."""
    path = record.target.partition("?")[0]
    connection = parse_path(path)
    if connection is not None:
        return "@connections", record.method, connection.connection_id
    if path.startswith(("/2015-03-31/functions/", "/2021-11-15/functions/")):
        kind = record.fields.get("x-amz-invocation-type", "RequestResponse")
        named = target(unquote(path.split("/")[3]), None)
        return "lambda", f"Invoke {kind}", "" if named is None else named.function
    service, _, operation = record.fields.get("x-amz-target", "").partition(".")
    body = body_of(record)
    if service.startswith("DynamoDB"):
        return "dynamodb", operation, _tables(body)
    if service == "AmazonSQS":
        return "sqs", operation, str(body.get("QueueUrl") or body.get("QueueName") or "").rpartition("/")[2]
    query = unquote(record.target.partition("?")[2])
    signed = CREDENTIAL.search(record.fields.get("authorization", "")) or CREDENTIAL.search(query)
    if signed is None:
        return "http", record.method, path
    said = body or dict(parse_qsl(record.body.decode("utf-8", "replace")))
    operation = operation or str(said.get("Action", ""))
    if signed["service"] == "sqs":
        return "sqs", operation, str(said.get("QueueUrl", "")).rpartition("/")[2]
    about = next((str(said[name]) for name in _ABOUT if said.get(name)), "")
    if not operation:
        return signed["service"], record.method, path
    return signed["service"], operation, about.rpartition(":")[2] if about.startswith("arn:") else about


def _tables(body: Mapping[str, Any]) -> str:
    if "TableName" in body:
        return str(body["TableName"])
    items = body.get("RequestItems")
    if isinstance(items, dict):
        return ", ".join(items)
    actions = body.get("TransactItems")
    if isinstance(actions, list):
        named = [each.get("TableName", "") for one in actions if isinstance(one, dict) for each in one.values()]
        return ", ".join(dict.fromkeys(named))
    return ""


def level_and_text(line: str) -> tuple[str, str]:
    """The level of a function's line, and what it says without its frame."""
    if line.startswith("{"):
        record = json_object(line.encode("utf-8", "surrogatepass"))
        if "_aws" in record:
            return "METRIC", line
        if "message" in record or "errorMessage" in record:
            return str(record.get("level", "INFO")), text_of(record.get("message") or record.get("errorMessage") or "")
        return "INFO", line
    parts = line.split("\t", 3)
    if len(parts) == 4 and parts[2] in _NODE_LEVELS:
        return parts[2], parts[3].strip()
    if line.startswith("[") and "]" in line[:12]:
        level, _, rest = line[1:].partition("]")
        return level, rest.split("\t")[-1].strip() or rest.strip()
    return ("ERROR", line) if "Task timed out after" in line or "Runtime exited" in line else ("INFO", line)


def answer_header(call: Call, name: str) -> str:
    """A header of a call's answer, by its name in lower case; empty: it is not there."""
    return next((value for each, value in call.answer_headers if each.lower() == name), "")


def plain_answer(record: Call) -> bytes:
    """What of a call's answer was recorded, as it was before it was compressed for its client."""
    if answer_header(record, "content-encoding") in ("gzip", "deflate"):
        with contextlib.suppress(zlib.error):
            return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(record.answer, CALL_BYTES)
    return record.answer


def why_refused(record: Call) -> str:
    """Why a call failed, in AWS's words."""
    named = answer_header(record, "x-amzn-errortype")
    body = json_object(plain_answer(record))
    error = named or str(body.get("__type", "")).rpartition("#")[2]
    said = str(body.get("message") or body.get("Message") or "")
    return ": ".join(part for part in (error, said) if part) or f"HTTP {record.status}"


def app_message(text: str) -> dict[str, Any]:
    """A message of the App's protocol, or of the gateway's; empty: it is no JSON object."""
    return json_object(text.encode("utf-8", "surrogatepass")) if text.startswith("{") else {}


def body_of(call: Call) -> dict[str, Any]:
    """The JSON object that a call brought, as far as it was kept; empty: it brought none."""
    return _kept_object(call.body, is_cut=call.body_bytes > CALL_BYTES)


def event_of(run: Run) -> dict[str, Any]:
    """An invocation's event, as far as it was kept; empty: it is no JSON object."""
    return _kept_object(run.payload, is_cut=run.payload_bytes > PAYLOAD_BYTES)


def _kept_object(content: bytes, *, is_cut: bool) -> dict[str, Any]:
    return json_object(_whole_part(content.decode("utf-8", "replace")).encode() if is_cut else content)


def _whole_part(text: str) -> str:
    """JSON that was cut, without what is not whole at its end, and with its brackets closed."""
    end, closing = 0, ""
    for found in _PIECE.finditer(text):
        piece = found[0]
        if piece == '"':
            break
        if piece in ("{", "["):
            end, closing = found.end(), ("}" if piece == "{" else "]") + closing
        elif piece in ("}", "]"):
            end, closing = found.end(), closing[1:]
        elif piece == ",":
            end = found.start()
    return text[:end] + closing


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object; empty: it is none."""
    try:
        value: Any = parsed_json(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
