"""Resources of the user's own, merged into the stack: one file of CloudFormation beside the service. Pure.

It refers to what the stack has, and `environment_from` of ``streamer.toml`` gives functions what it refers to. Whatever
would be ambiguous, or refer to nothing, is refused before AWS sees it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from streamer.topology.own_resources import IGNORED_SECTIONS, SECTIONS

from ..errors import DeployError
from ..package.secrets import kept_secret

_IN_TEXT: Final = re.compile(r"\$\{(?!!)([^}]+)\}")
_NAME: Final = re.compile(r"[A-Za-z0-9]{1,255}")


def parse(text: str, name: str) -> dict[str, Any]:
    """A file of resources, JSON or YAML with CloudFormation's short forms.

    Raises:
        DeployError: it is neither, or has something that such a file may not have; the message names it.
    """
    kind = kept_secret(text.encode())
    if kind is not None:
        raise DeployError(
            f"{name} holds {kind}, which everyone who may look at the stack would see: keep it in Secrets Manager, and "
            f"name it as {{{{resolve:secretsmanager:...}}}}"
        )
    document = _json(text, name) if text.lstrip().startswith("{") else _yaml(text, name)
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise DeployError(f"{name}: it needs Resources, a mapping of logical ids to resources")
    for section, content in document.items():
        if section not in SECTIONS and section not in IGNORED_SECTIONS:
            raise DeployError(f"{name}: {section} cannot be merged; it may have {', '.join(SECTIONS)}")
        if section in SECTIONS and not isinstance(content, dict):
            raise DeployError(f"{name}: {section} is no mapping")
    for logical_id, resource in document["Resources"].items():
        if not isinstance(logical_id, str) or _NAME.fullmatch(logical_id) is None:
            raise DeployError(f"{name}: {logical_id!r} is no logical id; it takes letters and digits")
        _require_resource(logical_id, resource, name)
    found = {section: document[section] for section in SECTIONS if section in document}
    try:
        json.dumps(found)
    except (TypeError, ValueError, RecursionError) as exc:
        raise DeployError(f"{name} has a value that no template can have: {exc}") from exc
    return found


def _require_resource(logical_id: str, resource: Any, name: str) -> None:
    if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
        raise DeployError(f"{name}: {logical_id} needs a Type")
    if not isinstance(resource.get("Properties", {}), dict):
        raise DeployError(f"{name}: the Properties of {logical_id} are no mapping")
    depends = resource.get("DependsOn", [])
    if not isinstance(depends, str) and not (isinstance(depends, list) and all(isinstance(d, str) for d in depends)):
        raise DeployError(f"{name}: DependsOn of {logical_id} takes a logical id, or a list of them")


def _require_once(names: Sequence[Any], name: str) -> None:
    """Both YAML and JSON let the last one win, so that the stack would lose what the others say without a word."""
    for each in names:
        if names.count(each) > 1:
            raise DeployError(f"{name}: {each} stands twice in one mapping; rename or remove one of them")


def _json(text: str, name: str) -> Any:
    def whole(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _require_once([each for each, _ in pairs], name)
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=whole)
    except ValueError as exc:
        raise DeployError(f"{name} is not JSON: {exc}") from exc


def _yaml(text: str, name: str) -> Any:
    import yaml  # noqa: PLC0415 - 30 ms that a stack without such a file need not pay

    class Loader(yaml.SafeLoader):
        """Knows the short forms, and no dates: a template's version looks like one."""

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            # Several `<<` all count; once one is merged, what its mapping overrides stands twice in the node.
            _require_once(
                [key.value for key, _ in node.value if isinstance(key.value, str) and key.value != "<<"], name
            )
            return node

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_multi_constructor("!", _short_form)
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as exc:  # too many digits or too deep for Python
        raise DeployError(f"{name} is not YAML: {' '.join(str(exc).split())}") from exc


def _short_form(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    """``!Ref X`` as ``{"Ref": "X"}``, ``!GetAtt A.B`` as ``{"Fn::GetAtt": ["A", "B"]}``, and so on."""
    construct = {"scalar": loader.construct_scalar, "sequence": loader.construct_sequence}.get(node.id)
    value = construct(node, deep=True) if node.id == "sequence" and construct else None
    if node.id == "scalar":
        value = loader.construct_scalar(node)
    elif node.id == "mapping":
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = list(value.partition(".")[::2])
    return {f"Fn::{suffix}": value}


def merged(document: Mapping[str, Any], own: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A template with the user's resources in it.

    Raises:
        DeployError: both have something of one name, or something refers to what neither has.
    """
    found = dict(document)
    for section in SECTIONS:
        ours, theirs = document.get(section, {}), own.get(section, {})
        # [DOC] cfn-docs:parameters-section-structure: one name is a resource or a parameter, not both.
        taken = {*ours, *(document.get("Parameters", {}) if section == "Resources" else ())}
        for each in theirs:
            if each in taken:
                raise DeployError(f"{name}: {each} of {section} is something that the stack has already; rename it")
        if ours or theirs:
            found[section] = {**ours, **theirs}
    require_targets(found, name)
    return found


def require_targets(document: Mapping[str, Any], name: str) -> None:
    """Refuse what refers to nothing.

    Raises:
        DeployError: the first such reference.
    """
    known = {*document["Resources"], *document.get("Parameters", {})}
    for logical_id, resource in document["Resources"].items():
        wanted = resource.get("DependsOn", ())
        _require(logical_id, [*([wanted] if isinstance(wanted, str) else wanted), *references(resource)], known, name)
        condition = resource.get("Condition")
        if isinstance(condition, str):
            _require(logical_id, [condition], document.get("Conditions", {}), name)
    for output, described in document.get("Outputs", {}).items():
        _require(output, references(described), known, name)


def _require(who: str, references: Iterable[str], known: Container[str], name: str) -> None:
    for each in references:
        if each not in known and not each.startswith("AWS::"):
            raise DeployError(f"{name}: {who} refers to {each}, which neither it nor the stack has")


def references(value: Any) -> Iterator[str]:
    """Logical ids and parameters that a value of a template refers to."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            yield from _referred(value)
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from references(each)


def _referred(function: Mapping[str, Any]) -> Iterator[str]:
    match function:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(dotted)}:
            yield dotted.partition(".")[0]
        case {"Fn::Sub": str(text)}:
            yield from _in_text(text, {})
        case {"Fn::Sub": [str(text), Mapping() as values]}:
            yield from _in_text(text, values)


def _in_text(text: str, values: Mapping[str, Any]) -> Iterator[str]:
    for found in _IN_TEXT.findall(text):
        if found not in values:
            yield found.strip().partition(".")[0]
