"""Executing a plan through the boundary, and only displaying it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from fake_cloud import STACK_ID, STACK_TYPE, FakeCloud, event, stack

from deploy.cloud import Account, Change, Event, Proposal, Stack
from deploy.errors import DeployError, FailedError, StackStateError
from deploy.execute import Carried, Performer, Progress, Said, Ticked, done, rehearse, summary
from deploy.planning.plan import CreateBucket, Plan, Propose, RemoveFailedStack, Step, UploadCode, UploadTemplate

ACCOUNT = Account(account_id="123456789012", region="us-east-1")
CARGO = Carried(zipped=b"zip", template="{}", values={"JwtSecret": "hush"}, tags={"streamer:service": "chat"})
PROPOSE = Propose(stack_name="chat-dev", is_new=True, previous=(), adopted=())


def made(*steps: Step) -> Plan:
    return Plan(bucket="b", code_key="chat/abc.zip", steps=steps, expected=())


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (RemoveFailedStack("chat-dev", "id"), "removed chat-dev, the empty remains of a deployment that failed"),
        (CreateBucket("b"), "created the bucket b for code"),
        (UploadCode("b", "k", 2048), "uploaded the code (2 KB) to s3://b/k"),
        (UploadTemplate("b", "k"), "uploaded the template to s3://b/k"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_done_is_told_in_the_past(step: Step, told: str) -> None:
    assert done(step) == told


class Desk:
    """A performer with its fake cloud, its report, and time that passes only when it sleeps."""

    def __init__(self, cloud: FakeCloud) -> None:
        self.said: list[Progress] = []
        self.slept = 0
        self.performer = Performer(cloud, self.said.append, sleep=self._sleep, clock=lambda: float(self.slept))

    def _sleep(self, seconds: float) -> None:
        self.slept += 1


def test_a_dry_run_only_speaks() -> None:
    said: list[Progress] = []
    steps = (
        RemoveFailedStack("chat-dev", STACK_ID),
        CreateBucket("b"),
        UploadCode("b", "k", 1024),
        UploadTemplate("b", "t"),
    )

    rehearse(made(*steps, PROPOSE), said.append)

    assert [step.text.split()[:2] for step in said if isinstance(step, Said)] == [
        ["would", "remove"],
        ["would", "create"],
        ["would", "upload"],
        ["would", "upload"],
        ["would", "create"],
    ]


@pytest.mark.parametrize(
    ("is_new", "template", "has_nested"),
    [
        pytest.param(False, '{"Resources":{"N":{"Type":"AWS::CloudFormation::Stack"}}}', True, id="nested ones"),
        pytest.param(True, '{"Resources":{"N":{"Type":"AWS::CloudFormation::Stack"}}}', False, id="all is new"),
        pytest.param(False, "{}", False, id="none"),
    ],
)
def test_a_change_set_holds_those_of_nested_stacks(*, is_new: bool, template: str, has_nested: bool) -> None:
    cloud = FakeCloud()

    Desk(cloud).performer.prepare(made(replace(PROPOSE, is_new=is_new)), replace(CARGO, template=template), ACCOUNT)

    assert cloud.proposals[0].has_nested is has_nested


def test_steps_are_performed_in_order() -> None:
    cloud = FakeCloud()

    found = Desk(cloud).performer.prepare(
        made(CreateBucket("b"), UploadCode("b", "chat/abc.zip", 3), PROPOSE), CARGO, ACCOUNT
    )

    assert found is not None
    assert cloud.did == ["create bucket b", "put chat/abc.zip", "propose"]
    assert cloud.objects == {"chat/abc.zip": b"zip"}
    values = {parameter.name: parameter.value for parameter in cloud.proposals[0].parameters}
    assert values == {"JwtSecret": "hush", "CodeBucket": "b", "CodeKey": "chat/abc.zip"}


def test_values_given_before_are_kept_unless_given_anew() -> None:
    cloud = FakeCloud()
    step = Propose(stack_name="chat-dev", is_new=False, previous=("JwtSecret", "CodeKey", "Other"), adopted=("t",))

    Desk(cloud).performer.prepare(made(step), CARGO, ACCOUNT)

    values = {parameter.name: parameter.value for parameter in cloud.proposals[0].parameters}
    assert values["Other"] is None
    assert values["JwtSecret"] == "hush"
    assert cloud.proposals[0].adopts_existing


def test_no_repr_shows_a_secret() -> None:
    cloud = FakeCloud()

    Desk(cloud).performer.prepare(made(PROPOSE), CARGO, ACCOUNT)

    assert "hush" not in repr(cloud.proposals) + repr(CARGO)


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param("The submitted information didn't contain changes. Submit different information", id="changes"),
        pytest.param("No updates are to be performed.", id="updates"),
    ],
)
def test_a_change_set_without_changes_is_no_failure_and_leaves_no_trace(reason: str) -> None:
    cloud = FakeCloud(change_set_status="FAILED", change_set_reason=reason)
    update = Propose(stack_name="chat-dev", is_new=False, previous=(), adopted=())

    assert Desk(cloud).performer.prepare(made(update), CARGO, ACCOUNT) is None

    assert cloud.did == ["propose", "delete change set"]


def test_a_large_template_is_named_by_its_address() -> None:
    cloud = FakeCloud()

    Desk(cloud).performer.prepare(made(UploadTemplate("b", "t.json"), PROPOSE), CARGO, ACCOUNT)

    assert cloud.proposals[0].template == "https://s3.test/b/t.json"


def test_resources_tick_off_until_the_stack_is_done() -> None:
    script: list[tuple[str | None, list[Event]]] = [
        ("CREATE_IN_PROGRESS", [event(1, "CREATE_IN_PROGRESS", "Api")]),
        ("CREATE_IN_PROGRESS", []),
        ("CREATE_COMPLETE", [event(2, "CREATE_COMPLETE", "Api")]),
    ]
    cloud = FakeCloud(found=stack("REVIEW_IN_PROGRESS"), script=script)
    desk = Desk(cloud)

    ended = desk.performer.apply(cloud.change_set("x"))

    assert ended.status == "CREATE_COMPLETE"
    ticked = [step for step in desk.said if isinstance(step, Ticked) and step.event.logical_id == "Api"]
    ticks = [(step.event.status, step.elapsed_seconds) for step in ticked]
    assert ticks == [("CREATE_IN_PROGRESS", 0.0), ("CREATE_COMPLETE", 2.0)]


def test_the_state_before_is_not_taken_for_the_end() -> None:
    """CloudFormation may answer with the old state for a moment after an execution began."""
    late = iter([stack("UPDATE_COMPLETE"), stack("UPDATE_IN_PROGRESS"), stack("UPDATE_COMPLETE")])
    news = iter(
        [
            [event(2, "UPDATE_IN_PROGRESS", "chat-dev", type_=STACK_TYPE)],
            [],
            [event(3, "UPDATE_COMPLETE", "chat-dev", type_=STACK_TYPE)],
        ]
    )

    class Late(FakeCloud):
        def stack(self, name: str) -> Stack | None:
            return next(late)

        def events(self, stack_id: str, after: str | None) -> Sequence[Event]:
            return next(news) if "execute" in self.did else [event(1, "UPDATE_COMPLETE")]

    desk = Desk(Late())
    desk.performer.apply(FakeCloud().change_set("x"))

    assert desk.slept == 2


def test_a_failure_names_its_root_cause_and_where_the_stack_is_now() -> None:
    failed = [
        event(1, "UPDATE_FAILED", "Function", "Resource update cancelled"),
        event(2, "UPDATE_FAILED", "Queue", "The queue already exists.", "AWS::SQS::Queue"),
    ]
    cloud = FakeCloud(found=stack(), script=[("UPDATE_ROLLBACK_COMPLETE", failed)])

    with pytest.raises(FailedError) as refused:
        Desk(cloud).performer.apply(cloud.change_set("x"))

    assert str(refused.value) == (
        "Queue (AWS::SQS::Queue) failed: The queue already exists. The stack is in UPDATE_ROLLBACK_COMPLETE."
    )


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(("DELETE_COMPLETE", [event(1, "DELETE_COMPLETE")]), id="still described"),
        pytest.param((None, []), id="forgotten"),
    ],
)
def test_removing_a_stack_waits_until_it_is_gone(end: tuple[str | None, list[Event]]) -> None:
    before = FakeCloud(found=stack(), script=[("DELETE_IN_PROGRESS", []), end])

    Desk(before).performer.remove("chat-dev", STACK_ID)

    assert before.did == ["delete stack"]


def test_a_stack_that_cannot_be_deleted_says_why() -> None:
    why = event(1, "DELETE_FAILED", "Role", "in use", "AWS::IAM::Role")
    cloud = FakeCloud(found=stack(), script=[("DELETE_FAILED", [why])])

    with pytest.raises(FailedError, match=r"Role .* in use"):
        Desk(cloud).performer.remove("chat-dev", STACK_ID)


@pytest.mark.parametrize(
    ("there", "is_removed"),
    [
        pytest.param(stack("REVIEW_IN_PROGRESS"), True, id="in review, and ours"),
        pytest.param(stack("REVIEW_IN_PROGRESS", tags={}), True, id="in review, and without tags, as some tell it"),
        pytest.param(stack("REVIEW_IN_PROGRESS", tags={"team": "a"}), False, id="in review, and another tool's"),
        pytest.param(stack("CREATE_COMPLETE"), False, id="somebody made it meanwhile"),
        pytest.param(stack("CREATE_IN_PROGRESS"), False, id="somebody makes it"),
        pytest.param(None, False, id="gone"),
    ],
)
def test_only_the_empty_stack_of_a_change_set_goes_with_it(there: Stack | None, is_removed: bool) -> None:
    cloud = FakeCloud(found=there, change_set_status="FAILED", change_set_reason="a resource cannot be")
    performer = Desk(cloud).performer

    with pytest.raises(DeployError, match="refuses the change: a resource cannot be"), performer.accountable():
        performer.prepare(made(PROPOSE), CARGO, ACCOUNT)

    assert ("delete stack" in cloud.did) is is_removed


class Interrupted(FakeCloud):
    def delete_change_set(self, change_set_id: str) -> None:
        raise KeyboardInterrupt


def test_a_signal_while_tidying_up_says_what_may_be_left() -> None:
    performer = Desk(Interrupted(change_set_status="FAILED")).performer

    left = r"nothing was changed; the change set .* and the empty stack chat-dev .* left, .*interrupted"
    with pytest.raises(DeployError, match=left), performer.accountable():
        performer.prepare(made(PROPOSE), CARGO, ACCOUNT)


class Silent(FakeCloud):
    """Takes the proposal, perhaps, and answers nothing about it."""

    def propose(self, proposal: Proposal) -> str:
        raise DeployError("no answer")

    def change_sets(self, stack: str) -> Mapping[str, str]:
        raise DeployError("no answer either")


def test_a_change_set_that_nobody_can_find_may_be_left() -> None:
    cloud = Silent()
    performer = Desk(cloud).performer

    left = r"^no answer; nothing was changed; the change set .* may be left, unexecuted \(no answer either\)"
    with pytest.raises(DeployError, match=left), performer.accountable():
        performer.prepare(made(PROPOSE), CARGO, ACCOUNT)

    assert cloud.did == []


def test_that_remains_were_removed_is_told_though_what_follows_fails() -> None:
    remains = RemoveFailedStack("chat-dev", STACK_ID)
    gone = ("DELETE_COMPLETE", [event(1, "DELETE_COMPLETE")])
    cloud = FakeCloud(found=stack("ROLLBACK_COMPLETE"), script=[gone, (None, [])], change_set_status="FAILED")
    performer = Desk(cloud).performer

    with pytest.raises(DeployError, match="nothing was changed but the removal of"), performer.accountable():
        performer.prepare(made(remains, PROPOSE), CARGO, ACCOUNT)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param(stack("UPDATE_IN_PROGRESS"), None, id="being changed"),
        pytest.param(stack(stack_id="another"), None, id="made anew"),
        pytest.param(stack(tags={}), None, id="somebody else's"),
        pytest.param(stack("CREATE_COMPLETE"), {"ROLLBACK_COMPLETE"}, id="no remains any more"),
    ],
)
def test_a_stack_that_is_not_what_was_shown_is_not_removed(there: Stack, expected: set[str] | None) -> None:
    cloud = FakeCloud(found=there)

    with pytest.raises(StackStateError, match="somebody changed chat-dev meanwhile"):
        Desk(cloud).performer.remove("chat-dev", STACK_ID, expected)

    assert cloud.did == []


def test_a_failed_change_ends_as_one_and_nothing_is_tidied_away() -> None:
    failed = [event(1, "CREATE_FAILED", "Table", "exists")]
    cloud = FakeCloud(script=[("ROLLBACK_COMPLETE", failed)])
    performer = Desk(cloud).performer

    change_set = performer.prepare(made(PROPOSE), CARGO, ACCOUNT)
    assert change_set is not None
    with pytest.raises(FailedError, match=r"^Table .* failed: exists"), performer.accountable():
        performer.apply(change_set)

    assert cloud.did == ["propose", "execute"]


def test_a_stack_that_is_gone_needs_no_removal() -> None:
    cloud = FakeCloud()

    Desk(cloud).performer.remove("chat-dev", STACK_ID)

    assert cloud.did == []


def test_summary_counts_what_people_ask_for() -> None:
    kinds = [("Add", "False"), ("Add", "False"), ("Modify", "False"), ("Modify", "True"), ("Remove", "False")]
    changes = tuple(Change(action=a, logical_id="x", resource_type="y", replacement=r) for a, r in kinds)  # type: ignore[arg-type]

    assert summary(changes) == {"added": 2, "modified": 1, "replaced": 1, "removed": 1}
