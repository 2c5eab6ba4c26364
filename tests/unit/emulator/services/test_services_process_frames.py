"""What the process of the services sends."""

from __future__ import annotations

import logging

import pytest

from emulator.iam.keys import Keys
from emulator.services.process import ServicesProcess
from emulator.services.wire import DELIVERY, Frame, packed

OWNER = Keys(access_key_id="id", secret_access_key="key", session_token="")


def test_a_delivery_that_fails_is_told_and_the_next_is_made(caplog: pytest.LogCaptureFixture) -> None:
    """An error that left the connection's callback would end it, and with it the process and all that it keeps."""
    delivered: list[Frame] = []

    def deliver(frame: Frame) -> None:
        delivered.append(frame)
        if len(delivered) == 1:
            raise RuntimeError("a mistake of ours")

    process = ServicesProcess(region="eu-west-1", account_id="123456789012", owner=OWNER, deliver=deliver)
    frames = [Frame(DELIVERY, 0, {"to": to, "by": "rule made"}, b"") for to in ("first", "second")]
    with caplog.at_level(logging.ERROR):
        process.data_received(b"".join(map(packed, frames)))

    assert delivered == frames
    (line,) = caplog.records
    assert line.__dict__["fields"]["to"] == "first"
