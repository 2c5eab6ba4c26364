"""What the template process imports and prepares ahead of the fork, so that no environment has to.

Loaded by `bootstrap`, by path; like that it imports nothing of the emulator.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import gzip
import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator
from typing import Any


def import_ahead(names: list[str]) -> Iterator[None]:
    """Import what most functions need, so that the forked environments have it already; rests after each step.

    The garbage collector stays off until all is done, or `share` is called: looking for garbage among what stays would
    take a third of the time.
    """
    gc.disable()
    prepared = False
    for name in names:
        # Only to be faster: an environment that needs a module which cannot be imported answers so itself.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
        if not prepared and "botocore.session" in sys.modules:
            prepared = True
            _prepare_botocore()
        yield
    if prepared:
        _make_client("apigatewaymanagementapi")
    share()


def share() -> None:
    """Have the collector leave alone what there is: it would write to it, and so copy pages that are shared."""
    gc.freeze()
    gc.enable()


def _prepare_botocore() -> None:
    """Let botocore load and compile what every client needs, and what those of DynamoDB do."""
    from botocore import hooks  # noqa: PLC0415 - where it is missing, nothing else is
    from botocore.loaders import JSONFileLoader, Loader  # noqa: PLC0415 - likewise

    for problem in (keep_data_files(JSONFileLoader), keep_lists(Loader), keep_event_names(hooks), see_keywords(hooks)):
        if problem is not None:
            print(f"{problem}; functions make their clients more slowly", file=sys.stderr)  # noqa: T201 - the terminal
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # the user's own profile; environments get variables of their own
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    _make_client("dynamodb")


def keep_data_files(loader: Any) -> str | None:
    """Let botocore's loader of data files parse each once; answers what botocore has changed that forbids it.

    botocore, too, gives all clients of a session the same documents. They are plain dictionaries, which keep their
    order as well, and take half the memory of botocore's ordered ones. ``loader`` is its class ``JSONFileLoader``.
    `tests/unit/emulator/functions/processes/test_botocore_contract.py` holds what this relies on.
    """
    original = getattr(loader, "load_file", None)
    code = getattr(original, "__code__", None)
    parameters = () if code is None else code.co_varnames[: code.co_argcount]
    if parameters != ("self", "file_path"):
        return f"botocore changed the signature of JSONFileLoader.load_file: ({', '.join(parameters)})"
    load = functools.cache(_data_of)
    loader.load_file = lambda _loader, file_path: load(file_path)
    return None


def _data_of(file_path: str) -> Any:
    """The content of a data file that is named without its ending; None: there is none."""
    for ending, opened in ((".json", open), (".json.gz", gzip.open)):
        if os.path.isfile(file_path + ending):  # noqa: PTH113 - pathlib is no part of an environment
            with opened(file_path + ending, "rb") as file:
                return json.loads(file.read())
    return None


def keep_lists(loader: Any) -> str | None:
    """Let botocore look once which services it describes; answers what botocore has changed that forbids it.

    It looks for each client anew, and for each kind of document, in some 900 folders of its own. ``loader`` is its
    class ``Loader``; one that has other folders to look in, such as the user's ``~/.aws/models``, goes on looking.
    `tests/unit/emulator/functions/processes/test_botocore_contract.py` holds what this relies on.
    """
    original = getattr(loader, "list_available_services", None)
    own = getattr(loader, "BUILTIN_DATA_PATH", None)
    if original is None or own is None or not hasattr(loader, "_potential_locations"):
        return "botocore changed how Loader lists its services"
    listed = functools.cache(_described_in)

    def list_available_services(self: Any, type_name: str) -> list[str]:
        if list(self._potential_locations()) != [own]:
            found: list[str] = original(self, type_name)
            return found
        return sorted(listed(own).get(type_name, ()))

    loader.list_available_services = list_available_services
    return None


def _described_in(folder: str) -> dict[str, set[str]]:
    """By kind of document, such as ``service-2``: the services of which a folder of botocore's has one."""
    found: dict[str, set[str]] = {}
    with os.scandir(folder) as services:
        for service in services:
            if service.is_dir():
                for version in os.listdir(service.path):  # noqa: PTH208 - pathlib is no part of an environment
                    with contextlib.suppress(NotADirectoryError):
                        for file in os.listdir(f"{service.path}/{version}"):  # noqa: PTH208 - likewise
                            kind, dot, ending = file.partition(".")
                            if dot + ending in (".json", ".json.gz"):
                                found.setdefault(kind, set()).add(service.name)
    return found


def keep_event_names(hooks: Any) -> str | None:
    """Let botocore look once which name an event has today; answers what botocore has changed that forbids it.

    Each session and each client goes through sixty old names for each of its 130 handlers. ``hooks`` is the module
    ``botocore.hooks``; whoever has old names of its own goes on looking.
    `tests/unit/emulator/functions/processes/test_botocore_contract.py` holds what this relies on.
    """
    aliaser, aliases = getattr(hooks, "EventAliaser", None), getattr(hooks, "EVENT_ALIASES", None)
    original: Any = getattr(aliaser, "__init__", None)
    if aliaser is None or aliases is None or getattr(aliaser(None), "_alias_name_cache", None) != {}:
        return "botocore changed how EventAliaser keeps the names of events"
    kept: dict[str, str] = {}

    def begin(self: Any, event_emitter: Any, event_aliases: Any = None) -> None:
        original(self, event_emitter, event_aliases)
        if self._event_aliases == aliases:
            self._alias_name_cache = kept

    aliaser.__init__ = begin
    return None


def see_keywords(hooks: Any) -> str | None:
    """Let botocore see at a handler's code whether it takes every keyword; answers what it has changed that forbids it.

    It inspects the whole signature of each of its 130 handlers for each session, a third of the session's time.
    ``hooks`` is the module ``botocore.hooks``.
    `tests/unit/emulator/functions/processes/test_botocore_contract.py` holds what this relies on.
    """
    original = getattr(hooks, "accepts_kwargs", None)
    if original is None:
        return "botocore changed how it looks at the handlers of its events"

    def accepts_kwargs(handler: Any) -> Any:
        code = getattr(handler, "__code__", None)
        if code is None or hasattr(handler, "__signature__"):
            return original(handler)
        return bool(code.co_flags & inspect.CO_VARKEYWORDS)

    hooks.accepts_kwargs = accepts_kwargs
    return None


def _make_client(service: str) -> None:
    """Make a client and drop it.

    One in a forked environment then takes half the time, and 8 MB instead of 20 (docs/performance.md).
    """
    try:
        import botocore.session  # noqa: PLC0415 - where it is not installed, nothing is missing

        session = botocore.session.Session()
        session.create_client(service, "us-east-1", aws_access_key_id="-", aws_secret_access_key="-").close()  # noqa: S106
    except Exception as error:  # noqa: BLE001 - whatever botocore cannot do here, each function may still try
        print(f"botocore could not make a client ahead: {error!r}", file=sys.stderr)  # noqa: T201 - the terminal
