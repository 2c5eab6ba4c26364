"""The properties of CloudFormation's types of resources, as a file that the emulator reads.

``make types`` writes it anew, from the resource provider schemas that AWS publishes, as cfn-lint has them (MIT-0):
without descriptions, patterns and bounds, one line for each type, as `emulator.templates.resources.declarations` says.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

from emulator.templates.resources.declarations import FILE
from emulator.templates.resources.kind import Meaning
from emulator.templates.resources.registry import kind_of

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
LOOSE: Final = {"AWS::CloudFormation::Stack": "Parameters"}
"""What is taken whatever it is. [USR] cfn-lint #800"""
PACKAGED: Final = {
    "AWS::ApiGateway::RestApi": "BodyS3Location",
    "AWS::Lambda::Function": "Code!",
    "AWS::Lambda::LayerVersion": "Content!",
    "AWS::StepFunctions::StateMachine": "DefinitionS3Location",
}
"""What may be a path until ``aws cloudformation package`` has uploaded it."""
_PLAIN: Final = {"string": "s", "integer": "n", "number": "n", "boolean": "b"}
_LONGEST_CHOICE: Final = 400


def written() -> str:
    """The file's text."""
    schemas = resources.files("cfnlint") / "data" / "schemas"
    types = json.loads((schemas / "providers" / "us-east-1.json").read_text("utf-8"))
    date = json.loads((schemas / "version.json").read_text("utf-8"))["schema_date"][:10]
    lines = [f"# AWS's resource provider schemas of {date}, from cfn-lint (MIT-0); made by tests/resource_types.py"]
    for name, file in sorted(types.items()):
        if name.split("::")[1] in SERVICES or kind_of(name).meaning is not Meaning.MISSING:
            schema = json.loads((schemas / "resources" / f"{file}.json").read_text("utf-8"))
            made = _declaration(name, schema, with_choices=kind_of(name).meaning is Meaning.EMULATED)
            lines.append(f"{name} {json.dumps(made, separators=(',', ':'))}")
    return "\n".join([*lines, ""])


def _declaration(name: str, schema: dict[str, Any], *, with_choices: bool) -> dict[str, Any]:
    """The properties below the empty name, then the definitions that they lead to, each by its name."""
    named = {name: _shape(node, schema) for name, node in sorted(schema.get("definitions", {}).items())}

    def with_plain(shape: Any) -> Any:
        """What is no mapping stands where it is used."""
        if isinstance(shape, str) and shape.startswith("#") and not isinstance(found := named[shape[1:]], dict):
            return with_plain(found)
        if isinstance(shape, str):
            return shape if with_choices else shape.partition("=")[0]
        if isinstance(shape, list):
            return [with_plain(shape[0])]
        return {key: with_plain(each) for key, each in shape.items()}

    made = {"": with_plain(_shape(schema | {"type": "object"}, schema))}
    wanted = [*_references(made[""])]
    if name in PACKAGED:
        made[""][PACKAGED[name]] = f"?{made[''][PACKAGED[name]]}"
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
        return [_shape(items, schema) if isinstance(items, dict) else "*"]
    if kind == "object":
        return _mapping(node, schema)
    if isinstance(kind, list):  # such as a policy, which may be text
        return "*" if {"object", "array"} & set(kind) else "s"
    choices = "|".join(str(each) for each in node.get("enum", ()))
    if kind == "string" and choices and len(choices) <= _LONGEST_CHOICE:
        return f"s={choices}"
    return _PLAIN.get(str(kind), "*")


def _mapping(node: dict[str, Any], schema: dict[str, Any]) -> Any:
    properties, patterns = node.get("properties"), node.get("patternProperties") or {}
    if not properties:
        return {"*": _shape(next(iter(patterns.values())), schema)} if len(patterns) == 1 else "*"
    required = set(node.get("required", ()))
    found = {name + "!" * (name in required): _shape(each, schema) for name, each in sorted(properties.items())}
    return found if node.get("additionalProperties") is False and not patterns else {**found, "*": "*"}


if __name__ == "__main__":
    Path(FILE).write_text(written(), "utf-8")
