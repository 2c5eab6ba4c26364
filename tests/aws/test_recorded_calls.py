"""A log of calls, written by a guard and read back: the roles that follow from it are those of the service."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from every_feature import every_feature
from recorded_calls import read

from emulator.iam.call_log import VARIABLE, CallLog, folder_from
from emulator.iam.guard import Guard
from emulator.iam.keys import KeyRing
from emulator.iam.needs import Need
from streamer.errors import ConfigurationError
from streamer.topology import Api, Function, Key, Permission, Table, TableAccess, Topology
from streamer.topology.grants import Kind, Place, Resource, grants

NOTES = Topology(
    api=Api(name="notes", routes=(), stage="prod"),
    functions=(
        Function(name="note", handler="h.note", tables=(TableAccess(table="notes", actions=("PutItem",)),)),
        Function(name="read", handler="h.read", environment={"TOKEN": "of-nobody"}),
    ),
    tables=(Table(name="notes", key=Key(partition="id")),),
)
PUT = Need("dynamodb:PutItem", Resource(Kind.TABLE, "notes"))
PLACE = Place(partition="aws", region="eu-west-1", account_id="123456789012", apis={"notes": ("abc", "prod")})


@pytest.mark.parametrize("mode", ["enforce", "record"])
def test_every_call_is_in_the_log_with_what_the_role_says_of_it(tmp_path: Path, mode: Any) -> None:
    for _ in range(2):  # two runs, two files
        with CallLog(tmp_path / "calls", NOTES, PLACE) as log:
            keys = KeyRing(b"s" * 32)
            guard = Guard(NOTES, PLACE, keys, mode=mode, advise=lambda *_: None, note=log.note)
            for function in ("note", "read", "note"):
                guard.refusal(function, [PUT])

    cut_off = tmp_path / "calls" / "cut-off.jsonl"
    cut_off.write_text('{"topology":{"apis":[{"na')  # as of an emulator whose files may be so long
    (recording,) = read((tmp_path / "calls").iterdir())
    assert recording.calls == {("note", PUT, True): 4, ("read", PUT, False): 2}
    assert recording.topology.api.stage == "prod"


def test_what_conditions_see_of_a_request_is_in_the_log(tmp_path: Path) -> None:
    own = Permission(
        actions=("dynamodb:GetItem",), resources=("*",), conditions={"StringEquals": {"dynamodb:LeadingKeys": "ada"}}
    )
    topology = replace(NOTES, functions=(Function(name="own", handler="h.own", permissions=(own,)),))
    ada, bob = (
        Need("dynamodb:GetItem", PUT.resource, (("dynamodb:leadingkeys", key), ("dynamodb:select", "ALL")))
        for key in ("ada", "bob")
    )
    with CallLog(tmp_path, topology, PLACE) as log:
        guard = Guard(topology, PLACE, KeyRing(b"s" * 32), mode="enforce", advise=lambda *_: None, note=log.note)
        guard.refusal("own", [ada])
        guard.refusal("own", [bob])

    (recording,) = read(tmp_path.iterdir())
    assert recording.calls == {("own", ada, True): 1, ("own", bob, False): 1}
    assert [stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()] == [0o600]


def test_all_that_roles_follow_from_is_in_the_log_and_nothing_of_the_environment(tmp_path: Path) -> None:
    whole = every_feature()
    for topology in (whole, NOTES):
        with CallLog(tmp_path, topology, PLACE):
            pass

    first, second = sorted(read(tmp_path.iterdir()), key=lambda each: -len(each.topology.functions))
    for function in whole.functions:
        assert grants(first.topology, first.topology.function(function.name)) == grants(whole, function)
    assert first.topology.tables == whole.tables
    assert second.topology.tables == NOTES.tables
    assert "of-nobody" not in "".join(file.read_text() for file in tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(
        ConfigurationError, match=rf"{VARIABLE}: no log can be written to .*/file/calls: Not a directory"
    ):
        CallLog(tmp_path / "file" / "calls", NOTES, PLACE)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, None), ({VARIABLE: ""}, None), ({VARIABLE: "calls"}, Path("calls"))],
    ids=["unset", "empty", "set"],
)
def test_the_variable_names_the_folder(environment: dict[str, str], expected: Path | None) -> None:
    assert folder_from(environment) == expected
