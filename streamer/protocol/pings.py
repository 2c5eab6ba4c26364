"""How API Gateway itself takes ``keep-alive`` and answers ``ping``, without a function: as the router would. Pure.

The request template sorts pings by their id and the response templates write the answers. Those by which the clients
look whether a connection lives have a constant id, so that the answer needs nothing but what WebSocket APIs document
([USR] wasabee.dev, 2024: a MOCK integration whose request template reads the message and chooses the response by its
status). An id of the client's own goes from one template to the other in ``requestOverride``, as in REST APIs ([USR]
stackoverflow.com/a/61482410); where it does not, the answer has no id, and the clients take it for their ping's. [?]
"""

from __future__ import annotations

from typing import Final

from streamer.errors import ErrorCode
from streamer.protocol import messages
from streamer.records import Failure
from streamer.topology.integrations import Integration, IntegrationResponse

KEEP_ALIVE_ID: Final = "keep-alive"
"""The id of pings by which clients look whether a connection lives."""
_HELD, _ASKED, _WRONG = 200, 201, 202
"""Statuses by which the request template chooses the answer; no client sees them."""

_REQUEST: Final = f"""\
#set($id = $input.path('$.id'))
#set($text = $input.json('$.id'))
#if("$!id" == "{KEEP_ALIVE_ID}"){{"statusCode": {_HELD}}}
#elseif("$!id" == ""){{"statusCode": {_ASKED}}}
#elseif($text.matches('"[A-Za-z0-9._:-]{{1,128}}"'))
#set($context.requestOverride.path.id = "$id")
{{"statusCode": {_ASKED}}}
#else{{"statusCode": {_WRONG}}}
#end"""

_ID: Final = "ID"
_TIME: Final = '"timestamp":0.0'


def _answer(message: str, request_id: str) -> str:
    """A template that gives a message with the time of the ping."""
    text = message.replace(f'"{_ID}"', request_id)
    time = '"timestamp":${t.substring(0, 10)}.${t.substring(10)}'
    return f'#set($t = "$context.requestTimeEpoch"){text.replace(_TIME, time)}'


def _responses() -> tuple[IntegrationResponse, ...]:
    pong = messages.pong(_ID, now=0.0)
    wrong = messages.error(
        None,
        Failure(code=ErrorCode.VALIDATION_ERROR, message=messages.WRONG_ID, details={"field": "id"}),
        now=0.0,
    )
    asked = '#set($id = $context.requestOverride.path.id)#if("$!id" == "")null#else"$id"#end'
    return (
        IntegrationResponse(key="$default", templates={"$default": _answer(pong, f'"{KEEP_ALIVE_ID}"')}),
        IntegrationResponse(key=f"/{_ASKED}/", templates={"$default": _answer(pong, asked)}),
        IntegrationResponse(key=f"/{_WRONG}/", templates={"$default": _answer(wrong, "null")}),
    )


KEEP_ALIVE: Final = Integration(
    kind="MOCK", templates={"$default": '{"statusCode": 200}'}, responses=(IntegrationResponse(),)
)
"""The integration of the route ``keep-alive``, which has no answer."""
PING: Final = Integration(kind="MOCK", templates={"$default": _REQUEST}, responses=_responses())
"""The integration of the route ``ping``."""
