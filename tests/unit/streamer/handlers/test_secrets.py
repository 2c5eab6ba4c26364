"""Secrets of a deployed service."""

from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from streamer.errors import ConfigurationError
from streamer.handlers.secrets import load


@pytest.fixture
def vault() -> Any:
    client = botocore.session.get_session().create_client(
        "secretsmanager", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_every_named_secret_becomes_a_variable(vault: Stubber) -> None:
    environ = {"STREAMER_SECRETS": "JWT_SECRET,DATABASE_URL", "JWT_SECRET_ARN": "arn:1", "DATABASE_URL_ARN": "arn:2"}
    vault.add_response("get_secret_value", {"SecretString": "hush"}, {"SecretId": "arn:1"})
    vault.add_response("get_secret_value", {"SecretString": "db"}, {"SecretId": "arn:2"})

    load(environ, lambda service: vault.client)

    assert (environ["JWT_SECRET"], environ["DATABASE_URL"]) == ("hush", "db")


def test_a_value_that_is_there_is_not_fetched_again(vault: Stubber) -> None:
    environ = {"STREAMER_SECRETS": "JWT_SECRET", "JWT_SECRET": "known"}

    load(environ, lambda service: vault.client)

    assert environ["JWT_SECRET"] == "known"


def test_a_refusal_names_the_variable_and_never_a_value(vault: Stubber) -> None:
    vault.add_client_error("get_secret_value", "AccessDeniedException", "details of the account")

    with pytest.raises(ConfigurationError, match=r"for JWT_SECRET cannot be read: AccessDeniedException") as refused:
        load({"STREAMER_SECRETS": "JWT_SECRET", "JWT_SECRET_ARN": "arn:1"}, lambda service: vault.client)

    assert "details" not in str(refused.value)


def test_a_binary_secret_is_refused(vault: Stubber) -> None:
    vault.add_response("get_secret_value", {"SecretBinary": b"x"})

    with pytest.raises(ConfigurationError, match="must be text"):
        load({"STREAMER_SECRETS": "A", "A_ARN": "arn:1"}, lambda service: vault.client)
