from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator

import pytest

from emulator.foundation.put_off import put_off

NAME = "wsgiref.headers"


@pytest.fixture(autouse=True)
def not_imported() -> Iterator[None]:
    """A submodule that nobody has imported, whose package somebody has."""
    package = importlib.import_module("wsgiref")
    sys.modules.pop(NAME, None)
    vars(package).pop("headers", None)
    yield
    sys.modules.pop(NAME, None)
    vars(package).pop("headers", None)


def is_imported() -> bool:
    return hasattr(sys.modules.get(NAME), "Headers")


def test_what_is_imported_without_need_is_not_and_leaves_nothing() -> None:
    with put_off(NAME):
        importlib.import_module(NAME)

    assert NAME not in sys.modules
    assert not hasattr(sys.modules["wsgiref"], "headers")


def test_whoever_uses_it_meanwhile_has_the_module_itself() -> None:
    with put_off(NAME):
        import wsgiref.headers

        headers = wsgiref.headers.Headers([("a", "b")])

    assert headers["a"] == "b"
    assert is_imported()


def test_what_stays_is_imported_by_whoever_uses_it_later() -> None:
    with put_off(NAME, stays=True):
        import wsgiref.headers
    assert "Headers" not in vars(sys.modules[NAME])

    assert wsgiref.headers.Headers([("a", "b")])["a"] == "b"
    assert is_imported()


def test_what_was_imported_before_stays() -> None:
    before = importlib.import_module(NAME)

    with put_off(NAME):
        assert importlib.import_module(NAME) is before

    assert sys.modules[NAME] is before


def test_the_next_import_is_an_ordinary_one() -> None:
    with put_off(NAME):
        importlib.import_module(NAME)

    importlib.import_module(NAME)

    assert is_imported()
