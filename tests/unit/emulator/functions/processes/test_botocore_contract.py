"""What the template relies on inside botocore, whose data files it has parsed once for all environments."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader

from emulator.functions.processes.ahead import keep_data_files, keep_lists


class Kept(JSONFileLoader):  # type: ignore[misc] # botocore publishes no types
    """Changed in place of botocore's own, which this process goes on using."""

    load_file = JSONFileLoader.load_file


class Changed:
    """As botocore may be one day."""

    def load_file(self, file_path: str, encoding: str) -> Any:
        raise NotImplementedError


def test_botocore_still_loads_its_data_through_the_class_that_is_changed() -> None:
    found = list(inspect.signature(JSONFileLoader.load_file).parameters)

    assert found == ["self", "file_path"], f"botocore changed the signature of JSONFileLoader.load_file: {found}"
    assert Loader.FILE_LOADER_CLASS is JSONFileLoader, "botocore loads its data files by another class now"


def test_a_file_is_parsed_once(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text(json.dumps({"a": 1}))

    assert keep_data_files(Kept) is None
    first, second = Kept().load_file(str(tmp_path / "data")), Kept().load_file(str(tmp_path / "data"))

    assert first == {"a": 1}
    assert first is second, "botocore does not load files through JSONFileLoader.load_file any more"


def test_a_changed_botocore_is_left_alone_and_named() -> None:
    before = Changed.load_file

    problem = keep_data_files(Changed)

    assert problem == "botocore changed the signature of JSONFileLoader.load_file: (self, file_path, encoding)"
    assert Changed.load_file is before


class Listing(Loader):  # type: ignore[misc] # botocore publishes no types
    """Changed in place of botocore's own."""

    looked = 0

    def list_available_services(self, type_name: str) -> list[str]:
        Listing.looked += 1
        found: list[str] = super().list_available_services(type_name)
        return found


def test_the_services_that_botocore_describes_are_listed_once(tmp_path: Path) -> None:
    assert keep_lists(Listing) is None, "botocore changed how Loader lists its services"
    Listing.looked = 0
    here = {"include_default_search_paths": False}
    builtin = [Listing.BUILTIN_DATA_PATH]

    first = Listing(extra_search_paths=builtin, **here).list_available_services("service-2")
    second = Listing(extra_search_paths=builtin, **here).list_available_services("service-2")

    assert first == second == Loader(extra_search_paths=builtin, **here).list_available_services("service-2")
    assert "dynamodb" in first
    assert Listing.looked == 1
    assert Listing(extra_search_paths=builtin, **here).list_available_services("resources-1") != first

    (tmp_path / "own" / "2026-01-01").mkdir(parents=True)
    (tmp_path / "own" / "2026-01-01" / "service-2.json").write_text("{}")
    with_own = Listing(extra_search_paths=[str(tmp_path), *builtin], **here)

    assert set(with_own.list_available_services("service-2")) == {*first, "own"}


def test_a_botocore_that_lists_in_another_way_is_left_alone_and_named() -> None:
    assert keep_lists(Changed) == "botocore changed how Loader lists its services"
