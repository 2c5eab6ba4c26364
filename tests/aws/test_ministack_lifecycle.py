"""The life of a stack, by the real command and the real boto3 calls, against MiniStack."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from ministack_projects import APP, JWT_SECRET, REGION, MiniStack, Project, project_in

from deploy.aws.boto import Aws
from deploy.errors import FailedError
from deploy.execute import Carried, Performer
from deploy.planning.plan import SERVICE_TAG, STAGE_TAG, Plan, Propose

ROW = {"connection_id": {"S": "kept"}, "owner": {"S": "acme/ada"}, "tenant_id": {"S": "acme"}}


def attempt_what_fails(project: Project, monkeypatch: pytest.MonkeyPatch, *, is_new: bool) -> None:
    """Deploy a template with a resource that fails (MiniStack knows no metric math) after the functions are done."""
    for name, value in project.aws.environment.items():
        monkeypatch.setenv(name, value)
    cloud = Aws(region=REGION)
    template = json.loads(project.streamer("template").stdout)
    functions = [name for name, resource in template["Resources"].items() if resource["Type"].endswith("::Function")]
    broken = {
        "Metrics": [{"Id": "x", "Expression": "1"}],
        "EvaluationPeriods": 1,
        "ComparisonOperator": "LessThanThreshold",
    }
    template["Resources"]["Broken"] = {"Type": "AWS::CloudWatch::Alarm", "DependsOn": functions, "Properties": broken}
    secrets = {"JwtSecret": project.environment["JWT_SECRET"], "Greeting": project.environment["GREETING"]}
    steps = (Propose(stack_name=f"{project.service}-dev", is_new=is_new, previous=(), adopted=()),)
    plan = Plan(bucket=f"streamer-code-000000000000-{REGION}", code_key="any.zip", steps=steps, expected=())
    tags = {SERVICE_TAG: project.service}
    performer = Performer(cloud, lambda step: None)

    change_set = performer.prepare(
        plan, Carried(zipped=b"", template=json.dumps(template), values=secrets, tags=tags), cloud.account()
    )
    assert change_set is not None
    performer.apply(change_set)


@pytest.fixture
def project(tmp_path: Path, ministack: MiniStack, request: pytest.FixtureRequest) -> Project:
    name = request.node.name.removeprefix("test_").split("[")[0].replace("_", "-")[:25].strip("-")
    return project_in(tmp_path, ministack, name)


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def versions(project: Project, stage: str = "dev") -> dict[str, str]:
    return {function["FunctionName"]: function["CodeSha256"] for function in project.functions(stage)}


def test_a_first_deployment_makes_the_stack_and_tells_how_to_connect(project: Project) -> None:
    said = project.deploy()

    assert project.stack()["StackStatus"] == "CREATE_COMPLETE"
    assert len(versions(project)) == 4
    assert f"{project.service}-dev is deployed" in said
    assert project.outputs()["WebSocketUrl"] in said
    assert "\x1b" not in said


def test_the_secret_is_in_the_vault_and_nowhere_else(project: Project) -> None:
    said = project.deploy()

    seen = [said, project.streamer("template").stdout, str(project.stack())]
    functions = project.aws.client("lambda")
    seen += [str(functions.get_function_configuration(FunctionName=name)) for name in versions(project)]
    assert not any(project.environment["JWT_SECRET"] in text for text in seen)
    arn = functions.get_function_configuration(FunctionName=f"{project.service}-dev-connect")["Environment"][
        "Variables"
    ]["JWT_SECRET_ARN"]
    kept = project.aws.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    assert kept == project.environment["JWT_SECRET"]


def test_update_with_changed_code(project: Project) -> None:
    project.deploy()
    before, api = versions(project), project.outputs()["ApiId"]
    project.write(APP.replace("VERSION = 1", "VERSION = 2"))

    said = project.deploy()

    after = versions(project)
    assert project.stack()["StackStatus"] == "UPDATE_COMPLETE"
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in after)
    assert project.outputs()["ApiId"] == api
    assert "ConnectFunction  AWS::Lambda::Function (Code)" in said


def test_update_without_changes_does_nothing(project: Project) -> None:
    project.deploy()
    before = project.stack()
    project.environment = {}  # The stack keeps its secrets: the next deployment needs none.

    said = project.deploy()

    assert "nothing to do" in said
    assert "upload" not in said
    assert project.stack() == before


def test_a_failing_update_is_rolled_back(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.deploy()
    before = versions(project)
    project.configure("log_retention_days = 7\n")

    with pytest.raises(FailedError, match=r"failed: .*UPDATE_ROLLBACK_COMPLETE"):
        attempt_what_fails(project, monkeypatch, is_new=False)

    assert project.stack()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert versions(project) == before  # the functions were changed and changed back
    groups = project.aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{project.service}-dev-")
    assert {group["retentionInDays"] for group in groups["logGroups"]} == {30}


def test_a_failed_creation_is_replaced_by_the_next_deployment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FailedError, match=r"Broken \(.*Alarm\) failed: .* ROLLBACK_COMPLETE"):
        attempt_what_fails(project, monkeypatch, is_new=True)

    said = project.deploy()

    assert "removed " in said
    assert project.stack()["StackStatus"] == "CREATE_COMPLETE"


def test_destroy_keeps_the_tables_and_the_next_deployment_adopts_them(project: Project) -> None:
    project.deploy()
    table = project.outputs()["ConnectionsTableName"]
    project.aws.client("dynamodb").put_item(TableName=table, Item=ROW)

    destroyed = project.streamer("destroy", "--yes")

    assert destroyed.returncode == 0
    assert len(project.tables()) == 3
    assert not versions(project)
    with pytest.raises(ClientError, match="does not exist"):
        project.stack()
    project.deploy()
    assert project.aws.client("dynamodb").scan(TableName=table)["Items"] == [ROW]


def test_destroy_with_data_leaves_no_table_and_no_function(project: Project) -> None:
    project.deploy()

    destroyed = project.streamer("destroy", "--yes", "--delete-data")

    assert destroyed.returncode == 0
    assert project.tables() == []
    assert not versions(project)


def test_data_can_be_deleted_after_the_stack(project: Project) -> None:
    project.deploy()
    project.streamer("destroy", "--yes")

    destroyed = project.streamer("destroy", "--yes", "--delete-data")

    assert destroyed.returncode == 0
    assert project.tables() == []


def test_a_stack_that_cloudformation_alone_made_is_known_by_its_tags(project: Project, tmp_path: Path) -> None:
    bucket, code = f"{project.service}-code", tmp_path / ".streamer" / "code.zip"
    assert project.streamer("build", "--output", str(code)).returncode == 0
    s3, cloudformation = (project.aws.client(each) for each in ("s3", "cloudformation"))
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key="Code_1.zip", Body=code.read_bytes())
    s3.put_object(Bucket=bucket, Key="template.json", Body=project.streamer("template").stdout.encode())
    values = {"CodeBucket": bucket, "CodeKey": "Code_1.zip", "JwtSecret": JWT_SECRET, "Greeting": "servus"}
    cloudformation.create_stack(
        StackName=f"{project.service}-dev",
        TemplateURL=f"{project.aws.url}/{bucket}/template.json",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        Capabilities=["CAPABILITY_IAM"],
        Tags=[{"Key": SERVICE_TAG, "Value": project.service}, {"Key": STAGE_TAG, "Value": "dev"}],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=f"{project.service}-dev")

    project.deploy()
    assert project.outputs()["CodeKey"] != "Code_1.zip"
    assert project.streamer("rollback", "--yes").returncode == 0

    assert project.outputs()["CodeKey"] == "Code_1.zip"


def test_two_stages_side_by_side(project: Project) -> None:
    project.deploy("--stage", "dev")
    project.deploy("--stage", "prod")

    assert project.outputs("dev")["ApiId"] != project.outputs("prod")["ApiId"]
    assert len(project.tables()) == 6
    project.streamer("destroy", "--yes", "--delete-data", "--stage", "dev")
    assert len(project.tables()) == 3
    assert len(versions(project, "prod")) == 4


def test_an_unwanted_replacement_is_refused_and_leaves_nothing_behind(project: Project) -> None:
    project.deploy()
    project.configure('table_prefix = "elsewhere_"\n')

    ran = project.streamer("deploy", "--yes")

    assert ran.returncode == 2
    assert "--replace ConnectionsTable" in ran.stderr
    left = project.aws.client("cloudformation").list_change_sets(StackName=f"{project.service}-dev")["Summaries"]
    assert [each for each in left if each["ExecutionStatus"] == "AVAILABLE"] == []
    assert project.stack()["StackStatus"] == "CREATE_COMPLETE"


def test_a_stack_of_somebody_else_is_left_alone(project: Project) -> None:
    topic = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    project.aws.client("cloudformation").create_stack(StackName=f"{project.service}-dev", TemplateBody=topic)

    ran = project.streamer("deploy", "--yes")

    assert ran.returncode == 2
    assert "was not made by streamer" in ran.stderr


def test_what_was_changed_by_hand_is_told_and_set_back(project: Project) -> None:
    project.deploy()
    functions, name = project.aws.client("lambda"), f"{project.service}-dev-router"
    functions.update_function_configuration(FunctionName=name, MemorySize=128, Timeout=3)

    status, said = project.streamer("status").stdout, project.deploy()

    assert "RouterFunction was changed by hand: MemorySize is 128 and not 512; Timeout is 3 and not 29" in status
    assert "set RouterFunction back" in said
    there = functions.get_function_configuration(FunctionName=name)
    assert (there["MemorySize"], there["Timeout"]) == (512, 29)
    assert "by hand" not in project.streamer("status").stdout
    assert "runs exactly this already" in project.deploy()


def test_what_keeps_a_stack_from_working_without_a_word_is_told_and_set_back(project: Project) -> None:
    project.deploy()
    functions, events = project.aws.client("lambda"), project.aws.client("events")
    router, connect = (f"{project.service}-dev-{name}" for name in ("router", "connect"))
    [mapping] = functions.list_event_source_mappings(FunctionName=f"{project.service}-dev-processor")[
        "EventSourceMappings"
    ]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    functions.put_function_concurrency(FunctionName=router, ReservedConcurrentExecutions=0)
    functions.update_function_code(FunctionName=connect, ZipFile=zipped({"other.py": b""}))
    [rule] = [each["Name"] for each in events.list_rules()["Rules"] if each["Name"].startswith(project.service)]
    events.disable_rule(Name=rule)
    project.aws.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{router}")
    iam, role = project.aws.client("iam"), functions.get_function_configuration(FunctionName=router)["Role"]
    given = {"RoleName": role.rpartition("/")[2], "PolicyName": "router"}
    policy = iam.get_role_policy(**given)["PolicyDocument"]
    policy["Statement"].append({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"})
    iam.put_role_policy(**given, PolicyDocument=json.dumps(policy))
    anybody = {"Action": "lambda:InvokeFunction", "Principal": "*"}
    functions.add_permission(FunctionName=router, StatementId="public", **anybody)
    taken = json.loads(functions.get_policy(FunctionName=connect)["Policy"])["Statement"][0]["Sid"]
    functions.remove_permission(FunctionName=connect, StatementId=taken)

    status, said = project.streamer("status").stdout, project.deploy()

    for what in (
        "RequestsTableToProcessorFunction was changed by hand: Enabled is False and not True",
        "RouterFunction was changed by hand: ReservedConcurrentExecutions is 0 and not none",
        "ConnectFunction was changed by hand: the code",
        "SweepSchedule was changed by hand: State is DISABLED and not ENABLED",
    ):
        assert what in status
        assert f"set {what.partition(' ')[0]} back" in said
    assert "RouterLogGroup is gone: somebody deleted it, and the stack does not know" in status
    assert "RouterRole has rights of which the stack does not know: dynamodb:* on *\n" in status
    assert "Role lacks" not in status
    assert status.count("lets in whom the stack does not know") == 1
    assert "RouterFunction lets in whom the stack does not know: lambda:InvokeFunction by *\n" in status
    assert status.count("is gone: somebody deleted it") == 2
    assert f"{taken.rpartition('-')[0].removeprefix(f'{project.service}-dev-')} is gone: somebody deleted it" in status
    assert "by hand" not in project.streamer("status").stdout


def test_what_somebody_deleted_is_told_and_comes_back_by_the_way_that_is_said(project: Project) -> None:
    project.deploy()
    project.aws.client("lambda").delete_function(FunctionName=f"{project.service}-dev-router")
    project.aws.client("dynamodb").delete_table(TableName=f"{project.service}-dev_requests")

    status, ran = project.streamer("status"), project.streamer("deploy", "--yes")

    assert "RouterFunction is gone: somebody deleted it" in status.stdout
    assert "RequestsTable is gone: somebody deleted it" in status.stdout
    assert ran.returncode == 2
    assert "else run `streamer destroy`, which keeps the tables, and deploy again" in ran.stderr
    assert project.streamer("destroy", "--yes").returncode == 0
    project.deploy()
    assert project.stack()["StackStatus"] == "CREATE_COMPLETE"
    assert len(project.tables()) == 3


def test_a_table_of_somebody_else_is_neither_taken_over_nor_deleted(project: Project) -> None:
    project.deploy()
    project.streamer("destroy", "--yes")
    dynamodb, name = project.aws.client("dynamodb"), f"{project.service}-dev_connections"
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["streamer:service"])

    ran = project.streamer("deploy", "--yes")
    destroyed = project.streamer("destroy", "--yes", "--delete-data")

    assert ran.returncode == 2
    assert f"say --adopt {name}" in ran.stderr
    assert destroyed.returncode == 0
    assert project.tables() == [name]
    project.deploy("--adopt", name)
    assert project.stack()["StackStatus"] == "CREATE_COMPLETE"


def test_a_template_that_no_request_can_carry_goes_through_the_bucket(project: Project) -> None:
    actions = "".join(f'\n\n@app.action("action-{n}")\ndef action_{n}(request):\n    return {n}\n' for n in range(60))
    project.write(APP + actions)

    said = project.deploy()

    assert "uploaded the template" in said
    assert project.stack()["StackStatus"] == "CREATE_COMPLETE"
    alarms = project.aws.client("cloudwatch").get_paginator("describe_alarms").paginate()
    ours = [each for page in alarms for each in page["MetricAlarms"] if f"{project.service}-dev" in str(each)]
    assert len(ours) > 62
    status = project.streamer("status")
    assert (status.returncode, "no alarm rings" in status.stdout) == (0, True)


def test_status_and_logs_tell_of_what_was_deployed(project: Project) -> None:
    project.deploy()

    status = project.streamer("status")
    logs = project.streamer("logs", "router")
    unknown = project.streamer("logs", "rooter")

    assert status.returncode == 0
    assert "CREATE_COMPLETE" in status.stdout
    assert "DeadLettersQueue: empty" in status.stdout
    assert logs.returncode == 0
    assert unknown.returncode == 2
    assert unknown.stderr.count("\n") == 1


OWN = """
Resources:
  Notes: &table
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Kept:
    <<: *table
    DeletionPolicy: Retain
Outputs:
  NotesName: {Value: !Ref Notes}
  KeptName: {Value: !Ref Kept}
"""


def test_what_of_ones_own_says_nothing_of_its_end_goes_with_the_stack_and_that_is_said(project: Project) -> None:
    (project.folder / "resources.yaml").write_text(OWN)
    project.configure('resources = "resources.yaml"\n')
    project.deploy()
    outputs = project.outputs()
    notes, kept = outputs["NotesName"], outputs["KeptName"]
    (project.folder / "resources.yaml").write_text(
        OWN.replace("  Notes: &table", "  Others: &table").replace("Ref Notes", "Ref Others")
    )
    refused = project.streamer("deploy", "--yes")

    said = project.streamer("destroy", "--yes")

    assert "Notes would be removed from the stack (no longer described): it is deleted with all in it" in refused.stderr
    assert said.returncode == 0
    assert f"delete Notes (AWS::DynamoDB::Table, {notes}): it is deleted with all in it" in said.stdout
    assert f"keep the table {kept}" in said.stdout
    tables = project.tables()
    assert (notes in tables, kept in tables) == (False, True)
