"""Planning: what is there and what should be decide what is done."""

import contextlib
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from fake_cloud import STACK_ID, event, stack

from deploy.cloud import Account, BucketState, Replacement, Stack
from deploy.errors import DeployError, StackStateError
from deploy.planning.drift import GONE, Drift
from deploy.planning.plan import (
    AT_REST,
    CreateBucket,
    Found,
    Propose,
    RemoveFailedStack,
    UploadCode,
    UploadTemplate,
    Wanted,
    plan,
    root_cause,
    way_out,
)

TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "t", "KeySchema": []}}
FUNCTION = {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Key": {"Ref": "CodeKey"}}, "Timeout": 3}}
TEMPLATE = {
    "Parameters": {"CodeKey": {}, "CodeBucket": {}, "JwtSecret": {"NoEcho": True}},
    "Resources": {"Table": TABLE, "Function": FUNCTION},
}
KEY = "chat/abc.zip"


@pytest.fixture
def wanted() -> Wanted:
    return Wanted(
        stack_name="chat-dev",
        stage="dev",
        service="chat",
        template=TEMPLATE,
        template_bytes=1000,
        code_key=KEY,
        code_bytes=2048,
        bucket=None,
        given=frozenset({"JwtSecret"}),
        needs_logging_role=True,
    )


@pytest.fixture
def empty_account() -> Found:
    return Found(
        account=Account(account_id="123456789012", region="us-east-1"),
        bucket=BucketState.ABSENT,
        has_code=False,
        stack=None,
        template=None,
        logging_role="arn",
    )


@pytest.fixture
def deployed(empty_account: Found) -> Found:
    there = stack(parameters={"CodeKey": KEY, "CodeBucket": "b", "JwtSecret": "****"})
    return replace(empty_account, bucket=BucketState.OURS, has_code=True, stack=there, template=TEMPLATE)


def test_a_first_deployment_begins_with_the_bucket_and_the_code(wanted: Wanted, empty_account: Found) -> None:
    made = plan(wanted, empty_account, inline_bytes=5000)

    bucket = "streamer-code-123456789012-us-east-1"
    assert made.steps == (
        CreateBucket(bucket),
        UploadCode(bucket, KEY, 2048),
        Propose(stack_name="chat-dev", is_new=True, previous=(), adopted=()),
    )
    assert [change.action for change in made.expected] == ["Add", "Add"]


def test_unchanged_code_is_not_uploaded_again(wanted: Wanted, deployed: Found) -> None:
    made = plan(replace(wanted, given=frozenset()), deployed, inline_bytes=5000)

    [step] = made.steps
    assert step == Propose(
        stack_name="chat-dev", is_new=False, previous=("CodeKey", "CodeBucket", "JwtSecret"), adopted=()
    )
    assert made.expected == ()


@pytest.mark.parametrize(
    ("kind", "is_changed", "is_refused"),
    [
        pytest.param("AWS::Lambda::Function", False, True, id="what nothing works without"),
        pytest.param("AWS::Logs::LogGroup", True, True, id="what would be changed, which fails half way"),
        pytest.param("AWS::Logs::LogGroup", False, False, id="what is left as it is"),
    ],
)
def test_nothing_is_deployed_over_what_is_gone_and_in_the_way(
    wanted: Wanted, deployed: Found, kind: str, *, is_changed: bool, is_refused: bool
) -> None:
    now, new = (
        {"Resources": {"Thing": {"Type": kind, "Properties": {"RetentionInDays": days}}}}
        for days in (1, 30 if is_changed else 1)
    )
    gone = Drift(logical_id="Thing", physical_id="t", resource_type=kind, what=GONE)
    described = replace(wanted, template=new, given=frozenset())
    found = replace(deployed, template=now, drift=(gone,))

    with pytest.raises(StackStateError, match="--revert-drift") if is_refused else contextlib.nullcontext():
        plan(described, found, inline_bytes=5000)

    step = plan(replace(described, reverts_drift=True), found, inline_bytes=5000).steps[-1]
    assert isinstance(step, Propose)
    assert step.reverts_drift


def test_changed_code_changes_functions_and_nothing_else(wanted: Wanted, deployed: Found) -> None:
    made = plan(replace(wanted, code_key="chat/def.zip"), replace(deployed, has_code=False), inline_bytes=5000)

    assert UploadCode(made.bucket, "chat/def.zip", 2048) in made.steps
    assert [(change.logical_id, change.properties) for change in made.expected] == [("Function", ("Code",))]


def test_the_stacks_name_in_full_is_the_same_as_what_cloudformation_makes_of_it(
    wanted: Wanted, deployed: Found
) -> None:
    now, new = (
        {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, "Tags": [tag]}}}}
        for name, tag in ((f"/logs/{wanted.stack_name}", "a"), ({"Fn::Sub": "/logs/${AWS::StackName}"}, "b"))
    )

    made = plan(replace(wanted, template=new, given=frozenset()), replace(deployed, template=now), inline_bytes=5000)

    [change] = made.expected
    assert (change.replacement, change.properties) == (Replacement.NO, ("Tags",))


def test_without_asking_aws_a_first_deployment_is_assumed_and_that_is_said(wanted: Wanted) -> None:
    made = plan(wanted, None, inline_bytes=5000)

    assert made.bucket == "streamer-code-ACCOUNT-REGION"
    assert "AWS was not asked" in made.notes[0]


def test_variables_that_hold_an_address_of_this_machine_are_told(wanted: Wanted, deployed: Found) -> None:
    said = {
        "JWT_JWKS_URL": "http://127.0.0.1:9/keys",
        "OTHER": "https://localhost",
        "FINE": "http://localhost.example/x",
    }
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": said}}}
    resources = {**wanted.template["Resources"], "F": function}

    made = plan(replace(wanted, template={**wanted.template, "Resources": resources}), deployed, inline_bytes=10**6)

    assert made.notes == (
        "functions are told addresses of this machine, where on AWS nothing answers: JWT_JWKS_URL, OTHER",
    )


def test_a_large_template_goes_through_the_bucket(wanted: Wanted, deployed: Found) -> None:
    made = plan(replace(wanted, template_bytes=5001), deployed, inline_bytes=5000)

    [upload] = (step for step in made.steps if isinstance(step, UploadTemplate))
    assert (upload.bucket, upload.key[:14], upload.key[-14:]) == (made.bucket, "chat/chat-dev.", ".template.json")


def test_two_deployments_at_once_upload_no_template_over_each_other(wanted: Wanted, deployed: Found) -> None:
    other = replace(wanted, template={**TEMPLATE, "Description": "another one"})
    plans = [plan(replace(each, template_bytes=5001), deployed, inline_bytes=5000) for each in (wanted, other, wanted)]

    keys = [step.key for made in plans for step in made.steps if isinstance(step, UploadTemplate)]
    assert keys[0] == keys[2] != keys[1]


def test_tables_left_by_an_earlier_stack_are_adopted(wanted: Wanted, empty_account: Found) -> None:
    made = plan(wanted, replace(empty_account, loose_tables=("t",)), inline_bytes=5000)

    assert [(change.logical_id, change.action) for change in made.expected] == [
        ("Function", "Add"),
        ("Table", "Import"),
    ]
    assert "t" in made.notes[0]


def test_the_remains_of_a_failed_creation_are_removed_first(wanted: Wanted, empty_account: Found) -> None:
    made = plan(wanted, replace(empty_account, stack=stack("ROLLBACK_COMPLETE")), inline_bytes=5000)

    assert made.steps[0] == RemoveFailedStack("chat-dev", STACK_ID)
    assert made.steps[-1] == Propose(stack_name="chat-dev", is_new=True, previous=(), adopted=())


@pytest.mark.parametrize(
    ("there", "complaint"),
    [
        pytest.param(stack("UPDATE_IN_PROGRESS"), "is being changed right now", id="in progress"),
        pytest.param(
            stack("UPDATE_ROLLBACK_FAILED", reason="table busy."),
            r"\(table busy\); .*continue-update-rollback --stack-name chat-dev",
            id="rollback failed",
        ),
        pytest.param(
            stack("UPDATE_FAILED", reason="kept."),
            r"\(kept\); .*rollback-stack --stack-name chat-dev",
            id="update kept",
        ),
        pytest.param(stack("ROLLBACK_FAILED"), "stuck in ROLLBACK_FAILED .*streamer destroy", id="creation stuck"),
        pytest.param(stack("DELETE_FAILED"), "stuck in DELETE_FAILED", id="deletion stuck"),
        pytest.param(
            stack("IMPORT_ROLLBACK_FAILED"), "imported into chat-dev .* may go on serving", id="somebody's import stuck"
        ),
        pytest.param(stack(tags={}), "was not made by streamer.*--stack-name", id="name taken"),
    ],
)
def test_a_stack_that_cannot_be_changed_is_one_clear_line(
    wanted: Wanted, deployed: Found, there: Stack, complaint: str
) -> None:
    with pytest.raises(StackStateError, match=complaint) as refused:
        plan(wanted, replace(deployed, stack=there), inline_bytes=5000)

    assert "\n" not in str(refused.value)


def test_every_state_of_a_stack_has_a_way_out() -> None:
    states = botocore.session.get_session().get_service_model("cloudformation").shape_for("StackStatus").enum

    ways = {state: way_out(stack(state)) for state in states}

    assert {state for state, way in ways.items() if way is None} == AT_REST
    # A stack that is deleted has no name that it could be asked for by.
    stuck = {"CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED", "DELETE_COMPLETE"}
    assert {state for state, way in ways.items() if way is not None and "is stuck in" in way} == stuck


@pytest.mark.parametrize(
    "status",
    [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    ],
)
def test_a_stack_at_rest_is_updated_and_keeps_its_secrets(wanted: Wanted, deployed: Found, status: str) -> None:
    there = replace(stack(status), parameters={"JwtSecret": "****"})

    made = plan(replace(wanted, given=frozenset()), replace(deployed, stack=there), inline_bytes=5000)

    assert made.steps == (Propose(stack_name="chat-dev", is_new=False, previous=("JwtSecret",), adopted=()),)


def test_a_change_that_no_deployment_can_make_is_refused_before_it_is_proposed(wanted: Wanted, deployed: Found) -> None:
    def with_ttl(**specification: str) -> dict[str, Any]:
        properties = {"TableName": "t", "KeySchema": [], "TimeToLiveSpecification": specification}
        return {**TEMPLATE, "Resources": {"Table": {**TABLE, "Properties": properties}}}

    found = replace(deployed, template=with_ttl(AttributeName="old"))

    with pytest.raises(DeployError, match="its TTL attribute changes from old to new"):
        plan(replace(wanted, template=with_ttl(AttributeName="new")), found, inline_bytes=5000)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        pytest.param({"bucket": BucketState.FOREIGN}, "belongs to another account", id="bucket of someone else"),
        pytest.param({"bucket": BucketState.ELSEWHERE}, "is in another Region, and Lambda", id="bucket elsewhere"),
        pytest.param({"logging_role": None}, "logging_role = true", id="no role for access logs"),
    ],
)
def test_what_the_account_lacks_is_one_clear_line(
    wanted: Wanted, empty_account: Found, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(DeployError, match=complaint):
        plan(wanted, replace(empty_account, **changes), inline_bytes=5000)


def test_a_secret_that_nobody_gave_is_named_before_anything_happens(wanted: Wanted, empty_account: Found) -> None:
    with pytest.raises(DeployError, match="no value for JwtSecret"):
        plan(replace(wanted, given=frozenset()), empty_account, inline_bytes=5000)


def test_a_plan_holds_no_value_of_a_parameter(wanted: Wanted, deployed: Found) -> None:
    assert "****" not in repr(plan(wanted, deployed, inline_bytes=5000))


def test_the_root_cause_is_the_first_failure_not_the_last() -> None:
    events = [
        event(1, "CREATE_IN_PROGRESS", "Api"),
        event(2, "CREATE_FAILED", "Queue", "Resource creation cancelled"),
        event(3, "CREATE_FAILED", "Table", "Table already exists: t"),
        event(4, "CREATE_FAILED", "Function", "Resource creation cancelled"),
        event(5, "ROLLBACK_IN_PROGRESS", "chat-dev", "The following failed: [Table]", "AWS::CloudFormation::Stack"),
    ]

    cause = root_cause(events)

    assert cause is not None
    assert cause.logical_id == "Table"


def test_a_failure_of_the_whole_stack_is_a_cause_when_there_is_no_other() -> None:
    events = [event(1, "ROLLBACK_IN_PROGRESS", "chat-dev", "no permission", "AWS::CloudFormation::Stack")]

    assert root_cause(events) == events[0]
    assert root_cause([]) is None


def test_a_stack_that_failed_before_its_resources_did_is_no_cause_while_one_of_them_is() -> None:
    events = [
        event(1, "UPDATE_FAILED", "chat-dev", "[Table]", "AWS::CloudFormation::Stack"),
        event(2, "UPDATE_FAILED", "Table", "busy"),
    ]

    assert root_cause(events) == events[1]
    assert root_cause(events[:1]) == events[0]


def test_a_table_that_says_nothing_of_whom_it_belongs_to_is_not_taken_over(
    wanted: Wanted, empty_account: Found
) -> None:
    found = replace(empty_account, loose_tables=("t",), strangers=("t",))

    with pytest.raises(DeployError, match=r"tags streamer:service=chat and streamer:stage=dev, .* say --adopt t$"):
        plan(wanted, found, inline_bytes=5000)


def test_a_stack_of_another_stage_is_updated_by_its_name_only(wanted: Wanted, deployed: Found) -> None:
    theirs = stack(parameters={"JwtSecret": "****"}, tags={"streamer:service": "chat", "streamer:stage": "prod"})
    found = replace(deployed, stack=theirs)

    with pytest.raises(StackStateError, match="is that of the service chat in its stage prod, not of chat in dev"):
        plan(replace(wanted, adopt=frozenset({"t"})), found, inline_bytes=5000)

    assert not plan(replace(wanted, adopt=frozenset({"chat-dev"})), found, inline_bytes=5000).steps[-1].is_new  # type: ignore[union-attr]


def test_a_table_of_another_shape_is_not_taken_over(wanted: Wanted, empty_account: Found) -> None:
    found = replace(empty_account, loose_tables=("t",), misfits={"t": "its key is id (S), not owner (S)"})

    with pytest.raises(DeployError, match=r"a table t exists already .* its key is id \(S\), not owner \(S\);"):
        plan(wanted, found, inline_bytes=5000)
