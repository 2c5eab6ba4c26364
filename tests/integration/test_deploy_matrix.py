"""One project, one bundle: whatever Python runs the tools, whichever installer is here, wherever needs are named.

The packages are small wheels in a folder, so no index is asked.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import packaging
import pathspec
import pytest

import deploy
from deploy.package.bytecode import interpreter
from deploy.package.dependencies import requirements
from deploy.package.installer import Installer, installers
from deploy.package.requirements import resolve

ROOT = Path(deploy.__file__).parent.parent
UV = shutil.which("uv")

WANTED = [
    'newer; python_version >= "3.13"',
    'older; python_version < "3.12"',
    'arm; platform_machine == "aarch64"',
    'intel; platform_machine == "x86_64"',
    'mac; sys_platform == "darwin"',
    "native[fast]",
]
EXPECTED = {"arm64": {"arm", "newer", "native", "speed", "deep"}, "x86_64": {"intel", "newer", "native", "speed"}}
"""What is packed; ``deep`` is wanted by ``native`` on arm64 alone."""

DRIVER = """
import json, pathlib, sys
from deploy.package.bundle import digest
from deploy.package.dependencies import dependencies
from deploy.package.installer import Installer, installers
from deploy.package.requirements import resolve
kind, program, folder, sources = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4:]
for source in sources:
    for architecture in ("arm64", "x86_64"):
        where = folder / source
        found = dependencies(None, [where], python="3.13", architecture=architecture)
        installer = Installer(kind, program)
        files = resolve(found, python="3.13", architecture=architecture, folder=where, installer=installer)
        parts = sorted({file.part for file in files.values()})
        native = files["native.py"].content.decode()
        print(json.dumps([source, architecture, parts, native, digest(files), sorted(files)]))
"""


def make_wheel(folder: Path, name: str, tag: str = "py3-none-any", *, source: str = "", requires: str = "") -> None:
    """A small wheel with a record, as installers want it."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": source or f"NAME = {name!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    rows = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index") / "wheels"
    for name in ("newer", "older", "arm", "intel", "mac", "speed", "deep"):
        make_wheel(folder, name)
    requires = "Provides-Extra: fast\nRequires-Dist: speed; extra == 'fast'\n"
    requires += "Requires-Dist: deep; platform_machine == 'aarch64' and python_version >= '3.12'\n"
    for tag in ("manylinux_2_28_aarch64", "manylinux2014_x86_64", "manylinux_2_39_aarch64", "macosx_11_0_arm64"):
        make_wheel(folder, "native", f"cp311-abi3-{tag}", source=f"TAG = {tag!r}\n", requires=requires)
    return folder


def pyproject(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    listed = ", ".join(json.dumps(each) for each in WANTED)
    text = f'[project]\nname = "chat"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{listed}]\n'
    (folder / "pyproject.toml").write_text(text)
    return folder


def poetry_lock(wheels: Path) -> str:
    """As Poetry 2 writes it."""
    lines: list[str] = []
    for name in ("newer", "older", "arm", "intel", "mac", "speed", "deep", "native"):
        found = sorted(wheels.glob(f"{name}-*.whl"))
        hashes = [f'{{file = "{p.name}", hash = "sha256:{hashlib.sha256(p.read_bytes()).hexdigest()}"}}' for p in found]
        lines += ["[[package]]", f'name = "{name}"', 'version = "1.0"', "optional = false", 'groups = ["main"]']
        lines += [f"files = [{', '.join(hashes)}]", ""]
        if name == "native":
            marker = "platform_machine == 'aarch64' and python_version >= '3.12'"
            lines += ["[package.dependencies]", f'deep = {{version = "*", markers = "{marker}"}}']
            lines += ['speed = {version = "*", optional = true, markers = "extra == \'fast\'"}', ""]
            lines += ["[package.extras]", 'fast = ["speed"]', ""]
    return "\n".join([*lines, "[metadata]", 'lock-version = "2.1"', 'python-versions = ">=3.11"'])


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """The same project, four times: a folder for each way to name dependencies."""
    folder = tmp_path_factory.mktemp("projects")
    (folder / "requirements").mkdir()
    (folder / "requirements" / "requirements.txt").write_text("\n".join(WANTED))
    pyproject(folder / "pyproject")
    (pyproject(folder / "poetry") / "poetry.lock").write_text(poetry_lock(wheels))
    if UV is not None:
        subprocess.run(
            [UV, "lock", "--offline", "--no-config", "--quiet", "--no-index", "--find-links", str(wheels)],
            cwd=pyproject(folder / "uv"),
            env={**os.environ, "UV_CACHE_DIR": str(folder / "cache")},
            check=True,
        )
    return folder


def built(python: str, kind: str, projects: Path, wheels: Path, links: Path) -> list[list[object]]:
    executable = interpreter(python)
    if executable is None:
        pytest.skip(f"no Python {python} here")
    if kind == "uv" and UV is None:
        pytest.skip("no uv here")
    for package in (packaging, pathspec):
        place = links / package.__name__
        if not place.exists():
            place.symlink_to(Path(str(package.__file__)).parent)
    sources = [name for name in ("requirements", "pyproject", "uv", "poetry") if (projects / name).is_dir()]
    program = executable if kind == "pip" else str(UV)
    ran = subprocess.run(
        [executable, "-c", DRIVER, kind, program, str(projects), *sources],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(projects),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(links))),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(wheels),
            "UV_OFFLINE": "1",
            "UV_CACHE_DIR": str(projects / "cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture(scope="module")
def world(projects: Path, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The projects, the wheels, and a folder for what another Python needs of this environment."""
    return projects, wheels, tmp_path_factory.mktemp("links")


@pytest.fixture(scope="module")
def digests() -> dict[object, set[object]]:
    """Architecture to the hashes that were seen in this module."""
    return {}


@pytest.mark.parametrize("kind", ["pip", "uv"])
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_every_host_installer_and_source_gives_the_same_set_and_hash(
    python: str, kind: str, world: tuple[Path, Path, Path], digests: dict[object, set[object]]
) -> None:
    tags = {"arm64": "manylinux_2_28_aarch64", "x86_64": "manylinux2014_x86_64"}

    for source, architecture, parts, native, digest, paths in built(python, kind, *world):
        assert isinstance(parts, list)
        assert set(parts) == EXPECTED[str(architecture)], (source, architecture)
        assert tags[str(architecture)] in str(native)
        digests.setdefault(architecture, set()).add(digest)
        assert len(digests[architecture]) == 1, (source, architecture, paths)


APP = "import forgotten\nfrom streamer import App\n\napp = App()\n"


@pytest.mark.parametrize("where", ["requirements", "native"])
def test_a_forgotten_import_is_refused_without_lambdas_python(tmp_path: Path, wheels: Path, where: str) -> None:
    """Also beside native code, where nothing can be tried: importing is read, not run."""
    (tmp_path / "app.py").write_text(APP)
    site = tmp_path / "site"
    site.mkdir()
    (site / "forgotten.py").write_text("")  # it is installed here
    (tmp_path / "streamer.toml").write_text('service = "chat"\npython = "3.13"\n')
    (tmp_path / "requirements.txt").write_text("native\n" if where == "native" else "")
    environment = {"PATH": "/nowhere", "HOME": str(tmp_path), "PYTHONPATH": str(site)}
    environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}

    ran = subprocess.run(
        [str(Path(sys.executable).with_name("streamer")), "build"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 2, ran.stdout
    assert "app.py:1 imports 'forgotten', which is not in the bundle: add it to the requirements" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(
            {"PIP_NO_DEPS": "1", "PIP_DRY_RUN": "1", "PIP_USER": "1", "PIP_REQUIREMENT": "more.txt"}
            | {"PIP_PREFIX": "elsewhere", "PIP_ROOT": "elsewhere", "PIP_EDITABLE": ".", "PIP_PYTHON": sys.executable},
            id="by variables",
        ),
        pytest.param({"PIP_CONFIG_FILE": "pip.conf"}, id="by its file"),
    ],
)
def test_what_is_packed_is_what_is_asked_for_however_pip_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    conf = "[install]\nuser = true\nno-deps = true\ndry-run = true\nroot = elsewhere\n"
    (tmp_path / "pip.conf").write_text(f"[global]\npython = {sys.executable}\n{conf}")
    (tmp_path / "more.txt").write_text("spare\n")
    (tmp_path / "requirements.txt").write_text("--no-index\n-f wheels\nouter; python_full_version == '3.13.0'\n")
    for name, requires in (("inner", ""), ("outer", "Requires-Dist: inner\n"), ("spare", "")):
        make_wheel(tmp_path / "wheels", name, requires=requires)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    wanted, pip = requirements(tmp_path / "requirements.txt"), Installer("pip", sys.executable)
    files = resolve(wanted, python="3.13", architecture="arm64", folder=tmp_path, installer=pip)

    assert {file.part for file in files.values()} == {"inner", "outer"}


@pytest.mark.parametrize("is_hashed", [False, True], ids=["named", "with hashes"])
def test_a_package_that_needs_streamer_gets_the_one_that_is_here_and_no_other_of_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_hashed: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a folder"))
    (tmp_path / "a folder").mkdir()
    wheels = tmp_path / "wheels"
    for name, requires in (("shared", "streamer-ws[deploy]>=0.1"), ("streamer_ws", "spare"), ("spare", "")):
        make_wheel(wheels, name, requires=f"Requires-Dist: {requires}\n" if requires else "")
    digest = hashlib.sha256((wheels / "shared-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    line = f"shared==1.0 --hash=sha256:{digest}" if is_hashed else "shared"
    (tmp_path / "requirements.txt").write_text(f"--no-index\n-f wheels\n{line}\nstreamer-ws==0.1.0 --hash=sha256:0\n")

    wanted = requirements(tmp_path / "requirements.txt")
    for installer in installers():
        files = resolve(wanted, python="3.13", architecture="arm64", folder=tmp_path, installer=installer)

        assert {file.part for file in files.values()} == {"shared"}
