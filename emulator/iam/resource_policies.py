"""Policies of resources: whom their statements name, and what that means to a role of the same account. Pure.

[DOC] iam-docs:reference_policies_elements_principal, reference_policies_elements_notprincipal
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import Struct

from .patterns import is_within
from .policy import Statement

EVERYBODY: Final = "*"


class Who(NamedTuple):
    """A session of a role, as principals name it."""

    session: str
    role: str
    account: str
    """Its root's ARN, which names everybody in the account."""


class Named(Struct, frozen=True, kw_only=True):
    """A statement of a resource's policy."""

    statement: Statement
    principals: tuple[str, ...] = ()
    """ARNs, of accounts those of their roots; ``*`` is everybody."""
    services: tuple[str, ...] = ()
    """Such as ``sns.amazonaws.com``."""
    federated: tuple[str, ...] = ()
    """Providers of identities: ARNs, or names of those that all know."""
    is_all_but: bool = False
    """Whether it is about all that it does not name."""

    def is_about(self, who: Who) -> bool:
        """Whether it says something of a role's session, be it only by its account."""
        if self.is_all_but:
            return not set(who) <= set(self.principals)
        return EVERYBODY in self.principals or not set(who).isdisjoint(self.principals)

    def grants(self, who: Who) -> bool:
        """Whether its allowing is enough: what is granted to an account, the account's own policies give to its roles.

        [DOC] iam-docs:reference_policies_elements_principal, of AWS account principals
        """
        return self.is_all_but or not {EVERYBODY, who.role, who.session}.isdisjoint(self.principals)

    def is_about_provider(self, names: Iterable[str]) -> bool:
        """Whether it says something of whom a provider of these names tells of."""
        found = EVERYBODY in (*self.principals, *self.federated) or not set(names).isdisjoint(self.federated)
        return found is not self.is_all_but

    def is_about_service(self, service: str) -> bool:
        """Whether it says something of a service of AWS."""
        found = service in self.services or EVERYBODY in (*self.principals, *self.services)
        return found is not self.is_all_but


class ResourcePolicy(Struct, frozen=True, kw_only=True):
    """What a resource says of who may do what with it."""

    arn: str
    statements: tuple[Named, ...]
    rules: bool = False
    """Whether it has to allow whatever is done, be it for the account: a key's. [DOC] kms-docs:key-policies"""

    def is_of(self, arn: str) -> bool:
        """Whether it is the policy of a resource, or of what that is a part of."""
        return is_within(arn, self.arn)


def said_of(
    policies: Iterable[ResourcePolicy], who: Who
) -> list[tuple[ResourcePolicy, tuple[Statement, ...], tuple[Statement, ...]]]:
    """Each policy that is about a role's session, with what it says of the role and what of the session itself.

    The latter is not limited by what the role's permissions boundary does not allow.
    [DOC] iam-docs:reference_policies_evaluation-logic_policy-eval-basics
    """
    found = []
    for policy in policies:
        about = [each for each in policy.statements if each.is_about(who)]
        counting = [each for each in about if not each.statement.is_allow or each.grants(who)]
        of_session = tuple(each.statement for each in counting if who.session in each.principals)
        of_role = tuple(each.statement for each in counting if who.session not in each.principals)
        if counting:
            found.append((policy, of_role, of_session))
    return found
