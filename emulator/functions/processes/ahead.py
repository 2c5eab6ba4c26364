"""What the template process imports and prepares ahead of the fork, so that no environment has to.

Loaded by `bootstrap`, by path; like that it imports nothing of the emulator.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import sys
from typing import Any


def import_ahead(names: list[str]) -> None:
    """Import what most functions need, so that the forked environments have it already."""
    # Looking for garbage among what stays would take a third of the time.
    gc.disable()
    for name in names:
        # Only to be faster: an environment that needs a module which cannot be imported answers so itself.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if "botocore.session" in sys.modules:
        from botocore.loaders import JSONFileLoader, Loader  # noqa: PLC0415 - where it is missing, nothing else is

        for problem in (keep_data_files(JSONFileLoader), keep_lists(Loader)):
            if problem is not None:
                print(f"{problem}; functions make their clients more slowly", file=sys.stderr)  # noqa: T201 - terminal
        try:
            _make_clients(("dynamodb", "apigatewaymanagementapi"))
        except Exception as error:  # noqa: BLE001 - whatever botocore cannot do here, each function may still try
            print(f"botocore could not make clients ahead: {error!r}", file=sys.stderr)  # noqa: T201 - the terminal
    # The collector would write to the objects' headers and so copy the pages that the environments share.
    gc.freeze()
    gc.enable()


def keep_data_files(loader: Any) -> str | None:
    """Let botocore's loader of data files parse each once; answers what botocore has changed that forbids it.

    botocore, too, gives all clients of a session the same documents. ``loader`` is its class ``JSONFileLoader``.
    `tests/unit/emulator/functions/processes/test_botocore_contract.py` holds what this relies on.
    """
    original = getattr(loader, "load_file", None)
    code = getattr(original, "__code__", None)
    parameters = () if code is None else code.co_varnames[: code.co_argcount]
    if parameters != ("self", "file_path"):
        return f"botocore changed the signature of JSONFileLoader.load_file: ({', '.join(parameters)})"
    load = functools.cache(loader().load_file)
    loader.load_file = lambda _loader, file_path: load(file_path)
    return None


def keep_lists(loader: Any) -> str | None:
    """Let botocore look once which services it describes; answers what botocore has changed that forbids it.

    It looks for each client anew, in some 900 folders of its own. ``loader`` is its class ``Loader``; one that has
    other folders to look in, such as the user's ``~/.aws/models``, goes on looking.
    `tests/unit/emulator/functions/processes/test_botocore_contract.py` holds what this relies on.
    """
    original = getattr(loader, "list_available_services", None)
    own = getattr(loader, "BUILTIN_DATA_PATH", None)
    if original is None or own is None or not hasattr(loader, "_potential_locations"):
        return "botocore changed how Loader lists its services"
    kept: dict[str, list[str]] = {}

    def list_available_services(self: Any, type_name: str) -> list[str]:
        if list(self._potential_locations()) != [own]:
            found: list[str] = original(self, type_name)
            return found
        if type_name not in kept:
            kept[type_name] = original(self, type_name)
        return list(kept[type_name])

    loader.list_available_services = list_available_services
    return None


def _make_clients(services: tuple[str, ...]) -> None:
    """Let botocore load and compile what every client needs; the clients are dropped.

    A client in a forked environment then takes half the time, and 8 MB instead of 20 (docs/performance.md).
    """
    import botocore.session  # noqa: PLC0415 - where it is not installed, nothing is missing

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # the user's own profile; environments get variables of their own
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    session = botocore.session.Session()
    for service in services:
        session.create_client(service, "us-east-1", aws_access_key_id="-", aws_secret_access_key="-").close()  # noqa: S106
