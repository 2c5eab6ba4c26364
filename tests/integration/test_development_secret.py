"""The development secret: one per folder, private, and the same for everyone who asks at once."""

from __future__ import annotations

import errno
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator.command.here.development_secret import FILE, development_secret, state_folder
from streamer.errors import ConfigurationError
from streamer.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "project" / ".streamer"


def test_it_is_made_once_and_kept(folder: Path) -> None:
    first, second = development_secret(folder), development_secret(folder)

    assert first.value == second.value
    assert (first.is_new, second.is_new) == (True, False)


def test_it_is_long_enough_even_for_production(folder: Path) -> None:
    environ = {"JWT_SECRET": development_secret(folder).value, "STREAMER_ENV": "production"}

    assert Settings.from_environ(environ).jwt_secret


def test_only_its_owner_can_read_it(folder: Path) -> None:
    development_secret(folder)

    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_that_others_can_read_is_closed_to_them(folder: Path) -> None:
    development_secret(folder)
    (folder / FILE).chmod(0o644)
    development_secret(folder)

    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


def test_git_ignores_the_folder_by_itself(folder: Path) -> None:
    development_secret(folder)

    assert "*" in (folder / ".gitignore").read_text("ascii").splitlines()


def test_an_own_gitignore_is_left_alone(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / ".gitignore").write_text("mine\n", "ascii")
    development_secret(folder)

    assert (folder / ".gitignore").read_text("ascii") == "mine\n"


def test_many_at_once_get_the_same_one_and_nothing_else_is_left(folder: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: development_secret(folder), range(64)))

    assert len({secret.value for secret in found}) == 1
    assert sum(secret.is_new for secret in found) == 1
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", FILE]


def test_it_does_not_show_in_a_repr(folder: Path) -> None:
    secret = development_secret(folder)

    assert secret.value not in repr(secret)


@pytest.mark.parametrize("content", ["", "short\n"])
def test_a_file_that_holds_no_secret_says_what_to_do(folder: Path, content: str) -> None:
    folder.mkdir(parents=True)
    (folder / FILE).write_text(content, "ascii")

    with pytest.raises(ConfigurationError, match="delete it"):
        development_secret(folder)


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="set JWT_SECRET instead"):
        development_secret(tmp_path / "file" / ".streamer")


def test_a_project_that_cannot_be_written_says_what_the_doctor_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_more: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)  # who runs the tests may be root, whom no mode refuses anything

    with pytest.raises(ConfigurationError, match=f"denied; make {tmp_path} writable for you; .*certificates"):
        state_folder(tmp_path)


def test_a_file_that_is_not_text_says_what_to_do(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(b"\xff" * 64)

    with pytest.raises(ConfigurationError, match="set JWT_SECRET instead"):
        development_secret(folder)
