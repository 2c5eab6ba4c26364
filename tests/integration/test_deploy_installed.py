"""What an installer leaves in its folder, and what of that is packed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import BundleError
from deploy.package.bundle import File
from deploy.package.dependencies import Dependencies
from deploy.package.installer import Installer
from deploy.package.requirements import resolve

ABOUT = "lib-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: Lib\nVersion: 1.0\n"


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Installer]:
    """Makes an installer that puts these files where it is told to, and says with what options."""

    def made(files: dict[str, str] | None = None, *, says: str = "") -> Installer:
        source, program = tmp_path / "source", tmp_path / "installer"
        for name, text in ({f"{ABOUT}/METADATA": METADATA} | files if files is not None else {}).items():
            place = source / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            place.chmod(0o755 if text.startswith("#!") else 0o644)
        lines = [
            f"echo $* >> {tmp_path}/asked",
            'while [ "$1" != --target ]; do shift; done',
            f'[ ! -d {source} ] || cp -pR {source} "$2"',
            f"{says}",
        ]
        program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        program.chmod(0o755)
        return Installer("uv", str(program))

    return made


def resolved(installer: Installer, **wanted: Any) -> dict[str, File]:
    wish = Dependencies(source="requirements.txt", **({"lines": ("lib",)} | wanted))
    return resolve(wish, python="3.13", architecture="arm64", folder=Path(), installer=installer)


def record(*names: str) -> dict[str, str]:
    return {f"{ABOUT}/RECORD": "\n".join(f"{name},," for name in (f"{ABOUT}/METADATA", *names))}


def test_what_an_installer_put_there_is_packed_as_far_as_a_record_names_it(put: Callable[..., Installer]) -> None:
    files = {"lib/one.py": "#!python", "lib/run": "#!/bin/sh", "lib/words.txt": "x", "lib/one.pyi": "", ".lock": "x"}

    found = resolved(put({**files, **record(*(name for name in files if name != ".lock"), "lib/gone.pyc")}))

    assert {name: (file.part, file.is_executable) for name, file in found.items()} == {
        f"{ABOUT}/METADATA": ("lib", False),
        "lib/one.py": ("lib", False),
        "lib/run": ("lib", True),
        "lib/words.txt": ("lib", False),
    }


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        pytest.param({}, "lib is broken: its wheel does not say what is in it", id="no record"),
        pytest.param(
            {f"{ABOUT}/METADATA": "Metadata-Version: 2.1\n", **record()},
            "a requirement is broken: its wheel does not say what is in it",
            id="no name",
        ),
        pytest.param(record("lib/gone.py"), r"lib is broken: its wheel lacks lib/gone\.py; install it", id="half"),
        pytest.param(
            {
                **record(),
                f"{ABOUT}/WHEEL": "Tag: cp313-cp313-manylinux_2_28_aarch64\n",
                f"{ABOUT}/direct_url.json": '{"url": "https://example.com/lib.tar.gz#x.whl"}',
            },
            "lib has native code for cp313-cp313-manylinux_2_28_aarch64, which this machine built",
            id="built here, on a machine like Lambda's",
        ),
    ],
)
def test_what_an_installer_put_there_and_is_not_whole_or_lambdas_is_refused(
    put: Callable[..., Installer], files: dict[str, str], complaint: str
) -> None:
    with pytest.raises(BundleError, match=f"^{complaint}"):
        resolved(put(files))


@pytest.mark.parametrize(
    "about",
    [
        pytest.param({"WHEEL": "Tag: cp313-cp313-manylinux_2_28_aarch64\n"}, id="of an index"),
        pytest.param(
            {
                "WHEEL": "Tag: cp313-cp313-manylinux_2_28_aarch64\n",
                "direct_url.json": '{"url": "https://example.com/lib.whl#sha256=1"}',
            },
            id="a wheel from elsewhere",
        ),
        pytest.param(
            {"WHEEL": "Tag: py3-none-any\n", "direct_url.json": '{"url": "git+https://x"}'}, id="pure, of git"
        ),
    ],
)
def test_what_was_built_for_lambda_or_for_anything_is_packed(
    put: Callable[..., Installer], about: dict[str, str]
) -> None:
    files = {**record("lib.py"), "lib.py": "", **{f"{ABOUT}/{name}": text for name, text in about.items()}}

    assert set(resolved(put(files))) == {"lib.py", f"{ABOUT}/METADATA"}


def test_what_an_index_has_is_public_whatever_it_looks_like(put: Callable[..., Installer]) -> None:
    files = {"lib/prod.env": "x", "lib/keys.py": "\n" + "npm" + "_q7Wz0RkT5mYb3XcV9nHs1LdF8gJp6ZtG2xKv"}

    assert files.keys() < resolved(put({**files, **record(*files)})).keys()


@pytest.mark.parametrize(
    ("says", "complaint"),
    [
        pytest.param("echo 'error: no such thing' >&2; exit 2", "no such thing", id="what it says"),
        pytest.param("exit 1", "it said nothing", id="nothing"),
    ],
)
def test_an_installer_that_fails_is_told_in_its_words(put: Callable[..., Installer], says: str, complaint: str) -> None:
    with pytest.raises(BundleError, match=f"for Python 3.13 on arm64: {complaint}$"):
        resolved(put(says=says))


def test_without_requirements_no_installer_is_asked_and_one_that_needs_to_do_nothing_brings_nothing(
    put: Callable[..., Installer], tmp_path: Path
) -> None:
    installer = put()

    assert resolved(installer, lines=()) == {}
    assert not (tmp_path / "asked").exists()
    assert resolved(installer) == {}


@pytest.mark.parametrize(
    ("wanted", "rounds"),
    [
        pytest.param({"lines": ("a==1 --hash=sha256:1", "b @ git+https://x"), "is_complete": True}, [True, False]),
        pytest.param({"lines": ("a==1 --hash=sha256:1",), "is_complete": True}, [True]),
        pytest.param({"lines": ("b @ git+https://x",), "is_complete": True}, [False]),
        pytest.param({"lines": ("a==1 --hash=sha256:1", "b==1 --hash=sha256:2")}, [True]),
        pytest.param({"lines": ("a", "b")}, [False]),
    ],
)
def test_what_has_hashes_is_asked_for_apart_in_a_lock(
    put: Callable[..., Installer], tmp_path: Path, wanted: dict[str, Any], rounds: list[bool]
) -> None:
    resolved(put(), **wanted)

    asked = (tmp_path / "asked").read_text().splitlines()
    assert ["--require-hashes" in each for each in asked] == rounds
    assert all(("--no-deps" in each) is wanted.get("is_complete", False) for each in asked)
