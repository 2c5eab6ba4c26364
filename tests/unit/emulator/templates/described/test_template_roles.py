"""The roles of a template's functions: where their statements stand, and what is wrong or not known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from template_parts import PLACE, att, resource

from emulator.iam.needs import Need
from emulator.iam.policy import Decision, Policies, Statement, decide, with_values
from emulator.iam.roles import Roles
from emulator.templates.catalogue import Catalogue
from emulator.templates.described import function_roles
from emulator.templates.errors import TemplateError
from emulator.templates.source import load
from emulator.templates.stack import Surroundings, resolve
from streamer.topology import grants
from streamer.topology.grants import Kind, arn

WHERE = grants.Place(partition="aws", region="us-east-1", account_id="123456789012", apis={})
OF_AWS = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
GET = Need("dynamodb:GetItem", grants.Resource(Kind.TABLE, "notes"))
PUT = Need("dynamodb:PutItem", grants.Resource(Kind.TABLE, "notes"))


def known(policy: str) -> tuple[Statement, ...] | None:
    return (Statement(actions=("sqs:*",), resources=("*",)),) if policy == OF_AWS else None


def document(*actions: str, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": list(actions), "Resource": att("Notes"), **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def base(**more: Any) -> dict[str, Any]:
    return {
        "Say": resource("Lambda::Function", FunctionName="say", Role=att("Role")),
        "Role": resource("IAM::Role", RoleName="says"),
        "Notes": resource("DynamoDB::Table", TableName="notes"),
        **more,
    }


def read(resources: dict[str, Any]) -> tuple[Roles, list[str]]:
    source = load(json.dumps({"Resources": resources}), "t.json")
    catalogue = Catalogue([resolve(source, Surroundings(place=PLACE))])
    return function_roles.roles(catalogue, known, WHERE), catalogue.warnings


def decision(found: Roles, need: Need) -> Decision:
    role = found.of["say"]
    boundary = None if role.boundary is None else role.boundary.statements
    return decide(Policies(identity=role.statements, boundary=boundary), need.action, arn(need.resource, WHERE), {})


WRITTEN = json.dumps(document("dynamodb:GetItem", Resource="*"))


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(
            {
                "Role": resource(
                    "IAM::Role",
                    RoleName="says",
                    Policies=[{"PolicyName": "p", "PolicyDocument": document("dynamodb:GetItem")}],
                )
            },
            id="in the role, as SAM and Serverless write them",
        ),
        pytest.param(
            {
                "Role": resource(
                    "IAM::Role",
                    RoleName="says",
                    Policies=[{"PolicyName": "p", "PolicyDocument": WRITTEN}],
                )
            },
            id="in the role, as JSON",
        ),
        pytest.param(
            {"P": resource("IAM::Policy", Roles=[{"Ref": "Role"}], PolicyDocument=document("dynamodb:GetItem"))},
            id="in a policy for the role, as the CDK writes them",
        ),
        pytest.param(
            {"P": resource("IAM::ManagedPolicy", Roles=[{"Ref": "Role"}], PolicyDocument=document("dynamodb:GetItem"))},
            id="in a managed policy for the role",
        ),
        pytest.param(
            {"P": resource("IAM::RolePolicy", RoleName={"Ref": "Role"}, PolicyDocument=document("dynamodb:GetItem"))},
            id="in a policy of the role",
        ),
        pytest.param(
            {"P": resource("IAM::Policy", Roles=[{"Ref": "Role"}], PolicyDocument=WRITTEN)},
            id="in a policy for the role, as JSON",
        ),
        pytest.param(
            {
                "Role": resource("IAM::Role", RoleName="says", ManagedPolicyArns=[{"Ref": "P"}]),
                "P": resource("IAM::ManagedPolicy", PolicyDocument=document("dynamodb:GetItem")),
            },
            id="in a managed policy that the role names",
        ),
    ],
)
def test_a_role_has_the_statements_of_all_its_policies(more: dict[str, Any]) -> None:
    found, warnings = read(base(**more))

    assert found.of["say"].name == "says"
    assert decision(found, GET) is Decision.ALLOWED
    assert decision(found, PUT) is Decision.NOT_ALLOWED
    assert warnings == []


def test_statements_that_deny_and_awss_own_policies_count() -> None:
    more = {
        "Role": resource("IAM::Role", RoleName="says", ManagedPolicyArns=[OF_AWS]),
        "Allows": resource("IAM::Policy", Roles=["says"], PolicyDocument=document("dynamodb:*")),
        "Denies": resource("IAM::Policy", Roles=["says"], PolicyDocument=document("dynamodb:PutItem", effect="Deny")),
    }

    found, warnings = read(base(**more))

    assert decision(found, Need("sqs:SendMessage", grants.Resource(Kind.QUEUE, "jobs"))) is Decision.ALLOWED
    assert (decision(found, GET), decision(found, PUT)) == (Decision.ALLOWED, Decision.DENIED)
    assert warnings == []


@pytest.mark.parametrize("boundary", [{"Ref": "Bounds"}, OF_AWS], ids=["of the template", "one of AWS's own"])
def test_a_role_has_its_permissions_boundary(boundary: Any) -> None:
    both = document("dynamodb:*", "sqs:*", Resource="*")
    found, warnings = read(
        base(
            Role=resource("IAM::Role", RoleName="says", PermissionsBoundary=boundary),
            Bounds=resource(
                "IAM::ManagedPolicy", ManagedPolicyName="b", PolicyDocument=document("sqs:*", Resource="*")
            ),
            P=resource("IAM::Policy", Roles=["says"], PolicyDocument=both),
        )
    )

    assert decision(found, Need("sqs:SendMessage", grants.Resource(Kind.QUEUE, "jobs"))) is Decision.ALLOWED
    assert decision(found, GET) is Decision.OUT_OF_BOUNDS
    assert warnings == []


def test_policies_of_the_old_version_have_no_variables() -> None:
    written = document("s3:GetObject", Resource="arn:aws:s3:::b/${aws:PrincipalAccount}/*")
    older = {"Statement": written["Statement"]}

    new, old = (
        read(base(P=resource("IAM::Policy", Roles=["says"], PolicyDocument=each)))[0].of["say"].statements[0]
        for each in (written, older)
    )

    valued = [with_values(each, {"aws:principalaccount": ["1"]}) for each in (new, old)]
    assert [each and each.resources for each in valued] == [
        ("arn:aws:s3:::b/1/*",),
        ("arn:aws:s3:::b/${aws:PrincipalAccount}/*",),
    ]


def test_a_source_may_be_read_by_a_statement_with_a_variable() -> None:
    arn_of_jobs = "arn:aws:sqs:us-east-1:${aws:PrincipalAccount}:jobs"
    _, warnings = read(
        base(
            Jobs=resource("SQS::Queue", QueueName="jobs"),
            Source=resource("Lambda::EventSourceMapping", EventSourceArn=att("Jobs"), FunctionName=att("Say")),
            P=resource("IAM::Policy", Roles=["says"], PolicyDocument=document("sqs:*", Resource=arn_of_jobs)),
        )
    )

    assert warnings == []


def test_a_role_has_its_path() -> None:
    trusting = {"Statement": {"Effect": "Allow", "Principal": {"AWS": att("Role")}, "Action": "sts:AssumeRole"}}
    gets = resource("IAM::ManagedPolicy", Path="/app/", PolicyDocument=document("dynamodb:GetItem"))
    role = resource("IAM::Role", RoleName="says", Path="/app/", ManagedPolicyArns=[{"Ref": "Gets"}])
    other = resource("IAM::Role", RoleName="other", AssumeRolePolicyDocument=trusting)
    found, _ = read(base(Role=role, Gets=gets, Other=other))

    assert (found.of["say"].name, found.of["say"].path) == ("says", "/app/")
    assert decision(found, GET) is Decision.ALLOWED
    (trusted,) = found.all["arn:aws:iam::123456789012:role/other"].trust
    assert trusted.principals == ("arn:aws:iam::123456789012:role/app/says",)
    assert [each.partition("policy/")[2].partition("/")[0] for each in found.managed] == ["app"]


@pytest.mark.parametrize(("more", "seconds"), [({}, 3_600), ({"MaxSessionDuration": 43_200}, 43_200)])
def test_a_role_says_how_long_it_is_assumed_at_most(more: dict[str, int], seconds: int) -> None:
    found, _ = read(base(Role=resource("IAM::Role", RoleName="says", **more)))

    assert found.of["say"].most_seconds == seconds


def test_a_role_has_its_tags() -> None:
    tags = [{"Key": "Tenant", "Value": "ada"}]
    found, _ = read(base(Role=resource("IAM::Role", RoleName="says", Tags=tags)))

    assert found.of["say"].tags == {"Tenant": "ada"}


def test_tags_of_resources_are_known_by_their_arns() -> None:
    tags = [{"Key": "Team", "Value": "red"}]
    replicas = [{"Region": "eu-west-1", "Tags": []}, {"Region": "us-east-1", "Tags": tags}]
    found, _ = read(
        {
            "Bus": resource("Events::EventBus", Name="bus", Tags=tags),
            "Bucket": resource("S3::Bucket", Tags=tags),
            "Everywhere": resource("DynamoDB::GlobalTable", TableName="all", Replicas=replicas),
            "Notes": resource("DynamoDB::Table", TableName="notes", Tags=tags),
            "Others": resource("SQS::Queue", QueueName="others"),
            "Parameter": resource("SSM::Parameter", Name="/a/b", Type="String", Value="v", Tags={"Team": "red"}),
            "Pool": resource("Cognito::UserPool", UserPoolTags={"Team": "red"}),
            "Role": resource("IAM::Role", RoleName="says", Path="/app/", Tags=tags),
            "Secret": resource("SecretsManager::Secret", Name="db", Tags=tags),
        }
    )
    short = [arn.removeprefix("arn:aws:") for arn in sorted(found.tags)]

    named = {arn: each.get("aws:cloudformation:logical-id") for arn, each in found.tags.items()}
    assert {named[arn] for arn, each in found.tags.items() if each.get("Team") != "red"} == {"Others"}
    assert {each["aws:cloudformation:stack-name"] for arn, each in found.tags.items() if ":iam:" not in arn} == {
        PLACE.stack
    }
    assert [each for each in short if not each.startswith(("cognito-idp:", "secretsmanager:"))] == [
        "dynamodb:us-east-1:123456789012:table/all",
        "dynamodb:us-east-1:123456789012:table/notes",
        "events:us-east-1:123456789012:event-bus/bus",
        "iam::123456789012:role/app/says",
        "sqs:us-east-1:123456789012:others",
        "ssm:us-east-1:123456789012:parameter/a/b",
    ]
    assert [
        each.rpartition(":")[2].partition("-")[0].partition("/")[0] for each in short if each[:2] in ("co", "se")
    ] == [
        "userpool",
        "db",
    ]


def test_resources_are_known_that_are_encrypted_with_a_key_of_ones_own() -> None:
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": att("Key")}
    found, _ = read(
        {
            "Bucket": resource(
                "S3::Bucket",
                BucketName="files",
                BucketEncryption={"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": by_default}]},
            ),
            "Key": resource("KMS::Key"),
            "Named": resource("KMS::Alias", AliasName="alias/own", TargetKeyId={"Ref": "Key"}),
            "News": resource("SNS::Topic", TopicName="news", KmsMasterKeyId="alias/own"),
            "Notes": resource(
                "DynamoDB::Table", TableName="notes", SSESpecification={"KMSMasterKeyId": {"Ref": "Key"}}
            ),
            "Plain": resource("SQS::Queue", QueueName="plain", KmsMasterKeyId="alias/aws/sqs"),
            "Secret": resource("SecretsManager::Secret", Name="db", KmsKeyId={"Ref": "Key"}),
            "Stream": resource(
                "Kinesis::Stream",
                Name="s",
                StreamEncryption={"EncryptionType": "KMS", "KeyId": "arn:aws:kms:x:1:key/k"},
            ),
        }
    )
    own = next(each for each in found.encrypted.values() if each != "arn:aws:kms:x:1:key/k")

    assert own.startswith("arn:aws:kms:us-east-1:123456789012:key/")
    assert {arn.removeprefix("arn:aws:")[:9]: key == own for arn, key in found.encrypted.items()} == {
        "s3:::file": True,
        "sns:us-ea": True,
        "dynamodb:": True,
        "secretsma": True,
        "kinesis:u": False,
    }


def test_all_roles_are_known_by_their_arns_with_whom_they_trust() -> None:
    trusting = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": att("Role")}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
    tenant = resource("IAM::Role", RoleName="tenant", Path="/app/", AssumeRolePolicyDocument=trusting)
    unknown = resource("IAM::Role", RoleName="unknown", ManagedPolicyArns=["arn:aws:iam::123456789012:policy/x"])
    policy = resource("IAM::ManagedPolicy", ManagedPolicyName="gets", PolicyDocument=document("dynamodb:GetItem"))

    found, _ = read(base(Tenant=tenant, Unknown=unknown, Gets=policy))

    assert sorted(found.all) == ["arn:aws:iam::123456789012:role/app/tenant", "arn:aws:iam::123456789012:role/says"]
    by_role, by_lambda = found.all["arn:aws:iam::123456789012:role/app/tenant"].trust
    assert by_role.principals == ("arn:aws:iam::123456789012:role/says",)
    assert (by_lambda.principals, by_lambda.services) == ((), ("lambda.amazonaws.com",))
    ((arn_of_policy, statements),) = found.managed.items()
    assert arn_of_policy.endswith("/gets")
    assert [each.actions for each in statements] == [("dynamodb:GetItem",)]


def test_resources_are_named_as_the_template_names_them() -> None:
    more = {
        "Api": resource("ApiGatewayV2::Api", Name="chat", ProtocolType="WEBSOCKET"),
        "News": resource("SNS::Topic", TopicName="news"),
        "Jobs": resource("SQS::Queue", QueueName="jobs"),
        "Stream": resource("Kinesis::Stream", Name="st"),
        "Key": resource("KMS::Key"),
    }

    written = read(base(**more))[0].written

    assert written["arn:aws:dynamodb:us-east-1:123456789012:table/notes"] == "${Notes.Arn}"
    assert written["arn:aws:sqs:us-east-1:123456789012:jobs"] == "${Jobs.Arn}"
    assert written["arn:aws:sns:us-east-1:123456789012:news"] == "${News}"
    assert written["arn:aws:kinesis:us-east-1:123456789012:stream/st"] == "${Stream.Arn}"
    assert [arn.partition(":key/")[0] for arn, name in written.items() if name == "${Key.Arn}"] == [
        "arn:aws:kms:us-east-1:123456789012"
    ]
    assert written["arn:aws:lambda:us-east-1:123456789012:function:say"] == "${Say.Arn}"
    assert [each for each in written.values() if each.endswith(":${Api}")] == [
        "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}"
    ]


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        pytest.param(
            {
                "Say": resource(
                    "Lambda::Function", FunctionName="say", Role="arn:aws:iam::123456789012:role/x/elsewhere"
                )
            },
            "Say: its role elsewhere is not in the project, so that it may do everything",
            id="a role of the account",
        ),
        pytest.param(
            {
                "Role": resource(
                    "IAM::Role", RoleName="says", ManagedPolicyArns=["arn:aws:iam::123456789012:policy/own"]
                )
            },
            "Role: its policy arn:aws:iam::123456789012:policy/own is not in the project, "
            "so that its functions may do everything",
            id="a policy of the account",
        ),
    ],
)
def test_a_function_of_whose_rights_not_all_is_known_may_do_everything(more: dict[str, Any], warning: str) -> None:
    found, warnings = read(base(**more))

    assert found.of == {}
    assert warnings == [warning]


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        pytest.param(
            {"Role": resource("IAM::Role", RoleName="says", PermissionsBoundary="arn:aws:iam::123456789012:policy/b")},
            "Role: its permissions boundary arn:aws:iam::123456789012:policy/b is not in the project, "
            "so that it is not held to",
            id="a boundary of the account",
        ),
        pytest.param(
            {
                "Role": resource("IAM::Role", RoleName="says", PermissionsBoundary={"Ref": "Bounds"}),
                "Bounds": resource("IAM::ManagedPolicy", PolicyDocument=document("sqs:Receive*", Resource="*")),
                "Jobs": resource("SQS::Queue", QueueName="jobs"),
                "Source": resource("Lambda::EventSourceMapping", EventSourceArn=att("Jobs"), FunctionName=att("Say")),
                "P": resource("IAM::Policy", Roles=["says"], PolicyDocument=document("sqs:*", Resource="*")),
            },
            "Source: AWS refuses it, since says, within its permissions boundary, does not allow sqs:DeleteMessage, "
            "sqs:GetQueueAttributes on arn:aws:sqs:us-east-1:123456789012:jobs",
            id="a queue that Lambda may not read because of a boundary",
        ),
        pytest.param(
            {
                "Jobs": resource("SQS::Queue", QueueName="jobs"),
                "Source": resource("Lambda::EventSourceMapping", EventSourceArn=att("Jobs"), FunctionName=att("Say")),
                "P": resource("IAM::Policy", Roles=["says"], PolicyDocument=document("sqs:Receive*", Resource="*")),
            },
            "Source: AWS refuses it, since says does not allow sqs:DeleteMessage, sqs:GetQueueAttributes on "
            "arn:aws:sqs:us-east-1:123456789012:jobs",
            id="a queue that Lambda may not read for the function",
        ),
        pytest.param(
            {
                "Dead": resource("SQS::Queue", QueueName="dead"),
                "Say": resource(
                    "Lambda::Function",
                    FunctionName="say",
                    Role=att("Role"),
                    DeadLetterConfig={"TargetArn": att("Dead")},
                ),
            },
            "Say: AWS refuses it, since says does not allow sqs:SendMessage on arn:aws:sqs:us-east-1:123456789012:dead",
            id="a queue that Lambda may not send dead letters to",
        ),
        pytest.param(
            {
                "News": resource("SNS::Topic", TopicName="news"),
                "Asked": resource(
                    "Lambda::EventInvokeConfig",
                    FunctionName={"Ref": "Say"},
                    Qualifier="$LATEST",
                    DestinationConfig={"OnSuccess": {"Destination": {"Ref": "News"}}},
                ),
            },
            "Asked: AWS refuses it, since says does not allow sns:Publish on arn:aws:sns:us-east-1:123456789012:news",
            id="a destination that Lambda may not publish to",
        ),
        pytest.param(
            {
                "Files": resource("S3::Bucket", BucketName="files"),
                "Jobs": resource("SQS::Queue", QueueName="jobs"),
                "Source": resource(
                    "Lambda::EventSourceMapping",
                    EventSourceArn=att("Jobs"),
                    FunctionName=att("Say"),
                    DestinationConfig={"OnFailure": {"Destination": att("Files")}},
                ),
                "P": resource("IAM::Policy", Roles=["says"], PolicyDocument=document("sqs:*", Resource="*")),
            },
            "Source: what it gives up is lost on AWS, since says does not allow s3:PutObject on arn:aws:s3:::files/*",
            id="a bucket that Lambda may not put what is given up into",
        ),
        pytest.param(
            {
                "Jobs": resource("SQS::Queue", QueueName="jobs", KmsMasterKeyId="arn:aws:kms:us-east-1:1:key/k"),
                "Source": resource("Lambda::EventSourceMapping", EventSourceArn=att("Jobs"), FunctionName=att("Say")),
                "P": resource("IAM::Policy", Roles=["says"], PolicyDocument=document("sqs:*", Resource="*")),
            },
            "Source: Lambda cannot read what it is for on AWS, since says does not allow kms:Decrypt "
            "on arn:aws:kms:us-east-1:1:key/k",
            id="a queue whose key Lambda may not use",
        ),
    ],
)
def test_what_is_otherwise_on_aws_is_warned_of(more: dict[str, Any], warning: str) -> None:
    found, warnings = read(base(**more))

    assert list(found.of) == ["say"]
    assert warnings == [warning]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({"Action": "s3:*", "Resource": "*"}, "a statement has an Effect, Allow or Deny"),
        ({"Effect": "allow", "Action": "s3:*", "Resource": "*"}, "a statement has an Effect, Allow or Deny"),
        ({"Effect": "Allow", "Resource": "*"}, "a statement has one of Action and NotAction"),
        ({"Effect": "Allow", "Action": "s3:*"}, "a statement has one of Resource and NotResource"),
        (
            {"Effect": "Allow", "Action": "s3:*", "NotAction": "s3:Get*", "Resource": "*"},
            "a statement has one of Action and NotAction",
        ),
        ({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": ["x"]}, "a mapping of operators to"),
        ("x", "a statement has an Effect, Allow or Deny"),
    ],
)
def test_what_iam_refuses_is_refused_with_its_place(statement: Any, message: str) -> None:
    policies = [{"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}]

    with pytest.raises(TemplateError, match=message) as refused:
        read(base(Role=resource("IAM::Role", RoleName="says", Policies=policies)))

    assert "Resources.Role.Properties.Policies[0].PolicyDocument.Statement[0]" in str(refused.value)


def test_what_lambda_sends_is_known_by_function_and_may_be_allowed() -> None:
    found, warnings = read(
        base(
            Dead=resource("SQS::Queue", QueueName="dead"),
            Say=resource(
                "Lambda::Function", FunctionName="say", Role=att("Role"), DeadLetterConfig={"TargetArn": att("Dead")}
            ),
            P=resource("IAM::Policy", Roles=["says"], PolicyDocument=document("sqs:Send*", Resource=att("Dead"))),
        )
    )

    assert warnings == []
    assert [each.action for each in found.behind["say"]] == ["sqs:SendMessage"]


def test_what_lambda_does_with_event_sources_is_known_by_function() -> None:
    stream = {"Fn::GetAtt": ["Notes", "StreamArn"]}
    notes = resource("DynamoDB::Table", TableName="notes", StreamSpecification={"StreamViewType": "KEYS_ONLY"})
    found, _ = read(
        base(
            Notes=notes,
            Jobs=resource("SQS::Queue", QueueName="jobs"),
            OfJobs=resource("Lambda::EventSourceMapping", EventSourceArn=att("Jobs"), FunctionName={"Ref": "Say"}),
            OfNotes=resource("Lambda::EventSourceMapping", EventSourceArn=stream, FunctionName=att("Say")),
        )
    )

    assert [(each.action, arn(each.resource, WHERE)) for each in found.behind["say"]] == [
        ("sqs:DeleteMessage", "arn:aws:sqs:us-east-1:123456789012:jobs"),
        ("sqs:GetQueueAttributes", "arn:aws:sqs:us-east-1:123456789012:jobs"),
        ("sqs:ReceiveMessage", "arn:aws:sqs:us-east-1:123456789012:jobs"),
        ("dynamodb:DescribeStream", "arn:aws:dynamodb:us-east-1:123456789012:table/notes/stream/*"),
        ("dynamodb:GetRecords", "arn:aws:dynamodb:us-east-1:123456789012:table/notes/stream/*"),
        ("dynamodb:GetShardIterator", "arn:aws:dynamodb:us-east-1:123456789012:table/notes/stream/*"),
    ]
