"""Whatever happens at any call to AWS: a true last sentence, no live stack deleted, and the next deploy is done."""

import copy
import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from live_cloud import Fault, Faulty, LiveCloud

from deploy.cloud import ChangeSet, Proposal, Stack
from deploy.config import parse
from deploy.deployment import Desk, Wish, bring, take_away
from deploy.errors import DeniedError, DeployError, StackStateError, StoppedError, UnwatchedError
from deploy.moments import status_of
from deploy.package.bundle import Bundle, File, bundle
from deploy.project import Service
from deploy.stack.settings import StackSettings
from deploy.stack.tables import table
from deploy.stack.template import template
from streamer.topology import Topology

TABLES = ["chat-dev_connections", "chat-dev_requests"]


@pytest.fixture(scope="module")
def wish(topology: Topology, settings: StackSettings, tmp_path_factory: pytest.TempPathFactory) -> Wish:
    made: Bundle = bundle({"a.py": File(content=b"", part="project")}, bytecode={}, notes=[])
    config = parse('service = "chat"\naccess_logs = false', tmp_path_factory.mktemp("chat"), {})
    service = Service(topology=topology, settings=settings, template=template(topology, settings))
    return Wish(config=config, service=service, code=made, values={"JwtSecret": "s" * 32}, allowed=frozenset())


class Person:
    """Says yes, or does something first; time passes when it waits."""

    def __init__(self, answer: Callable[[], bool] = lambda: True) -> None:
        self.said: list[str] = []
        self.now = 0.0
        self.desk = Desk(
            say=lambda *lines: self.said.extend(lines),
            report=lambda step: None,
            confirm=lambda question: answer(),
            type_name=lambda name: answer(),
            secret=lambda variable, least: None,
            sleep=self._sleep,
            clock=lambda: self.now,
        )

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def deployed(wish: Wish) -> LiveCloud:
    cloud = LiveCloud()
    bring(cloud, Person().desk, wish)
    cloud.executed.clear()
    return cloud


def act(kind: str, wish: Wish, cloud: object, desk: Desk | None = None) -> DeployError | None:
    desk = desk or Person().desk
    try:
        if kind == "destroy":
            take_away(cloud, desk, wish.config, TABLES, with_data=True)  # type: ignore[arg-type]
        else:
            bring(cloud, desk, wish)  # type: ignore[arg-type]
    except DeployError as exc:
        return exc
    return None


def start(kind: str, wish: Wish) -> LiveCloud:
    cloud = LiveCloud() if kind == "create" else deployed(wish)
    cloud.tables = list(TABLES) if kind == "destroy" else []
    stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
    cloud.descriptions = {each.name: table(each)["Properties"] | stream for each in wish.service.topology.tables}
    return cloud


def require_true(text: str, kind: str, before: str | None, cloud: LiveCloud) -> None:
    """The sentence says what the cloud is in."""
    live = cloud.live
    open_sets = [found for found in cloud.sets.values() if not found.is_executed and found.execution == "AVAILABLE"]
    is_begun = bool(cloud.executed) or (kind == "destroy" and (live is None or live.status.startswith("DELETE_")))
    if "nothing was changed" in text:
        assert not is_begun
        is_left = bool(open_sets) or (before is None and live is not None)
        assert "may be left" in text or not is_left
        assert is_left or live is None or live.status == before
    elif "CloudFormation goes on" in text:
        assert is_begun
    elif "is deployed" in text:
        assert live is not None
        assert live.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    elif "is gone, " in text or "is deleted" in text:
        assert live is None
    else:
        assert "it is not known whether" in text


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("kind", ["create", "update", "destroy"])
def test_every_end_tells_the_truth_and_the_next_deployment_is_done(
    kind: str, fault: Fault, for_ever: bool, wish: Wish
) -> None:
    begun = start(kind, wish)
    counted = Faulty(copy.deepcopy(begun), 10**9, fault)
    assert act(kind, wish, counted) is None
    for number in range(len(counted.calls)):
        cloud = copy.deepcopy(begun)
        before = cloud.live.status if cloud.live is not None else None

        ended = act(kind, wish, Faulty(cloud, number, fault, for_ever=for_ever))

        is_stopped = fault in (Fault.STOPPED_BEFORE, Fault.STOPPED_AFTER)
        if ended is not None:
            assert status_of(ended) in ({130} if is_stopped else {2, 3})
            require_true(str(ended), kind, before, cloud)
        assert kind == "destroy" or not cloud.deleted_live
        assert ended is None or len(cloud.executed) <= 1
        cloud.settle()
        assert act("update", wish, cloud) is None
        assert cloud.live is not None
        assert cloud.live.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def test_a_signal_after_a_deletion_was_asked_for_says_what_became_of_it(wish: Wish) -> None:
    cloud = start("destroy", wish)
    counted = Faulty(start("destroy", wish), 10**9, Fault.STOPPED_AFTER)
    assert act("destroy", wish, counted) is None

    ended = act("destroy", wish, Faulty(cloud, counted.calls.index("delete_stack"), Fault.STOPPED_AFTER))

    assert ended is not None
    assert status_of(ended) == 130
    assert "not known" not in str(ended)
    assert "CloudFormation goes on deleting" in str(ended) or "is deleted" in str(ended)


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        pytest.param("create", None, "not deployed; nothing was changed", id="create"),
        pytest.param("update", "CREATE_COMPLETE", "not deployed; nothing was changed", id="update"),
        pytest.param("update", "ROLLBACK_COMPLETE", "not deployed; nothing was changed", id="remove remains"),
        pytest.param("destroy", "CREATE_COMPLETE", "that is not the name; nothing was changed", id="destroy"),
    ],
)
def test_whoever_says_no_changes_nothing(kind: str, status: str | None, told: str, wish: Wish) -> None:
    cloud = start(kind, wish)
    if cloud.live is not None and status is not None:
        cloud._to(cloud.live.stack_id, status)

    ended = act(kind, wish, cloud, Person(lambda: False).desk)

    assert str(ended) == told
    assert (None if cloud.live is None else cloud.live.status) == status
    assert (cloud.executed, cloud.tables) == ([], TABLES if kind == "destroy" else [])


class Denying(LiveCloud):
    """A cloud whose user may not make some calls, ever."""

    def __init__(self, *denied: str) -> None:
        super().__init__()
        self.denied = denied

    def __getattribute__(self, name: str) -> Any:
        if name != "denied" and name in getattr(self, "denied", ()):
            raise DeniedError(f"not permitted ({name})")
        return super().__getattribute__(name)


@pytest.mark.parametrize("denied", ["change_set", "execute", "events"])
@pytest.mark.parametrize("kind", ["create", "update"])
def test_who_may_not_look_at_or_execute_a_change_set_leaves_none_behind(kind: str, denied: str, wish: Wish) -> None:
    cloud = Denying()
    if kind == "update":
        bring(cloud, Person().desk, wish)
        cloud.executed.clear()
    cloud.denied = (denied,)

    ended = act(kind, wish, cloud)

    cloud.denied = ()
    assert ended is not None
    assert "nothing was changed" in str(ended)
    assert "may be left" not in str(ended)
    assert [each for each in cloud.sets.values() if not each.is_executed and each.execution == "AVAILABLE"] == []
    assert (cloud.live is None) is (kind == "create")


class Printing:
    """Somebody to whom the ``number``-th thing that is printed cannot be said."""

    def __init__(self, number: int, error: BaseException) -> None:
        self.count, self._number, self._error = 0, number, error
        self.desk = replace(Person().desk, say=self._print, report=self._print)

    def _print(self, *said: object) -> None:
        self.count += 1
        if self.count == self._number:
            raise self._error


@pytest.mark.parametrize(
    ("error", "statuses"),
    [
        pytest.param(KeyboardInterrupt(), {130}, id="Ctrl-C"),
        pytest.param(BrokenPipeError(errno.EPIPE, "Broken pipe"), {2, 3}, id="a reader that has gone"),
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), {2, 3}, id="a full disk"),
    ],
)
@pytest.mark.parametrize("kind", ["create", "update", "destroy"])
def test_output_that_breaks_off_ends_in_a_true_sentence_too(
    kind: str, error: BaseException, statuses: set[int], wish: Wish
) -> None:
    counted = Printing(0, error)
    assert act(kind, wish, start(kind, wish), counted.desk) is None
    for number in range(1, counted.count + 1):
        cloud = start(kind, wish)
        before = cloud.live.status if cloud.live is not None else None

        ended = act(kind, wish, cloud, Printing(number, error).desk)

        assert ended is not None
        assert status_of(ended) in statuses
        assert status_of(ended) != 2 or "nothing was changed" in str(ended)
        require_true(str(ended), kind, before, cloud)
        cloud.settle()
        assert act("update", wish, cloud) is None


REFUSALS = [f"Thing{n}: it exists" for n in range(5)]


@pytest.mark.parametrize("is_new", [True, False], ids=["create", "update"])
@pytest.mark.parametrize(
    ("refusals", "told"),
    [
        pytest.param([], "Requires capabilities", id="as the change set says"),
        pytest.param(None, "Requires capabilities", id="and as it does to whom nothing more is told"),
        pytest.param(REFUSALS[:1], "Thing0: it exists", id="as its events say"),
        pytest.param(
            REFUSALS, "Thing0: it exists; Thing1: it exists; Thing2: it exists; and 2 more", id="the first of many"
        ),
    ],
)
def test_a_change_set_that_is_refused_leaves_no_trace(
    refusals: list[str] | None, told: str, is_new: bool, wish: Wish
) -> None:
    class Refusing(LiveCloud):
        def refusals(self, change_set_id: str) -> Sequence[str]:
            if refusals is None:
                raise DeniedError("not permitted")
            return refusals

        def change_set(self, change_set_id: str) -> ChangeSet:
            found = super().change_set(change_set_id)
            return found if found.is_executed else replace(found, status="FAILED", reason="Requires capabilities")

    cloud = Refusing()
    if not is_new:
        cloud.stacks = deployed(wish).stacks
    there = cloud.live

    with pytest.raises(DeployError) as refused:
        bring(cloud, Person().desk, wish)

    assert str(refused.value) == f"CloudFormation refuses the change: {told}; nothing was changed"
    assert status_of(refused.value) == 2
    assert (cloud.live, cloud.sets) == (there, {})


def test_a_colleague_who_is_faster_keeps_his_stack(wish: Wish) -> None:
    cloud = LiveCloud()

    def answer() -> bool:
        bring(cloud, Person().desk, wish)
        return False

    with pytest.raises(StoppedError, match="nothing was changed"):
        bring(cloud, Person(answer).desk, wish)

    assert not cloud.deleted_live
    assert cloud.live is not None
    assert cloud.live.status == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("keeps_obsolete", "told"),
    [
        (False, "somebody deployed or deleted chat-dev meanwhile; look, and try again; nothing was changed"),
        (True, "OBSOLETE.*nothing was changed"),
    ],
)
def test_a_yes_after_a_colleague_was_faster_changes_nothing(wish: Wish, told: str, *, keeps_obsolete: bool) -> None:
    cloud = LiveCloud()
    cloud.keeps_obsolete = keeps_obsolete

    def answer() -> bool:
        bring(cloud, Person().desk, wish)
        return True

    with pytest.raises(DeployError, match=told) as refused:
        bring(cloud, Person(answer).desk, wish)

    assert status_of(refused.value) == 2
    assert len(cloud.executed) == 1
    assert not cloud.deleted_live


def test_the_review_of_a_colleague_is_not_taken_away(wish: Wish) -> None:
    cloud = LiveCloud()
    inner: list[int] = []

    def decline_both() -> bool:
        if not inner:
            inner.append(1)
            with pytest.raises(StoppedError):
                bring(cloud, Person(decline_both).desk, wish)
            assert cloud.live is not None  # the first one's change set still waits for its answer
        return False

    with pytest.raises(StoppedError):
        bring(cloud, Person(decline_both).desk, wish)

    assert cloud.live is None


def test_remains_that_a_colleague_replaced_are_not_removed(wish: Wish) -> None:
    cloud = deployed(wish)
    assert cloud.live is not None
    cloud._to(cloud.live.stack_id, "ROLLBACK_COMPLETE")

    def answer() -> bool:
        bring(cloud, Person().desk, wish)
        return True

    with pytest.raises(StackStateError, match=r"somebody changed chat-dev meanwhile .*CREATE_COMPLETE.*nothing was"):
        bring(cloud, Person(answer).desk, wish)

    assert not cloud.deleted_live
    assert cloud.live.status == "CREATE_COMPLETE"


def test_what_was_made_anew_before_the_name_was_typed_is_not_destroyed(wish: Wish) -> None:
    cloud = deployed(wish)

    def answer() -> bool:
        take_away(cloud, Person().desk, wish.config, [], with_data=False)
        cloud.deleted_live = False
        bring(cloud, Person().desk, wish)
        return True

    with pytest.raises(StackStateError, match="somebody changed chat-dev meanwhile"):
        take_away(cloud, Person(answer).desk, wish.config, [], with_data=False)

    assert not cloud.deleted_live


def test_a_network_that_comes_back_while_watching_is_waited_for(wish: Wish) -> None:
    class Patchy(LiveCloud):
        missed = 0

        def stack(self, name: str) -> Stack | None:
            if self.executed and self.missed < 5:
                self.missed += 1
                raise DeployError("AWS cannot be reached")
            return super().stack(name)

    cloud = Patchy()
    bring(cloud, Person().desk, wish)

    assert cloud.missed == 5


def test_a_network_that_stays_away_while_watching_is_given_up_in_a_true_sentence(wish: Wish) -> None:
    class Gone(LiveCloud):
        def stack(self, name: str) -> Stack | None:
            if self.executed:
                raise DeployError("AWS cannot be reached")
            return super().stack(name)

    with pytest.raises(UnwatchedError) as ended:
        bring(Gone(), Person().desk, wish)

    assert str(ended.value) == (
        "AWS cannot be reached; CloudFormation goes on creating chat-dev by itself and rolls back if something fails. "
        "`streamer status` shows how it ends, and then `streamer deploy` goes on from there"
    )


def test_a_stack_of_another_tool_in_review_is_left_alone(wish: Wish) -> None:
    cloud = LiveCloud()
    other = Stack(
        name="chat-dev", stack_id="arn:stack/chat-dev/0", status="REVIEW_IN_PROGRESS", tags={"made": "by hand"}
    )
    cloud.stacks[other.stack_id] = other

    for kind in ("update", "destroy"):
        ended = act(kind, wish, cloud)

        assert "was not made by streamer" in str(ended)
        assert status_of(ended) == 2  # type: ignore[arg-type]
        assert (cloud.live, cloud.sets) == (other, {})


@pytest.mark.parametrize("name", ["streamer-1", "theirs"])
def test_a_stack_in_review_without_tags_is_destroyed_with_what_waits_for_it_if_that_is_ours(
    name: str, wish: Wish
) -> None:
    cloud, person = LiveCloud(), Person()
    proposal = Proposal(
        name=name, stack_name="chat-dev", is_new=True, template="", parameters=(), tags={}, role_arn=None,
        adopts_existing=False,
    )  # fmt: skip
    cloud.propose(proposal)

    ended = act("destroy", wish, cloud, person.desk)

    if name == "theirs":
        assert "chat-dev is in review for the change set theirs, which streamer did not make" in str(ended)
        assert cloud.live is not None
    else:
        assert "delete the change set streamer-1, which waits to be executed" in person.said
        assert (ended, cloud.live) == (None, None)


def test_whoever_is_asked_is_told_of_which_account_it_is(wish: Wish) -> None:
    cloud, person = LiveCloud(), Person()
    asked: list[str] = []
    desk = replace(person.desk, confirm=lambda question: not asked.append(question))  # type: ignore[func-returns-value]

    bring(cloud, desk, wish)
    take_away(cloud, desk, wish.config, TABLES, with_data=False)

    assert asked == ["Deploy this to account 123456789012 in us-east-1?"]
    assert "delete the stack chat-dev of account 123456789012 in us-east-1" in person.said
