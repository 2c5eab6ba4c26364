"""The parameter store of Systems Manager: ours, since moto's loads EC2 and needs a hundred megabytes. Pure.

[DOC] ssm-docs:API_PutParameter, API_GetParameter, API_GetParametersByPath, API_DescribeParameters,
sysman-paramstore-su-create
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from ..foundation.place import arn_of, iam_arn
from .errors import ServiceError

TARGET: Final = "AmazonSSM."
VALUE_CHARACTERS: Final = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}
"""Longest value of each tier, in bytes."""
LEVELS: Final = 15
_NAME: Final = re.compile(r"[A-Za-z0-9_.\-/]{1,1011}")
_RESERVED: Final = re.compile(r"/?(aws|ssm)", re.IGNORECASE)
_TYPES: Final = ("String", "StringList", "SecureString")
_PAGE: Final = {"GetParametersByPath": 10, "DescribeParameters": 50, "GetParameterHistory": 50}
"""Most results of one answer."""
VERSIONS: Final = 100
"""Most versions that are kept of one parameter."""

Parameters = Mapping[str, Any]


class ParameterError(ServiceError):
    """An error of the service."""


def _invalid(why: str) -> ParameterError:
    return ParameterError("ValidationException", why)


class Version(Struct, frozen=True, kw_only=True):
    """One version of a parameter."""

    name: str
    number: int
    type: str
    value: str
    at: float
    """Unix seconds."""
    description: str
    data_type: str
    tier: str
    pattern: str
    key: str


class ParameterStore:
    """All parameters of an account in a Region."""

    def __init__(self, region: str, account_id: str) -> None:
        self._arn = arn_of("ssm", region, account_id, "parameter/")
        self._user = iam_arn(region, account_id, "root")
        self._versions: dict[str, list[Version]] = {}

    def perform(self, operation: str, parameters: Parameters, *, now: float) -> dict[str, Any] | None:
        """The answer to an operation; None: it is not known.

        Raises:
            ParameterError: it is refused.
        """
        known: dict[str, Callable[[Parameters, float], dict[str, Any]]] = {
            "PutParameter": self._put,
            "GetParameter": self._get,
            "GetParameters": self._get_several,
            "GetParametersByPath": self._get_by_path,
            "GetParameterHistory": self._history,
            "DeleteParameter": self._delete,
            "DeleteParameters": self._delete_several,
            "DescribeParameters": self._describe,
        }
        found = known.get(operation)
        return None if found is None else found(parameters, now)

    def values(self) -> dict[str, str]:
        """The newest value of each parameter."""
        return {name: versions[-1].value for name, versions in self._versions.items()}

    # writing

    def _put(self, parameters: Parameters, now: float) -> dict[str, Any]:
        name = _required(parameters, "Name")
        _check_name(name)
        versions = self._versions.get(name, [])
        if versions and not parameters.get("Overwrite"):
            raise ParameterError(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to "
                "true.",
            )
        last = versions[-1] if versions else None
        made = Version(
            name=name,
            number=1 if last is None else last.number + 1,
            type=_type(parameters, last),
            value=_required(parameters, "Value"),
            at=now,
            description=str(parameters.get("Description") or (last.description if last else "")),
            data_type=str(parameters.get("DataType") or "text"),
            tier=str(parameters.get("Tier") or (last.tier if last else "Standard")),
            pattern=str(parameters.get("AllowedPattern") or ""),
            key=str(parameters.get("KeyId") or "alias/aws/ssm"),
        )
        _check_value(made)
        self._versions[name] = [*versions, made][-VERSIONS:]
        return {"Version": made.number, "Tier": made.tier}

    def _delete(self, parameters: Parameters, _now: float) -> dict[str, Any]:
        if self._versions.pop(self._plain(_required(parameters, "Name")), None) is None:
            raise ParameterError("ParameterNotFound")
        return {}

    def _delete_several(self, parameters: Parameters, _now: float) -> dict[str, Any]:
        names = [str(each) for each in parameters.get("Names") or ()]
        gone = [name for name in names if self._versions.pop(self._plain(name), None) is not None]
        return {"DeletedParameters": gone, "InvalidParameters": [name for name in names if name not in gone]}

    # reading

    def _get(self, parameters: Parameters, _now: float) -> dict[str, Any]:
        found, selector = self._selected(_required(parameters, "Name"))
        return {"Parameter": self._shown(found, parameters, selector)}

    def _get_several(self, parameters: Parameters, _now: float) -> dict[str, Any]:
        found, invalid = [], []
        for name in dict.fromkeys(str(each) for each in parameters.get("Names") or ()):
            try:
                version, selector = self._selected(name)
            except ParameterError:
                invalid.append(name)
            else:
                found.append(self._shown(version, parameters, selector))
        return {"Parameters": found, "InvalidParameters": invalid}

    def _get_by_path(self, parameters: Parameters, _now: float) -> dict[str, Any]:
        path = _required(parameters, "Path")
        if not path.startswith("/"):
            raise _invalid(
                "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a "
                f'forward slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). Parameter: {path}',
            )
        start = f"{path.rstrip('/')}/"
        deep = bool(parameters.get("Recursive"))
        found = [
            versions[-1]
            for name, versions in sorted(self._versions.items())
            if name.startswith(start)
            and (deep or "/" not in name[len(start) :])
            and _passes(versions[-1], parameters.get("ParameterFilters") or ())
        ]
        page, more = _page("GetParametersByPath", found, parameters)
        return {"Parameters": [self._shown(each, parameters, "") for each in page], **more}

    def _history(self, parameters: Parameters, _now: float) -> dict[str, Any]:
        versions = self._versions.get(self._plain(_required(parameters, "Name")))
        if versions is None:
            raise ParameterError("ParameterNotFound")
        page, more = _page("GetParameterHistory", versions, parameters)
        shown = [{**self._described(each), "Value": _value(each, parameters), "Labels": []} for each in page]
        return {"Parameters": shown, **more}

    def _describe(self, parameters: Parameters, _now: float) -> dict[str, Any]:
        filters = [*(parameters.get("ParameterFilters") or ()), *(parameters.get("Filters") or ())]
        found = [versions[-1] for _, versions in sorted(self._versions.items()) if _passes(versions[-1], filters)]
        page, more = _page("DescribeParameters", found, parameters)
        return {"Parameters": [{**self._described(each), "ARN": self._arn_of(each.name)} for each in page], **more}

    def _selected(self, name: str) -> tuple[Version, str]:
        """The version that a name means, and the number behind it, with its colon."""
        plain = self._plain(name)
        plain, separator, number = plain.partition(":")
        versions = self._versions.get(plain)
        if versions is None:
            raise ParameterError("ParameterNotFound")
        if not separator:
            return versions[-1], ""
        found = next((each for each in versions if str(each.number) == number), None)
        if found is None:
            text = f"Systems Manager could not find version {number} of {plain}. Verify the version and try again."
            raise ParameterError("ParameterVersionNotFound", text)
        return found, f":{number}"

    def _plain(self, name: str) -> str:
        """A name, or the name in an ARN, which has one slash whether the name begins with one or not."""
        if not name.startswith(self._arn):
            return name
        rest = name.removeprefix(self._arn)
        return f"/{rest}" if "/" in rest or rest not in self._versions else rest

    def _arn_of(self, name: str) -> str:
        return self._arn + name.removeprefix("/")

    def _shown(self, version: Version, parameters: Parameters, selector: str) -> dict[str, Any]:
        found = {
            "Name": version.name,
            "Type": version.type,
            "Value": _value(version, parameters),
            "Version": version.number,
            "LastModifiedDate": version.at,
            "ARN": self._arn_of(version.name),
            "DataType": version.data_type,
        }
        return {**found, "Selector": selector} if selector else found

    def _described(self, version: Version) -> dict[str, Any]:
        found: dict[str, Any] = {
            "Name": version.name,
            "Type": version.type,
            "LastModifiedDate": version.at,
            "LastModifiedUser": self._user,
            "Version": version.number,
            "Tier": version.tier,
            "Policies": [],
            "DataType": version.data_type,
        }
        more = {"Description": version.description, "AllowedPattern": version.pattern}
        found |= {name: value for name, value in more.items() if value}
        return {**found, "KeyId": version.key} if version.type == "SecureString" else found


def _value(version: Version, parameters: Parameters) -> str:
    """The value; one that is secure and was not to be decrypted cannot be read."""
    if version.type != "SecureString" or parameters.get("WithDecryption"):
        return version.value
    return base64.b64encode(f"{version.key}:{version.number}".encode()).decode()


def _type(parameters: Parameters, last: Version | None) -> str:
    given = parameters.get("Type")
    if given is None:
        if last is None:
            raise _invalid("A parameter type is required when you create a parameter.")
        return last.type
    if given not in _TYPES:
        raise _invalid(
            f"1 validation error detected: Value '{given}' at 'type' failed to satisfy constraint: Member must satisfy "
            "enum value set: [SecureString, StringList, String]",
        )
    return str(given)


def _check_name(name: str) -> None:
    if _RESERVED.match(name):
        raise _invalid('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).')
    if not _NAME.fullmatch(name) or ("/" in name and not name.startswith("/")):
        raise _invalid(
            "Parameter name must be a fully qualified name." if "/" in name else "Parameter name is not valid."
        )
    if name.count("/") > LEVELS:
        raise ParameterError(
            "HierarchyLevelLimitExceededException",
            f"The hierarchy can have a maximum of {LEVELS} levels, including the parameter name.",
        )


def _check_value(made: Version) -> None:
    limit = VALUE_CHARACTERS.get(made.tier, VALUE_CHARACTERS["Standard"])
    if not made.value:
        raise _invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length "
            "greater than or equal to 1",
        )
    if len(made.value.encode()) > limit:
        raise _invalid(f"{made.tier} tier parameters support a maximum parameter value of {limit} characters.")
    if made.pattern and not re.search(made.pattern, made.value):
        raise ParameterError(
            "ParameterPatternMismatchException",
            f"Parameter value, cannot be validated against allowedPattern: {made.pattern}",
        )


def _passes(version: Version, filters: Any) -> bool:
    for each in filters:
        values = [str(value) for value in each.get("Values") or ()]
        option = str(each.get("Option") or "Equals")
        of = {"Name": version.name, "Type": version.type, "KeyId": version.key, "Tier": version.tier}
        value = of.get(str(each.get("Key")))
        if each.get("Key") == "Path":
            deep = option == "Recursive"
            starts = [f"{path.rstrip('/')}/" for path in values]
            rests = [version.name[len(start) :] for start in starts if version.name.startswith(start)]
            if not any(deep or "/" not in rest for rest in rests):
                return False
        elif value is None or not any(_compares(option, value, wanted) for wanted in values):
            return False
    return True


def _compares(option: str, value: str, wanted: str) -> bool:
    tests = {"BeginsWith": value.startswith, "Contains": lambda part: part in value}
    return tests[option](wanted) if option in tests else value == wanted


def _page(operation: str, found: list[Version], parameters: Parameters) -> tuple[list[Version], dict[str, Any]]:
    token = str(parameters.get("NextToken") or "0")
    if not token.isdecimal():
        raise ParameterError("InvalidNextToken", "The specified token isn't valid.")
    start, size = int(token), min(int(parameters.get("MaxResults") or _PAGE[operation]), _PAGE[operation])
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return found[start : start + size], more


def _required(parameters: Parameters, name: str) -> str:
    value = parameters.get(name)
    if not isinstance(value, str):
        raise _invalid(
            f"1 validation error detected: Value null at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: "
            "Member must not be null",
        )
    return value
