"""Layers in Lambda's management API. [DOC] lambda-api:PublishLayerVersion; [REC] ls-snap test_lambda_api.py

A version that is deleted is kept for the functions that have it, as on AWS, and no other one gets its number.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ....foundation.times import lambda_time
from ...resources.functions import VERSION_NUMBER
from ..edits import Edits, Uploads
from ..engine import Engine, Placed
from ..query import ApiError
from .paging import page

LAYER: Final = "AWS::Lambda::LayerVersion"
_DELETED: Final = "streamer:deleted"
"""In the metadata of a version that nobody is told of any more."""
_SETTINGS: Final = ("CompatibleArchitectures", "CompatibleRuntimes", "Description", "LicenseInfo")
_LAYER_PARTS: Final = 8
"""Of the ARN of a version of a layer."""


class LayersApi:
    """Versions of layers, kept as the resources that templates have."""

    def __init__(
        self,
        engine: Engine,
        edits: Edits,
        code: Callable[[Mapping[str, Any]], tuple[dict[str, str], dict[tuple[str, str], Path]]],
    ) -> None:
        """``code`` gives code as a template names it, and what came with a request."""
        self._engine = engine
        self._edits = edits
        self._code = code

    async def answer(
        self, asked: tuple[str, str], name: str, last: str, content: Mapping[str, Any], query: Mapping[str, str]
    ) -> tuple[int, Any]:
        """What one of the operations answers; ``last`` is what the path ends with. Raises ApiError."""
        match asked:
            case "layers", "GET" if query.get("find") == "LayerVersion":
                found = [each for each in self._all() if str(each.resource.ref) == query.get("Arn")]
                if not found:
                    raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
                return 200, self._told(found[0])
            case "layers", "GET":
                return 200, page("Layers", self._latest(), query)
            case "layer versions", "GET":
                told = [self._told(each) for each in reversed(self._of(name))]
                versions = [{key: value for key, value in each.items() if key != "Content"} for each in told]
                return 200, page("LayerVersions", versions, query)
            case "layer versions", "POST":
                return 201, await self._publish(name, content)
            case "layer version", ("GET" | "DELETE"):
                return await self._one(asked[1], name, last)
        raise ApiError("UnknownOperationException", f"{asked[1]} of {asked[0]} is not emulated", 404)

    def refuse(self, arns: Any) -> None:
        """Refuse layers of a function that are not there, or are versions of one layer; raises ApiError."""
        known = {str(each.resource.ref) for each in self._all()}
        mine = f":lambda:{self._engine.region}:{self._engine.account_id}:layer:"
        seen: dict[str, str] = {}
        for arn in map(str, arns if isinstance(arns, list) else ()):
            layer = arn.rpartition(":")[0]
            if layer in seen:
                text = "Two different versions of the same layer are not allowed to be referenced in the same function."
                text = f"{text} {seen[layer]} and {arn} are versions of the same layer."
                raise ApiError("InvalidParameterValueException", text)
            seen[layer] = arn
            if mine in arn and arn.count(":") == _LAYER_PARTS - 1 and arn not in known:
                raise ApiError("InvalidParameterValueException", f"Layer version {arn} does not exist.")

    async def _publish(self, name: str, content: Mapping[str, Any]) -> dict[str, Any]:
        code, uploads = self._code(content.get("Content") or {})
        numbers = [_number(each) for each in self._of(name, with_deleted=True)]
        number = str(max(numbers, default=0) + 1)
        settings = {each: content[each] for each in _SETTINGS if content.get(each) is not None}
        properties = {"LayerName": name, "Content": code, **settings}
        await self._edits.made("Layer", LAYER, properties, uploads, metadata={VERSION_NUMBER: number})
        return self._told(next(each for each in self._of(name) if str(_number(each)) == number))

    async def _one(self, method: str, name: str, number: str) -> tuple[int, Any]:
        if not number.isdigit() or int(number) < 1:
            raise ApiError("InvalidParameterValueException", "Layer Version Cannot be less than 1")
        found = next((each for each in self._of(name) if _number(each) == int(number)), None)
        if method == "GET":
            if found is None:
                raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
            return 200, self._told(found)
        if found is not None:
            logical_id = found.resource.logical_id

            def edit(resources: dict[str, Any]) -> None:
                resources[logical_id].setdefault("Metadata", {})[_DELETED] = True

            await self._edits.changed(found, edit)
        return 204, None

    def _all(self, *, with_deleted: bool = False) -> list[Placed]:
        found = self._engine.placed(LAYER)
        return [each for each in found if with_deleted or not each.resource.metadata.get(_DELETED)]

    def _of(self, name: str, *, with_deleted: bool = False) -> list[Placed]:
        """Versions of a layer, by its name or ARN, the first one first."""
        plain = name.rpartition(":")[2]
        found = [each for each in self._all(with_deleted=with_deleted) if each.resource.name == plain]
        return sorted(found, key=_number)

    def _latest(self) -> list[dict[str, Any]]:
        latest = {each.resource.name: each for each in sorted(self._all(), key=_number)}
        found = []
        for name, each in sorted(latest.items()):
            told = {key: value for key, value in self._told(each).items() if key not in ("Content", "LayerArn")}
            arn = str(each.resource.ref).rpartition(":")[0]
            found.append({"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": told})
        return found

    def _told(self, found: Placed) -> dict[str, Any]:
        properties = found.resource.properties
        body = uploaded(found, properties.get("Content"))
        arn = str(found.resource.ref)
        return {
            "Description": "",
            **{name: properties[name] for name in _SETTINGS if name in properties},
            "Content": {
                "CodeSize": len(body),
                "CodeSha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
            },
            "LayerArn": arn.rpartition(":")[0],
            "LayerVersionArn": arn,
            "CreatedDate": lambda_time(found.age.made),
            "Version": _number(found),
        }


def uploaded(found: Placed, code: Any) -> bytes:
    """What a resource's code is, as it was uploaded; nothing: it is no upload."""
    where = (str(code.get("S3Bucket")), str(code.get("S3Key"))) if isinstance(code, dict) else None
    uploads: Uploads = found.uploads
    path = None if where is None else uploads.get(where)
    return b"" if path is None else path.read_bytes()


def _number(found: Placed) -> int:
    return int(str(found.resource.ref).rpartition(":")[2])
