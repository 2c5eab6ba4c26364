"""Stands before a handler that knows nothing of streamer: its module finds its secrets in the environment.

Importing this module, which Lambda does in its init phase, fills the variables and then imports the handler's module.
What goes wrong there is raised as it is, so Lambda tells of it as if it had imported the handler itself.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from streamer.handlers import secrets
from streamer.stores.client import Clients


def _loaded() -> Any:
    secrets.load(os.environ, Clients().get)
    module, _, attribute = os.environ[secrets.HANDLER_VARIABLE].rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), attribute)


handler = _loaded()
"""The function's own handler."""
