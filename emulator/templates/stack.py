"""A template and its parameters become a stack: resources with resolved properties, outputs and exports. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, field

from ..foundation.json_bytes import parsed_json
from . import anatomy, stored
from .assertions import refuse_what_rules_refuse
from .errors import Path, Problem
from .imports import Imports
from .intrinsics import ABSENT, MadeUp, holds, is_true, plain, text_of, value_of
from .parameters import LAYERS_OF_AWS, read_parameters
from .references import references
from .resources.conformity import Departure, departures, nearest, with_typo
from .resources.functions import VERSION_NUMBER
from .resources.kind import Kind, Meaning, Place, machine_arn, names
from .resources.registry import kind_of
from .resources.shapes import SHAPES, check_shape
from .source import Source

_DYNAMIC: Final = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]+)\}\}")
_ARN_PARTS: Final = 7
_ACTED_ON: Final = (Meaning.EMULATED, Meaning.KNOWN)
_IDLE: Final = ("AccessLogSettings", "DomainNameConfigurations", "Role", "RoleArn", "Tags", "VpcConfig")
"""Properties of what is emulated on which nothing depends here."""


class Resource(Struct, frozen=True, kw_only=True):
    """A resource of a stack, with everything known about it."""

    stack: str
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    metadata: Mapping[str, Any]
    ref: Any
    """What ``Ref`` gives."""
    name: str
    """Its physical name."""
    kind: Kind
    policies: Mapping[str, str] = field(default_factory=dict)
    """What its ``DeletionPolicy`` and ``UpdateReplacePolicy`` say, if it has them."""

    @property
    def path(self) -> Path:
        """Where it stands in its template."""
        return ("Resources", self.logical_id)


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a template is resolved with."""

    place: Place
    parameters: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, Any] = field(default_factory=dict)
    """What other stacks export."""
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Outputs of other stacks, by the stacks' names."""
    no_export: str | None = None
    """See `imports.Imports`."""
    stored: Mapping[str, str] = field(default_factory=dict)
    """Values of the parameter store and of secrets, by their names; secrets are JSON or plain text."""
    nested: Callable[[Resource, Mapping[str, Any]], Stack | None] | None = None
    """Resolves the stack of an ``AWS::CloudFormation::Stack``, given its resource and parameters; None: its template
    is not here."""


class Stack(Struct, frozen=True, kw_only=True):
    """A resolved template."""

    name: str
    source: Source
    resources: Mapping[str, Resource]
    outputs: Mapping[str, Any]
    exports: Mapping[str, Any]
    warnings: tuple[str, ...]
    departures: tuple[Departure, ...] = ()
    """What CloudFormation refuses in properties, and is no hindrance here."""
    nested: tuple[Stack, ...] = ()
    export_names: Mapping[str, str] = field(default_factory=dict)
    """Under which name an output is exported, by the output's."""
    imports: frozenset[str] = frozenset()
    """Names of the exports that it uses."""
    made_up: frozenset[str] = frozenset()
    """Names of the outputs whose values nobody here knows."""
    unknown_stored: frozenset[str] = frozenset()
    """Names of the stored parameters and secrets whose values it would need."""

    def all(self) -> Iterator[Stack]:
        """This stack, and those nested in it."""
        yield self
        for stack in self.nested:
            yield from stack.all()


def resolve(source: Source, around: Surroundings) -> Stack:
    """A template's resources with resolved properties.

    Raises:
        TemplateError: a name is unknown, resources refer to each other in a circle, a parameter is missing, ...
    """
    noted: list[Departure] = []
    try:
        return _Resolver(source, around, noted).stack()
    except Problem as problem:
        raise source.error(with_typo(problem, noted, source.tree["Resources"], source.error)) from problem


class _Resolver:
    """Resolves each resource once, when it is first asked for. Implements `intrinsics.Names`."""

    def __init__(self, source: Source, around: Surroundings, noted: list[Departure]) -> None:
        tree = source.tree
        self._source = source
        self._around = around
        self._resources: Mapping[str, Any] = tree["Resources"]
        self._parameters: Mapping[str, Any] = tree.get("Parameters") or {}
        self._conditions: Mapping[str, Any] = tree.get("Conditions") or {}
        self._mappings: Mapping[str, Any] = tree.get("Mappings") or {}
        self._outputs: Mapping[str, Any] = tree.get("Outputs") or {}
        self._known: dict[str, Resource] = {}
        self._held: dict[str, bool] = {}
        self._waiting: list[str] = []
        """Resources that are being resolved, each for the one before."""
        self._testing: list[str] = []
        self._nested: dict[str, Stack] = {}
        self._warnings: list[str] = [*source.notes]
        self._departures = noted
        self._imports = Imports(around.exports, around.outputs, around.no_export)
        self._kinds = {name: kind_of(self._type(name, each)) for name, each in self._resources.items()}
        anatomy.check(tree)
        self._check_references()
        read = read_parameters(self._parameters, around.parameters, used=frozenset(self._used()), stored=around.stored)
        self._values = read.values
        self._has_unknown = bool(read.warnings)
        """Whether a value may be made up, which encoders do not take."""
        self._warnings += read.warnings
        self._unknown_stored = {*read.unknown_stored}
        refuse_what_rules_refuse(tree.get("Rules") or {}, self, self._parameters, read)

    def stack(self) -> Stack:
        for name in self._conditions:
            self.condition(name, ("Conditions", name))
        for name in self._resources:
            if self._exists(name):
                self._resource(name, ("Resources", name))
        anatomy.refuse_circle({name: self._needs[name] for name in self._known})
        outputs, exports, export_names = {}, {}, {}
        made_up = set()
        for name, each in self._outputs.items():
            path: Path = ("Outputs", name)
            if "Condition" in each and not self.condition(each["Condition"], path):
                continue
            found = value_of(self, each["Value"], (*path, "Value"))
            if isinstance(found, MadeUp):
                made_up.add(name)
            outputs[name] = plain(found)
            if "Export" in each:
                where = (*path, "Export", "Name")
                export_names[name] = text_of(value_of(self, each["Export"]["Name"], where), where)
                exports[export_names[name]] = outputs[name]
        self._imports.refuse_lacking()
        return Stack(
            name=self._around.place.stack,
            source=self._source,
            resources={name: self._known[name] for name in self._resources if name in self._known},
            outputs=outputs,
            exports=exports,
            warnings=tuple(dict.fromkeys([*self._warnings, *self._imports.warnings])),
            departures=tuple(self._departures),
            nested=tuple(self._nested.values()),
            export_names=export_names,
            imports=frozenset(self._imports.used),
            made_up=frozenset(made_up),
            unknown_stored=frozenset(self._unknown_stored),
        )

    def _type(self, name: str, resource: Any) -> str:
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise Problem(("Resources", name), "a resource has a Type")
        return str(resource["Type"])

    # names that exist

    def _check_references(self) -> None:
        for section in ("Rules", "Conditions", "Resources", "Outputs"):
            for path, name, attribute in references(self._source.tree.get(section) or {}, (section,)):
                if name not in self._resources and (attribute is not None or not self._is_name(name)):
                    raise Problem(path, f"there is no {_what(attribute)} {name!r}{self._similar(name)}")
                if section in ("Rules", "Conditions") and name in self._resources:
                    raise Problem(path, f"{section.lower()} cannot refer to resources, and {name} is one")
        self._needs = {name: set(anatomy.needed(self._source.tree, name)) for name in self._resources}

    def _is_name(self, name: str) -> bool:
        return name in self._parameters or name in _PSEUDO

    def _similar(self, name: str) -> str:
        meant = nearest(name, [*self._resources, *self._parameters])
        return "" if meant is None else f"; there is {meant}"

    def _used(self) -> Iterator[str]:
        """Parameters on which something depends that is not ignored."""
        for name, resource in self._resources.items():
            for path, found, _ in references(resource, ("Resources", name)):
                if found in self._parameters and self._is_needed(path):
                    yield found
        for _, found, _ in references(self._conditions, ()):
            yield found

    # what names stand for

    def ref(self, name: str, path: Path) -> Any:
        if name in self._values:
            return self._values[name]
        if name in _PSEUDO:
            return self._pseudo(name)
        resource = self._resource(name, path)
        return self._unknown(resource.ref) if resource.kind.meaning is Meaning.MISSING else resource.ref

    def attribute(self, logical_id: str, attribute: str, path: Path) -> Any:
        resource = self._resource(logical_id, path)
        if resource.type == "AWS::CloudFormation::Stack" and attribute.startswith("Outputs."):
            if logical_id not in self._nested:
                return self._made_up(resource, attribute, path)
            nested = self._nested[logical_id]
            name = attribute.partition(".")[2]
            if name not in nested.outputs:
                raise Problem(path, f"the nested stack {logical_id} has no output {name!r}")
            return self._unknown(nested.outputs[name]) if name in nested.made_up else nested.outputs[name]
        kind = resource.kind
        pattern = kind.attributes.get(attribute)
        if pattern is not None:
            if attribute == "StreamArn" and not _has_stream(resource):
                raise Problem(path, f"the table {logical_id} has no stream: it has no StreamSpecification")
            return self._filled(pattern, kind, resource.logical_id, resource.properties, path)
        if kind.meaning is Meaning.MISSING or kind.meaning is Meaning.IGNORED:
            return self._made_up(resource, attribute, path)
        have = ", ".join(sorted(kind.attributes)) or "none"
        raise Problem(path, f"{kind.type} has no attribute {attribute!r}; it has {have}")

    def _made_up(self, resource: Resource, attribute: str, path: Path) -> MadeUp:
        if path[0] == "Outputs" or self._is_needed(path):
            self.note(f"{resource.type} {resource.logical_id} is not emulated: its {attribute} is made up")
        return self._unknown(f"{resource.name}.{attribute}")

    def _unknown(self, text: str) -> MadeUp:
        self._has_unknown = True
        return MadeUp(text)

    def condition(self, name: Any, path: Path) -> bool:
        if not isinstance(name, str) or name not in self._conditions:
            raise Problem(path, f"there is no condition {name!r}")
        if name in self._held:
            return self._held[name]
        if name in self._testing:
            raise Problem(("Conditions", name), f"conditions in a circle: {' -> '.join([*self._testing, name])}")
        self._testing.append(name)
        held = holds(self, self._conditions[name], ("Conditions", name))
        self._testing.pop()
        self._held[name] = held
        return held

    def mapping(self, name: str, path: Path) -> Mapping[str, Any]:
        found = self._mappings.get(name)
        if not isinstance(found, dict):
            raise Problem(path, f"there is no mapping {name!r}")
        return found

    def imported(self, name: str, path: Path) -> Any:
        found = self._imports.exported(name, path, is_needed=self._is_needed(path))
        return self._unknown(found) if isinstance(found, MadeUp) else found

    def _is_needed(self, path: Path) -> bool:
        """Whether something that is emulated depends on what stands at a place."""
        is_emulated = path[0] == "Resources" and self._kinds[str(path[1])].meaning in _ACTED_ON
        return is_emulated and not (len(path) > 3 and path[3] in _IDLE)

    def stack_output(self, stack: str, output: str, path: Path) -> Any:
        return self._imports.output(stack, output, path)

    def note(self, text: str) -> None:
        if text not in self._warnings:
            self._warnings.append(text)

    def dynamic(self, text: str, path: Path) -> str:
        return _DYNAMIC.sub(lambda match: self._stored(match[1], match[2], path), text)

    def _stored(self, service: str, reference: str, path: Path) -> str:
        name, key = stored.named(service, reference)
        if service == "ssm-secure" and not stored.takes_secure(path, self._resources):
            self._warn(path, "CloudFormation refuses it: ssm-secure is not supported there")
        found = {**self._around.stored, **self._own_store()}.get(name)
        if found is None and name.startswith(LAYERS_OF_AWS):
            return name
        if found is None:
            self._unknown_stored.add(name)
            self._warn(path, f"no value for {name}: add --secret {name}=VALUE; a placeholder is used")
            return "placeholder"
        if not key:
            return found
        try:
            return text_of(parsed_json(found)[key], path)
        except (ValueError, LookupError, TypeError) as error:
            raise Problem(path, f"the secret {name} is no JSON object with {key!r}") from error

    def _warn(self, path: Path, text: str) -> None:
        self._warnings.append(str(self._source.error(Problem(path, text))))

    def _own_store(self) -> dict[str, str]:
        """Values of the stack's own stored parameters and secrets, where they are written down."""
        names = [name for name, each in self._resources.items() if each["Type"] in stored.TYPES]
        there = [name for name in names if name not in self._waiting and self._exists(name)]
        return stored.values(self._resource(name, ("Resources", name)) for name in there)

    def _pseudo(self, name: str) -> Any:
        place = self._around.place
        stack_id = f"arn:{place.partition}:cloudformation:{place.region}:{place.account_id}:stack/{place.stack}"
        return {
            "AWS::AccountId": place.account_id,
            "AWS::NotificationARNs": [],
            "AWS::NoValue": ABSENT,
            "AWS::Partition": place.partition,
            "AWS::Region": place.region,
            "AWS::StackId": f"{stack_id}/00000000-0000-4000-8000-000000000000",
            "AWS::StackName": place.stack,
            "AWS::URLSuffix": place.url_suffix,
        }[name]

    # resources

    def _exists(self, name: str) -> bool:
        condition = self._resources[name].get("Condition")
        return condition is None or self.condition(condition, ("Resources", name, "Condition"))

    def _resource(self, name: str, path: Path) -> Resource:
        if self._waiting:
            self._needs[self._waiting[-1]].add(name)
        known = self._known.get(name)
        if known is not None:
            return known
        if name not in self._resources:
            raise Problem(path, f"there is no resource {name!r}")
        if name in self._waiting:
            circle = " -> ".join([*self._waiting[self._waiting.index(name) :], name])
            raise Problem(path, f"resources in a circle: {circle}")
        if not self._exists(name):
            raise Problem(path, f"the resource {name!r} does not exist: its condition does not hold")
        self._waiting.append(name)
        made = self._made(name)
        self._waiting.pop()
        self._known[name] = made
        return made

    def _made(self, name: str) -> Resource:
        written, kind = self._resources[name], self._kinds[name]
        path: Path = ("Resources", name, "Properties")
        found = value_of(self, written.get("Properties", {}), path)
        if not isinstance(found, dict):
            raise Problem(path, "properties are a mapping")
        self._compare(kind, found, path)
        properties: dict[str, Any] = plain(found) if self._has_unknown else found
        check_shape(properties, SHAPES.get(kind.type, {}), path)
        metadata = written.get("Metadata") or {}
        check_shape(metadata, {}, ("Resources", name, "Metadata"))
        ref = self._filled(kind.ref, kind, name, properties, path)
        resource = Resource(
            stack=self._around.place.stack,
            logical_id=name,
            type=written["Type"],
            properties=properties,
            metadata=metadata,
            ref=ref,
            name=str(self._filled("{name}", kind, name, properties, path)),
            kind=kind,
            policies=anatomy.policies(written, ("Resources", name), self._settled),
        )
        if kind.type == "AWS::CloudFormation::Stack" and self._around.nested is not None:
            given = {key: _given(value) for key, value in properties.get("Parameters", {}).items()}
            nested = self._around.nested(resource, given)
            if nested is None:
                self._warnings.append(f"the template of {name} is not on this machine: nothing of it is emulated")
            else:
                self._nested[name] = nested
        return resource

    def _compare(self, kind: Kind, properties: Any, path: Path) -> None:
        """Note what CloudFormation refuses; of what is emulated, refuse values of another kind."""
        for each in departures(properties, kind.type, path):
            if each.is_of_shape and kind.meaning is Meaning.EMULATED:
                raise Problem(each.path, each.text)
            self._departures.append(each)

    def _settled(self, node: Any, path: Path) -> Any:
        value = value_of(self, node, path)
        return plain(value) if self._has_unknown else value

    def _filled(self, pattern: str, kind: Kind, name: str, properties: Mapping[str, Any], path: Path) -> str:
        values = names(kind, self._around.place, name, properties, pattern)
        values["scheme"] = "wss" if properties.get("ProtocolType") == "WEBSOCKET" else "https"
        if "name" in values and any(is_true(properties.get(name)) for name in _FIFO.get(kind.type, ())):
            values["name"] = str(values["name"]).removesuffix(".fifo") + ".fifo"
        if "{function_arn}" in pattern:
            values["function_arn"] = self._function_arn(properties, (*path, "FunctionName"))
        if "{version}" in pattern:
            values["version"] = (self._resources[name].get("Metadata") or {}).get(VERSION_NUMBER, "1")
        if "{machine_arn}" in pattern:
            values["machine_arn"] = machine_arn(properties, path)
        try:
            return pattern.format(**values)
        except KeyError as error:
            raise Problem(path, f"{kind.type} needs {error.args[0]}") from error

    def _function_arn(self, properties: Mapping[str, Any], path: Path) -> str:
        name = properties.get("FunctionName", properties.get("TargetFunctionArn"))
        if not isinstance(name, str):
            raise Problem(path, "the name of a function is needed here")
        if name.startswith("arn:"):
            return ":".join(name.split(":")[:_ARN_PARTS])
        place = self._around.place
        return f"arn:{place.partition}:lambda:{place.region}:{place.account_id}:function:{name}"


_FIFO: Final = {"AWS::SQS::Queue": ("FifoQueue",), "AWS::SNS::Topic": ("FifoTopic",)}
"""What makes a name end with ``.fifo``."""
_PSEUDO: Final = frozenset(
    f"AWS::{name}"
    for name in (
        *("AccountId", "NotificationARNs", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix"),
    )
)


def _what(attribute: str | None) -> str:
    return "resource or parameter" if attribute is None else "resource"


def _given(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else text_of(value, ())


def _has_stream(resource: Resource) -> bool:
    return "StreamSpecification" in resource.properties
