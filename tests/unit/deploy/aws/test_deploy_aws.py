"""The boundary to AWS: what is asked of boto3, and how its errors read."""

import datetime
import json
import os
from collections.abc import Iterator
from typing import Any

import botocore.exceptions as errors
import pytest
from botocore.parsers import ResponseParserError
from botocore.stub import ANY, Stubber

from deploy.aws.boto import Aws
from deploy.aws.errors import translated
from deploy.aws.shapes import bucket_policy
from deploy.cloud import Account, BucketState, Parameter, Proposal, Replacement
from deploy.errors import CredentialsError, DeniedError, DeployError, GoneError
from deploy.planning import drift
from deploy.planning.callers import POLICY

ACCOUNT = Account(account_id="123456789012", region="us-east-1")
NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)
STACK = {"StackName": "chat-dev", "StackId": "arn:1", "StackStatus": "CREATE_COMPLETE", "CreationTime": NOW}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def aws() -> Aws:
    return Aws(region="us-east-1")


@pytest.fixture
def stub(aws: Aws) -> Iterator[Any]:
    stubbers: dict[str, Stubber] = {}

    def of(service: str) -> Stubber:
        if service not in stubbers:
            stubbers[service] = Stubber(aws._client(service))
            stubbers[service].activate()
        return stubbers[service]

    yield of
    for stubber in stubbers.values():
        stubber.assert_no_pending_responses()


def test_a_stack_is_told_as_plain_data(aws: Aws, stub: Any) -> None:
    found = STACK | {
        "Outputs": [{"OutputKey": "ApiId", "OutputValue": "a1"}],
        "Parameters": [{"ParameterKey": "JwtSecret", "ParameterValue": "****"}],
        "Tags": [{"Key": "streamer:service", "Value": "chat"}],
    }
    stub("cloudformation").add_response("describe_stacks", {"Stacks": [found]}, {"StackName": "chat-dev"})

    stack = aws.stack("chat-dev")

    assert stack is not None
    assert (stack.status, stack.outputs, stack.parameters, stack.tags, stack.changed_at) == (
        "CREATE_COMPLETE",
        {"ApiId": "a1"},
        {"JwtSecret": "****"},
        {"streamer:service": "chat"},
        NOW.timestamp(),
    )


def test_a_stack_that_does_not_exist_is_none(aws: Aws, stub: Any) -> None:
    stub("cloudformation").add_client_error(
        "describe_stacks", "ValidationError", "Stack with id chat-dev does not exist", 400
    )

    assert aws.stack("chat-dev") is None


def test_events_are_the_new_ones_oldest_first(aws: Aws, stub: Any) -> None:
    events = [{"StackId": "arn:1", "StackName": "chat-dev", "EventId": str(n), "Timestamp": NOW} for n in (4, 3, 2, 1)]
    stub("cloudformation").add_response("describe_stack_events", {"StackEvents": events}, {"StackName": "arn:1"})

    assert [event.event_id for event in aws.events("arn:1", "2")] == ["3", "4"]


@pytest.mark.parametrize(
    ("numbers", "last"), [pytest.param((4, 3), "4", id="many pages of them"), pytest.param((), None, id="none yet")]
)
def test_the_last_event_is_on_the_first_page(aws: Aws, stub: Any, numbers: tuple[int, ...], last: str | None) -> None:
    events = [{"StackId": "arn:1", "StackName": "chat-dev", "EventId": str(n), "Timestamp": NOW} for n in numbers]
    page = {"StackEvents": events, "NextToken": "older"}
    stub("cloudformation").add_response("describe_stack_events", page, {"StackName": "arn:1"})

    assert aws.last_event("arn:1") == last


def test_a_change_set_is_read_to_its_last_page(aws: Aws, stub: Any) -> None:
    def page(name: str, **more: Any) -> dict[str, Any]:
        details = [{"Target": {"Attribute": "Properties", "Name": "KeySchema"}}]
        change = {
            "Action": "Modify",
            "LogicalResourceId": name,
            "ResourceType": "AWS::X::Y",
            "Replacement": "True",
            "Details": details,
        }
        return {"StackId": "arn:1", "Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": change}], **more}

    stub("cloudformation").add_response("describe_change_set", page("A", NextToken="n"), {"ChangeSetName": "cs"})
    stub("cloudformation").add_response("describe_change_set", page("B"), {"ChangeSetName": "cs", "NextToken": "n"})

    found = aws.change_set("cs")

    assert [change.logical_id for change in found.changes] == ["A", "B"]
    assert found.changes[0].replacement is Replacement.YES
    assert found.changes[0].properties == ("KeySchema",)


def test_what_cloudformation_has_against_a_change_set_is_told_once_and_without_its_warnings(
    aws: Aws, stub: Any
) -> None:
    exists = {
        "EventType": "VALIDATION_ERROR",
        "LogicalResourceId": "RouterFunction",
        "ValidationName": "NAME_CONFLICT_VALIDATION",
        "ValidationStatusReason": "Resource of type 'AWS::Lambda::Function' with identifier 'x' already exists.",
        "ValidationFailureMode": "FAIL",
    }
    path = "/Resources/Uploads/Properties"
    unknown = {"ValidationStatusReason": "Unsupported property [Nmae]", "ValidationPath": path}
    hook = {"EventType": "HOOK_INVOCATION_ERROR", "HookStatusReason": "No.", "HookFailureMode": "FAIL"}
    warning = {**exists, "ValidationFailureMode": "WARN", "ValidationStatusReason": "The bucket is not empty"}
    asked = {"ChangeSetName": "set", "Filters": {"FailedEvents": True}}
    stub("cloudformation").add_response("describe_events", {"OperationEvents": [exists], "NextToken": "n"}, asked)
    rest = {"OperationEvents": [exists, unknown, hook, warning, {"EventType": "STACK_EVENT"}]}
    stub("cloudformation").add_response("describe_events", rest, {**asked, "NextToken": "n"})

    assert aws.refusals("set") == [
        "RouterFunction: Resource of type 'AWS::Lambda::Function' with identifier 'x' already exists",
        f"{path}: Unsupported property [Nmae]",
        "No",
    ]


def test_what_changes_in_nested_stacks_is_read_with_them(aws: Aws, stub: Any) -> None:
    def page(*changes: dict[str, Any]) -> dict[str, Any]:
        found = [{"ResourceChange": {"Action": "Modify", **each}} for each in changes]
        return {"StackId": "arn:1", "Status": "CREATE_COMPLETE", "Changes": found}

    def nested(name: str) -> dict[str, Any]:
        where = {"PhysicalResourceId": f"arn:{name}", "ChangeSetId": f"arn:set/{name}"}
        return {"LogicalResourceId": name, "ResourceType": "AWS::CloudFormation::Stack", **where}

    table = {"LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table", "PolicyAction": "ReplaceAndRetain"}
    stub("cloudformation").add_response("describe_change_set", page(nested("Outer")), {"ChangeSetName": "cs"})
    for name, answer in (("Outer", page(nested("Inner"), table)), ("Inner", page(table))):
        asked = {"ChangeSetName": f"arn:set/{name}", "StackName": f"arn:{name}"}
        stub("cloudformation").add_response("describe_change_set", answer, asked)

    found = aws.change_set("cs").changes

    assert [each.logical_id for each in found] == ["Outer", "Outer/Inner", "Outer/Inner/Table", "Outer/Table"]
    assert [each.policy for each in found] == ["", "", "ReplaceAndRetain", "ReplaceAndRetain"]


def test_a_proposal_is_a_change_set_with_the_same_token_each_time(aws: Aws, stub: Any) -> None:
    parameters = (Parameter(name="A", value="1"), Parameter(name="B", value=None))
    proposal = Proposal(
        name="streamer-1",
        stack_name="chat-dev",
        is_new=False,
        template="{}",
        parameters=parameters,
        tags={"t": "v"},
        role_arn="arn:aws:iam::123456789012:role/deploy",
        adopts_existing=True,
        has_nested=True,
        reverts_drift=True,
    )
    expected = {
        "StackName": "chat-dev",
        "ChangeSetName": "streamer-1",
        "ClientToken": "streamer-1",
        "ChangeSetType": "UPDATE",
        "Parameters": [
            {"ParameterKey": "A", "ParameterValue": "1"},
            {"ParameterKey": "B", "UsePreviousValue": True},
        ],
        "Tags": [{"Key": "t", "Value": "v"}],
        "Capabilities": ["CAPABILITY_IAM"],
        "RollbackConfiguration": {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0},
        "ImportExistingResources": True,
        "IncludeNestedStacks": True,
        "DeploymentMode": "REVERT_DRIFT",
        "RoleARN": "arn:aws:iam::123456789012:role/deploy",
        "TemplateBody": "{}",
    }
    stub("cloudformation").add_response("create_change_set", {"Id": "cs"}, expected)

    assert aws.propose(proposal) == "cs"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        pytest.param(404, BucketState.ABSENT, id="absent"),
        pytest.param(403, BucketState.FOREIGN, id="of someone else"),
        pytest.param(301, BucketState.ELSEWHERE, id="in another region"),
    ],
)
def test_a_bucket_that_is_not_ours(aws: Aws, stub: Any, status: int, state: BucketState) -> None:
    expected = {"Bucket": "b", "ExpectedBucketOwner": "123456789012"}
    stub("s3").add_client_error("head_bucket", str(status), "", status, expected_params=expected)

    assert aws.bucket("b", ACCOUNT) is state


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param({"BucketRegion": "us-east-1"}, BucketState.OURS, id="here"),
        pytest.param({"BucketRegion": "eu-west-1"}, BucketState.ELSEWHERE, id="where S3's redirection led"),
        pytest.param({}, BucketState.OURS, id="nobody says where"),
    ],
)
def test_a_bucket_of_ours_is_in_the_region_of_the_functions(
    aws: Aws, stub: Any, answer: dict[str, Any], state: BucketState
) -> None:
    stub("s3").add_response("head_bucket", answer, {"Bucket": "b", "ExpectedBucketOwner": "123456789012"})

    assert aws.bucket("b", ACCOUNT) is state


@pytest.mark.parametrize(
    ("region", "place"),
    [
        pytest.param("us-east-1", {}, id="the first region has no name"),
        pytest.param("eu-west-1", {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}, id="elsewhere"),
    ],
)
def test_a_new_bucket_is_closed_to_the_public(aws: Aws, stub: Any, region: str, place: dict[str, Any]) -> None:
    stub("s3").add_response("create_bucket", {}, {"Bucket": "b", **place})
    stub("s3").add_response(
        "put_public_access_block",
        {},
        {
            "Bucket": "b",
            "PublicAccessBlockConfiguration": dict.fromkeys(
                ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
            ),
            "ExpectedBucketOwner": "123456789012",
        },
    )
    ours = {"Bucket": "b", "ExpectedBucketOwner": "123456789012"}
    stub("s3").add_response("put_bucket_tagging", {}, ours | {"Tagging": ANY})
    stub("s3").add_response("put_bucket_lifecycle_configuration", {}, ours | {"LifecycleConfiguration": ANY})
    stub("s3").add_response("put_bucket_policy", {}, ours | {"Policy": ANY})

    aws.create_bucket("b", Account(account_id="123456789012", region=region))


@pytest.mark.parametrize(
    ("code", "is_closed"),
    [
        pytest.param(None, True, id="finished"),
        pytest.param("NoSuchBucketPolicy", False, id="stopped before the last step"),
        pytest.param("AccessDenied", True, id="nobody may ask"),
    ],
)
def test_a_bucket_is_finished_when_it_has_what_it_gets_last(
    aws: Aws, stub: Any, code: str | None, *, is_closed: bool
) -> None:
    if code is None:
        stub("s3").add_response("get_bucket_policy", {"Policy": "{}"})
    else:
        stub("s3").add_client_error("get_bucket_policy", code, "", 404)

    assert aws.is_closed("b", ACCOUNT) is is_closed


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_a_bucket_is_used_by_tls_alone(partition: str) -> None:
    (statement,) = json.loads(bucket_policy("b", partition))["Statement"]

    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:{partition}:s3:::b", f"arn:{partition}:s3:::b/*"]


def test_an_upload_goes_to_nobody_else(aws: Aws, stub: Any) -> None:
    expected = {
        "Bucket": "b",
        "Key": "k",
        "Body": b"zip",
        "ExpectedBucketOwner": "123456789012",
        "ChecksumAlgorithm": "SHA256",
    }
    stub("s3").add_response("put_object", {}, expected)
    stub("s3").add_client_error("head_object", "404", "", 404)
    stub("s3").add_response("head_object", {})

    aws.put_object("b", "k", b"zip", ACCOUNT)

    assert not aws.has_object("b", "other", ACCOUNT)
    assert aws.has_object("b", "k", ACCOUNT)


def test_only_tables_that_exist_are_named(aws: Aws, stub: Any) -> None:
    stub("dynamodb").add_response("describe_table", {"Table": {}}, {"TableName": "a"})
    stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException", "", 400)

    assert aws.existing_tables(["a", "b"]) == ["a"]


@pytest.mark.parametrize(
    ("expiry", "recovery", "expected"),
    [
        pytest.param(
            {"TimeToLiveStatus": "ENABLING", "AttributeName": "ttl"},
            {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 35},
            (
                {"Enabled": True, "AttributeName": "ttl"},
                {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35},
            ),
            id="on",
        ),
        pytest.param(
            {"TimeToLiveStatus": "DISABLING", "AttributeName": "ttl"},
            {"PointInTimeRecoveryStatus": "DISABLED"},
            ({"Enabled": False}, {"PointInTimeRecoveryEnabled": False}),
            id="off",
        ),
    ],
)
def test_ttl_and_backups_are_told_as_a_template_has_them(
    aws: Aws, stub: Any, expiry: dict[str, Any], recovery: dict[str, Any], expected: tuple[object, object]
) -> None:
    backups = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}
    stub("dynamodb").add_response("describe_time_to_live", {"TimeToLiveDescription": expiry}, {"TableName": "t"})
    stub("dynamodb").add_response(
        "describe_continuous_backups", {"ContinuousBackupsDescription": backups}, {"TableName": "t"}
    )

    assert tuple(aws.table_settings("t").values()) == expected


def test_ttl_and_backups_are_set_each_by_its_call(aws: Aws, stub: Any) -> None:
    settings: dict[str, Any] = {
        "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    calls = zip(("update_time_to_live", "update_continuous_backups"), settings.items(), strict=True)
    for call, (name, value) in calls:
        stub("dynamodb").add_response(call, {}, {"TableName": "t", name: value})

    for name, value in settings.items():
        aws.set_table("t", {name: value})


def test_a_table_that_changes_how_it_is_paid_for_is_waited_for_before_its_ttl_is_set(aws: Aws, stub: Any) -> None:
    expiry = {"AttributeName": "ttl", "Enabled": True}
    stub("dynamodb").add_response("update_table", {}, {"TableName": "t", "BillingMode": "PAY_PER_REQUEST"})
    stub("dynamodb").add_response("describe_table", {"Table": {"TableStatus": "ACTIVE"}}, {"TableName": "t"})
    stub("dynamodb").add_response("update_time_to_live", {}, {"TableName": "t", "TimeToLiveSpecification": expiry})

    aws.set_table("t", {"TimeToLiveSpecification": expiry, "BillingMode": "PAY_PER_REQUEST"})


def test_log_lines_are_those_of_a_pattern_from_a_time_on(aws: Aws, stub: Any) -> None:
    events = [{"eventId": "1", "timestamp": 5, "message": "hello\n"}]
    stub("logs").add_response(
        "filter_log_events",
        {"events": events},
        {"logGroupName": "g", "startTime": 3, "filterPattern": "ERROR"},
    )

    [line] = aws.log_events("g", start_ms=3, pattern="ERROR")

    assert (line.event_id, line.at_ms, line.message) == ("1", 5, "hello\n")


def test_an_unknown_log_group_asks_for_the_functions_name(aws: Aws, stub: Any) -> None:
    stub("logs").add_client_error("filter_log_events", "ResourceNotFoundException", "no", 400)

    with pytest.raises(DeployError, match="is the function's name right"):
        list(aws.log_events("g", start_ms=3, pattern=None))


def test_an_account_without_a_role_for_logs_has_none(aws: Aws, stub: Any) -> None:
    stub("sts").add_response("get_caller_identity", {"Account": "123456789012"})
    stub("apigateway").add_response("get_account", {})

    assert aws.account() == ACCOUNT
    assert aws.logging_role() is None


def test_alarms_that_ring_are_told_by_what_they_say_and_without_names_none_is_asked_for(aws: Aws, stub: Any) -> None:
    stub("cloudwatch").add_response("describe_alarms", {"MetricAlarms": [{"AlarmName": "a", "AlarmDescription": "it"}]})

    assert aws.firing_alarms(["a"]) == ["it"]
    assert aws.firing_alarms([]) == []


def test_the_length_of_a_queue_is_a_number(aws: Aws, stub: Any) -> None:
    stub("sqs").add_response("get_queue_attributes", {"Attributes": {"ApproximateNumberOfMessages": "3"}})

    assert aws.queue_length("https://q") == 3


def test_the_template_that_is_deployed_is_read_from_its_text(aws: Aws, stub: Any) -> None:
    stub("cloudformation").add_response("get_template", {"TemplateBody": '{"Resources": {}}'})

    assert aws.deployed_template("chat-dev") == {"Resources": {}}


def client_error(code: str, message: str = "") -> errors.ClientError:
    return errors.ClientError({"Error": {"Code": code, "Message": message}}, "CreateChangeSet")


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        pytest.param(errors.NoCredentialsError(), CredentialsError, "aws configure", id="no credentials"),
        pytest.param(
            errors.PartialCredentialsError(provider="env", cred_var="x"), CredentialsError, "aws configure", id="half"
        ),
        pytest.param(errors.ProfileNotFound(profile="ops"), CredentialsError, "list-profiles", id="unknown profile"),
        pytest.param(client_error("ExpiredToken"), CredentialsError, "log in again", id="expired"),
        pytest.param(client_error("InvalidClientTokenId"), CredentialsError, "log in again", id="wrong key"),
        pytest.param(
            client_error("UnrecognizedClientException"),
            CredentialsError,
            "or enable the Region for the account$",
            id="a Region that is not enabled",
        ),
        pytest.param(
            errors.LoginRefreshRequired(), CredentialsError, "cannot be loaded: .*'aws login'", id="aws login"
        ),
        pytest.param(client_error("IncompleteSignature"), CredentialsError, "log in again", id="a header was changed"),
        pytest.param(client_error("InvalidSignatureException"), CredentialsError, "log in again", id="wrong secret"),
        pytest.param(client_error("InvalidToken"), CredentialsError, "log in again", id="S3's wrong token"),
        pytest.param(client_error("MissingAuthenticationToken"), CredentialsError, "log in again", id="unsigned"),
        pytest.param(
            client_error("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than 20260101T0"),
            CredentialsError,
            r"another time than this machine \(SignatureDoesNotMatch\): set the clock",
            id="a clock that is late",
        ),
        pytest.param(
            client_error("InvalidSignatureException", "Signature not yet current: 20260101T000000Z is still later"),
            CredentialsError,
            "set the clock",
            id="a clock that is early",
        ),
        pytest.param(client_error("RequestTimeTooSkewed"), CredentialsError, "set the clock", id="S3's clock"),
        pytest.param(errors.NoRegionError(), DeployError, "set AWS_REGION", id="no region"),
        pytest.param(
            errors.SSLError(endpoint_url="https://x", error="unable to get local issuer certificate"),
            DeployError,
            "SSL validation failed for https://x unable .*; AWS_CA_BUNDLE names",
            id="a proxy that opens what is sealed",
        ),
        pytest.param(
            errors.ProxyConnectionError(proxy_url="socks://bob:p@ss@proxy:3128"),
            DeployError,
            r"socks://\*\*\*\*@proxy:3128",
            id="a proxy's password",
        ),
        pytest.param(
            errors.EndpointConnectionError(endpoint_url="https://bob:p@ss@localhost"),
            DeployError,
            r"https://\*\*\*\*@localhost",
            id="an endpoint's password",
        ),
        pytest.param(
            errors.EndpointConnectionError(endpoint_url="https://x.nowhere-1"),
            DeployError,
            "is the region right",
            id="wrong region",
        ),
        pytest.param(
            client_error("AccessDenied", "User u is not authorized to perform: cloudformation:CreateChangeSet"),
            DeniedError,
            "not permitted while testing .*cloudformation:CreateChangeSet",
            id="denied",
        ),
        pytest.param(
            client_error("ChangeSetNotFound", "ChangeSet [x] does not exist"),
            GoneError,
            "testing failed .* does not exist",
            id="a change set that is gone",
        ),
        pytest.param(
            client_error("ValidationError", "Stack [x] does not exist"), GoneError, "does not exist", id="a stack"
        ),
        pytest.param(client_error("Throttling", "Rate\nexceeded"), DeployError, "Rate exceeded", id="anything else"),
        pytest.param(
            errors.IncompleteReadError(actual_bytes=1, expected_bytes=2), DeployError, "testing", id="network"
        ),
        pytest.param(
            ResponseParserError("Unable to parse response:\nb'<html>'"),
            DeployError,
            "is not AWS; is there a proxy",
            id="page",
        ),
        pytest.param(
            errors.ClientError({"ResponseMetadata": {"HTTPStatusCode": 403}}, "DescribeStacks"),
            DeployError,
            r"testing failed \(HTTP 403\): what answered is not AWS",
            id="a page that refuses",
        ),
        pytest.param(
            FileNotFoundError(2, "No such file or directory", "sso-helper"),
            CredentialsError,
            "cannot be loaded: .*'sso-helper'",
            id="no credential_process",
        ),
        pytest.param(
            json.JSONDecodeError("Expecting value", "hello", 0), CredentialsError, "prints no JSON", id="its babble"
        ),
        pytest.param(
            EOFError(), CredentialsError, "asks for an MFA code, and there is no terminal", id="a code nobody can type"
        ),
        pytest.param(
            errors.SSOTokenLoadError(error_msg="Token for corp does not exist"),
            CredentialsError,
            "Token for corp does not exist; run `aws sso login`",
            id="nobody logged in",
        ),
        pytest.param(
            ValueError("Invalid endpoint: localhost:4566"),
            DeployError,
            "Invalid endpoint: localhost:4566; is the AWS configuration right",
            id="an endpoint without a scheme",
        ),
    ],
)
def test_errors_are_one_line_that_says_what_to_do(error: Exception, kind: type[DeployError], text: str) -> None:
    with pytest.raises(kind, match=text) as refused, translated("testing"):
        raise error

    assert "\n" not in str(refused.value)
    assert refused.value.__cause__ is error


def test_a_client_that_cannot_be_made_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "localhost:8000")

    with pytest.raises(DeployError, match="Invalid endpoint: localhost:8000"):
        Aws(region="eu-central-1").table("chat-dev_connections")


def test_an_unknown_profile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    with pytest.raises(CredentialsError, match="ops"):
        Aws(profile="ops").account()


def test_more_alarms_than_one_call_takes(aws: Aws, stub: Any) -> None:
    names = [f"alarm-{n}" for n in range(150)]
    alarm = {"AlarmName": "x", "AlarmDescription": "chat-dev: the router failed"}
    for part, found in ((names[:100], []), (names[100:], [alarm])):
        stub("cloudwatch").add_response(
            "describe_alarms", {"MetricAlarms": found}, {"AlarmNames": part, "StateValue": "ALARM"}
        )

    assert aws.firing_alarms(names) == ["chat-dev: the router failed"]


@pytest.mark.parametrize(
    ("said", "variables", "expected"),
    [
        pytest.param("us-west-2", {"AWS_REGION": "eu-west-1"}, "us-west-2", id="what is said wins"),
        pytest.param(
            None, {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-2"}, "eu-west-1", id="AWS_REGION"
        ),
        pytest.param(None, {"AWS_DEFAULT_REGION": "us-east-2"}, "us-east-2", id="boto3's own"),
        pytest.param(None, {"AWS_REGION": ""}, None, id="an empty one is none"),
    ],
)
def test_the_region_is_where_the_aws_cli_takes_it_from(
    said: str | None, variables: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert Aws(region=said).region == expected


@pytest.mark.parametrize(
    ("region", "url"),
    [
        pytest.param("eu-central-1", "https://s3.eu-central-1.amazonaws.com/b/k.json", id="Europe"),
        pytest.param("us-east-1", "https://s3.amazonaws.com/b/k.json", id="the first Region"),
        pytest.param("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn/b/k.json", id="China"),
        pytest.param("us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com/b/k.json", id="GovCloud"),
    ],
)
def test_a_template_in_the_bucket_has_an_address_of_its_partition(
    region: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")

    assert Aws(region=region).object_url("b", "k.json") == url


def test_tables_and_tags_are_read_to_their_last_page(aws: Aws, stub: Any) -> None:
    dynamodb = stub("dynamodb")
    dynamodb.add_response("list_tables", {"TableNames": ["chat_a", "other"], "LastEvaluatedTableName": "other"}, {})
    dynamodb.add_response("list_tables", {"TableNames": ["chat_b"]}, {"ExclusiveStartTableName": "other"})
    dynamodb.add_response("describe_table", {"Table": {"TableArn": "arn:t"}}, {"TableName": "chat_a"})
    tags = [{"Key": "team", "Value": "x"}], [{"Key": "streamer:stage", "Value": "dev"}]
    dynamodb.add_response("list_tags_of_resource", {"Tags": tags[0], "NextToken": "1"}, {"ResourceArn": "arn:t"})
    dynamodb.add_response("list_tags_of_resource", {"Tags": tags[1]}, {"ResourceArn": "arn:t", "NextToken": "1"})

    assert aws.table_names("chat_") == ["chat_a", "chat_b"]
    assert aws.table_tags("chat_a") == {"team": "x", "streamer:stage": "dev"}


def test_what_is_gone_is_none(aws: Aws, stub: Any) -> None:
    stub("sqs").add_client_error("get_queue_attributes", "AWS.SimpleQueueService.NonExistentQueue", "", 400)
    stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException", "", 400)

    assert aws.queue_length("https://q") is None
    assert aws.table_tags("t") == {}


NAME = "0e7e1a4c-0000-4000-8000-000000000000"
ALIAS = f"{NAME}:live"
OF_ALIAS = {"FunctionName": NAME, "Name": "live"}
OF_LATEST = {"FunctionName": "router", "Qualifier": "$LATEST"}
OF_VERSION = {"FunctionName": NAME, "Qualifier": "live"}
STARTS = ("put_provisioned_concurrency_config", {**OF_VERSION, "ProvisionedConcurrentExecutions": 2})
STARTED = ("get_provisioned_concurrency_config", OF_VERSION)
Call = tuple[str, dict[str, Any], dict[str, Any]]
"""An operation, what it is asked, and its answer."""
OF_MAPPING = ("lambda", drift.MAPPING, "")


@pytest.mark.parametrize(
    ("service", "kind", "owner", "calls", "expected"),
    [
        pytest.param(
            *("lambda", drift.FUNCTION, ""),
            [
                ("get_function", {"FunctionName": NAME}, {"Configuration": {"Timeout": 1}}),
                ("get_policy", {"FunctionName": NAME}, {"Policy": '{"Statement": []}'}),
            ],
            {"Timeout": 1, "ReservedConcurrentExecutions": None, POLICY: {"Statement": []}},
            id="a function without a reservation",
        ),
        pytest.param(
            *("lambda", drift.FUNCTION, ""),
            [
                (
                    "get_function",
                    {"FunctionName": NAME},
                    {"Concurrency": {"ReservedConcurrentExecutions": 0}, "Configuration": {}},
                ),
                ("get_policy", {"FunctionName": NAME}, {"Policy": "{}"}),
            ],
            {"ReservedConcurrentExecutions": 0, POLICY: {}},
            id="a function that may not run",
        ),
        pytest.param(
            *("lambda", drift.EVENTS, "router"),
            [("get_function_event_invoke_config", OF_LATEST, {"MaximumRetryAttempts": 0})],
            {"MaximumRetryAttempts": 0},
            id="what becomes of asynchronous events",
        ),
        *(
            pytest.param(
                *OF_MAPPING,
                [("get_event_source_mapping", {"UUID": NAME}, {"State": state})],
                {"State": state, "Enabled": is_enabled},
                id=f"a mapping that is {state}",
            )
            for state, is_enabled in [("Enabled", True), ("Updating", True), ("Disabling", False), ("Disabled", False)]
        ),
        pytest.param(
            *("apigatewayv2", drift.API, ""),
            [("get_api", {"ApiId": NAME}, {"Name": "chat"})],
            {"Name": "chat"},
            id="an API",
        ),
        pytest.param(
            *("apigatewayv2", drift.STAGE, "a1"),
            [("get_stage", {"ApiId": "a1", "StageName": NAME}, {"AutoDeploy": True, "StageName": NAME})],
            {"AutoDeploy": True, "StageName": NAME},
            id="a stage",
        ),
        pytest.param(
            *("apigatewayv2", drift.ROUTE, "a1"),
            [
                ("get_routes", {"ApiId": "a1"}, {"Items": [{"RouteId": "m", "RouteKey": "b"}], "NextToken": "2"}),
                ("get_routes", {"ApiId": "a1", "NextToken": "2"}, {"Items": [{"RouteId": NAME, "RouteKey": "a"}]}),
            ],
            {"RouteId": NAME, "RouteKey": "a"},
            id="a route, on the second page",
        ),
        pytest.param(
            *("apigatewayv2", drift.API_MAPPING, "chat.example.com"),
            [
                (
                    "get_api_mappings",
                    {"DomainName": "chat.example.com"},
                    {"Items": [{"ApiMappingId": NAME, "ApiId": "a1", "Stage": "dev"}]},
                )
            ],
            {"ApiMappingId": NAME, "ApiId": "a1", "Stage": "dev"},
            id="the mapping of a domain",
        ),
        pytest.param(
            *("events", drift.RULE, ""),
            [
                ("describe_rule", {"Name": NAME}, {"State": "DISABLED"}),
                ("list_targets_by_rule", {"Rule": NAME}, {"Targets": [{"Id": "echo", "Arn": "arn:f"}]}),
            ],
            {"State": "DISABLED", "Targets": [{"Id": "echo", "Arn": "arn:f"}]},
            id="a rule",
        ),
        pytest.param(
            *("cloudwatch", drift.ALARM, ""),
            [
                (
                    "describe_alarms",
                    {"AlarmNames": [NAME]},
                    {"MetricAlarms": [{"AlarmName": NAME, "ActionsEnabled": False}]},
                )
            ],
            {"AlarmName": NAME, "ActionsEnabled": False},
            id="an alarm",
        ),
        pytest.param(
            *("logs", drift.LOG_GROUP, ""),
            [
                (
                    "describe_log_groups",
                    {"logGroupNamePrefix": NAME},
                    {"logGroups": [{"logGroupName": NAME}, {"logGroupName": f"{NAME}-more", "retentionInDays": 3}]},
                )
            ],
            {"logGroupName": NAME, "RetentionInDays": None},
            id="a log group",
        ),
        pytest.param(
            *("iam", drift.ROLE, ""),
            [
                (
                    "get_role",
                    {"RoleName": NAME},
                    {
                        "Role": {
                            "Path": "/",
                            "RoleName": NAME,
                            "RoleId": "AROA12345678901234567",
                            "Arn": f"arn:aws:iam::1:role/{NAME}",
                            "CreateDate": NOW,
                            "AssumeRolePolicyDocument": "%7B%22Statement%22%3A%20%5B%5D%7D",
                            "PermissionsBoundary": {"PermissionsBoundaryArn": "arn:aws:iam::1:policy/bounds"},
                        }
                    },
                ),
                ("list_role_policies", {"RoleName": NAME}, {"PolicyNames": ["own"]}),
                (
                    "get_role_policy",
                    {"RoleName": NAME, "PolicyName": "own"},
                    {"RoleName": NAME, "PolicyName": "own", "PolicyDocument": "%7B%22Version%22%3A%20%221%22%7D"},
                ),
                (
                    "list_attached_role_policies",
                    {"RoleName": NAME},
                    {"AttachedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/X"}]},
                ),
            ],
            {
                "AssumeRolePolicyDocument": {"Statement": []},
                "PermissionsBoundary": "arn:aws:iam::1:policy/bounds",
                "Policies": [{"PolicyName": "own", "PolicyDocument": {"Version": "1"}}],
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/X"],
            },
            id="a role",
        ),
        pytest.param(
            *("secretsmanager", drift.SECRET, ""),
            [("describe_secret", {"SecretId": NAME}, {"DeletedDate": NOW})],
            {drift.DELETION: "2026-11-23"},
            id="a secret that is about to go",
        ),
    ],
)
def test_a_resource_is_told_in_the_words_of_templates(
    aws: Aws, stub: Any, *, service: str, kind: str, owner: str, calls: list[Call], expected: dict[str, Any]
) -> None:
    for operation, asked, answer in calls:
        stub(service).add_response(operation, answer, asked)

    assert aws.there(kind, [NAME], owner) == {NAME: expected}


@pytest.mark.parametrize(
    ("service", "kind", "operation", "code"),
    [
        ("lambda", drift.FUNCTION, "get_function", "ResourceNotFoundException"),
        ("lambda", drift.MAPPING, "get_event_source_mapping", "ResourceNotFoundException"),
        ("lambda", drift.EVENTS, "get_function_event_invoke_config", "ResourceNotFoundException"),
        ("apigatewayv2", drift.API, "get_api", "NotFoundException"),
        ("apigatewayv2", drift.STAGE, "get_stage", "NotFoundException"),
        ("apigatewayv2", drift.INTEGRATION, "get_integrations", "NotFoundException"),
        ("events", drift.RULE, "describe_rule", "ResourceNotFoundException"),
        ("iam", drift.ROLE, "get_role", "NoSuchEntity"),
        ("secretsmanager", drift.SECRET, "describe_secret", "ResourceNotFoundException"),
        ("sqs", drift.QUEUE, "get_queue_attributes", "AWS.SimpleQueueService.NonExistentQueue"),
        ("dynamodb", drift.TABLE, "describe_table", "ResourceNotFoundException"),
    ],
)
def test_a_resource_that_is_gone_is_none(
    aws: Aws, stub: Any, *, service: str, kind: str, operation: str, code: str
) -> None:
    stub(service).add_client_error(operation, code, "", 404)

    assert aws.there(kind, [NAME], "a1") == {NAME: None}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param([f"a1|{NAME}", "a1|m"], {f"a1|{NAME}": True, "a1|m": False}, id="names that say the API, too"),
        pytest.param([f"a1/{NAME}"], {f"a1/{NAME}": True}, id="as MiniStack has them"),
        pytest.param(["Route-1", "Route-2"], {}, id="names that are not API Gateway's"),
    ],
)
def test_parts_of_an_api_are_told_apart_by_their_ids_or_not_at_all(
    aws: Aws, stub: Any, names: list[str], expected: dict[str, bool]
) -> None:
    stub("apigatewayv2").add_response("get_authorizers", {"Items": [{"AuthorizerId": NAME, "Name": "own"}]})

    found = aws.there(drift.AUTHORIZER, names, "a1")

    assert {name: each is not None for name, each in found.items()} == expected


UPDATED = ("get_function", {"FunctionName": NAME}, {"Configuration": {"LastUpdateStatus": "Successful"}})


@pytest.mark.parametrize(
    ("service", "kind", "settings", "calls"),
    [
        pytest.param(
            *("lambda", drift.FUNCTION),
            {"MemorySize": 512, "Code": {"S3Bucket": "b-1", "S3Key": "k"}, "ReservedConcurrentExecutions": None},
            [
                ("delete_function_concurrency", {"FunctionName": NAME}, {}),
                ("update_function_code", {"FunctionName": NAME, "S3Bucket": "b-1", "S3Key": "k"}, {}),
                UPDATED,
                ("update_function_configuration", {"FunctionName": NAME, "MemorySize": 512}, {}),
                UPDATED,
            ],
            id="all of a function",
        ),
        pytest.param(
            *("lambda", drift.FUNCTION),
            {"ReservedConcurrentExecutions": 5},
            [("put_function_concurrency", {"FunctionName": NAME, "ReservedConcurrentExecutions": 5}, {})],
            id="a reservation",
        ),
        pytest.param(
            *("lambda", drift.EVENTS),
            {"MaximumRetryAttempts": 2},
            [
                (
                    "update_function_event_invoke_config",
                    {**OF_LATEST, "FunctionName": "a1", "MaximumRetryAttempts": 2},
                    {},
                )
            ],
            id="what becomes of asynchronous events",
        ),
        pytest.param(
            *("lambda", drift.MAPPING),
            {"Enabled": True},
            [("update_event_source_mapping", {"UUID": NAME, "Enabled": True}, {})],
            id="a mapping",
        ),
        pytest.param(
            *("apigatewayv2", drift.API),
            {"DisableExecuteApiEndpoint": False},
            [("update_api", {"ApiId": NAME, "DisableExecuteApiEndpoint": False}, {})],
            id="an API",
        ),
        pytest.param(
            *("apigatewayv2", drift.STAGE),
            {"AutoDeploy": True},
            [("update_stage", {"ApiId": "a1", "StageName": NAME, "AutoDeploy": True}, {})],
            id="a stage",
        ),
        pytest.param("events", drift.RULE, {"State": "ENABLED"}, [("enable_rule", {"Name": NAME}, {})], id="a rule"),
        pytest.param(
            "events", drift.RULE, {"State": "DISABLED"}, [("disable_rule", {"Name": NAME}, {})], id="a rule that is off"
        ),
        pytest.param(
            *("cloudwatch", drift.ALARM),
            {"ActionsEnabled": True},
            [("enable_alarm_actions", {"AlarmNames": [NAME]}, {})],
            id="an alarm",
        ),
        pytest.param(
            *("cloudwatch", drift.ALARM),
            {"ActionsEnabled": False},
            [("disable_alarm_actions", {"AlarmNames": [NAME]}, {})],
            id="an alarm without actions",
        ),
        pytest.param(
            *("logs", drift.LOG_GROUP),
            {"RetentionInDays": 30},
            [("put_retention_policy", {"logGroupName": NAME, "retentionInDays": 30}, {})],
            id="a log group",
        ),
        pytest.param(
            *("secretsmanager", drift.SECRET),
            {drift.DELETION: None},
            [("restore_secret", {"SecretId": NAME}, {})],
            id="a secret",
        ),
    ],
)
def test_what_was_changed_by_hand_is_set_by_its_service(
    aws: Aws, stub: Any, *, service: str, kind: str, settings: dict[str, Any], calls: list[Call]
) -> None:
    for operation, asked, answer in calls:
        stub(service).add_response(operation, answer, asked)

    aws.set_back(kind, NAME, "a1", settings)


@pytest.mark.parametrize(
    ("shares", "routing"),
    [
        ({}, None),
        ({"2": 0.5}, {"AdditionalVersionWeights": [{"FunctionVersion": "2", "FunctionWeight": 0.5}]}),
    ],
)
@pytest.mark.parametrize("number", [None, 4])
def test_an_alias_is_told_with_what_is_kept_started_of_it(
    aws: Aws, stub: Any, shares: dict[str, float], routing: Any, number: int | None
) -> None:
    answer = {"FunctionVersion": "3", "RoutingConfig": {"AdditionalVersionWeights": shares}}
    stub("lambda").add_response("get_alias", answer, OF_ALIAS)
    if number is None:
        refusal = "ProvisionedConcurrencyConfigNotFoundException"
        stub("lambda").add_client_error(
            "get_provisioned_concurrency_config", refusal, "", 404, expected_params=OF_VERSION
        )
    else:
        found = {"RequestedProvisionedConcurrentExecutions": number}
        stub("lambda").add_response("get_provisioned_concurrency_config", found, OF_VERSION)

    stub("lambda").add_client_error("get_policy", "ResourceNotFoundException", "", 404, expected_params=OF_VERSION)

    warm = None if number is None else {"ProvisionedConcurrentExecutions": number}
    expected = {"FunctionVersion": "3", "RoutingConfig": routing, drift.WARM: warm, POLICY: {}}
    assert aws.there(drift.ALIAS, [ALIAS], "") == {ALIAS: expected}


def test_an_alias_that_is_gone_is_none(aws: Aws, stub: Any) -> None:
    stub("lambda").add_client_error("get_alias", "ResourceNotFoundException", "", 404)

    assert aws.there(drift.ALIAS, [ALIAS], "") == {ALIAS: None}


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        pytest.param(
            {"FunctionVersion": "3", "RoutingConfig": None},
            [("update_alias", {**OF_ALIAS, "FunctionVersion": "3", "RoutingConfig": {"AdditionalVersionWeights": {}}})],
            id="where it leads",
        ),
        pytest.param(
            {"RoutingConfig": {"AdditionalVersionWeights": [{"FunctionVersion": "2", "FunctionWeight": 0.1}]}},
            [("update_alias", {**OF_ALIAS, "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}})],
            id="shares of the user's own",
        ),
        pytest.param(
            {drift.WARM: {"ProvisionedConcurrentExecutions": 2}},
            [STARTS, STARTED],
            id="what is kept started",
        ),
        pytest.param(
            {drift.WARM: {"ProvisionedConcurrentExecutions": 2}, "FunctionVersion": "3"},
            [("update_alias", {**OF_ALIAS, "FunctionVersion": "3"}), STARTS, STARTED],
            id="that of the right version",
        ),
        pytest.param(
            {drift.WARM: None}, [("delete_provisioned_concurrency_config", OF_VERSION)], id="nothing that is kept"
        ),
    ],
)
def test_an_alias_is_set_back_without_what_is_as_it_should_be(
    aws: Aws, stub: Any, settings: dict[str, Any], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    for operation, asked in calls:
        stub("lambda").add_response(operation, {"Status": "READY"} if operation == STARTED[0] else {}, asked)

    aws.set_back(drift.ALIAS, ALIAS, "", settings)


def test_that_nothing_can_be_kept_started_is_told_with_the_reason(aws: Aws, stub: Any) -> None:
    answer = {"Status": "FAILED", "StatusReason": "FUNCTION_ERROR_INIT_FAILURE"}
    stub("lambda").add_response(STARTS[0], {}, STARTS[1])
    stub("lambda").add_response(STARTED[0], answer, STARTED[1])

    with pytest.raises(DeployError, match=r"^setting ProvisionedConcurrencyConfig of .* failed: FUNCTION_ERROR_INIT_"):
        aws.set_back(drift.ALIAS, ALIAS, "", {drift.WARM: {"ProvisionedConcurrentExecutions": 2}})


def test_a_rule_of_another_bus_is_named_with_it(aws: Aws, stub: Any) -> None:
    stub("events").add_response("describe_rule", {}, {"Name": NAME, "EventBusName": "own"})

    stub("events").add_response("list_targets_by_rule", {}, {"Rule": NAME, "EventBusName": "own"})

    assert aws.there(drift.RULE, [f"own|{NAME}"], "") == {f"own|{NAME}": {"Targets": []}}


@pytest.mark.parametrize(
    ("answer", "digest"),
    [
        pytest.param({"ChecksumSHA256": "x=", "ChecksumType": "FULL_OBJECT"}, "x=", id="of the whole"),
        pytest.param({"ChecksumSHA256": "x=-2", "ChecksumType": "COMPOSITE"}, None, id="of its parts"),
        pytest.param({}, None, id="of nothing, as other tools upload it"),
        pytest.param(None, None, id="of what is not there"),
    ],
)
def test_the_digest_of_an_object_is_that_of_all_its_bytes(
    aws: Aws, stub: Any, answer: dict[str, Any] | None, digest: str | None
) -> None:
    asked = {"Bucket": "b", "Key": "k", "ChecksumMode": "ENABLED", "ExpectedBucketOwner": "123456789012"}
    if answer is None:
        stub("s3").add_client_error("head_object", "404", "", 404)
    else:
        stub("s3").add_response("head_object", answer, asked)

    assert aws.object_digest("b", "k", ACCOUNT) == digest
