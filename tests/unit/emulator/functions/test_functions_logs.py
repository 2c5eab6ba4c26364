from __future__ import annotations

from pathlib import Path

from emulator.functions.logs import TAIL_BYTES, Fanout, LambdaLogFiles, Tail, Tails


class Kept:
    platform_lines = False

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, function: str, request_id: str | None, line: str, *, platform: bool = False) -> None:
        self.lines.append(line)


def test_log_files_hold_lambdas_own_lines(tmp_path: Path) -> None:
    log = LambdaLogFiles(tmp_path / "logs")

    log.write("f", "1", "START RequestId: 1 Version: $LATEST", platform=True)
    log.write("f", "1", "hello")
    log.close()

    assert (tmp_path / "logs" / "aws-lambda-f.log").read_text() == "START RequestId: 1 Version: $LATEST\nhello\n"


def test_a_tail_keeps_one_request_and_lambdas_lines_while_it_is_asked_for() -> None:
    sink = Kept()
    tails = Tails()
    log = Fanout(sink, tails)
    assert not log.platform_lines

    with tails.keep("1") as kept:
        assert log.platform_lines
        log.write("f", "1", "START RequestId: 1", platform=True)
        log.write("f", "1", "mine")
        log.write("f", "2", "another's")

    assert bytes(kept) == b"START RequestId: 1\nmine\n"
    assert sink.lines == ["mine", "another's"]
    assert not log.platform_lines


def test_a_tail_has_4_kb() -> None:
    tails = Tails()

    with tails.keep("1") as kept:
        for number in range(10_000):
            tails.write("f", "1", f"line {number}")

    assert len(bytes(kept)) == TAIL_BYTES
    assert bytes(kept).endswith(b"line 9999\n")


def test_no_more_than_4_kb_of_a_tail_are_kept_however_long_its_lines_are() -> None:
    kept = Tail()
    for _ in range(3):
        kept.add("ä" * 256 * 1024)
        assert len(kept._kept) == TAIL_BYTES
    kept.add("the end")

    assert bytes(kept).decode("utf-8", "ignore").endswith("ä\nthe end\n")
