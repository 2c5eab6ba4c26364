"""What is not as the stack says: found, told, set back where a call can, and refused where nothing but anew helps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fake_cloud import FakeCloud, stack

from deploy.cloud import Change, Resource
from deploy.describe import drift_of, status
from deploy.errors import CredentialsError, DeniedError, DeployError
from deploy.planning.drift import (
    ALARM,
    ALIAS,
    API,
    AUTHORIZER,
    BOUNDARY,
    DELETION,
    EVENTS,
    GONE,
    INTEGRATION,
    LOG_GROUP,
    MAPPING,
    QUEUE,
    ROLE,
    ROUTE,
    RULE,
    SECRET,
    STAGE,
    TABLE,
    WARM,
    Code,
    Drift,
    drifts,
    owner_of,
    sentences,
)
from deploy.planning.drift import FUNCTION as FUNCTION_TYPE
from deploy.stack.settings import StackSettings
from deploy.stack.tables import table
from deploy.stack.template import template
from streamer.topology import Topology

FUNCTION = {
    "MemorySize": 512,
    "Timeout": 29,
    "Handler": "a.b",
    "TracingConfig": {"Mode": "Active"},
    "Environment": {"Variables": {"A": "1", "URL": {"Ref": "Queue"}}},
}
THERE = {**FUNCTION, "Environment": {"Variables": {"A": "1", "URL": "https://q"}}, "State": "Active"}


def one(kind: str, properties: Mapping[str, Any], there: Mapping[str, Any] | None) -> list[Drift]:
    resource = Resource(logical_id="Thing", physical_id="thing", resource_type=kind, status="CREATE_COMPLETE")
    template = {"Resources": {"Thing": {"Type": kind, "Properties": properties}}}
    code = Code(bucket="code", key="chat/1.zip", sha256="ours")
    return list(drifts(template, [resource], {"Thing": there}, code))


@pytest.mark.parametrize(
    ("changes", "said", "repair"),
    [
        pytest.param({"MemorySize": 128}, "MemorySize is 128 and not 512", {"MemorySize": 512}, id="memory"),
        pytest.param(
            {"Handler": "A.b"}, "Handler is A.b and not a.b", {"Handler": "a.b"}, id="handler, by its letters"
        ),
        pytest.param(
            {"TracingConfig": {"Mode": "PassThrough"}},
            "TracingConfig is PassThrough and not Active",
            {"TracingConfig": {"Mode": "Active"}},
            id="tracing",
        ),
        pytest.param(
            {"Timeout": 3, "Environment": {"Variables": {"A": "2", "B": "x", "URL": "https://q"}}},
            "Timeout is 3 and not 29; the variables A, B",
            {"Timeout": 29, "Environment": {"Variables": {"A": "1", "URL": "https://q"}}},
            id="settings and variables, in one",
        ),
        pytest.param(
            {"Environment": {"Variables": {"A": "1"}}}, "the variables URL", {}, id="one that only CloudFormation knows"
        ),
    ],
)
def test_what_was_changed_of_a_function_is_said_and_set_back(
    changes: dict[str, Any], said: str, repair: dict[str, Any]
) -> None:
    [found] = one("AWS::Lambda::Function", FUNCTION, {**THERE, **changes})

    assert (found.what, found.repair) == (f"was changed by hand: {said}", repair)
    assert not found.is_gone


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        pytest.param({"MemorySize": {"Fn::FindInMap": ["Sizes", "all", "mb"]}}, {"MemorySize": 256}, id="a function"),
        pytest.param({"Timeout": "20"}, {"Timeout": 20}, id="a number as text"),
        pytest.param({"MemorySize": "True"}, {"MemorySize": True}, id="a truth as text"),
        pytest.param({"Environment": {"Fn::If": ["Big", {}, {}]}}, {"Environment": {"Variables": {}}}, id="all of it"),
        pytest.param({"Environment": {"Variables": {"Fn::If": ["Big", {}, {}]}}}, {}, id="all variables"),
        pytest.param(
            {"Environment": {"Variables": {"A": "1", "B": {"Fn::If": ["Big", "x", {"Ref": "AWS::NoValue"}]}}}},
            {"Environment": {"Variables": {"A": "1"}}},
            id="perhaps no variable",
        ),
        pytest.param(
            {"Environment": {"Variables": {"LEVEL": "{{resolve:ssm:/chat/level}}"}}},
            {"Environment": {"Variables": {"LEVEL": "deep"}}},
            id="a dynamic reference",
        ),
        pytest.param(
            {"Environment": {"Variables": {"SAYS": "Gr?? Gott, ??? ?"}}},
            {"Environment": {"Variables": {"SAYS": "Grüß Gott, 請交月 😀"}}},
            id="what GetTemplate cannot tell",
        ),
    ],
)
def test_what_cloudformation_makes_of_a_template_is_no_change(wanted: dict[str, Any], there: dict[str, Any]) -> None:
    assert one("AWS::Lambda::Function", {**FUNCTION, **wanted}, {**THERE, **there}) == []


def test_what_only_cloudformation_knows_stays_as_it_is_when_another_variable_is_set_back() -> None:
    wanted = {"A": "1", "LEVEL": "{{resolve:ssm:/chat/level}}", "SAYS": "Gr??", "GONE": "x"}
    there = {"A": "2", "LEVEL": "deep", "SAYS": "Grüß"}
    [found] = one(
        "AWS::Lambda::Function",
        {"Environment": {"Variables": wanted}},
        {"Environment": {"Variables": there}},
    )

    assert found.what == "was changed by hand: the variables A, GONE"
    assert found.repair == {"Environment": {"Variables": {"A": "1", "LEVEL": "deep", "SAYS": "Grüß", "GONE": "x"}}}


def test_text_that_boto3_would_not_take_for_a_number_is_not_set_back() -> None:
    [found] = one("AWS::Lambda::Function", {"Timeout": "20"}, {"Timeout": 30})

    assert (found.what, found.repair) == ("was changed by hand: Timeout is 30 and not 20", {})


def test_no_value_of_a_variable_is_told() -> None:
    [found] = one("AWS::Lambda::Function", FUNCTION, {**THERE, "Environment": {"Variables": {"A": "hush"}}})

    assert "hush" not in found.what


def test_variables_that_nobody_here_may_decrypt_are_not_called_changed() -> None:
    encrypted = {"Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms:Decrypt"}}}

    assert one("AWS::Lambda::Function", FUNCTION, {**THERE, **encrypted}) == []


def test_a_changed_stage_is_set_back_whole() -> None:
    wanted = {"ThrottlingRateLimit": 500.0, "ThrottlingBurstLimit": 1000, "DetailedMetricsEnabled": True}
    [found] = one(
        "AWS::ApiGatewayV2::Stage",
        {"DefaultRouteSettings": wanted},
        {"DefaultRouteSettings": {"ThrottlingRateLimit": 5.0, "ThrottlingBurstLimit": 10}},
    )

    assert found.what == (
        "was changed by hand: ThrottlingRateLimit is 5.0 and not 500.0; ThrottlingBurstLimit is 10 and not 1000"
    )
    assert found.repair == {"DefaultRouteSettings": wanted}


def test_a_table_of_another_shape(topology: Topology) -> None:
    described = table(topology.tables[1])["Properties"]

    [found] = one("AWS::DynamoDB::Table", described, {**described, "StreamSpecification": {"StreamEnabled": False}})

    assert found.what == "is not as the stack says: its stream is off, not NEW_AND_OLD_IMAGES"
    assert not found.repair


KEPT = {
    "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
}


@pytest.mark.parametrize(
    ("there", "said", "is_repaired"),
    [
        pytest.param(
            {"TimeToLiveSpecification": {"Enabled": False}}, "TTL: Enabled is False and not True", True, id="TTL"
        ),
        pytest.param(
            {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "end"}},
            "TTL: AttributeName is end and not ttl",
            False,
            id="another attribute, which DynamoDB takes an hour after the first is off",
        ),
        pytest.param(
            {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}},
            "point-in-time recovery: PointInTimeRecoveryEnabled is False and not True",
            True,
            id="point-in-time recovery",
        ),
    ],
)
def test_what_a_table_forgets_and_what_can_be_restored_of_it_is_compared(
    there: dict[str, Any], said: str, *, is_repaired: bool
) -> None:
    [found] = one("AWS::DynamoDB::Table", KEPT, {**KEPT, **there})

    assert found.what == f"was changed by hand: {said}"
    assert found.repair == ({name: KEPT[name] for name in there} if is_repaired else {})


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        pytest.param(KEPT, {}, id="what nobody may look at"),
        pytest.param({}, KEPT, id="what the stack says nothing of"),
        pytest.param({name: {"Fn::If": ["Big", {}, {}]} for name in KEPT}, KEPT, id="what CloudFormation chooses"),
        pytest.param({"TimeToLiveSpecification": {"Enabled": "true"}}, KEPT, id="truth as text"),
    ],
)
def test_what_cannot_be_known_of_a_table_is_no_change(wanted: dict[str, Any], there: dict[str, Any]) -> None:
    assert one("AWS::DynamoDB::Table", wanted, there) == []


def test_who_may_not_look_at_backups_is_told_so_and_of_all_else(topology: Topology) -> None:
    class Denied(FakeCloud):
        def table_settings(self, name: str) -> Mapping[str, Any]:
            raise DeniedError("not permitted")

    kind = "AWS::DynamoDB::Table"
    parts = [Resource(logical_id=n, physical_id=n, resource_type=kind, status="X") for n in ("Gone", "There")]
    cloud = Denied(descriptions={"There": {}})

    drift, notes = drift_of(cloud, {"Resources": {"Gone": {}, "There": {}}}, parts)

    assert [(each.logical_id, each.is_gone) for each in drift] == [("Gone", True)]
    assert notes == ("TTL and backups of the tables were not compared with what the stack says: not permitted",)


@pytest.mark.parametrize(
    ("kind", "properties", "there", "said", "repair"),
    [
        pytest.param(
            FUNCTION_TYPE,
            {},
            {"ReservedConcurrentExecutions": 0},
            "ReservedConcurrentExecutions is 0 and not none",
            {"ReservedConcurrentExecutions": None},
            id="a function that the console's button keeps from running",
        ),
        pytest.param(
            FUNCTION_TYPE,
            {"ReservedConcurrentExecutions": 5},
            {"ReservedConcurrentExecutions": None},
            "ReservedConcurrentExecutions is none and not 5",
            {"ReservedConcurrentExecutions": 5},
            id="a reservation that was taken away",
        ),
        pytest.param(
            MAPPING,
            {"BatchSize": 10},
            {"Enabled": False, "BatchSize": 1},
            "Enabled is False and not True; BatchSize is 1 and not 10",
            {"Enabled": True, "BatchSize": 10},
            id="a mapping that reads nothing",
        ),
        pytest.param(
            RULE,
            {"State": "ENABLED"},
            {"State": "DISABLED"},
            "State is DISABLED and not ENABLED",
            {"State": "ENABLED"},
            id="a schedule that is off",
        ),
        pytest.param(
            RULE,
            {"ScheduleExpression": "rate(1 minute)"},
            {"ScheduleExpression": "rate(1 hour)", "State": "ENABLED"},
            "ScheduleExpression is rate(1 hour) and not rate(1 minute)",
            {},
            id="another time",
        ),
        pytest.param(
            ALARM,
            {"Threshold": 1},
            {"ActionsEnabled": False, "Threshold": 1.0},
            "ActionsEnabled is False and not True",
            {"ActionsEnabled": True},
            id="an alarm that wakes nobody",
        ),
        pytest.param(
            ALARM,
            {"Threshold": "1"},
            {"ActionsEnabled": True, "Threshold": 100.0},
            "Threshold is 100.0 and not 1",
            {},
            id="an alarm that rings late",
        ),
        pytest.param(
            LOG_GROUP,
            {"RetentionInDays": 30},
            {"RetentionInDays": None},
            "RetentionInDays is none and not 30",
            {"RetentionInDays": 30},
            id="logs that stay for ever",
        ),
        pytest.param(
            STAGE,
            {"AutoDeploy": True},
            {"AutoDeploy": False},
            "AutoDeploy is False and not True",
            {"AutoDeploy": True},
            id="a stage that changes no more",
        ),
        pytest.param(
            API,
            {"RouteSelectionExpression": "$request.body.action"},
            {"RouteSelectionExpression": "$request.body.type", "DisableExecuteApiEndpoint": False},
            "RouteSelectionExpression is $request.body.type and not $request.body.action",
            {"RouteSelectionExpression": "$request.body.action"},
            id="an API that looks for routes elsewhere",
        ),
        pytest.param(
            API,
            {},
            {"DisableExecuteApiEndpoint": True},
            "DisableExecuteApiEndpoint is True and not False",
            {"DisableExecuteApiEndpoint": False},
            id="an API without its address",
        ),
        pytest.param(
            ROUTE,
            {"AuthorizationType": "CUSTOM"},
            {"AuthorizationType": "NONE"},
            "AuthorizationType is NONE and not CUSTOM",
            {},
            id="a route that lets everybody in",
        ),
        pytest.param(
            SECRET,
            {},
            {DELETION: "2026-12-29"},
            "planned deletion is 2026-12-29 and not none",
            {DELETION: None},
            id="a secret that is about to go",
        ),
        pytest.param(
            TABLE,
            {"BillingMode": "PAY_PER_REQUEST"},
            {"BillingModeSummary": {"BillingMode": "PROVISIONED"}},
            "BillingMode is PROVISIONED and not PAY_PER_REQUEST",
            {"BillingMode": "PAY_PER_REQUEST"},
            id="a table of one request a second",
        ),
    ],
)
def test_what_was_changed_of_others_is_said_and_set_back_where_a_call_can(
    kind: str, properties: dict[str, Any], there: dict[str, Any], said: str, repair: dict[str, Any]
) -> None:
    [found] = one(kind, properties, there)

    assert (found.what, found.repair) == (f"was changed by hand: {said}", repair)


@pytest.mark.parametrize(
    ("kind", "properties", "there"),
    [
        pytest.param(MAPPING, {"Enabled": {"Fn::If": ["Big", True, False]}}, {"Enabled": False}, id="a choice"),
        pytest.param(ALARM, {"Threshold": "1"}, {"Threshold": 1.0, "ActionsEnabled": True}, id="a number as text"),
        pytest.param(LOG_GROUP, {}, {"RetentionInDays": 7}, id="what the stack leaves open"),
        pytest.param(SECRET, {}, {DELETION: None}, id="a secret that stays"),
        pytest.param(
            TABLE,
            {"BillingMode": "PROVISIONED"},
            {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}},
            id="capacity, which no one call sets back",
        ),
        pytest.param(FUNCTION_TYPE, {"Code": {"ZipFile": "x"}}, {"CodeSha256": "other"}, id="code of its own"),
    ],
)
def test_what_is_as_the_stack_says_or_may_be_is_not_told(
    kind: str, properties: dict[str, Any], there: dict[str, Any]
) -> None:
    assert one(kind, properties, there) == []


@pytest.mark.parametrize(
    ("routes", "warm", "said", "repair"),
    [
        pytest.param(("3", None), 2, None, None, id="as the stack says"),
        pytest.param(("2", None), 2, "FunctionVersion is 2 and not 3", {"FunctionVersion": "3"}, id="another version"),
        pytest.param(
            ("3", [{"FunctionVersion": "2", "FunctionWeight": 0.5}]),
            2,
            "RoutingConfig is [{'FunctionVersion': '2', 'FunctionWeight': 0.5}] and not none",
            {"RoutingConfig": None},
            id="two versions by turns",
        ),
        pytest.param(
            ("3", None),
            None,
            "ProvisionedConcurrencyConfig is none and not 2",
            {WARM: {"ProvisionedConcurrentExecutions": 2}},
            id="nothing is kept started",
        ),
        pytest.param(
            ("3", None), 9, "ProvisionedConcurrencyConfig is 9 and not 2", {}, id="as auto scaling may have set it"
        ),
    ],
)
def test_an_alias_leads_to_the_stacks_version_and_is_kept_started(
    routes: tuple[str, Any], warm: int | None, said: str | None, repair: Any
) -> None:
    def of(kind: str, logical_id: str, physical_id: str) -> Resource:
        return Resource(logical_id=logical_id, physical_id=physical_id, resource_type=kind, status="")

    def kept(number: int | None) -> Any:
        return None if number is None else {"ProvisionedConcurrentExecutions": number}

    properties = {"FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]}, WARM: kept(2)}
    resources = [
        of(ALIAS, "Alias", "arn:aws:lambda:eu-central-1:1:function:f:live"),
        of("AWS::Lambda::Version", "Version", "arn:aws:lambda:eu-central-1:1:function:f:3"),
    ]
    version, others = routes
    shares = {"AdditionalVersionWeights": others} if others else None
    there = {"FunctionVersion": version, "RoutingConfig": shares, WARM: kept(warm)}

    found = drifts({"Resources": {"Alias": {"Type": ALIAS, "Properties": properties}}}, resources, {"Alias": there})

    expected = [] if said is None else [(f"was changed by hand: {said}", repair)]
    assert [(each.what, each.repair) for each in found] == expected


QUEUE_ARN = "arn:aws:sqs:eu-central-1:1:chat-dead-letters"


@pytest.mark.parametrize("kind", [MAPPING, EVENTS])
@pytest.mark.parametrize(
    ("there", "said"),
    [
        pytest.param({"DestinationConfig": {"OnFailure": {"Destination": QUEUE_ARN}}}, None, id="as the stack says"),
        pytest.param({}, None, id="of which AWS does not tell"),
        pytest.param({"DestinationConfig": {"OnFailure": {}}}, "goes to nobody", id="nowhere"),
        pytest.param({"DestinationConfig": {}}, "goes to nobody", id="nowhere at all"),
        pytest.param(
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:eu-central-1:1:other"}}},
            "goes to arn:aws:sqs:eu-central-1:1:other",
            id="elsewhere",
        ),
    ],
)
def test_what_is_given_up_goes_where_the_stack_says(kind: str, there: dict[str, Any], said: str | None) -> None:
    queue = Resource(logical_id="Dead", physical_id="https://sqs/1/chat-dead-letters", resource_type=QUEUE, status="")
    reader = Resource(logical_id="Reader", physical_id="r", resource_type=kind, status="")
    destination = {"OnFailure": {"Destination": {"Fn::GetAtt": ["Dead", "Arn"]}}}
    template = {"Resources": {"Reader": {"Type": kind, "Properties": {"DestinationConfig": destination}}}}

    found = drifts(template, [queue, reader], {"Reader": there})

    expected = [] if said is None else [f"was changed by hand: what is given up {said}"]
    assert [each.what for each in found] == expected


URI = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{}/invocations"
ROUTER = "arn:aws:lambda:eu-central-1:1:function:chat-dev-router"


@pytest.mark.parametrize(
    ("kind", "called", "there", "is_told"),
    [
        pytest.param(ROUTE, "Target", "integrations/i1", False, id="a route"),
        pytest.param(ROUTE, "Target", "integrations/i2", True, id="a route to another integration"),
        pytest.param(ROUTE, "Target", None, False, id="of which AWS does not tell"),
        pytest.param(INTEGRATION, "IntegrationUri", URI.format(ROUTER), False, id="an integration"),
        pytest.param(INTEGRATION, "IntegrationUri", URI.format(f"{ROUTER}-2"), True, id="of another function"),
        pytest.param(AUTHORIZER, "AuthorizerUri", URI.format(f"{ROUTER}:live"), False, id="an authorizer's alias"),
        pytest.param(AUTHORIZER, "AuthorizerUri", "", True, id="an authorizer of nothing"),
    ],
)
def test_messages_are_led_where_the_stack_says(kind: str, called: str, there: str | None, is_told: bool) -> None:
    uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/%s/invocations"
    described = {
        "Target": "integrations/${Answer}",
        "IntegrationUri": uri % "${Router.Arn}",
        "AuthorizerUri": uri % "${Live}",
    }
    ids = {"Router": "chat-dev-router", "Live": f"{ROUTER}:live", "Answer": "a1|i1", "Part": "p1"}
    parts = [Resource(logical_id=name, physical_id=id_, resource_type=kind, status="") for name, id_ in ids.items()]
    template = {"Resources": {"Part": {"Type": kind, "Properties": {called: {"Fn::Sub": described[called]}}}}}

    found = drifts(template, parts, {"Part": {called: there}})

    assert [each.what for each in found] == ([f"was changed by hand: {called} is {there}"] if is_told else [])


@pytest.mark.parametrize(
    ("there", "said"),
    [
        pytest.param([{"Id": "sweep", "Arn": ROUTER}, {"Id": "more", "Arn": "arn:f:other"}], [], id="and others"),
        pytest.param([], ["was changed by hand: it calls nobody"], id="nobody"),
        pytest.param([{"Id": "sweep", "Arn": "arn:f:o"}], ["was changed by hand: it calls arn:f:o"], id="another one"),
        pytest.param(None, [], id="of which AWS does not tell"),
    ],
)
def test_a_schedule_calls_what_the_stack_says(there: Any, said: list[str]) -> None:
    targets = [{"Id": "sweep", "Arn": {"Fn::GetAtt": ["Router", "Arn"]}}]
    template = {"Resources": {"Sweep": {"Type": RULE, "Properties": {"Targets": targets}}}}
    parts = [
        Resource(logical_id=name, physical_id=id_, resource_type=RULE, status="")
        for name, id_ in (("Router", "chat-dev-router"), ("Sweep", "s"))
    ]

    found = drifts(template, parts, {"Sweep": {} if there is None else {"Targets": there}})

    assert [each.what for each in found] == said


@pytest.mark.parametrize(("qualifier", "owner"), [("$LATEST", "chat-work"), ("live", None)])
def test_settings_of_asynchronous_events_are_those_of_a_function_and_of_no_alias(
    qualifier: str, owner: str | None
) -> None:
    function = Resource(logical_id="Work", physical_id="chat-work", resource_type=FUNCTION_TYPE, status="")
    events = Resource(logical_id="Async", physical_id="chat-work|x", resource_type=EVENTS, status="")
    described = {"Type": EVENTS, "Properties": {"FunctionName": {"Ref": "Work"}, "Qualifier": qualifier}}

    assert owner_of({"Resources": {"Async": described}}, [function, events], events) == owner


def test_a_boundary_that_was_taken_from_a_role_is_told() -> None:
    [found] = one(ROLE, {BOUNDARY: "arn:aws:iam::1:policy/bounds"}, {BOUNDARY: None})

    what = "was changed by hand: PermissionsBoundary is none and not arn:aws:iam::1:policy/bounds"
    assert (found.what, found.repair) == (what, {})


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        pytest.param("ours", [], id="what was deployed"),
        pytest.param("theirs", ["was changed by hand: the code"], id="what was written in Lambda's editor"),
    ],
)
def test_the_code_that_a_function_runs_is_that_of_the_stack(runs: str, said: list[str], topology: Topology) -> None:
    cloud = whole(topology)
    cloud.found = stack(parameters={"CodeBucket": "code", "CodeKey": "chat/1.zip"})
    cloud.digests = {"chat/1.zip": "ours"}
    cloud.functions["chat-dev-router"] = {**cloud.functions["chat-dev-router"], "CodeSha256": runs}

    found = status(cloud, "chat-dev").drift

    assert [each.what for each in found] == said
    assert [each.repair for each in found] == [{"Code": {"S3Bucket": "code", "S3Key": "chat/1.zip"}} for _ in said]


@pytest.mark.parametrize("kind", ["Lambda::Function", "DynamoDB::Table", "SQS::Queue", "ApiGatewayV2::Api"])
def test_what_is_gone_is_gone(kind: str) -> None:
    [found] = one(f"AWS::{kind}", FUNCTION, None)

    assert found.is_gone


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (3, [f"A{n} {GONE}" for n in range(3)]),
        (
            5,
            ["A0, A1, A2 and 2 more of AWS::CloudWatch::Alarm are gone: somebody deleted them, and the stack does not"],
        ),
    ],
)
def test_of_many_of_a_type_that_are_gone_one_line_tells(number: int, told: list[str]) -> None:
    [changed] = one(FUNCTION_TYPE, {"MemorySize": 512}, {"MemorySize": 128})
    [gone] = one(ALARM, {}, None)
    found = [changed, *(replace(gone, logical_id=f"A{n}") for n in range(number))]

    lines = [line for _, line in sentences(found)]

    assert lines[0] == f"{changed.logical_id} was changed by hand: MemorySize is 128 and not 512"
    assert [line[: len(said)] for line, said in zip(lines[1:], told, strict=True)] == told


def test_what_is_as_described_is_not_told() -> None:
    assert one("AWS::Lambda::Function", FUNCTION, THERE) == []


def test_nobody_is_asked_about_what_a_stack_does_not_have() -> None:
    assert drift_of(FakeCloud(), {}, []) == ((), ())


def resources(made: Mapping[str, Any]) -> list[Resource]:
    names = {"Stage": "dev", "Api": "a1", "RouterFunction": "chat-dev-router", "DeadLettersQueue": "https://q"}
    return [
        Resource(
            logical_id=name,
            physical_id=names.get(name, f"of-{name}"),
            resource_type=each["Type"],
            status="CREATE_COMPLETE",
        )
        for name, each in made["Resources"].items()
        if name in names
    ]


def whole(topology: Topology) -> FakeCloud:
    """A stack, and what is there of it."""
    made = template(topology, StackSettings(stack_name="chat-dev"))
    router, stage = (made["Resources"][name]["Properties"] for name in ("RouterFunction", "Stage"))
    return FakeCloud(
        found=stack(),
        template=made,
        parts=resources(made),
        functions={"chat-dev-router": router},
        apis={"a1": {}, "a1/dev": stage},
        changes=(Change(action="Modify", logical_id="Api", resource_type="AWS::ApiGatewayV2::Api"),),
    )


def test_status_tells_what_was_changed_and_what_is_gone(topology: Topology) -> None:
    cloud = whole(topology)
    assert status(cloud, "chat-dev").drift == ()
    cloud.apis.pop("a1/dev")
    cloud.functions["chat-dev-router"] = {**cloud.functions["chat-dev-router"], "MemorySize": 1024}

    told = {each.logical_id: each.what for each in status(cloud, "chat-dev").drift}

    assert told["RouterFunction"] == "was changed by hand: MemorySize is 1024 and not 128"
    assert told["Stage"] == "is gone: somebody deleted it, and the stack does not know"


@pytest.mark.parametrize(
    ("state", "way"),
    [
        ("UPDATE_IN_PROGRESS", "is being changed right now (UPDATE_IN_PROGRESS); wait for it"),
        ("DELETE_IN_PROGRESS", "is being changed right now (DELETE_IN_PROGRESS); wait for it"),
        (
            "ROLLBACK_COMPLETE",
            "is the empty remains of a deployment that failed; `streamer deploy` removes it first",
        ),
        (
            "DELETE_FAILED",
            "is stuck in DELETE_FAILED (CloudFormation gives no reason); run `streamer destroy`, which keeps the "
            "tables, and deploy again",
        ),
    ],
)
def test_of_a_stack_that_is_not_at_rest_the_way_out_is_told_and_nothing_compared(
    topology: Topology, state: str, way: str
) -> None:
    cloud = whole(topology)
    cloud.functions.clear()
    cloud.found = stack(state)

    found = status(cloud, "chat-dev")

    assert found.drift == ()
    assert found.notes == (f"chat-dev {way}; until then what there is is not compared with what the stack says",)


@pytest.mark.parametrize("left", ["DELETE_COMPLETE", "DELETE_SKIPPED"])
def test_what_a_stack_has_no_more_is_neither_counted_nor_missed(topology: Topology, left: str) -> None:
    cloud = whole(topology)
    counted = status(cloud, "chat-dev").resources["AWS::Lambda::Function"]
    del cloud.functions["chat-dev-router"]
    cloud.parts = [replace(each, status=left) if each.logical_id == "RouterFunction" else each for each in cloud.parts]

    found = status(cloud, "chat-dev")

    assert found.drift == ()
    assert found.resources.get("AWS::Lambda::Function", 0) == counted - 1


def test_a_stage_is_looked_for_at_its_own_api(topology: Topology) -> None:
    cloud = whole(topology)
    beside: dict[str, dict[str, Any]] = {
        "Beside": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {}},
        "OwnStage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {"ApiId": {"Ref": "Beside"}}},
        "OtherStage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {"ApiId": {"Fn::ImportValue": "x"}}},
    }
    cloud.template = {"Resources": {**cloud.template["Resources"], **beside}}
    own = [
        Resource(logical_id=name, physical_id=name.lower(), resource_type=each["Type"], status="CREATE_COMPLETE")
        for name, each in beside.items()
    ]
    cloud.parts = [*own, *cloud.parts]
    cloud.apis |= {"beside": {}, "beside/ownstage": {}}

    assert status(cloud, "chat-dev").drift == ()


class Unwilling(FakeCloud):
    """Answers nothing about some types of resources."""

    errors: Mapping[str, DeployError]

    def there(self, kind: str, names: Sequence[str], owner: str) -> Mapping[str, Mapping[str, Any] | None]:
        if kind in self.errors:
            raise self.errors[kind]
        return super().there(kind, names, owner)


def unwilling(topology: Topology, errors: Mapping[str, DeployError]) -> Unwilling:
    cloud = whole(topology)
    cloud.apis.pop("a1/dev")
    found = Unwilling(**vars(cloud))
    found.errors = errors
    return found


def test_whoever_may_not_look_is_told_so_and_told_of_all_else(topology: Topology) -> None:
    denied = {FUNCTION_TYPE: DeniedError("not permitted"), QUEUE: DeniedError("nor here")}

    found = status(unwilling(topology, denied), "chat-dev")

    assert [each.logical_id for each in found.drift] == ["Stage"]
    assert found.notes == ("functions, queues were not compared with what the stack says: not permitted",)


def test_what_deploying_does_not_need_may_be_out_of_reach(topology: Topology) -> None:
    cloud = unwilling(topology, {ROLE: DeployError("AWS cannot be reached")})
    cloud.parts = [*cloud.parts, Resource(logical_id="RouterRole", physical_id="r", resource_type=ROLE, status="X")]

    assert status(cloud, "chat-dev").notes == (
        "roles were not compared with what the stack says: AWS cannot be reached",
    )


@pytest.mark.parametrize(
    "errors",
    [
        pytest.param({FUNCTION_TYPE: DeployError("AWS cannot be reached")}, id="what it needs"),
        pytest.param({STAGE: CredentialsError("log in again")}, id="credentials that ended"),
    ],
)
def test_nothing_is_told_of_a_stack_that_nobody_could_look_at(
    topology: Topology, errors: Mapping[str, DeployError]
) -> None:
    with pytest.raises(DeployError, match=str(next(iter(errors.values())))):
        status(unwilling(topology, errors), "chat-dev")
