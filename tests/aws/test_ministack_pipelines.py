"""What pipelines do, by the real command and the real boto3 calls, against MiniStack."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ministack_projects import APP, REGION, MiniStack, Project, project_in


@pytest.fixture
def project(tmp_path: Path, ministack: MiniStack, request: pytest.FixtureRequest) -> Project:
    words = re.sub(r"[^a-z]+", "-", request.node.name.removeprefix("test_")).strip("-")
    return project_in(tmp_path, ministack, words[-25:].strip("-"))


def ran(project: Project, *arguments: str) -> str:
    found = project.streamer(*arguments)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def told(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.folder / ".streamer/out.json").read_text())
    return found


@pytest.mark.parametrize("is_new", [True, False], ids=["created", "updated"])
def test_proposed_by_one_run_and_executed_by_another(project: Project, *, is_new: bool) -> None:
    if not is_new:
        project.deploy()
        project.write(APP.replace("VERSION = 1", "VERSION = 2"))
    ran(project, "deploy", "--no-execute", "--outputs-file", ".streamer/out.json")
    name = told(project)["change_set"]
    before = project.stack()["StackStatus"]
    (project.folder / "app.py").unlink()
    project.environment = {}

    said = ran(project, "deploy", "--execute", name, "--yes", "--outputs-file", ".streamer/out.json")

    assert before == ("REVIEW_IN_PROGRESS" if is_new else "CREATE_COMPLETE")
    assert project.stack()["StackStatus"] == ("CREATE_COMPLETE" if is_new else "UPDATE_COMPLETE")
    assert told(project)["outputs"] == project.outputs()
    assert ("      Code: " in said) is not is_new
    again = project.streamer("deploy", "--execute", name, "--yes")
    assert again.returncode == 2
    assert name in again.stderr


def test_back_to_what_ran_before_and_forth_again(project: Project) -> None:
    project.deploy()
    first = project.outputs()["CodeKey"]
    project.write(APP.replace("VERSION = 1", "VERSION = 2"))
    project.configure("log_retention_days = 7\n")
    project.deploy()
    second = project.outputs()["CodeKey"]

    said = ran(project, "rollback", "--yes")

    assert project.outputs()["CodeKey"] == first
    assert "RetentionInDays: 7 -> 30" in said
    groups = project.aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{project.service}-dev-")
    assert {group["retentionInDays"] for group in groups["logGroups"]} == {30}
    listed = ran(project, "rollback", "--list").splitlines()
    assert [line[0] for line in listed] == [" ", "*"]
    assert project.streamer("rollback", "--yes").returncode == 2  # there is nothing before it
    ran(project, "rollback", "--to", listed[0].split()[0], "--yes")
    assert project.outputs()["CodeKey"] == second


@pytest.fixture
def deployer(tmp_path: Path, strict_ministack: MiniStack) -> Project:
    """A project whose deployer has the policy that `--print-policy` prints, and nothing else."""
    project = project_in(tmp_path, strict_ministack, "least")
    policy = ran(project, "deploy", "--print-policy")
    # The bucket is there already: where permissions are enforced, MiniStack takes every request for one without TLS.
    place = {"LocationConstraint": REGION}
    bucket = f"streamer-code-000000000000-{REGION}"
    s3 = strict_ministack.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # another test deployed before
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    s3.delete_bucket_policy(Bucket=bucket)
    iam = strict_ministack.client("iam")
    iam.create_user(UserName="deployer")
    iam.put_user_policy(UserName="deployer", PolicyName="deploys", PolicyDocument=policy)
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    project.environment |= {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    return project


def test_whoever_has_the_printed_policy_can_do_everything_and_not_without_it(deployer: Project) -> None:
    deployer.deploy()
    deployer.write(APP.replace("VERSION = 1", "VERSION = 2"))
    ran(deployer, "deploy", "--no-execute", "--outputs-file", ".streamer/out.json")
    ran(deployer, "deploy", "--execute", told(deployer)["change_set"], "--yes")
    ran(deployer, "rollback", "--yes")
    ran(deployer, "status")
    ran(deployer, "logs", "--since", "1d")
    deployer.write(APP)
    functions, name = deployer.aws.client("lambda"), "least-dev-router"
    functions.update_function_configuration(FunctionName=name, MemorySize=128)
    said = deployer.deploy()
    assert "set RouterFunction back" in said, said
    other = deployer.streamer("deploy", "--yes", "--stack-name", "elsewhere")
    assert other.returncode == 2
    assert "not permitted" in other.stderr
    ran(deployer, "destroy", "--yes", "--delete-data")
    assert deployer.tables() == []


def test_a_stage_is_called_with_a_token_of_its_own_secret(project: Project) -> None:
    url = project.serve()
    project.environment = {}  # the shell knows no secret

    said = ran(project, "call", "greet", "--stage", "dev", "--url", url)

    assert json.loads(said)["says"] == "servus"
    assert json.loads(ran(project, "status", "--json"))["outputs"] == project.outputs()


OWN = """
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "${AWS::StackName}-jobs"}
  Sending:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: sending
      Roles: [!Ref RouterRole]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Jobs.Arn}]
Outputs:
  JobsUrl: {Value: !Ref Jobs}
"""
SENDING = """
import os

import boto3

from streamer import App

app = App()


@app.action("send")
def send(request):
    sqs = boto3.client("sqs")
    return sqs.send_message(QueueUrl=os.environ["JOBS_URL"], MessageBody="work")["MessageId"]
"""


def test_what_the_user_describes_is_part_of_the_stack_and_functions_find_it(
    tmp_path: Path, strict_ministack: MiniStack
) -> None:
    project = project_in(tmp_path, strict_ministack, "own-resources")
    project.write(SENDING)
    (project.folder / "resources.yaml").write_text(OWN)
    project.configure('resources = "resources.yaml"\n[environment_from]\nJOBS_URL = "Jobs"\n')

    said = project.deploy()

    queue = project.outputs()["JobsUrl"]
    assert "sqs:SendMessage on ${Jobs.Arn}" in said
    functions = project.aws.client("lambda")
    made = functions.get_function_configuration(FunctionName="own-resources-dev-router")["Environment"]["Variables"]
    assert made["JOBS_URL"] == queue
    assert queue.endswith("/own-resources-dev-jobs")


def test_a_processor_of_reserved_concurrency_is_given_work_by_a_function_of_its_own(
    tmp_path: Path, strict_ministack: MiniStack
) -> None:
    project = project_in(tmp_path, strict_ministack, "reserved")

    url = project.serve(settings="[functions.processor]\nreserved_concurrency = 2\n")

    assert json.loads(ran(project, "call", "report", "--stage", "dev", "--url", url)) == {"steps": 3}
