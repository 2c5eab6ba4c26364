"""What a request is answered whose credentials were those of a session that is over. Pure.

[USR] guregu/dynamo #68 (DynamoDB), mapbox/ecs-watchbot #61 (SQS), cfn-sphere #55 (services that are asked by queries),
cloudquery/cq-provider-aws #1171 (Lambda). [DOC] s3-docs:ErrorResponses, ExpiredToken. [INF] for other JSON protocols.
"""

from __future__ import annotations

import json
from typing import Final

from ..port.http import HttpRequest, HttpResponse
from ..port.xml_errors import xml_error

ERROR: Final = "ExpiredTokenException"
MESSAGE: Final = "The security token included in the request is expired"
_SQS: Final = "AmazonSQS."


def expired(request: HttpRequest, service: str | None) -> HttpResponse:
    """The refusal of a request, in the form that the service's clients read; None: it is one of those embedded."""
    if service == "s3":
        return xml_error(service, "ExpiredToken", "The provided token has expired.", 400)
    target = request.fields.get("x-amz-target", "")
    if target:
        is_sqs = target.startswith(_SQS)
        content = {"__type": f"com.amazon.coral.service#{ERROR}", "message": MESSAGE}
        headers = (("content-type", "application/x-amz-json-1.0"), ("x-amzn-ErrorType", ERROR))
        compatible = (("x-amzn-query-error", "ExpiredToken;Sender"),) if is_sqs else ()
        return HttpResponse(403 if is_sqs else 400, json.dumps(content).encode(), (*headers, *compatible))
    if request.has_form:
        return xml_error(service, "ExpiredToken", MESSAGE, 403)
    return HttpResponse.of_json(403, {"message": MESSAGE}, ("x-amzn-ErrorType", ERROR))
