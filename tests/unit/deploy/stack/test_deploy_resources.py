"""What AWS is told of one thing of each kind, whole: what it lacks, nobody has; renamed, it is replaced."""

from __future__ import annotations

from typing import Any

import pytest
from deployed_topologies import chat
from every_feature import every_feature

from deploy.stack.settings import StackSettings
from deploy.stack.template import template

SHOP = StackSettings(stack_name="shop-prod")


def att(logical_id: str, attribute: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id, attribute]}


def invocations(logical_id: str) -> dict[str, str]:
    """What API Gateway calls a function by."""
    path = f"lambda:path/2015-03-31/functions/${{{logical_id}}}/invocations"
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{path}"}


def execute_api(rest: str) -> dict[str, str]:
    """What of the API a statement is about."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{Api}}/{rest}"}


@pytest.mark.parametrize(
    ("logical_id", "kind", "properties", "policies"),
    [
        pytest.param(
            "AnswerFunction",
            "Lambda::Function",
            {
                "FunctionName": {"Fn::Sub": "${AWS::StackName}-answer"},
                "Runtime": "python3.13",
                "Architectures": ["arm64"],
                "Handler": "streamer.handlers.plain.handler",
                "Code": {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}},
                "Role": att("AnswerRole"),
                "MemorySize": 256,
                "EphemeralStorage": {"Size": 1024},
                "Timeout": 20,
                "Environment": {
                    "Variables": {
                        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": {
                            "Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/prod"
                        },
                        "COLOUR": "blue",
                        "GIVEN_UP_QUEUE_URL": {"Ref": "GivenUpQueue"},
                        "JWT_SECRET_ARN": att("JwtSecretStore", "Id"),
                        "PICTURES_BUCKET": {"Ref": "PicturesBucket"},
                        "STREAMER_HANDLER": "handlers.answer",
                        "STREAMER_SECRETS": "JWT_SECRET",
                        "TABLE_PREFIX": "shop_",
                    }
                },
                "LoggingConfig": {
                    "LogGroup": {"Ref": "AnswerLogGroup"},
                    "LogFormat": "JSON",
                    "ApplicationLogLevel": "INFO",
                    "SystemLogLevel": "WARN",
                },
                "TracingConfig": {"Mode": "Active"},
                "Layers": ["arn:aws:lambda:eu-central-1:123456789012:layer:tools:3"],
                "DeadLetterConfig": {"TargetArn": att("GivenUpQueue")},
                "ReservedConcurrentExecutions": 4,
            },
            (None, None),
            id="a function",
        ),
        pytest.param(
            "AnswerFunctionAsync",
            "Lambda::EventInvokeConfig",
            {
                "FunctionName": {"Ref": "AnswerFunction"},
                "Qualifier": "$LATEST",
                "MaximumRetryAttempts": 0,
                "MaximumEventAgeInSeconds": 900,
                "DestinationConfig": {
                    "OnFailure": {"Destination": att("GivenUpQueue")},
                    "OnSuccess": {"Destination": att("GivenUpQueue")},
                },
            },
            (None, None),
            id="its asynchronous invocations",
        ),
        pytest.param(
            "AnswerLogGroup",
            "Logs::LogGroup",
            {"LogGroupName": {"Fn::Sub": "/aws/lambda/${AWS::StackName}-answer"}, "RetentionInDays": 30},
            ("Delete", "Delete"),
            id="its log group",
        ),
        pytest.param(
            "OrdersTable",
            "DynamoDB::Table",
            {
                "TableName": "shop_orders",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "shop", "AttributeType": "S"},
                    {"AttributeName": "number", "AttributeType": "N"},
                    {"AttributeName": "day", "AttributeType": "S"},
                    {"AttributeName": "at", "AttributeType": "S"},
                    {"AttributeName": "name", "AttributeType": "S"},
                    {"AttributeName": "age", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "shop", "KeyType": "HASH"},
                    {"AttributeName": "number", "KeyType": "RANGE"},
                ],
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": "by-day",
                        "KeySchema": [
                            {"AttributeName": "day", "KeyType": "HASH"},
                            {"AttributeName": "at", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
                    },
                    {
                        "IndexName": "by-name",
                        "KeySchema": [{"AttributeName": "name", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "KEYS_ONLY"},
                    },
                ],
                "LocalSecondaryIndexes": [
                    {
                        "IndexName": "by-age",
                        "KeySchema": [
                            {"AttributeName": "shop", "KeyType": "HASH"},
                            {"AttributeName": "age", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                "TimeToLiveSpecification": {"AttributeName": "gone_at", "Enabled": True},
                "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            },
            ("RetainExceptOnCreate", "Retain"),
            id="a table",
        ),
        pytest.param(
            "OrdersTableToAnswerFunction",
            "Lambda::EventSourceMapping",
            {
                "FunctionName": {"Ref": "AnswerFunction"},
                "EventSourceArn": att("OrdersTable", "StreamArn"),
                "StartingPosition": "LATEST",
                "BatchSize": 7,
                "MaximumBatchingWindowInSeconds": 1,
                "ParallelizationFactor": 2,
                "MaximumRetryAttempts": 0,
                "MaximumRecordAgeInSeconds": 600,
                "BisectBatchOnFunctionError": True,
                "FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]},
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "DestinationConfig": {"OnFailure": {"Destination": att("GivenUpQueue")}},
            },
            (None, None),
            id="who reads its stream",
        ),
        pytest.param(
            "JobsFifo5e8d6093Queue",
            "SQS::Queue",
            {
                "QueueName": {"Fn::Sub": "${AWS::StackName}-jobs.fifo"},
                "MessageRetentionPeriod": 1209600,
                "SqsManagedSseEnabled": True,
                "VisibilityTimeout": 45,
                "DelaySeconds": 1,
                "ReceiveMessageWaitTimeSeconds": 5,
                "FifoQueue": True,
                "ContentBasedDeduplication": True,
                "DeduplicationScope": "messageGroup",
                "FifoThroughputLimit": "perMessageGroupId",
                "RedrivePolicy": {"deadLetterTargetArn": att("GivenUpFifob281a322Queue"), "maxReceiveCount": 3},
            },
            ("Delete", "Delete"),
            id="a queue",
        ),
        pytest.param(
            "JobsQueueToAnswerFunction",
            "Lambda::EventSourceMapping",
            {
                "FunctionName": {"Ref": "AnswerFunction"},
                "EventSourceArn": att("JobsQueue"),
                "BatchSize": 5,
                "MaximumBatchingWindowInSeconds": 1,
                "FilterCriteria": {"Filters": [{"Pattern": '{"body":{"kind":["job"]}}'}]},
                "ScalingConfig": {"MaximumConcurrency": 3},
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
            (None, None),
            id="who reads a queue",
        ),
        pytest.param(
            "AtNoonSchedule",
            "Events::Rule",
            {
                "ScheduleExpression": "cron(0 12 * * ? *)",
                "State": "ENABLED",
                "Targets": [{"Id": "answer", "Arn": att("AnswerFunction"), "Input": '{"sweep":true}'}],
            },
            (None, None),
            id="a schedule",
        ),
        pytest.param(
            "AtNoonSchedulePermission",
            "Lambda::Permission",
            {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "AnswerFunction"},
                "Principal": "events.amazonaws.com",
                "SourceArn": att("AtNoonSchedule"),
            },
            (None, None),
            id="its permission",
        ),
        pytest.param(
            "JwtSecretStore",
            "SecretsManager::Secret",
            {"Description": {"Fn::Sub": "JWT_SECRET of ${AWS::StackName}"}, "SecretString": {"Ref": "JwtSecret"}},
            ("Delete", "Delete"),
            id="a secret",
        ),
        pytest.param(
            "Api",
            "ApiGatewayV2::Api",
            {
                "Name": {"Fn::Sub": "${AWS::StackName}"},
                "ProtocolType": "WEBSOCKET",
                "RouteSelectionExpression": "$request.body.verb",
                "ApiKeySelectionExpression": "$context.authorizer.usageIdentifierKey",
            },
            (None, None),
            id="the API",
        ),
        pytest.param(
            "TokensAuthorizer",
            "ApiGatewayV2::Authorizer",
            {
                "ApiId": {"Ref": "Api"},
                "Name": "tokens",
                "AuthorizerType": "REQUEST",
                "AuthorizerUri": invocations("AuthorizeFunctionLive"),
                "IdentitySource": ["route.request.header.Auth"],
            },
            (None, None),
            id="an authorizer",
        ),
        pytest.param(
            "TokensAuthorizerPermission",
            "Lambda::Permission",
            {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "AuthorizeFunctionLive"},
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": execute_api("authorizers/${TokensAuthorizer}"),
            },
            (None, None),
            id="its permission to be asked",
        ),
        pytest.param(
            "ConnectRoute",
            "ApiGatewayV2::Route",
            {
                "ApiId": {"Ref": "Api"},
                "RouteKey": "$connect",
                "Target": {"Fn::Sub": "integrations/${ConnectIntegration}"},
                "AuthorizationType": "CUSTOM",
                "AuthorizerId": {"Ref": "TokensAuthorizer"},
                "ApiKeyRequired": True,
                "RequestParameters": {"route.request.header.Auth": {"Required": True}},
            },
            (None, None),
            id="a route",
        ),
        pytest.param(
            "OrderActionIntegration",
            "ApiGatewayV2::Integration",
            {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationMethod": "POST",
                "IntegrationUri": invocations("AnswerFunctionLive"),
                "TimeoutInMillis": 12500,
            },
            (None, None),
            id="its integration",
        ),
        pytest.param(
            "OrderActionPermission",
            "Lambda::Permission",
            {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "AnswerFunctionLive"},
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": execute_api("prod/order"),
            },
            (None, None),
            id="the permission to call its function",
        ),
        pytest.param(
            "OrderActionResponse",
            "ApiGatewayV2::RouteResponse",
            {"ApiId": {"Ref": "Api"}, "RouteId": {"Ref": "OrderActionRoute"}, "RouteResponseKey": "$default"},
            (None, None),
            id="its response",
        ),
        pytest.param(
            "OrderActionLargeModel",
            "ApiGatewayV2::Model",
            {
                "ApiId": {"Ref": "Api"},
                "Name": "OrderActionLargeModel",
                "ContentType": "application/json",
                "Schema": {
                    "$schema": "http://json-schema.org/draft-04/schema#",
                    "type": "object",
                    "required": ["size"],
                },
            },
            (None, None),
            id="its model",
        ),
        pytest.param(
            "HelloActionIntegration",
            "ApiGatewayV2::Integration",
            {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "MOCK",
                "PassthroughBehavior": "WHEN_NO_MATCH",
                "RequestTemplates": {"$default": '{"statusCode": 200}'},
            },
            (None, None),
            id="an integration of API Gateway's own",
        ),
        pytest.param(
            "HelloActionAnswer",
            "ApiGatewayV2::IntegrationResponse",
            {
                "ApiId": {"Ref": "Api"},
                "IntegrationId": {"Ref": "HelloActionIntegration"},
                "IntegrationResponseKey": "$default",
                "ResponseTemplates": {"$default": "hello"},
            },
            (None, None),
            id="its answer",
        ),
        pytest.param(
            "OrderActionRoute",
            "ApiGatewayV2::Route",
            {
                "ApiId": {"Ref": "Api"},
                "RouteKey": "order",
                "Target": {"Fn::Sub": "integrations/${OrderActionIntegration}"},
                "AuthorizationType": "NONE",
                "RouteResponseSelectionExpression": "$default",
                "RequestModels": {"large": {"Ref": "OrderActionLargeModel"}, "$default": {"Ref": "OrderActionModel"}},
                "ModelSelectionExpression": "$request.body.kind",
            },
            (None, None),
            id="a route with models",
        ),
        pytest.param(
            "UsagePlan",
            "ApiGateway::UsagePlan",
            {"ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}]},
            (None, None),
            id="the usage plan",
        ),
        pytest.param(
            "ApiKey1",
            "ApiGateway::ApiKey",
            {"Enabled": True, "Value": {"Ref": "ApiKey1Value"}},
            (None, None),
            id="an API key",
        ),
        pytest.param(
            "ApiKey1OfPlan",
            "ApiGateway::UsagePlanKey",
            {"KeyId": {"Ref": "ApiKey1"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "UsagePlan"}},
            (None, None),
            id="its place in the plan",
        ),
        pytest.param(
            "AccessLogs",
            "Logs::LogGroup",
            {"LogGroupName": {"Fn::Sub": "/aws/apigateway/${AWS::StackName}"}, "RetentionInDays": 30},
            ("Delete", "Delete"),
            id="the access log",
        ),
        pytest.param(
            "PicturesBucket",
            "S3::Bucket",
            {
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
                "CorsConfiguration": {
                    "CorsRules": [
                        {
                            "AllowedMethods": ["PUT"],
                            "AllowedOrigins": ["https://shop.example.com"],
                            "AllowedHeaders": ["*"],
                            "MaxAge": 3600,
                        }
                    ]
                },
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Id": "expire",
                            "Status": "Enabled",
                            "ExpirationInDays": 3,
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                        }
                    ]
                },
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
            },
            ("RetainExceptOnCreate", "Retain"),
            id="a bucket",
        ),
        pytest.param(
            "PicturesBucketPolicy",
            "S3::BucketPolicy",
            {
                "Bucket": {"Ref": "PicturesBucket"},
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "TlsOnly",
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:*",
                            "Resource": [att("PicturesBucket"), {"Fn::Sub": "${PicturesBucket.Arn}/*"}],
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                },
            },
            ("RetainExceptOnCreate", "Retain"),
            id="its policy",
        ),
    ],
)
def test_aws_is_told(
    logical_id: str, kind: str, properties: dict[str, Any], policies: tuple[str | None, str | None]
) -> None:
    found = template(every_feature(), SHOP)["Resources"][logical_id]

    assert found["Type"] == f"AWS::{kind}"
    assert found["Properties"] == properties
    assert (found.get("DeletionPolicy"), found.get("UpdateReplacePolicy")) == policies


def test_aws_is_told_of_the_stage() -> None:
    stage = template(every_feature(), SHOP)["Resources"]["Stage"]

    assert stage["Type"] == "AWS::ApiGatewayV2::Stage"
    assert {name: value for name, value in stage["Properties"].items() if name != "AccessLogSettings"} == {
        "ApiId": {"Ref": "Api"},
        "StageName": "prod",
        "AutoDeploy": True,
        "DefaultRouteSettings": {
            "ThrottlingRateLimit": 10,
            "ThrottlingBurstLimit": 20,
            "DetailedMetricsEnabled": True,
        },
        "StageVariables": {"colour": "blue"},
        "RouteSettings": {"order": {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 2}},
    }


def test_a_role_is_lambdas_alone_and_only_allows() -> None:
    role = template(every_feature(), SHOP)["Resources"]["AnswerRole"]

    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    assert role["Type"] == "AWS::IAM::Role"
    assert role["Properties"]["AssumeRolePolicyDocument"] == {"Version": "2012-10-17", "Statement": [trust]}
    [policy] = role["Properties"]["Policies"]
    assert (policy["PolicyName"], policy["PolicyDocument"]["Version"]) == ("answer", "2012-10-17")
    assert {statement["Effect"] for statement in policy["PolicyDocument"]["Statement"]} == {"Allow"}
    assert execute_api("prod/POST/@connections/*") in [
        place for each in policy["PolicyDocument"]["Statement"] for place in each["Resource"]
    ]


def test_a_stack_asks_for_its_code_and_its_secrets_and_shows_none_of_them() -> None:
    parameters = template(every_feature(), SHOP)["Parameters"]

    asked = {name: {k: v for k, v in each.items() if k != "Description"} for name, each in parameters.items()}
    assert asked == {
        "CodeBucket": {"Type": "String"},
        "CodeKey": {"Type": "String"},
        "JwtSecret": {"Type": "String", "NoEcho": True, "MinLength": 32},
        "ApiKey1Value": {"Type": "String", "NoEcho": True, "MinLength": 20},
    }


def test_a_stack_tells_where_everything_is() -> None:
    outputs = template(chat(), StackSettings(stack_name="chat-dev"))["Outputs"]

    assert {name: output["Value"] for name, output in outputs.items()} == {
        "WebSocketUrl": {"Fn::Sub": "wss://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/dev"},
        "ApiId": {"Ref": "Api"},
        "CodeKey": {"Ref": "CodeKey"},
        "ConnectFunctionName": {"Ref": "ConnectFunction"},
        "DisconnectFunctionName": {"Ref": "DisconnectFunction"},
        "RouterFunctionName": {"Ref": "RouterFunction"},
        "ProcessorFunctionName": {"Ref": "ProcessorFunction"},
        "ConnectionsTableName": {"Ref": "ConnectionsTable"},
        "RequestsTableName": {"Ref": "RequestsTable"},
        "JwtSecretArn": att("JwtSecretStore", "Id"),
        "DeadLettersQueueUrl": {"Ref": "DeadLettersQueue"},
    }


@pytest.mark.parametrize(
    ("logical_id", "metric", "statistic", "threshold", "dimensions"),
    [
        ("RouterErrorsAlarm", "AWS/Lambda Errors", "Sum", 1, {"FunctionName": {"Ref": "RouterFunction"}}),
        ("RouterThrottlesAlarm", "AWS/Lambda Throttles", "Sum", 1, {"FunctionName": {"Ref": "RouterFunction"}}),
        (
            "ProcessorDurationAlarm",
            "AWS/Lambda Duration",
            "Maximum",
            810000,
            {"FunctionName": {"Ref": "ProcessorFunction"}},
        ),
        (
            "ProcessorEventAgeAlarm",
            "AWS/Lambda AsyncEventAge",
            "Maximum",
            300000,
            {"FunctionName": {"Ref": "ProcessorFunction"}},
        ),
        (
            "ProcessorEventsDroppedAlarm",
            "AWS/Lambda AsyncEventsDropped",
            "Sum",
            1,
            {"FunctionName": {"Ref": "ProcessorFunction"}},
        ),
        (
            "RequestsTableLagAlarm",
            "AWS/Lambda IteratorAge",
            "Maximum",
            60000,
            {"FunctionName": {"Ref": "ProcessorFunction"}},
        ),
        (
            "DeadLettersQueueAlarm",
            "AWS/SQS ApproximateNumberOfMessagesVisible",
            "Maximum",
            1,
            {"QueueName": att("DeadLettersQueue", "QueueName")},
        ),
        (
            "ConnectionsTableReadThrottlesAlarm",
            "AWS/DynamoDB ReadThrottleEvents",
            "Sum",
            1,
            {"TableName": {"Ref": "ConnectionsTable"}},
        ),
        (
            "RequestsTableWriteThrottlesAlarm",
            "AWS/DynamoDB WriteThrottleEvents",
            "Sum",
            1,
            {"TableName": {"Ref": "RequestsTable"}},
        ),
        ("ExecutionErrorsAlarm", "AWS/ApiGateway ExecutionError", "Sum", 1, {"ApiId": {"Ref": "Api"}, "Stage": "dev"}),
        ("ClientErrorsAlarm", "AWS/ApiGateway ClientError", "Sum", 100, {"ApiId": {"Ref": "Api"}, "Stage": "dev"}),
        (
            "AuthenticationFailedAlarm",
            "Streamer AuthenticationFailed",
            "Sum",
            100,
            {"Service": "streamer", "Stage": "dev"},
        ),
        ("RequestWaitAlarm", "Streamer RequestWait", "Maximum", 60000, {"Service": "streamer", "Stage": "dev"}),
        (
            "ReportActionErrorsAlarm",
            "Streamer ActionErrors",
            "Sum",
            1,
            {"Service": "streamer", "Stage": "dev", "Action": "report"},
        ),
    ],
)
def test_an_alarm_watches(
    logical_id: str, metric: str, statistic: str, threshold: int, dimensions: dict[str, object]
) -> None:
    settings = StackSettings(stack_name="chat-dev", actions=("report",))
    alarm = template(chat(), settings)["Resources"][logical_id]["Properties"]

    assert f"{alarm['Namespace']} {alarm['MetricName']}" == metric
    assert (alarm["Statistic"], alarm["Threshold"]) == (statistic, threshold)
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == dimensions


def test_every_alarm_rings_at_its_threshold_in_five_minutes_and_not_for_want_of_traffic() -> None:
    topic = "arn:aws:sns:eu-central-1:123456789012:ops"
    settings = StackSettings(stack_name="chat-dev", alarm_topic_arn=topic)
    resources = template(chat(), settings)["Resources"].values()

    alarms = [each["Properties"] for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms
    for alarm in alarms:
        assert (alarm["Period"], alarm["EvaluationPeriods"]) == (300, 1)
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"
        assert (alarm["AlarmActions"], alarm["OKActions"]) == ([topic], [topic])
        assert alarm["AlarmDescription"]["Fn::Sub"].startswith("${AWS::StackName}: ")


def test_nothing_is_told_of_alarms_without_a_topic() -> None:
    alarm = template(chat(), StackSettings(stack_name="chat-dev"))["Resources"]["RouterErrorsAlarm"]["Properties"]

    assert not alarm.keys() & {"AlarmActions", "OKActions"}
