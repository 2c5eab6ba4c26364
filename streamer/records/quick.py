"""`dataclass` for what is imported at every start: the standard one compiles six methods of each class, this one one.

Half a millisecond for each class was a quarter of the emulator's start and a part of every cold start on Lambda. What
is not compiled is shared: it reads the fields by a getter of C. Type checkers see the standard decorator.
"""

from __future__ import annotations

import dataclasses
import operator
import reprlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

__all__ = ("dataclass",)

_GIVEN: Final = object()
"""A parameter's default that stands for its field's factory."""


def _quick(
    cls: type | None = None,
    /,
    *,
    frozen: bool = False,
    slots: bool = False,
    kw_only: bool = False,
    eq: bool = True,
) -> Any:
    """As ``dataclasses.dataclass``, for classes that inherit from no other dataclass of another decorator."""

    def made(each: type) -> type:
        return _made(each, frozen=frozen, slots=slots, kw_only=kw_only, eq=eq)

    return made if cls is None else made(cls)


def _made(cls: type, *, frozen: bool, slots: bool, kw_only: bool, eq: bool) -> type:
    if any(dataclasses.is_dataclass(base) for base in cls.__mro__[1:]):
        return dataclasses.dataclass(frozen=frozen, slots=slots, kw_only=kw_only, eq=eq)(cls)
    own = set(cls.__dict__)
    if "__eq__" in own and cls.__dict__.get("__hash__") is None:  # Python's doing
        own.discard("__hash__")
    if cls.__doc__ is None:  # else it is made of the signature
        cls.__doc__ = cls.__name__
    # Fields, slots and ``__match_args__`` come from there, and what `dataclasses.replace` and others read.
    cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
    cls.__dataclass_params__.frozen = frozen  # type: ignore[attr-defined]
    fields = dataclasses.fields(cls)
    methods: dict[str, Any] = {"__init__": _initializer(cls, fields, frozen=frozen), "__repr__": _representer(fields)}
    if eq:
        values = _getter([each.name for each in fields if each.compare])
        methods |= {"__eq__": _equal(values), "__hash__": _hash(values) if frozen else None}
    if frozen:
        methods |= _frozen(cls, {each.name for each in fields})
    if frozen and slots:
        methods |= {"__getstate__": _state, "__setstate__": _set_state}
    for name, method in methods.items():
        if name not in own:
            setattr(cls, name, method)
    return cls


def _initializer(cls: type, fields: tuple[dataclasses.Field[Any], ...], *, frozen: bool) -> Any:
    """``__init__``, the one method that is compiled: it runs for each object."""
    known: dict[str, Any] = {"__name__": cls.__module__, "_set": object.__setattr__, "_given": _GIVEN}
    parameters, named, body = ["self"], list[str](), list[str]()
    for each in fields:
        name, value = each.name, each.name
        has_factory = each.default_factory is not dataclasses.MISSING
        has_default = each.default is not dataclasses.MISSING
        known[f"_made_{name}"] = each.default_factory if has_factory else each.default
        if each.init:
            default = "=_given" if has_factory else f"=_made_{name}" if has_default else ""
            (named if each.kw_only else parameters).append(name + default)
            value = f"_made_{name}() if {name} is _given else {name}" if has_factory else name
        elif has_factory or has_default:
            value = f"_made_{name}()" if has_factory else f"_made_{name}"
        else:
            continue
        body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    signature = ", ".join((*parameters, *(["*", *named] if named else [])))
    exec(f"def __init__({signature}):\n " + "\n ".join(body or ["pass"]), known)  # noqa: S102 - as the standard one does
    made = known.pop("__init__")
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {each.name: each.type for each in fields if each.init} | {"return": None}
    return made


def _getter(names: list[str]) -> Callable[[Any], Any]:
    """What reads all fields as a tuple."""
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda one: tuple(getattr(one, name) for name in names)


def _representer(fields: tuple[dataclasses.Field[Any], ...]) -> Callable[[Any], str]:
    names = [each.name for each in fields if each.repr]

    @reprlib.recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807 - it becomes that method
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({told})"

    return __repr__


def _equal(values: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807
        if other.__class__ is self.__class__:
            return values(self) == values(other)
        return NotImplemented

    return __eq__


def _hash(values: Callable[[Any], Any]) -> Callable[[Any], int]:
    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return __hash__


def _frozen(cls: type[Any], names: set[str]) -> dict[str, Any]:
    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass: Final = _quick
