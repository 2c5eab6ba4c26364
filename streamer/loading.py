"""Imports what ``module:attribute`` names: a user's App, or a topology of plain handlers."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streamer.actions import said_by, signature_of
from streamer.app import App
from streamer.errors import ConfigurationError, StreamerError

if TYPE_CHECKING:
    from streamer.topology import Topology


def load_app(target: str) -> App:
    """Import the App that ``module:attribute`` names.

    Raises:
        ConfigurationError: it is not there; the message says which half failed.
    """
    found = load_object(target)
    if not isinstance(found, App):
        raise ConfigurationError(f"{target!r} is of type {type(found).__name__}, not a streamer App")
    return found


def load_service(target: str, *, stage: str, table_prefix: str) -> App | Topology:
    """Import the App, or the topology of plain handlers, that ``module:attribute`` names.

    Args:
        target: It may also name a function of stage and table prefix that returns a topology, so that plain handlers
            have stages side by side.
        stage: Given to such a function.
        table_prefix: Given to such a function, to be put before its tables' names.

    Raises:
        ConfigurationError: it is not there, or is none of these.
    """
    # Deploying and emulating need it, answering a message does not: a cold start should not pay for it.
    from streamer.topology import Topology  # noqa: PLC0415

    found = load_object(target)
    if isinstance(found, App):
        _refuse_namesake(target.partition(":")[0])
    if inspect.isfunction(found) and _takes_two(found):
        found = _made(found, target, stage, table_prefix)
    if not isinstance(found, App | Topology):
        kind = type(found).__name__
        raise ConfigurationError(
            f"{target!r} is of type {kind}; a target is an App, a streamer.topology.Topology, or a function of stage "
            f"and table prefix that returns a Topology"
        )
    return found


def _refuse_namesake(module_name: str) -> None:
    """Refuse a project's module that is called as this package or PyJWT's is: where functions run, one hides the other.

    Raises:
        ConfigurationError: there is one, and it is no copy of PyJWT.
    """
    from pathlib import Path  # noqa: PLC0415 - for tools alone: a cold start on Lambda loads this module, too

    if (folder := _folder(module_name)) and Path(folder, "streamer.py").is_file():
        raise ConfigurationError("streamer.py is called as the package that functions import; give it another name")
    try:
        spec = importlib.util.find_spec("jwt")  # without importing it
    except ValueError:  # it was put into `sys.modules` by hand
        return
    origin = None if spec is None else spec.origin
    if origin is None or not _is_in(origin, _folder(module_name)):
        return
    if not Path(origin).with_name("api_jws.py").is_file():
        shown = origin.removeprefix(_folder(module_name))
        raise ConfigurationError(f"{shown} is called as PyJWT's module, which verifies tokens; give it another name")


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether it can be called with stage and table prefix; one that cannot is no target, whatever it does."""
    try:
        signature_of(function).bind("stage", "prefix")
    except TypeError:
        return False
    return True


def _made(function: Callable[[str, str], Any], target: str, stage: str, table_prefix: str) -> Any:
    try:
        return function(stage, table_prefix)
    except StreamerError:
        raise
    except Exception as exc:  # a user's function may raise anything
        raise ConfigurationError(f"{target!r} fails: {type(exc).__name__}: {said_by(exc)}".partition("\n")[0]) from exc


def load_object(target: str) -> Any:
    """Import whatever ``module:attribute`` names; raises as `load_app` does."""
    module_name, colon, attribute = target.partition(":")
    if not (module_name and colon and attribute):
        raise ConfigurationError(f"{target!r} does not name an App; write it as module:attribute, such as app:app")
    if "/" in module_name or module_name.startswith(".") or module_name.endswith(".py"):
        raise ConfigurationError(f"{target!r} names a file; write a module as in 'import' instead, such as app:app")
    if module_name == "streamer":
        raise ConfigurationError(f"{target!r} names the package streamer itself; a service's file needs another name")
    found: Any = _import(module_name, target)
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise ConfigurationError(_without_attribute(module_name, attribute)) from None
    return found


def _import(module_name: str, target: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name is not None and (module_name == exc.name or module_name.startswith(f"{exc.name}.")):
            raise ConfigurationError(
                f"there is no module {exc.name!r} (from {target!r}); is it in the current folder or installed?"
            ) from exc
        raise ConfigurationError(
            f"module {module_name!r} imports {exc.name!r}, which is not installed for {sys.executable}"
        ) from exc
    except (Exception, SystemExit) as exc:  # a user's module may raise anything while it is imported
        raise ConfigurationError(
            f"module {module_name!r} fails when it is imported: {_one_line(exc, module_name)}"
        ) from exc


def _one_line(exc: BaseException, module_name: str) -> str:
    said = f"{type(exc).__name__}: {said_by(exc)}".partition("\n")[0]
    if isinstance(exc, SyntaxError):
        return said  # which says where
    place, step = None, exc.__traceback__
    while step is not None:
        name, file = step.tb_frame.f_globals.get("__name__"), step.tb_frame.f_code.co_filename
        if name == module_name or _is_in(file, _folder(module_name)):
            place = f"{file.removeprefix(_folder(module_name))}, line {step.tb_lineno}"
        step = step.tb_next
    return said if place is None else f"{said} ({place})"


def _folder(module_name: str) -> str:
    """Where the project's modules are: the folder that this one was found in, with a slash at its end."""
    try:
        spec = importlib.util.find_spec(module_name.partition(".")[0])
    except (ImportError, ValueError):
        return ""
    if spec is None or spec.origin is None:
        return ""
    folder = spec.origin.removesuffix("/__init__.py").rpartition("/")[0]
    return f"{folder}/"


def _is_in(file: str, folder: str) -> bool:
    """Whether it is the project's: below its folder, and not installed there."""
    return bool(folder) and file.startswith(folder) and "-packages/" not in file


def _without_attribute(module_name: str, attribute: str) -> str:
    apps = sorted(name for name, value in vars(sys.modules[module_name]).items() if isinstance(value, App))
    hint = f"; it has {', '.join(f'{module_name}:{name}' for name in apps)}" if apps else ""
    return f"module {module_name!r} has no attribute {attribute!r}{hint}"
