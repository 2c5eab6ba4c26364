"""Policies of resources: whom their statements name, and what functions may do because of them."""

from __future__ import annotations

import pytest
from msgspec import structs

from emulator.iam.guard import Guard
from emulator.iam.keys import KeyRing
from emulator.iam.needs import Need
from emulator.iam.policy import Statement
from emulator.iam.resource_policies import Named, ResourcePolicy, Who
from emulator.iam.roles import Boundary, Role, Roles
from streamer.topology import Api, Function, Topology
from streamer.topology.grants import Kind, Place, Resource

ACCOUNT = "arn:aws:iam::123456789012:root"
ROLE = "arn:aws:iam::123456789012:role/app/SayRole"
OTHER = "arn:aws:iam::123456789012:role/OtherRole"
SESSION = "arn:aws:sts::123456789012:assumed-role/SayRole/say"
WHO = Who(session=SESSION, role=ROLE, account=ACCOUNT)
JOBS = "arn:aws:sqs:eu-west-1:123456789012:jobs"
SEND = Need("sqs:SendMessage", Resource(Kind.QUEUE, "jobs"))
EVERYTHING = Statement(actions=("*",), resources=("*",))


@pytest.mark.parametrize(
    ("principals", "is_about", "grants"),
    [
        ([ROLE], True, True),
        ([SESSION], True, True),
        (["*"], True, True),
        ([ACCOUNT], True, False),
        (["arn:aws:iam::123456789012:role/SayRole"], False, False),
        (["arn:aws:iam::210987654321:root"], False, False),
        (["arn:aws:sts::123456789012:assumed-role/SayRole/other"], False, False),
        ([], False, False),
    ],
)
def test_whom_a_statement_names(principals: list[str], is_about: bool, grants: bool) -> None:
    named = Named(statement=EVERYTHING, principals=tuple(principals))

    assert (named.is_about(WHO), named.grants(WHO)) == (is_about, grants)


@pytest.mark.parametrize(
    ("principals", "is_about"),
    [([ROLE], True), ([ROLE, SESSION], True), ([ROLE, SESSION, ACCOUNT], False), ([], True)],
)
def test_all_but_those_who_are_named_by_role_session_and_account(principals: list[str], is_about: bool) -> None:
    named = Named(statement=EVERYTHING, principals=tuple(principals), is_all_but=True)

    assert named.is_about(WHO) is is_about
    assert named.grants(WHO)


@pytest.mark.parametrize(
    ("named", "is_about"),
    [
        (Named(statement=EVERYTHING, services=("sns.amazonaws.com",)), True),
        (Named(statement=EVERYTHING, services=("s3.amazonaws.com",)), False),
        (Named(statement=EVERYTHING, services=("*",)), True),
        (Named(statement=EVERYTHING, principals=("*",)), True),
        (Named(statement=EVERYTHING, principals=(ROLE,)), False),
        (Named(statement=EVERYTHING, services=("sns.amazonaws.com",), is_all_but=True), False),
        (Named(statement=EVERYTHING, services=("s3.amazonaws.com",), is_all_but=True), True),
    ],
)
def test_which_services_a_statement_names(named: Named, is_about: bool) -> None:
    assert named.is_about_service("sns.amazonaws.com") is is_about


@pytest.mark.parametrize(
    ("arn", "is_of"),
    [
        ("arn:aws:s3:::files", True),
        ("arn:aws:s3:::files/a/b", True),
        ("arn:aws:s3:::files:1", True),
        ("arn:aws:s3:::files2", False),
        ("arn:aws:s3:::file", False),
    ],
)
def test_a_policy_is_one_of_a_resource_and_of_what_is_in_it(arn: str, is_of: bool) -> None:
    assert ResourcePolicy(arn="arn:aws:s3:::files", statements=()).is_of(arn) is is_of


class World:
    def __init__(
        self,
        named: Named,
        *own: Statement,
        boundary: Boundary | None = None,
        policy_of: str = JOBS,
        more: tuple[Named, ...] = (),
    ) -> None:
        self.advice: list[str] = []
        functions = (Function(name="say", handler="h.say"), Function(name="other", handler="h.other"))
        role = Role(name="SayRole", path="/app/", statements=own, boundary=boundary)
        other = Role(name="OtherRole", statements=own)
        self.guard = Guard(
            Topology(api=Api(name="chat", routes=()), functions=functions),
            Place(partition="aws", region="eu-west-1", account_id="123456789012", apis={}),
            KeyRing(b"s" * 32),
            mode="enforce",
            advise=lambda _, line: self.advice.append(line),
            roles=Roles(
                of={"say": role, "other": other},
                policies=tuple(
                    ResourcePolicy(arn=policy_of, statements=(each,), rules=":key/" in policy_of)
                    for each in (named, *more)
                ),
            ),
        )

    def may(self, function: str = "say", need: Need = SEND) -> bool:
        return self.guard.refusal(function, [need]) is None


def test_a_queue_may_allow_a_role_what_the_role_does_not() -> None:
    world = World(Named(statement=EVERYTHING, principals=(ROLE,)))

    assert world.may()
    assert not world.may("other")
    assert not world.may(need=Need("sqs:SendMessage", Resource(Kind.QUEUE, "jobs2")))


def test_all_policies_of_a_queue_count() -> None:
    """As of a function, each of whose permissions is one."""
    send, read = (Statement(actions=(f"sqs:{name}",), resources=(JOBS,)) for name in ("SendMessage", "ReceiveMessage"))
    world = World(
        Named(statement=read, principals=(ROLE,)),
        more=(
            Named(statement=send, principals=(ROLE,)),
            Named(statement=send, principals=("*",)),
            Named(statement=structs.replace(read, is_allow=False), principals=(SESSION,)),
        ),
    )

    assert world.may()
    assert world.may("other")
    assert not world.may(need=Need("sqs:ReceiveMessage", SEND.resource))


@pytest.mark.parametrize(("principal", "depends"), [(ROLE, True), (SESSION, True), (OTHER, False)])
def test_a_table_may_ask_for_the_items_that_a_request_is_for(principal: str, depends: bool) -> None:
    own_rows = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ("ada",)}}
    statement = structs.replace(EVERYTHING, conditions=own_rows)
    world = World(Named(statement=statement, principals=(principal,)), policy_of="arn:aws:dynamodb:eu-west-1:1:table/t")

    assert world.guard.depends_on_items("say") is depends


def test_what_a_queue_grants_to_the_account_is_for_the_accounts_policies_to_give() -> None:
    named = Named(statement=EVERYTHING, principals=(ACCOUNT,))

    assert not World(named).may()
    assert World(named, EVERYTHING).may()


def test_what_is_granted_to_the_session_is_not_limited_by_the_boundary() -> None:
    boundary = Boundary(name="bounds", statements=())

    assert World(Named(statement=EVERYTHING, principals=(SESSION,)), boundary=boundary).may()
    assert not World(Named(statement=EVERYTHING, principals=(ROLE,)), boundary=boundary).may()


@pytest.mark.parametrize("principal", [ROLE, SESSION, ACCOUNT, "*"])
def test_what_a_queue_denies_is_refused_in_awss_words(principal: str) -> None:
    denied = Statement(is_allow=False, actions=("SQS:SendMessage",), resources=(JOBS,))
    world = World(Named(statement=denied, principals=(principal,)), EVERYTHING)

    assert world.guard.refusal("say", [SEND]) == (
        f"User: {SESSION} is not authorized to perform: sqs:sendmessage on resource: {JOBS} "
        "with an explicit deny in a resource-based policy"
    )
    assert world.advice == [
        "function say may not sqs:SendMessage on queue jobs: its own policy denies it to the role SayRole"
    ]


def test_a_denial_that_depends_on_the_request_is_judged_by_it() -> None:
    untouched = {"Bool": {"aws:SecureTransport": ("false",)}}
    denied = Statement(is_allow=False, actions=("s3:*",), resources=("arn:aws:s3:::files/*",), conditions=untouched)
    named = Named(statement=denied, principals=("*",))
    read = Need("s3:GetObject", Resource(Kind.ARN, "arn:aws:s3:::files/a"))

    assert World(named, EVERYTHING, policy_of="arn:aws:s3:::files").may(need=read)


def test_policies_that_change_hold_from_then_on() -> None:
    world = World(Named(statement=EVERYTHING, principals=(ROLE,)))
    assert world.may()

    topology = Topology(api=Api(name="chat", routes=()), functions=(Function(name="say", handler="h.say"),))
    place = Place(partition="aws", region="eu-west-1", account_id="123456789012", apis={})
    world.guard.change(topology, place, Roles(of={"say": Role(name="SayRole", statements=())}))

    assert not world.may()


KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
DECRYPT = Need("kms:Decrypt", Resource(Kind.ARN, KEY))


@pytest.mark.parametrize(
    ("principal", "own", "refused"),
    [
        (ROLE, [], None),
        (ACCOUNT, [EVERYTHING], None),
        (ACCOUNT, [], "because no identity-based policy allows the kms:Decrypt action"),
        (OTHER, [EVERYTHING], "because no resource-based policy allows the kms:Decrypt action"),
    ],
    ids=["its role", "the account, and the role may", "the account, and the role may not", "another role"],
)
def test_a_key_is_used_by_whom_its_policy_lets_or_leaves_it_to(
    principal: str, own: list[Statement], refused: str | None
) -> None:
    world = World(Named(statement=EVERYTHING, principals=(principal,)), *own, policy_of=KEY)

    found = world.guard.refusal("say", [DECRYPT])

    assert (None if found is None else found.partition(f"{KEY} ")[2]) == refused
    if principal == OTHER:
        assert world.advice == [
            f"function say may not kms:Decrypt on {KEY}: no statement of its own policy lets the role SayRole, "
            f"or leaves it to roles by naming {ACCOUNT}"
        ]
