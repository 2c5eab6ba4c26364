"""What pipelines do, by the real command and the real boto3 calls, against MiniStack."""

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ministack_projects import APP, REGION, MiniStack, Project, project_in, surroundings


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
    return least(project_in(tmp_path, strict_ministack, "least"))


def least(project: Project) -> Project:
    """The project, whose deployer may do from now on what `--print-policy` prints, and nothing else."""
    policy = ran(project, "deploy", "--print-policy")
    # The bucket is there already: where permissions are enforced, MiniStack takes every request for one without TLS.
    place = {"LocationConstraint": REGION}
    bucket = f"streamer-code-000000000000-{REGION}"
    s3, user = project.aws.client("s3"), f"deployer-of-{project.service}"
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # another test deployed before
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    harmless = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutBucketWebsite",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [harmless]}))
    iam = project.aws.client("iam")
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="deploys", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
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


WHOLE = """
domain = "least.example.com"
base_path = "live"
hosted_zone_id = "Z0123456789ABCDEFGHIJ"
subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
security_groups = ["sg-0123456789abcdef0"]
kms_key_arn = "{key}"
termination_protection = {protected}
deletion_protection = {protected}
rollback_alarms = ["{alarm}"]
rollback_minutes = 0
log_retention_days = {days}
[tags]
team = "blue"
[functions.processor]
reserved_concurrency = 2
layers = ["arn:aws:lambda:eu-central-1:123456789012:layer:fonts:3"]
[functions.router]
provisioned_concurrency = 1
"""


@pytest.fixture
def everything(tmp_path: Path, strict_ministack: MiniStack) -> Callable[..., str]:
    """Makes the settings of a stage with everything that a team asks for."""
    key = strict_ministack.client("kms").create_key()["KeyMetadata"]["Arn"]
    cloudwatch = strict_ministack.client("cloudwatch")
    numbers = {"EvaluationPeriods": 1, "Period": 60, "Threshold": 1.0}
    cloudwatch.put_metric_alarm(
        AlarmName="ours", MetricName="m", Namespace="n", ComparisonOperator="GreaterThanThreshold", **numbers
    )
    alarm = cloudwatch.describe_alarms(AlarmNames=["ours"])["MetricAlarms"][0]["AlarmArn"]
    made = surroundings(strict_ministack)

    def settings(*, protected: bool, days: int) -> str:
        text = WHOLE.format(key=key, alarm=alarm, protected=str(protected).lower(), days=days)
        for example, real in made.items():
            text = text.replace(example, real)
        return text

    return settings


def test_the_printed_policy_is_enough_with_everything_that_a_team_asks_for(
    tmp_path: Path, strict_ministack: MiniStack, everything: Callable[..., str]
) -> None:
    project = project_in(tmp_path, strict_ministack, "whole")
    project.configure(everything(protected=True, days=30))
    least(project)

    project.deploy()
    project.configure(everything(protected=True, days=7))
    said = project.deploy()
    ran(project, "rollback", "--yes")
    status = ran(project, "status")
    refused = project.streamer("destroy", "--yes", "--delete-data")
    project.configure(everything(protected=False, days=30))
    project.deploy()
    ran(project, "destroy", "--yes", "--delete-data")

    assert "RetentionInDays: 30 -> 7" in said
    assert "Role has" not in status + said
    assert "Role lacks" not in status + said
    assert "is gone" not in status + said
    assert refused.returncode == 2
    assert "protected" in refused.stderr
    assert project.tables() == []


def test_what_became_of_a_request_is_told_from_its_logs(project: Project) -> None:
    url = project.serve()
    ran(project, "call", "report", "--stage", "dev", "--url", url, "--id", "r-17")

    shown = ran(project, "trace", "r-17", "--stage", "dev")
    lines = [json.loads(line) for line in ran(project, "tail", "--stage", "dev", "--json").splitlines()]
    told = ran(project, "tail", "--stage", "dev", "--request", "r-17", "--json")
    about = [json.loads(line) for line in told.splitlines()]
    ended = json.loads(ran(project, "requests", "wait", "r-17", "--stage", "dev"))
    too_late = project.streamer("requests", "cancel", "r-17", "--stage", "dev")

    assert shown.startswith("OK  report completed")
    assert "processor" in shown  # MiniStack writes no logs of functions that its API Gateway calls
    assert "request ended" in {each.get("message") for each in lines}
    assert "run" in {each["kind"] for each in about}
    assert {each["request"] for each in about if each["kind"] == "log"} == {"r-17"}
    assert ended["status"] == "COMPLETED"
    assert (too_late.returncode, "has ended already" in too_late.stderr) == (1, True)


def test_a_stage_is_called_with_a_token_of_its_own_secret(project: Project) -> None:
    url = project.serve()
    project.environment = {}  # the shell knows no secret

    said = ran(project, "call", "greet", "--stage", "dev", "--url", url)
    described = json.loads(ran(project, "describe", "--stage", "dev"))

    (server,) = described["servers"].values()
    assert server["host"] in project.outputs()["WebSocketUrl"]
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
