"""The example with everything that a team asks for, deployed with enforced roles and used by a client."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ministack_projects import JWT_SECRET, MiniStack, Project, surroundings

from streamer.auth import mint
from streamer.client import StreamerClient

EXAMPLE = Path(__file__).parents[2] / "examples" / "invoices"
SECONDS = 30
TEA = {"number": "2026-1", "lines": [{"text": "Tea", "cents": 250}, {"text": "Cake", "cents": 420}]}


@pytest.fixture(scope="module")
def invoices(tmp_path_factory: pytest.TempPathFactory, strict_ministack: MiniStack) -> Iterator[tuple[Project, str]]:
    """The project in production, and the address of its stage."""
    folder = tmp_path_factory.mktemp("examples") / "invoices"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", "tests", ".*"))
    project = Project(folder, "invoices", strict_ministack, {"JWT_SECRET": JWT_SECRET})
    settings = (EXAMPLE / "streamer.toml").read_text().replace('service = "invoices"\n', "")
    for example, made in surroundings(strict_ministack).items():
        settings = settings.replace(example, made)
    yield project, project.serve("prod", settings=settings)
    destroyed = project.streamer("destroy", "--yes", "--delete-data", "--stage", "prod")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr


async def test_an_invoice_is_written_kept_and_mailed(invoices: tuple[Project, str]) -> None:
    project, url = invoices
    token = mint(JWT_SECRET, user_id="ada", tenant_id="acme", now=time.time())
    async with StreamerClient(url, token, connect_timeout=SECONDS) as client:
        written = await client.request("invoice", TEA, timeout=SECONDS)
        found = await client.request("find", "2026-1", timeout=SECONDS)

    assert (written["document"], written["cents"], written["memory_mb"]) == ("acme/2026-1.txt", 670, 2048)
    assert found["text"].splitlines()[0] == "INVOICE"
    await asyncio.to_thread(look, project)


def look(project: Project) -> None:
    """Where the invoice went."""
    outputs = project.outputs("prod")
    s3, sqs = project.aws.client("s3"), project.aws.client("sqs")
    kept = s3.list_objects_v2(Bucket=outputs["DocumentsBucket"])["Contents"]
    assert [each["Key"] for each in kept] == ["acme/2026-1.txt"]
    mails = sqs.receive_message(QueueUrl=outputs["MailsQueueUrl"])["Messages"]
    assert [each["Body"] for each in mails] == ["acme/2026-1.txt"]
    rows = project.aws.client("dynamodb").scan(TableName=outputs["InvoicesTableName"])["Items"]
    assert [row["cents"]["N"] for row in rows] == ["670"]


def test_functions_are_as_large_as_the_stage_says(invoices: tuple[Project, str]) -> None:
    project, _ = invoices
    processor = project.aws.client("lambda").get_function_configuration(FunctionName="invoices-prod-processor")

    assert processor["MemorySize"] == 2048
    assert processor["EphemeralStorage"] == {"Size": 1024}
    [layer] = processor["Layers"]
    name, version = layer["Arn"].split(":")[-2:]
    assert (name.partition("-")[0], version) == ("fonts", "1")


def test_the_domain_leads_to_the_stage(invoices: tuple[Project, str]) -> None:
    project, _ = invoices
    mappings = project.aws.client("apigatewayv2").get_api_mappings(DomainName="invoices.example.com")["Items"]

    assert [(each["ApiMappingKey"], each["Stage"]) for each in mappings] == [("live", "prod")]
    assert project.outputs("prod")["WebSocketUrl"] == "wss://invoices.example.com/live"
