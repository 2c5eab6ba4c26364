"""Versions and aliases of functions in Lambda's management API. [DOC] lambda-api:PublishVersion, CreateAlias

A version is told as the function was when it was published; all of them run the code that there is, as templates' do.
[REC] ls-snap test_lambda_api.py for what is refused, where nothing else is said
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ... import ids
from ...described.lambda_functions import function_name
from ...resources.functions import PUBLISHED, VERSION_NUMBER
from ..edits import Edits
from ..engine import Engine, Placed
from ..query import ApiError
from .constraints import violated
from .paging import page

VERSION: Final = "AWS::Lambda::Version"
ALIAS: Final = "AWS::Lambda::Alias"
LATEST: Final = "$LATEST"
_SETTINGS: Final = ("Description", "FunctionVersion", "RoutingConfig")
_ALIAS_NAME: Final = re.compile(r"(?![0-9]+$)[a-zA-Z0-9-_]{1,128}")
_STATES: Final = ("LastUpdateStatus", "State")
"""What lists leave out."""


class FunctionVersions:
    """Reads them from the resources that are emulated, and makes and changes them call by call."""

    def __init__(self, engine: Engine, edits: Edits, latest: Callable[[Placed], Mapping[str, Any]]) -> None:
        """``latest`` tells of a function as it is."""
        self._engine = engine
        self._edits = edits
        self._latest = latest

    def told(self, function: Placed, qualifier: str | None) -> Mapping[str, Any]:
        """A function, one of its versions, or what an alias of it leads to; raises ApiError."""
        told = self._latest(function)
        if qualifier is None:
            return told
        arn = f"{told['FunctionArn']}:{qualifier}"
        if qualifier == LATEST:
            return {**told, "FunctionArn": arn}
        aliases = {each.resource.properties["Name"]: each for each in self._aliases(function)}
        alias = aliases.get(qualifier)
        number = qualifier if alias is None else str(alias.resource.properties.get("FunctionVersion"))
        if number == LATEST:
            return {**told, "FunctionArn": arn}
        version = self._versions(function).get(number)
        if version is None:
            raise ApiError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return {**self._published(told, number, version), "FunctionArn": arn}

    def all(self, function: Placed) -> list[Mapping[str, Any]]:
        """All versions, the one that is not published first."""
        names = (LATEST, *sorted(self._versions(function), key=int))
        found = [self.told(function, each) for each in names]
        return [{name: value for name, value in each.items() if name not in _STATES} for each in found]

    def listed(self, function: Placed, query: Mapping[str, str]) -> dict[str, Any]:
        """A part of them."""
        return page("Versions", self.all(function), query)

    async def publish(self, function: Placed, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """The version that the function is now: a new one, unless it is the same as when it was last published."""
        told, known = self._latest(function), self._versions(function)
        refuse_revision(content, told["RevisionId"])
        digest = content.get("CodeSha256")
        if digest not in (None, "", told["CodeSha256"]):
            text = f"CodeSHA256 ({digest}) is different from current CodeSHA256 in $LATEST ({told['CodeSha256']})."
            raise ApiError("InvalidParameterValueException", f"{text} Please try again with the CodeSHA256 in $LATEST.")
        last = max(known, key=int, default="0")
        if last in known and _of(known[last]).get("RevisionId") == told["RevisionId"]:
            return self.told(function, last)
        number = str(int(last) + 1)
        described = {"Description": content["Description"]} if content.get("Description") else {}
        metadata = {VERSION_NUMBER: number, PUBLISHED: dict(told)}
        properties = {"FunctionName": function.resource.name, **described}
        await self._edits.made("Version", VERSION, properties, metadata=metadata)
        return self.told(function, number)

    async def remove(self, function: Placed, qualifier: str) -> None:
        """Delete a version; one that is not there is no error. [USR] floci #2824: asked of AWS itself"""
        if qualifier == LATEST:
            text = "$LATEST version cannot be deleted without deleting the function."
            raise ApiError("InvalidParameterValueException", text)
        aliases = [each.resource.properties for each in self._aliases(function)]
        if any(each["Name"] == qualifier for each in aliases):
            text = f"Function not found: {self._latest(function)['FunctionArn']}:{qualifier}"
            raise ApiError("ResourceNotFoundException", text, 404)
        names = [str(each["Name"]) for each in aliases if qualifier in _versions_of(each)]
        if names:
            # [USR] go-lambda-cleanup #45
            text = f"Unable to delete version because the following aliases reference it: [{', '.join(names)}]"
            raise ApiError("ResourceConflictException", text, 409)
        version = self._versions(function).get(qualifier)
        if version is not None:
            await self._edits.removed(version)

    async def aliases(
        self, method: str, function: Placed, content: Mapping[str, Any], query: Mapping[str, str]
    ) -> tuple[int, Any]:
        """List a function's aliases, or make one."""
        known = self._aliases(function)
        if method == "GET":
            wanted = query.get("FunctionVersion")
            found = [each for each in known if wanted is None or wanted in _versions_of(each.resource.properties)]
            return 200, page("Aliases", [self._alias(function, each) for each in found], query)
        name = str(content.get("Name") or "")
        if _ALIAS_NAME.fullmatch(name) is None:
            raise violated("name", name, "satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
        self._refuse_versions(function, content)
        if any(each.resource.properties["Name"] == name for each in known):
            text = f"Alias already exists: {self._latest(function)['FunctionArn']}:{name}"
            raise ApiError("ResourceConflictException", text, 409)
        settings = {each: content[each] for each in _SETTINGS if content.get(each)}
        await self._edits.made("Alias", ALIAS, {"FunctionName": function.resource.name, "Name": name, **settings})
        return 201, self._alias(function, self._one(function, name, "Cannot find alias arn"))

    async def alias(self, method: str, function: Placed, name: str, content: Mapping[str, Any]) -> tuple[int, Any]:
        """Tell of an alias, change or delete it."""
        if method == "DELETE":
            for each in self._aliases(function):
                if each.resource.properties["Name"] == name:
                    await self._edits.removed(each)
            return 204, None
        found = self._one(function, name, "Alias not found" if method == "PUT" else "Cannot find alias arn")
        if method == "PUT":
            refuse_revision(content, self._alias(function, found)["RevisionId"])
            self._refuse_versions(function, {**found.resource.properties, **content})
            settings = {each: content[each] for each in _SETTINGS if each in content}

            def edit(resources: dict[str, Any]) -> None:
                resources[found.resource.logical_id]["Properties"].update(settings)

            await self._edits.changed(found, edit)
            found = self._one(function, name, "Alias not found")
        return 200, self._alias(function, found)

    def _one(self, function: Placed, name: str, refusal: str) -> Placed:
        for each in self._aliases(function):
            if each.resource.properties["Name"] == name:
                return each
        arn = f"{self._latest(function)['FunctionArn']}:{name}"
        raise ApiError("ResourceNotFoundException", f"{refusal}: {arn}", 404)

    def _alias(self, function: Placed, found: Placed) -> dict[str, Any]:
        given = found.resource.properties
        weights = _weights(given)
        return {
            "AliasArn": f"{self._latest(function)['FunctionArn']}:{given['Name']}",
            "Name": given["Name"],
            "FunctionVersion": str(given.get("FunctionVersion")),
            "Description": given.get("Description", ""),
            "RevisionId": revision(given),
            **({"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else {}),
        }

    def _refuse_versions(self, function: Placed, asked: Mapping[str, Any]) -> None:
        """Refuse an alias of versions that are not there, or do not go together; raises ApiError."""
        number, weights = str(asked.get("FunctionVersion")), _weights(asked)
        if len(weights) > 1:
            text = "Number of items in AdditionalVersionWeights cannot be greater than 1"
            raise ApiError("InvalidParameterValueException", text)
        if number in weights:
            text = f"Invalid function version {number}. Function version {number} is already included in routing"
            raise ApiError("InvalidParameterValueException", f"{text} configuration.")
        if weights and number == LATEST:
            text = "$LATEST is not supported for an alias pointing to more than 1 version"
            raise ApiError("InvalidParameterValueException", text)
        for each in (number, *weights):
            if each != LATEST and each not in self._versions(function):
                text = f"Function not found: {self._latest(function)['FunctionArn']}:{each}"
                raise ApiError("ResourceNotFoundException", text, 404)

    def _published(self, told: Mapping[str, Any], number: str, version: Placed) -> Mapping[str, Any]:
        """A version; of a stack's, nothing is known but that it is there."""
        described = version.resource.properties.get("Description")
        more = {} if described is None else {"Description": described}
        kept = {**told, **_of(version), **more, "Version": number}
        return {**kept, "RevisionId": revision({"Version": number, "Of": kept["RevisionId"]})}

    def _versions(self, function: Placed) -> dict[str, Placed]:
        return {str(each.resource.ref).rpartition(":")[2]: each for each in self._parts(function, VERSION)}

    def _aliases(self, function: Placed) -> list[Placed]:
        return sorted(self._parts(function, ALIAS), key=lambda each: str(each.resource.properties["Name"]))

    def _parts(self, function: Placed, kind: str) -> list[Placed]:
        name = function.resource.name
        found = self._engine.placed(kind)
        return [each for each in found if function_name(each.resource.properties.get("FunctionName")) == name]


def _of(version: Placed) -> Mapping[str, Any]:
    """The function as it was when a version was published; nothing: a stack published it."""
    found = version.resource.metadata.get(PUBLISHED)
    return found if isinstance(found, dict) else {}


def _weights(alias: Mapping[str, Any]) -> dict[str, float]:
    """Further versions of an alias and their shares, as the API or as a template has them."""
    found = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if isinstance(found, list):
        return {str(each.get("FunctionVersion")): float(each.get("FunctionWeight", 0)) for each in found}
    return {str(name): float(share) for name, share in found.items()}


def _versions_of(alias: Mapping[str, Any]) -> set[str]:
    return {str(alias.get("FunctionVersion")), *_weights(alias)}


def revision(value: Mapping[str, Any]) -> str:
    """What changes with every change of a thing."""
    return ids.uuid("revision", json.dumps(value, sort_keys=True, default=str))


def refuse_revision(content: Mapping[str, Any], current: str) -> None:
    """Refuse a change of something that is not as its sender thinks; raises ApiError."""
    if content.get("RevisionId") not in (None, "", current):
        text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to"
        raise ApiError("PreconditionFailedException", f"{text} retrieve the latest Revision Id", 412)
