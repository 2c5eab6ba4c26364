"""What every test can rely on: an environment without settings of the machine, and enough open files."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

E2E = Path(__file__).parent / "e2e"
OUR_SETTINGS = ("JWT_", "STREAMER_", "AWS_", "ALLOWED_TENANTS", "TABLE_PREFIX", "LOG_LEVEL", "_HANDLER", "_X_AMZN")


def pytest_configure() -> None:
    """Forget whatever the developer's shell says about AWS and this service; subprocesses inherit the result."""
    for name in [name for name in os.environ if name.startswith(OUR_SETTINGS)]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        os.environ[file] = os.devnull
    # A shell without job control makes background jobs, such as `make test &`, ignore Ctrl-C; so would all they start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests below ``tests/e2e`` carry the marker, so that ``-m 'not e2e'`` is the quick round."""
    for item in items:
        if E2E in item.path.parents:
            item.add_marker(pytest.mark.e2e)
