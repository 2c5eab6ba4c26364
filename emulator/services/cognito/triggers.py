"""Functions that a pool runs when users sign up or in, and the events that they get. Pure.

[DOC] cognito-docs:cognito-user-identity-pools-working-with-aws-lambda-triggers and the page of each trigger
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final

from msgspec import Struct

from .entities import Parameters, Pool, User

_TOKENS: Final = "TokenGeneration"


class Trigger(Struct, frozen=True, kw_only=True):
    """A function that is to be run; whoever does it sends its response back."""

    name: str
    """``PreSignUp``, ..."""
    function: str
    """Its ARN."""
    event: Mapping[str, Any]


class Sent(Struct, frozen=True, kw_only=True):
    """A code that a user would be sent by mail or text message."""

    pool: str
    to: str
    code: str
    purpose: str
    """What it is for, as the list of custom messages has it."""


Steps = Generator[Trigger | Sent, Any, Any]
"""An operation that may have functions run on its way; what it returns is its answer."""
Operation = Callable[[Parameters, float], Steps | Mapping[str, Any] | None]
"""What is done with parameters at a time (Unix seconds): steps, or an answer at once; None: an empty one."""


def function_of(pool: Pool, name: str) -> tuple[str, str] | None:
    """The ARN of the function behind a trigger, and the version of its events; None: there is none."""
    settings = pool.settings.get("LambdaConfig") or {}
    if name == "PreTokenGeneration":
        chosen = settings.get("PreTokenGenerationConfig") or {}
        if chosen.get("LambdaArn"):
            return str(chosen["LambdaArn"]), str(chosen.get("LambdaVersion", "V1_0"))[1:].partition("_")[0]
    found = settings.get(name)
    return None if not found else (str(found), "1")


def fire(
    pool: Pool,
    source: str,
    *,
    username: str,
    client_id: str | None,
    request: Mapping[str, Any],
    response: Mapping[str, Any],
) -> Steps:
    """Run the function behind a source such as ``PreSignUp_SignUp``, if there is one; answers its response."""
    name = source.partition("_")[0]
    name = f"Pre{name}" if name == _TOKENS else name
    found = function_of(pool, name)
    if found is None:
        return dict(response)
    function, version = found
    event = {
        "version": version,
        "triggerSource": source,
        "region": pool.arn.split(":")[3],
        "userPoolId": pool.id,
        "userName": username,
        "callerContext": {
            "awsSdkVersion": "aws-sdk-unknown-unknown",
            "clientId": client_id or "CLIENT_ID_NOT_APPLICABLE",
        },
        "request": dict(request),
        "response": dict(response),
    }
    answer = yield Trigger(name=name, function=function, event=event)
    return answer if isinstance(answer, dict) else {}


def is_set(pool: Pool, name: str) -> bool:
    """Whether a trigger has a function."""
    return function_of(pool, name) is not None


def message(
    whom: tuple[Pool, User], source: str, code: str, client_id: str | None, metadata: Mapping[str, Any]
) -> Steps:
    """Send a user a code; the pool's function may word the message, which nobody reads here."""
    pool, user = whom
    told = {"smsMessage": None, "emailMessage": None, "emailSubject": None}
    request = {
        "userAttributes": user.told(),
        "codeParameter": "{####}",
        "linkParameter": "{##Click Here##}",
        "usernameParameter": "{username}" if source.endswith("AdminCreateUser") else None,
        "clientMetadata": dict(metadata),
    }
    name = f"CustomMessage_{source}"
    yield from fire(pool, name, username=user.username, client_id=client_id, request=request, response=told)
    to = user.attributes.get("email") or user.attributes.get("phone_number") or user.username
    yield Sent(pool=pool.id, to=to, code=code, purpose=source)
    return None
