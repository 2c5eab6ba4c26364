"""Why a request made no sense: asked only after it failed, so that requests that make sense do not pay for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.validate import ParamValidator
from moto.core.utils import get_service_model

from .errors import SERVICE, ApiError, validation_error


def explain(service: str, action: str, parameters: Mapping[str, Any], failure: Exception) -> ApiError | None:
    """What is wrong with the parameters of an operation by its model; None: nothing.

    Args:
        service: ``dynamodb`` or ``dynamodbstreams``.
        action: name of an operation of that service.
        parameters: as read from the request.
        failure: what happened; a member that was missed is wanted, though the model calls it optional.
    """
    shape = get_service_model(service).operation_model(action).input_shape
    missed = [name for name in failure.args if isinstance(failure, KeyError) and name in shape.members]
    for name in [*shape.required_members, *missed]:
        if parameters.get(name) is None:
            member = name[0].lower() + name[1:]
            return validation_error(
                f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
                "Member must not be null"
            )
    report = ParamValidator().validate(parameters, shape).generate_report()
    if not report:
        return None
    return ApiError("SerializationException", " ".join(report.split()), namespace=SERVICE)
