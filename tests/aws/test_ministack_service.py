"""The deployed stack serves clients: MiniStack's API Gateway, Lambda and streams, not our emulator's."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ministack_projects import APP, MiniStack, Project, project_in
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

SECONDS = 30


async def ask(client: ClientConnection, action: str, final: str) -> list[dict[str, Any]]:
    """All messages about one request, up to that of type ``final``; it is sent once more where nothing comes."""
    for number in (1, 2):
        with contextlib.suppress(TimeoutError):
            return await _asked(client, action, final, f"{action}-{number}")
    raise AssertionError(f"nobody answers {action}")


async def _asked(client: ClientConnection, action: str, final: str, request_id: str) -> list[dict[str, Any]]:
    await client.send(json.dumps({"action": action, "id": request_id, "payload": {}}))
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(SECONDS):
        while not heard or heard[-1]["type"] not in (final, "error"):
            message = json.loads(await client.recv())
            if message["request_id"] == request_id:
                heard.append(message)
    return heard


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what no event announces: another process's write."""
    async with asyncio.timeout(SECONDS):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(0.05)


def rows(project: Project) -> int:
    table = project.outputs()["ConnectionsTableName"]
    return int(project.aws.client("dynamodb").scan(TableName=table)["Count"])


async def serve(project: Project, token: str) -> None:
    """A client's visit: connect, a quick action, a slow one, a clean goodbye."""
    url = await asyncio.to_thread(project.serve)
    async with connect(f"{url}?Authorization={token}", open_timeout=SECONDS) as client:
        quick = await ask(client, "greet", "response")
        slow = await ask(client, "report", "complete")
        present = await asyncio.to_thread(rows, project)

    assert quick[0]["data"] == {"says": "servus", "version": 1}
    # All else may overtake the acknowledgment (docs/protocol.md).
    types = [message["type"] for message in slow if message["type"] != "acknowledgment"]
    assert types == [*["progress"] * 3, "complete"]
    assert [message["percentage"] for message in slow if message["type"] == "progress"] == [25, 50, 75]
    assert slow[-1]["result"] == {"steps": 3}
    assert present == 1
    await until(lambda: rows(project) == 0)


@pytest.mark.timeout(300)
async def test_the_deployed_stack_serves_a_client(tmp_path: Path, ministack: MiniStack, token: str) -> None:
    await serve(project_in(tmp_path, ministack, "served"), token)


@pytest.mark.timeout(300)
async def test_and_again_where_every_role_is_enforced(tmp_path: Path, strict_ministack: MiniStack, token: str) -> None:
    await serve(project_in(tmp_path, strict_ministack, "strict"), token)


async def test_a_client_without_a_token_stays_outside(tmp_path: Path, ministack: MiniStack) -> None:
    project = project_in(tmp_path, ministack, "closed")
    url = await asyncio.to_thread(project.serve)

    with pytest.raises(InvalidStatus) as refused:
        await connect(url, open_timeout=SECONDS)

    assert refused.value.response.status_code in (401, 403)  # MiniStack answers 403 to whatever $connect refuses.
    assert await asyncio.to_thread(rows, project) == 0


def take_away(project: Project, function: str, action: str) -> None:
    """Remove one action from the policy of a function's role."""
    iam, lambda_ = project.aws.client("iam"), project.aws.client("lambda")
    arn = lambda_.get_function_configuration(FunctionName=f"{project.service}-dev-{function}")["Role"]
    role = arn.rsplit("/", 1)[1]
    name = iam.list_role_policies(RoleName=role)["PolicyNames"][0]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    before = json.dumps(document)
    for statement in document["Statement"]:
        statement["Action"] = [each for each in statement["Action"] if each != action]
    document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    assert json.dumps(document) != before
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


@pytest.mark.parametrize(
    ("function", "action"),
    [
        pytest.param("connect", "dynamodb:PutItem", id="store"),
        pytest.param("connect", "secretsmanager:GetSecretValue", id="secret"),
    ],
)
async def test_without_a_permission_nobody_connects(
    tmp_path: Path, strict_ministack: MiniStack, token: str, function: str, action: str
) -> None:
    project = project_in(tmp_path, strict_ministack, f"no-{action.split(':')[1].lower()}")
    url = await asyncio.to_thread(project.serve)
    await asyncio.to_thread(take_away, project, function, action)

    with pytest.raises(InvalidStatus):
        await connect(f"{url}?Authorization={token}", open_timeout=SECONDS)

    assert await asyncio.to_thread(rows, project) == 0


async def test_without_manage_connections_nobody_is_answered(
    tmp_path: Path, strict_ministack: MiniStack, token: str
) -> None:
    project = project_in(tmp_path, strict_ministack, "silent")
    url = await asyncio.to_thread(project.serve)
    await asyncio.to_thread(take_away, project, "router", "execute-api:ManageConnections")

    async with connect(f"{url}?Authorization={token}", open_timeout=SECONDS) as client:
        await client.send(json.dumps({"action": "greet"}))
        heard = await ask(client, "report", "complete")

    # The processor, with a role of its own, still speaks; the router's answers never arrived.
    assert {message["type"] for message in heard} == {"progress", "complete"}


def test_a_version_is_started_beforehand_and_another_code_is_another_version(
    tmp_path: Path, ministack: MiniStack
) -> None:
    project = project_in(tmp_path, ministack, "warm")
    project.configure("[functions.router]\nprovisioned_concurrency = 2\n")
    project.deploy()
    functions, router = ministack.client("lambda"), {"FunctionName": "warm-dev-router"}
    first = functions.get_alias(**router, Name="live")["FunctionVersion"]
    warm = functions.get_provisioned_concurrency_config(**router, Qualifier="live")
    project.write(APP.replace("VERSION = 1", "VERSION = 2"))
    project.deploy()
    functions.delete_provisioned_concurrency_config(**router, Qualifier="live")
    set_back = project.deploy()

    assert "set RouterFunctionLive back" in set_back
    again = functions.get_provisioned_concurrency_config(**router, Qualifier="live")
    assert again["RequestedProvisionedConcurrentExecutions"] == 2
    assert first != "$LATEST"
    assert warm["RequestedProvisionedConcurrentExecutions"] == 2
    assert functions.get_alias(**router, Name="live")["FunctionVersion"] not in (first, "$LATEST")
