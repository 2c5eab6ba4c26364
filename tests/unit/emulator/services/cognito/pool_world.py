"""A directory of user pools whose functions are scripted, whose chance is seeded and whose time stands still."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from emulator.services.cognito.directory import Directory
from emulator.services.cognito.triggers import Sent, Trigger

NOW = 1_800_000_000.0
PASSWORD = "Passw0rd!"
FLOWS = (
    *("ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"),
    "ALLOW_CUSTOM_AUTH",
)
Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class PlainKeys:
    """Tokens that anybody can read."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        return json.dumps(claims)

    def read(self, token: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(token)
        return found


class PoolWorld:
    """One pool with one client."""

    def __init__(self, *, client: Mapping[str, Any] | None = None, **settings: Any) -> None:
        self.directory = Directory("eu-west-1", "123456789012", keys=PlainKeys(), randomness=random.Random(7))
        self.answers: dict[str, Answer] = {}
        self.events: list[Mapping[str, Any]] = []
        self.sent: list[Sent] = []
        self.now = NOW
        self.pool = self.do("CreateUserPool", PoolName="pool", **settings)["UserPool"]["Id"]
        made = {"ClientName": "web", "ExplicitAuthFlows": FLOWS, **(client or {})}
        found = self.do("CreateUserPoolClient", UserPoolId=self.pool, **made)["UserPoolClient"]
        self.client, self.secret = found["ClientId"], found.get("ClientSecret")

    def do(self, operation: str, **parameters: Any) -> Any:
        """The answer to an operation."""
        steps = self.directory.perform(operation, parameters, now=self.now)
        assert steps is not None, operation
        answer: Any = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                return end.value
            answer = None
            if isinstance(step, Trigger):
                self.events.append(step.event)
                said = self.answers.get(step.name)
                answer = step.event["response"] if said is None else said(step.event)
            else:
                self.sent.append(step)

    def sign_up(self, name: str = "ann", **attributes: str) -> Any:
        listed = [{"Name": key, "Value": value} for key, value in attributes.items()]
        return self.do("SignUp", ClientId=self.client, Username=name, Password=PASSWORD, UserAttributes=listed)

    def confirmed(self, name: str = "ann", **attributes: str) -> None:
        self.sign_up(name, **attributes)
        self.do("AdminConfirmSignUp", UserPoolId=self.pool, Username=name)

    def sign_in(self, name: str = "ann", password: str = PASSWORD, **more: Any) -> Any:
        said = {"USERNAME": name, "PASSWORD": password}
        return self.do("InitiateAuth", ClientId=self.client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=said, **more)

    def claims(self, name: str = "ann") -> tuple[Any, Any]:
        """Of the identity and the access token after a sign-in."""
        found = self.sign_in(name)["AuthenticationResult"]
        return json.loads(found["IdToken"]), json.loads(found["AccessToken"])


def attributes(found: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of an answer."""
    listed = found.get("UserAttributes") or found.get("Attributes") or ()
    return {each["Name"]: each["Value"] for each in listed}
