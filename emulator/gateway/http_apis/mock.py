"""What MOCK methods of REST APIs answer: CORS by templates, as Serverless, SAM and CDK write it. Pure.

[DOC] apigw-docs:how-to-mock-integration, apigateway-override-request-response-parameters
"""

from __future__ import annotations

from typing import Any

from streamer.topology.http_apis import FixedAnswer

from ..rules.effects import HttpAnswer
from ..vtl.api_gateway import Input, Util
from ..vtl.evaluation import render
from ..vtl.methods import shown
from .events import Asked, event_of
from .headers import own_headers, sendable


def mocked(asked: Asked, fixed: FixedAnswer) -> HttpAnswer:
    """The answer, with what its template sets.

    Raises:
        TemplateError: the template is wrong.
        MalformedError: a header cannot be sent.
    """
    overridden: dict[str, Any] = {"header": {}}
    names = {
        "input": Input(asked.body.decode("utf-8", "replace"), _parameters(asked)),
        "util": Util(),
        "context": {**event_of(asked)["requestContext"], "responseOverride": overridden},
        "stageVariables": dict(asked.api.stage_variables),
    }
    body = render(fixed.body, names).strip()
    said = {str(name): shown(value) for name, value in overridden["header"].items() if value is not None}
    lower = {name.lower() for name in said}
    headers = [(name, value) for name, value in fixed.headers.items() if name.lower() not in lower]
    status = overridden.get("status", fixed.status)
    return HttpAnswer(
        status if isinstance(status, int) and 200 <= status <= 599 else fixed.status,
        (*(sendable(*each) for each in (*headers, *said.items())), *own_headers(asked)),
        body.encode("utf-8", "replace"),
    )


def _parameters(asked: Asked) -> dict[str, dict[str, str]]:
    return {
        "path": dict(asked.match.parameters),
        "querystring": {name: values[-1] for name, values in asked.grouped_query.items()},
        "header": {name: values[-1] for name, values in asked.grouped},
    }
