"""Lambda's management API: reads what is deployed, and makes and changes functions and what invokes them, call by call.

What a call makes is a resource as a template would have it, and goes the same way. [DOC] lambda-api
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from ....foundation.json_bytes import json_of
from ....functions.admission import DIFFERENT_QUALIFIERS
from ...archives import is_empty
from ...code import EMPTY
from ...policy_documents import principal_arn
from ..edits import Edits
from ..engine import Engine, Placed
from ..query import ApiError
from . import function_settings, rules
from .bodies import refuse_types
from .constraints import violated
from .event_invoke import EventInvokeApi
from .event_sources import SourcesApi
from .layers import LayersApi, uploaded
from .paging import page
from .urls import URL, FunctionUrls
from .versions import LATEST, FunctionVersions, refuse_revision

BUCKET: Final = "sent-with-the-call"
"""The bucket of code that came in a request, which nobody else can name."""
_FUNCTION: Final = "AWS::Lambda::Function"
_PERMISSION: Final = "AWS::Lambda::Permission"
_PATHS: Final = (
    (re.compile(r"/2015-03-31/functions/?"), "functions"),
    (re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)"), "function"),
    (re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/configuration"), "configuration"),
    (re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/code"), "code"),
    (re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/policy"), "policy"),
    (re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/policy/(?P<statement>[^/]+)"), "statement"),
    (re.compile(r"/(?:2017-10-31|2019-09-30)/functions/(?P<name>[^/]+)/concurrency"), "concurrency"),
    (re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/versions"), "versions"),
    (re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/aliases"), "aliases"),
    (re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/aliases/(?P<alias>[^/]+)"), "alias"),
    (re.compile(r"/2019-09-25/functions/(?P<name>[^/]+)/event-invoke-config"), "invoke"),
    (re.compile(r"/2019-09-25/functions/(?P<name>[^/]+)/event-invoke-config/list"), "invokes"),
    (re.compile(r"/2018-10-31/layers/?"), "layers"),
    (re.compile(r"/2018-10-31/layers/(?P<name>[^/]+)/versions"), "layer versions"),
    (re.compile(r"/2018-10-31/layers/(?P<name>[^/]+)/versions/[^/]+"), "layer version"),
    (re.compile(r"/2017-03-31/tags/(?P<name>[^/]+)"), "tags"),
    (re.compile(r"/2021-10-31/functions/(?P<name>[^/]+)/url"), "url"),
    (re.compile(r"/2021-10-31/functions/(?P<name>[^/]+)/urls"), "urls"),
    (re.compile(r"/2015-03-31/event-source-mappings/?"), "sources"),
    (re.compile(r"/2015-03-31/event-source-mappings/(?P<name>[^/]+)"), "source"),
)
_NO_ARCHIVE: Final = "Could not unzip uploaded file. Please check your file, then try to upload again."
"""[REC] ls-snap test_create_lambda_exceptions"""
_NAME: Final = re.compile(
    r"(?:arn:[\w-]+:lambda:[\w-]+:)?(?:\d{12}:)?(?:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
)


def place_of(path: str) -> tuple[str, str] | None:
    """What a path of the API is for, and the name in it; None: it is none of those."""
    for pattern, what in _PATHS:
        found = pattern.fullmatch(path)
        if found is not None:
            return what, unquote(found.groupdict().get("name") or "")
    return None


class FunctionsApi:
    """Answers all but invocations."""

    def __init__(self, engine: Engine, address: str, new_id: Callable[[], str] = lambda: uuid.uuid4().hex[:12]) -> None:
        """``address`` is the emulator's, host and port."""
        self._engine = engine
        self._urls = FunctionUrls(engine, address)
        self._edits = Edits(engine, new_id)
        self._sources = SourcesApi(engine, self._edits)
        self._invocations = EventInvokeApi(engine, self._edits)
        self._layers = LayersApi(engine, self._edits, self._code)
        self._versions = FunctionVersions(engine, self._edits, self._configuration)

    async def answer(
        self, method: str, path: str, body: bytes, pairs: Sequence[tuple[str, str]] = ()
    ) -> tuple[int, Any]:
        """Status and content; raises ApiError. ``pairs`` are the names and values after the path."""
        query = dict(pairs)
        place = place_of(path)
        if place is None:
            raise ApiError("UnknownOperationException", f"{method} {path} is not emulated", 404)
        what, name = place
        content = _json(body)
        refuse_types(method, path, content)
        if what in ("sources", "source"):
            return await self._of_sources(what, method, name, content, query)
        if (what, method) == ("functions", "GET"):
            return 200, self._listed(query)
        if (what, method) == ("functions", "POST"):
            return await self._create(content)
        last = unquote(path.rpartition("/")[2])
        if what.startswith("layer"):
            return await self._layers.answer((what, method), name, last, content, query)
        if what in ("invoke", "invokes"):
            return await self._of_invocations(what, method, name, content, query)
        if what == "tags":
            return await self._tag(method, name, content, [value for each, value in pairs if each == "tagKeys"])
        found, qualifier = self._function(name), _qualifier(name, query)
        if (what, method) == ("statement", "DELETE"):
            return await self._forbid(found, last, qualifier)
        if what in ("versions", "aliases", "alias"):
            return await self._of_versions((what, method), found, last, content, query)
        return await self._of_function(what, method, found, content, qualifier)

    async def _of_versions(
        self,
        asked: tuple[str, str],
        found: Placed,
        last: str,
        content: Mapping[str, Any],
        query: Mapping[str, str],
    ) -> tuple[int, Any]:
        match asked:
            case "versions", "GET":
                return 200, self._versions.listed(found, query)
            case "versions", "POST":
                return 201, await self._versions.publish(found, content)
            case "aliases", ("GET" | "POST"):
                return await self._versions.aliases(asked[1], found, content, query)
            case "alias", ("GET" | "PUT" | "DELETE"):
                return await self._versions.alias(asked[1], found, last, content)
        raise ApiError("UnknownOperationException", f"{asked[1]} of a function's {asked[0]} is not emulated", 404)

    async def _of_sources(
        self, what: str, method: str, name: str, content: Mapping[str, Any], query: Mapping[str, str]
    ) -> tuple[int, Any]:
        if what == "source":
            return await self._sources.one(method, name, content)
        return await self._sources.create(content) if method == "POST" else self._sources.listed(query)

    async def _of_invocations(
        self, what: str, method: str, name: str, content: Mapping[str, Any], query: Mapping[str, str]
    ) -> tuple[int, Any]:
        if what == "invokes":
            return self._invocations.listed(_plain(name), query)
        return await self._invocations.one(method, _plain(name), _qualifier(name, query), content)

    async def _tag(self, method: str, arn: str, content: Mapping[str, Any], gone: Sequence[str]) -> tuple[int, Any]:
        """Tags of a function: told, set or taken away. [REC] ls-snap test_lambda_api.py, TestLambdaTags"""
        if ":function:" not in arn:
            raise ApiError("UnknownOperationException", f"tags of {arn} are not emulated", 404)
        if _qualifier(arn, {}) is not None:
            text = "Tags on function aliases and versions are not supported. Please specify a function ARN."
            raise ApiError("InvalidParameterValueException", text)
        found = self._function(arn)
        tags = function_settings.tags(found.resource.properties)
        if method == "GET":
            return 200, {"Tags": tags}
        wanted = {**tags, **(content.get("Tags") or {})} if method == "POST" else tags
        kept = {name: value for name, value in wanted.items() if method == "POST" or name not in gone}
        rules.refuse_tags(kept)
        await self._set(found, {"Tags": [{"Key": name, "Value": value} for name, value in kept.items()]})
        return 204, None

    async def _of_function(
        self, what: str, method: str, found: Placed, content: Mapping[str, Any], qualifier: str | None
    ) -> tuple[int, Any]:
        match what, method:
            case "function", "GET":
                told = self._versions.told(found, qualifier)
                return 200, {"Configuration": told, "Code": {"RepositoryType": "S3"}, **self._tags(found)}
            case "function", "DELETE":
                await (self._edits.removed(found) if qualifier is None else self._versions.remove(found, qualifier))
                return 204, None
            case "configuration", "GET":
                return 200, self._versions.told(found, qualifier)
            case "configuration", "PUT":
                refuse_revision(content, self._configuration(found)["RevisionId"])
                rules.refuse(content)
                self._layers.refuse(content.get("Layers"))
                return 200, await self._set(found, function_settings.properties(content))
            case "code", "PUT":
                refuse_revision(content, self._configuration(found)["RevisionId"])
                return 200, await self._set_code(found, content)
            case "concurrency", ("PUT" | "GET" | "DELETE"):
                return await self._reservation(method, found, content)
            case "policy", "POST":
                return await self._permit(found, content, qualifier)
            case "policy", "GET":
                return self._policy(found, qualifier)
            case (("url" | "urls"), _):
                return await self._url(what, method, found, content)
        raise ApiError("UnknownOperationException", f"{method} of a function's {what} is not emulated", 404)

    async def _reservation(self, method: str, found: Placed, content: Mapping[str, Any]) -> tuple[int, Any]:
        """Environments that are a function's alone: set, told, or taken back."""
        name = "ReservedConcurrentExecutions"
        if method == "GET":
            reserved = found.resource.properties.get(name)
            return 200, {} if reserved is None else {name: int(reserved)}
        count = content.get(name) if method == "PUT" else None
        if count is not None:
            others = [each for each in self._engine.placed(_FUNCTION) if each.resource.name != found.resource.name]
            reserved = [each.resource.properties.get(name) or 0 for each in others]
            rules.refuse_reservation(int(count), sum(map(int, reserved)))
        await self._set(found, {name: count})
        return (200, {name: count}) if method == "PUT" else (204, None)

    # functions

    def _listed(self, query: Mapping[str, str]) -> dict[str, Any]:
        """All functions, and their versions if they are asked for, too."""
        wanted = query.get("FunctionVersion")
        if wanted not in (None, "ALL"):
            raise violated("functionVersion", wanted, "satisfy enum value set: [ALL]")
        found = self._engine.placed(_FUNCTION)
        if wanted is None:
            return page("Functions", [self._configuration(each) for each in found], query)
        return page("Functions", [told for each in found for told in self._versions.all(each)], query)

    def _function(self, name: str) -> Placed:
        named = _NAME.fullmatch(name)
        known = self._engine.placed(_FUNCTION)
        found = next((each for each in known if named is not None and each.resource.name == named["name"]), None)
        if found is None:
            raise ApiError("ResourceNotFoundException", f"Function not found: {self._arn(name)}", 404)
        return found

    async def _create(self, content: Mapping[str, Any]) -> tuple[int, Any]:
        name = content.get("FunctionName")
        if not isinstance(name, str):
            raise violated("functionName", None, "not be null")
        rules.refuse_new(content)
        self._layers.refuse(content.get("Layers"))
        name = _plain(name)
        if any(each.resource.name == name for each in self._engine.placed(_FUNCTION)):
            raise ApiError("ResourceConflictException", f"Function already exist: {name}", 409)
        code, uploads = self._code(content.get("Code") or {})
        properties = function_settings.properties(content) | {"FunctionName": name, "Code": code}
        await self._edits.made("Function", _FUNCTION, properties, uploads)
        made = self._function(name)
        if content.get("Publish") is True:
            # [REC] ls-snap test_publish_version_on_create: the version, by the function's own ARN
            return 201, {**self._configuration(made), "Version": (await self._versions.publish(made, {}))["Version"]}
        return 201, self._configuration(made)

    async def _set_code(self, found: Placed, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Other code, unless it is only to be looked at. [DOC] lambda-api:UpdateFunctionCode, ``DryRun``"""
        code, uploads = self._code(content)
        if content.get("DryRun") is True:
            return self._configuration(found)
        more = {"Architectures": content["Architectures"]} if "Architectures" in content else {}
        told = await self._set(found, {"Code": code, **more}, uploads)
        is_published = content.get("Publish") is True
        return await self._versions.publish(self._function(found.resource.name), {}) if is_published else told

    async def _set(
        self, found: Placed, settings: Mapping[str, Any], uploads: Mapping[tuple[str, str], Path] | None = None
    ) -> Mapping[str, Any]:
        name = found.resource.logical_id

        def edit(resources: dict[str, Any]) -> None:
            properties = resources[name].setdefault("Properties", {})
            properties.update(settings)
            for each in [each for each, value in settings.items() if value is None]:
                del properties[each]

        await self._edits.changed(found, edit, uploads)
        return self._configuration(self._function(found.resource.name))

    def _code(self, content: Mapping[str, Any]) -> tuple[dict[str, str], dict[tuple[str, str], Path]]:
        """Code as a template names it, and what came with the request."""
        if "S3Bucket" in content:
            return {"S3Bucket": str(content["S3Bucket"]), "S3Key": str(content.get("S3Key"))}, {}
        if isinstance(content.get("ImageUri"), str):
            return {"ImageUri": content["ImageUri"]}, {}
        if not isinstance(content.get("ZipFile"), str):
            raise ApiError("InvalidParameterValueException", "code is given as ZipFile, or as S3Bucket and S3Key")
        try:
            body = base64.b64decode(content["ZipFile"], validate=True)
            has_nothing = is_empty(body)
        except ValueError as error:
            raise ApiError("InvalidParameterValueException", _NO_ARCHIVE) from error
        if has_nothing:
            raise ApiError("InvalidParameterValueException", EMPTY)
        path = self._engine.keep(body)
        return {"S3Bucket": BUCKET, "S3Key": path.name}, {(BUCKET, path.name): path}

    async def _permit(self, found: Placed, content: Mapping[str, Any], qualifier: str | None) -> tuple[int, Any]:
        """A permission: kept as a resource; whoever calls from within is let in without one."""
        statement_id = content.get("StatementId")
        if qualifier == LATEST:
            raise ApiError("InvalidParameterValueException", "We currently do not support adding policies for $LATEST.")
        self._versions.told(found, qualifier)  # which is refused if it is not there
        known = self._statements(found, qualifier)
        if any(each.resource.properties["StatementId"] == statement_id for each in known):
            # [USR] terraform-aws-lambda #547, cargo-lambda #261: the words
            text = f"The statement id ({statement_id}) provided already exists."
            text = f"{text} Please provide a new statement id, or remove the existing statement."
            raise ApiError("ResourceConflictException", text, 409)
        names = ("StatementId", "Action", "Principal", "SourceAccount", "SourceArn")
        properties = {name: content[name] for name in names if name in content}
        name = _qualified(found.resource.name, qualifier)
        await self._edits.made("Permission", _PERMISSION, {**properties, "FunctionName": name})
        return 201, {"Statement": json.dumps(_statement(properties, self._arn(name)))}

    def _policy(self, found: Placed, qualifier: str | None) -> tuple[int, Any]:
        """What calls permitted: a version and an alias have policies of their own. [DOC] lambda-api:GetPolicy"""
        arn = self._arn(_qualified(found.resource.name, qualifier))
        statements = [_statement(each.resource.properties, arn) for each in self._statements(found, qualifier)]
        if not statements:
            raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        return 200, {"Policy": json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements})}

    async def _forbid(self, found: Placed, statement_id: str, qualifier: str | None) -> tuple[int, Any]:
        """Takes a permission back that a call gave. [DOC] lambda-api:RemovePermission"""
        known = self._statements(found, qualifier)
        statement = next((each for each in known if each.resource.properties["StatementId"] == statement_id), None)
        if statement is None:
            text = f"Statement {statement_id} is not found in resource policy."
            text = text if known else "No policy is associated with the given resource."
            raise ApiError("ResourceNotFoundException", text, 404)
        await self._edits.removed(statement)
        return 204, None

    def _statements(self, found: Placed, qualifier: str | None) -> list[Placed]:
        """Permissions that calls gave; those of stacks have no statement id of their own."""
        name = _qualified(found.resource.name, qualifier)
        return [
            each
            for each in self._engine.placed(_PERMISSION)
            if "StatementId" in each.resource.properties and each.resource.properties.get("FunctionName") == name
        ]

    async def _url(self, what: str, method: str, found: Placed, content: Mapping[str, Any]) -> tuple[int, Any]:
        """A function's URL: made, changed and removed as the resource that it is."""
        known = self._urls.of(found)
        if what == "urls" and method == "GET":
            return 200, {"FunctionUrlConfigs": [] if known is None else [self._urls.told(known, found)]}
        if what == "url" and method == "POST":
            if known is not None:
                text = f"FunctionUrlConfig exists for this Lambda function: {self._arn(found.resource.name)}"
                raise ApiError("ResourceConflictException", text, 409)
            await self._edits.made("Url", URL, self._urls.properties(found, content))
        elif what != "url" or method not in ("GET", "PUT", "DELETE"):
            raise ApiError("UnknownOperationException", f"{method} of a function's {what} is not emulated", 404)
        elif known is None:
            raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        elif method == "PUT":
            settings, name = self._urls.settings(content), known.resource.logical_id

            def edit(resources: dict[str, Any]) -> None:
                resources[name]["Properties"].update(settings)

            await self._edits.changed(known, edit)
        elif method == "DELETE":
            await self._edits.removed(known)
            return 204, None
        again = self._urls.of(found)
        assert again is not None
        return 201 if method == "POST" else 200, self._urls.told(again, found)

    def _tags(self, found: Placed) -> Mapping[str, Any]:
        tags = function_settings.tags(found.resource.properties)
        return {"Tags": tags} if tags else {}

    def _configuration(self, found: Placed) -> Mapping[str, Any]:
        properties, name = found.resource.properties, found.resource.name
        body = uploaded(found, properties.get("Code"))
        return function_settings.configuration(properties, name, self._arn(name), found.age.changed, body)

    def _arn(self, name: str) -> str:
        return name if name.startswith("arn:") else self._engine.function_arn(name)


def _statement(permission: Mapping[str, Any], arn: str) -> Mapping[str, Any]:
    """A permission as the function's policy has it. [USR] terraform #23436"""
    principal = str(permission.get("Principal"))
    who: Any = principal if principal == "*" else {"Service": principal}
    if principal.startswith("arn:") or principal.isdecimal():
        who = {"AWS": principal_arn(principal, arn.split(":")[1])}
    condition = {}
    if "SourceAccount" in permission:
        condition["StringEquals"] = {"AWS:SourceAccount": permission["SourceAccount"]}
    if "SourceArn" in permission:
        condition["ArnLike"] = {"AWS:SourceArn": permission["SourceArn"]}
    return {
        "Sid": permission.get("StatementId"),
        "Effect": "Allow",
        "Principal": who,
        "Action": permission.get("Action"),
        "Resource": arn,
        **({"Condition": condition} if condition else {}),
    }


def _qualifier(name: str, query: Mapping[str, str]) -> str | None:
    """The version or alias that a request names, with the function or beside it; None: neither. Raises ApiError."""
    found, beside = _NAME.fullmatch(name), query.get("Qualifier")
    derived = None if found is None else found["qualifier"]
    if None not in (derived, beside) and derived != beside:
        raise ApiError("InvalidParameterValueException", DIFFERENT_QUALIFIERS)
    return derived or beside


def _plain(name: str) -> str:
    """A function's name of its name, partial ARN or ARN."""
    found = _NAME.fullmatch(name)
    return name if found is None else found["name"]


def _qualified(name: str, qualifier: str | None) -> str:
    return name if qualifier is None else f"{name}:{qualifier}"


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json_of(body or b"{}")
    except ValueError as error:
        raise ApiError("InvalidRequestContentException", f"Could not parse request body into json: {error}") from error
    if not isinstance(found, dict):
        raise ApiError("InvalidRequestContentException", "Could not parse request body into json: no object")
    return found
