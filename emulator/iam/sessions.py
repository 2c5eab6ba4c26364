"""Roles that are assumed: who may assume one, and what limits its sessions. Pure.

[DOC] sts-docs:API_AssumeRole, iam-docs:id_session-tags, access_policies#policies_session
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, structs

from ..foundation.json_bytes import parsed_json
from .conditions import Context
from .keys import SESSION
from .policy import Decision, Policies, Statement, decide, statement_of, with_values, without_variables
from .resource_policies import Named, ResourcePolicy, Who, said_of
from .resource_tags import REQUESTED, TAG_KEYS

ASSUME: Final = "sts:AssumeRole"
TAG: Final = "sts:TagSession"
ASSUMING: Final = frozenset({ASSUME, TAG})
"""What a role's trust policy has to allow, whatever policies of whoever asks do."""
_WITH_VARIABLES: Final = "2012-10-17"


MOST_SECONDS: Final = 3600
"""How long a role is assumed at most that says nothing of it, and any that a role assumes."""


_DENIED: Final = frozenset(
    {
        *(Decision.DENIED, Decision.DENIED_BY_BOUNDARY),
        *(Decision.DENIED_BY_RESOURCE, Decision.DENIED_BY_SESSION),
    }
)


class DurationError(Exception):
    """Nobody assumes a role for so long."""


class PolicyError(Exception):
    """A session policy is none."""


class Assumption(Struct, frozen=True, kw_only=True):
    """What a request to assume a role asks for."""

    role_arn: str
    session_name: str
    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    """Keys of those tags that sessions have, too, which this one begins."""
    external_id: str | None = None
    policy: tuple[Statement, ...] | None = None
    """What its inline session policy says; None: it has none."""
    policy_arns: tuple[str, ...] = ()
    """Managed policies, which together with the inline one are the session policy."""
    claims: tuple[tuple[str, str], ...] = ()
    """What a provider of identities says of who asks: condition keys in lower case, each with a value."""

    @property
    def about(self) -> tuple[tuple[str, str], ...]:
        """What conditions see of it, as `Need.about`."""
        return tuple(self._about())

    def _about(self) -> Iterator[tuple[str, str]]:
        yield "sts:rolesessionname", self.session_name
        if self.external_id is not None:
            yield "sts:externalid", self.external_id
        for key, value in self.tags:
            yield f"{REQUESTED}{key.lower()}", value
            yield TAG_KEYS, key
        for key in self.transitive:
            yield "sts:transitivetagkeys", key
        yield from self.claims


class Session(Struct, frozen=True, kw_only=True):
    """A role that somebody assumed."""

    role_arn: str
    name: str
    function: str | None
    """Whose log tells what it may not do; None: no function assumed it."""
    policy: tuple[Statement, ...] | None
    """What it may not go beyond; None: it has all that the role has."""
    tags: Mapping[str, str]
    """By their keys in lower case."""
    transitive: frozenset[str]
    """Keys, in lower case, of the tags that go on to sessions which this one begins."""
    claims: tuple[tuple[str, str], ...] = ()
    """As of the `Assumption`: conditions see them as long as the session lasts."""
    seed: str
    """What its credentials are derived from: the same for what cannot be told apart."""

    @property
    def shown(self) -> str:
        """Who it is, in the log."""
        return f"the role {self.role_arn.rpartition('/')[2]}, assumed as {self.name},"


def check_seconds(seconds: int, most: int, *, is_chained: bool) -> None:
    """Check for how long a role is to be assumed, ``is_chained`` if by a role.

    [DOC] sts-docs:API_AssumeRole, DurationSeconds; [USR] eks-anywhere #9485, aws-vault #263 for the words

    Raises:
        DurationError: not so long, in AWS's words.
    """
    if is_chained and seconds > MOST_SECONDS:
        raise DurationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if seconds > most:
        raise DurationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def session_policy(text: str) -> tuple[Statement, ...]:
    """The statements of an inline session policy.

    Raises:
        PolicyError: it is no policy.
    """
    try:
        document = parsed_json(text)
        written = document["Statement"]
        each_of = [written] if isinstance(written, dict) else written
        found = tuple(map(_statement, each_of))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PolicyError(str(error)) from error
    return found if document.get("Version") == _WITH_VARIABLES else tuple(map(without_variables, found))


def _statement(written: Mapping[str, Any]) -> Statement:
    has_one = all((name in written) is not (f"Not{name}" in written) for name in ("Action", "Resource"))
    if not has_one or written["Effect"] not in ("Allow", "Deny"):
        raise ValueError(written)
    return statement_of(written)


def assumed(
    asked: Assumption,
    *,
    function: str | None,
    by: Session | None,
    managed: Callable[[str], Sequence[Statement] | None],
) -> tuple[Session, list[str]]:
    """The session that is asked for, and its session policies that are not known, which it is not held to.

    ``by`` is the session that asks; None: no session does.
    """
    inherited = {} if by is None else {key: value for key, value in by.tags.items() if key in by.transitive}
    known = {arn: managed(arn) for arn in asked.policy_arns}
    unknown = [arn for arn, statements in known.items() if statements is None]
    said = None if asked.policy is None else list(asked.policy)
    for statements in known.values():
        said = [*(said or ()), *(statements or ())]
    seed = json.dumps([function, sorted(inherited.items()), structs.astuple(asked)], default=structs.asdict)
    session = Session(
        role_arn=asked.role_arn,
        name=asked.session_name,
        function=function,
        policy=None if said is None or unknown else tuple(said),
        tags={**inherited, **{key.lower(): value for key, value in asked.tags}},
        transitive=frozenset({*inherited, *map(str.lower, asked.transitive)}),
        claims=asked.claims,
        seed=f"{SESSION}{asked.role_arn}: {hashlib.blake2b(seed.encode(), digest_size=20).hexdigest()}",
    )
    return session, unknown


def trusts(ruling: Iterable[Named], who: Who, action: str, resource: str, context: Context) -> bool:
    """Whether the policy of a role or a key lets somebody do it, be it only by the account."""
    return any(each.statement.is_allow and _applies(each, who, action, resource, context) for each in ruling)


def _applies(named: Named, who: Who, action: str, resource: str, context: Context) -> bool:
    statement = with_values(named.statement, context)
    return named.is_about(who) and statement is not None and statement.applies(action, resource, context)


def trusts_provider(trust: Iterable[Named], names: Sequence[str], action: str, resource: str, context: Context) -> bool:
    """Whether a trust policy lets whom a provider of these names tells of do it: nobody has policies of their own.

    [DOC] iam-docs:id_roles_providers_create_oidc; sts-docs:API_AssumeRoleWithWebIdentity, API_AssumeRoleWithSAML
    """
    valued = ((each, with_values(each.statement, context)) for each in trust if each.is_about_provider(names))
    said = {each.is_allow for _, each in valued if each is not None and each.applies(action, resource, context)}
    return said == {True}


def decide_ruled(
    ruling: Sequence[Named], own: Policies, who: Who, *, action: str, resource: str, context: Context
) -> Decision:
    """Whether somebody may do something with a role or a key of the same account, given what their policies say.

    [DOC] iam-docs:reference_policies_evaluation-logic, kms-docs:key-policies: its own policy, here ``ruling``, has to
    allow it in any case. If it names who asks, that is enough; if it names the account, theirs have to allow it, too.
    """
    valued = [
        structs.replace(each, statement=statement)
        for each in ruling
        if (statement := with_values(each.statement, context)) is not None
    ]
    said = said_of([ResourcePolicy(arn=resource, statements=tuple(valued))], who)
    policies = structs.replace(
        own,
        resource=tuple(each for _, of_role, _ in said for each in of_role),
        session=tuple(each for _, _, of_session in said for each in of_session),
    )
    decision = decide(policies, action, resource, context)
    is_denied = decision in _DENIED
    is_trusted = trusts(ruling, who, action, resource, context)
    return decision if is_denied or is_trusted else Decision.NOT_BY_RESOURCE
