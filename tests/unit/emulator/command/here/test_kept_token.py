"""A developer's token is kept between commands, for the same secret and the same user, while it is good for an hour."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from emulator.command.here.identity import Identity
from emulator.command.here.kept_token import FILE, LEAST_SECONDS, LIFE_SECONDS, kept_token

NOW = 1_700_000_000.0
SECRET = "s" * 32
ADA = Identity(user="ada", tenant="acme", permissions=("reports",))


class Maker:
    """Makes tokens that can be told apart."""

    def __init__(self) -> None:
        self.made: list[float] = []

    def __call__(self, seconds: float) -> str:
        self.made.append(seconds)
        return f"token-{len(self.made)}"


@pytest.fixture
def make() -> Maker:
    return Maker()


def test_the_first_command_makes_a_token_and_keeps_it_for_nobody_else_to_read(tmp_path: Path, make: Maker) -> None:
    assert kept_token(tmp_path, SECRET, ADA, {}, make=make, now=NOW) == "token-1"

    assert make.made == [LIFE_SECONDS]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) & 0o077 == 0
    assert SECRET not in (tmp_path / FILE).read_text()


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param(0.0, "token-1", id="at once"),
        pytest.param(LIFE_SECONDS - LEAST_SECONDS, "token-1", id="good for just an hour"),
        pytest.param(LIFE_SECONDS - LEAST_SECONDS + 1, "token-2", id="good for less"),
        pytest.param(LIFE_SECONDS + 1, "token-2", id="expired"),
        pytest.param(-1.0, "token-2", id="made later than now"),
    ],
)
def test_another_command_gets_the_same_while_it_is_good_for_an_hour(
    tmp_path: Path, make: Maker, later: float, expected: str
) -> None:
    kept_token(tmp_path, SECRET, ADA, {}, make=make, now=NOW)

    assert kept_token(tmp_path, SECRET, ADA, {}, make=make, now=NOW + later) == expected


@pytest.mark.parametrize(
    ("secret", "who"),
    [
        pytest.param("t" * 32, ADA, id="another secret"),
        pytest.param(SECRET, Identity(user="bob", tenant="acme", permissions=("reports",)), id="another user"),
        pytest.param(SECRET, Identity(user="ada", tenant="other", permissions=("reports",)), id="another tenant"),
        pytest.param(SECRET, Identity(user="ada", tenant="acme", permissions=()), id="other permissions"),
    ],
)
def test_others_get_a_token_of_their_own(tmp_path: Path, make: Maker, secret: str, who: Identity) -> None:
    kept_token(tmp_path, SECRET, ADA, {}, make=make, now=NOW)

    assert kept_token(tmp_path, secret, who, {}, make=make, now=NOW) == "token-2"


def test_a_service_that_wants_other_claims_gets_a_token_of_its_own(tmp_path: Path, make: Maker) -> None:
    kept_token(tmp_path, SECRET, ADA, {}, make=make, now=NOW)

    assert kept_token(tmp_path, SECRET, ADA, {"JWT_ISSUER": "us"}, make=make, now=NOW) == "token-2"
    assert kept_token(tmp_path, SECRET, ADA, {"JWT_ISSUER": "us"}, make=make, now=NOW) == "token-2"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("[]", id="no object"),
        pytest.param('{"for": "x", "expires": 1, "token": "evil"}', id="of somebody who does not know the secret"),
        pytest.param("[" * 100_000, id="deeply nested"),
    ],
)
def test_what_others_put_there_is_replaced(tmp_path: Path, make: Maker, content: str) -> None:
    (tmp_path / FILE).write_text(content)

    assert kept_token(tmp_path, SECRET, ADA, {}, make=make, now=NOW) == "token-1"
    assert json.loads((tmp_path / FILE).read_text())["token"] == "token-1"


def test_nothing_is_kept_where_streamer_keeps_nothing(tmp_path: Path, make: Maker) -> None:
    folder = tmp_path / ".streamer"

    assert kept_token(folder, SECRET, ADA, {}, make=make, now=NOW) == "token-1"
    assert not folder.exists()
