"""URLs of functions as Lambda's management API tells them. Pure. [DOC] lambda-api:CreateFunctionUrlConfig"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ... import ids
from ..engine import Engine, Placed
from ..query import ApiError

URL: Final = "AWS::Lambda::Url"
_SETTINGS: Final = ("AuthType", "Cors", "InvokeMode")


class FunctionUrls:
    """Reads them from the resources that are emulated."""

    def __init__(self, engine: Engine, address: str) -> None:
        self._engine = engine
        self._address = address

    def of(self, function: Placed) -> Placed | None:
        """The URL of a function; None: it has none."""
        arn = self._engine.function_arn(function.resource.name)
        names = (function.resource.name, arn)
        known = self._engine.placed(URL)
        return next((each for each in known if str(each.resource.properties.get("TargetFunctionArn")) in names), None)

    def settings(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """What of a request is set; raises ApiError."""
        found = {name: content[name] for name in _SETTINGS if name in content}
        if found.get("AuthType", "NONE") not in ("NONE", "AWS_IAM"):
            raise ApiError("ValidationException", "AuthType is NONE or AWS_IAM")
        return found

    def properties(self, function: Placed, content: Mapping[str, Any]) -> dict[str, Any]:
        """Those of a new one; raises ApiError."""
        if "AuthType" not in content:
            raise ApiError("ValidationException", "AuthType is NONE or AWS_IAM")
        return {"TargetFunctionArn": self._engine.function_arn(function.resource.name), **self.settings(content)}

    def told(self, found: Placed, function: Placed) -> dict[str, Any]:
        """As the API tells it, at an address that leads here."""
        made, changed = (
            f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.000Z}" for at in (found.age.made, found.age.changed)
        )
        resource = found.resource
        properties = resource.properties
        return {
            "FunctionUrl": f"http://{self._address}/{ids.api_id(resource.stack, resource.logical_id)}/",
            "FunctionArn": self._engine.function_arn(function.resource.name),
            "AuthType": properties.get("AuthType"),
            "InvokeMode": properties.get("InvokeMode", "BUFFERED"),
            "CreationTime": made,
            "LastModifiedTime": changed,
            **({"Cors": properties["Cors"]} if properties.get("Cors") else {}),
        }
