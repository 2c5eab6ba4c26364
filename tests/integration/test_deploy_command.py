"""`streamer build` and `streamer deploy --dry-run` as users run them: without AWS, credentials or a network."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from forked_command import begin, read_at_start

from deploy.package.bytecode import interpreter

APP = """
from streamer import App

app = App()


@app.action("greet")
def greet(request):
    return "hello"
"""

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "streamer.toml").write_text('service = "chat"\nregion = "eu-central-1"\n')
    return tmp_path


@pytest.fixture
def command(project: Path) -> Command:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        asked = (str(Path(sys.executable).with_name("streamer")), *arguments)
        variables = {
            **read_at_start(os.environ),
            "PATH": os.environ["PATH"],
            "HOME": str(project / "home"),
            "AWS_EC2_METADATA_DISABLED": "true",
            **environment,
        }
        process = begin(asked, project, variables)
        out, log = process.communicate(timeout=250)
        return subprocess.CompletedProcess(asked, process.wait(), out, log)

    return run


def wheel(folder: Path, name: str, tag: str = "py3-none-any", **modules: str) -> None:
    """A small wheel."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as archive:
        for module, source in modules.items():
            archive.writestr(f"{module}.py", source)
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        rows = [f"{path},," for path in (*archive.namelist(), f"{info}/RECORD")]
        archive.writestr(f"{info}/RECORD", "\n".join(rows))


def require(project: Path, *names: str) -> None:
    (project / "requirements.txt").write_text("\n".join(["--no-index", "--find-links wheels", *names]) + "\n")


def names(zipped: Path) -> list[str]:
    with zipfile.ZipFile(zipped) as archive:
        return archive.namelist()


def test_a_dry_run_without_credentials(command: Command) -> None:
    ran = command("deploy", "--dry-run")

    assert ran.returncode == 0
    assert "there are no AWS credentials" in ran.stdout
    assert "would create the stack chat-dev" in ran.stdout
    assert ran.stderr == ""
    assert "\x1b" not in ran.stdout


@pytest.mark.parametrize("arguments", [["template"], ["build"], ["deploy", "--dry-run"]], ids=" ".join)
def test_a_folder_below_the_project_means_the_project(
    project: Path, tmp_path_factory: pytest.TempPathFactory, arguments: list[str]
) -> None:
    home = str(tmp_path_factory.mktemp("home"))
    below = project / "docs" / "pictures"
    below.mkdir(parents=True)

    ran = subprocess.run(
        [str(Path(sys.executable).with_name("streamer")), *arguments],
        cwd=below, env={"PATH": os.environ["PATH"], "HOME": home, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip

    assert (ran.returncode, ran.stderr) == (0, "")
    assert not list(below.iterdir())


@pytest.mark.parametrize(
    ("arguments", "environment", "complaint"),
    [
        pytest.param(["deploy", "--yes"], {}, "there are no AWS credentials", id="no credentials"),
        pytest.param(["status", "--profile", "ops"], {}, "profile (ops) could not be found", id="unknown profile"),
        pytest.param(
            ["deploy", "--yes"], {"AWS_PROFILE": "ops"}, "that exist; nothing was changed", id="deployed by nobody"
        ),
        pytest.param(
            ["status"],
            {
                "AWS_ACCESS_KEY_ID": "x",
                "AWS_SECRET_ACCESS_KEY": "y",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "AWS_MAX_ATTEMPTS": "1",
            },
            "is the region right",
            id="nobody there",
        ),
        pytest.param(["deploy", "--stage", "a b", "--yes"], {}, "stage is 'a b'", id="stage"),
    ],
)
def test_what_cannot_be_is_one_line_and_status_2(
    command: Command, arguments: list[str], environment: dict[str, str], complaint: str
) -> None:
    ran = command(*arguments, **environment)

    assert ran.returncode == 2
    assert complaint in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("arguments", [["build"], ["template"], ["deploy", "--dry-run"]], ids=" ".join)
@pytest.mark.parametrize("source", ["1 / 0\n", "def broken(:\n"], ids=["raises", "is no Python"])
def test_an_app_that_cannot_be_imported_is_one_line(
    command: Command, project: Path, arguments: list[str], source: str
) -> None:
    (project / "app.py").write_text(source)

    ran = command(*arguments)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "module 'app' fails when it is imported: " in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_the_same_project_gives_the_same_bytes(command: Command, project: Path) -> None:
    one, two = project / ".streamer" / "one.zip", project / ".streamer" / "two.zip"
    command("build", "--output", str(one))
    for path in project.glob("*.py"):
        os.utime(path, (0, 0))
    command("build", "--output", str(two))

    assert one.read_bytes() == two.read_bytes()


def test_requirements_are_packed_and_nothing_of_them_that_is_not_needed(command: Command, project: Path) -> None:
    wheel(project / "wheels", "tinydep", tinydep="VALUE = 1")
    require(project, "tinydep==1.0", "streamer-ws")

    ran = command("build", "--output", "code.zip")

    assert ran.returncode == 0, ran.stderr
    found = names(project / "code.zip")
    assert "tinydep.py" in found
    assert "tinydep-1.0.dist-info/METADATA" in found
    assert "tinydep-1.0.dist-info/RECORD" not in found
    assert not [name for name in found if name.startswith(("moto", "boto", "wheels", "emulator", "deploy"))]
    assert "tinydep" in ran.stdout


def test_native_wheels_are_those_for_lambda(command: Command, project: Path) -> None:
    wheel(project / "wheels", "native", "cp313-cp313-manylinux2014_aarch64", native="ARM = True")
    wheel(project / "wheels", "native", "cp313-cp313-manylinux2014_x86_64", native="ARM = False")
    require(project, "native")

    ran = command("build", "--output", "code.zip")

    assert ran.returncode == 0, ran.stderr
    with zipfile.ZipFile(project / "code.zip") as archive:
        assert archive.read("native.py") == b"ARM = True"


def test_a_requirement_without_a_wheel(command: Command, project: Path) -> None:
    (project / "wheels").mkdir()
    with tarfile.open(project / "wheels" / "nowheel-1.0.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("nowheel-1.0/setup.py")
        archive.addfile(info, io.BytesIO(b""))
    require(project, "nowheel==1.0")

    ran = command("build")

    assert ran.returncode == 2
    assert ran.stderr.startswith("streamer: there is no wheel of nowheel==1.0 for Python 3.13 on arm64;")
    assert ran.stderr.count("\n") == 1
    assert not (project / ".streamer").exists()


needs_lambdas_python = pytest.mark.skipif(interpreter("3.13") is None, reason="no Python 3.13 here")


def test_a_forgotten_requirement_is_found_before_lambda_does(command: Command, project: Path) -> None:
    (project / "app.py").write_text(f"import requests_of_the_past\n{APP}")
    (project / "elsewhere").mkdir()
    (project / "elsewhere" / "requests_of_the_past.py").write_text("")  # It imports here, but is not packed.

    ran = command("build", PYTHONPATH=str(project / "elsewhere"))

    assert ran.returncode == 2
    assert "imports 'requests_of_the_past', which is not in the bundle: add it to the requirements" in ran.stderr


@needs_lambdas_python
def test_bytecode_is_lambdas_and_unchecked(command: Command, project: Path) -> None:
    command("build", "--output", "code.zip")

    with zipfile.ZipFile(project / "code.zip") as archive:
        compiled = [name for name in archive.namelist() if name.endswith(".pyc")]
        headers = {archive.read(name)[4:8] for name in compiled}
        content = archive.read("streamer/handlers/__pycache__/router.cpython-313.pyc")
    assert len(compiled) == len([name for name in names(project / "code.zip") if name.endswith(".py")])
    assert headers == {b"\x01\x00\x00\x00"}  # PEP 552: hash-based, not checked against the source
    assert b"/var/task/streamer/handlers/router.py" in content
    assert str(project).encode() not in content


def test_without_lambdas_python_there_is_no_bytecode_and_that_is_said(command: Command, project: Path) -> None:
    ran = command("build", "--output", "code.zip", PATH="/nowhere")

    if sys.version_info[:2] != (3, 13):
        assert "note: no bytecode: there is no Python 3.13 here" in ran.stdout
        assert not [name for name in names(project / "code.zip") if name.endswith(".pyc")]


def test_the_hash_is_the_same_with_and_without_lambdas_python(command: Command) -> None:
    digests = {command("build", PATH=path).stdout.split()[-1] for path in (os.environ["PATH"], "/nowhere")}

    assert len(digests) == 1


def test_what_is_packed_and_what_is_not_can_be_seen(command: Command, project: Path) -> None:
    (project / "prod.env").write_text("PASSWORD=x")
    (project / ".gitignore").write_text("*.csv\n")
    (project / "data.csv").write_text("1")
    wheel(project / "wheels", "tinydep", tinydep="VALUE = 1")
    require(project, "tinydep")

    ran = command("build", "--list", "--output", "code.zip")

    lines = [line.strip() for line in ran.stdout.splitlines()]
    assert "app.py  (the project)" in lines
    assert "jwt/__init__.py  (pyjwt: needed by the runtime)" in lines
    assert f"tinydep.py  (tinydep: requirement, by {project / 'requirements.txt'})" in lines
    assert "data.csv  (.gitignore)" in lines
    assert "prod.env  (a file of environment variables)" in lines
    assert "note: left out: prod.env is a file of environment variables" in lines
    assert not {"prod.env", "data.csv"} & set(names(project / "code.zip"))


def test_requirements_beside_streamer_toml_are_read_for_code_in_a_folder(command: Command, project: Path) -> None:
    (project / "src").mkdir()
    (project / "app.py").rename(project / "src" / "app.py")
    (project / "streamer.toml").write_text('project = "src"\n')
    wheel(project / "wheels", "tinydep", tinydep="VALUE = 1")
    require(project, "tinydep")

    ran = command("build", "--output", "code.zip")

    assert ran.returncode == 0, ran.stderr
    assert {"app.py", "tinydep.py"} <= set(names(project / "code.zip"))


def test_the_template_can_be_piped(command: Command) -> None:
    ran = command("template", "--stage", "prod")

    assert ran.returncode == 0
    assert ran.stdout.startswith("{")
    assert '"StageName": "prod"' in ran.stdout
