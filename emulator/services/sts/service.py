"""STS as far as roles of the project go: who gets a session of one, and what it signs with.

[USR] aws/aws-sdk-js-v3 #6225: what whoever comes with a token is told that a role does not trust
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from ...iam.guard import Guard
from ...iam.sessions import DurationError
from ...port.elsewhere import operation_of, parameters_of
from ...port.http import HttpRequest, HttpResponse
from ..denials import denial, error
from . import assuming


def assumed(request: HttpRequest, guard: Guard) -> HttpResponse | None:
    """Credentials of a role that may be assumed; None: something else is asked, or of a role that is not known."""
    operation, parameters, now = operation_of(request), parameters_of(request), datetime.now(UTC)
    if operation not in assuming.OPERATIONS:
        return None
    from .federation import federated  # noqa: PLC0415 - for those who come with a token, and for no start

    try:
        by = None if operation == assuming.OPERATION else federated(operation, parameters, now.timestamp())
        named = parameters if by is None else {**parameters, **by.parameters}
        asked = assuming.assumption(named, with_policy=True, claims=() if by is None else by.facts)
        seconds = assuming.seconds_of(parameters, asked.session_name)
        if by is not None and not guard.trusts(asked, f"sts:{operation}", by.provider):
            return denial("sts", request, f"Not authorized to perform sts:{operation}")
        session = guard.assume(guard.caller(request) if by is None else None, asked, seconds)
    except DurationError as refused:
        return error("sts", request, "ValidationError", str(refused), 400)
    except assuming.RefusedError as refused:
        return error("sts", request, refused.code, str(refused), 400)
    if session is None:
        return None
    keys, of_role = session
    told = "" if by is None else by.told
    given = assuming.Given(of_role.user_arn, of_role.user_id, keys, now + timedelta(seconds=seconds), told)
    return assuming.answer(operation, given, request_id=str(uuid.uuid4()))
