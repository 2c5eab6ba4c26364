"""Packages of this machine, and packages that are not what they should be."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deploy.errors import BundleError
from deploy.package.bundle import digest
from deploy.package.dependencies import Dependencies, requirements
from deploy.package.installer import Installer, installers
from deploy.package.requirements import require_loadable, resolve

BACKEND = """
import zipfile, pathlib, time

def build_wheel(folder, config_settings=None, metadata_directory=None):
    tag, info = TAG, "lib-1.0.dist-info"
    tops = map(pathlib.Path, ("lib", "build", "dist"))  # as setuptools takes in what an earlier build left
    files = {path.as_posix(): path.read_text() for top in tops for path in sorted(top.rglob("*")) if path.is_file()}
    files[f"{info}/METADATA"] = "Metadata-Version: 2.1\\nName: lib\\nVersion: 1.0\\n"
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\\nGenerator: {time.time()}\\nRoot-Is-Purelib: true\\nTag: {tag}\\n"
    files[f"{info}/entry_points.txt"] = "[console_scripts]\\nlib = lib:main\\n"
    record = "\\n".join([*(f"{name},," for name in files), f"{info}/RECORD,,"])
    with zipfile.ZipFile(pathlib.Path(folder, f"lib-1.0-{tag}.whl"), "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return f"lib-1.0-{tag}.whl"
"""


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(params=["pip", "uv"])
def installer(request: pytest.FixtureRequest) -> Installer:
    found = next((each for each in installers() if each.kind == request.param), None)
    if found is None:
        pytest.skip(f"no {request.param} here")
    return found


def package(folder: Path, *, tag: str = "py3-none-any", **files: str) -> Path:
    (folder / "lib").mkdir(parents=True)
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (folder / "pyproject.toml").write_text(f'{system}[project]\nname = "lib"\nversion = "1.0"\n')
    (folder / "backend.py").write_text(BACKEND.replace("TAG", repr(tag), 1))
    (folder / "lib" / "__init__.py").write_text("NAME = 'lib'\n")
    (folder / "lib" / "words.txt").write_text("data")
    for name, text in files.items():
        (folder / "lib" / name).write_text(text)
    return folder


def built(folder: Path, **files: str) -> str:
    """A wheel of such a package, without an installer, as a line of requirements."""
    source = package(folder / "src", **files)
    backend: dict[str, Any] = {}
    exec((source / "backend.py").read_text(), backend)
    with contextlib.chdir(source):
        return f"./{backend['build_wheel'](folder)}"


def resolved(folder: Path, line: str, installer: Installer) -> dict[str, object]:
    (folder / "requirements.txt").write_text(line)
    wanted = requirements(folder / "requirements.txt")
    return dict(resolve(wanted, python="3.13", architecture="arm64", folder=folder, installer=installer))


def committed(folder: Path) -> None:
    """Make a repository of a package, so that it can come from git."""
    git = ["git", "-C", str(folder), "-c", "user.name=ada", "-c", "user.email=ada@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "lib"]):
        subprocess.run([*git, *command], check=True)


PACKED = {"lib/__init__.py", "lib/words.txt", "lib-1.0.dist-info/METADATA", "lib-1.0.dist-info/entry_points.txt"}


@pytest.mark.parametrize("line", ["-e ./src", "./src", "lib @ file://{folder}/src"])
def test_a_local_package_is_packed_whole_and_without_a_path_of_this_machine(
    tmp_path: Path, installer: Installer, line: str
) -> None:
    package(tmp_path / "src")

    files = resolved(tmp_path, line.format(folder=tmp_path), installer)

    assert set(files) == PACKED
    assert {path.name for path in (tmp_path / "src").iterdir()} == {"pyproject.toml", "backend.py", "lib"}


def test_what_a_build_left_is_not_packed_and_what_a_package_calls_so_is(tmp_path: Path, installer: Installer) -> None:
    source = package(tmp_path / "src")
    for name in ("build/lib/gone.py", "dist/old.py", "lib/build/__init__.py", "lib/dist/page.html"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("")

    files = resolved(tmp_path, "-e ./src", installer)

    assert set(files) == PACKED | {"lib/build/__init__.py", "lib/dist/page.html"}


def test_what_programs_wait_at_in_the_folder_of_a_package_is_none_of_it(tmp_path: Path, installer: Installer) -> None:
    source = package(tmp_path / "src")
    os.mkfifo(source / "pipe")

    assert set(resolved(tmp_path, "-e ./src", installer)) == PACKED


def test_installers_pack_a_local_package_alike_each_time(tmp_path: Path) -> None:
    package(tmp_path / "src")
    first, *_ = available = list(installers())

    packed = {digest(resolved(tmp_path, "-e ./src", each)) for each in (first, *available)}  # type: ignore[arg-type]

    assert len(packed) == 1


def test_a_local_package_with_native_code_is_refused_in_one_line(tmp_path: Path, installer: Installer) -> None:
    package(tmp_path / "src", tag="cp311-cp311-linux_x86_64")

    with pytest.raises(BundleError, match="has native code") as refused:
        resolved(tmp_path, "-e ./src", installer)

    assert "\n" not in str(refused.value)


def test_native_code_that_comes_from_git_is_refused_for_it_would_be_built_here(
    tmp_path: Path, installer: Installer
) -> None:
    source = package(tmp_path / "src", tag="cp313-cp313-linux_aarch64")
    committed(source)

    with pytest.raises(BundleError) as refused:
        resolved(tmp_path, f"lib @ git+file://localhost{source}", installer)

    assert "\n" not in str(refused.value)
    assert installer.kind == "uv" or "this machine built for itself and not for Python 3.13 on arm64" in str(
        refused.value
    )


def test_what_a_lock_takes_from_git_joins_a_namespace_that_has_hashes(tmp_path: Path, installer: Installer) -> None:
    wheel = built(tmp_path, **{"one.py": "1"}).removeprefix("./")
    digest_of = hashlib.sha256((tmp_path / wheel).read_bytes()).hexdigest()
    source = package(tmp_path / "other", **{"two.py": "2"})
    backend = (source / "backend.py").read_text().replace("lib-1.0", "other-1.0").replace("Name: lib", "Name: other")
    (source / "backend.py").write_text(backend)
    (source / "pyproject.toml").write_text((source / "pyproject.toml").read_text().replace('"lib"', '"other"'))
    committed(source)
    lines = (
        f"lib @ {(tmp_path / wheel).as_uri()} --hash=sha256:{digest_of}",
        f"other @ git+file://localhost{source}",
    )

    wanted = Dependencies(source="uv.lock", lines=lines, is_complete=True)
    files = resolve(wanted, python="3.13", architecture="arm64", folder=tmp_path, installer=installer)

    assert {"lib/one.py", "lib/two.py"} <= set(files)


@pytest.mark.parametrize(
    ("tag", "is_loaded"),
    [
        pytest.param("py3-none-any", True, id="pure"),
        pytest.param("cp313-cp313-manylinux_2_28_aarch64", True, id="Lambda's"),
        pytest.param("cp38-abi3-manylinux2014_aarch64", True, id="of several Pythons"),
        pytest.param("cp311-cp311-linux_aarch64", False, id="another Python's"),
        pytest.param("cp313-cp313-macosx_14_0_arm64", False, id="a Mac's"),
    ],
)
def test_a_wheel_is_lambdas_also_where_the_requirements_have_it_built(
    tmp_path: Path, tag: str, is_loaded: bool
) -> None:
    (tmp_path / "lib-1.0.dist-info").mkdir()
    (tmp_path / "lib-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: lib\nVersion: 1.0\n")
    (tmp_path / "lib-1.0.dist-info" / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")

    with contextlib.nullcontext() if is_loaded else pytest.raises(BundleError, match="lib has native code for cp31"):
        require_loadable(tmp_path, "3.13", "arm64")


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        pytest.param({"prod.env": "x"}, r"would bring lib/prod\.env, a file of env", id="secret"),
        pytest.param(
            {"keys.py": "\n" + "npm" + "_q7Wz0RkT5mYb3XcV9nHs1LdF8gJp6ZtG2xKv"},
            r"would bring a token of npm in line 2 of lib/keys\.py",
            id="token",
        ),
    ],
)
def test_a_package_that_would_bring_a_secret_is_refused_in_one_line_whatever_installs_it(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    line = built(tmp_path, **files)

    with pytest.raises(BundleError, match=complaint) as refused:
        resolved(tmp_path, line, next(iter(installers())))

    assert "\n" not in str(refused.value)


def test_a_package_that_cannot_be_built_is_one_line(tmp_path: Path, installer: Installer) -> None:
    package(tmp_path / "src")
    (tmp_path / "src" / "backend.py").write_text("def build_wheel(*a, **k):\n    raise ValueError('no compiler')\n")

    with pytest.raises(BundleError, match="cannot be built as a package: ") as refused:
        resolved(tmp_path, "./src", installer)

    assert "\n" not in str(refused.value)
    shutil.rmtree(tmp_path / "src")
    (tmp_path / "src").mkdir()
    with pytest.raises(BundleError, match=r"is no package: it has neither pyproject\.toml nor setup\.py"):
        resolved(tmp_path, "./src", installer)


@pytest.mark.parametrize("what", ["no wheel at all", "half a wheel", "without what its record names"])
def test_a_broken_wheel_is_one_line(tmp_path: Path, installer: Installer, what: str) -> None:
    wheel = tmp_path / "lib-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("lib-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lib\nVersion: 1.0\n")
        archive.writestr("lib-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("lib.py", "x" * 1000)
        archive.writestr("lib-1.0.dist-info/RECORD", "lib.py,,\ngone.py,,\n")
    whole = {"no wheel at all": b"oops", "half a wheel": wheel.read_bytes()[:700]}
    wheel.write_bytes(whole.get(what, wheel.read_bytes()))

    if (installer.kind, what) == ("uv", "without what its record names"):
        pytest.skip("uv writes a record of what it found")
    with pytest.raises(BundleError) as refused:
        resolved(tmp_path, f"./{wheel.name}", installer)

    assert "\n" not in str(refused.value)
    assert "lib" in str(refused.value)
