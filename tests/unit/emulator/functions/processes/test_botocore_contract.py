"""What the template relies on inside botocore, whose data files it has parsed once for all environments."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader

from emulator.functions.processes.ahead import keep_data_files, keep_lists


def kept() -> Any:
    """A loader that is changed in place of botocore's own, which this process goes on using."""
    loader = type("Kept", (JSONFileLoader,), {"load_file": JSONFileLoader.load_file})
    assert keep_data_files(loader) is None
    return loader()


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

    loader = kept()
    first, second = loader.load_file(str(tmp_path / "data")), type(loader)().load_file(str(tmp_path / "data"))

    assert first == {"a": 1}
    assert first is second, "botocore does not load files through JSONFileLoader.load_file any more"


@pytest.mark.parametrize("name", ["dynamodb/2012-08-10/service-2", "endpoints", "partitions", "there-is-none"])
def test_data_files_say_what_they_say_to_botocore_in_the_same_order(name: str) -> None:
    file = f"{Loader.BUILTIN_DATA_PATH}/{name}"

    assert json.dumps(kept().load_file(file)) == json.dumps(JSONFileLoader().load_file(file))


def test_a_changed_botocore_is_left_alone_and_named() -> None:
    before = Changed.load_file

    problem = keep_data_files(Changed)

    assert problem == "botocore changed the signature of JSONFileLoader.load_file: (self, file_path, encoding)"
    assert Changed.load_file is before


class Listing(Loader):  # type: ignore[misc] # botocore publishes no types
    """Changed in place of botocore's own."""

    list_available_services = Loader.list_available_services


def test_the_services_that_botocore_describes_are_listed_as_it_lists_them(tmp_path: Path) -> None:
    assert keep_lists(Listing) is None, "botocore changed how Loader lists its services"
    here = {"include_default_search_paths": False}
    builtin = [Listing.BUILTIN_DATA_PATH]

    first = Listing(extra_search_paths=builtin, **here).list_available_services("service-2")

    assert "dynamodb" in first
    for kind in ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1", "examples-1", "resources-1"):
        listed = Listing(extra_search_paths=builtin, **here).list_available_services(kind)
        assert listed == Loader(extra_search_paths=builtin, **here).list_available_services(kind), kind

    (tmp_path / "own" / "2026-01-01").mkdir(parents=True)
    (tmp_path / "own" / "2026-01-01" / "service-2.json").write_text("{}")
    with_own = Listing(extra_search_paths=[str(tmp_path), *builtin], **here)

    assert set(with_own.list_available_services("service-2")) == {*first, "own"}


def test_a_botocore_that_lists_in_another_way_is_left_alone_and_named() -> None:
    assert keep_lists(Changed) == "botocore changed how Loader lists its services"
