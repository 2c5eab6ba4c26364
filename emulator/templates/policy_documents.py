"""Policy documents of templates, checked as IAM checks them. Pure. [DOC] iam-docs:reference_policies_elements"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..foundation.json_bytes import parsed_json
from ..iam.policy import Statement, statement_of, without_variables
from ..iam.resource_policies import EVERYBODY, Named
from .errors import Path, Problem
from .stack import Resource
from .values import at

_WITH_VARIABLES: Final = "2012-10-17"
"""The version of policies that have variables; in an older one, also where none is said, they stand for themselves.

[DOC] iam-docs:reference_policies_elements_version
"""
_ACCOUNT_DIGITS: Final = 12
_EVERYTHING: Final = "*"


def document_of(written: Any) -> Any:
    """A policy as it stands in a template, where it may be JSON, too; what else stands there stays as it is.

    [USR] aws-samples/serverless-patterns, activemq-private-lambda-java-sam: policies of roles by ``Fn::Sub``
    """
    if not isinstance(written, str):
        return written
    try:
        return parsed_json(written)
    except ValueError:
        return written


def policy_of(resource: Resource, name: str) -> Mapping[str, Any]:
    """A property that is a policy; absent is empty. Raises Problem."""
    found = document_of(resource.properties.get(name) or {})
    if not isinstance(found, dict):
        raise Problem(at(resource, name), "a mapping is expected")
    return found


def statements(document: Mapping[str, Any], path: Path) -> list[Statement]:
    """What a policy of a role says; raises Problem."""
    return [_statement(document, each, place) for each, place in _written(document, path)]


def named_statements(document: Mapping[str, Any], path: Path, partition: str) -> tuple[Named, ...]:
    """What a policy of a resource says, of that resource where it names none; raises Problem."""
    found = []
    for each, place in _written(document, path):
        if ("Principal" in each) is ("NotPrincipal" in each):
            raise Problem(place, "a statement has one of Principal and NotPrincipal")
        has_resource = bool({"Resource", "NotResource"} & set(each))
        statement = _statement(document, each if has_resource else {**each, "Resource": _EVERYTHING}, place)
        is_all_but = "NotPrincipal" in each
        whom = each["NotPrincipal" if is_all_but else "Principal"]
        if isinstance(whom, dict):
            principals, services, providers = (_listed(whom.get(kind, ())) for kind in ("AWS", "Service", "Federated"))
        elif whom == EVERYBODY:
            principals, services, providers = (EVERYBODY,), (), ()
        else:
            raise Problem(place, f"a principal is {EVERYBODY}, or a mapping of AWS or Service to names")
        arns = tuple(principal_arn(one, partition) for one in principals)
        found.append(
            Named(
                statement=statement,
                principals=arns,
                services=services,
                federated=providers,
                is_all_but=is_all_but,
            )
        )
    return tuple(found)


def principal_arn(principal: str, partition: str) -> str:
    """An AWS principal as its ARN; one of an account is that of its root."""
    is_account = principal.isdecimal() and len(principal) == _ACCOUNT_DIGITS
    return f"arn:{partition}:iam::{principal}:root" if is_account else principal


def _written(document: Mapping[str, Any], path: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    written = document.get("Statement") or []
    if not isinstance(written, dict | list):
        raise Problem((*path, "Statement"), "a statement is a mapping, and several are a list of such")
    for position, each in enumerate([written] if isinstance(written, dict) else written):
        place = (*path, "Statement", position)
        if not isinstance(each, dict) or each.get("Effect") not in ("Allow", "Deny"):
            raise Problem(place, "a statement has an Effect, Allow or Deny")
        yield each, place


def _statement(document: Mapping[str, Any], written: dict[str, Any], place: Path) -> Statement:
    for element in ("Action", "Resource"):
        if (element in written) is (f"Not{element}" in written):
            raise Problem(place, f"a statement has one of {element} and Not{element}")
    conditions = written.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(keys, dict) for keys in conditions.values()):
        raise Problem((*place, "Condition"), "a mapping of operators to mappings of keys to values is expected")
    statement = statement_of(written)
    return statement if document.get("Version") == _WITH_VARIABLES else without_variables(statement)


def _listed(names: Any) -> tuple[str, ...]:
    return tuple(map(str, names)) if isinstance(names, list | tuple) else (str(names),)
