"""What environments inherit from the template they are forked from, and what they must not."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from functions_world import Lines, Project, alive, call, topology_of, until
from msgspec import structs

from emulator.functions.processes.descendants import descendants
from emulator.functions.processes.functions import ProcessFunctions
from emulator.functions.processes.kept import Alike, KeptTemplate
from emulator.functions.processes.launching import IMPORT_AHEAD, Launched, launch, launched_ahead
from emulator.functions.processes.means import Means
from emulator.functions.processes.template import Template
from emulator.functions.variables import OWNER, Endpoints

MANY = 400
"""More requests than a socket of Linux has room for."""
CODE = """
import os

import boto3

clients = [boto3.client("dynamodb"), boto3.client("sqs"), boto3.client("apigatewaymanagementapi")]


def made(event, context):
    keys = {client._request_signer._credentials.access_key for client in clients}
    return [sorted({client.meta.region_name for client in clients}), sorted(keys)]


def profile(event, context):
    return [name for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE") if name in os.environ]
"""


async def test_a_client_is_of_its_own_environment_and_not_of_the_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "there-is-none")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "broken"))
    (tmp_path / "broken").write_text("not a configuration")
    project = Project(tmp_path, "process", import_ahead=IMPORT_AHEAD)
    project.write(CODE)
    endpoints = Endpoints(region="eu-west-3", owner=structs.replace(OWNER, access_key_id="AKIATHISONE"))

    async with project.functions("made", "profile", endpoints=endpoints) as functions:
        assert await call(functions, "made") == [["eu-west-3"], ["AKIATHISONE"]]
        assert await call(functions, "profile") == []


async def test_what_is_imported_ahead_is_the_projects_own_where_it_has_a_module_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "jwt.py").write_text('WHOSE = "the project"\n')
    (tmp_path / "handlers.py").write_text("import jwt\ndef f(event, context): return jwt.WHOSE\n")
    with launched_ahead() as launched:
        launched.tell(code=tmp_path)
        made = ProcessFunctions(
            topology_of("f"), endpoints=Endpoints(), project_folder=tmp_path, log_sink=Lines(), launched=launched
        )
        async with made as functions:
            assert await call(functions, "f") == "the project"


ASKED = "import select, sys\nselect.select([int(sys.argv[1])], [], [])\n"
"""A module that is imported once the template is asked for an environment."""


async def test_who_needs_no_more_than_what_is_imported_does_not_wait_for_what_is_imported_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "known.py").write_text("import pathlib\ndef f(event, context): pathlib.Path(event).touch()\n")
    (tmp_path / "asked.py").write_text(ASKED)
    file = tmp_path / "answered"
    waiting = f"import os, time\nwhile not os.path.exists({str(file)!r}): time.sleep(0.01)\n"
    (tmp_path / "waits.py").write_text(waiting)
    monkeypatch.syspath_prepend(str(tmp_path))
    project = Project(tmp_path, "process", import_ahead=["known", "asked", "waits"])

    async with project.functions("known.f") as functions:
        await call(functions, "known.f", str(file))


@pytest.mark.skipif(not Means.of_this_machine().forks, reason="without forking nothing is imported ahead")
async def test_who_may_need_more_waits_until_all_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asked.py").write_text(ASKED)
    (tmp_path / "last.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    project = Project(tmp_path, "process", import_ahead=["asked", "last"])
    project.write("import sys\ndef f(event, context): return 'last' in sys.modules\n")

    async with project.functions("f") as functions:
        assert await call(functions, "f") is True


async def test_more_environments_at_once_than_its_socket_has_room_for_all_start(tmp_path: Path) -> None:
    """A function with a large reserved concurrency and handlers that wait: each of its events starts one."""
    means = Means.of_this_machine()
    launched = launch(means, tmp_path / "environments")
    launched.tell(())
    ends: list[int] = []
    output = os.open(os.devnull, os.O_WRONLY)
    try:
        async with Template(means, descendants(process_files=means.process_files), launched=launched) as template:
            os.kill(launched.process.pid, signal.SIGSTOP)
            told: dict[str, Any] = {"environment": {}, "folder": str(tmp_path), "command": ["true"], "channel": None}
            starts = [
                asyncio.ensure_future(template.start(**told, output=output, ended=ends.append)) for _ in range(MANY)
            ]
            await asyncio.sleep(0.2)
            os.kill(launched.process.pid, signal.SIGCONT)
            pids = await asyncio.wait_for(asyncio.gather(*starts), 60)
            await until(lambda: len(ends) == MANY)
    finally:
        os.close(output)

    assert len(set(pids)) == MANY
    assert set(ends) == {0}


async def test_a_template_that_is_stopped_holds_up_no_end(tmp_path: Path) -> None:
    means = Means.of_this_machine()
    launched = launch(means, tmp_path / "environments")
    launched.tell(())
    output = os.open(os.devnull, os.O_WRONLY)
    told: dict[str, Any] = {"environment": {}, "folder": str(tmp_path), "command": ["sleep", "60"], "channel": None}
    try:
        async with (
            asyncio.timeout(60),
            Template(
                means, descendants(process_files=means.process_files), launched=launched, end_seconds=0.1
            ) as template,
        ):
            pid = await template.start(**told, output=output, ended=lambda status: None)
            os.kill(launched.process.pid, signal.SIGSTOP)
    finally:
        os.close(output)

    await until(lambda: not alive(pid))
    assert launched.process.returncode == -signal.SIGKILL


LEAVES = """
import os, pathlib, subprocess, tempfile


def f(event, context):
    pathlib.Path(tempfile.gettempdir(), "left").touch()
    left = subprocess.Popen(["sleep", "60"], start_new_session=True)
    return [os.getppid(), left.pid]


def g(event, context):
    return [os.getppid(), os.environ.get("WORD")]
"""


@pytest.fixture
def kept() -> Iterator[KeptTemplate]:
    """A place where a template process stays from one emulator to the next."""
    keeper = KeptTemplate()
    yield keeper
    keeper.end()


def of_kept(kept: KeptTemplate, folder: Path, name: str) -> ProcessFunctions:
    (folder / "handlers.py").write_text(LEAVES)
    return ProcessFunctions(
        topology_of(name),
        endpoints=Endpoints(),
        project_folder=folder,
        log_sink=Lines(),
        import_ahead=(),
        launched=kept,
    )


async def test_a_kept_template_serves_the_next_emulator_and_leaves_it_nothing_of_the_last(
    tmp_path: Path, kept: KeptTemplate
) -> None:
    async with of_kept(kept, tmp_path, "f") as functions:
        template, left = await call(functions, "f")
        folder = functions._template.folder
        assert list(folder.rglob("left")) != []

    assert not alive(left)
    assert list(folder.iterdir()) == []

    async with of_kept(kept, tmp_path, "g") as functions:
        assert await call(functions, "g") == [template, None]

    kept.end()
    assert not psutil.pid_exists(template)
    assert not folder.exists()


async def test_a_kept_template_of_other_variables_or_that_was_killed_serves_no_emulator(
    tmp_path: Path, kept: KeptTemplate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with of_kept(kept, tmp_path, "g") as functions:
        (first, _) = await call(functions, "g")
    monkeypatch.setenv("PYTHONHASHSEED", "1")

    async with of_kept(kept, tmp_path, "g") as functions:
        (second, _) = await call(functions, "g")

    assert second != first
    assert not psutil.pid_exists(first)
    os.kill(second, signal.SIGKILL)
    await until(lambda: psutil.Process(second).status() == psutil.STATUS_ZOMBIE)

    async with of_kept(kept, tmp_path, "g") as functions:
        (third, _) = await call(functions, "g")

    assert third != second


async def test_of_two_emulators_at_once_one_leaves_its_template(tmp_path: Path, kept: KeptTemplate) -> None:
    async with of_kept(kept, tmp_path, "g") as functions:
        (first, _) = await call(functions, "g")
        async with of_kept(kept, tmp_path, "g") as others:
            (second, _) = await call(others, "g")

    assert first != second
    assert psutil.pid_exists(second)
    assert not psutil.pid_exists(first)


async def test_a_kept_template_that_is_stopped_holds_up_no_end_and_is_not_kept(tmp_path: Path) -> None:
    keeper, means = KeptTemplate(), Means.of_this_machine()
    found = descendants(process_files=means.process_files)
    async with (
        asyncio.timeout(60),
        Template(means, found, import_ahead=(), launched=keeper, end_seconds=0.1) as template,
    ):
        process = template._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)

    assert process.returncode == -signal.SIGKILL
    keeper.end()


class Asking(KeptTemplate):
    """Asks, when it is left a process, whether the emulator that leaves it reads what that says."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self.is_read = True

    def keep(self, launched: Launched, made_of: Alike) -> bool:
        """Keep it."""

        async def stop_reading() -> bool:
            return self._loop.remove_reader(launched.control.fileno())

        self.is_read = asyncio.run_coroutine_threadsafe(stop_reading(), self._loop).result()
        return super().keep(launched, made_of)


async def test_what_a_kept_template_says_is_for_the_next_emulator_from_when_it_can_be_taken(tmp_path: Path) -> None:
    keeper = Asking(asyncio.get_running_loop())
    async with of_kept(keeper, tmp_path, "g") as functions:
        await call(functions, "g")
    keeper.end()

    assert not keeper.is_read
