"""Dataclasses that are made quickly behave as the standard ones: each case is made by both."""

from __future__ import annotations

import ast
import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar

import pytest

import streamer
from streamer.records import quick

ROOT = Path(streamer.__file__).parents[1]
SHAPES = [
    pytest.param({}, id="plain"),
    pytest.param({"frozen": True}, id="frozen"),
    pytest.param({"slots": True}, id="slots"),
    pytest.param({"frozen": True, "slots": True}, id="frozen, slots"),
    pytest.param({"frozen": True, "slots": True, "kw_only": True}, id="frozen, slots, by name"),
    pytest.param({"slots": True, "eq": False, "kw_only": True}, id="compared as objects"),
]
FIELDS: dict[str, Any] = {
    "place": {},
    "size": {"default": 3},
    "tags": {"default_factory": list},
    "secret": {"default": "s", "repr": False, "compare": False},
    "named": {"default": None, "kw_only": True},
    "counted": {"init": False, "default_factory": dict, "compare": False},
    "kept": {"init": False, "default": 0},
}


def pair(options: Mapping[str, Any], **more: Any) -> tuple[Any, Any]:
    """The same class by the standard decorator and by ours."""
    annotations = dict.fromkeys(FIELDS, "Any") | {"shared": "ClassVar[int]"}
    made: list[Any] = []
    for decorator in (dataclasses.dataclass, quick.dataclass):
        space = {name: field(**told) for name, told in FIELDS.items() if told} | {"shared": 7, **more}
        cls = type("Thing", (), {"__annotations__": annotations, "__module__": __name__, **space})
        made.append(decorator(**options)(cls))
    return made[0], made[1]


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {"place": 1}),
    ((), {"place": float("nan"), "size": 4, "tags": [1], "secret": "t", "named": "n"}),
    ((), {}),
    ((1, 2, [3], "t"), {}),
    ((1, 2, [3], "t", 5), {}),
    ((), {"place": 1, "counted": 2}),
]


def outcome(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (TypeError, AttributeError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("options", SHAPES)
@pytest.mark.parametrize(("given", "named"), CALLS)
def test_objects_are_made_and_shown_as_by_the_standard_one(
    options: dict[str, Any], given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    standard, ours = pair(options)

    assert outcome(lambda: repr(ours(*given, **named))) == outcome(lambda: repr(standard(*given, **named)))


@pytest.mark.parametrize("options", SHAPES)
def test_what_reads_dataclasses_finds_the_same(options: dict[str, Any]) -> None:
    standard, ours = pair(options)

    def told(cls: Any) -> list[Any]:
        one = cls(place=1)
        return [
            [(each.name, each.type, each.init, each.kw_only) for each in dataclasses.fields(cls)],
            str(inspect.signature(cls)).replace("_quick", ""),
            cls.__match_args__,
            getattr(cls, "__slots__", None),
            cls.__dataclass_params__.frozen,
            dataclasses.asdict(one),
            outcome(lambda: repr(dataclasses.replace(one, size=9))),
        ]

    ours_told, standard_told = told(ours), told(standard)
    # Where a factory's default is shown, it is an object of the decorator's own.
    ours_told[1], standard_told[1] = (list(inspect.signature(cls).parameters) for cls in (ours, standard))
    assert ours_told == standard_told


@pytest.mark.parametrize("options", SHAPES)
def test_they_compare_and_hash_alike(options: dict[str, Any]) -> None:
    nan = float("nan")
    values = ({"place": 1}, {"place": 1}, {"place": 1, "secret": "other"}, {"place": 2}, {"place": nan}, {"place": nan})

    def told(cls: Any) -> list[Any]:
        made = [cls(tags=(), **each) for each in values]
        hashes = [outcome(lambda one=one: hash(one) == hash(made[0])) for one in made]  # type: ignore[misc]
        return [[one == other for other in (*made, 1)] for one in made] + [hashes]

    standard, ours = pair(options)
    assert told(ours) == told(standard)


@pytest.mark.parametrize("options", SHAPES)
def test_they_change_or_refuse_to_alike(options: dict[str, Any]) -> None:
    standard, ours = pair(options)

    def told(cls: Any) -> list[Any]:
        one = cls(place=1)
        acts = [
            outcome(lambda: setattr(one, "place", 2)),
            outcome(lambda: delattr(one, "size")),
            outcome(lambda: setattr(one, "other", 2))
            if not options.get("slots")
            else "without __dict__, the texts are Python's",
        ]
        return [*acts, one.place]

    assert told(ours) == told(standard)


@pytest.mark.parametrize("options", SHAPES)
def test_own_methods_stay(options: dict[str, Any]) -> None:
    own = {"__repr__": lambda _: "own", "__eq__": lambda *_: True, "__post_init__": lambda self: self.tags.append(1)}

    for cls in pair(options, **own):
        assert repr(cls(place=1)) == "own"
        assert cls(place=1) == 5
        assert cls(place=1).tags == [1]
    standard, ours = pair(options, **own)
    assert (standard.__hash__ is None) == (ours.__hash__ is None)


@quick.dataclass(frozen=True, slots=True)
class Leaf:
    """One that is copied and pickled."""

    name: str
    children: list[Leaf] = field(default_factory=list)
    count: ClassVar[int] = 3


@dataclasses.dataclass(frozen=True)
class Standard:
    """To inherit from."""

    name: str


def test_frozen_ones_are_copied_and_pickled() -> None:
    tree = Leaf("a", [Leaf("b")])

    assert pickle.loads(pickle.dumps(tree)) == tree
    assert copy.deepcopy(tree) == tree
    assert copy.copy(tree).children is tree.children


def test_what_contains_itself_is_shown() -> None:
    tree = Leaf("a")
    tree.children.append(tree)

    assert repr(tree) == "Leaf(name='a', children=[...])"


def test_a_class_that_inherits_from_a_dataclass_is_made_by_the_standard_one() -> None:
    class Child(Standard):
        size: int = 3

    made: Any = quick.dataclass(frozen=True)(Child)

    assert made("a", 4) == made("a", 4)
    assert repr(made("a", 4)).endswith("Child(name='a', size=4)")


def test_what_is_imported_at_a_start_uses_them() -> None:
    users = []
    for path in (*(ROOT / "streamer").rglob("*.py"), *(ROOT / "emulator").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            if "dataclass" in names and isinstance(node, ast.ImportFrom) and node.module == "dataclasses":
                users.append(path.relative_to(ROOT).as_posix())

    assert users == ["streamer/records/quick.py"]
