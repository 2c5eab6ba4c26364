"""Resources of services that are not embedded become operations that make them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from template_parts import PLACE, att, base, ref, resource

from emulator.services.calls import Call
from emulator.services.secret_names import suffix
from emulator.templates.bodies import inlined
from emulator.templates.errors import TemplateError
from emulator.templates.located import Located
from emulator.templates.source import load
from emulator.templates.stack import Surroundings, resolve
from emulator.templates.topology import Described, Wanted, describe
from streamer.topology.kinesis import KinesisMapping


def described(region: str = "us-east-1", **resources: Any) -> Described:
    around = {name: base()[name] for name in ("Api", "Stage", "Answer")}
    source = load(json.dumps({"Resources": {**around, **resources}}), "template.json")
    stack = resolve(source, Surroundings(place=PLACE))
    return describe([stack], lambda _stack, _resource: Located(folder="code"), Wanted(), region=region)


def calls(region: str = "us-east-1", **resources: Any) -> list[tuple[str, Any]]:
    return [(each.operation, each.parameters) for each in described(region, **resources).services]


def test_a_bucket_is_made_where_it_belongs() -> None:
    assert described(Uploads=resource("S3::Bucket")).services == (
        Call(
            service="s3",
            operation="create_bucket",
            parameters={"Bucket": described(Uploads=resource("S3::Bucket")).services[0].parameters["Bucket"]},
            resource="Uploads",
        ),
    )
    place = {"LocationConstraint": "eu-west-1"}
    assert calls("eu-west-1", Uploads=resource("S3::Bucket", BucketName="up")) == [
        ("create_bucket", {"Bucket": "up", "CreateBucketConfiguration": place})
    ]


def test_a_bucket_keeps_versions_answers_pages_and_has_tags() -> None:
    rule = {"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"], "ExposedHeaders": ["ETag"], "Id": "all", "MaxAge": "3"}
    made = resource(
        "S3::Bucket",
        BucketName="up",
        VersioningConfiguration={"Status": "Enabled"},
        CorsConfiguration={"CorsRules": [rule]},
        Tags=[{"Key": "a", "Value": "b"}],
    )

    assert dict(calls(Uploads=made)[1:]) == {
        "put_bucket_versioning": {"Bucket": "up", "VersioningConfiguration": {"Status": "Enabled"}},
        "put_bucket_cors": {
            "Bucket": "up",
            "CORSConfiguration": {
                "CORSRules": [
                    {
                        "AllowedMethods": ["PUT"],
                        "AllowedOrigins": ["*"],
                        "ExposeHeaders": ["ETag"],
                        "MaxAgeSeconds": 3,
                    }
                ]
            },
        },
        "put_bucket_tagging": {"Bucket": "up", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}},
    }


FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:answer"


def test_a_bucket_tells_functions_queues_topics_and_buses() -> None:
    rules = [{"Name": "Prefix", "Value": "in/"}]
    told = {
        "LambdaConfigurations": [
            {"Event": "s3:ObjectCreated:*", "Function": att("Answer"), "Filter": {"S3Key": {"Rules": rules}}}
        ],
        "QueueConfigurations": [{"Event": "s3:ObjectRemoved:*", "Queue": att("Inbox")}],
        "EventBridgeConfiguration": {"EventBridgeEnabled": True},
    }
    found = calls(
        Inbox=resource("SQS::Queue", QueueName="inbox"),
        Uploads=resource("S3::Bucket", BucketName="up", NotificationConfiguration=told),
    )

    assert found[-1] == (
        "put_bucket_notification_configuration",
        {
            "Bucket": "up",
            "NotificationConfiguration": {
                "LambdaFunctionConfigurations": [
                    {
                        "LambdaFunctionArn": FUNCTION,
                        "Events": ["s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
                    }
                ],
                "QueueConfigurations": [
                    {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:inbox", "Events": ["s3:ObjectRemoved:*"]}
                ],
                "EventBridgeConfiguration": {},
            },
        },
    )


def test_what_cdk_has_a_function_do_is_done() -> None:
    configuration = {
        "LambdaFunctionConfigurations": [{"Events": ["s3:ObjectCreated:*"], "LambdaFunctionArn": att("Answer")}]
    }
    given: dict[str, Any] = {
        "Type": "Custom::S3BucketNotifications",
        "Properties": {"BucketName": ref("Uploads"), "NotificationConfiguration": configuration, "Managed": True},
    }

    found = calls(Uploads=resource("S3::Bucket", BucketName="up"), Told=given)
    assert found[-1] == (
        "put_bucket_notification_configuration",
        {
            "Bucket": "up",
            "NotificationConfiguration": {
                "LambdaFunctionConfigurations": [{"Events": ["s3:ObjectCreated:*"], "LambdaFunctionArn": FUNCTION}]
            },
        },
    )
    given["Properties"]["BucketName"] = "elsewhere"
    assert described(Told=given).warnings == (
        "Told: the bucket elsewhere is none of this project's: nobody is told of its objects",
    )


def test_a_notification_without_its_function_is_told_with_its_place() -> None:
    told = {"LambdaConfigurations": [{"Event": "s3:ObjectCreated:*"}]}

    with pytest.raises(TemplateError, match=r"LambdaConfigurations.0.: Function and Event are expected"):
        calls(Uploads=resource("S3::Bucket", NotificationConfiguration=told))


CREATED = {"Event": "s3:ObjectCreated:*", "Function": att("Answer")}


def filtered(*rules: tuple[str, str]) -> dict[str, Any]:
    return {**CREATED, "Filter": {"S3Key": {"Rules": [{"Name": name, "Value": value} for name, value in rules]}}}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            [{**CREATED, "Event": "s3:ObjectCreate:*"}],
            r"\[0\]: S3 refuses it: The event 's3:ObjectCreate:\*' is not sup",
        ),
        ([filtered(("infix", "a"))], r"\[0\]: S3 refuses it: filter rule name must be either prefix or suffix"),
        (
            [filtered(("prefix", "a"), ("Prefix", "b"))],
            r"\[0\]: .* Cannot specify more than one prefix rule in a filter",
        ),
        (
            [CREATED, filtered(("prefix", "a"))],
            "NotificationConfiguration: S3 refuses it: Configuration is ambiguously",
        ),
    ],
)
def test_notifications_that_s3_would_refuse_are_refused(told: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(TemplateError, match=why):
        calls(Uploads=resource("S3::Bucket", NotificationConfiguration={"LambdaConfigurations": told}))


TARGET = {"Id": "answer", "Arn": att("Answer")}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (
            {"EventPattern": {"source": "shop"}},
            r"EventPattern: Event pattern is not valid. Reason: the pattern\.source",
        ),
        (
            {"EventPattern": {"source": [{"prefixx": "a"}]}},
            r"EventPattern: Event pattern is not valid. Reason: .*'prefixx'",
        ),
        (
            {
                "EventPattern": {"source": ["a"]},
                "Targets": [{**TARGET, "InputTransformer": {"InputTemplate": '"<x>"'}}],
            },
            r"Targets\[0\]: InputTemplate for target answer contains invalid placeholder x",
        ),
        (
            {"EventPattern": {"source": ["a"]}, "Targets": [{"Id": "q", "Arn": "arn:aws:sqs:us-east-1:1:q.fifo"}]},
            r"Targets\[0\]: Parameter\(s\) SqsParameters must be specified for target: q",
        ),
        ({}, r"Resources\.Rule: EventPattern or ScheduleExpression must be specified"),
        (
            {"ScheduleExpression": "rate(1 hour)", "EventBusName": "mine"},
            "ScheduleExpression: it is supported only on the default event bus",
        ),
    ],
)
def test_a_rule_that_eventbridge_would_refuse_is_refused(rule: dict[str, Any], why: str) -> None:
    with pytest.raises(TemplateError, match=why):
        calls(Rule=resource("Events::Rule", **{"Targets": [TARGET], **rule}))


@pytest.mark.parametrize(
    ("expression", "zone", "why"),
    [
        ("cron(0 10 * * MON)", "UTC", r"Invalid Schedule Expression cron\(0 10 \* \* MON\)"),
        ("rate(1 hour)", "Europe/Berln", "Invalid ScheduleExpressionTimezone Europe/Berln"),
    ],
)
def test_a_schedule_that_the_scheduler_would_refuse_is_refused(expression: str, zone: str, why: str) -> None:
    times = {"ScheduleExpression": expression, "ScheduleExpressionTimezone": zone}
    with pytest.raises(TemplateError, match=rf"Later\.Properties\.ScheduleExpression: {why}"):
        calls(Later=resource("Scheduler::Schedule", **times, Target={"Arn": att("Answer"), "RoleArn": "r"}))


TOPIC = "arn:aws:sns:us-east-1:123456789012:news"


def test_a_topic_comes_with_those_whom_it_names() -> None:
    subscribed = [{"Protocol": "lambda", "Endpoint": att("Answer")}]
    found = calls(News=resource("SNS::Topic", TopicName="news", DisplayName="News", Subscription=subscribed))

    assert found == [
        ("create_topic", {"Name": "news", "Attributes": {"DisplayName": "News"}}),
        (
            "subscribe",
            {
                "TopicArn": TOPIC,
                "Protocol": "lambda",
                "Endpoint": FUNCTION,
                "Attributes": {},
                "ReturnSubscriptionArn": True,
            },
        ),
    ]


def test_a_fifo_topic_has_a_name_that_says_so() -> None:
    made = resource("SNS::Topic", TopicName="news.fifo", FifoTopic=True, ContentBasedDeduplication="true")

    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    assert calls(News=made) == [("create_topic", {"Name": "news.fifo", "Attributes": attributes})]


@pytest.mark.parametrize(
    ("protocol", "given", "why"),
    [
        (
            "lambda",
            {"RawMessageDelivery": True},
            r"RawMessageDelivery: Delivery protocol .lambda. does not support raw",
        ),
        (
            "sqs",
            {"FilterPolicy": {"a": "b"}},
            r"FilterPolicy: the pattern\.a must be an object or a list",
        ),
        ("sqs", {"FilterPolicyScope": "Body"}, r"FilterPolicyScope: Invalid value .Body."),
        ("pigeon", {}, "Amazon SNS does not support this protocol string: pigeon"),
    ],
)
def test_a_subscription_that_sns_would_refuse_is_refused(protocol: str, given: dict[str, Any], why: str) -> None:
    who = {"TopicArn": ref("News"), "Protocol": protocol, "Endpoint": att("Answer")}
    with pytest.raises(TemplateError, match=why):
        calls(News=resource("SNS::Topic", TopicName="news"), Reads=resource("SNS::Subscription", **who, **given))


def test_a_fifo_topic_of_another_name_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"News\.Properties\.TopicName: it ends with \.fifo, since it is FIFO"):
        calls(News=resource("SNS::Topic", TopicName="news", FifoTopic=True))


def test_a_subscription_keeps_its_filter_and_how_it_delivers() -> None:
    made = resource(
        "SNS::Subscription",
        TopicArn=ref("News"),
        Protocol="sqs",
        Endpoint=att("Inbox"),
        FilterPolicy={"kind": ["order"]},
        FilterPolicyScope="MessageBody",
        RawMessageDelivery="true",
    )
    found = calls(
        News=resource("SNS::Topic", TopicName="news"),
        Inbox=resource("SQS::Queue", QueueName="inbox"),
        Subscribed=made,
    )

    assert found[-1][1]["Endpoint"] == "arn:aws:sqs:us-east-1:123456789012:inbox"
    assert found[-1][1]["Attributes"] == {
        "FilterPolicy": '{"kind": ["order"]}',
        "FilterPolicyScope": "MessageBody",
        "RawMessageDelivery": "true",
    }


@pytest.mark.parametrize(
    ("topic", "protocol", "warning"),
    [
        ("arn:aws:sns:us-east-1:123456789012:other", "sqs", "is none of this project's: nothing comes of it"),
        (TOPIC, "email", "nobody is reached by email here"),
    ],
)
def test_what_comes_to_nothing_is_told(topic: str, protocol: str, warning: str) -> None:
    made = resource("SNS::Subscription", TopicArn=topic, Protocol=protocol, Endpoint="somebody")
    found = described(News=resource("SNS::Topic", TopicName="news"), Subscribed=made)

    assert len(found.warnings) == 1
    assert found.warnings[0].endswith(warning)


@pytest.mark.parametrize("endpoint", ["placeholder", "placeholder/hook"])
def test_a_placeholder_for_an_address_is_no_subscriber(endpoint: str) -> None:
    named = {"Protocol": "https", "Endpoint": endpoint}
    news = resource("SNS::Topic", TopicName="news", Subscription=[named])
    found = described(News=news, Reads=resource("SNS::Subscription", TopicArn=ref("News"), **named))

    assert [each.operation for each in found.services] == ["create_topic"]
    assert found.warnings == ("News, Reads: nobody is reached by https where the endpoint is no address",)


QUEUE = "arn:aws:sqs:us-east-1:123456789012:inbox"
LETS_EVENTS = resource(
    "Lambda::Permission",
    Action="lambda:InvokeFunction",
    FunctionName=ref("Answer"),
    Principal="events.amazonaws.com",
)


def rule_on(bus: Any) -> dict[str, Any]:
    targets = [{"Arn": att("Answer"), "Id": "a"}]
    return resource("Events::Rule", EventBusName=bus, EventPattern={"source": ["orders"]}, Targets=targets)


@pytest.mark.parametrize("named", ["shared", "arn:aws:events:us-east-1:123456789012:event-bus/shared"])
def test_a_bus_of_another_project_is_made_once_for_all_rules_on_it(named: str) -> None:
    found = described(Lets=LETS_EVENTS, First=rule_on(named), Second=rule_on("shared"), Third=rule_on("default"))

    made = [each.operation for each in found.services]
    assert made == ["create_event_bus", *["put_rule", "put_targets"] * 3]
    assert found.services[0].parameters == {"Name": "shared"}
    assert found.warnings == ("First: the event bus shared is none of this project's: it is made here",)


def test_a_target_that_is_not_emulated_is_told_and_keeps_no_other_from_its_events() -> None:
    destination = resource(
        "Events::ApiDestination", ConnectionArn="c", HttpMethod="POST", InvocationEndpoint="https://x"
    )
    made_up, function = {"Arn": att("Shop"), "Id": "shop"}, {"Arn": att("Answer"), "Id": "answer"}
    pattern = {"source": ["orders"]}

    both = described(Shop=destination, Rule=resource("Events::Rule", EventPattern=pattern, Targets=[made_up, function]))
    alone = described(Shop=destination, Rule=resource("Events::Rule", EventPattern=pattern, Targets=[made_up]))

    assert [each.operation for each in both.services] == ["put_rule", "put_targets"]
    assert [each["Id"] for each in both.services[1].parameters["Targets"]] == ["answer"]
    assert alone.services == ()
    assert all(any("is not reached here" in line for line in each.warnings) for each in (both, alone))


def test_nothing_comes_of_rules_on_the_bus_of_a_partner() -> None:
    found = described(Lets=LETS_EVENTS, First=rule_on("aws.partner/shop.example/1"))

    told = "First: the event bus aws.partner/shop.example/1 is a partner's: nothing comes of its rules"
    assert (found.services, found.warnings) == ((), (told,))


def test_a_rule_waits_for_events_on_its_bus() -> None:
    transformer = {"InputPathsMap": {"id": "$.id"}, "InputTemplate": "<id>"}
    found = calls(
        Shop=resource("Events::EventBus", Name="shop"),
        Rule=resource(
            "Events::Rule",
            Name="dear",
            EventBusName=ref("Shop"),
            EventPattern={"source": ["shop"]},
            State="ENABLED",
            Targets=[{"Id": "answer", "Arn": att("Answer"), "InputTransformer": transformer}],
        ),
    )

    assert found == [
        ("create_event_bus", {"Name": "shop"}),
        (
            "put_rule",
            {"Name": "dear", "EventPattern": '{"source": ["shop"]}', "State": "ENABLED", "EventBusName": "shop"},
        ),
        (
            "put_targets",
            {
                "Rule": "dear",
                "Targets": [{"Id": "answer", "Arn": FUNCTION, "InputTransformer": transformer}],
                "EventBusName": "shop",
            },
        ),
    ]


def test_functions_have_a_schedule_of_their_own_and_queues_one_of_eventbridge() -> None:
    targets = [{"Id": "answer", "Arn": att("Answer")}, {"Id": "inbox", "Arn": att("Inbox")}]
    events = {"Principal": "events.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    found = described(
        Inbox=resource("SQS::Queue", QueueName="inbox"),
        Lets=resource("SQS::QueuePolicy", Queues=[{"Ref": "Inbox"}], PolicyDocument={"Statement": statement}),
        May=resource("Lambda::Permission", FunctionName=att("Answer"), Action="lambda:InvokeFunction", **events),
        Rule=resource("Events::Rule", Name="hourly", ScheduleExpression="rate(1 hour)", Targets=targets),
    )

    assert [(each.name, each.function) for each in found.topology.schedules] == [("hourly", "answer")]
    assert [(each.operation, each.parameters) for each in found.services] == [
        ("put_rule", {"Name": "hourly", "ScheduleExpression": "rate(1 hour)"}),
        ("put_targets", {"Rule": "hourly", "Targets": [{"Id": "inbox", "Arn": QUEUE}]}),
    ]
    assert not found.warnings


@pytest.mark.parametrize(
    "made",
    [
        {"InputTransformer": {"InputPathsMap": {"at": "$.time"}, "InputTemplate": '{"at": <at>}'}},
        {"InputPath": "$.time"},
        {"Input": '"a text"'},
        {"Input": "[1]"},
    ],
)
def test_a_function_gets_what_a_rule_makes_of_a_scheduled_event(made: dict[str, Any]) -> None:
    targets = [{"Id": "answer", "Arn": att("Answer"), **made}]
    found = described(Rule=resource("Events::Rule", Name="hourly", ScheduleExpression="rate(1 hour)", Targets=targets))

    assert found.topology.schedules == ()
    assert [(each.operation, each.parameters) for each in found.services] == [
        ("put_rule", {"Name": "hourly", "ScheduleExpression": "rate(1 hour)"}),
        ("put_targets", {"Rule": "hourly", "Targets": [{"Id": "answer", "Arn": FUNCTION, **made}]}),
    ]


def test_a_target_that_is_not_reached_is_told() -> None:
    elsewhere = "arn:aws:firehose:us-east-1:123456789012:deliverystream/m"
    found = described(
        Rule=resource("Events::Rule", EventPattern={"source": ["a"]}, Targets=[{"Id": "m", "Arn": elsewhere}])
    )

    assert found.warnings == (f"Rule: its target {elsewhere} is not reached here",)


def test_a_stored_parameter_is_put() -> None:
    found = described(Url=resource("SSM::Parameter", Name="/shop/url", Type="String", Value="here", Description="d"))

    (call,) = found.services
    assert (call.service, call.operation) == ("ssm", "put_parameter")
    assert call.parameters == {
        "Name": "/shop/url",
        "Type": "String",
        "Value": "here",
        "Overwrite": True,
        "Description": "d",
    }


def secret(**properties: Any) -> dict[str, Any]:
    (call,) = described(Key=resource("SecretsManager::Secret", Name="key", **properties)).services
    assert (call.service, call.operation, call.parameters["Name"]) == ("secretsmanager", "create_secret", "key")
    return dict(call.parameters)


def test_a_secret_has_its_value_or_one_that_is_made_the_same_each_time() -> None:
    assert secret(SecretString="a")["SecretString"] == "a"
    assert "SecretString" not in secret()
    made = secret(GenerateSecretString={})["SecretString"]
    assert len(made) == 32
    assert made == secret(GenerateSecretString={})["SecretString"]
    narrow = secret(
        GenerateSecretString={
            "PasswordLength": 8,
            "ExcludePunctuation": True,
            "ExcludeUppercase": "true",
            "ExcludeCharacters": "abc0",
        }
    )["SecretString"]
    assert len(narrow) == 8
    assert set(narrow) <= set("defghijklmnopqrstuvwxyz123456789")
    template = {"SecretStringTemplate": '{"user": "a"}', "GenerateStringKey": "password"}
    content = json.loads(secret(GenerateSecretString=template)["SecretString"])
    assert (content["user"], len(content["password"])) == ("a", 32)


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"PasswordLength": 0}, "a length is from 1 to 4096"),
        ({"SecretStringTemplate": "no"}, "a JSON object, and GenerateStringKey, are expected"),
        (
            dict.fromkeys(("ExcludeLowercase", "ExcludeUppercase", "ExcludeNumbers", "ExcludePunctuation"), True),
            "no characters are left for a password",
        ),
    ],
)
def test_a_secret_that_cannot_be_made_is_told(wanted: dict[str, Any], problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        secret(GenerateSecretString=wanted)


def test_a_secrets_reference_is_the_arn_that_it_gets() -> None:
    made = resource(
        "Lambda::Function", Handler="a.b", Runtime="python3.12", Environment={"Variables": {"SECRET": ref("Key")}}
    )
    topology = described(Key=resource("SecretsManager::Secret", Name="key"), Reads=made).topology

    arn = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:key-{suffix('key')}"
    assert {"SECRET": arn} in [dict(each.environment) for each in topology.functions]


def test_a_dynamic_reference_has_the_value_that_is_made_for_the_secret() -> None:
    template = {"SecretStringTemplate": '{"user": "a"}', "GenerateStringKey": "password"}
    environment = {"Variables": {"PASSWORD": "{{resolve:secretsmanager:key:SecretString:password}}"}}
    found = described(
        Key=resource("SecretsManager::Secret", Name="key", GenerateSecretString=template),
        Reads=resource("Lambda::Function", Handler="a.b", Runtime="python3.12", Environment=environment),
    )

    content = json.loads(found.services[0].parameters["SecretString"])
    assert {"PASSWORD": content["password"]} in [dict(each.environment) for each in found.topology.functions]
    assert not found.warnings


# user pools


def test_a_pool_is_made_with_its_clients_groups_and_users() -> None:
    policy = {"PasswordPolicy": {"MinimumLength": 10, "RequireSymbols": "false"}}
    found = described(
        Users=resource(
            "Cognito::UserPool",
            Policies=policy,
            UsernameAttributes=["email"],
            LambdaConfig={"PreSignUp": att("Answer")},
        ),
        Web=resource(
            "Cognito::UserPoolClient",
            ClientName="web",
            UserPoolId=ref("Users"),
            GenerateSecret="true",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        ),
        Staff=resource("Cognito::UserPoolGroup", GroupName="staff", UserPoolId=ref("Users"), Precedence=1),
        Ann=resource("Cognito::UserPoolUser", Username="ann@example.com", UserPoolId=ref("Users")),
        AnnIsStaff=resource(
            "Cognito::UserPoolUserToGroupAttachment",
            GroupName=ref("Staff"),
            Username=ref("Ann"),
            UserPoolId=ref("Users"),
        ),
        Domain=resource("Cognito::UserPoolDomain", Domain="shop", UserPoolId=ref("Users")),
    )

    made = {each.operation: dict(each.parameters) for each in found.services}
    pool = made["CreateUserPool"].pop("UserPoolId")
    assert pool.startswith("us-east-1_")
    assert made.pop("CreateUserPool") == {
        "PoolName": made_name(found),
        "Policies": {"PasswordPolicy": {"MinimumLength": 10, "RequireSymbols": False}},
        "UsernameAttributes": ["email"],
        "LambdaConfig": {"PreSignUp": "arn:aws:lambda:us-east-1:123456789012:function:answer"},
    }
    client = made["CreateUserPoolClient"].pop("ClientId")
    assert len(client) == 10
    assert made == {
        "CreateUserPoolClient": {
            "UserPoolId": pool,
            "ClientName": "web",
            "GenerateSecret": True,
            "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"],
        },
        "CreateUserPoolDomain": {"UserPoolId": pool, "Domain": "shop"},
        "CreateGroup": {"UserPoolId": pool, "GroupName": "staff", "Precedence": 1},
        "AdminCreateUser": {
            "UserPoolId": pool,
            "Username": "ann@example.com",
            "UserAttributes": [],
            "MessageAction": "SUPPRESS",
        },
        "AdminAddUserToGroup": {"UserPoolId": pool, "GroupName": "staff", "Username": "ann@example.com"},
    }


def made_name(found: Described) -> str:
    """The name of the pool that was made."""
    return str(next(each for each in found.services if each.operation == "CreateUserPool").parameters["PoolName"])


def test_a_client_of_a_pool_elsewhere_is_told_of() -> None:
    found = described(Web=resource("Cognito::UserPoolClient", ClientName="web", UserPoolId="us-east-1_other"))

    assert found.services == ()
    assert found.warnings == ("Web: the user pool us-east-1_other is none of this project's: nothing comes of it",)


def test_a_second_factor_is_told_of() -> None:
    found = described(Users=resource("Cognito::UserPool", MfaConfiguration="ON"))
    assert found.warnings == ("Users: nobody is asked for a second factor here",)


# keys and schedules


def test_a_key_has_the_id_that_its_template_knows() -> None:
    found = described(
        Key=resource("KMS::Key", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY"),
        Name=resource("KMS::Alias", AliasName="alias/mine", TargetKeyId=ref("Key")),
    )
    key, alias = found.services
    (tag,) = key.parameters["Tags"]
    assert (key.operation, key.parameters["KeySpec"], tag["TagKey"]) == (
        "create_key",
        "ECC_NIST_P256",
        "streamer:key-id",
    )
    assert (alias.operation, alias.parameters) == (
        "create_alias",
        {"AliasName": "alias/mine", "TargetKeyId": tag["TagValue"]},
    )


@pytest.mark.parametrize(
    ("properties", "operations"),
    [
        ({"ScheduleExpression": "cron(0 12 * * ? *)", "Input": "{}"}, []),
        ({"ScheduleExpression": "rate(1 hour)", "Input": "{}"}, ["create_schedule"]),
        ({"ScheduleExpression": "cron(0 12 * * ? *)"}, ["create_schedule"]),
        ({"ScheduleExpression": "cron(0 12 * * ? *)", "Input": "[1]"}, ["create_schedule"]),
        (
            {"ScheduleExpression": "cron(0 12 * * ? *)", "Input": '{"at": "<aws.scheduler.scheduled-time>"}'},
            ["create_schedule"],
        ),
        ({"ScheduleExpression": "at(2030-01-01T00:00:00)"}, ["create_schedule"]),
        ({"ScheduleExpression": "cron(0 12 * * ? *)", "ScheduleExpressionTimezone": "Asia/Tokyo"}, ["create_schedule"]),
        ({"ScheduleExpression": "cron(0 12 * * ? *)", "EndDate": "2030-01-01T00:00:00Z"}, ["create_schedule"]),
    ],
    ids=["the emulator's clock", "a rate", "its own event", "no object", "its context", "once", "in a zone", "until"],
)
def test_a_schedule_of_a_function_is_the_schedulers_where_the_clock_has_none(
    properties: dict[str, Any], operations: list[str]
) -> None:
    given = {name: value for name, value in properties.items() if name != "Input"}
    target = {"Arn": att("Answer"), "Input": properties.get("Input", "{}" if len(given) > 1 else None)}
    made = resource("Scheduler::Schedule", FlexibleTimeWindow={"Mode": "OFF"}, Target=target, **given)
    found = described(Daily=made)

    assert [each.operation for each in found.services] == operations
    assert len(found.topology.schedules) == 1 - len(operations)


@pytest.mark.parametrize(
    ("policy", "is_retained"), [("Retain", True), ("RetainExceptOnCreate", True), ("Delete", False)]
)
def test_what_goes_on_by_itself_knows_whether_it_is_retained(policy: str, *, is_retained: bool) -> None:
    target = {"Id": "q", "Arn": "arn:aws:sqs:us-east-1:123456789012:in", "RoleArn": "arn:aws:iam::123456789012:role/r"}
    rule = resource("Events::Rule", EventPattern={"source": ["shop"]}, Targets=[target])
    daily = resource("Scheduler::Schedule", ScheduleExpression="rate(1 day)", Target=target)
    subscribed = resource("SNS::Subscription", TopicArn=ref("News"), Protocol="sqs", Endpoint=target["Arn"])
    made = {"Rule": rule, "Daily": daily, "To": subscribed}
    kept: dict[str, Any] = {name: {**each, "DeletionPolicy": policy} for name, each in made.items()}
    found = described(News=resource("SNS::Topic"), **kept)

    assert {each.operation: each.is_retained for each in found.services} == {
        "create_topic": False,
        "subscribe": is_retained,
        "put_rule": is_retained,
        "put_targets": is_retained,
        "create_schedule": is_retained,
    }


# state machines


def test_a_machine_is_made_with_its_definition_filled_in() -> None:
    definition = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "${Function}", "End": True}}}
    made = resource(
        "StepFunctions::StateMachine",
        StateMachineName="orders",
        StateMachineType="EXPRESS",
        RoleArn="arn:r",
        Definition=definition,
        DefinitionSubstitutions={"Function": att("Answer")},
    )
    ((operation, parameters),) = calls(Orders=made)

    assert operation == "CreateStateMachine"
    assert (parameters["name"], parameters["type"]) == ("orders", "EXPRESS")
    task = json.loads(parameters["definition"])["States"]["T"]
    assert task["Resource"] == "arn:aws:lambda:us-east-1:123456789012:function:answer"


@pytest.mark.parametrize(
    ("more", "state", "missing"),
    [
        pytest.param({"QueryLanguage": "JSONata"}, {}, "QueryLanguage JSONata at / is not emulated", id="language"),
        pytest.param({}, {"Assign": {"a": 1}}, "variables (Assign) are not emulated at /States/A", id="variables"),
        pytest.param(
            {"States": {"A": {"Type": "Map", "ItemReader": {}, "End": True}}},
            {},
            "ItemReader is not emulated at /States/A",
            id="data sets",
        ),
    ],
)
def test_a_machine_that_cannot_run_here_is_left_out_of_a_project_and_refused_of_a_deployed_stack(
    more: dict[str, Any], state: dict[str, Any], missing: str
) -> None:
    states = {"A": {"Type": "Pass", "End": True, **state}}
    definition = {"StartAt": "A", "States": states, **more}
    made = resource("StepFunctions::StateMachine", RoleArn="arn:r", Definition=definition)
    around = {"Api": base()["Api"], "Stage": base()["Stage"], "Answer": base()["Answer"], "Orders": made}
    stack = resolve(load(json.dumps({"Resources": around}), "template.json"), Surroundings(place=PLACE))
    home = described().topology.api

    found = described(Orders=made)
    deployed = describe([stack], lambda _stack, _resource: Located(folder="code"), Wanted(home=home))

    assert (found.services, found.warnings) == ((), (f"Orders: {missing}: it is left out",))
    assert [each.operation for each in deployed.services] == ["CreateStateMachine"]
    assert deployed.warnings == ()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"DefinitionString": "{"}, "DefinitionString: .*INVALID_JSON_DESCRIPTION", id="text"),
        pytest.param(
            {"Definition": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}},
            "Definition: .*MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A",
            id="tree",
        ),
    ],
)
def test_a_machine_that_aws_would_refuse_is_refused_in_a_project_and_when_a_deployed_stack_makes_it(
    given: dict[str, Any], why: str
) -> None:
    made = resource("StepFunctions::StateMachine", RoleArn="arn:r", **given)
    around = {"Api": base()["Api"], "Stage": base()["Stage"], "Answer": base()["Answer"], "Orders": made}
    stack = resolve(load(json.dumps({"Resources": around}), "template.json"), Surroundings(place=PLACE))
    home = described().topology.api

    with pytest.raises(TemplateError, match=f"Resources.Orders.Properties.{why}"):
        described(Orders=made)
    deployed = describe([stack], lambda _stack, _resource: Located(folder="code"), Wanted(home=home))
    assert [each.operation for each in deployed.services] == ["CreateStateMachine"]


def test_a_value_that_a_definition_wants_has_to_be_there() -> None:
    made = resource("StepFunctions::StateMachine", RoleArn="arn:r", DefinitionString='{"a": "${Missing}"}')
    with pytest.raises(TemplateError, match="the definition wants a value for 'Missing'"):
        described(Orders=made)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("AWS::Serverless::StateMachine", "DefinitionUri"), ("AWS::StepFunctions::StateMachine", "DefinitionS3Location")],
)
def test_a_definition_may_stand_in_a_file(kind: str, name: str) -> None:
    tree = {"Resources": {"M": {"Type": kind, "Properties": {name: "machine.asl.json"}}, "Other": {"Type": "A::B::C"}}}
    found = inlined(tree, lambda path, where: {"from": path, "at": where})

    given = {"Definition": {"from": "machine.asl.json", "at": ("Resources", "M", "Properties", name)}}
    assert found["Resources"] == {"M": {"Type": kind, "Properties": given}, "Other": {"Type": "A::B::C"}}


# answers of integrations


@pytest.mark.parametrize(
    ("kind", "expression", "answers"),
    [
        ("AWS_PROXY", "$default", True),
        ("AWS_PROXY", None, False),
        ("MOCK", "$default", True),
        ("MOCK", None, True),
    ],
)
def test_a_route_response_alone_answers_clients_of_integrations_that_are_no_proxy(
    kind: str, expression: str | None, answers: bool
) -> None:
    uri = {"IntegrationUri": att("Answer")} if kind == "AWS_PROXY" else {}
    selects = {} if expression is None else {"RouteResponseSelectionExpression": expression}
    found = described(
        Does=resource("ApiGatewayV2::Integration", ApiId=ref("Api"), IntegrationType=kind, **uri),
        Route=resource(
            "ApiGatewayV2::Route",
            ApiId=ref("Api"),
            RouteKey="$default",
            Target={"Fn::Join": ["/", ["integrations", ref("Does")]]},
            **selects,
        ),
        Answers=resource(
            "ApiGatewayV2::RouteResponse", ApiId=ref("Api"), RouteId=ref("Route"), RouteResponseKey="$default"
        ),
    )
    assert [each.route_response for each in found.topology.api.routes] == [answers]


def test_a_stream_of_kinesis_is_made_and_read() -> None:
    found = described(
        Orders=resource("Kinesis::Stream", Name="orders", ShardCount=2, RetentionPeriodHours=48, StreamEncryption={}),
        Busy=resource("Kinesis::Stream", Name="busy", StreamModeDetails={"StreamMode": "ON_DEMAND"}),
        Fast=resource("Kinesis::StreamConsumer", ConsumerName="fast", StreamARN=att("Orders")),
        Source=resource(
            "Lambda::EventSourceMapping",
            FunctionName=ref("Answer"),
            EventSourceArn=att("Fast", "ConsumerARN"),
            StartingPosition="AT_TIMESTAMP",
            StartingPositionTimestamp=1700000000,
            BatchSize=5,
            ParallelizationFactor=2,
            FilterCriteria={"Filters": [{"Pattern": '{"data": {"kind": ["a"]}}'}]},
        ),
        Off=resource(
            "Lambda::EventSourceMapping",
            FunctionName=ref("Answer"),
            EventSourceArn=att("Busy"),
            StartingPosition="LATEST",
            Enabled=False,
        ),
    )

    assert [(each.operation, each.parameters) for each in found.services] == [
        ("create_stream", {"StreamName": "orders", "ShardCount": 2}),
        ("increase_stream_retention_period", {"StreamName": "orders", "RetentionPeriodHours": 48}),
        ("create_stream", {"StreamName": "busy", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}),
    ]
    assert found.topology.kinesis_mappings == (
        KinesisMapping(
            function="answer",
            stream="orders",
            starting_position="AT_TIMESTAMP",
            starting_timestamp=1700000000,
            batch_size=5,
            parallelization_factor=2,
            filters=({"data": {"kind": ["a"]}},),
        ),
    )
    assert found.warnings == ()


def test_what_of_a_stream_is_not_emulated_is_told() -> None:
    found = described(
        Orders=resource("Kinesis::Stream"),
        Source=resource(
            "Lambda::EventSourceMapping",
            FunctionName=ref("Answer"),
            EventSourceArn=att("Orders"),
            StartingPosition="LATEST",
            TumblingWindowInSeconds=30,
        ),
    )

    assert found.warnings == ("Source: tumbling windows are not emulated: batches come without a state",)
