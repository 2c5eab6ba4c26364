"""The service's own model, as botocore brings it: which shapes the requests of an operation have.

botocore is not imported for it: its loaders take a tenth of a second of every start, for what is one file of JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec

_GZIP: Final = 31
"""Tells zlib of gzip's header and the largest window."""


class Shape:
    """A structure, list, map or scalar; what it consists of is looked up when it is asked for."""

    def __init__(self, model: Model, reference: Mapping[str, Any]) -> None:
        """``reference`` names the shape, and may narrow it."""
        self._model = model
        self.name: str = reference["shape"]
        self.metadata: dict[str, Any] = {**model.shapes[self.name], **reference}
        """What the model says of it: ``min``, ``max``, ``pattern`` and the like."""
        self.type_name: str = self.metadata["type"]
        self.enum: list[str] = self.metadata.get("enum", [])
        self.required_members: list[str] = self.metadata.get("required", [])

    @property
    def members(self) -> dict[str, Shape]:
        """Of a structure."""
        return {name: Shape(self._model, member) for name, member in self.metadata["members"].items()}

    @property
    def member(self) -> Shape:
        """Of a list."""
        return Shape(self._model, self.metadata["member"])

    @property
    def key(self) -> Shape:
        """Of a map."""
        return Shape(self._model, self.metadata["key"])

    @property
    def value(self) -> Shape:
        """Of a map."""
        return Shape(self._model, self.metadata["value"])


class Model:
    """All operations of a service."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        """``told`` is the file's content."""
        self.shapes: Mapping[str, Mapping[str, Any]] = told["shapes"]
        self._operations: Mapping[str, Mapping[str, Any]] = told["operations"]
        self.operation_names = frozenset(self._operations)

    def paths(self) -> Mapping[str, tuple[str, str]]:
        """The method and the path of each operation of a REST service: ``/functions/{FunctionName}``."""
        return {name: (each["http"]["method"], each["http"]["requestUri"]) for name, each in self._operations.items()}

    def input_shape(self, operation: str) -> Shape | None:
        """The shape of a request; None: it has no members."""
        reference = self._operations[operation].get("input")
        return None if reference is None else Shape(self, reference)


@cache
def model_of(service: str) -> Model:
    """The model of a service, as botocore's folder of it is called: ``dynamodb``, ``dynamodbstreams``, ``sqs``, ...

    Of the service's latest version, as in ``X-Amz-Target``. [DOC] ddb-docs:Programming.LowLevelAPI

    Raises:
        FileNotFoundError: botocore has none where it always had it.
    """
    spec = find_spec("botocore")
    assert spec is not None, "boto3 requires it"
    versions = (Path(str(spec.origin)).parent / "data" / service).glob("*/service-2.json*")
    file = max(versions, default=None)
    if file is None:
        raise FileNotFoundError(f"botocore has no model of {service}")
    text = zlib.decompress(file.read_bytes(), _GZIP) if file.suffix == ".gz" else file.read_bytes()
    return Model(msgspec.json.decode(text))  # half a megabyte, with a service's start or first request: not by `json`
