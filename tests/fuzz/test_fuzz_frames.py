"""Whatever comes over a WebSocket: frames or a close code, no exception, and the same however it is cut."""

from __future__ import annotations

from pathlib import Path

from fuzzing import cases
from websockets.frames import Frame, Opcode

from emulator.gateway.websockets_frames import FrameLayer

MESSAGE_BYTES, FRAME_BYTES = 4096, 1024
TEXTS = [file.read_bytes() for file in sorted((Path(__file__).parent / "corpus" / "messages").iterdir())]


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


CORPUS = [
    *(frame(Opcode.TEXT, text) for text in TEXTS),
    frame(Opcode.TEXT, b"{", fin=False) + frame(Opcode.CONT, fin=False) + frame(Opcode.CONT, b"}"),
    frame(Opcode.PING, b"a") + frame(Opcode.PONG) + frame(Opcode.BINARY, b"\0\1"),
    frame(Opcode.CLOSE, b"\x03\xe8bye") + frame(Opcode.TEXT, b"late"),
    frame(Opcode.TEXT, b"x" * FRAME_BYTES) + frame(Opcode.TEXT, b"x" * (FRAME_BYTES + 1)),
    b"\x81\xfe\x00\x7e" + bytes(4) + b"y" * 126,
    b"\x81\xff" + b"\xff" * 8 + bytes(4),
    Frame(Opcode.TEXT, b"not masked").serialize(mask=False),
]
WORDS = [
    *(frame(opcode, data) for opcode in Opcode for data in (b"", b"xx")),
    *(frame(opcode, data, fin=False) for opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT) for data in (b"", b"x")),
    *(b"\x81\x80\0\0\0\0", b"\x01\x80\0\0\0\0", b"\x88\x82\0\0\0\0\x03\xe7", b"\xf1\x80\0\0\0\0", b"\x83\x80\0\0\0\0"),
    *(b"\xff", b"\0", b"\x81\xfe\xff\xff", b"\x89\xfe\x00\x7e", b"\xc3", b"\xed\xa0\x80"),
]
CODES = {None, 1002, 1007, 1009}


def tried(pieces: list[bytes]) -> tuple[list[tuple[Opcode, bool, bytes]], int | None, bool]:
    layer = FrameLayer(message_bytes=MESSAGE_BYTES, frame_bytes=FRAME_BYTES)
    found = []
    for piece in pieces:
        found += [(each.opcode, each.fin, bytes(each.data)) for each in layer.frames_received(piece)]
        assert all(isinstance(data, bytes | bytearray | memoryview) for data in layer.data_to_send())
    layer.receive_eof()
    return found, layer.failure_code, layer.is_open


def test_any_bytes_are_frames_or_end_with_a_code() -> None:
    for whole, pieces in cases(CORPUS, WORDS):
        frames, code, _ = tried(pieces)

        assert code in CODES, whole
        assert all(len(data) <= FRAME_BYTES for _, _, data in frames), whole
        assert tried([whole])[:2] == (frames, code), whole
