"""Requirements for Lambda's platform."""

import sys
from pathlib import Path

import pytest

from deploy.errors import BundleError
from deploy.package.requirements import (
    canonical,
    command,
    explain,
    installed_files,
    is_useful,
    requirement_lines,
)


def test_requirements_are_flattened_and_lose_streamer_itself(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "streamer_ws[pytest]>=0.1  # the emulator\n-r more/base.txt\n\nrequests==2.32 \\\n    --hash=sha256:abc\n# no\n"
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("orjson\n--requirement=deep.txt\n")
    (tmp_path / "more" / "deep.txt").write_text("a @ https://example.com/a-1.whl#sha256=1\n")

    lines = requirement_lines(tmp_path / "requirements.txt")

    assert [" ".join(line.split()) for line in lines] == [
        "orjson",
        "a @ https://example.com/a-1.whl#sha256=1",
        "requests==2.32 --hash=sha256:abc",
    ]


def test_a_missing_requirements_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"there is no requirements file .*nowhere\.txt"):
        requirement_lines(tmp_path / "nowhere.txt")


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        pytest.param("Flask_SQLAlchemy>=3", "flask-sqlalchemy", id="case and underscore"),
        pytest.param("a.b==1", "a-b", id="dot"),
        pytest.param("--index-url https://x", "", id="option"),
    ],
)
def test_canonical(requirement: str, expected: str) -> None:
    assert canonical(requirement) == expected


def test_pip_is_asked_for_both_platforms_and_for_wheels_only() -> None:
    made = command(python="3.13", architecture="arm64", target=Path("t"), listed=Path("r"), pip=True)

    assert made[:4] == [sys.executable, "-m", "pip", "install"]
    platforms = [made[i + 1] for i, word in enumerate(made) if word == "--platform"]
    assert platforms == ["manylinux2014_aarch64", "manylinux_2_28_aarch64"]
    assert made[made.index("--only-binary") + 1] == ":all:"
    assert made[made.index("--python-version") + 1] == "3.13"


def test_uv_serves_where_there_is_no_pip() -> None:
    made = command(python="3.12", architecture="x86_64", target=Path("t"), listed=Path("r"), pip=False)

    assert made[:3] == ["uv", "pip", "install"]
    assert made[made.index("--python-platform") + 1] == "x86_64-manylinux_2_28"


PIP = """ERROR: Could not find a version that satisfies the requirement nowheel==1.0 (from versions: none)
ERROR: No matching distribution found for nowheel==1.0"""
UV = """  x No solution found when resolving dependencies:
  `-> Because nowheel==1.0 has no usable wheels and building from source is disabled, we conclude"""


@pytest.mark.parametrize("output", [pytest.param(PIP, id="pip"), pytest.param(UV, id="uv")])
def test_a_requirement_without_a_wheel_is_one_clear_line(output: str) -> None:
    line = explain(output, python="3.13", architecture="arm64")

    assert line.startswith("there is no wheel of nowheel==1.0 for Python 3.13 on arm64; pin")
    assert "\n" not in line


def test_anything_else_keeps_the_installers_own_words() -> None:
    line = explain("noise\nERROR: Invalid requirement: '??'\nhint", python="3.13", architecture="arm64")

    assert line.endswith("Invalid requirement: '??'")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("jwt/api.py", True, id="module"),
        pytest.param("PyJWT-2.dist-info/METADATA", True, id="metadata"),
        pytest.param("PyJWT-2.dist-info/RECORD", False, id="record of this installation"),
        pytest.param("bin/tool", False, id="script"),
        pytest.param("jwt/__pycache__/api.cpython-311.pyc", False, id="bytecode of this machine"),
        pytest.param("../../../bin/tool", False, id="outside"),
    ],
)
def test_is_useful(path: str, expected: bool) -> None:
    assert is_useful(path) is expected


def test_what_the_runtime_needs_is_copied_from_here() -> None:
    files = installed_files("PyJWT")

    assert "jwt/__init__.py" in files
    assert {file.part for file in files.values()} == {"pyjwt"}
    assert not [name for name in files if name.endswith(".so")]


def test_a_broken_installation_is_named() -> None:
    with pytest.raises(BundleError, match="install streamer-ws again"):
        installed_files("no-such-distribution-of-ours")
