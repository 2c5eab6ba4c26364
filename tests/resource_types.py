"""The properties of CloudFormation's types of resources, as a file that the emulator reads.

``make types`` writes it anew, from the resource provider schemas that AWS publishes, as cfn-lint has them (MIT-0):
without descriptions, one line for each type, as `emulator.templates.resources.declarations` says.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any, Final

from botocore.session import Session

from emulator.templates.resources.declarations import FILE
from emulator.templates.resources.kind import Meaning
from emulator.templates.resources.registry import KINDS, kind_of

SERVICES: Final = frozenset(
    {
        *(
            "Amplify",
            "ApiGateway",
            "ApiGatewayV2",
            "AppConfig",
            "AppSync",
            "Athena",
            "AutoScaling",
            "Bedrock",
            "Budgets",
            "CloudFormation",
            "CloudTrail",
        ),
        *(
            "CodeBuild",
            "CodePipeline",
            "Cognito",
            "DAX",
            "DSQL",
            "DocDB",
            "DynamoDB",
            "EC2",
            "ECR",
            "ECS",
            "EFS",
            "ElastiCache",
        ),
        *(
            "ElasticLoadBalancingV2",
            "EventSchemas",
            "Events",
            "IAM",
            "IVS",
            "KMS",
            "Kinesis",
            "KinesisFirehose",
            "Lambda",
            "Location",
            "Logs",
            "MSK",
        ),
        *("MemoryDB", "OpenSearchServerless", "OpenSearchService", "Pinpoint", "Pipes", "RDS", "RUM", "ResourceGroups"),
        *(
            "S3",
            "S3Express",
            "S3Tables",
            "S3Vectors",
            "SES",
            "SNS",
            "SQS",
            "SSM",
            "Scheduler",
            "SecretsManager",
            "ServiceDiscovery",
        ),
        *("StepFunctions", "Synthetics", "Timestream", "VerifiedPermissions"),
    }
)
"""Of whose types the file has all, besides those that the emulator knows: what projects with functions have."""
NAMES: Final = {
    "AWS::DynamoDB::GlobalTable": "s3..255~^[a-zA-Z0-9_.-]+$",
    "AWS::DynamoDB::Table": "s3..255~^[a-zA-Z0-9_.-]+$",
    "AWS::S3::Bucket": "s3..63~^([a-z0-9][a-z0-9.-]*[a-z0-9])?$",
    "AWS::SNS::Topic": "s1..256~^[a-zA-Z0-9_-]+([.]fifo)?$",
    "AWS::SQS::Queue": "s1..80~^[a-zA-Z0-9_-]+([.]fifo)?$",
    "AWS::SecretsManager::Secret": "s1..512~^[a-zA-Z0-9/_+=.@-]+$",
}
"""What names may be where the schema says less than the service.
[DOC] ddb-docs:HowItWorks.NamingRulesDataTypes; s3-docs:bucketnamingrules; sns-api:CreateTopic; sqs-api:CreateQueue;
secretsmanager-api:CreateSecret"""
LOOSE: Final = {"AWS::CloudFormation::Stack": "Parameters"}
"""What is taken whatever it is. [USR] cfn-lint #800"""
PACKAGED: Final = {
    "AWS::ApiGateway::RestApi": "BodyS3Location",
    "AWS::Lambda::Function": "Code!",
    "AWS::Lambda::LayerVersion": "Content!",
    "AWS::StepFunctions::StateMachine": "DefinitionS3Location",
}
"""What may be a path until ``aws cloudformation package`` has uploaded it."""
BOUNDED: Final = frozenset(
    {"IAM", "Logs", *(name.split("::")[1] for name, kind in KINDS.items() if kind.meaning is Meaning.EMULATED)}
)
"""Services of whose types the file has choices, bounds and patterns: those of which something is emulated, and what
stands beside every function."""
_PLAIN: Final = {"string": "s", "integer": "n", "number": "n", "boolean": "b"}
_LONGEST_CHOICE: Final = 400
_BY_API: Final = "AWS::ApiGatewayV2::"
"""Of whose types the schemas say nothing of values, and the model of the API does."""
_UNHELD: Final = {"Cors": "MaxAge"}
"""What the model bounds and the service does not: the ten days of the CDK's own example are deployed.
[USR] aws-cdk #25495; [SRC] aws-cdk aws-apigatewayv2 README, aws-samples/bedrock-chat"""


def written() -> str:
    """The file's text."""
    schemas = resources.files("cfnlint") / "data" / "schemas"
    types = json.loads((schemas / "providers" / "us-east-1.json").read_text("utf-8"))
    date = json.loads((schemas / "version.json").read_text("utf-8"))["schema_date"][:10]
    lines = [f"# AWS's resource provider schemas of {date}, from cfn-lint (MIT-0); made by tests/resource_types.py"]
    for name, file in sorted(types.items()):
        if name.split("::")[1] in SERVICES or kind_of(name).meaning is not Meaning.MISSING:
            schema = json.loads((schemas / "resources" / f"{file}.json").read_text("utf-8"))
            if name.startswith(_BY_API):
                schema = _with_api(name.removeprefix(_BY_API), schema)
            made = _declaration(name, schema, is_bounded=name.split("::")[1] in BOUNDED)
            lines.append(f"{name} {json.dumps(made, separators=(',', ':'))}")
    return "\n".join([*lines, ""])


def _with_api(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, and choices and bounds that the API's model has of values of the same names.

    Not the lengths that names of its shapes tell: longer formats of access logs and empty addresses of MOCK are taken.
    """
    model = Session().get_service_model("apigatewayv2")
    definitions = {
        each: node | {"properties": _bounded(node["properties"], model.shape_for(each), but=_UNHELD.get(each))}
        for each, node in schema.get("definitions", {}).items()
        if each in model.shape_names and "properties" in node
    }
    if f"Create{name}" in model.operation_names:
        made = _bounded(schema["properties"], model.operation_model(f"Create{name}").input_shape)
        schema = schema | {"properties": made}
    return schema | {"definitions": schema.get("definitions", {}) | definitions}


def _bounded(properties: dict[str, Any], shape: Any, *, but: str | None = None) -> dict[str, Any]:
    names = {"enum": "enum", "min": "minimum", "max": "maximum"}
    found = {}
    for key, node in properties.items():
        member = shape.members.get(key) if key != but else None
        said = {names[each]: value for each, value in member.metadata.items() if each in names} if member else {}
        found[key] = said | node
    return found


def _declaration(name: str, schema: dict[str, Any], *, is_bounded: bool) -> dict[str, Any]:
    """The properties below the empty name, then the definitions that they lead to, each by its name."""
    named = {name: _shape(node, schema) for name, node in sorted(schema.get("definitions", {}).items())}

    def with_plain(shape: Any) -> Any:
        """What is no mapping stands where it is used."""
        if isinstance(shape, str) and shape.startswith("#") and not isinstance(found := named[shape[1:]], dict):
            return with_plain(found)
        if isinstance(shape, str):
            return shape if is_bounded or shape.startswith("#") else shape[:1]
        if isinstance(shape, list):
            return [with_plain(shape[0]), *(shape[1:] if is_bounded else ())]
        return {key: with_plain(each) for key, each in shape.items()}

    made = {"": with_plain(_shape(schema | {"type": "object"}, schema))}
    wanted = [*_references(made[""])]
    if name in PACKAGED:
        made[""][PACKAGED[name]] = f"?{made[''][PACKAGED[name]]}"
    named_by = kind_of(name).name_property
    for key in [key for key in made[""] if is_bounded and key.removesuffix("!") == named_by]:
        made[""][key] = NAMES.get(name) or f"{made[''][key]}{_pattern(schema['properties'][named_by])}"
    if name in LOOSE:
        made[""][LOOSE[name]] = "*"
    while wanted:
        needed = wanted.pop()
        if needed not in made:
            made[needed] = with_plain(named[needed])
            wanted += _references(made[needed])
    return dict(sorted(made.items()))


def _references(shape: Any) -> list[str]:
    if isinstance(shape, str):
        return [shape[1:]] if shape.startswith("#") else []
    return [name for each in (shape if isinstance(shape, list) else shape.values()) for name in _references(each)]


def _shape(node: dict[str, Any], schema: dict[str, Any]) -> Any:
    reference = str(node.get("$ref", ""))
    if reference.startswith("#/definitions/"):
        return f"#{reference.removeprefix('#/definitions/')}"
    if reference:
        found: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return _shape(found, schema)
    kind = node.get("type", "object" if "properties" in node else None)
    if kind == "array":
        items = node.get("items")
        count = _range(node, "Items")
        return [_shape(items, schema) if isinstance(items, dict) else "*", *([count] if count else [])]
    if kind == "object":
        return _mapping(node, schema)
    if isinstance(kind, list):  # such as a policy, which may be text
        return "*" if {"object", "array"} & set(kind) else "s"
    plain = _PLAIN.get(str(kind), "*")
    choices = "|".join(str(each) for each in node.get("enum", ()))
    if plain in ("s", "n") and choices and len(choices) <= _LONGEST_CHOICE:
        return f"{plain}={choices}"
    return plain + {"s": _range(node, "Length"), "n": _range(node, "imum")}.get(plain, "")


def _range(node: dict[str, Any], what: str) -> str:
    """Its bounds, such as ``1..`` and ``..64``; empty: it has none."""
    least, most = node.get(f"min{what}", ""), node.get(f"max{what}", "")
    if what != "imum" and least != 1:  # a longer one is that of an ARN or an id, for which a stand-in may be given here
        least = ""
    return "" if least == most == "" else f"{least}..{most}"


def _pattern(node: dict[str, Any]) -> str:
    """Its pattern behind ``~``; empty: it has none, or one in other words than Python's."""
    pattern = str(node.get("pattern", ""))
    try:
        re.compile(pattern)
    except re.error:
        return ""
    return f"~{pattern}" if pattern else ""


def _mapping(node: dict[str, Any], schema: dict[str, Any]) -> Any:
    properties, patterns = node.get("properties"), node.get("patternProperties") or {}
    if not properties:
        return {"*": _shape(next(iter(patterns.values())), schema)} if len(patterns) == 1 else "*"
    required = set(node.get("required", ()))
    found = {name + "!" * (name in required): _shape(each, schema) for name, each in sorted(properties.items())}
    return found if node.get("additionalProperties") is False and not patterns else {**found, "*": "*"}


if __name__ == "__main__":
    Path(FILE).write_text(written(), "utf-8")
