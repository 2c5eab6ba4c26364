"""Deployments to MiniStack, an emulated AWS in an environment of its own: `make test-deploy`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from ministack_projects import JWT_SECRET, MiniStack, running

from streamer.auth import mint


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """An AWS that enforces no permissions, shared by tests that each have services of their own."""
    with running(tmp_path_factory.mktemp("ministack")) as found:
        yield found


@pytest.fixture(scope="session")
def strict_ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """An AWS that enforces every role."""
    with running(tmp_path_factory.mktemp("strict"), AUTH="true") as found:
        yield found


@pytest.fixture
def token() -> str:
    return mint(JWT_SECRET, user_id="ada", tenant_id="acme", now=time.time(), expires_in_seconds=600)
