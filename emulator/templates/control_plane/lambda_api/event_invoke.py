"""How asynchronous invocations end, in Lambda's management API. [DOC] lambda-api:PutFunctionEventInvokeConfig

[REC] ls-snap test_lambda_api.py, test_lambda_eventinvokeconfig_lifecycle and ..._exceptions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...described.lambda_functions import function_name
from ..edits import Edits
from ..engine import Engine, Placed
from ..query import ApiError
from .constraints import flaw, refused
from .paging import page

CONFIG: Final = "AWS::Lambda::EventInvokeConfig"
_LATEST: Final = "$LATEST"
_RANGES: Final = {"MaximumEventAgeInSeconds": (60, 21_600), "MaximumRetryAttempts": (0, 2)}
_SETTINGS: Final = (*_RANGES, "DestinationConfig")


class EventInvokeApi:
    """Settings of functions, kept as the resources that templates have."""

    def __init__(self, engine: Engine, edits: Edits) -> None:
        self._engine = engine
        self._edits = edits

    def listed(self, function: str, query: Mapping[str, str]) -> tuple[int, Any]:
        """Those of a function, of all its versions and aliases."""
        found = [self._told(each) for each in self._of(function)]
        return 200, page("FunctionEventInvokeConfigs", found, query)

    async def one(
        self, method: str, function: str, qualifier: str | None, content: Mapping[str, Any]
    ) -> tuple[int, Any]:
        """Tell of those of a function or of one of its versions, set, change or delete them."""
        version = qualifier or _LATEST
        known = next((each for each in self._of(function) if _version(each) == version), None)
        if method == "PUT":
            return await self._put(function, version, known, content)
        if known is None:
            arn = f"{self._engine.function_arn(function)}:{version}"
            text = f"The function {arn} doesn't have an EventInvokeConfig"
            raise ApiError("ResourceNotFoundException", text, 404)
        if method == "DELETE":
            await self._edits.removed(known)
            return 204, None
        if method == "POST":
            return await self._put(function, version, known, {**_settings(known.resource.properties), **content})
        return 200, self._told(known)

    async def _put(
        self, function: str, version: str, known: Placed | None, content: Mapping[str, Any]
    ) -> tuple[int, Any]:
        functions = {each.resource.name for each in self._engine.placed("AWS::Lambda::Function")}
        if function not in functions:
            raise ApiError("ResourceNotFoundException", "The function doesn't exist.", 404)
        settings = _settings(content)
        self._refuse(function, functions, settings)
        properties = {"FunctionName": function, "Qualifier": version, **settings}
        if known is None:
            await self._edits.made("Invoke", CONFIG, properties)
        else:
            name = known.resource.logical_id

            def edit(resources: dict[str, Any]) -> None:
                kept = resources[name]["Properties"]
                named = {each: kept[each] for each in ("FunctionName", "Qualifier") if each in kept}
                resources[name]["Properties"] = {**properties, **named}

            await self._edits.changed(known, edit)
        made = next(each for each in self._of(function) if _version(each) == version)
        return 200, self._told(made)

    def _refuse(self, function: str, functions: set[str], settings: Mapping[str, Any]) -> None:
        if not settings:
            text = "You must specify at least one of error handling or destination setting."
            raise ApiError("InvalidParameterValueException", text)
        flaws = []
        for name, (low, high) in _RANGES.items():
            value, shown = settings.get(name), name[:1].lower() + name[1:]
            if value is not None and value < low:
                flaws.append(flaw(shown, value, f"have value greater than or equal to {low}"))
            if value is not None and value > high:
                flaws.append(flaw(shown, value, f"have value less than or equal to {high}"))
        if flaws:
            raise refused(flaws)
        for each in (settings.get("DestinationConfig") or {}).values():
            arn = str((each or {}).get("Destination") or "")
            named = function_name(arn) if ":lambda:" in arn else None
            if named == function:
                raise ApiError(
                    "InvalidParameterValueException", "You can't specify the function as a destination for itself."
                )
            if named is not None and named not in functions:
                raise ApiError("InvalidParameterValueException", f"The destination ARN {arn} is invalid.")

    def _of(self, function: str) -> list[Placed]:
        found = self._engine.placed(CONFIG)
        return [each for each in found if function_name(each.resource.properties.get("FunctionName")) == function]

    def _told(self, found: Placed) -> dict[str, Any]:
        properties = found.resource.properties
        arn = self._engine.function_arn(str(function_name(properties.get("FunctionName"))))
        return {
            **_settings(properties),
            "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}, **(properties.get("DestinationConfig") or {})},
            "FunctionArn": f"{arn}:{_version(found)}",
            "LastModified": found.age.changed,
        }


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in _SETTINGS if given.get(name) is not None}


def _version(found: Placed) -> str:
    return str(found.resource.properties.get("Qualifier") or _LATEST)
