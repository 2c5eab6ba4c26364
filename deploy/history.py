"""What was deployed, for ``streamer rollback``: one object per deployment, beside the code in its bucket.

CloudFormation remembers no template but the last one. An object's key says when, which code and which template; it
holds the template. Secrets are in neither: the stack keeps the values of its parameters.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .cloud import Account, Cloud, Stack
from .errors import DeployError
from .stack.template import to_json

_LETTERS: Final = 12
"""Letters of a digest that tell deployments apart."""
_KEY: Final = re.compile(
    r".*/(?P<name>(?P<at>\d{8}T\d{6}(\.\d{3})?Z)-(?P<code>[0-9a-z]+)-(?P<template>[0-9a-f]+))(?P<again>-again)?\.json"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment that is remembered."""

    key: str
    """Of its object."""
    name: str
    """What people call it: when, its code and its template."""
    code: str
    """How its code's digest begins."""
    template: str
    """How its template's digest begins."""
    is_again: bool = False
    """Whether one of those before it came to run again, as after going back: it is no step forward."""

    @property
    def what(self) -> tuple[str, str]:
        """What tells its content from others'."""
        return self.code, self.template


def prefix(service: str, stack_name: str) -> str:
    """What the keys of a stack's deployments begin with."""
    return f"{service}/{stack_name}.deployments/"


def code_digest(code_key: str) -> str:
    """How the digest in a code's key begins; of a key that other means gave it, how that of the key does."""
    name = code_key.rpartition("/")[2].removesuffix(".zip")
    if code_key and re.fullmatch("[0-9a-z]+", name) is None:
        name = hashlib.sha256(code_key.encode()).hexdigest()
    return name[:_LETTERS]


def template_digest(template: Mapping[str, Any]) -> str:
    """How a template's digest begins, whatever the order in which CloudFormation has it."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_LETTERS]


def keep(
    cloud: Cloud,
    service: str,
    stack: Stack,
    template: Mapping[str, Any],
    *,
    bucket: str | None = None,
    is_again: bool = False,
) -> None:
    """Remember what a stack runs now, in a bucket, or beside its code.

    Raises:
        DeployError: it cannot be stored.
    """
    own, code = (stack.parameters.get(name, "") for name in ("CodeBucket", "CodeKey"))
    at = datetime.datetime.fromtimestamp(stack.changed_at or 0, datetime.UTC)
    # An emulated AWS may deploy twice within a second.
    when = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03}Z"
    again = "-again" if is_again else ""
    key = f"{prefix(service, stack.name)}{when}-{code_digest(code)}-{template_digest(template)}{again}.json"
    body = to_json({"CodeBucket": own, "CodeKey": code, "Template": template}).encode()
    cloud.put_object(own if bucket is None else bucket, key, body, cloud.account())


def catch_up(cloud: Cloud, service: str, stack: Stack, template: Mapping[str, Any], bucket: str) -> None:
    """Remember what a stack runs before it is changed, unless that is what was remembered last.

    It is not where nobody watched the deployment to its end, where somebody went back, or used other means; nor in the
    bucket that the next code is in, if that is another one. There it is looked for from then on.

    Raises:
        DeployError: what is remembered cannot be read, or it cannot be stored.
    """
    own, code = (stack.parameters.get(name, "") for name in ("CodeBucket", "CodeKey"))
    for each in dict.fromkeys((own, bucket)) if own and code else ():
        known = deployments(cloud.object_keys(each, prefix(service, stack.name), cloud.account()))
        now, before = (code_digest(code), template_digest(template)), [one.what for one in known]
        if before[-1:] != [now]:
            keep(cloud, service, stack, template, bucket=each, is_again=now in before)


def deployments(keys: Sequence[str]) -> tuple[Deployment, ...]:
    """The deployments of these keys, oldest first; keys of other things are passed over."""
    found = [(key, _KEY.fullmatch(key)) for key in sorted(keys)]
    return tuple(
        Deployment(
            key=key,
            name=match["name"],
            code=match["code"],
            template=match["template"],
            is_again=match["again"] is not None,
        )
        for key, match in found
        if match is not None
    )


def chosen(known: Sequence[Deployment], code_key: str, template: Mapping[str, Any], named: str | None) -> Deployment:
    """The deployment to go back to.

    Args:
        known: All of them, oldest first.
        code_key: Of the code that runs now.
        template: That the stack has now.
        named: How its name begins; None: the last one before that which runs now and was another one.

    Raises:
        DeployError: there is none, or the name fits several.
    """
    if named is not None:
        own = [each for each in known if not each.is_again]
        fitting = [each for each in own if each.name.startswith(named) or each.code.startswith(named)]
        if len({each.what for each in fitting}) == 1:
            return fitting[-1]
        what = "fits several deployments" if fitting else "fits no deployment"
        raise DeployError(f"{named!r} {what}; `streamer rollback --list` shows them")
    now, way = (code_digest(code_key), template_digest(template)), _way(known)
    places = [number for number, each in enumerate(way) if each.what == now]
    before = way[: places[-1]] if places else way
    others = [each for each in before if each.what != now]
    if not others:
        raise DeployError(
            "there is no earlier deployment to go back to; each successful `streamer deploy` is remembered from now on"
        )
    return others[-1]


def _way(known: Sequence[Deployment]) -> list[Deployment]:
    """What led to the last one: without what was gone back from."""
    way: list[Deployment] = []
    for each in known:
        whats = [step.what for step in way]
        if each.is_again and each.what in whats:
            way = way[: len(whats) - whats[::-1].index(each.what)]
        else:
            way.append(each)
    return way


def read(cloud: Cloud, bucket: str, deployment: Deployment, account: Account) -> tuple[str, str, Mapping[str, Any]]:
    """The bucket and the key of a deployment's code, and its template.

    Raises:
        DeployError: it cannot be read.
    """
    try:
        found = json.loads(cloud.get_object(bucket, deployment.key, account))
        return str(found.get("CodeBucket", bucket)), str(found["CodeKey"]), dict(found["Template"])
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise DeployError(f"s3://{bucket}/{deployment.key} is no deployment that this version understands") from exc
