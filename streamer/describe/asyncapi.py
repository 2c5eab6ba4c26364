"""A service as an AsyncAPI 3 document. Pure.

One channel is the connection. An action is an operation that the service receives, with its replies; a topic is one
that it sends. What AsyncAPI has no words for is in ``x-streamer``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from streamer.app import BUILT_IN_ACTIONS
from streamer.aws_limits import FRAME_BYTES, MESSAGE_BYTES
from streamer.describe.components import REFERENCE, rewritten
from streamer.describe.schemas import Schema
from streamer.describe.service import Described, DescribedAction
from streamer.errors import ErrorCode
from streamer.protocol.messages import REQUEST_ID

VERSIONS: Final = {"3.0": "3.0.0", "3.1": "3.1.0"}
CHANNEL: Final = "#/channels/connection"
QUICK: Final = ("response", "error")
QUEUED: Final = ("acknowledgment", "progress", "retrying", "complete", "cancelled", "error")
_TEXT: Final = {"type": "string"}
_ID: Final = {"type": "string", "pattern": f"^{REQUEST_ID.pattern}$"}
_REQUEST: Final = {"request_id": _ID}
_COUNTS: Final = {name: {"type": "integer"} for name in ("delivered", "gone", "failed", "passed_on")}
_TOPIC: Final = {"topic": _TEXT}
_FAILURE: Final = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "examples": [str(code) for code in ErrorCode]},
        "message": _TEXT,
        "retryable": {"type": "boolean"},
        "details": {"type": "object"},
    },
    "required": ["code", "message", "retryable"],
}


def _object(properties: Mapping[str, Any], *optional: str) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties)} | ({"required": required} if required else {})


_BUILT_IN: Final[Mapping[str, tuple[Schema | None, Schema]]] = {
    "ping": (None, {}),
    "keep-alive": (None, {}),
    "health": (None, _object({"status": {"const": "ok"}})),
    "status": (_object(_REQUEST), {"type": "object"}),
    "cancel": (
        _object({"request_id": _ID, "reason": _TEXT, "user_id": _TEXT}, "reason", "user_id"),
        _object({"request_id": _ID, "status": _TEXT, "cancelled": {"type": "boolean"}}),
    ),
    "subscribe": ({"anyOf": [_object(_REQUEST), _object(_TOPIC)]}, {"type": "object"}),
    "unsubscribe": ({"anyOf": [_object(_REQUEST), _object(_TOPIC)]}, {"type": "object"}),
    "publish": (_object({"topic": _TEXT, "data": {}}, "data"), _object({"topic": _TEXT, **_COUNTS}, "passed_on")),
}
"""Payloads and answers of the actions that every service has (docs/protocol.md)."""
assert _BUILT_IN.keys() == BUILT_IN_ACTIONS


def document(described: Described, *, version: str, url: str | None, built_ins: bool) -> dict[str, Any]:
    """The document.

    Args:
        described: the service.
        version: one of `VERSIONS`.
        url: where it is; None: it is not told.
        built_ins: whether the actions that every service has are in it.
    """
    messages: dict[str, Any] = _common_messages()
    operations: dict[str, Any] = {}
    for action in described.actions:
        _add(action, messages, operations)
    if built_ins:
        for name, (payload, answer) in _BUILT_IN.items():
            _add(DescribedAction(name=name, payload=payload, result=answer), messages, operations)
        operations["ping"]["reply"]["messages"] = _refs("pong", "error")
        messages.pop("ping.response")
        operations["keep-alive"].pop("reply")
        messages.pop("keep-alive.response")
    for topic in described.topics:
        key = _free(f"topic.{_key(topic.name)}", messages, operations)
        messages[key] = _message({"topic": {"const": topic.name}, "data": _moved(topic.data or {})}, "message")
        operations[key] = {"action": "send", "channel": {"$ref": CHANNEL}, "messages": _refs(key)}
        if topic.description:
            operations[key]["description"] = topic.description
    info = {"title": described.info.title, "version": described.info.version}
    return {
        "asyncapi": VERSIONS[version],
        "info": info | ({"description": described.info.description} if described.info.description else {}),
        "defaultContentType": "application/json",
        **({"servers": {"service": _server(url)}} if url else {}),
        "channels": {"connection": _channel(messages)},
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": {name: _moved(schema) for name, schema in described.schemas.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "query": {"type": "httpApiKey", "in": "query", "name": "Authorization"},
            },
        },
        "x-streamer": {"message_bytes": MESSAGE_BYTES, "frame_bytes": FRAME_BYTES},
    }


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a document of ours says, as far as `changes` compares it, in the form of `Described.document`.

    Raises:
        KeyError, TypeError, AttributeError: it is none of ours.
    """
    components, operations = document["components"], document["operations"]
    said = {name: message["payload"].get("properties", {}) for name, message in components["messages"].items()}
    actions, topics = [], []
    for name, operation in operations.items():
        words = operation.get("x-streamer", {})
        if operation["action"] == "send":
            topics.append({"name": said[name]["topic"]["const"], "data": said[name]["data"]})
            continue
        final = said.get(f"{name}.complete", {}).get("result") or said.get(f"{name}.response", {}).get("data")
        actions.append(
            {
                "name": name,
                "queued": words.get("queued", False),
                "permissions": words.get("permissions", ()),
                "payload": said[f"{name}.request"]["payload"],
                "result": final,
                "examples": components["messages"][f"{name}.request"].get("examples"),
                **{word: operation.get(word) for word in ("summary", "description")},
                **{word: words.get(word) for word in ("deprecated", "max_attempts", "timeout_seconds")},
            }
        )
    return {"actions": actions, "topics": topics, "schemas": components["schemas"]}


def _server(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "host": parts.netloc,
        "pathname": parts.path or "/",
        "protocol": parts.scheme,
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("bearer", "query")],
    }


def _channel(messages: Mapping[str, Any]) -> dict[str, Any]:
    query = {"type": "object", "properties": {"Authorization": {"type": "string"}}}
    return {
        "address": "/",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}},
    }


def _add(action: DescribedAction, messages: dict[str, Any], operations: dict[str, Any]) -> None:
    name, final = action.name, "complete" if action.queued else "response"
    request = {
        "action": {"const": name},
        "id": _ID,
        "payload": _moved({} if action.payload is None else action.payload),
        "metadata": {"type": "object"},
    }
    # Whether null will do is the validator's to say; where nothing is known, so may it be left out.
    optional = ("id", "metadata", *(() if action.payload else ("payload",)))
    messages[f"{name}.request"] = {
        "name": f"{name}.request",
        "payload": _object(request, *optional),
        "correlationId": {"location": "$message.payload#/id"},
        **(
            {"examples": [{"payload": {"action": name, "payload": e}} for e in action.examples]}
            if action.examples
            else {}
        ),
    }
    result = _moved({} if action.result is None else action.result)
    fields = {"result": result} if action.queued else {"success": {"const": True}, "data": result}
    messages[f"{name}.{final}"] = _message(fields, final)
    replies = [f"{name}.{final}" if each == final else each for each in (QUEUED if action.queued else QUICK)]
    operations[name] = {
        "action": "receive",
        "channel": {"$ref": CHANNEL},
        "messages": _refs(f"{name}.request"),
        "reply": {"channel": {"$ref": CHANNEL}, "messages": _refs(*replies)},
        **{key: value for key, value in _words(action).items() if value},
    }


def _words(action: DescribedAction) -> dict[str, Any]:
    more = {
        "queued": action.queued,
        "permissions": list(action.permissions),
        "max_attempts": action.max_attempts if action.queued else None,
        "timeout_seconds": action.timeout_seconds,
        "cancel_on_disconnect": action.cancel_on_disconnect,
        "deprecated": action.deprecated,
    }
    return {
        "summary": action.summary,
        "description": action.description,
        "x-streamer": {name: value for name, value in more.items() if value},
    }


def _common_messages() -> dict[str, Any]:
    words: dict[str, dict[str, Any]] = {
        "acknowledgment": {"status": {"enum": ["queued", "processing", "retrying"]}, "message": _TEXT},
        "progress": {"percentage": {"type": "number", "minimum": 0, "maximum": 100}, "message": _TEXT, "metadata": {}},
        "retrying": {
            "attempt": {"type": "integer"},
            "max_attempts": {"type": "integer"},
            "retry_in": {"type": "number"},
            "error": _FAILURE,
        },
        "cancelled": {"reason": _TEXT},
        "error": {"error": _FAILURE},
        "pong": {},
        "message": {"topic": {"type": ["string", "null"]}, "data": {}},
        "part": {"part_of": _TEXT, "index": {"type": "integer"}, "count": {"type": "integer"}, "text": _TEXT},
    }
    return {type_: _message(fields, type_, "metadata") for type_, fields in words.items()}


def _message(fields: Mapping[str, Any], type_: str, *optional: str) -> dict[str, Any]:
    nullable = {"type": ["string", "null"]}
    head = {"type": {"const": type_}, "request_id": nullable, "timestamp": {"type": "number"}}
    return {
        "name": type_,
        "payload": _object({**head, **fields}, *optional),
        "correlationId": {"location": "$message.payload#/request_id"},
    }


def _refs(*names: str) -> list[dict[str, str]]:
    return [{"$ref": f"{CHANNEL}/messages/{name}"} for name in names]


def _moved(schema: Any) -> Any:
    """A schema as AsyncAPI has them: of JSON Schema's draft 07, with references to where it keeps them."""
    return rewritten(schema, _of_draft_07)


def _of_draft_07(schema: Schema) -> Schema:
    made = dict(schema)
    if isinstance(made.get("$ref"), str) and made["$ref"].startswith(REFERENCE):
        made["$ref"] = "#/components" + made["$ref"].removeprefix("#")
    if isinstance(made.get("discriminator"), dict):
        del made["discriminator"]  # OpenAPI's; what is chosen by stands in each choice as a constant
    if "prefixItems" in made:
        after = made.pop("items", None)
        made |= {"items": made.pop("prefixItems")} | ({} if after is None else {"additionalItems": after})
    return made


def _free(key: str, *taken: Mapping[str, Any]) -> str:
    """A key that nothing has yet: topics may differ in characters alone that keys have not."""
    chosen, number = key, 1
    while any(chosen in each for each in taken):
        number += 1
        chosen = f"{key}.{number}"
    return chosen


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)
