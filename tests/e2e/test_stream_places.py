"""Where event source mappings go on after `kill -9`, on a DynamoDB that stays: nothing is lost, little comes again."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running_command import PATIENCE_SECONDS, Emulate

from emulator.foundation.checked_lines import whole_lines

SERVICE = """
    from streamer.topology import Api, EventSourceMapping, Function, Key, StreamView, Table, Topology

    service = Topology(
        api=Api(name="records", routes=()),
        functions=(Function(name="reader", handler="handlers.read", timeout_seconds=30),),
        tables=(Table(name="items", key=Key(partition="id"), stream=StreamView.KEYS_ONLY),),
        event_source_mappings=(
            EventSourceMapping(function="reader", table="items", batch_size=5, starting_position="POSITION"),
        ),
    )
"""
HANDLERS = """
    import pathlib

    SEEN = pathlib.Path(__file__).with_name("seen.txt")

    def read(event, context):
        with SEEN.open("a") as seen:
            for record in event["Records"]:
                change = record["dynamodb"]
                print(change["Keys"]["id"]["S"], change["SequenceNumber"], file=seen)
"""
TABLES = """
    from streamer.topology import Api, Topology

    topology = Topology(api=Api(name="tables", routes=()), functions=())
"""
EACH = 30


def until(is_so: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)  # what is waited for is in a file


def place(folder: Path) -> int:
    """The sequence number up to which everything is done, as the emulator has written it; 0: there is none."""
    files = list((folder / ".streamer").glob("checkpoints-*.json"))
    texts = [text for file in files for text in whole_lines(file.read_bytes())[0]]
    shards = [shard for text in texts for saved in json.loads(text) for shard in saved["shards"].values()]
    return max((int(shard["after"] or 0) for shard in shards), default=0)


def seen(folder: Path) -> list[tuple[int, int]]:
    """Numbers and sequence numbers of the records that the function had, in its order."""
    file = folder / "seen.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(number), int(sequence)) for number, sequence in (line.split() for line in lines)]


@pytest.mark.skipif(sys.platform != "linux", reason="functions end with an emulator that is killed at once on Linux")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
def test_after_a_kill_no_record_is_lost_and_only_what_came_after_the_kept_place_comes_again(
    tmp_path: Path, position: str
) -> None:
    folder, tables = tmp_path / "service", tmp_path / "tables"
    for each, name, text in (
        (folder, "service.py", SERVICE.replace("POSITION", position)),
        (folder, "handlers.py", HANDLERS),
        (tables, "tables.py", TABLES),
    ):
        each.mkdir(exist_ok=True)
        (each / name).write_text(textwrap.dedent(text))
    written = 0
    with Emulate("tables:topology", "--no-reload", folder=tables) as database:
        arguments = ("service:service", "--no-reload", "--dynamodb", database.ready["dynamodb_url"])
        dynamodb = database.aws("dynamodb")

        def put(count: int) -> None:
            nonlocal written
            for number in range(written, written + count):
                dynamodb.put_item(TableName="items", Item={"id": {"S": str(number)}})
            written += count

        with Emulate(*arguments, folder=folder) as emulator:
            until(lambda: list((folder / ".streamer").glob("checkpoints-*.json")))
            put(EACH)
            until(lambda: {number for number, _ in seen(folder)} >= set(range(written)))
            until(lambda: place(folder) >= max(sequence for _, sequence in seen(folder)))
            put(EACH)  # whose place may not be kept yet
            emulator.kill()
        kept, before = place(folder), len(seen(folder))
        put(EACH)  # while nobody reads
        with Emulate(*arguments, folder=folder):
            until(lambda: {number for number, _ in seen(folder)} >= set(range(written)))

    assert {number for number, _ in seen(folder)} == set(range(written))
    after = seen(folder)[before:]
    assert min(sequence for _, sequence in after) > kept
    assert len(after) <= 2 * EACH
