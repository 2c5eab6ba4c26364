"""What removes what a resource keeps."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.templates.control_plane.records import ResourceRecord
from emulator.templates.control_plane.removal import all_removals, removals


@pytest.mark.parametrize(
    ("kind", "properties", "operations"),
    [
        pytest.param("AWS::DynamoDB::Table", {}, [("dynamodb", "DeleteTable", {"TableName": "it"})], id="a table"),
        pytest.param("AWS::S3::Bucket", {}, [("s3", "delete_bucket", {"Bucket": "it"})], id="a bucket"),
        pytest.param(
            "AWS::Scheduler::Schedule",
            {"GroupName": "own"},
            [("scheduler", "delete_schedule", {"Name": "it", "GroupName": "own"})],
            id="a schedule of a group",
        ),
        pytest.param(
            "AWS::StepFunctions::StateMachine",
            {},
            [("states", "DeleteStateMachine", {"stateMachineArn": "it"})],
            id="a state machine",
        ),
        pytest.param("AWS::Lambda::Function", {}, [], id="a function, which is described alone"),
        pytest.param(
            "AWS::Events::Rule",
            {"EventBusName": "own", "Targets": [{"Id": "a", "Arn": "x"}]},
            [
                ("events", "remove_targets", {"Rule": "it", "Ids": ["a"], "EventBusName": "own"}),
                ("events", "delete_rule", {"Name": "it", "EventBusName": "own"}),
            ],
            id="a rule, after its targets",
        ),
    ],
)
def test_what_is_kept_is_removed(kind: str, properties: dict[str, Any], operations: list[Any]) -> None:
    resource = ResourceRecord(logical_id="It", physical_id="it", type=kind, properties=properties)

    assert [(each.service, each.operation, each.parameters) for each in removals(resource)] == operations
    assert {each.resource for each in removals(resource)} <= {"It"}


@pytest.mark.parametrize(
    ("properties", "operations"),
    [
        pytest.param({"BucketName": "it"}, ["empty_bucket", "delete_bucket"], id="its own"),
        pytest.param({"BucketName": "other"}, ["delete_bucket"], id="another one"),
    ],
)
def test_a_bucket_is_emptied_before_it_goes_if_cdk_has_it_so(properties: dict[str, Any], operations: list[str]) -> None:
    bucket = ResourceRecord(logical_id="It", physical_id="it", type="AWS::S3::Bucket", properties={})
    emptying = ResourceRecord(
        logical_id="Empty", physical_id="empty", type="Custom::S3AutoDeleteObjects", properties=properties
    )

    found = [each.operation for _, several in all_removals([bucket, emptying]) for each in several]
    assert found == operations
