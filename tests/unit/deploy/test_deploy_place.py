"""How those who connect to a stage on AWS find it."""

from pathlib import Path
from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.place import asks_for_signatures, connected, signer

OUTPUTS = {"WebSocketUrl": "wss://x/dev", "JwtSecretArn": "arn:secret"}


class Vault:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_secret_value(self, **said: str) -> dict[str, Any]:
        self.asked.append(said["SecretId"])
        return {"SecretString": "s" * 32}


@pytest.mark.parametrize(
    ("outputs", "signs", "secret", "asked"),
    [
        pytest.param(OUTPUTS, True, "s" * 32, ["arn:secret"], id="a token is made"),
        pytest.param(OUTPUTS, False, None, [], id="a token is given"),
        pytest.param({"WebSocketUrl": "wss://x/dev"}, True, None, [], id="others sign"),
    ],
)
def test_the_secret_is_read_only_where_a_token_is_made(
    outputs: dict[str, str], secret: str | None, asked: list[str], *, signs: bool
) -> None:
    vault = Vault()

    found = connected(outputs, lambda service: vault, "dev", signs=signs)

    assert (found.url, found.secret, vault.asked) == ("wss://x/dev", secret, asked)
    assert "s" * 32 not in repr(found)


def test_a_stage_without_an_address_is_said() -> None:
    with pytest.raises(DeployError, match="no address yet"):
        connected({}, lambda service: Vault(), "dev", signs=True)


@pytest.mark.parametrize(
    ("routes", "signed"),
    [
        pytest.param({"$connect": "AWS_IAM", "$default": "NONE"}, True, id="IAM"),
        pytest.param({"$connect": "NONE"}, False, id="tokens"),
        pytest.param({"$connect": "CUSTOM"}, False, id="an authorizer"),
        pytest.param({}, False, id="no route"),
    ],
)
def test_the_template_says_whether_signatures_are_asked_for(routes: dict[str, str], *, signed: bool) -> None:
    resources = {
        f"Route{n}": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"RouteKey": key, "AuthorizationType": kind}}
        for n, (key, kind) in enumerate(routes.items())
    }

    assert asks_for_signatures({"Resources": {**resources, "Queue": {"Type": "AWS::SQS::Queue"}}}) is signed


@pytest.mark.parametrize(
    ("url", "region"),
    [
        pytest.param("wss://api1.execute-api.eu-west-1.amazonaws.com/prod", "eu-west-1", id="the address tells"),
        pytest.param("wss://ws.example.com/chat", "us-west-2", id="a domain: the configuration"),
    ],
)
def test_handshakes_are_signed_for_the_region_of_the_api(
    url: str, region: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")

    headers = {name.lower(): value for name, value in signer(tmp_path, url)(url).items()}

    assert f"/{region}/execute-api/aws4_request" in headers["authorization"]
