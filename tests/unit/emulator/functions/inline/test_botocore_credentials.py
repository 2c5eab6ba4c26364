"""What is used inside botocore to let shared clients sign as the function that uses them."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.session import Session

from emulator.functions.inline.botocore_credentials import know, sign_as
from emulator.iam.keys import Keys

FIRST, SECOND, OWNER = (
    Keys(access_key_id=name, secret_access_key=f"{name}-secret", session_token=f"{name}-token")
    for name in ("ASIAFIRST", "ASIASECOND", "AKIAOWNER")
)


class Body:
    """Of an empty answer."""

    def stream(self) -> Iterator[bytes]:
        yield b"{}"


def test_a_client_asks_its_credentials_for_a_frozen_copy_whenever_it_signs() -> None:
    current = [FIRST]
    signed: list[Any] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        """Instead of sending it."""
        signed.append(request.headers)
        return AWSResponse("http://127.0.0.1:1", 200, {}, Body())

    session = Session()
    session.set_credentials(FIRST.access_key_id, FIRST.secret_access_key, FIRST.session_token)
    client = session.create_client("dynamodb", "us-east-1", endpoint_url="http://127.0.0.1:1")
    client.meta.events.register("before-send", answer)
    know(FIRST.access_key_id)
    know(SECOND.access_key_id)
    end = sign_as(OWNER, lambda: current[0])
    try:
        for keys in (SECOND, FIRST, SECOND):
            current[0] = keys
            client.list_tables()
    finally:
        end()
    client.list_tables()

    ids = [str(headers["Authorization"]).split("Credential=")[1].split("/")[0] for headers in signed]
    assert ids == ["ASIASECOND", "ASIAFIRST", "ASIASECOND", "ASIAFIRST"]


def test_a_frozen_copy_has_a_key_its_secret_and_a_token() -> None:
    frozen = ReadOnlyCredentials("key", "secret", "token")

    assert (frozen.access_key, frozen.secret_key, frozen.token) == ("key", "secret", "token")
    request = AWSRequest("GET", "http://127.0.0.1/", headers={})
    SigV4Auth(frozen, "dynamodb", "us-east-1").add_auth(request)
    assert request.headers["X-Amz-Security-Token"] == "token"


def test_a_session_of_the_emulator_before_signs_as_the_function_of_this_one() -> None:
    know(FIRST.access_key_id)
    sign_as(OWNER, lambda: FIRST)()
    kept = Credentials(FIRST.access_key_id, "secret")

    know(SECOND.access_key_id)
    end = sign_as(OWNER, lambda: SECOND)
    try:
        assert kept.get_frozen_credentials().access_key == SECOND.access_key_id
    finally:
        end()


def test_credentials_of_nobody_known_here_are_left_alone_and_all_are_in_the_end() -> None:
    before = Credentials.get_frozen_credentials
    know(FIRST.access_key_id)
    end = sign_as(OWNER, lambda: SECOND)
    stranger = Credentials("AKIASTRANGER", "secret").get_frozen_credentials()
    exchanged = Credentials("ASIAFIRST", "secret").get_frozen_credentials()
    end()

    assert stranger.access_key == "AKIASTRANGER"
    assert exchanged == ReadOnlyCredentials("ASIASECOND", "ASIASECOND-secret", "ASIASECOND-token")
    assert Credentials.get_frozen_credentials is before


@pytest.mark.parametrize(
    ("key", "method", "running", "signs_as"),
    [
        pytest.param("AKIABEFORE", "env", FIRST, "ASIAFIRST", id="found in the environment before, in a function"),
        pytest.param("AKIABEFORE", "shared-credentials-file", FIRST, "ASIAFIRST", id="found in a file, in a function"),
        pytest.param("AKIABEFORE", "env", None, "AKIABEFORE", id="found in the environment, in a test"),
        pytest.param("AKIANAMED", "explicit", FIRST, "AKIANAMED", id="named by code, in a function"),
        pytest.param("ASIAFIRST", "env", None, "AKIAOWNER", id="a function's, in a test"),
    ],
)
def test_what_botocore_found_by_itself_is_the_functions_while_it_runs(
    key: str, method: str, running: Keys | None, signs_as: str
) -> None:
    know(FIRST.access_key_id)
    end = sign_as(OWNER, lambda: running)
    try:
        assert Credentials(key, "secret", method=method).get_frozen_credentials().access_key == signs_as
    finally:
        end()
