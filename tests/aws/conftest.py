"""Deployments to MiniStack, an emulated AWS in an environment of its own: `make test-deploy`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter
from decisions_table import DECISIONS
from ministack_projects import JWT_SECRET, MiniStack, running
from moments_table import MOMENT, table

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


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print the table of moments, if deployments were made to fail, and that of decisions, if they were compared."""
    reports = [report for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    rows = [tuple(row) for report in reports for name, row in report.user_properties if name == MOMENT]
    lines = [*table(rows)]
    for report in (*reports, *terminalreporter.stats.get("failed", [])):
        lines += [line for name, said in report.user_properties if name == DECISIONS for line in said]
    for line in lines:
        terminalreporter.write_line(line)
