"""What `emulator.gateway.websockets_frames` relies on inside the library websockets, version by version."""

from __future__ import annotations

import inspect

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from emulator.gateway.websockets_frames import FrameLayer, accept_key

CLOSE_1000 = b"\x03\xe8"


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """A frame as a client sends it."""
    return Frame(opcode, data, fin).serialize(mask=True)


def frames(assumed_reason: str | None = None) -> FrameLayer:
    return FrameLayer(message_bytes=64, frame_bytes=16, assumed_reason=assumed_reason)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        pytest.param(
            "__init__", ["side", "state", "max_size", "logger"], id="made for one side, open, with two limits"
        ),
        pytest.param("fail", ["code", "reason"], id="fails with a code and a reason"),
        pytest.param("recv_frame", ["frame"], id="takes each frame"),
        pytest.param("send_text", ["data", "fin"], id="sends a text frame"),
        pytest.param("send_continuation", ["data", "fin"], id="sends a continuation"),
        pytest.param("send_close", ["code", "reason"], id="sends a close frame"),
        pytest.param("receive_data", ["data"], id="reads bytes"),
        pytest.param("receive_eof", [], id="reads their end"),
        pytest.param("events_received", [], id="tells what it read"),
        pytest.param("data_to_send", [], id="tells what to write"),
    ],
)
def test_the_methods_have_the_parameters_that_we_give_them(method: str, parameters: list[str]) -> None:
    found = [name for name in inspect.signature(getattr(Protocol, method)).parameters if name != "self"]

    assert found == parameters, f"websockets changed the signature of Protocol.{method}: ({', '.join(found)})"


def test_a_violation_goes_through_fail_so_that_its_reason_can_be_left_out() -> None:
    layer = frames()
    layer.receive_data(masked(Opcode.CONT, b"of nothing"))

    assert layer.failure_code == 1002, "websockets does not tell a failure in parser_exc and close_sent any more"
    assert layer.close_sent is not None
    assert layer.close_sent.reason == "", "websockets does not close failed connections through Protocol.fail any more"


@pytest.mark.parametrize(
    ("sent", "frame_bytes", "reason"),
    [
        pytest.param(masked(Opcode.TEXT, b"x" * 17), 17, "Max frame length of 16 has been exceeded.", id="a frame"),
        pytest.param(
            masked(Opcode.TEXT, b"x" * 16, fin=False) + masked(Opcode.CONT, b"x" * 16, fin=False) * 4,
            None,
            "",
            id="a message",
        ),
    ],
)
def test_both_limits_are_kept(sent: bytes, frame_bytes: int | None, reason: str) -> None:
    layer = frames()
    list(layer.frames_received(sent))

    assert layer.is_too_big, "websockets does not raise PayloadTooBig for max_size=(message, fragment) any more"
    assert layer.failure_code == 1009
    assert layer.too_big_frame_bytes == frame_bytes
    assert layer.close_sent is not None
    assert layer.close_sent.reason == reason, "websockets calls Protocol.fail outside of where it handles PayloadTooBig"

    list((assuming := frames("big")).frames_received(sent))
    assert assuming.close_sent is not None
    assert assuming.close_sent.reason == "big"


def test_a_close_frame_between_fragments_needs_the_reset_of_current_size() -> None:
    sent = masked(Opcode.TEXT, b"half", fin=False) + masked(Opcode.CLOSE, CLOSE_1000)
    plain, ours = Protocol(Side.SERVER, state=OPEN), frames()
    plain.receive_data(sent)
    ours.receive_data(sent)

    assert plain.parser_exc is not None, "websockets now takes a close frame between fragments: drop the change"
    assert ours.failure_code is None, "websockets does not keep the size of a message in current_size any more"
    assert ours.close_rcvd is not None
    assert ours.close_rcvd.code == 1000


def test_a_ping_after_our_close_frame_needs_to_be_ignored() -> None:
    layer = frames()
    layer.send_close(1001, "Going away")
    layer.data_to_send()
    layer.receive_data(masked(Opcode.PING, b"") + masked(Opcode.TEXT, b"late"))

    assert layer.data_to_send() == [], "websockets does not hand each frame to recv_frame any more"
    assert layer.events_received() == []


def test_the_end_of_the_bytes_is_no_failure_of_the_client() -> None:
    layer = frames()
    layer.receive_data(masked(Opcode.TEXT, b"cut off")[:4])
    layer.receive_eof()

    assert layer.failure_code is None, "websockets does not report an end within a frame as EOFError any more"


def test_a_long_message_is_sent_in_frames_of_the_largest_size() -> None:
    layer = frames()
    layer.write_text(b"x" * 40)

    heads = [(data[0], data[1]) for data in layer.data_to_send()]
    assert heads == [(0x01, 16), (0x00, 16), (0x80, 8)], "websockets keeps the frame limit elsewhere now"


def test_the_key_of_a_handshake_is_answered_as_in_the_example_of_rfc_6455() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
