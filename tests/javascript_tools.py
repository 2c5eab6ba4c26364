"""What tests of the JavaScript client need of Node.js and npm; they skip where it cannot be had."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "clients" / "javascript"
TOOLS = ("typescript@5", "@types/react@19", "react@19", "react-test-renderer@19", "esbuild@0.25")
"""What checks, builds and tests code for browsers; npm takes a second for each installation, so this is one."""
AWS_CLIENTS = (
    *("apigatewaymanagementapi", "apigatewayv2", "cloudformation", "cognito-identity-provider", "dynamodb"),
    *("eventbridge", "kinesis", "kms", "lambda", "s3", "scheduler", "secrets-manager", "sfn", "sns", "sqs"),
    *("ssm", "sts"),
)
SDK = (*(f"@aws-sdk/client-{each}@3" for each in AWS_CLIENTS), "ws@8")
"""AWS's SDK for JavaScript, version 3, with the clients that any test uses, and what talks to WebSockets."""
INSTALL_SECONDS = 180
_KEPT = Path(__file__).resolve().parents[1] / "build" / "npm"


def node() -> str:
    """The command; skips without it."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("needs Node.js")
    return found


def install(folder: Path, *packages: str) -> Path:
    """Packages of npm as a folder's ``node_modules``; skips where they cannot be had.

    They stay in ``build`` for all later tests and runs, until `make clean`: nothing in them depends on who asks, and
    npm takes longer than the test.
    """
    modules = _kept(functools.partial(_npm_install, packages), "node_modules", *packages)
    (folder / "node_modules").symlink_to(modules, target_is_directory=True)
    return folder


def alone(package: str) -> Path:
    """The folder of a package without what it needs: some bring it along, and npm takes ten times as long for it."""
    return _kept(functools.partial(_npm_pack, package), "package", package)


def _kept(make: Callable[[Path], None], name: str, *packages: str) -> Path:
    kept = _KEPT / hashlib.sha256(json.dumps(packages).encode()).hexdigest()[:16]
    if not (kept / name).exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT) as made:
            make(Path(made))
            with contextlib.suppress(OSError):  # another worker was faster
                (Path(made) / name).rename(kept / name)
    return kept / name


def _npm_install(packages: Sequence[str], folder: Path) -> None:
    options = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--prefix", str(folder)]
    _npm("install", *options, *packages)


def _npm_pack(package: str, folder: Path) -> None:
    _npm("pack", "--prefer-offline", "--ignore-scripts", "--pack-destination", str(folder), package)
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")


def _npm(*arguments: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    try:
        done = subprocess.run(
            [npm, *arguments],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm {arguments[0]} did not end within {INSTALL_SECONDS} s")
    if done.returncode != 0:
        pytest.skip(f"npm {arguments[0]} failed: {done.stderr.strip()[-200:]}")


COMPILE = """
const ts = require("typescript");
const { dirname } = require("node:path");
const library = dirname(require.resolve("typescript"));
const parsed = new Map(); // the same for each of these programs, and most of what there is to read
const theirs = /\\/(typescript|@types|csstype)\\//; // nobody here has to check those
for (const asked of JSON.parse(process.argv[2])) {
  const line = ts.parseCommandLine(["--skipDefaultLibCheck", ...asked]);
  const { options, fileNames, errors } = line.options.project
    ? ts.getParsedCommandLineOfConfigFile(line.options.project, line.options, ts.sys)
    : line;
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.jsDocParsingMode = ts.JSDocParsingMode.ParseForTypeErrors; // as the command has it
  host.getSourceFile = (name, ...more) => {
    if (!name.startsWith(library)) return read(name, ...more);
    if (!parsed.has(name)) parsed.set(name, read(name, ...more));
    return parsed.get(name);
  };
  const program = ts.createProgram({ rootNames: fileNames, options, host });
  const own = program.getSourceFiles().filter(({ fileName }) => !theirs.test(fileName));
  const checked = own.flatMap((file) => ts.getPreEmitDiagnostics(program, file));
  const found = ts.sortAndDeduplicateDiagnostics([...errors, ...checked, ...program.emit().diagnostics]);
  console.log(JSON.stringify(ts.formatDiagnostics(found, host)));
}
"""


def compiled(folder: Path, *programs: Sequence[str]) -> list[str]:
    """What TypeScript, which is in the folder, says of programs: the arguments of its command for each.

    It takes its own library and React's types as checked. One process reads the library once for all of them.
    """
    (folder / "compile.cjs").write_text(COMPILE)
    done = subprocess.run(
        # What it compiles is run for a second: optimizing that takes longer than it saves.
        [node(), "--no-opt", "compile.cjs", json.dumps(programs)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(each) for each in done.stdout.splitlines()]


def run_tests(*files: str, environment: dict[str, str] | None = None, package: Path = PACKAGE) -> str:
    """Run the package's own tests; what the runner prints."""
    command = [node(), "--experimental-websocket", "--no-warnings", "--test", *(f"test/{name}" for name in files)]
    done = subprocess.run(
        command,
        cwd=package,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout
