"""Policies of a template's resources: what they say to functions, and which services they leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from template_parts import PLACE, att, resource

from emulator.iam.resource_policies import Who
from emulator.iam.roles import Roles
from emulator.templates.catalogue import Catalogue
from emulator.templates.described import function_roles, resource_policies
from emulator.templates.errors import TemplateError
from emulator.templates.source import load
from emulator.templates.stack import Surroundings, resolve
from streamer.topology import grants

WHERE = grants.Place(partition="aws", region="us-east-1", account_id="123456789012", apis={})
WHO = Who(
    session="arn:aws:sts::123456789012:assumed-role/says/say",
    role="arn:aws:iam::123456789012:role/says",
    account="arn:aws:iam::123456789012:root",
)
QUEUE, TOPIC = "arn:aws:sqs:us-east-1:123456789012:jobs", "arn:aws:sns:us-east-1:123456789012:news"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:say"


def read(**resources: Any) -> tuple[Roles, list[str]]:
    catalogue = made(**resources)
    return function_roles.roles(catalogue, lambda _arn: None, WHERE), catalogue.warnings


def warned(**resources: Any) -> list[str]:
    catalogue = made(**resources)
    resource_policies.check_senders(catalogue, WHERE)
    return catalogue.warnings


def made(**resources: Any) -> Catalogue:
    base = {
        "Say": resource("Lambda::Function", FunctionName="say", Role=att("Role")),
        "Role": resource("IAM::Role", RoleName="says"),
        "Jobs": resource("SQS::Queue", QueueName="jobs"),
        "News": resource("SNS::Topic", TopicName="news"),
        "Files": resource("S3::Bucket", BucketName="files"),
    }
    source = load(json.dumps({"Resources": {**base, **resources}}), "t.json")
    return Catalogue([resolve(source, Surroundings(place=PLACE))])


def document(principal: Any, action: str = "*", on: Any = "*", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": on, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


ROLE = {"AWS": att("Role")}
NOTES = {
    "TableName": "notes",
    "ResourcePolicy": {"PolicyDocument": document(ROLE)},
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}


@pytest.mark.parametrize(
    ("policy", "arn"),
    [
        pytest.param(
            resource("SQS::QueuePolicy", Queues=[{"Ref": "Jobs"}], PolicyDocument=document(ROLE)), QUEUE, id="queue"
        ),
        pytest.param(
            resource("SNS::TopicPolicy", Topics=[{"Ref": "News"}], PolicyDocument=document(ROLE)), TOPIC, id="topic"
        ),
        pytest.param(
            resource("S3::BucketPolicy", Bucket={"Ref": "Files"}, PolicyDocument=document(ROLE)),
            "arn:aws:s3:::files",
            id="bucket",
        ),
        pytest.param(
            resource(
                "Lambda::Permission", FunctionName={"Ref": "Say"}, Action="lambda:InvokeFunction", Principal=att("Role")
            ),
            FUNCTION,
            id="function by name",
        ),
        pytest.param(
            resource("Lambda::Permission", FunctionName=f"{FUNCTION}:live", Action="lambda:*", Principal=att("Role")),
            f"{FUNCTION}:live",
            id="alias of a function by ARN",
        ),
        pytest.param(
            resource("SecretsManager::ResourcePolicy", SecretId={"Ref": "Key"}, ResourcePolicy=document(ROLE)),
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-",
            id="secret",
        ),
        pytest.param(
            resource("ApiGateway::RestApi", Name="shop", Policy=document(ROLE)),
            "arn:aws:execute-api:us-east-1:123456789012:",
            id="REST API",
        ),
        pytest.param(
            resource("ApiGateway::RestApi", Name="shop", Body={"x-amazon-apigateway-policy": document(ROLE)}),
            "arn:aws:execute-api:us-east-1:123456789012:",
            id="REST API by its OpenAPI document, as SAM writes it",
        ),
        pytest.param(
            resource("DynamoDB::Table", **NOTES), "arn:aws:dynamodb:us-east-1:123456789012:table/notes", id="table"
        ),
        pytest.param(
            resource("KMS::Key", KeyPolicy=document(ROLE)), "arn:aws:kms:us-east-1:123456789012:key/", id="key"
        ),
        pytest.param(
            resource(
                "Events::EventBusPolicy", StatementId="s", EventBusName="bus", Statement=document(ROLE)["Statement"]
            ),
            "arn:aws:events:us-east-1:123456789012:event-bus/bus",
            id="event bus",
        ),
        pytest.param(
            resource("Events::EventBusPolicy", StatementId="s", Action="events:PutEvents", Principal=att("Role")),
            "arn:aws:events:us-east-1:123456789012:event-bus/default",
            id="event bus by its properties",
        ),
        pytest.param(
            resource(
                "Kinesis::ResourcePolicy",
                ResourceArn="arn:aws:kinesis:us-east-1:123456789012:stream/s",
                ResourcePolicy=document(ROLE),
            ),
            "arn:aws:kinesis:us-east-1:123456789012:stream/s",
            id="stream",
        ),
    ],
)
def test_what_resources_say_to_a_role(policy: dict[str, Any], arn: str) -> None:
    found, warnings = read(Policy=policy, Key=resource("SecretsManager::Secret", Name="key"))

    (said,) = found.policies
    assert said.arn.startswith(arn)
    (named,) = said.statements
    assert named.is_about(WHO)
    assert named.grants(WHO)
    assert named.statement.is_allow
    assert warnings == []


def test_the_policy_of_a_rest_api_may_be_short_for_its_arn() -> None:
    api = resource(
        "ApiGateway::RestApi", Name="shop", Policy=document("*", "execute-api:Invoke", "execute-api:/Prod/*")
    )

    (policy,) = read(Policy=api)[0].policies

    assert policy.statements[0].statement.resources == (f"{policy.arn}/Prod/*",)


def test_the_permission_of_a_url_is_one_for_its_url_alone() -> None:
    by_url = resource(
        "Lambda::Permission",
        FunctionName=FUNCTION,
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="AWS_IAM",
        InvokedViaFunctionUrl=True,
    )

    assert read(Policy=by_url)[0].policies[0].statements[0].statement.conditions == {
        "StringEquals": {"lambda:FunctionUrlAuthType": ("AWS_IAM",)},
        "Bool": {"lambda:InvokedViaFunctionUrl": ("True",)},
    }


@pytest.mark.parametrize(
    ("principal", "is_about", "grants"),
    [
        ("*", True, True),
        ({"AWS": "*"}, True, True),
        ({"AWS": "123456789012"}, True, False),
        ({"AWS": ["210987654321", WHO.role]}, True, True),
        ({"AWS": WHO.account}, True, False),
        ({"Service": "sns.amazonaws.com"}, False, False),
        ({"CanonicalUser": "x"}, False, False),
    ],
)
def test_whom_a_policy_names(principal: Any, is_about: bool, grants: bool) -> None:
    policy = resource("SQS::QueuePolicy", Queues=[{"Ref": "Jobs"}], PolicyDocument=document(principal))

    (named,) = read(Policy=policy)[0].policies[0].statements

    assert (named.is_about(WHO), named.grants(WHO)) == (is_about, grants)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Principal": None}, "one of Principal and NotPrincipal"),
        ({"NotPrincipal": "*"}, "one of Principal and NotPrincipal"),
        ({"Principal": "says"}, "a principal is"),
        ({"NotResource": "*"}, "one of Resource and NotResource"),
    ],
)
def test_a_policy_that_aws_would_not_take_is_refused_with_its_place(change: dict[str, Any], message: str) -> None:
    written = document(ROLE)
    changed = {**written["Statement"][0], **change}
    statement = {name: value for name, value in changed.items() if value is not None}
    policy = resource("SQS::QueuePolicy", Queues=[], PolicyDocument={**written, "Statement": statement})

    with pytest.raises(TemplateError, match=message) as refused:
        read(Policy=policy)

    assert "Resources.Policy.Properties.PolicyDocument.Statement[0]" in str(refused.value)


def test_a_statement_that_names_no_resource_is_about_whom_it_is_the_policy_of() -> None:
    statement = document(ROLE)["Statement"][0]
    del statement["Resource"]

    policy = resource("SQS::QueuePolicy", Queues=[{"Ref": "Jobs"}], PolicyDocument={"Statement": statement})

    assert read(Policy=policy)[0].policies[0].statements[0].statement.resources == ("*",)


SUBSCRIPTION = resource("SNS::Subscription", TopicArn={"Ref": "News"}, Protocol="sqs", Endpoint=att("Jobs"))
LISTENING = resource("SNS::Topic", TopicName="news", Subscription=[{"Protocol": "lambda", "Endpoint": att("Say")}])
TOLD = {"Event": "s3:ObjectCreated:*"}


def telling(kind: str, **whom: Any) -> dict[str, Any]:
    configuration = {f"{kind}Configurations": [{**TOLD, **whom}]}
    return resource("S3::Bucket", BucketName="files", NotificationConfiguration=configuration)


def rule(target: Any, **more: Any) -> dict[str, Any]:
    targets = [{"Id": "a", "Arn": target, **more}]
    return resource("Events::Rule", Name="r", EventPattern={"source": ["x"]}, Targets=targets)


def queue_policy(service: str, **more: Any) -> dict[str, Any]:
    said = document({"Service": f"{service}.amazonaws.com"}, "sqs:SendMessage", att("Jobs"), **more)
    return resource("SQS::QueuePolicy", Queues=[{"Ref": "Jobs"}], PolicyDocument=said)


def topic_policy(service: str) -> dict[str, Any]:
    said = document({"Service": f"{service}.amazonaws.com"}, "sns:Publish")
    return resource("SNS::TopicPolicy", Topics=[{"Ref": "News"}], PolicyDocument=said)


def permission(service: str, **more: Any) -> dict[str, Any]:
    action = "lambda:InvokeFunction"
    principal = f"{service}.amazonaws.com"
    return resource("Lambda::Permission", FunctionName=att("Say"), Action=action, Principal=principal, **more)


BUCKET, RULE = "arn:aws:s3:::files", "arn:aws:events:us-east-1:123456789012:rule/r"
ARRANGEMENTS = [
    pytest.param("From", SUBSCRIPTION, queue_policy("sns"), (TOPIC, QUEUE), id="topic to queue"),
    pytest.param("News", LISTENING, permission("sns"), (TOPIC, FUNCTION), id="topic to function"),
    pytest.param(
        "Files", telling("Queue", Queue=att("Jobs")), queue_policy("s3"), (BUCKET, QUEUE), id="bucket to queue"
    ),
    pytest.param(
        "Files", telling("Topic", Topic={"Ref": "News"}), topic_policy("s3"), (BUCKET, TOPIC), id="bucket to topic"
    ),
    pytest.param(
        "Files", telling("Lambda", Function=att("Say")), permission("s3"), (BUCKET, FUNCTION), id="bucket to function"
    ),
    pytest.param("From", rule(att("Jobs")), queue_policy("events"), (RULE, QUEUE), id="rule to queue"),
    pytest.param("From", rule({"Ref": "News"}), topic_policy("events"), (RULE, TOPIC), id="rule to topic"),
    pytest.param("From", rule(att("Say")), permission("events"), (RULE, FUNCTION), id="rule to function"),
]
KINDS = {QUEUE: ("SQS::QueuePolicy", "sqs:SendMessage"), TOPIC: ("SNS::TopicPolicy", "sns:Publish"),
         FUNCTION: ("Lambda::Permission", "lambda:InvokeFunction")}  # fmt: skip
SERVICES = {TOPIC: "sns", BUCKET: "s3", RULE: "events"}


@pytest.mark.parametrize(("name", "sends", "policy", "between"), ARRANGEMENTS)
def test_what_a_service_sends_needs_the_policy_of_whom_it_sends_it_to(
    name: str, sends: dict[str, Any], policy: dict[str, Any], between: tuple[str, str]
) -> None:
    source, target = between
    kind, action = KINDS[target]
    becomes = "AWS refuses it" if source == BUCKET else "what it sends is lost on AWS"
    why = f"since no AWS::{kind} lets {SERVICES[source]}.amazonaws.com {action} on {target} for {source}"

    assert warned(**{name: sends}) == [f"{name}: {becomes}, {why}"]
    assert warned(**{name: sends, "Lets": policy}) == []


OF_SNS = {"Service": "sns.amazonaws.com"}


@pytest.mark.parametrize(
    ("key", "policy", "why"),
    [
        ("alias/aws/sqs", None, "alias/aws/sqs, which sns.amazonaws.com may not use: it takes a key of your own"),
        (
            {"Ref": "Key"},
            None,
            "a key whose policy does not let sns.amazonaws.com kms:GenerateDataKey, kms:Decrypt",
        ),
        (
            att("Key"),
            document(OF_SNS, "kms:GenerateDataKey*"),
            "a key whose policy does not let sns.amazonaws.com kms:Decrypt",
        ),
        ("alias/own", document(OF_SNS, "kms:*"), None),
        ("alias/of-others", None, None),
    ],
    ids=["AWS's own", "as keys are at first", "not all of it", "all of it", "not known"],
)
def test_a_queue_with_a_key_gets_nothing_from_services_that_may_not_use_it(
    key: Any, policy: dict[str, Any] | None, why: str | None
) -> None:
    found = warned(
        From=SUBSCRIPTION,
        Lets=queue_policy("sns"),
        Jobs=resource("SQS::Queue", QueueName="jobs", KmsMasterKeyId=key),
        Key=resource("KMS::Key", **({} if policy is None else {"KeyPolicy": policy})),
        Own=resource("KMS::Alias", AliasName="alias/own", TargetKeyId={"Ref": "Key"}),
    )

    assert found == (
        [] if why is None else [f"From: what it sends is lost on AWS, since {QUEUE} is encrypted with {why}"]
    )


@pytest.mark.parametrize(
    ("policy", "is_enough"),
    [
        pytest.param(queue_policy("s3"), False, id="of another service"),
        pytest.param(queue_policy("sns", Effect="Deny"), False, id="that denies"),
        pytest.param(queue_policy("sns", Action="sqs:ReceiveMessage"), False, id="to do something else"),
        pytest.param(queue_policy("sns", Resource="arn:aws:sqs:us-east-1:123456789012:other"), False, id="elsewhere"),
        pytest.param(queue_policy("sns", Principal="*"), True, id="of everybody"),
        pytest.param(queue_policy("sns", Principal=ROLE), False, id="of a role"),
        pytest.param(
            queue_policy("sns", Condition={"ArnEquals": {"aws:SourceArn": {"Ref": "News"}}}), True, id="of this topic"
        ),
        pytest.param(
            queue_policy("sns", Condition={"ArnEquals": {"AWS:SourceArn": f"{TOPIC}2"}}), False, id="of another topic"
        ),
        pytest.param(
            queue_policy("sns", Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}}), True, id="of us"
        ),
        pytest.param(
            queue_policy("sns", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), True, id="who knows"
        ),
    ],
)
def test_a_policy_is_enough_if_it_lets_this_service_do_this_for_this_source(
    policy: dict[str, Any], is_enough: bool
) -> None:
    assert (warned(From=SUBSCRIPTION, Lets=policy) == []) is is_enough


def test_who_is_not_of_the_project_or_is_reached_by_a_role_needs_no_policy_of_it() -> None:
    elsewhere = {**SUBSCRIPTION["Properties"], "Endpoint": "arn:aws:sqs:us-east-1:123456789012:elsewhere"}

    assert warned(From=resource("SNS::Subscription", **elsewhere)) == []
    assert warned(From=rule(att("Jobs"), RoleArn=att("Role"))) == []


DEAD = "arn:aws:sqs:us-east-1:123456789012:dead"


@pytest.mark.parametrize(
    ("sends", "lets", "service", "source"),
    [
        pytest.param(
            resource(
                "SNS::Subscription",
                TopicArn={"Ref": "News"},
                Protocol="lambda",
                Endpoint=att("Say"),
                RedrivePolicy={"deadLetterTargetArn": att("Dead")},
            ),
            permission("sns"),
            "sns",
            TOPIC,
            id="of a subscription",
        ),
        pytest.param(
            resource(
                "SNS::Subscription",
                TopicArn={"Ref": "News"},
                Protocol="lambda",
                Endpoint=att("Say"),
                RedrivePolicy=json.dumps({"deadLetterTargetArn": DEAD}),
            ),
            permission("sns"),
            "sns",
            TOPIC,
            id="of a subscription, as text",
        ),
        pytest.param(
            rule(att("Say"), DeadLetterConfig={"Arn": att("Dead")}),
            permission("events"),
            "events",
            RULE,
            id="of a rule",
        ),
        pytest.param(
            rule(att("Say"), RoleArn=att("Role"), DeadLetterConfig={"Arn": att("Dead")}),
            permission("events"),
            "events",
            RULE,
            id="of a rule with a role for what it calls",
        ),
    ],
)
def test_a_queue_for_dead_letters_needs_a_policy_too(
    sends: dict[str, Any], lets: dict[str, Any], service: str, source: str
) -> None:
    dead = resource("SQS::Queue", QueueName="dead")
    said = document({"Service": f"{service}.amazonaws.com"}, "sqs:SendMessage", att("Dead"))
    policy = resource("SQS::QueuePolicy", Queues=[{"Ref": "Dead"}], PolicyDocument=said)
    why = f"since no AWS::SQS::QueuePolicy lets {service}.amazonaws.com sqs:SendMessage on {DEAD} for {source}"

    assert warned(Dead=dead, From=sends, Lets=lets) == [f"From: what it gives up is lost on AWS, {why}"]
    assert warned(Dead=dead, From=sends, Lets=lets, Policy=policy) == []


def test_a_redrive_policy_that_is_no_json_is_left_to_sns() -> None:
    broken = {**SUBSCRIPTION["Properties"], "RedrivePolicy": "{"}

    assert warned(From=resource("SNS::Subscription", **broken), Lets=queue_policy("sns")) == []


def test_a_permission_is_one_of_a_function_or_of_its_alias_alone() -> None:
    alias = resource("Lambda::Alias", FunctionName={"Ref": "Say"}, FunctionVersion="$LATEST", Name="live")
    of_alias = permission("events")
    of_alias["Properties"]["FunctionName"] = {"Ref": "Alias"}

    (warning,) = warned(Alias=alias, From=rule({"Ref": "Alias"}), Lets=permission("events"))
    assert f"on {FUNCTION}:live for" in warning
    assert warned(Alias=alias, From=rule({"Ref": "Alias"}), Lets=of_alias) == []


def test_what_a_queue_lets_a_role_read_lambda_reads_for_its_function() -> None:
    source = resource("Lambda::EventSourceMapping", EventSourceArn=att("Jobs"), FunctionName=att("Say"))
    lets = resource("SQS::QueuePolicy", Queues=[{"Ref": "Jobs"}], PolicyDocument=document(ROLE, "sqs:*", att("Jobs")))

    assert len(read(Source=source)[1]) == 1
    assert read(Source=source, Lets=lets)[1] == []
