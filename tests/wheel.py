"""``make wheel-test``: builds the wheel and uses it as a stranger would, in a clean environment outside the checkout.

Prints a line per check; the first one that fails ends it with an AssertionError and the output of what was run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
SECONDS = 300
"""More than any step needs on a slow machine; a hang must not look like work."""
FIRST_MINUTE_SECONDS = 60
"""What the first four commands of a new user may take together."""
MOST_OF_RUNTIME = 12
"""Packages that the runtime and the client may install, streamer included."""
OWN_NAMES = {"streamer", "streamer_ws"}
GENERIC_NAMES = {"emulator", "deploy", "cli", "tests", "examples", "benchmarks", "docs", "requirements", "hatch_build"}
PYTEST = {"pytest", "pytest-asyncio", "pluggy", "iniconfig", "packaging", "pygments", "typing-extensions"}
"""What the extra ``pytest`` adds, and what that needs."""
PRINTS_PACKAGES = """
from importlib.metadata import distributions
print(*{each.name for each in distributions()})
"""
PACKS_RUNTIME = """
from pathlib import Path
import streamer
from streamer.deploy.package.bundle import runtime_files
packed = runtime_files(Path(streamer.__file__).parent)
assert "streamer/handlers/router.py" in packed
assert not [name for name in packed if name.startswith(("streamer/cli", "streamer/deploy/", "streamer/emulator/"))]
"""
USER_TEST = """
def test_echo(streamer):
    with streamer.connect() as client:
        assert client.request("echo", {"a": 1}) == {"a": 1}
"""


def main() -> None:
    """Run every check."""
    with tempfile.TemporaryDirectory(prefix="streamer-wheel-") as name:
        folder = Path(name).resolve()
        wheel = build(folder / "dist")
        check_names(wheel)
        scripts = install_alone(wheel, folder / "venv")
        work = folder / "work"
        work.mkdir()
        check_runtime_alone(scripts, work)
        add_extras(scripts)
        check_commands(scripts, work)
        check_emulator(scripts, work)
        check_deployer(scripts, work)
        check_plugin(scripts, folder / "project")
        check_first_minute(scripts, folder / "empty")
    print("the wheel works")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Standard output of a command that has to succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment() -> dict[str, str]:
    """Ours without what would lead Python, or the service, back to this checkout."""
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "JWT_SECRET", "JWT_PUBLIC_KEY", "PYTEST_ADDOPTS"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def build(folder: Path) -> Path:
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, CHECKOUT)
    (wheel,) = folder.glob("*.whl")
    print(f"built {wheel.name}, {wheel.stat().st_size // 1024} KB")
    return wheel


def check_names(wheel: Path) -> None:
    files = zipfile.ZipFile(wheel).namelist()
    top = {name.partition("/")[0] for name in files}
    assert {name.partition("-")[0] for name in top} == OWN_NAMES, f"the wheel would install {sorted(top)}"
    wanted = {
        "streamer/cli.py",
        "streamer/emulator/wiring/emulator.py",
        "streamer/emulator/console/static/index.html",
        "streamer/emulator/console/static/vendor/LICENSES",
        "streamer/emulator/functions/processes/node/runtime.cjs",
        "streamer/deploy/stack/template.py",
        "streamer/py.typed",
    }
    assert wanted <= set(files), f"the wheel lacks {sorted(wanted - set(files))}"
    assert not [name for name in files if "__pycache__" in name], "the wheel holds compiled files"
    print(f"{len(files)} files, all of them below streamer/")


def install_alone(wheel: Path, venv: Path) -> Path:
    """A clean environment with the wheel and what it needs without extras, locked; the folder of its commands."""
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    python = venv / "bin" / "python"
    add_locked(python, CHECKOUT / "requirements" / "runtime.txt")
    run(*pip_for(python), "install", "--no-deps", wheel)
    return python.parent


def add_extras(scripts: Path) -> None:
    """The locked dependencies of all extras but ``pytest``."""
    python = scripts / "python"
    add_locked(python, CHECKOUT / "requirements" / "emulate.txt")
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    generic = GENERIC_NAMES & {path.stem for path in packages.iterdir()}
    assert not generic, f"generic names were installed at the top: {sorted(generic)}"
    print("installed; no generic name at the top of site-packages")


def add_locked(python: Path, requirements: Path) -> None:
    run(*pip_for(python), "install", "--no-compile", "--require-hashes", "--requirement", requirements)


def pip_for(python: Path) -> tuple[str | Path, ...]:
    """The locked pip, which this environment has, for another one."""
    return (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")


def check_commands(scripts: Path, work: Path) -> None:
    assert "emulate" in run(scripts / "streamer", "--help", cwd=work)
    token = run(scripts / "streamer", "token", "--user", "ada", "--tenant", "acme", cwd=work).strip()
    assert token.count(".") == 2, f"not a token: {token!r}"
    where = run(scripts / "python", "-c", "import streamer; print(streamer.__file__)", cwd=work).strip()
    assert not Path(where).is_relative_to(CHECKOUT), f"streamer came from the checkout: {where}"
    print("streamer --help and streamer token work")


def check_emulator(scripts: Path, work: Path) -> None:
    with emulator(scripts, work, "--demo", "--port", "0", "--ready-file", "ready.json"):
        ready = json.loads((work / "ready.json").read_text())
        token = run(scripts / "streamer", "token", "--user", "ada", "--tenant", "acme", cwd=work).strip()
        answer = asyncio.run(echo(f"{ready['websocket_url']}?Authorization={token}"))
        assert answer["data"] == {"from": "the wheel"}, answer
        report = run(scripts / "streamer", "call", "report", '{"steps": 3, "seconds": 0.1}', cwd=work)
        assert json.loads(report)["steps"] == 3, report
    print("streamer emulate starts, answers, runs a queued action and stops with status 0")


@contextlib.contextmanager
def emulator(scripts: Path, work: Path, *options: str) -> Iterator[None]:
    """A running ``streamer emulate``; ended by SIGINT, with status 0."""
    error_file = work.parent / f"{work.name}.stderr"
    with error_file.open("w") as errors:
        process = subprocess.Popen(
            [scripts / "streamer", "emulate", *options],
            cwd=work,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            # The banner comes once everything accepts traffic.
            banner = next((line for line in iter(process.stdout.readline, "") if "Stop with Ctrl-C" in line), None)
            assert banner is not None, f"the emulator did not start:\n{error_file.read_text()}"
            yield
            process.send_signal(signal.SIGINT)
            status = process.wait(timeout=SECONDS)
            assert status == 0, f"streamer emulate ended with {status}:\n{error_file.read_text()}"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


async def echo(url: str) -> dict[str, Any]:
    """The answer to an echo, over a WebSocket of the development environment's library."""
    from websockets.asyncio.client import connect

    async with asyncio.timeout(SECONDS), connect(url, compression=None, proxy=None) as client:
        await client.send('{"action": "echo", "id": "1", "payload": {"from": "the wheel"}}')
        answer: dict[str, Any] = json.loads(await client.recv())
        return answer


def check_deployer(scripts: Path, work: Path) -> None:
    """The deployer finds its own modules, and the runtime's files to pack, in this layout too."""
    (work / "app.py").write_text("from streamer import App\n\napp = App()\n")
    template = json.loads(run(scripts / "streamer", "template", "--region", "us-east-1", cwd=work))
    assert "AWS::ApiGatewayV2::Api" in {resource["Type"] for resource in template["Resources"].values()}
    run(scripts / "python", "-c", PACKS_RUNTIME, cwd=work)
    print("streamer template works, and the deployer finds the runtime to pack")


def check_plugin(scripts: Path, project: Path) -> None:
    """The pytest plugin is found by its entry point alone."""
    project.mkdir()
    (project / "test_demo.py").write_text(USER_TEST)
    locked = project / "pytest.txt"
    locked.write_text(locked_requirements(PYTEST))
    add_locked(scripts / "python", locked)
    output = run(scripts / "python", "-m", "pytest", "-q", "--streamer-target", "streamer.demo:app", cwd=project)
    assert "1 passed" in output, output
    print("the pytest plugin is found, and a test with it passes")


def check_first_minute(scripts: Path, folder: Path) -> None:
    """From an empty folder to a service that answers and a test that passes: four commands and what they print."""
    folder.mkdir()
    began = time.monotonic()
    run(scripts / "streamer", "init", cwd=folder)
    with emulator(scripts, folder, "--port", "0"):  # but for the port, which may be taken here
        assert json.loads(run(scripts / "streamer", "call", "greet", '{"name": "Ada"}', cwd=folder)) == {"hello": "Ada"}
    output = run(scripts / "pytest", cwd=folder)
    seconds = time.monotonic() - began
    assert "2 passed" in output, output
    assert "warning" not in output, output
    assert seconds < FIRST_MINUTE_SECONDS, f"the first four commands took {seconds:.0f} s"
    print(f"streamer init, streamer emulate, streamer call and pytest in an empty folder: {seconds:.1f} s")


def check_runtime_alone(scripts: Path, folder: Path) -> None:
    """Without extras: few packages, the client's commands, and a line that says what others want."""
    run(*pip_for(scripts / "python"), "check")
    names = run(scripts / "python", "-c", PRINTS_PACKAGES, cwd=folder).split()
    assert len(names) <= MOST_OF_RUNTIME, f"the runtime and the client alone install {sorted(names)}"
    run(scripts / "python", "-c", "import streamer.client, streamer.handlers.router, streamer.testing", cwd=folder)
    assert run(scripts / "streamer", "token", "--user", "ada", "--tenant", "acme", cwd=folder).count(".") == 2
    for command, extra in (("emulate", "emulator"), ("deploy", "deploy")):
        done = subprocess.run([scripts / "streamer", command], cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert f"pip install 'streamer-ws[{extra}]'" in done.stderr, done.stderr
    print(f"without extras it installs {len(names)} packages, and says what else to install")


def locked_requirements(names: set[str]) -> str:
    """The entries of these packages in the lock file, hashes included."""
    text = (CHECKOUT / "requirements" / "dev.txt").read_text()
    entries = re.split(r"(?m)^(?=[a-zA-Z])", text)
    return "".join(entry for entry in entries if entry.partition("==")[0] in names)


if __name__ == "__main__":
    main()
