"""What environments inherit from the template they are forked from, and what they must not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from functions_world import Project, call

from emulator.functions.processes.launching import IMPORT_AHEAD
from emulator.functions.variables import OWNER, Endpoints

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
    endpoints = Endpoints(region="eu-west-3", owner=dataclasses.replace(OWNER, access_key_id="AKIATHISONE"))

    async with project.functions("made", "profile", endpoints=endpoints) as functions:
        assert await call(functions, "made") == [["eu-west-3"], ["AKIATHISONE"]]
        assert await call(functions, "profile") == []
