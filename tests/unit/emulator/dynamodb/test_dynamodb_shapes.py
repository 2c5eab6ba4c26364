"""Our reading of the service's model says what botocore's own says."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from emulator.foundation.shapes import Shape, model_of

SERVICES = ("dynamodb", "dynamodbstreams")
KEPT = ("min", "max", "pattern")


def botocores(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def told(shape: Any, above: tuple[str, ...] = ()) -> Any:
    """A shape and all below it, down to where it comes again."""
    if shape is None or shape.name in above:
        return shape and shape.name
    inner = (*above, shape.name)
    parts: dict[str, Any] = {}
    if shape.type_name == "structure":
        parts = {name: told(member, inner) for name, member in shape.members.items()}
    elif shape.type_name == "list":
        parts = {"member": told(shape.member, inner)}
    elif shape.type_name == "map":
        parts = {"key": told(shape.key, inner), "value": told(shape.value, inner)}
    required = sorted(shape.required_members) if shape.type_name == "structure" else []
    values = list(shape.enum) if shape.type_name == "string" else []
    bounds = {name: shape.metadata[name] for name in KEPT if name in shape.metadata}
    return shape.name, shape.type_name, required, values, bounds, parts


@pytest.mark.parametrize("service", SERVICES)
def test_the_operations_are_botocores(service: str) -> None:
    assert sorted(model_of(service).operation_names) == sorted(botocores(service).operation_names)


@pytest.mark.parametrize("service", SERVICES)
def test_every_request_has_botocores_shape(service: str) -> None:
    theirs = botocores(service)

    for name in theirs.operation_names:
        assert told(model_of(service).input_shape(name)) == told(theirs.operation_model(name).input_shape), name


def test_a_reference_narrows_its_shape() -> None:
    shape = Shape(model_of("dynamodb"), {"shape": "TableName", "max": 7})

    assert (shape.type_name, shape.metadata["max"]) == ("string", 7)
