"""What happens to a stack, with AWS's statuses: a table of lives, and any life that hypothesis thinks of."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from emulator.templates.control_plane import lives
from emulator.templates.control_plane.changes import changed, gone, is_same
from emulator.templates.control_plane.records import Failure, Moment, Output, Proposed, ResourceRecord, StackRecord
from emulator.templates.control_plane.told import change as change_told

STATUSES = {
    *("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED", "ROLLBACK_COMPLETE"),
    *("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE"),
    *("DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED"),
}
IDS = (f"event-{number}" for number in itertools.count())


def moment(at: float = 1.0) -> Moment:
    return Moment(at=at, ids=IDS, token="token")


def resource(
    name: str, physical_id: str = "", *, retained: bool = False, outlives: bool = False, **properties: Any
) -> ResourceRecord:
    return ResourceRecord(
        logical_id=name,
        physical_id=physical_id or name.lower(),
        type="AWS::SQS::Queue",
        properties=properties,
        retained=retained,
        outlives_replacement=outlives,
    )


def wanted(*resources: ResourceRecord, **more: Any) -> Proposed:
    found = {each.logical_id: each for each in resources}
    return Proposed(template="{}", processed={}, parameters={}, resources=found, **more)


def stack() -> StackRecord:
    return lives.reviewed("chat", "arn:chat", moment())


def made(to: Proposed) -> StackRecord:
    return lives.created(lives.started(stack(), "CREATE", moment()), to, moment())


def told(found: StackRecord, after: int = 0) -> list[str]:
    return [f"{each.logical_id} {each.status}" for each in found.events[after:]]


def test_a_stack_is_made() -> None:
    found = made(wanted(resource("A")))

    assert told(found) == [
        "chat REVIEW_IN_PROGRESS",
        "chat CREATE_IN_PROGRESS",
        "A CREATE_IN_PROGRESS",
        "A CREATE_IN_PROGRESS",
        "A CREATE_COMPLETE",
        "chat CREATE_COMPLETE",
    ]
    reasons = [each.reason for each in found.events]
    assert reasons == ["User Initiated", "User Initiated", None, "Resource creation Initiated", None, None]
    assert found.events[2].physical_id == ""
    assert found.events[4].physical_id == "a"


def test_what_cannot_be_made_is_rolled_back() -> None:
    to = wanted(resource("A"), resource("B"))
    failure = Failure(reason="it is wrong", logical_id="B")
    found = lives.not_created(lives.started(stack(), "CREATE", moment()), to, failure, moment())

    assert [(each.logical_id, each.reason) for each in found.events if each.status == "CREATE_FAILED"] == [
        ("B", "it is wrong"),
        ("A", "Resource creation cancelled"),
    ]
    rolled_back = next(each for each in found.events if each.status == "ROLLBACK_IN_PROGRESS")
    assert rolled_back.reason == "The following resource(s) failed to create: [B]. Rollback requested by user."
    assert found.status == "ROLLBACK_COMPLETE"
    assert found.current is None


def test_a_failed_stack_stays_or_goes_if_that_is_wanted() -> None:
    to, begun = wanted(resource("A")), lives.started(stack(), "CREATE", moment())

    kept = lives.not_created(begun, to, Failure(reason="no", logical_id="A", on_failure="DO_NOTHING"), moment())
    gone = lives.not_created(begun, to, Failure(reason="no", logical_id="A", on_failure="DELETE"), moment(9.0))

    assert kept.status == "CREATE_FAILED"
    assert (gone.status, gone.deleted_at) == ("DELETE_COMPLETE", 9.0)


def test_a_stack_is_changed() -> None:
    before = made(wanted(resource("Same"), resource("Other", size=1), resource("Moved"), resource("Gone")))
    to = wanted(resource("Same"), resource("Other", size=2), resource("Moved", "elsewhere"), resource("New"))
    found = lives.updated(lives.started(before, "UPDATE", moment(2.0)), to, moment(3.0))

    assert told(found, len(before.events)) == [
        "chat UPDATE_IN_PROGRESS",
        "Other UPDATE_IN_PROGRESS",
        "Other UPDATE_COMPLETE",
        "Moved UPDATE_IN_PROGRESS",
        "Moved UPDATE_COMPLETE",
        "New CREATE_IN_PROGRESS",
        "New CREATE_IN_PROGRESS",
        "New CREATE_COMPLETE",
        "chat UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "Moved DELETE_IN_PROGRESS",
        "Moved DELETE_COMPLETE",
        "Gone DELETE_IN_PROGRESS",
        "Gone DELETE_COMPLETE",
        "chat UPDATE_COMPLETE",
    ]
    assert found.resources["Moved"].physical_id == "elsewhere"
    assert found.updated_at == 2.0


def test_a_change_that_fails_leaves_what_was() -> None:
    before = made(wanted(resource("A", size=1)))
    to = wanted(resource("A", size=2), resource("B"))
    failure = Failure(reason="too small", logical_id="A")
    found = lives.not_updated(lives.started(before, "UPDATE", moment()), to, failure, moment())

    assert told(found, len(before.events))[1:] == [
        "A UPDATE_IN_PROGRESS",
        "A UPDATE_FAILED",
        "chat UPDATE_ROLLBACK_IN_PROGRESS",
        "A UPDATE_COMPLETE",
        "chat UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "chat UPDATE_ROLLBACK_COMPLETE",
    ]
    assert found.current == before.current


def test_what_is_retained_is_skipped() -> None:
    found = lives.deleted(made(wanted(resource("Kept", retained=True), resource("A"))), moment(5.0))

    assert told(found)[-4:] == [
        "A DELETE_IN_PROGRESS",
        "A DELETE_COMPLETE",
        "Kept DELETE_SKIPPED",
        "chat DELETE_COMPLETE",
    ]
    assert found.deleted_at == 5.0


REPLACED = [
    pytest.param({}, ["It DELETE_IN_PROGRESS", "It DELETE_COMPLETE"], True, id="no policy"),
    pytest.param({"outlives": True}, ["It DELETE_SKIPPED"], False, id="UpdateReplacePolicy"),
    pytest.param({"retained": True}, ["It DELETE_IN_PROGRESS", "It DELETE_COMPLETE"], True, id="DeletionPolicy"),
]


@pytest.mark.parametrize(("policies", "events", "goes"), REPLACED)
def test_what_is_replaced_goes_unless_its_own_policy_keeps_it(
    policies: dict[str, bool], events: list[str], goes: bool
) -> None:
    before, to = made(wanted(resource("It", "old", **policies))), wanted(resource("It", "new", **policies))
    found = lives.updated(lives.started(before, "UPDATE", moment()), to, moment())

    assert told(found)[-1 - len(events) : -1] == events
    assert before.current is not None
    assert [each.physical_id for each in gone(before.current.resources, to.resources)] == ["old"] * goes


def test_a_policy_is_a_change_of_its_own() -> None:
    before, after = wanted(resource("A", size=1)), wanted(resource("A", size=1, retained=True, outlives=True))
    change = changed(before.resources, after.resources)[0]

    assert (change.replaced, change.properties) == (False, ())
    assert change.attributes == ("DeletionPolicy", "UpdateReplacePolicy")
    described = change_told(change)["ResourceChange"]
    assert (described["Replacement"], described["Scope"]) == ("False", ["DeletionPolicy", "UpdateReplacePolicy"])
    assert [each["Target"]["Attribute"] for each in described["Details"]] == described["Scope"]


def test_what_failed_to_change_is_what_it_was_when_the_stack_goes_back() -> None:
    before = made(wanted(resource("A", size=1)))
    failure = Failure(reason="too small", logical_id="A", on_failure="DO_NOTHING")
    failed = lives.not_updated(before, wanted(resource("A", "other", size=2)), failure, moment())

    assert before.current is not None
    for found in (lives.rolled_back(failed, moment()), lives.updated(failed, before.current, moment())):
        assert (found.resources["A"].physical_id, found.resources["A"].status) == ("a", "UPDATE_COMPLETE")


def test_no_policy_keeps_what_was_never_made() -> None:
    to = wanted(resource("Kept", retained=True), resource("B"))
    failure = Failure(reason="it is wrong", logical_id="B")
    found = lives.not_created(lives.started(stack(), "CREATE", moment()), to, failure, moment())

    assert "Kept DELETE_SKIPPED" not in told(found)


def test_what_cannot_be_removed_stays_of_the_stack() -> None:
    before = made(wanted(resource("A"), resource("B")))
    found = lives.not_deleted(before, {"A": "not empty"}, moment())

    assert found.status == "DELETE_FAILED"
    assert found.reason == "The following resource(s) failed to delete: [A]. "
    assert found.current is not None
    assert list(found.current.resources) == ["A"]


def test_a_change_set_says_what_is_replaced() -> None:
    before = wanted(resource("A", size=1, kept=1), resource("B"), resource("C"))
    changes = changed(
        before.resources, wanted(resource("A", size=2, kept=1), resource("B", "b2"), resource("D")).resources
    )

    assert [(each.action, each.logical_id, each.replaced, each.properties) for each in changes] == [
        ("Modify", "A", False, ("size",)),
        ("Modify", "B", True, ()),
        ("Add", "D", False, ()),
        ("Remove", "C", False, ()),
    ]


def test_what_a_stack_tells_is_part_of_it() -> None:
    before = wanted(resource("A"))

    assert is_same(before, wanted(resource("A")))
    assert not is_same(before, wanted(resource("A"), outputs=(Output(name="Url", value="x"),)))
    assert not is_same(before, wanted(resource("A"), tags={"by": "me"}))
    assert not is_same(None, before)


RESOURCES = st.dictionaries(st.sampled_from("ABC"), st.tuples(st.integers(0, 2), st.booleans()), min_size=1)
FAILURES = st.builds(
    Failure,
    reason=st.just("no"),
    logical_id=st.sampled_from(["A", "B", "Z", None]),
    on_failure=st.sampled_from(["ROLLBACK", "DO_NOTHING", "DELETE"]),
)


def proposal(described: dict[str, tuple[int, bool]]) -> Proposed:
    return wanted(*(resource(name, f"{name}{size}", retained=kept) for name, (size, kept) in described.items()))


CHANGEABLE = {
    *("CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE"),
}


class AnyLife(RuleBasedStateMachine):
    """Changes of one stack, one after the other, as CloudFormation allows them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = stack()

    @precondition(lambda self: self.stack.status == "REVIEW_IN_PROGRESS")
    @rule(described=RESOURCES, failure=st.none() | FAILURES)
    def create(self, described: dict[str, tuple[int, bool]], failure: Failure | None) -> None:
        to, begun = proposal(described), lives.started(self.stack, "CREATE", moment())
        assert begun.is_busy
        done = lives.created(begun, to, moment()) if failure is None else None
        self.stack = done or lives.not_created(begun, to, failure or Failure(reason="", logical_id=None), moment())
        assert (self.stack.current == to) is (failure is None)

    @precondition(lambda self: self.stack.status in CHANGEABLE)
    @rule(described=RESOURCES, failure=st.none() | FAILURES)
    def update(self, described: dict[str, tuple[int, bool]], failure: Failure | None) -> None:
        before, to = self.stack.current, proposal(described)
        begun = lives.started(self.stack, "UPDATE", moment())
        if failure is None:
            self.stack = lives.updated(begun, to, moment())
            live = {name: each.physical_id for name, each in to.resources.items()}
            assert {name: self.stack.resources[name].physical_id for name in live} == live
        else:
            self.stack = lives.not_updated(begun, to, failure, moment())
            assert self.stack.current == before

    @precondition(lambda self: self.stack.status in ("CREATE_FAILED", "UPDATE_FAILED"))
    @rule()
    def roll_back(self) -> None:
        before = self.stack.current
        self.stack = lives.rolled_back(self.stack, moment())
        assert self.stack.current == before
        assert self.stack.status == ("ROLLBACK_COMPLETE" if before is None else "UPDATE_ROLLBACK_COMPLETE")

    @precondition(lambda self: self.stack.is_gone)
    @rule()
    def begin_anew(self) -> None:
        self.stack = stack()

    @precondition(lambda self: not self.stack.is_gone)
    @rule(failed=st.sets(st.sampled_from("ABC")))
    def delete(self, failed: set[str]) -> None:
        current = {} if self.stack.current is None else self.stack.current.resources
        wrong = {name: "not empty" for name in failed if name in current}
        begun = lives.started(self.stack, "DELETE", moment())
        self.stack = lives.not_deleted(begun, wrong, moment()) if wrong else lives.deleted(begun, moment())

    @invariant()
    def it_has_one_of_awss_statuses(self) -> None:
        assert self.stack.status in STATUSES
        assert self.stack.events[-1].status == self.stack.status
        assert self.stack.events[-1].physical_id == self.stack.stack_id
        assert not self.stack.is_busy

    @invariant()
    def no_event_has_the_name_of_another(self) -> None:
        names = [each.event_id for each in self.stack.events]
        assert len(set(names)) == len(names)


AnyLife.TestCase.settings = settings(max_examples=50, stateful_step_count=12, deadline=None)
TestAnyLife = AnyLife.TestCase
