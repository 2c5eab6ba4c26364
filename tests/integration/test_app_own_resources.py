"""Actions use what their project's own CloudFormation makes, as far as it lets them, here as on AWS."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from loaded_target import load_target

from emulator.testing.thread import EmulatorThread, emulator_thread
from emulator.wiring.emulator import EmulatorConfig
from streamer.client import RequestFailedError
from streamer.errors import ConfigurationError
from streamer.project import parse

APP = """
    import os

    import boto3

    from streamer import App

    app = App(environment=["UPLOADS"])


    @app.action("keep")
    def keep(request):
        boto3.client("s3").put_object(Bucket=os.environ["UPLOADS"], Key="a", Body=request.payload.encode())
        boto3.client("sqs").send_message(QueueUrl=os.environ["JOBS"], MessageBody=request.id)
        boto3.resource("dynamodb").Table(os.environ["ORDERS"]).put_item(Item={"id": request.id})


    @app.action("drop", queued=True)
    def drop(request):
        boto3.client("s3").delete_object(Bucket=os.environ["UPLOADS"], Key="a")
"""
RESOURCES = """
    Resources:
      Uploads: {Type: AWS::S3::Bucket}
      Jobs: {Type: AWS::SQS::Queue}
      Orders:
        Type: AWS::DynamoDB::Table
        Properties:
          BillingMode: PAY_PER_REQUEST
          AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
          KeySchema: [{AttributeName: id, KeyType: HASH}]
      Clicks: {Type: AWS::AppSync::Api, Properties: {Name: clicks}}
      Using:
        Type: AWS::IAM::Policy
        Properties:
          PolicyName: using
          Roles: [!Ref RouterRole]
          PolicyDocument:
            Version: 2012-10-17
            Statement:
              - {Effect: Allow, Action: "s3:PutObject", Resource: !Sub "${Uploads.Arn}/*"}
              - {Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Jobs.Arn}
              - {Effect: Allow, Action: "dynamodb:PutItem", Resource: !GetAtt Orders.Arn}
"""
SETTINGS = {
    "app": "stored_app:app",
    "resources": "resources.yaml",
    "environment_from": {"UPLOADS": "Uploads", "JOBS": "Jobs", "ORDERS": "Orders"},
}


def write(folder: Path) -> None:
    (folder / "stored_app.py").write_text(textwrap.dedent(APP))
    (folder / "resources.yaml").write_text(textwrap.dedent(RESOURCES))


@pytest.fixture(params=["process", "inline"])
def emulator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmulatorThread]:
    write(tmp_path)
    project = parse(SETTINGS, tmp_path)
    config = EmulatorConfig(project_folder=tmp_path, state_folder=tmp_path / "state", isolation=request.param)
    with emulator_thread(lambda given: load_target(None, project, environment=given), config, {}) as running:
        yield running


def test_actions_use_what_the_file_makes_and_no_more_than_it_allows(emulator: EmulatorThread) -> None:
    with emulator.connect() as client:
        client.request("keep", "text", id="one")
        with pytest.raises(RequestFailedError):
            client.request("drop")

    s3 = boto3.client("s3", **emulator.aws("s3"))
    (bucket,) = s3.list_buckets()["Buckets"]
    assert s3.get_object(Bucket=bucket["Name"], Key="a")["Body"].read() == b"text"
    sqs = boto3.client("sqs", **emulator.aws("sqs"))
    (url,) = [each for each in sqs.list_queues()["QueueUrls"] if "Jobs" in each]
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["one"]
    emulator.logs.wait_for("function processor may not s3:DeleteObject")


def test_what_is_not_emulated_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    target = load_target(None, parse(SETTINGS, tmp_path), environment={"JWT_SECRET": "s" * 40})

    assert target.told == (
        "resources.yaml: 1 bucket, 1 queue, 1 table, 1 IAM policy; not emulated: Clicks (AWS::AppSync::Api)"
    )


def test_a_variable_that_is_set_here_stays_so(tmp_path: Path) -> None:
    write(tmp_path)
    given = {"JWT_SECRET": "s" * 40, "UPLOADS": "mine"}
    target = load_target(None, parse(SETTINGS, tmp_path), environment=given)

    router = target.topology.function("router")
    assert router.environment["UPLOADS"] == "mine"
    assert router.environment["JOBS"].startswith("https://sqs.")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        pytest.param({"resources": "none.yaml"}, "resources: none.yaml cannot be read", id="no file"),
        pytest.param({"environment": {"JOBS": "x"}}, "JOBS is in environment and in environment_from", id="twice"),
        pytest.param({"resources": 1}, "resources is 1, which is not text", id="no name"),
        pytest.param({"environment_from": {"A": 1}}, "must be a table of texts", id="no texts"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, settings: dict[str, object], complaint: str) -> None:
    write(tmp_path)
    with pytest.raises(ConfigurationError, match=complaint):
        load_target(None, parse({**SETTINGS, **settings}, tmp_path), environment={"JWT_SECRET": "s" * 40})
