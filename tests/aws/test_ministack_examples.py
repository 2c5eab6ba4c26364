"""The examples as they are, where every role is enforced; and the local IAM allows and denies what that one does."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from https_proxy import https_proxy
from ministack_projects import JWT_SECRET, REGION, MiniStack, Project
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from emulator.iam.guard import Guard
from emulator.iam.keys import KeyRing
from emulator.iam.needs import Need
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.app import App
from streamer.auth import mint
from streamer.client import CannotConnectError, StreamerClient
from streamer.loading import load_service
from streamer.topology import Topology
from streamer.topology.grants import Kind, Place, Resource, arn, grants

SECONDS = 30
EXAMPLES = Path(__file__).parents[2] / "examples"


STAGES = ("dev", "prod")
BADGE_KEYS = {"dev": "the badges of one stage", "prod": "are not those of the other"}


@pytest.fixture(scope="session")
def chat(tmp_path_factory: pytest.TempPathFactory, strict_ministack: MiniStack) -> Iterator[Project]:
    """The example of plain handlers, deployed in two stages."""
    folder = tmp_path_factory.mktemp("examples") / "chat"
    shutil.copytree(EXAMPLES / "plain_handlers", folder, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    project = Project(folder, "chat", strict_ministack, {})
    with https_proxy(strict_ministack.url, folder.parent) as variables:
        project.configure(
            'app = "service:chat"\n[environment]\n'
            + "".join(f"{name} = {json.dumps(value)}\n" for name, value in variables.items())
        )
        for stage in STAGES:
            project.environment = {"BADGE_KEY": BADGE_KEYS[stage]}
            project.deploy("--stage", stage)
        yield project
        for stage in STAGES:
            destroyed = project.streamer("destroy", "--yes", "--delete-data", "--stage", stage)
            assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr


@asynccontextmanager
async def room(url: str, *names: str) -> AsyncIterator[list[ClientConnection]]:
    clients = [await connect(f"{url}?name={name}", open_timeout=SECONDS) for name in names]
    try:
        yield clients
    finally:
        for client in clients:
            await client.close()


async def hear(client: ClientConnection) -> Any:
    async with asyncio.timeout(SECONDS):
        return json.loads(await client.recv())


async def visit(url: str, badge_key: str) -> None:
    """Everything that the chat room can do."""
    badge = hmac.new(badge_key.encode(), b"127.0.0.1", hashlib.sha256).hexdigest()[:4]
    said = {"from": "ada", "badge": badge, "text": "hello"}
    with pytest.raises(InvalidStatus):
        await connect(url, open_timeout=SECONDS)
    async with room(url, "ada", "bob") as (ada, bob):
        await ada.send('{"action": "say", "text": "hello"}')
        assert [await hear(ada), await hear(bob)] == [said] * 2
        await ada.send('{"action": "who"}')
        assert await hear(ada) == {"here": ["ada", "bob"]}
        await ada.send('{"action": "dance"}')
        assert "try" in await hear(ada)
        async with asyncio.timeout(SECONDS):
            kept: list[Any] = []
            while not kept:  # the queue is read a moment later
                await ada.send('{"action": "history"}')
                kept = (await hear(ada))["said"]
        assert kept == [said]  # and nothing of another stage
        await bob.close()
        assert await hear(ada) == {"left": "bob"}


@pytest.mark.parametrize("stage", STAGES)
async def test_the_example_of_plain_handlers_serves_clients_of_two_stages_under_enforced_roles(
    chat: Project, stage: str
) -> None:
    await visit(chat.aws.websocket_url(chat.outputs(stage)["ApiId"], stage), BADGE_KEYS[stage])


def test_nobody_who_may_look_at_a_function_sees_its_secret(chat: Project) -> None:
    described = chat.aws.client("lambda").get_function_configuration(FunctionName="chat-prod-say")

    assert not any(key in str(described) for key in BADGE_KEYS.values())
    assert described["Environment"]["Variables"]["SAID_QUEUE_URL"].endswith("/chat-prod-said")


def role_arn(project: Project, function: str) -> str:
    lambda_ = project.aws.client("lambda")
    found = lambda_.get_function_configuration(FunctionName=f"{project.service}-dev-{function}")
    return str(found["Role"])


NOBODY = {
    Need("dynamodb:DeleteTable", Resource(Kind.TABLE, "chat-dev_nothing")),
    Need("lambda:InvokeFunction", Resource(Kind.FUNCTION, "nobody")),
    Need("s3:GetObject", Resource(Kind.ARN, "arn:aws:s3:::a-bucket/of-somebody-else")),
    Need("sqs:SendMessage", Resource(Kind.QUEUE, "nothing")),
}
"""What no function of an example may do."""


def granted(topology: Topology) -> set[Need]:
    """Everything that any function may do: each of these is somebody's, and nobody else's."""
    return {
        Need(action, resource)
        for function in topology.functions
        for grant in grants(topology, function)
        if not grant.conditions
        for action in grant.actions
        for resource in grant.resources
        if resource.detail != "*"  # streams have labels
    }


def disagreements(project: Project, topology: Topology, needs: Mapping[str, set[Need]]) -> list[str]:
    """Where the decisions here and there differ: for every function, and all that any did, or may, or may not do."""
    account = project.aws.client("sts").get_caller_identity()["Account"]
    api = project.outputs()["ApiId"]
    place = Place(
        partition="aws",
        region=REGION,
        account_id=account,
        apis={topology.api.name: (api, topology.api.stage)},
        function_prefix=f"{project.service}-dev-",
    )
    names = [function.name for function in topology.functions]
    asked = set().union(NOBODY, granted(topology), *needs.values())
    guard = Guard(topology, place, KeyRing(b"s" * 32), mode="enforce", advise=lambda *_: None)
    found = []
    for function, need in itertools.product(names, sorted(asked)):
        answer = project.aws.client("iam").simulate_principal_policy(
            PolicySourceArn=role_arn(project, function),
            ActionNames=[need.action],
            ResourceArns=[placed(project, need, place)],
        )
        there = answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
        here = guard.refusal(function, [need]) is None
        if here is not there:
            found.append(f"{function}: {need.action} on {need.resource} is {there} there and {here} here")
        if need in needs.get(function, set()) and not here:
            found.append(f"{function} needs {need.action} on {need.resource} and may not do it")
    return found


def placed(project: Project, need: Need, place: Place) -> str:
    """The ARN over there: CloudFormation named the queues itself, and streams have labels."""
    if need.resource.kind is Kind.QUEUE:
        return arn(need.resource._replace(name=f"{project.service}-dev-{need.resource.name}"), place)
    return arn(need.resource, place)


@asynccontextmanager
async def recording(topology: Topology, folder: Path) -> AsyncIterator[EmulatorThread]:
    config = EmulatorConfig(project_folder=folder, state_folder=folder / ".state", isolation="process", iam="record")
    emulator = EmulatorThread(topology, config)
    await asyncio.to_thread(emulator.__enter__)
    try:
        yield emulator
    finally:
        await asyncio.to_thread(emulator.__exit__)


async def test_plain_handlers_may_do_the_same_here_and_there(chat: Project, tmp_path: Path) -> None:
    here = tmp_path / "here"  # without the settings that lead the deployed ones through the proxy
    shutil.copytree(EXAMPLES / "plain_handlers", here, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    sys.path.insert(0, str(here))
    topology = load_service("service:chat", stage="dev", table_prefix="chat-dev_")
    assert isinstance(topology, Topology)
    async with recording(topology, here) as emulator:
        await visit(emulator.websocket_url, "only while developing")
    needs = emulator._emulator._guard._needs

    assert {function: len(found) for function, found in needs.items()} == {
        "connect": 1,
        "disconnect": 3,
        "say": 4,
        "who": 1,
        "history": 1,
        "keep": 1,
    }
    assert await asyncio.to_thread(disagreements, chat, topology, needs) == []


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory, strict_ministack: MiniStack) -> tuple[Project, dict[str, str]]:
    """The example of an App, deployed in two stages, and the address of each."""
    folder = tmp_path_factory.mktemp("examples") / "reports"
    shutil.copytree(EXAMPLES / "reports", folder, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    project = Project(folder, "reports", strict_ministack)
    addresses = {}
    for stage in STAGES:
        project.environment = {"JWT_SECRET": jwt_secret(stage)}
        addresses[stage] = project.serve(stage)
    return project, addresses


def jwt_secret(stage: str) -> str:
    return f"{JWT_SECRET} of {stage}"


async def use(url: str, secret: str) -> None:
    """What the reports can do, and actions that every App has."""
    rights = ["reports", "topics:publish"]
    token = mint(secret, user_id="ada", tenant_id="acme", now=time.time(), permissions=rights)
    async with StreamerClient(url, token) as client:
        assert (await client.request("total", {"month": "2026-03"}, timeout=SECONDS))["month"] == "2026-03"
        assert (await client.request("report", {"month": "2026-03"}, timeout=SECONDS))["for"] == "ada"
        await client.request("subscribe", {"topic": "news"}, timeout=SECONDS)
        await client.request("publish", {"topic": "news", "data": 1}, timeout=SECONDS)
        await client.request("unsubscribe", {"topic": "news"}, timeout=SECONDS)
        await client.request("subscribe", {"topic": "left-open"}, timeout=SECONDS)


@pytest.mark.parametrize("stage", STAGES)
async def test_the_example_of_an_app_serves_clients_of_two_stages_under_enforced_roles(
    reports: tuple[Project, dict[str, str]], stage: str
) -> None:
    await use(reports[1][stage], jwt_secret(stage))


async def test_a_token_of_one_stage_opens_no_other(reports: tuple[Project, dict[str, str]]) -> None:
    with pytest.raises(CannotConnectError):
        await use(reports[1]["prod"], jwt_secret("dev"))


async def test_the_functions_of_an_app_may_do_the_same_here_and_there(reports: tuple[Project, dict[str, str]]) -> None:
    project = reports[0]
    sys.path.insert(0, str(project.folder))
    app = load_service("app:app", stage="dev", table_prefix="")
    assert isinstance(app, App)
    environment = {"STREAMER_ENV": "development", "JWT_SECRET": JWT_SECRET}
    topology = app.topology(target="app:app", table_prefix="reports-dev_", stage="dev", environment=environment)
    async with recording(topology, project.folder) as emulator:
        await use(emulator.websocket_url, JWT_SECRET)
    needs = emulator._emulator._guard._needs

    assert {"connect", "disconnect", "processor", "router"} == needs.keys()
    assert await asyncio.to_thread(disagreements, project, topology, needs) == []
