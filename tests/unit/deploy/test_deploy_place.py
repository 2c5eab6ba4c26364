"""How those who connect to a stage on AWS find it."""

from typing import Any

import pytest

from deploy.errors import DeployError
from deploy.place import connected

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
