"""What requests to S3 need of a role. [DOC] service-authorization: list_amazons3"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from emulator.iam.needs import Need
from emulator.services.kinesis.tokens import token
from emulator.services.machines.tokens import token_of
from emulator.services.needs import of_operation, of_scheduler
from emulator.services.s3.needs import of_absence, of_form, of_s3
from emulator.services.secret_names import suffix
from streamer.topology.grants import Kind, Place, Resource, arn

HOST = "https://s3.eu-west-1.amazonaws.com"
PLACE = Place.of("eu-west-1", "123456789012")


@pytest.mark.parametrize(
    ("method", "url", "needs"),
    [
        ("GET", f"{HOST}/", ["s3:ListAllMyBuckets *"]),
        ("PUT", f"{HOST}/made", ["s3:CreateBucket arn:aws:s3:::made"]),
        ("GET", f"{HOST}/made?list-type=2&prefix=a", ["s3:ListBucket arn:aws:s3:::made"]),
        ("HEAD", f"{HOST}/made", ["s3:ListBucket arn:aws:s3:::made"]),
        ("GET", f"{HOST}/made?versions", ["s3:ListBucketVersions arn:aws:s3:::made"]),
        ("PUT", f"{HOST}/made?notification", ["s3:PutBucketNotification arn:aws:s3:::made"]),
        ("GET", f"{HOST}/made?policy", ["s3:GetBucketPolicy arn:aws:s3:::made"]),
        ("DELETE", f"{HOST}/made?cors", ["s3:PutBucketCORS arn:aws:s3:::made"]),
        ("POST", f"{HOST}/made", ["s3:PutObject arn:aws:s3:::made/*"]),
        ("GET", f"{HOST}/made/a/b%20c", ["s3:GetObject arn:aws:s3:::made/a/b c"]),
        ("HEAD", f"{HOST}/made/a?versionId=1", ["s3:GetObjectVersion arn:aws:s3:::made/a"]),
        ("PUT", f"{HOST}/made/a?partNumber=1&uploadId=x", ["s3:PutObject arn:aws:s3:::made/a"]),
        ("DELETE", f"{HOST}/made/a?uploadId=x", ["s3:AbortMultipartUpload arn:aws:s3:::made/a"]),
        ("DELETE", f"{HOST}/made/a", ["s3:DeleteObject arn:aws:s3:::made/a"]),
        ("PUT", f"{HOST}/made/a?tagging", ["s3:PutObjectTagging arn:aws:s3:::made/a"]),
        ("GET", f"{HOST}/made/a?tagging&versionId=1", ["s3:GetObjectVersionTagging arn:aws:s3:::made/a"]),
        ("POST", f"{HOST}/made/a?restore", ["s3:RestoreObject arn:aws:s3:::made/a"]),
        (
            "GET",
            f"{HOST}/made/a?attributes",
            ["s3:GetObject arn:aws:s3:::made/a", "s3:GetObjectAttributes arn:aws:s3:::made/a"],
        ),
        ("DELETE", f"{HOST}/made?website", ["s3:DeleteBucketWebsite arn:aws:s3:::made"]),
        ("GET", f"{HOST}/made?ownershipControls", ["s3:GetBucketOwnershipControls arn:aws:s3:::made"]),
        ("GET", "https://made.s3.eu-west-1.amazonaws.com/a", ["s3:GetObject arn:aws:s3:::made/a"]),
        ("GET", "https://ma.de.s3.amazonaws.com/", ["s3:ListBucket arn:aws:s3:::ma.de"]),
    ],
)
def test_a_request_needs_an_action_on_a_bucket_or_an_object(method: str, url: str, needs: list[str]) -> None:
    found = [f"{need.action} {arn(need.resource, PLACE)}" for need in of_s3(method, url)]

    assert found == needs


@pytest.mark.parametrize(
    ("method", "path", "need"),
    [
        ("GET", "/made/a/b", "s3:ListBucket arn:aws:s3:::made"),
        ("HEAD", "/made/a", "s3:ListBucket arn:aws:s3:::made"),
        ("GET", "/made", None),
        ("DELETE", "/made/a", None),
    ],
)
def test_to_hear_that_an_object_is_not_there_needs_the_right_to_list(method: str, path: str, need: str | None) -> None:
    found = of_absence(method, f"{HOST}{path}")

    assert (None if found is None else f"{found.action} {arn(found.resource, PLACE)}") == need


@pytest.mark.parametrize(
    ("url", "about"),
    [
        (f"{HOST}/made?list-type=2&prefix=a%2Fb&max-keys=3", (("s3:max-keys", "3"), ("s3:prefix", "a/b"))),
        (f"{HOST}/made?versions&prefix=&delimiter=%2F", (("s3:delimiter", "/"), ("s3:prefix", ""))),
        (f"{HOST}/made", ()),
        (f"{HOST}/made?policy&prefix=a", ()),
        (f"{HOST}/made/key?prefix=a", ()),
    ],
)
def test_lists_of_objects_tell_conditions_what_is_listed(url: str, about: tuple[tuple[str, str], ...]) -> None:
    (need,) = of_s3("GET", url)

    assert need.about == about


@pytest.mark.parametrize(
    ("found", "service"),
    [
        pytest.param(
            of_scheduler("POST", "https://scheduler.x/schedules/a", {"Target": {"RoleArn": "arn:role"}}),
            "scheduler",
            id="a schedule",
        ),
        pytest.param(
            of_operation("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "1"}, {"RoleArn": "arn:role"}]}),
            "events",
            id="a rule",
        ),
        pytest.param(
            of_operation("states", "CreateStateMachine", {"name": "m", "roleArn": "arn:role"}),
            "states",
            id="a state machine",
        ),
    ],
)
def test_whoever_gives_a_service_a_role_may_pass_it_on(found: Iterator[Need], service: str) -> None:
    passed = [need for need in found if need.action == "iam:PassRole"]

    assert passed == [
        Need("iam:PassRole", Resource(Kind.ARN, "arn:role"), (("iam:passedtoservice", f"{service}.amazonaws.com"),))
    ]


PUT = "s3:PutObject made/a"


@pytest.mark.parametrize(
    ("given", "needs"),
    [
        ({}, [PUT]),
        ({"x-amz-acl": "private"}, [PUT]),
        ({"x-amz-acl": "bucket-owner-full-control"}, [PUT, "s3:PutObjectAcl made/a"]),
        ({"x-amz-grant-read": "id=1"}, [PUT, "s3:PutObjectAcl made/a"]),
        ({"x-amz-tagging": "a=1"}, [PUT, "s3:PutObjectTagging made/a"]),
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, [PUT, "s3:PutObjectRetention made/a"]),
        ({"x-amz-object-lock-legal-hold": "ON"}, [PUT, "s3:PutObjectLegalHold made/a"]),
        ({"x-amz-copy-source": "/other/a%20b"}, [PUT, "s3:GetObject other/a b"]),
        ({"x-amz-copy-source": "other/a?versionId=1"}, [PUT, "s3:GetObjectVersion other/a"]),
    ],
)
def test_what_goes_with_an_object_needs_rights_of_its_own(given: dict[str, str], needs: list[str]) -> None:
    def shown(found: Iterator[Need]) -> list[str]:
        return [f"{need.action} {arn(need.resource, PLACE).removeprefix('arn:aws:s3:::')}" for need in found]

    assert shown(of_s3("PUT", f"{HOST}/made/a", given)) == needs
    if "x-amz-copy-source" not in given:
        assert shown(of_form(f"{HOST}/made", {**given, "key": "a"})) == needs


def test_a_bucket_that_others_may_use_needs_a_right_of_its_own() -> None:
    found = [each.action for each in of_s3("PUT", f"{HOST}/made", {"x-amz-acl": "public-read"})]

    assert found == ["s3:CreateBucket", "s3:PutBucketAcl"]


HERE = ":${AWS::Region}:${AWS::AccountId}:"
PARAMETER = f"arn:${{AWS::Partition}}:ssm{HERE}parameter/"
SECRET = "arn:aws:secretsmanager:eu-west-1:1:secret:"
EVENTS = f"arn:${{AWS::Partition}}:events{HERE}"
KEYS = f"arn:${{AWS::Partition}}:kms{HERE}"
MACHINE = "arn:aws:states:eu-west-1:1:stateMachine:m"
ALIASED = f"states:DescribeStateMachineAlias {MACHINE}"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "needs"),
    [
        ("sns", "Publish", {"TopicArn": "arn:aws:sns:us-east-1:1:t"}, ["sns:Publish arn:aws:sns:us-east-1:1:t"]),
        ("sns", "PublishBatch", {"TopicArn": "arn:aws:sns:us-east-1:1:t"}, ["sns:Publish arn:aws:sns:us-east-1:1:t"]),
        ("sns", "CreateTopic", {"Name": "t"}, [f"sns:CreateTopic arn:${{AWS::Partition}}:sns{HERE}t"]),
        ("sns", "ListTopics", {}, ["sns:ListTopics *"]),
        ("kms", "Encrypt", {"KeyId": "k1"}, [f"kms:Encrypt arn:${{AWS::Partition}}:kms{HERE}key/k1"]),
        ("kms", "Encrypt", {"KeyId": "alias/a"}, ["kms:Encrypt *"]),
        ("kms", "Decrypt", {}, ["kms:Decrypt *"]),
        (
            "kinesis",
            "PutRecord",
            {"StreamName": "s"},
            [f"kinesis:PutRecord arn:${{AWS::Partition}}:kinesis{HERE}stream/s"],
        ),
        ("kinesis", "PutRecords", {"StreamARN": "arn:s"}, ["kinesis:PutRecords arn:s"]),
        (
            "kinesis",
            "GetRecords",
            {"ShardIterator": token({"stream": "s"})},
            [f"kinesis:GetRecords arn:${{AWS::Partition}}:kinesis{HERE}stream/s"],
        ),
        ("kinesis", "GetRecords", {"ShardIterator": "x"}, ["kinesis:GetRecords *"]),
        ("kinesis", "ListStreams", {"NextToken": token({"after": "s"})}, ["kinesis:ListStreams *"]),
        ("states", "StartExecution", {"stateMachineArn": "arn:m"}, ["states:StartExecution arn:m"]),
        ("states", "ListStateMachines", {}, ["states:ListStateMachines *"]),
        ("states", "StartExecution", {"stateMachineArn": f"{MACHINE}:live"}, [f"states:StartExecution {MACHINE}"]),
        ("states", "DescribeStateMachineAlias", {"stateMachineAliasArn": f"{MACHINE}:live"}, [ALIASED]),
        ("states", "TagResource", {"resourceArn": MACHINE, "tags": []}, [f"states:TagResource {MACHINE}"]),
        ("events", "DescribeEventBus", {}, [f"events:DescribeEventBus {EVENTS}event-bus/default"]),
        ("events", "CreateEventBus", {"Name": "shop"}, [f"events:CreateEventBus {EVENTS}event-bus/shop"]),
        ("events", "DescribeArchive", {"ArchiveName": "a"}, [f"events:DescribeArchive {EVENTS}archive/a"]),
        ("events", "TagResource", {"ResourceARN": "arn:r", "Tags": []}, ["events:TagResource arn:r"]),
        ("events", "ListEventBuses", {}, ["events:ListEventBuses *"]),
        (
            "ssm",
            "AddTagsToResource",
            {"ResourceType": "Parameter", "ResourceId": "/a"},
            [f"ssm:AddTagsToResource {PARAMETER}a"],
        ),
        ("kms", "ListAliases", {"KeyId": "k"}, ["kms:ListAliases *"]),
        ("cognito-idp", "TagResource", {"ResourceArn": "arn:p"}, ["cognito-idp:TagResource arn:p"]),
        (
            "kms",
            "ReEncrypt",
            {"CiphertextBlob": base64.b64encode(b"1" * 40).decode(), "DestinationKeyId": "arn:k"},
            [f"kms:ReEncryptFrom {KEYS}key/{'1' * 36}", "kms:ReEncryptTo arn:k"],
        ),
        (
            "kms",
            "CreateAlias",
            {"AliasName": "alias/a", "TargetKeyId": "k"},
            [f"kms:CreateAlias {KEYS}alias/a", f"kms:CreateAlias {KEYS}key/k"],
        ),
        ("cognito-idp", "InitiateAuth", {"ClientId": "c"}, []),
        (
            "cognito-idp",
            "AdminGetUser",
            {"UserPoolId": "p"},
            [f"cognito-idp:AdminGetUser arn:${{AWS::Partition}}:cognito-idp{HERE}userpool/p"],
        ),
        (
            "events",
            "PutEvents",
            {"Entries": [{"EventBusName": "shop"}, {"Source": "a"}, {"EventBusName": "arn:aws:events:x"}]},
            [
                "events:PutEvents arn:aws:events:x",
                f"events:PutEvents arn:${{AWS::Partition}}:events{HERE}event-bus/default",
                f"events:PutEvents arn:${{AWS::Partition}}:events{HERE}event-bus/shop",
            ],
        ),
        ("events", "PutRule", {"Name": "r"}, [f"events:PutRule arn:${{AWS::Partition}}:events{HERE}rule/r"]),
        (
            "events",
            "PutTargets",
            {"Rule": "r", "EventBusName": "shop"},
            [f"events:PutTargets arn:${{AWS::Partition}}:events{HERE}rule/shop/r"],
        ),
        ("ssm", "GetParameter", {"Name": "/a/b"}, [f"ssm:GetParameter arn:${{AWS::Partition}}:ssm{HERE}parameter/a/b"]),
        (
            "ssm",
            "GetParameters",
            {"Names": ["a", "b"]},
            [f"ssm:GetParameters arn:${{AWS::Partition}}:ssm{HERE}parameter/{each}" for each in "ab"],
        ),
        ("ssm", "DescribeParameters", {}, ["ssm:DescribeParameters *"]),
        ("ssm", "GetParameter", {"Name": "/a/b:3"}, [f"ssm:GetParameter {PARAMETER}a/b"]),
        (
            "ssm",
            "GetParameter",
            {"Name": "arn:aws:ssm:eu-west-1:1:parameter/a/b:new"},
            ["ssm:GetParameter arn:aws:ssm:eu-west-1:1:parameter/a/b"],
        ),
        ("ssm", "GetParametersByPath", {"Path": "/a/"}, [f"ssm:GetParametersByPath {PARAMETER}a/"]),
        (
            "secretsmanager",
            "GetSecretValue",
            {"SecretId": "key"},
            [f"secretsmanager:GetSecretValue arn:${{AWS::Partition}}:secretsmanager{HERE}secret:key-{suffix('key')}"],
        ),
        *(
            (
                "secretsmanager",
                "GetSecretValue",
                {"SecretId": named},
                [f"secretsmanager:GetSecretValue {SECRET}my-key-{suffix('my-key')}"],
            )
            for named in (f"{SECRET}my-key", f"{SECRET}my-key-{suffix('my-key')}")
        ),
        (
            "secretsmanager",
            "BatchGetSecretValue",
            {"SecretIdList": [f"{SECRET}key"]},
            [
                "secretsmanager:BatchGetSecretValue *",
                f"secretsmanager:GetSecretValue {SECRET}key-{suffix('key')}",
            ],
        ),
        ("secretsmanager", "GetRandomPassword", {}, ["secretsmanager:GetRandomPassword *"]),
        ("states", "SendTaskSuccess", {"taskToken": token_of("arn:m", "x")}, ["states:SendTaskSuccess arn:m"]),
        ("states", "SendTaskFailure", {"taskToken": "of nobody"}, []),
        ("kinesis", "DescribeStreamConsumer", {"ConsumerARN": "arn:c"}, ["kinesis:DescribeStreamConsumer arn:c"]),
        ("sts", "AssumeRole", {"RoleArn": "arn:x"}, ["sts:AssumeRole arn:x"]),
        (
            "sts",
            "AssumeRole",
            {"RoleArn": "arn:x", "Tags.member.1.Key": "a", "Tags.member.1.Value": "b"},
            ["sts:AssumeRole arn:x", "sts:TagSession arn:x"],
        ),
        ("sts", "GetSessionToken", {}, ["sts:GetSessionToken *"]),
    ],
)
def test_an_operation_needs_its_action_on_what_it_names(
    service: str, operation: str, parameters: dict[str, object], needs: list[str]
) -> None:
    found = [f"{need.action} {need.resource.name or '*'}" for need in of_operation(service, operation, parameters)]

    assert found == needs


def test_a_key_and_a_state_machine_tell_conditions_what_they_are_used_with() -> None:
    (encrypt,) = of_operation("kms", "Encrypt", {"KeyId": "k", "EncryptionContext": {"Tenant": "ada"}})
    (start,) = of_operation("states", "StartExecution", {"stateMachineArn": f"{MACHINE}:live"})

    assert encrypt.about == (("kms:encryptioncontext:tenant", "ada"), ("kms:encryptioncontextkeys", "Tenant"))
    assert start.about == (("states:statemachinequalifier", "live"),)


@pytest.mark.parametrize(
    ("method", "path", "parameters", "need"),
    [
        ("POST", "/schedules/a", {}, "CreateSchedule schedule/default/a"),
        ("PUT", "/schedules/a", {"GroupName": "g"}, "UpdateSchedule schedule/g/a"),
        ("GET", "/schedules/a?groupName=g", {}, "GetSchedule schedule/g/a"),
        ("GET", "/schedules", {}, "ListSchedules schedule/default/*"),
        ("DELETE", "/schedule-groups/g", {}, "DeleteScheduleGroup schedule-group/g"),
        ("GET", "/schedule-groups", {}, "ListScheduleGroups schedule-group/*"),
    ],
)
def test_a_request_to_the_scheduler_says_by_its_path_what_it_needs(
    method: str, path: str, parameters: dict[str, str], need: str
) -> None:
    (found,) = of_scheduler(method, f"https://scheduler.eu-west-1.amazonaws.com{path}", parameters)
    action, _, resource = need.partition(" ")

    assert (found.action, found.resource.name) == (
        f"scheduler:{action}",
        f"arn:${{AWS::Partition}}:scheduler{HERE}{resource}",
    )
