"""Stacks as notes that the next run reads. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from msgspec import Struct, structs

from streamer.errors import ConfigurationError

from .records import Change, ChangeSet, Deployed, Event, Output, Proposed, ResourceRecord, StackRecord

_T = TypeVar("_T")

STACKS: Final = "stacks"
"""Notes of what is emulated, by the stack's name."""
RECORDS: Final = "stack records"
"""Notes of what CloudFormation tells, by the stack's id."""


def read(notes: Mapping[str, Any], made: Callable[[Any], _T]) -> dict[str, _T]:
    """What each note of a kind says, by name.

    Raises:
        ConfigurationError: one of them says nothing that is known.
    """
    try:
        return {name: made(each) for name, each in notes.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"the state file's stacks are damaged ({error}); delete it") from error


def deployed_note(deployed: Deployed) -> Any:
    """A stack that is emulated; its uploads by the names of their files."""
    uploads = [[*where, path.name] for where, path in deployed.uploads.items()]
    return {"text": deployed.text, "parameters": dict(deployed.parameters), "uploads": uploads}


def deployed_of(note: Any, folder: Path) -> Deployed:
    """What was noted; ``folder`` has the uploads. Raises KeyError, TypeError or ValueError if it is none."""
    uploads = {(str(bucket), str(key)): folder / name for bucket, key, name in note["uploads"]}
    return Deployed(text=note["text"], parameters=dict(note["parameters"]), uploads=uploads)


def record_note(record: StackRecord) -> Any:
    """A stack as CloudFormation tells of it."""
    return _plain(record)


def record_of(note: Any) -> StackRecord:
    """What was noted; raises KeyError, TypeError or ValueError if it is none."""
    more = {
        "current": None if note["current"] is None else _proposed(note["current"]),
        "resources": _resources(note["resources"]),
        "events": tuple(Event(**each) for each in note["events"]),
        "change_sets": {name: _change_set(each) for name, each in note["change_sets"].items()},
    }
    return StackRecord(**{**note, **more})


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return {name: _plain(each) for name, each in structs.asdict(value).items()}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _resources(notes: Mapping[str, Any]) -> dict[str, ResourceRecord]:
    return {
        name: ResourceRecord(**{**each, "inner": None if each["inner"] is None else _proposed(each["inner"])})
        for name, each in notes.items()
    }


def _proposed(note: Mapping[str, Any]) -> Proposed:
    more = {
        "capabilities": tuple(note["capabilities"]),
        "resources": _resources(note["resources"]),
        "outputs": tuple(Output(**each) for each in note["outputs"]),
        "imports": tuple(note["imports"]),
        "hidden": frozenset(note["hidden"]),
    }
    return Proposed(**{**note, **more})


def _change_set(note: Mapping[str, Any]) -> ChangeSet:
    changes = tuple(Change(**{**each, **_tuples(each, "properties", "attributes")}) for each in note["changes"])
    return ChangeSet(**{**note, "proposed": _proposed(note["proposed"]), "changes": changes})


def _tuples(note: Mapping[str, Any], *names: str) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(note.get(name, ())) for name in names}
