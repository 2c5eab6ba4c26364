"""What IAM would refuse of the policies of a template's roles: CloudFormation then makes none of its stack. Pure.

[DOC] iam-docs:reference_policies_grammar, reference_policies_elements, reference_iam-quotas. [USR] its words, of which
ours say the same: trussworks/terraform-aws-s3-anti-virus #21 ("must be in ARN format"); getmoto/moto, what AWS
said of policies ("Syntax errors in policy.", "Policy document should not specify a principal.", "Policy statement must
contain actions.", "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.").
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..iam.conditions import unknown_operators
from .catalogue import Catalogue
from .errors import Path, Problem, shown
from .policy_documents import document_of
from .resources.kind import Meaning
from .stack import Resource
from .values import items

_VERSIONS: Final = ("2008-10-17", "2012-10-17")
_VARIABLE: Final = "${aws:"
_OF_DOCUMENTS: Final = ("Id", "Statement", "Version")
_OF_STATEMENTS: Final = frozenset({"Action", "Condition", "Effect", "NotAction", "NotResource", "Resource", "Sid"})
_WHOM: Final = frozenset({"NotPrincipal", "Principal"})
_SID: Final = re.compile(r"[0-9A-Za-z]*")
_ACTION: Final = re.compile(r"\*|(?:\*|[0-9A-Za-z.-]+):[^\s:]+")
_ARN: Final = re.compile(r"\*|arn:[^:]+:[^:]+(?::.*)?", re.DOTALL)
"""An ARN may end early, as in ``arn:aws:logs:*``, which stands for all that it begins."""
_OF_TRUST: Final = "AssumeRolePolicyDocument"
_DOCUMENT: Final = "PolicyDocument"
_INLINE_CHARACTERS: Final = 10_240
"""Of all inline policies of a role, without white space."""
_MANAGED: Final = 10
"""Managed policies of a role where the account's quota is as at first."""
_CHARACTERS: Final = {_DOCUMENT: 6_144, _OF_TRUST: 2_048}
"""Of a managed policy, and of a trust policy where the account's quota is as at first; without white space."""


class Flaw(NamedTuple):
    """Why AWS does not take a resource."""

    resource: Resource
    why: str
    is_quota: bool = False
    """Whether it takes it of an account that has asked for more."""


def check(catalogue: Catalogue, resources: Sequence[Resource]) -> None:
    """Warn of every policy of these resources that AWS refuses."""
    for flaw in _all(catalogue, resources):
        catalogue.warn(flaw.resource, f"AWS refuses it, since {flaw.why}")
    for resource, path, document in _documents(resources):
        is_old = isinstance(document, dict) and document.get("Version") != _VERSIONS[-1]
        if is_old and path != (_OF_TRUST,) and _VARIABLE in json.dumps(document, default=str):
            without = f"Version {_VERSIONS[-1]}, without which its policy variables stand for themselves"
            catalogue.warn(resource, f"{shown(path)} is not of {without}")


def refuse(catalogue: Catalogue, resources: Sequence[Resource]) -> None:
    """Raise TemplateError for the first policy of these resources that AWS refuses, whoever's account it is."""
    for flaw in _all(catalogue, resources):
        if not flaw.is_quota:
            raise catalogue.error(flaw.resource, Problem(flaw.resource.path, flaw.why))


def _all(catalogue: Catalogue, resources: Sequence[Resource]) -> Iterator[Flaw]:
    made_up = tuple(_made_up(catalogue))
    for resource, path, document in _documents(resources):
        yield from (Flaw(resource, *why) for why in _of_document(catalogue, resource, path, document, made_up))
    attached = Counter(name for policy in catalogue.of("AWS::IAM::ManagedPolicy") for name in _roles(policy))
    inline = Counter[str]()
    for policy, _, document in _documents(catalogue.of("AWS::IAM::Policy", "AWS::IAM::RolePolicy")):
        inline.update(dict.fromkeys(_roles(policy), _size(document)))
    for role in _of(resources, "AWS::IAM::Role"):
        own = sum(_size(document) for _, path, document in _documents([role]) if path != (_OF_TRUST,))
        size = own + inline[str(role.ref)]
        if size > _INLINE_CHARACTERS:
            yield Flaw(role, f"its Policies have {size:,} characters, and IAM takes {_INLINE_CHARACTERS:,}")
        managed = len(set(map(str, items(role, "ManagedPolicyArns")))) + attached[str(role.ref)]
        if managed > _MANAGED:
            yield Flaw(role, f"it has {managed} managed policies, and IAM takes {_MANAGED}", is_quota=True)


def _roles(policy: Resource) -> list[str]:
    """The roles that a policy is for."""
    names = policy.properties.get("Roles", policy.properties.get("RoleName"))
    return [str(each) for each in _listed(names)]


def _documents(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Path, Any]]:
    """The policies of resources, with the property in which each stands."""
    for role in _of(resources, "AWS::IAM::Role"):
        for position, each in enumerate(items(role, "Policies")):
            if isinstance(each, dict):
                yield role, ("Policies", position, _DOCUMENT), document_of(each.get(_DOCUMENT))
        yield role, (_OF_TRUST,), document_of(role.properties.get(_OF_TRUST))
    for policy in _of(resources, "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        yield policy, (_DOCUMENT,), document_of(policy.properties.get(_DOCUMENT))


def _of(resources: Sequence[Resource], *types: str) -> list[Resource]:
    return [each for each in resources if each.type in types]


def _of_document(
    catalogue: Catalogue, resource: Resource, path: Path, document: Any, made_up: tuple[str, ...]
) -> Iterator[tuple[str, bool]]:
    is_trust = path == (_OF_TRUST,)
    if not isinstance(document, dict):
        yield f"{shown(path)} is no policy", False
        return
    for place, what in flaws(document, is_trust=is_trust):
        yield f"{shown((*path, *place))} {what}", False
    is_managed = resource.type == "AWS::IAM::ManagedPolicy"
    if is_managed and document.get("Version") != _VERSIONS[-1]:
        yield f"a managed policy is of Version {_VERSIONS[-1]}", False
    size, most = _size(document), _CHARACTERS[str(path[-1])]
    if (is_managed or is_trust) and size > most:
        yield f"{shown(path)} has {size:,} characters, and IAM takes {most:,}", is_trust
    for text in () if is_trust else _resources(document):
        if _ARN.fullmatch(text) is None and not text.startswith(made_up):
            yield f"{shown(path)} names {text!r}, which is no ARN{_meant(catalogue, text)}", False


def _size(document: Any) -> int:
    return len("".join(json.dumps(document, separators=(",", ":"), default=str).split()))


def _made_up(catalogue: Catalogue) -> Iterator[str]:
    """What begins texts that nobody here knows: of resources that are not emulated, and of the parameter store."""
    yield "placeholder"
    for _, each in catalogue.all:
        if each.kind.meaning is not Meaning.EMULATED and not str(each.ref).startswith("arn:"):
            yield from (text for text in (str(each.ref), f"{each.name}.") if text not in ("", "."))


def _meant(catalogue: Catalogue, text: str) -> str:
    found = next((each for _, each in catalogue.all if str(each.ref) == text and "Arn" in each.kind.attributes), None)
    return "" if found is None else f"; !GetAtt {found.logical_id}.Arn is"


def _resources(document: Mapping[str, Any]) -> Iterator[str]:
    for each in _listed(document.get("Statement")):
        for element in ("Resource", "NotResource") if isinstance(each, dict) else ():
            yield from (text for text in _listed(each.get(element)) if isinstance(text, str))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def flaws(document: Mapping[str, Any], *, is_trust: bool = False) -> Iterator[tuple[Path, str]]:
    """Places of a policy, and what is wrong there; ``is_trust``: it says who may assume a role."""
    yield from (((), f"has {name}, which policies have not") for name in document if name not in _OF_DOCUMENTS)
    version = document.get("Version", _VERSIONS[0])
    if str(version) not in _VERSIONS:
        yield (), f"is of Version {version}; there are {' and '.join(_VERSIONS)}"
    written = _listed(document.get("Statement"))
    if not written:
        yield (), "has no Statement"
    sids: set[str] = set()
    for position, each in enumerate(written):
        place = ("Statement", position)
        if not isinstance(each, dict):
            yield place, "is no statement"
            continue
        yield from ((place, what) for what in _of_statement(each, is_trust=is_trust))
        sid = str(each.get("Sid") or "")
        if sid in sids:
            yield place, f"has the Sid {sid} of another statement"
        if not _SID.fullmatch(sid):
            yield place, f"has the Sid {sid!r}, which has more than letters and digits"
        sids |= {sid} - {""}


def _of_statement(statement: Mapping[str, Any], *, is_trust: bool) -> Iterator[str]:
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "has no Effect, Allow or Deny"
    if is_trust and not _WHOM & set(statement):
        yield "has no Principal"
    if not is_trust and _WHOM & set(statement):
        yield f"has a {min(_WHOM & set(statement))}, which only policies of resources have"
    yield from _of_names(statement, is_trust=is_trust)
    for element in ("Action",) if is_trust else ("Action", "Resource"):
        yield from _of_element(statement, element)
    for action in (*_listed(statement.get("Action")), *_listed(statement.get("NotAction"))):
        if not isinstance(action, str) or _ACTION.fullmatch(action) is None:
            yield f"has the action {action!r}, which is not of the form s3:GetObject"
    conditions = statement.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(keys, dict) for keys in conditions.values()):
        yield "has a Condition that is no mapping of operators to mappings of keys to values"
    else:
        yield from (f"has {operator}, which is no operator of IAM" for operator in unknown_operators(conditions))


def _of_names(names: Iterable[str], *, is_trust: bool) -> Iterator[str]:
    for name in names:
        if name not in _OF_STATEMENTS | _WHOM:
            yield f"has {name}, which statements have not"
        elif is_trust and name in ("NotResource", "Resource"):
            yield f"has a {name}, which trust policies have not"


def _of_element(statement: Mapping[str, Any], element: str) -> Iterator[str]:
    named = [name for name in (element, f"Not{element}") if name in statement]
    if len(named) > 1:
        yield f"has {' and '.join(named)}"
    elif not named or not _listed(statement[named[0]]):
        yield f"has no {element}"
