"""What is told before a yes, and at the end: what changes, and how to connect."""

import pytest

from deploy.lines import changes, connecting

URL = "wss://a1.execute-api.eu-central-1.amazonaws.com/dev"
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:JwtSecretStore-abc"


@pytest.mark.parametrize(
    ("outputs", "has_tokens", "line"),
    [
        pytest.param({"WebSocketUrl": URL}, False, f'connect: wscat -c "{URL}"', id="plain handlers"),
        pytest.param(
            {"WebSocketUrl": URL, "JwtSecretArn": ARN},
            True,
            f'connect: wscat -c "{URL}?Authorization=$(streamer token --secret "$(aws secretsmanager get-secret-value '
            f'--region eu-central-1 --secret-id {ARN} --query SecretString --output text)")"',
            id="an App whose key the stack keeps",
        ),
        pytest.param(
            {"WebSocketUrl": URL},
            True,
            f'connect: wscat -c "{URL}?Authorization=$TOKEN", with a token of yours',
            id="an App with a public key",
        ),
    ],
)
def test_the_line_to_connect(outputs: dict[str, str], *, has_tokens: bool, line: str) -> None:
    assert connecting(outputs, "eu-central-1", has_tokens=has_tokens) == [line]


def test_without_an_address_there_is_nothing_to_connect_to() -> None:
    assert connecting({}, "eu-central-1", has_tokens=True) == []


def test_a_change_set_without_resources_is_told_as_what_it_is_since_outputs_and_the_like_may_change() -> None:
    assert changes(()) == ["no resource changes"]
