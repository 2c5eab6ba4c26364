"""Checkpoints beside a DynamoDB that is not embedded: a file for each endpoint."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from stream_fakes import ARN, mapping

from emulator.event_sources.streams.checkpoint_file import kept_checkpoints
from emulator.event_sources.streams.checkpoints import Checkpoint, MappingCheckpoint, identity
from streamer.errors import ConfigurationError


def checkpoint(after: str) -> MappingCheckpoint:
    return MappingCheckpoint(identity=identity(mapping()), stream_arn=ARN, shards={"s": Checkpoint(after=after)})


def replace(folder: Path, url: str, after: str) -> None:
    kept_checkpoints(folder, url).replace([checkpoint(after)])


def kept(folder: Path, url: str) -> Any:
    return kept_checkpoints(folder, url).of(mapping())


def test_what_was_replaced_is_there_the_next_time(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    replace(folder, "http://a", "7")
    replace(folder, "http://a", "8")

    assert kept(folder, "http://a") == checkpoint("8")
    assert len(list(folder.iterdir())) == 1


def test_each_endpoint_has_its_own(tmp_path: Path) -> None:
    replace(tmp_path, "http://a", "7")

    assert kept(tmp_path, "http://b") is None
    replace(tmp_path, "http://b", "8")
    assert kept(tmp_path, "http://a") == checkpoint("7")


def test_a_place_is_in_the_file_at_once_and_whole(tmp_path: Path) -> None:
    checkpoints = kept_checkpoints(tmp_path, "http://a")
    for number in range(3):
        checkpoints.replace([checkpoint(str(number))])
        assert kept(tmp_path, "http://a") == checkpoint(str(number))

    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_told_once_until_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    checkpoints = kept_checkpoints(folder, "http://a")
    folder.write_text("not a folder")
    for number in range(3):
        checkpoints.replace([checkpoint(str(number))])
    folder.unlink()
    checkpoints.replace([checkpoint("7")])

    assert caplog.text.count("the places in the streams cannot be kept") == 1
    assert kept(folder, "http://a") == checkpoint("7")


def test_nothing_is_written_if_nothing_is_known(tmp_path: Path) -> None:
    assert kept(tmp_path, "http://a") is None

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "5", "[{}]", "\xff", "[" * 100_000])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    replace(tmp_path, "http://a", "7")
    (file,) = tmp_path.iterdir()
    file.write_bytes(content.encode("latin-1"))

    with pytest.raises(ConfigurationError, match=r"\.json is damaged .* delete it"):
        kept_checkpoints(tmp_path, "http://a")


def test_no_place_is_taken_for_another(tmp_path: Path) -> None:
    replace(tmp_path, "http://a", "7")
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"7"', b'"8"'))

    with pytest.raises(ConfigurationError, match=r"\.json is damaged \(line 1 is not as it was written\); delete it"):
        kept_checkpoints(tmp_path, "http://a")
    file.write_bytes(whole[8:])  # a former version wrote no checksum
    assert kept(tmp_path, "http://a") == checkpoint("7")


def test_a_file_that_is_far_too_large_is_damaged(tmp_path: Path) -> None:
    replace(tmp_path, "http://a", "7")
    (file,) = tmp_path.iterdir()
    os.truncate(file, 40 * 1024**3)

    with pytest.raises(ConfigurationError, match=r"\.json is damaged .* delete it"):
        kept_checkpoints(tmp_path, "http://a")
