"""Roles that functions assume: who may, and what their sessions may do."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from emulator.iam.caller import Caller
from emulator.iam.guard import SESSIONS, Guard, Mode
from emulator.iam.keys import SESSION as SESSION_KEYS
from emulator.iam.keys import KeyRing, Secrets, as_owner
from emulator.iam.needs import Need
from emulator.iam.policy import Policies, Statement, statement_of
from emulator.iam.resource_policies import Named, Who
from emulator.iam.roles import Boundary, Role, Roles
from emulator.iam.sessions import ASSUME, TAG, Assumption, DurationError, decide_ruled
from emulator.port.http import HttpRequest
from streamer.topology import Api, Function, Topology
from streamer.topology.grants import Kind, Place, Resource

PLACE = Place(partition="aws", region="eu-west-1", account_id="123456789012", apis={})
TOPOLOGY = Topology(api=Api(name="chat", routes=()), functions=(Function(name="say", handler="h.say"),))
ROLE = "arn:aws:iam::123456789012:role/tenants/tenant"
WHO = Who(
    session="arn:aws:sts::123456789012:assumed-role/SayRole/say",
    role="arn:aws:iam::123456789012:role/SayRole",
    account="arn:aws:iam::123456789012:root",
)
ME, SESSION, ROOT = (WHO.role,), (WHO.session,), (WHO.account,)
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/notes"
GET = Need("dynamodb:GetItem", Resource(Kind.TABLE, "notes"))
PUT = Need("dynamodb:PutItem", Resource(Kind.TABLE, "notes"))
OF_TENANT = statement_of(
    {
        "Effect": "Allow",
        "Action": "dynamodb:GetItem",
        "Resource": TABLE,
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:PrincipalTag/Tenant}"]}},
    }
)
ASKED = Assumption(role_arn=ROLE, session_name="for-ada")
HOUR = 3600
ALLOWS = Statement(actions=("sts:*",), resources=(ROLE,))
DENIES = structs.replace(ALLOWS, is_allow=False)


def trusting(*principals: str, effect: str = "Allow", action: str = "sts:*", condition: Any = None) -> Named:
    document = {"Effect": effect, "Action": action, "Resource": "*", "Condition": condition or {}}
    return Named(statement=statement_of(document), principals=principals)


def reading(key: str) -> Need:
    return GET._replace(about=(("dynamodb:leadingkeys", key),))


TENANTS = {"StringEquals": {"aws:RequestTag/Tenant": "ada"}}


@pytest.mark.parametrize(
    ("trust", "identity", "boundary", "message"),
    [
        pytest.param([trusting(*ME)], [], None, "ALLOWED", id="the role is trusted"),
        pytest.param([trusting(*SESSION)], [], [], "ALLOWED", id="its session is, beyond its boundary"),
        pytest.param([trusting(*ME)], [], [], "OUT_OF_BOUNDS", id="the role is, beyond its boundary"),
        pytest.param([trusting("*")], [], None, "ALLOWED", id="everybody is"),
        pytest.param([trusting(*ROOT)], [ALLOWS], None, "ALLOWED", id="the account is, and the role may"),
        pytest.param([trusting(*ROOT)], [], None, "NOT_ALLOWED", id="the account is, and the role may not"),
        pytest.param([], [ALLOWS], None, "NOT_BY_RESOURCE", id="nobody is"),
        pytest.param([trusting("arn:x")], [ALLOWS], None, "NOT_BY_RESOURCE", id="somebody else is"),
        pytest.param([trusting(*ME, action=TAG)], [ALLOWS], None, "NOT_BY_RESOURCE", id="for something else"),
        pytest.param([trusting(*ME)], [DENIES], None, "DENIED", id="the role's own policy denies it"),
        pytest.param(
            [trusting(*ME), trusting(*ROOT, effect="Deny")], [ALLOWS], None, "DENIED_BY_RESOURCE", id="it denies"
        ),
        pytest.param([trusting(*ME, condition=TENANTS)], [], None, "ALLOWED", id="with a tag"),
        pytest.param(
            [trusting(*ROOT, condition={"StringEquals": {"sts:ExternalId": "e"}})],
            [ALLOWS],
            None,
            "NOT_BY_RESOURCE",
            id="with another external id",
        ),
    ],
)
def test_a_role_may_be_assumed_by_whom_it_trusts(
    trust: list[Named], identity: list[Statement], boundary: list[Statement] | None, message: str
) -> None:
    own = Policies(identity=tuple(identity), boundary=None if boundary is None else tuple(boundary))
    context = {"aws:requesttag/tenant": ["ada"]}

    assert decide_ruled(trust, own, WHO, action=ASSUME, resource=ROLE, context=context).name == message


def signed(key: str, token: str = "") -> HttpRequest:
    value = f"AWS4-HMAC-SHA256 Credential={key}/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host"
    return HttpRequest("POST", "/", (), b"", "", {"authorization": value, "x-amz-security-token": token})


class World:
    """A function ``say``, and a role that trusts it."""

    def __init__(self, *statements: Statement, mode: Mode = "enforce", **role: Any) -> None:
        self.told: list[str] = []
        self.now = 1_000.0
        self.keys = KeyRing(b"s" * 32)
        trust = (trusting(*ME, *SESSION), trusting("*"))
        tenant = Role(name="tenant", path="/tenants/", statements=statements, trust=trust, **role)
        say = Role(name="SayRole", statements=(Statement(actions=("dynamodb:*",), resources=("*",)),))
        own = {"arn:aws:iam::123456789012:policy/get": (Statement(actions=("dynamodb:GetItem",), resources=("*",)),)}
        self.roles = Roles(of={"say": say}, all={ROLE: tenant}, managed=own)
        self.guard = Guard(
            TOPOLOGY,
            PLACE,
            self.keys,
            mode=mode,
            advise=lambda _, line: self.told.append(line),
            roles=self.roles,
            clock=lambda: self.now,
        )

    @property
    def say(self) -> Caller:
        return self.caller(self.keys["say"].access_key_id)

    def caller(self, key: str) -> Caller:
        found = self.guard.caller(signed(key))
        assert found is not None
        return found

    def assumed(self, asked: Assumption = ASKED, by: Caller | None = None, seconds: int = HOUR) -> Caller:
        found = self.guard.assume(by or self.say, asked, seconds)
        assert found is not None
        keys, caller = found
        assert self.caller(keys.access_key_id) is caller
        return caller


def tagged(**tags: str) -> Assumption:
    return structs.replace(ASKED, tags=tuple(tags.items()))


@pytest.mark.parametrize(
    ("asked", "key", "is_allowed"),
    [
        (tagged(Tenant="ada"), "ada", True),
        (tagged(tenant="ada"), "ada", True),
        (tagged(Tenant="ada"), "bob", False),
        (tagged(Other="ada"), "ada", False),
        (ASKED, "of-role", True),
        (tagged(Tenant="ada"), "of-role", False),
    ],
)
def test_tags_of_a_session_stand_over_those_of_its_role(asked: Assumption, key: str, is_allowed: bool) -> None:
    tags = {"Tenant": "of-role"} if key == "of-role" else {}

    assert (World(OF_TENANT, tags=tags).assumed(asked).service([reading(key)]) is None) is is_allowed


def test_sessions_that_differ_sign_with_keys_of_their_own_and_the_same_again_with_the_same() -> None:
    world = World(OF_TENANT)
    ada, bob, again = (world.assumed(tagged(Tenant=name)) for name in ("ada", "bob", "ada"))
    secrets = Secrets(as_owner(world.keys["say"], "x"), world.keys)

    assert ada is again
    assert ada.key != bob.key
    assert bob.service([reading("ada")]) is not None
    assert {ada.key, bob.key} <= set(secrets)
    assert ada.depends_on_items


def test_of_very_many_sessions_the_latest_are_known() -> None:
    world = World(OF_TENANT)
    secrets = Secrets(as_owner(world.keys["say"], "x"), world.keys)
    keys = [world.assumed(structs.replace(ASKED, session_name=f"s{number}")).key for number in range(SESSIONS)]
    assert set(keys) <= set(secrets)

    world.assumed(structs.replace(ASKED, session_name="s0"))  # its credentials are given out once more
    newest = world.assumed(structs.replace(ASKED, session_name="newest")).key

    assert world.guard.caller_with(keys[0]) is not None
    assert world.guard.caller_with(keys[1]) is None
    assert (keys[1] in secrets, newest in secrets, len(world.keys)) == (False, True, SESSIONS + 1)


def test_credentials_of_a_session_are_valid_until_they_expire_and_those_of_functions_always() -> None:
    world = World(OF_TENANT)
    key, own = world.assumed(seconds=900).key, world.say.key
    times = {}
    for world.now in (1_899.9, 1_900.0):
        times[world.now] = world.guard.is_expired(signed(key)), world.guard.is_expired(signed(own))
    world.assumed(seconds=900)

    assert times == {1_899.9: (False, False), 1_900.0: (True, False)}
    assert not world.guard.is_expired(signed(key)), "asked for once more"


@pytest.mark.parametrize(("mode", "is_expired"), [("enforce", True), ("off", False)])
def test_a_session_that_is_not_known_any_more_is_not_taken_for_the_owner(mode: Mode, is_expired: bool) -> None:
    token = World().keys[f"{SESSION_KEYS}another run"].session_token

    link = f"/made/a?X-Amz-Credential=ASIAANOTHERRUN%2F20261129&X-Amz-Security-Token={token}"

    assert World(mode=mode).guard.is_expired(signed("ASIAANOTHERRUN", token)) is is_expired
    assert World(mode=mode).guard.is_expired(HttpRequest("GET", link, (), b"", "", {})) is is_expired
    assert World(mode=mode).guard.is_over(None, token) is is_expired
    assert not World(mode=mode).guard.is_expired(signed("ASIAOFAWSITSELF", "of-aws"))


@pytest.mark.parametrize(
    ("most", "seconds", "is_chained", "why"),
    [
        (3_600, 3_600, True, None),
        (43_200, 3_601, True, "exceeds the 1 hour session limit for roles assumed by role chaining."),
        (43_200, 43_200, False, None),
        (3_600, 3_601, False, "exceeds the MaxSessionDuration set for this role."),
    ],
)
def test_a_role_is_assumed_for_as_long_as_it_says_and_by_a_role_for_an_hour(
    most: int, seconds: int, is_chained: bool, why: str | None
) -> None:
    world = World(most_seconds=most)
    by = world.say if is_chained else None

    if why is None:
        assert world.guard.assume(by, ASKED, seconds) is not None
    else:
        with pytest.raises(DurationError, match=f"The requested DurationSeconds {why}"):
            world.guard.assume(by, ASKED, seconds)


ALL = Statement(actions=("dynamodb:*",), resources=(TABLE,))
GETS = Statement(actions=("dynamodb:GetItem",), resources=("*",))


@pytest.mark.parametrize(
    ("role", "asked", "reason"),
    [
        pytest.param({}, ASKED, None, id="no session policy"),
        pytest.param(
            {},
            structs.replace(ASKED, policy=(GETS,)),
            "because no session policy allows the dynamodb:PutItem action",
            id="an inline one",
        ),
        pytest.param(
            {},
            structs.replace(ASKED, policy=(ALL, structs.replace(ALL, is_allow=False))),
            "with an explicit deny in a session policy",
            id="one that denies",
        ),
        pytest.param(
            {},
            structs.replace(ASKED, policy_arns=("arn:aws:iam::123456789012:policy/get",)),
            "because no session policy allows the dynamodb:PutItem action",
            id="the project's managed one",
        ),
        pytest.param(
            {},
            structs.replace(ASKED, policy=(GETS,), policy_arns=("arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess",)),
            None,
            id="AWS's managed one beside an inline one",
        ),
        pytest.param(
            {"boundary": Boundary(name="b", statements=(GETS,))},
            ASKED,
            "because no permissions boundary allows the dynamodb:PutItem action",
            id="the role's boundary",
        ),
    ],
)
def test_a_session_may_do_what_its_role_and_its_policies_allow(
    role: dict[str, Any], asked: Assumption, reason: str | None
) -> None:
    world = World(ALL, **role)
    refused = world.assumed(asked).service([PUT])

    if reason is None:
        assert refused is None
    else:
        assert refused == (
            "User: arn:aws:sts::123456789012:assumed-role/tenant/for-ada is not authorized to perform: "
            f"dynamodb:PutItem on resource: {TABLE} {reason}"
        )
        assert "the role tenant, assumed as for-ada, may not dynamodb:PutItem on notes" in world.told[-1]
    assert world.say.service([PUT]) is None


def test_tags_that_are_transitive_go_on_to_the_sessions_that_a_session_begins() -> None:
    world = World(OF_TENANT)
    asked = structs.replace(tagged(Tenant="ada"), transitive=("Tenant",))

    kept = world.assumed(by=world.assumed(asked))
    lost = world.assumed(by=world.assumed(tagged(Tenant="ada")))

    assert (kept.service([reading("ada")]), lost.service([reading("ada")]) is None) == (None, False)


def test_a_session_knows_who_it_is_and_for_whom() -> None:
    caller = World().assumed()

    assert (caller.user_arn, caller.user_id, caller.function) == (
        "arn:aws:sts::123456789012:assumed-role/tenant/for-ada",
        "AROAEXAMPLE:for-ada",
        "say",
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalArn", ROLE),
        ("aws:userid", "AROAEXAMPLE:for-ada"),
        ("aws:PrincipalTag/Tenant", "ada"),
        ("aws:PrincipalAccount", "123456789012"),
    ],
)
def test_conditions_see_the_session(key: str, value: str) -> None:
    statement = structs.replace(ALL, conditions={"StringEquals": {key: (value,)}})

    assert World(statement).assumed(tagged(Tenant="ada")).service([PUT]) is None


def test_a_project_that_changes_changes_what_sessions_may_do() -> None:
    world = World(ALL)
    caller = world.assumed()
    role = structs.replace(world.roles.all[ROLE], statements=(GETS,))

    world.guard.change(TOPOLOGY, PLACE, structs.replace(world.roles, all={ROLE: role}))
    assert (caller.service([GET]), caller.service([PUT]) is None) == (None, False)

    world.guard.change(TOPOLOGY, PLACE, structs.replace(world.roles, all={}))
    assert caller.service([GET]) is not None
    assert world.told[-1].endswith("its role is no longer in the project")


def test_a_role_that_is_not_known_is_told_once_and_left_to_others() -> None:
    world = World()
    other = structs.replace(ASKED, role_arn="arn:aws:iam::123456789012:role/other")

    assert [world.guard.assume(world.say, other, HOUR) for _ in range(2)] == [None, None]
    assert world.told == [f"the role {other.role_arn} is not known here, so that whoever assumes it may do everything"]


def test_what_was_told_of_very_many_roles_is_forgotten() -> None:
    world = World()
    others = [structs.replace(ASKED, role_arn=f"arn:aws:iam::123456789012:role/{n}") for n in range(SESSIONS + 1)]
    for other in (*others, others[0], others[-1]):
        world.guard.assume(world.say, other, HOUR)

    assert [f"role/{n} " in world.told[-1] for n in (0, SESSIONS)] == [True, False]
    assert len(world.told) == SESSIONS + 2


def test_without_enforcing_nobody_is_held_to_an_assumed_role() -> None:
    assert World(mode="off").guard.assume(None, ASKED, HOUR) is None
    recorded = World(mode="record")
    assert recorded.assumed().service([PUT]) is None
    assert "# the assumed role tenant\n- Effect: Allow\n  Action: dynamodb:PutItem" in (recorded.guard.recorded() or "")


@pytest.mark.parametrize(
    ("trust", "told"),
    [
        ((), "function say may not sts:AssumeRole on tenant: no statement of its trust policy lets it"),
        ((trusting(*ROOT),), "no statement of its role SayRole allows it; add {Effect: Allow, Action: sts:AssumeRole"),
    ],
)
def test_who_may_not_assume_a_role_is_refused_in_awss_words_and_told_why(trust: tuple[Named, ...], told: str) -> None:
    world = World()
    role = structs.replace(world.roles.all[ROLE], trust=trust)
    world.guard.change(TOPOLOGY, PLACE, structs.replace(world.roles, all={ROLE: role}))

    refused = world.say.service([Need(ASSUME, Resource(Kind.ARN, ROLE), ASKED.about)])

    assert refused == f"User: {WHO.session} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    assert told in world.told[-1]


PROVIDER = "token.actions.githubusercontent.com"
WITH_TOKEN = "sts:AssumeRoleWithWebIdentity"
OF_MAIN = {"StringEquals": {f"{PROVIDER}:sub": ["main"]}}


@pytest.mark.parametrize(
    ("federated", "condition", "effect", "is_trusted"),
    [
        (f"arn:aws:iam::123456789012:oidc-provider/{PROVIDER}", OF_MAIN, "Allow", True),
        (PROVIDER, {}, "Allow", True),
        ("*", OF_MAIN, "Allow", True),
        (PROVIDER, {"StringEquals": {f"{PROVIDER}:sub": ["other"]}}, "Allow", False),
        ("arn:aws:iam::123456789012:oidc-provider/others", {}, "Allow", False),
        (PROVIDER, {}, "Deny", False),
    ],
)
def test_whoever_comes_with_a_token_is_let_in_by_its_provider_and_claims(
    federated: str, condition: Any, effect: str, is_trusted: bool
) -> None:
    written = {"Effect": effect, "Action": WITH_TOKEN, "Resource": "*", "Condition": condition}
    trust = (Named(statement=statement_of(written), federated=(federated,)),)
    world = World()
    role = structs.replace(world.roles.all[ROLE], trust=trust)
    world.guard.change(TOPOLOGY, PLACE, structs.replace(world.roles, all={ROLE: role}))
    asked = structs.replace(ASKED, claims=((f"{PROVIDER}:sub", "main"),))

    assert world.guard.trusts(asked, WITH_TOKEN, PROVIDER) is is_trusted
    assert world.guard.trusts(structs.replace(asked, role_arn="arn:other"), WITH_TOKEN, PROVIDER)


def test_claims_are_seen_by_the_policies_of_the_role() -> None:
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${" + PROVIDER + ":sub}"]}}
    world = World(statement_of({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": own}))

    caller = world.assumed(structs.replace(ASKED, claims=((f"{PROVIDER}:sub", "ada"),)))

    assert caller.service([reading("ada")]) is None
    assert caller.service([reading("bob")]) is not None
