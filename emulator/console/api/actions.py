"""What the console does for a developer: sends as a client or to one, closes, makes tokens, and repeats what was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Final

from ...gateway.shell import Gateway
from ...port.http import HttpResponse
from ..around import Around
from ..reading.asked import Asked, BadRequestError
from ..reading.telling import Told
from ..recording.recorder import RingRecorder
from ..recording.records import Message, Run
from ..recording.ring import Record
from .invoking import Invoking
from .restoring import restored_event, restored_text

CLOSE_CODES: Final = (1000, 1001, 1008, 1009, 1011, 1012)
"""With which a connection may be closed; 1000 as DELETE of ``@connections`` does."""
TOKEN_SECONDS: Final = 3600.0


class Actions:
    """Changes something; every method answers a POST."""

    def __init__(self, around: Around, recorder: RingRecorder, invoking: Invoking, *, look: Callable[[], None]) -> None:
        """``look`` makes sure that what follows is recorded."""
        self._around = around
        self._recorder = recorder
        self._invoking = invoking
        self._look = look

    async def receive(self, asked: Asked, connection: str) -> Told:
        """Take a text as if that client had sent it: by the same rules, limits and route."""
        return {"number": self._receive(connection, asked.field("text", str))}

    async def send(self, asked: Asked, connection: str) -> Told:
        """Send a text to a client, through ``@connections``."""
        answer: HttpResponse = self._gateway(connection).post(connection, asked.field("text", str))
        if answer.status >= 400:
            said = json.loads(answer.body or b"{}").get("message") or f"@connections answers {answer.status}"
            raise BadRequestError(answer.status, said)
        return {"status": answer.status}

    async def close(self, asked: Asked, connection: str) -> Told:
        """Close a connection with a code, or cut it as a network that fails does."""
        gateway = self._gateway(connection)
        if asked.body_of().get("cut"):
            self._recorder.ended_here.add(connection)
            gateway.cut(connection)
            return {"code": 1006}
        code, reason = asked.field("code", int, 1000), asked.field("reason", str, "")
        if code not in CLOSE_CODES:
            raise BadRequestError(400, f"a connection can be closed with {', '.join(map(str, CLOSE_CODES))}")
        if len(reason.encode()) > 123:
            raise BadRequestError(400, "the reason of a close frame has at most 123 bytes")
        self._recorder.ended_here.add(connection)
        gateway.close(connection, code, reason)
        return {"code": code}

    async def tokens(self, asked: Asked) -> Told:
        """Make a token that the service accepts."""
        from streamer.auth import mint  # noqa: PLC0415 - a JWT library, which nobody needs who makes none

        secret = self._around.settings.secret
        if secret is None:
            raise BadRequestError(409, f"no token can be made here: {self._around.settings.why_no_tokens}")
        permissions = asked.field("permissions", list, [])
        if not all(isinstance(each, str) for each in permissions):
            raise BadRequestError(400, "permissions are a list of texts")
        token = mint(
            secret,
            user_id=asked.field("user", str),
            tenant_id=asked.field("tenant", str),
            permissions=tuple(permissions),
            now=time.time(),
            expires_in_seconds=float(asked.field("expires_in", (int, float), TOKEN_SECONDS)),
            claims=asked.field("claims", dict, {}),
            wanted=self._around.settings.wanted,
        )
        return {"token": token}

    async def replays(self, asked: Asked) -> Told:
        """Repeat a message on its connection, or an invocation with its event, as it was or edited."""
        record = self._recorder.ring.find(asked.field("event", int))
        match record:
            case Message():
                text = restored_text(asked.field("text", str, record.text), record.text)
                return {"number": self._receive(record.connection, text)}
            case Run():
                return await self._run_again(asked, record)
            case None:
                raise BadRequestError(404, "it is not kept any more, or never was")
            case Record():
                raise BadRequestError(400, f"a record of kind {record.kind} cannot be repeated")

    def _receive(self, connection: str, text: str) -> int:
        gateway = self._gateway(connection)
        self._look()
        before = self._recorder.ring.last
        self._recorder.is_ours = True
        try:
            gateway.receive(connection, text)
        finally:
            self._recorder.is_ours = False
        page = self._recorder.ring.read(before, limit=1, wanted=lambda each: isinstance(each, Message))
        return page.records[0].number if page.records else before

    async def _run_again(self, asked: Asked, record: Run) -> Told:
        if len(record.payload) < record.payload_bytes:
            raise BadRequestError(409, "its event was too large to be kept whole")
        edited = asked.body_of().get("json")
        payload = record.payload if edited is None else restored_event(edited, record.payload)
        _outcome, number = await self._invoking.invoke(record.function, payload)
        return {"number": number}

    def _gateway(self, connection: str) -> Gateway:
        found = next((each for each in self._around.gateways() if each.has(connection)), None)
        if found is None:
            raise BadRequestError(410, f"connection {connection} is not open")
        return found
