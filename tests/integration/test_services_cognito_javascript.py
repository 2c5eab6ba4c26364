"""User pools and the libraries of the browser's and Node.js's world: nothing in them knows of us."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import javascript_tools
import pytest

from emulator.services.calls import Call
from emulator.testing.thread import EmulatorThread
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Api, Function, Topology

pytestmark = pytest.mark.needs_node

POOL, CLIENT, PASSWORD = "us-east-1_forscripts", "clientscri", "Passw0rd!"
VERIFIER = """
    import { CognitoJwtVerifier } from "aws-jwt-verify";

    const { POOL: userPoolId, CLIENT: clientId } = process.env;
    const verifier = CognitoJwtVerifier.create({ userPoolId, tokenUse: "access", clientId });
    export const handler = async ({ token }) => {
      try { return (await verifier.verify(token)).username; } catch (error) { return error.message; }
    };
"""
SIGN_IN = """
    import cognito from "amazon-cognito-identity-js";

    const [endpoint, UserPoolId, ClientId, Password] = process.argv.slice(2);
    const Pool = new cognito.CognitoUserPool({ UserPoolId, ClientId, endpoint });
    const user = new cognito.CognitoUser({ Username: "ann", Pool });
    user.authenticateUser(new cognito.AuthenticationDetails({ Username: "ann", Password }), {
      onSuccess: (session) => console.log(JSON.stringify({ token: session.getAccessToken().getJwtToken() })),
      onFailure: (error) => console.log(JSON.stringify({ error: error.code })),
    });
"""


def call(operation: str, **parameters: Any) -> Call:
    return Call(service="cognito-idp", operation=operation, parameters=parameters, resource="Users")


CALLS = (
    call("CreateUserPool", PoolName="scripts", UserPoolId=POOL),
    call("CreateUserPoolClient", UserPoolId=POOL, ClientName="web", ClientId=CLIENT),
    call("AdminCreateUser", UserPoolId=POOL, Username="ann", MessageAction="SUPPRESS"),
    call("AdminSetUserPassword", UserPoolId=POOL, Username="ann", Password=PASSWORD, Permanent=True),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with both libraries."""
    made = tmp_path_factory.mktemp("scripts")
    javascript_tools.install(made, "amazon-cognito-identity-js@6", "aws-jwt-verify@5")
    (made / "index.mjs").write_text(textwrap.dedent(VERIFIER))
    (made / "sign_in.mjs").write_text(textwrap.dedent(SIGN_IN))
    return made


@pytest.fixture(scope="module")
def emulator(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorThread]:
    environment = {"POOL": POOL, "CLIENT": CLIENT}
    function = Function(
        name="verifier", handler="index.handler", runtime="nodejs20.x", environment=environment, timeout_seconds=30
    )
    config = EmulatorConfig(
        project_folder=folder, state_folder=tmp_path_factory.mktemp("state"), services=CALLS, aws_domain=True
    )
    with EmulatorThread(Topology(api=Api(name="scripts", routes=()), functions=(function,)), config) as running:
        yield running


def signed_in(emulator: EmulatorThread, folder: Path, password: str) -> dict[str, str]:
    """What a page gets that signs a user in without sending the password."""
    url = str(emulator.aws("lambda")["endpoint_url"])
    done = subprocess.run(
        [javascript_tools.node(), "sign_in.mjs", url, POOL, CLIENT, password],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_a_page_signs_in_and_a_function_verifies_its_token(emulator: EmulatorThread, folder: Path) -> None:
    token = signed_in(emulator, folder, PASSWORD)["token"]
    lambda_ = boto3.client("lambda", **emulator.aws("lambda"))

    def verified(given: str) -> Any:
        asked = json.dumps({"token": given})
        return json.loads(lambda_.invoke(FunctionName="verifier", Payload=asked)["Payload"].read())

    assert verified(token) == "ann"
    assert verified(f"{token[:-6]}AAAAAA") == "Invalid signature"


def test_a_wrong_password_signs_nobody_in(emulator: EmulatorThread, folder: Path) -> None:
    assert signed_in(emulator, folder, "Wr0ng-password") == {"error": "NotAuthorizedException"}
