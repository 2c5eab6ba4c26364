"""What the template relies on inside botocore, whose data files it has parsed once for all environments."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.compat
import botocore.hooks
import pytest
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import JSONFileLoader, Loader

from emulator.functions.processes.ahead import keep_data_files, keep_event_names, keep_lists, see_keywords


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


def own_hooks() -> Any:
    """botocore's own, to be changed: those that this process goes on using are changed already."""
    spec = importlib.util.find_spec("botocore.hooks")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name", ["before-call.s3.PutObject", "before-sign.cloudwatch", "creating-client-class.iot-data", "own", "a.b.c"]
)
def test_events_have_the_names_that_botocore_gives_them_and_are_looked_up_once(name: str) -> None:
    hooks = own_hooks()
    assert keep_event_names(hooks) is None, "botocore changed how EventAliaser keeps the names of events"
    first, second = hooks.EventAliaser(None), hooks.EventAliaser(None)

    assert first._alias_event_name(name) == own_hooks().EventAliaser(None)._alias_event_name(name)
    assert name in second._alias_name_cache


def test_whoever_has_old_names_of_its_own_goes_by_these() -> None:
    hooks = own_hooks()
    keep_event_names(hooks)

    assert hooks.EventAliaser(None)._alias_event_name("call.old") == "call.old"
    assert hooks.EventAliaser(None, {"old": "new"})._alias_event_name("call.old") == "call.new"
    assert hooks.EventAliaser(None)._alias_event_name("call.old") == "call.old"


class Handler:
    """One that is called, and one that is a method."""

    def __call__(self, event_name: str) -> None: ...

    def hear(self, event_name: str, **more: Any) -> None: ...

    def hear_some(self, event_name: str) -> None: ...


OTHERS = {
    "an object": Handler(),
    "a method": Handler().hear,
    "a method without keywords": Handler().hear_some,
    "a partial": functools.partial(Handler().hear, "a"),
    "positional ones only": lambda event_name, *more: None,
    "a wrapper of one that takes keywords": functools.wraps(Handler.hear)(lambda *more: None),
}


def test_handlers_take_every_keyword_or_not_as_botocore_says() -> None:
    hooks = own_hooks()
    assert see_keywords(hooks) is None, "botocore changed how it looks at the handlers of its events"
    handlers = [*((each[0], each[1]) for each in BUILTIN_HANDLERS), *OTHERS.items()]

    assert [
        name
        for name, handler in handlers
        if bool(hooks.accepts_kwargs(handler)) != bool(botocore.compat.accepts_kwargs(handler))
    ] == []


def test_botocore_still_looks_at_handlers_through_what_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def accepts_kwargs(handler: object) -> bool:
        seen.append(handler)
        return True

    monkeypatch.setattr(botocore.hooks, "accepts_kwargs", accepts_kwargs)
    botocore.hooks.HierarchicalEmitter().register("an.event", Handler().hear)

    assert len(seen) == 1, "botocore looks at the handlers of its events in another way"


def test_hooks_that_changed_are_left_alone_and_named() -> None:
    changed = SimpleNamespace(EventAliaser=lambda emitter: SimpleNamespace(), EVENT_ALIASES={})

    assert keep_event_names(changed) == "botocore changed how EventAliaser keeps the names of events"
    assert see_keywords(changed) == "botocore changed how it looks at the handlers of its events"
