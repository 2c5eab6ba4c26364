"""Checkpoints beside a DynamoDB that is not embedded: a file for each endpoint."""

from __future__ import annotations

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
    with kept_checkpoints(folder, url) as checkpoints:
        checkpoints.replace([checkpoint(after)])


def kept(folder: Path, url: str) -> Any:
    with kept_checkpoints(folder, url) as checkpoints:
        return checkpoints.of(mapping())


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


def test_a_run_that_failed_keeps_what_it_had(tmp_path: Path) -> None:
    def fail() -> None:
        with kept_checkpoints(tmp_path, "http://a") as checkpoints:
            checkpoints.replace([checkpoint("7")])
            raise KeyError("fault")

    with pytest.raises(KeyError):
        fail()

    assert kept(tmp_path, "http://a") == checkpoint("7")


def test_nothing_is_written_if_nothing_is_known(tmp_path: Path) -> None:
    assert kept(tmp_path, "http://a") is None

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "5", "[{}]", "\xff"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    replace(tmp_path, "http://a", "7")
    (file,) = tmp_path.iterdir()
    file.write_bytes(content.encode("latin-1"))

    with pytest.raises(ConfigurationError, match=r"\.json is damaged .* delete it"):
        kept_checkpoints(tmp_path, "http://a").__enter__()
