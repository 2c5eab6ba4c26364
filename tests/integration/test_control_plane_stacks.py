"""Stacks deployed by an unmodified boto3 to the emulator, and used by WebSocket clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import control_world
import pytest
from control_world import ControlWorld, outputs, refused, said, template
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlWorld]:
    with control_world.running(tmp_path_factory.mktemp("control")) as emulator:
        yield ControlWorld(emulator)


def test_a_change_set_is_executed_and_a_client_gets_its_answer(world: ControlWorld) -> None:
    world.upload("first.zip")
    stack = world.deployed("first", template("first.zip"), Tags=[{"Key": "by", "Value": "test"}])

    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Tags"] == [{"Key": "by", "Value": "test"}]
    url = outputs(stack)["Url"]
    assert url.startswith(world.url.replace("http", "ws"))
    assert said(url) == "echo hi"
    names = {
        each["LogicalResourceId"]
        for each in world.cloudformation.list_stack_resources(StackName="first")["StackResourceSummaries"]
    }
    assert names == set(template("first.zip")["Resources"])
    assert world.events("first")[-1] == ("first", "CREATE_COMPLETE", None)


def test_two_stacks_are_two_apis_at_one_port(world: ControlWorld) -> None:
    world.upload("one.zip", "one")
    world.upload("two.zip", "two")
    one = outputs(world.deployed("one", template("one.zip")))
    with connect(one["Url"], open_timeout=60) as before:
        two = outputs(world.deployed("two", template("two.zip")))
        before.send("hi")  # its connection stays open while another stack is deployed
        assert before.recv(30) == "one hi"

    assert said(two["Url"]) == "two hi"
    assert one["Table"] != two["Table"]


def test_new_code_answers_new_messages_of_old_connections(world: ControlWorld) -> None:
    world.upload("old.zip", "old")
    world.upload("new.zip", "new")
    url = outputs(world.deployed("changing", template("old.zip")))["Url"]
    with connect(url, open_timeout=60) as socket:
        socket.send("hi")
        assert socket.recv(30) == "old hi"
        found = world.proposed("changing", template("new.zip"), "UPDATE")
        change = found["Changes"][0]["ResourceChange"]
        assert (change["Action"], change["LogicalResourceId"], change["Replacement"]) == ("Modify", "Function", "False")
        assert len(found["Changes"]) == 1
        world.cloudformation.execute_change_set(ChangeSetName=found["ChangeSetId"])
        assert world.settled("changing")["StackStatus"] == "UPDATE_COMPLETE"
        socket.send("hi")
        assert socket.recv(30) == "new hi"


def test_a_change_set_without_changes_says_so(world: ControlWorld) -> None:
    world.upload("same.zip")
    world.deployed("same", template("same.zip"))
    found = world.proposed("same", template("same.zip"), "UPDATE")

    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert found["StatusReason"].startswith("The submitted information didn't contain changes.")
    world.cloudformation.delete_change_set(ChangeSetName=found["ChangeSetId"])
    assert (
        refused(world.cloudformation.describe_change_set, ChangeSetName=found["ChangeSetId"])[0] == "ChangeSetNotFound"
    )
    body = json.dumps(template("same.zip"))
    asked = {"StackName": "same", "TemplateBody": body, "Capabilities": ["CAPABILITY_IAM"]}
    assert refused(world.cloudformation.update_stack, **asked) == ("ValidationError", "No updates are to be performed.")


def test_a_deleted_stack_leaves_nothing_but_what_is_retained(world: ControlWorld) -> None:
    world.upload("gone.zip")
    body = template("gone.zip")
    kept = body["Resources"]["Table"]
    body["Resources"]["Kept"] = {
        **kept,
        "DeletionPolicy": "Retain",
        "Properties": {**kept["Properties"], "TableName": "stays"},
    }
    stack = world.deployed("gone", body)
    url = outputs(stack)["Url"]
    with connect(url, open_timeout=60) as socket:
        world.cloudformation.delete_stack(StackName="gone")
        assert world.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
        with pytest.raises(Exception, match="1001"):
            socket.recv(30)

    with pytest.raises(InvalidStatus):
        connect(url, open_timeout=60)
    tables = world.client("dynamodb").list_tables()["TableNames"]
    assert "stays" in tables
    assert outputs(stack)["Table"] not in tables
    assert refused(world.cloudformation.describe_stacks, StackName="gone") == (
        "ValidationError",
        "Stack with id gone does not exist",
    )
    assert ("Kept", "DELETE_SKIPPED", None) in world.events(stack["StackId"])


def test_a_replaced_table_stays_only_if_its_update_replace_policy_says_so(world: ControlWorld) -> None:
    table = template("none.zip")["Resources"]["Table"]

    def named(end: str, policy: str) -> dict[str, Any]:
        properties = [{**table["Properties"], "TableName": f"{name}{end}"} for name in ("kept", "lost")]
        kept = {**table, "UpdateReplacePolicy": policy, "Properties": properties[0]}
        lost = {**table, "DeletionPolicy": policy, "Properties": properties[1]}
        return {"Resources": {"Kept": kept, "Lost": lost}}

    world.deployed("replacing", named("1", "Delete"))
    found = world.proposed("replacing", named("1", "Retain"), "UPDATE")
    assert found["Status"] == "CREATE_COMPLETE"  # a policy alone is a change
    world.deployed_set(found)
    world.deployed("replacing", named("2", "Retain"), "UPDATE")

    tables = world.client("dynamodb").list_tables()["TableNames"]
    assert [each for each in tables if each.startswith(("kept", "lost"))] == ["kept1", "kept2", "lost2"]


def test_a_creation_that_is_asked_for_again_is_one_creation(world: ControlWorld) -> None:
    asked = {"StackName": "twice", "TemplateBody": json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})}
    made = world.cloudformation.create_stack(**asked, ClientRequestToken="once")
    world.settled(made["StackId"])

    assert world.cloudformation.create_stack(**asked, ClientRequestToken="once")["StackId"] == made["StackId"]
    for other in ({}, {"ClientRequestToken": "other"}):
        assert refused(world.cloudformation.create_stack, **asked, **other)[0] == "AlreadyExistsException"


def test_what_cannot_be_made_is_rolled_back_with_its_reason(world: ControlWorld) -> None:
    body = template("nowhere.zip")
    stack = world.deployed("wrong", body)

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    failed = [each for each in world.events("wrong") if each[1] == "CREATE_FAILED"]
    assert failed[0][0] == "Function"
    assert "NoSuchKey" in str(failed[0][2])
    assert {each[2] for each in failed[1:]} == {"Resource creation cancelled"}
    assert refused(world.cloudformation.create_stack, StackName="wrong", TemplateBody=json.dumps(body))[0] == (
        "AlreadyExistsException"
    )
    world.cloudformation.delete_stack(StackName="wrong")
    assert world.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_stack_whose_policy_iam_refuses_is_not_made(world: ControlWorld) -> None:
    wrong = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "jobs"}
    properties = {
        "AssumeRolePolicyDocument": control_world.TRUST,
        "Policies": [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": wrong}}],
    }
    stack = world.deployed("flawed", {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}})

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [each[:3] for each in world.events("flawed") if each[1] == "CREATE_FAILED"] == [
        ("Role", "CREATE_FAILED", "Resources.Role: Policies[0].PolicyDocument names 'jobs', which is no ARN")
    ]


def test_a_change_that_cannot_be_made_leaves_what_was(world: ControlWorld) -> None:
    world.upload("stays.zip", "stays")
    url = outputs(world.deployed("stays", template("stays.zip")))["Url"]
    wrong = template("stays.zip")
    wrong["Resources"]["Function"]["Properties"]["Handler"] = "nothing.handler"

    stack = world.deployed("stays", wrong, "UPDATE")

    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    failed = [each for each in world.events("stays") if each[1] == "UPDATE_FAILED"]
    assert failed[0][0] == "Function"
    assert "there is no file nothing.py" in str(failed[0][2])
    assert said(url) == "stays hi"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param("Resources: [", "Template format error: ", id="no YAML"),
        pytest.param(
            {"Resources": {"A": {"Type": "AWS::AppSync::Api"}, "B": {"Type": "AWS::SQS::Queue"}}},
            "Template format error: Unrecognized resource types: [AWS::AppSync::Api]: they are not emulated",
            id="a type that nobody emulates",
        ),
        pytest.param(
            {"Resources": {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Nothing"}}}}},
            "there is no resource or parameter 'Nothing'",
            id="a name that is not there",
        ),
    ],
)
def test_templates_are_refused_before_anything_is_made(world: ControlWorld, body: Any, text: str) -> None:
    code, message = refused(world.proposed, stack="refused", body=body)

    assert code == "ValidationError"
    assert text in message
    assert refused(world.cloudformation.describe_stacks, StackName="refused")[0] == "ValidationError"


def test_an_export_is_imported_and_cannot_go_before_its_importer(world: ControlWorld) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {}}
    exported = {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}, "Export": {"Name": "queue-of-exporter"}}
    world.deployed("exporter", {"Resources": {"Queue": queue}, "Outputs": {"Arn": exported}})
    parameter = {"Type": "String", "Name": "/importer", "Value": {"Fn::ImportValue": "queue-of-exporter"}}
    world.deployed("importer", {"Resources": {"Kept": {"Type": "AWS::SSM::Parameter", "Properties": parameter}}})

    arn = world.client("ssm").get_parameter(Name="/importer")["Parameter"]["Value"]
    assert arn.startswith("arn:aws:sqs:us-east-1:123456789012:exporter-Queue-")
    exports = world.cloudformation.list_exports()["Exports"]
    assert ("queue-of-exporter", arn) in [(each["Name"], each["Value"]) for each in exports]
    assert world.cloudformation.list_imports(ExportName="queue-of-exporter")["Imports"] == ["importer"]
    world.cloudformation.delete_stack(StackName="exporter")
    found = world.settled("exporter")
    reason = "Export queue-of-exporter cannot be deleted as it is in use by importer"
    assert (found["StackStatus"], found["StackStatusReason"]) == ("CREATE_COMPLETE", reason)
    assert [each[1] for each in world.events("exporter")][-2:] == ["DELETE_IN_PROGRESS", "CREATE_COMPLETE"]
    world.cloudformation.delete_stack(StackName="importer")
    world.cloudformation.delete_stack(StackName="exporter")


def _exporting(value: str, name: str = "shared") -> dict[str, Any]:
    output = {"Value": value, "Export": {"Name": name}}
    return {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"Out": output}}


def _importing(name: str = "shared") -> dict[str, Any]:
    parameter = {"Type": "String", "Name": "/imported", "Value": {"Fn::ImportValue": name}}
    return {"Resources": {"Kept": {"Type": "AWS::SSM::Parameter", "Properties": parameter}}}


def test_a_stack_may_come_to_import_from_a_later_one_which_then_keeps_its_export(world: ControlWorld) -> None:
    world.deployed("user", {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    world.deployed("owner", _exporting("one"))
    assert world.deployed("user", _importing(), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE", world.events("user")

    for body, reason in (
        (_exporting("two"), "Export shared cannot be updated as it is in use by user"),
        (_exporting("one", "renamed"), "Export shared cannot be deleted as it is in use by user"),
    ):
        assert world.deployed("owner", body, "UPDATE")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert reason in "; ".join(str(each[2]) for each in world.events("owner"))
    second = world.deployed("second", _exporting("three"))
    assert second["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = "; ".join(str(each[2]) for each in world.events("second"))
    assert "Export with name shared is already exported by stack owner" in reasons
    assert world.client("ssm").get_parameter(Name="/imported")["Parameter"]["Value"] == "one"

    for name in ("second", "user", "owner"):
        stack_id = world.settled(name)["StackId"]
        world.cloudformation.delete_stack(StackName=name)
        assert world.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE", world.events(stack_id)
    assert refused(world.cloudformation.list_imports, ExportName="shared") == (
        "ValidationError",
        "Export 'shared' is not imported by any stack.",
    )


def test_an_import_of_nothing_is_refused_in_cloudformations_words(world: ControlWorld) -> None:
    code, message = refused(world.proposed, stack="lonely", body=_importing("nobodys"))

    assert code == "ValidationError"
    assert "No export named nobodys found." in message


FAILING = {"Good": {"Type": "AWS::S3::Bucket"}, "Bad": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "_"}}}


def test_a_stack_that_is_left_as_it_failed_is_changed_or_rolled_back_from_there(world: ControlWorld) -> None:
    good, bad = json.dumps({"Resources": {"Good": FAILING["Good"]}}), json.dumps({"Resources": FAILING})
    aws = world.cloudformation
    for name, options in (("left", {"DisableRollback": True}), ("let", {"OnFailure": "DO_NOTHING"})):
        aws.create_stack(StackName=name, TemplateBody=bad, **options)
        assert world.settled(name)["StackStatus"] == "CREATE_FAILED", world.events(name)
    bucket = world.physical("left", "Good")
    _, text = refused(aws.update_stack, StackName="left", TemplateBody=good)
    assert text.startswith("This stack is currently in a non-terminal [CREATE_FAILED] state.")
    _, text = refused(aws.update_stack, StackName="let", TemplateBody=good, DisableRollback=True)
    assert "because it contains [on-failure: DO_NOTHING]" in text

    aws.update_stack(StackName="left", TemplateBody=good, DisableRollback=True)
    assert world.settled("left")["StackStatus"] == "UPDATE_COMPLETE", world.events("left")
    aws.update_stack(StackName="left", TemplateBody=bad, DisableRollback=True)
    assert world.settled("left")["StackStatus"] == "UPDATE_FAILED", world.events("left")
    aws.rollback_stack(StackName="left")
    assert world.settled("left")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert world.physical("left", "Good") == bucket

    lost = world.physical("let", "Good")
    assert {bucket, lost} <= world.buckets()
    aws.rollback_stack(StackName="let")
    assert world.settled("let")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert {bucket, lost} & world.buckets() == {bucket}
    assert "can not be rolled back" in refused(aws.rollback_stack, StackName="let")[1]


def test_a_stack_is_deleted_while_it_is_made_and_twice(world: ControlWorld) -> None:
    body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    made = world.cloudformation.create_stack(StackName="brief", TemplateBody=body)["StackId"]

    world.cloudformation.delete_stack(StackName="brief")
    world.cloudformation.delete_stack(StackName="brief")
    assert world.settled(made, "DELETE_COMPLETE")["StackStatus"] == "DELETE_COMPLETE"


def test_a_stack_with_nothing_but_change_sets_is_not_updated(world: ControlWorld) -> None:
    body = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    world.proposed("reviewed", body)

    for name in ("reviewed", "nobodys"):
        assert refused(world.cloudformation.update_stack, StackName=name, TemplateBody=json.dumps(body)) == (
            "ValidationError",
            f"Stack [{name}] does not exist",
        )


TAKEN = [
    pytest.param({"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "taken"}}, id="a bucket"),
    pytest.param({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "taken"}}, id="a queue"),
    pytest.param(
        {
            **template("none")["Resources"]["Table"],
            "Properties": {**template("none")["Resources"]["Table"]["Properties"], "TableName": "taken"},
        },
        id="a table",
    ),
]


@pytest.mark.parametrize("resource", TAKEN)
def test_what_another_stack_has_is_not_made_again(world: ControlWorld, resource: dict[str, Any]) -> None:
    own = {"Type": "AWS::SQS::Queue"}
    first = world.deployed("first-of-two", {"Resources": {"It": resource}})["StackId"]

    assert world.deployed("second", {"Resources": {"Own": own, "It": resource}})["StackStatus"] == "ROLLBACK_COMPLETE"
    failed = [(each[0], each[2]) for each in world.events("second") if each[1] == "CREATE_FAILED"]
    assert failed == [("It", "taken already exists in stack first-of-two"), ("Own", "Resource creation cancelled")]
    for stack_id in (world.settled("second")["StackId"], first):
        world.cloudformation.delete_stack(StackName=stack_id)
        world.settled(stack_id, "DELETE_COMPLETE")


def test_a_route_of_an_api_that_is_nowhere_cannot_be_made(world: ControlWorld) -> None:
    route = {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"ApiId": "nowhere", "RouteKey": "$default"}}

    assert world.deployed("astray", {"Resources": {"Route": route}})["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = "Invalid API identifier specified 123456789012:nowhere"
    assert ("Route", "CREATE_FAILED", reason) in world.events("astray")


def test_a_protected_stack_stays(world: ControlWorld) -> None:
    body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    made = world.cloudformation.create_stack(StackName="safe", TemplateBody=body, EnableTerminationProtection=True)
    assert world.settled("safe")["EnableTerminationProtection"] is True

    assert refused(world.cloudformation.delete_stack, StackName="safe") == (
        "ValidationError",
        "Stack [safe] cannot be deleted while TerminationProtection is enabled",
    )
    world.cloudformation.update_termination_protection(StackName="safe", EnableTerminationProtection=False)
    world.cloudformation.delete_stack(StackName="safe")
    assert world.settled(made["StackId"])["StackStatus"] == "DELETE_COMPLETE", world.events(made["StackId"])


def test_a_bucket_that_is_not_empty_is_not_deleted(world: ControlWorld) -> None:
    body = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full"}}}}
    stack = world.deployed("full", body)
    s3 = world.client("s3")
    s3.put_object(Bucket="full", Key="a", Body=b"1")

    world.cloudformation.delete_stack(StackName="full")
    assert world.settled("full")["StackStatus"] == "DELETE_FAILED"
    assert any(each[:2] == ("Bucket", "DELETE_FAILED") and "not empty" in str(each[2]) for each in world.events("full"))
    s3.delete_object(Bucket="full", Key="a")
    world.cloudformation.delete_stack(StackName="full")
    assert world.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_bucket_with_objects_goes_if_cdk_empties_it(world: ControlWorld) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}}
    empties = {
        "Type": "Custom::S3AutoDeleteObjects",
        "Properties": {"ServiceToken": "x", "BucketName": {"Ref": "Bucket"}},
    }
    stack_id = world.deployed("emptied", {"Resources": {"Bucket": bucket, "Empty": empties}})["StackId"]
    s3, name = world.client("s3"), world.physical("emptied", "Bucket")
    for body in (b"1", b"2"):
        s3.put_object(Bucket=name, Key="a", Body=body)
    s3.delete_object(Bucket=name, Key="a")

    world.cloudformation.delete_stack(StackName="emptied")
    world.settled(stack_id, "DELETE_COMPLETE")
    assert name not in world.buckets()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"RetainResources": ["Bucket"]}, id="what is named"),
        pytest.param({"DeletionMode": "FORCE_DELETE_STACK"}, id="whatever cannot be deleted"),
    ],
)
def test_a_stack_whose_deletion_failed_goes_without_what_stays(world: ControlWorld, options: dict[str, Any]) -> None:
    names = {"Bucket": {"Type": "AWS::S3::Bucket"}, "Queue": {"Type": "AWS::SQS::Queue"}}
    stack_id = world.deployed("stuck", {"Resources": names})["StackId"]
    bucket = world.physical("stuck", "Bucket")
    world.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1")
    aws = world.cloudformation
    assert (
        "only when the stack is in the DELETE_FAILED state"
        in refused(aws.delete_stack, StackName="stuck", **options)[1]
    )
    aws.delete_stack(StackName="stuck")
    world.settled("stuck", "DELETE_FAILED")
    text = refused(aws.delete_stack, StackName="stuck", RetainResources=["Queue"])[1]
    assert text.startswith("The specified resources to retain must be in a valid state.")

    aws.delete_stack(StackName="stuck", **options)
    world.settled(stack_id, "DELETE_COMPLETE")
    assert world.events(stack_id)[-2][:2] == ("Bucket", "DELETE_SKIPPED")
    assert bucket in world.buckets()


def test_a_nested_stack_is_one_of_its_own_that_changes_and_goes_with_its_parent(world: ControlWorld) -> None:
    queue = {"Type": "AWS::SQS::Queue"}
    name = {"Fn::Join": ["-", [{"Ref": "Prefix"}, {"Fn::GetAtt": ["Queue", "QueueName"]}]]}
    inner = {
        "Parameters": {"Prefix": {"Type": "String"}},
        "Resources": {"Queue": queue, "Second": queue},
        "Outputs": {"Name": {"Value": name, "Export": {"Name": "of-inner"}}},
    }
    put, sqs = world.client("s3").put_object, world.client("sqs")
    put(Bucket="code", Key="inner.json", Body=json.dumps(inner).encode())
    put(Bucket="code", Key="less.json", Body=json.dumps({**inner, "Resources": {"Queue": queue}}).encode())

    def outer(key: str, **parameters: str) -> dict[str, Any]:
        given = {"TemplateURL": f"https://s3.amazonaws.com/code/{key}", "Parameters": parameters}
        return {
            "Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": given}},
            "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Name"]}}},
        }

    assert (
        "Parameters: [Prefix] must have values" in refused(world.proposed, stack="outer", body=outer("inner.json"))[1]
    )
    made = world.deployed("outer", outer("inner.json", Prefix="x"))
    (resource,) = world.cloudformation.describe_stack_resources(StackName="outer")["StackResources"]
    nested = world.cloudformation.describe_stacks(StackName=resource["PhysicalResourceId"])["Stacks"][0]
    assert (nested["ParentId"], nested["StackStatus"]) == (made["StackId"], "CREATE_COMPLETE")
    assert outputs(nested)["Name"] == outputs(made)["Name"] == f"x-{nested['StackName']}-Queue-" + _suffix(nested)
    exports = world.cloudformation.list_exports()["Exports"]
    assert (nested["StackId"], "of-inner") in [(each["ExportingStackId"], each["Name"]) for each in exports]
    assert len(sqs.list_queues(QueueNamePrefix=nested["StackName"])["QueueUrls"]) == 2
    refusal = refused(world.cloudformation.delete_stack, StackName=nested["StackId"])
    assert refusal[1] == f"Stack [{nested['StackName']}] is nested in {made['StackId']}, and goes with it"

    assert world.deployed("outer", outer("less.json", Prefix="x"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert len(sqs.list_queues(QueueNamePrefix=nested["StackName"])["QueueUrls"]) == 1
    world.cloudformation.delete_stack(StackName="outer")
    assert world.settled(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=nested["StackName"])


def _suffix(stack: Any) -> str:
    return outputs(stack)["Name"].rpartition("-")[2]


def test_templates_are_given_back(world: ControlWorld) -> None:
    name = "!Sub '${AWS::StackName}-q'"
    body = f"Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: {name}\n"
    world.deployed("yaml", body)

    assert world.cloudformation.get_template(StackName="yaml")["TemplateBody"] == body
    processed = world.cloudformation.get_template(StackName="yaml", TemplateStage="Processed")["TemplateBody"]
    assert processed["Resources"]["Queue"]["Properties"]["QueueName"] == {"Fn::Sub": "${AWS::StackName}-q"}
    assert world.cloudformation.get_template_summary(StackName="yaml")["ResourceTypes"] == ["AWS::SQS::Queue"]


def test_an_operation_that_nobody_emulates_is_refused(world: ControlWorld) -> None:
    code, message = refused(world.cloudformation.list_stack_sets)

    assert (code, message) == (
        "InvalidAction",
        "The action ListStackSets is not valid for this web service: it is not emulated",
    )


def test_a_rule_goes_with_its_stack(world: ControlWorld) -> None:
    queue_arn = {"Fn::GetAtt": ["Queue", "Arn"]}
    rule = {"EventPattern": {"source": ["orders"]}, "Targets": [{"Id": "queue", "Arn": queue_arn}]}
    body = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Rule": {"Type": "AWS::Events::Rule", "Properties": {"Name": "orders", **rule}},
        }
    }
    stack = world.deployed("ruled", body)
    events = world.client("events")
    assert "orders" in [each["Name"] for each in events.list_rules()["Rules"]]

    world.cloudformation.delete_stack(StackName="ruled")

    assert world.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert "orders" not in [each["Name"] for each in events.list_rules()["Rules"]]


def test_what_services_made_of_a_stack_that_fails_is_gone_and_what_was_there_stays(world: ControlWorld) -> None:
    s3 = world.client("s3")
    s3.create_bucket(Bucket="was-there")
    target = {"Id": "one", "Arn": "arn:aws:sqs:us-east-1:123456789012:any"}
    body = {
        "Resources": {
            "New": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "is-new"}},
            "Old": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "was-there"}},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {"EventBusName": "none", "EventPattern": {"source": ["a"]}, "Targets": [target]},
            },
        }
    }
    stack = world.deployed("fails", body)

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    buckets = {each["Name"] for each in s3.list_buckets()["Buckets"]}
    assert ("is-new" in buckets, "was-there" in buckets) == (False, True)


def test_machines_pools_and_schedules_go_with_their_stack(world: ControlWorld) -> None:
    role = "arn:aws:iam::123456789012:role/any"
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    schedule = {
        "Name": "goes",
        "ScheduleExpression": "at(2099-01-01T00:00:00)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:sqs:us-east-1:123456789012:any", "RoleArn": role},
    }
    body = {
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"StateMachineName": "goes", "DefinitionString": definition, "RoleArn": role},
            },
            "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": "goes"}},
            "Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": schedule},
        }
    }

    def left() -> list[str]:
        machines = world.client("stepfunctions").list_state_machines()["stateMachines"]
        pools = world.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]
        schedules = world.client("scheduler").list_schedules()["Schedules"]
        return [each.get("name") or each["Name"] for each in (*machines, *pools, *schedules)]

    stack = world.deployed("services", body)
    assert left() == ["goes", "goes", "goes"]
    world.cloudformation.delete_stack(StackName="services")
    assert world.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert left() == []
