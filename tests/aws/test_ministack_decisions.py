"""What functions may do here and where the roles of their deployment are enforced: the same, for each call recorded.

`make test-iam` records the whole end-to-end suite first; without that, what roles grant is asked for.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from decisions_table import DECISIONS, Tally, table
from deployed_topologies import chat, of_an_app
from enforced_roles import Roles, deployed_roles
from ministack_projects import MiniStack
from recorded_calls import Recording, read

from emulator.iam.guard import Guard
from emulator.iam.keys import KeyRing
from emulator.iam.needs import Need
from emulator.iam.topology_roles import statements_of
from streamer.topology import Permission, Topology
from streamer.topology.grants import Kind, Place, Resource, arn, grants

RECORDINGS = "IAM_RECORDINGS"
"""Names a folder of logs of calls."""


NOBODY = {
    Need("dynamodb:DeleteTable", Resource(Kind.TABLE, "nothing")),
    Need("dynamodb:GetItem", Resource(Kind.TABLE, "nothing")),
    Need("lambda:InvokeFunction", Resource(Kind.FUNCTION, "nobody")),
    Need("s3:GetObject", Resource(Kind.ARN, "arn:aws:s3:::a-bucket/of-somebody-else")),
    Need("sqs:SendMessage", Resource(Kind.QUEUE, "nothing")),
}
"""What none of these functions may do."""


def local(topology: Topology, place: Place) -> Callable[[str, Need], bool]:
    """What the emulator's IAM says in a place."""
    guard = Guard(topology, place, KeyRing(b"s" * 32), mode="enforce", advise=lambda *_: None)
    return lambda function, need: guard.refusal(function, [need]) is None


def depends(topology: Topology, place: Place, function: str, need: Need) -> bool:
    """Whether conditions have a say in it, for which MiniStack is told no values of a request."""
    statements = statements_of(topology, topology.function(function), place)
    return any(each.conditions and each.names(need.action, arn(need.resource, place)) for each in statements)


def compare(roles: Roles, recording: Recording, further: Iterable[Need], tally: Tally) -> None:
    """All that any function of a service did, and what was done elsewhere, by each of its functions, here and there."""
    may = local(recording.topology, roles.place)
    recorded = {(function, need): allowed for function, need, allowed in recording.calls}
    names = [function.name for function in recording.topology.functions]
    foreign = {each for each in further if each.resource.kind is not Kind.CONNECTIONS}  # those of no API that is here
    needs = sorted(foreign | {need for _, need in recorded})
    tally.services += 1
    tally.calls += recording.calls.total()
    tally.recorded += len(recorded)
    simulations = {function: roles.simulated(function, needs) for function in names}
    for function, need in itertools.product(names, needs):
        here = may(function, need)
        tally.allowed += here
        tally.denied += not here
        asked = simulated = None
        if depends(recording.topology, roles.place, function, need):
            tally.conditional += 1
        else:
            asked, simulated = roles.asked(function, need), simulations[function][need]
        tally.asked += asked is not None
        said = {"recorded": recorded.get((function, need), here), "asked": asked, "simulated": simulated}
        for how, there in said.items():
            if there is not None and there is not here:
                tally.disagreements.append(f"{function}: {need.action} on {need.resource}: {here}, {how} {there}")


def granted(topology: Topology) -> Recording:
    """As if every function had done all that it may, by name."""
    found = Recording(topology)
    for function in topology.functions:
        for grant in grants(topology, function):
            if not grant.conditions:
                needs = [Need(action, resource) for action in grant.actions for resource in grant.resources]
                # The streams of a table are more than one.
                found.calls.update((function.name, each, True) for each in needs if each.resource.detail != "*")
    return found


@pytest.mark.parametrize("topology", [chat(), of_an_app()], ids=["plain handlers", "an App"])
def test_what_roles_grant_is_allowed_and_all_else_denied_here_and_there(
    strict_ministack: MiniStack, topology: Topology
) -> None:
    tally = Tally()
    with deployed_roles(strict_ministack, topology) as roles:
        compare(roles, granted(topology), NOBODY, tally)

    assert tally.disagreements == []
    assert min(tally.allowed, tally.denied, tally.asked) > 0


def test_a_role_that_lacks_something_and_one_that_has_too_much_are_found(strict_ministack: MiniStack) -> None:
    connect, disconnect, *others = chat().functions
    swapped = (replace(connect, tables=disconnect.tables), replace(disconnect, tables=connect.tables), *others)
    tally = Tally()
    with deployed_roles(strict_ministack, replace(chat(), functions=swapped)) as roles:
        compare(roles, granted(chat()), (), tally)

    table = "Resource(kind=<Kind.TABLE: 'table'>, name='chat-dev_connections', detail='')"
    assert tally.disagreements == [
        f"{function}: dynamodb:{action}Item on {table}: {here}, {how} {not here}"
        for function, action, here in (
            ("connect", "Delete", False),
            ("connect", "Put", True),
            ("disconnect", "Delete", True),
            ("disconnect", "Put", False),
        )
        for how in ("asked", "simulated")
    ]


def test_what_conditions_have_a_say_in_is_compared_with_what_was_recorded(strict_ministack: MiniStack) -> None:
    connect, *others = chat().functions
    on = Resource(Kind.ARN, "arn:aws:s3:::files")
    lists = Permission(
        actions=("s3:ListBucket",), resources=(on.name,), conditions={"StringLike": {"s3:prefix": "a/*"}}
    )
    topology = replace(chat(), functions=(replace(connect, permissions=(lists,)), *others))
    own, of_others = (Need("s3:ListBucket", on, (("s3:prefix", prefix),)) for prefix in ("a/1", "b/1"))
    recording = Recording(topology)
    recording.calls.update([(connect.name, own, True), (connect.name, of_others, True)])
    tally = Tally()
    with deployed_roles(strict_ministack, topology) as roles:
        compare(roles, recording, (), tally)

    assert tally.disagreements == [f"{connect.name}: s3:ListBucket on {on}: False, recorded True"]
    assert tally.conditional == len([own, of_others])


@pytest.mark.skipif(RECORDINGS not in os.environ, reason=f"{RECORDINGS} names no folder: make test-iam makes one")
@pytest.mark.timeout(900)
def test_every_call_of_the_end_to_end_suite_is_decided_the_same_here_and_there(
    strict_ministack: MiniStack, record_property: Callable[[str, object], None]
) -> None:
    recordings = read(sorted(Path(os.environ[RECORDINGS]).glob("*.jsonl")))
    everything = NOBODY | {need for recording in recordings for _, need, _ in recording.calls}
    tally = Tally()
    for recording in recordings:
        with deployed_roles(strict_ministack, recording.topology) as roles:
            compare(roles, recording, everything, tally)

    record_property(DECISIONS, table(tally))
    assert tally.disagreements == []
    assert min(tally.allowed, tally.denied, tally.asked) > 0
