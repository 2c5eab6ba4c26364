"""What services of the query protocol answer who accepts JSON, as API Gateway's integrations do. Pure.

[REC] ls-snap test_sqs_request_and_response_xml_templates_integration, whose template reads such an answer; [USR] what
samples of aws-samples/serverless-patterns for SQS and SNS show, and, of a queue's attributes, the tests of an SDK for
Elm, which asked for JSON; [INF] attributes of messages likewise, other lists as XML has them
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MEMBERS: Final = {
    "Message": ("Attributes", "MD5OfMessageAttributes", "MessageAttributes"),
    "PublishResult": ("SequenceNumber",),
    "SendMessageResult": ("MD5OfMessageAttributes", "MD5OfMessageSystemAttributes", "SequenceNumber"),
}
"""Members that are told as null where there are none."""
_LISTS: Final = {"Attribute": "Attributes", "MessageAttribute": "MessageAttributes"}
"""Members that come several times, and the name of the list that has them."""
_MESSAGES: Final = "ReceiveMessageResult"
"""Has a list of messages under a name of its own, null where there are none."""


def in_json(xml: bytes) -> bytes | None:
    """An answer in XML as JSON, its members by name; None: it is no XML."""
    from xml.etree.ElementTree import ParseError, fromstring  # noqa: PLC0415 - few routes ask such a service

    try:
        root = fromstring(xml)  # noqa: S314 - an answer of the emulator's own services
    except ParseError:
        return None
    name, said = _name(root), _told(root)
    document = said if name == "ErrorResponse" else {name: said}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _told(element: Element) -> Any:
    name = _name(element)
    if len(element) == 0 and name != _MESSAGES:
        return element.text or ""
    found: dict[str, Any] = {}
    for child in element:
        key, value = _name(child), _told(child)
        if key in _LISTS:
            found.setdefault(_LISTS[key], []).append(value)
        else:
            found[key] = value if key not in found else [*_listed(found[key]), value]
    if name == _MESSAGES:
        return {"messages": _listed(found["Message"]) if "Message" in found else None}
    if name == "Error":
        found.pop("Detail", None)
    found = {**dict.fromkeys(_MEMBERS.get(name, ())), **found}
    return dict(sorted(found.items()))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(element: Element) -> str:
    """Without its namespace."""
    return element.tag.rpartition("}")[2]
