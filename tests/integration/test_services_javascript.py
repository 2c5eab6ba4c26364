"""The services asked by an unmodified AWS SDK for JavaScript, version 3, and what reaches functions of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import javascript_tools
import javascript_world
import pytest
import services_world
from services_world import ACCOUNT, REGION, World, function_arn

from streamer.topology.kinesis import KinesisMapping

pytestmark = pytest.mark.needs_node

SERVICES = {
    "s3": "S3",
    "sns": "SNS",
    "sqs": "SQS",
    "eventbridge": "EventBridge",
    "ssm": "SSM",
    "secrets-manager": "SecretsManager",
    "sts": "STS",
    "kinesis": "Kinesis",
    "kms": "KMS",
    "scheduler": "Scheduler",
    "sfn": "SFN",
    "cognito-identity-provider": "CognitoIdentityProvider",
}
"""Packages of the SDK, and what the client of each is called."""
S3 = """
    const LocationConstraint = process.env.AWS_REGION;
    await send("CreateBucket", { Bucket: "made-by-js", CreateBucketConfiguration: { LocationConstraint } });
    const told = { LambdaFunctionArn: writer, Events: ["s3:ObjectCreated:*"] };
    const NotificationConfiguration = { LambdaFunctionConfigurations: [told] };
    await send("PutBucketNotificationConfiguration", { Bucket: "made-by-js", NotificationConfiguration });
    await send("PutObject", { Bucket: "made-by-js", Key: "a/käse", Body: "content", Metadata: { by: "js" } });
    const found = await send("GetObject", { Bucket: "made-by-js", Key: "a/käse" });
    const keys = (await send("ListObjectsV2", { Bucket: "made-by-js" })).Contents.map((each) => each.Key);
    const missing = await failure(send("GetObject", { Bucket: "made-by-js", Key: "none" }));
    return [await text(found.Body), found.Metadata, keys, missing];
"""
SNS = """
    const { TopicArn } = await send("CreateTopic", { Name: "js" });
    await send("Subscribe", { TopicArn, Protocol: "lambda", Endpoint: writer });
    const { MessageId } = await send("Publish", { TopicArn, Message: "from js", Subject: "s" });
    return [TopicArn, typeof MessageId, await failure(send("Publish", { TopicArn: TopicArn + "x", Message: "m" }))];
"""
SQS = """
    const { QueueUrl } = await send("GetQueueUrl", { QueueName: "inbox" });
    await send("SendMessage", { QueueUrl, MessageBody: "from js" });
    const { Messages } = await send("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 5 });
    await send("DeleteMessage", { QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle });
    return [Messages.map((each) => each.Body), await failure(send("GetQueueUrl", { QueueName: "none" }))];
"""
EVENTS = """
    await send("PutRule", { Name: "js", EventPattern: JSON.stringify({ source: ["js"] }) });
    await send("PutTargets", { Rule: "js", Targets: [{ Id: "1", Arn: writer }] });
    const entry = { Source: "js", DetailType: "t", Detail: JSON.stringify({ a: 1 }) };
    const { FailedEntryCount } = await send("PutEvents", { Entries: [entry, { ...entry, Source: "other" }] });
    return [FailedEntryCount, await failure(send("DescribeRule", { Name: "none" }))];
"""
SSM = """
    await send("PutParameter", { Name: "/js/a", Type: "String", Value: "v" });
    const { Parameter } = await send("GetParameter", { Name: "/js/a" });
    return [Parameter.Value, await failure(send("GetParameter", { Name: "/none" }))];
"""
SECRETS = """
    await send("CreateSecret", { Name: "js", SecretString: "hidden" });
    const { SecretString } = await send("GetSecretValue", { SecretId: "js" });
    return [SecretString, await failure(send("GetSecretValue", { SecretId: "none" }))];
"""
STS = """
    return (await send("GetCallerIdentity", {})).Arn;
"""
COGNITO = """
    const { UserPool: { Id: UserPoolId } } = await send("CreateUserPool", { PoolName: "js" });
    const ExplicitAuthFlows = ["ALLOW_USER_PASSWORD_AUTH"];
    const { UserPoolClient: { ClientId } } =
      await send("CreateUserPoolClient", { UserPoolId, ClientName: "web", ExplicitAuthFlows });
    const [Username, Password] = ["ann", "Passw0rd!"];
    const { UserConfirmed } = await send("SignUp", { ClientId, Username, Password });
    const AuthParameters = { USERNAME: Username, PASSWORD: Password };
    const signIn = () => send("InitiateAuth", { ClientId, AuthFlow: "USER_PASSWORD_AUTH", AuthParameters });
    const early = await failure(signIn());
    await send("AdminConfirmSignUp", { UserPoolId, Username });
    const { AuthenticationResult: { AccessToken } } = await signIn();
    return [UserConfirmed, early, (await send("GetUser", { AccessToken })).Username];
"""
KINESIS = """
    await send("CreateStream", { StreamName: "js", ShardCount: 1 });
    const Data = Buffer.from("from js");
    const { ShardId } = await send("PutRecord", { StreamName: "js", Data, PartitionKey: "k" });
    const where = { StreamName: "js", ShardId, ShardIteratorType: "TRIM_HORIZON" };
    const { ShardIterator } = await send("GetShardIterator", where);
    const { Records } = await send("GetRecords", { ShardIterator });
    const missing = await failure(send("DescribeStream", { StreamName: "none" }));
    return [Buffer.from(Records[0].Data).toString(), missing];
"""
KMS = """
    const { KeyMetadata: { KeyId } } = await send("CreateKey", {});
    const { CiphertextBlob } = await send("Encrypt", { KeyId, Plaintext: Buffer.from("hidden") });
    const { Plaintext } = await send("Decrypt", { CiphertextBlob });
    return [Buffer.from(Plaintext).toString(), await failure(send("Encrypt", { KeyId: "none", Plaintext }))];
"""
SCHEDULER = """
    await send("ListSchedules", {});  // whose process takes a while to start
    const at = new Date(Date.now() + 1500).toISOString().slice(0, 19);
    const Target = { Arn: writer, RoleArn: "arn:aws:iam::123456789012:role/any", Input: '{"by": "js"}' };
    const FlexibleTimeWindow = { Mode: "OFF" };
    await send("CreateSchedule", { Name: "js", ScheduleExpression: `at(${at})`, Target, FlexibleTimeWindow });
    return [(await send("GetSchedule", { Name: "js" })).State, await failure(send("GetSchedule", { Name: "none" }))];
"""
STATES = """
    const states = { T: { Type: "Task", Resource: writer, ResultPath: null, End: true } };
    const definition = JSON.stringify({ StartAt: "T", States: states });
    const roleArn = "arn:aws:iam::123456789012:role/any";
    const { stateMachineArn } = await send("CreateStateMachine", { name: "js", definition, roleArn });
    const { executionArn } = await send("StartExecution", { stateMachineArn, input: '{"by":"js"}' });
    let found;
    do found = await send("DescribeExecution", { executionArn }); while (found.status === "RUNNING");
    const missing = failure(send("StartExecution", { stateMachineArn: stateMachineArn + "x" }));
    return [found.status, found.output, await missing];
"""
TOLD: dict[str, Callable[[Any], Any]] = {
    "s3": lambda event: event["Records"][0]["s3"]["object"]["key"],
    "sns": lambda event: event["Records"][0]["Sns"]["Message"],
    "eventbridge": lambda event: event["detail"],
    "kinesis": lambda event: event["Records"][0]["kinesis"]["data"],
    "scheduler": lambda event: event["by"],
    "sfn": lambda event: event["by"],
}
"""What of an event shows that it came from there."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    reads = (KinesisMapping(function="writer", stream="js"),)
    with services_world.running(tmp_path_factory.mktemp("javascript"), kinesis=reads) as emulator:
        yield World(emulator)


@pytest.fixture(scope="session")
def sdk_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a client for each service."""
    folder = tmp_path_factory.mktemp("sdk")
    return javascript_tools.install(folder, *javascript_tools.SDK)


@pytest.fixture
def ask(world: World, sdk_folder: Path) -> Callable[[str, str], Any]:
    """Has a service asked by a program."""
    return lambda package, code: asked(world, sdk_folder, package, code)


def asked(world: World, folder: Path, package: str, code: str) -> Any:
    """What a program of Node.js finds."""
    code = f"const writer = process.env.WRITER;{code}"
    more = {"WRITER": function_arn("writer")}
    client = SERVICES[package]
    return javascript_world.asked(folder, package, client, code, url=world.url, region=REGION, more=more)


@pytest.mark.parametrize(
    ("package", "code", "answer"),
    [
        pytest.param("s3", S3, (["content", {"by": "js"}, ["a/käse"], ["NoSuchKey", 404]], "a/k%C3%A4se"), id="S3"),
        pytest.param(
            "sns",
            SNS,
            ([f"arn:aws:sns:{REGION}:{ACCOUNT}:js", "string", ["NotFoundException", 404]], "from js"),
            id="SNS",
        ),
        pytest.param("sqs", SQS, ([["from js"], ["QueueDoesNotExist", 400]], None), id="SQS"),
        pytest.param("eventbridge", EVENTS, ([0, ["ResourceNotFoundException", 400]], {"a": 1}), id="EventBridge"),
        pytest.param("ssm", SSM, (["v", ["ParameterNotFound", 400]], None), id="SSM"),
        pytest.param("secrets-manager", SECRETS, (["hidden", ["ResourceNotFoundException", 400]], None), id="secrets"),
        pytest.param("sts", STS, (f"arn:aws:iam::{ACCOUNT}:root", None), id="STS"),
        pytest.param(
            "sfn",
            STATES,
            (["SUCCEEDED", '{"by":"js"}', ["StateMachineDoesNotExist", 400]], "js"),
            id="Step Functions",
        ),
        pytest.param(
            "kinesis",
            KINESIS,
            (["from js", ["ResourceNotFoundException", 400]], base64.b64encode(b"from js").decode()),
            id="Kinesis, over HTTP/2",
        ),
        pytest.param("kms", KMS, (["hidden", ["NotFoundException", 400]], None), id="KMS"),
        pytest.param(
            "scheduler", SCHEDULER, (["ENABLED", ["ResourceNotFoundException", 404]], "js"), id="EventBridge Scheduler"
        ),
        pytest.param(
            "cognito-identity-provider",
            COGNITO,
            ([False, ["UserNotConfirmedException", 400], "ann"], None),
            id="Cognito",
        ),
    ],
)
def test_a_service_answers_and_tells_functions(
    world: World, ask: Callable[[str, str], Any], package: str, code: str, answer: tuple[Any, Any]
) -> None:
    assert ask(package, code) == answer[0]
    if answer[1] is not None:
        (found,) = world.events()
        assert TOLD[package](found) == answer[1]
