"""What WebSocket, HTTP and REST APIs of a stack have in common: their parts, a stage, how they name functions. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from ...foundation.json_bytes import parsed_json
from ..catalogue import Catalogue
from ..errors import Path, Problem
from ..stack import Resource
from ..values import at
from .lambda_functions import function_of

V2: Final = "AWS::ApiGatewayV2::"
V1: Final = "AWS::ApiGateway::"
_CREDENTIALS: Final = ("CredentialsArn", "AuthorizerCredentialsArn")
_LOGS: Final = ("AccessLogSettings", "AccessLogSetting")
_CONTEXT: Final = "$context."
_REQUEST_ID: Final = re.compile(r"\$context\.(requestId|extendedRequestId)\b")
_STAGE_VARIABLE: Final = re.compile(r"\$\{stageVariables\.([\w-]+)\}")


class Around(Struct, frozen=True, kw_only=True):
    """What routes and authorizers of one API are described with."""

    catalogue: Catalogue
    owner: Resource
    variables: Mapping[str, str]
    """Of its stage."""
    functions: set[str]

    def function(self, uri: Any, path: Path) -> str:
        """The function that an address names, stage variables filled in; raises Problem."""
        if uri is None:
            raise Problem(path, "the address of a function is missing")

        def value(match: re.Match[str]) -> str:
            if match[1] not in self.variables:
                raise Problem(path, f"the stage has no variable {match[1]!r}")
            return self.variables[match[1]]

        return function_of(_STAGE_VARIABLE.sub(value, str(uri)), self.functions, path)

    def invokes(self, caller: Resource, function: str, source: str) -> None:
        """Note that an integration or authorizer has a function invoked, unless it does so by a role of its own.

        Args:
            caller: The integration or authorizer.
            function: The function's name.
            source: For what of the API: ``STAGE/ROUTE``, or ``authorizers/ID``.
        """
        if not any(caller.properties.get(name) for name in _CREDENTIALS):
            self.catalogue.invoked.append((caller, function, f"{self.owner.ref}/{source}"))


def parts(catalogue: Catalogue, owner: Resource, kind: str) -> list[Resource]:
    """The resources of a type that are an API's."""
    name = "RestApiId" if kind.startswith(V1) else "ApiId"
    return [each for each in catalogue.of(kind) if each.properties.get(name) == owner.ref]


def schema_of(model: Resource) -> dict[str, Any] | None:
    """The JSON schema of a model, which may be written as text; None: it has none."""
    schema: Any = model.properties.get("Schema")
    if isinstance(schema, str):
        try:
            schema = parsed_json(schema)
        except ValueError as error:
            raise Problem(at(model, "Schema"), "the schema is not JSON") from error
    if not isinstance(schema, dict | None):
        raise Problem(at(model, "Schema"), "a JSON schema is expected")
    return schema


def stage_of(catalogue: Catalogue, owner: Resource, kind: str, wanted: str | None) -> Resource | None:
    """The stage that is emulated: the one that is wanted, else the first; None: there is none."""
    stages = parts(catalogue, owner, kind)
    named = [each for each in stages if each.properties.get("StageName") == wanted]
    if len(stages) > 1 and not named:
        others = ", ".join(str(each.properties.get("StageName")) for each in stages[1:])
        catalogue.warn(owner, f"of its stages the first is emulated; --stage chooses another: {others}")
    return next(iter(named or stages), None)


def integration_of(catalogue: Catalogue, owner: Resource, route: Resource) -> Resource:
    """The integration that a route names; raises Problem."""
    target = route.properties.get("Target")
    reference = str(target).removeprefix("integrations/")
    found = next((each for each in parts(catalogue, owner, f"{V2}Integration") if each.ref == reference), None)
    if found is None:
        reason = foreign(catalogue, owner, reference)
        raise Problem(at(route, "Target"), f"{target!r} is no integration of this API{reason}")
    return found


def foreign(catalogue: Catalogue, owner: Resource, reference: Any) -> str:
    """Why what is named so is no part of an API, after what says that; empty: nothing is named so."""
    named = next((each for _, each in catalogue.all if each.ref == reference), None)
    if named is None:
        return ""
    name = "RestApiId" if owner.type.startswith(V1) else "ApiId"
    its = named.properties.get(name)
    if its == owner.ref:
        return f": {named.logical_id} is of type {named.type}"
    if its is None:
        return f": {named.logical_id} has no {name}"
    meant = f"; did you mean !Ref {its}?" if its == owner.logical_id else ""
    return f": {named.logical_id} has the {name} {its!r}{meant}"


def warn_of_access_logs(catalogue: Catalogue) -> None:
    """Say of which stages API Gateway refuses the format of access logs, which nobody writes here.

    Nothing is said of one that names nothing of a request: most are placeholders of parameters.
    [DOC] apigatewayv2-api:AccessLogSettings, [USR] aws/aws-cdk #22591: one of the two ids does
    """
    for stage in catalogue.of(f"{V2}Stage", f"{V1}Stage"):
        logs = next((each for name in _LOGS if isinstance(each := stage.properties.get(name), dict)), {})
        written = logs.get("Format")
        if isinstance(written, str) and _CONTEXT in written and _REQUEST_ID.search(written) is None:
            why = "its access log has neither $context.requestId nor $context.extendedRequestId"
            catalogue.warn(stage, f"API Gateway refuses it: {why}")
