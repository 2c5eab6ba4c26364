"""What of Lambda's JavaScript SDK code asks for, and how it comes here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.command.targets.provided_sdk import missing, provide
from streamer.errors import ConfigurationError
from streamer.topology import Api, Function, Topology

pytestmark = [
    pytest.mark.needs_node,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js"),
]
NEW = "const { S3Client } = require('@aws-sdk/client-s3');"
CRT = 'throw new Error(`by calling [require("@aws-sdk/signature-v4-crt");] or [require("@aws-sdk/signature-v4a");]`)'


def topology(runtime: str | None = "nodejs20.x", **more: Any) -> Topology:
    functions = (Function(name="f", handler="index.handler", runtime=runtime, **more),)
    return Topology(api=Api(name="a", routes=()), functions=functions)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("runtime", "code", "found"),
    [
        pytest.param("nodejs20.x", NEW, ["@aws-sdk/client-s3"], id="require"),
        pytest.param("nodejs20.x", 'import * as d from "@aws-sdk/lib-dynamodb";', ["@aws-sdk/lib-dynamodb"], id="from"),
        pytest.param("nodejs20.x", 'import"@smithy/signature-v4"', ["@smithy/signature-v4"], id="a bare import"),
        pytest.param("nodejs20.x", "await import('@aws-sdk/client-sqs')", ["@aws-sdk/client-sqs"], id="a late import"),
        pytest.param("nodejs20.x", "require('@aws-sdk/client-s3/dist')", ["@aws-sdk/client-s3"], id="a part of it"),
        pytest.param("nodejs14.x", "const AWS = require('aws-sdk')", ["aws-sdk"], id="the old one"),
        pytest.param("nodejs14.x", "require('aws-sdk/clients/s3')", ["aws-sdk"], id="a part of the old one"),
        pytest.param("nodejs20.x", "require('aws-sdk')", [], id="the old one, which a newer runtime does not have"),
        pytest.param("nodejs14.x", NEW, [], id="the new one, which an older runtime does not have"),
        pytest.param("nodejs20.x", 'name: "@aws-sdk/client-s3"', [], id="a name in a bundle"),
        pytest.param("nodejs20.x", CRT, [], id="what a message of the SDK itself names"),
        pytest.param("nodejs20.x", "require('lodash')", [], id="something else"),
        pytest.param("python3.12", NEW, [], id="another language"),
        pytest.param("node run.js", NEW, [], id="a command"),
    ],
)
def test_what_code_names_and_lambda_has_is_missing(runtime: str, code: str, found: list[str], folder: Path) -> None:
    (folder / "index.js").write_text(code)

    assert list(missing(topology(runtime), folder, folder / ".streamer" / "node")) == found


@pytest.mark.parametrize(
    "where",
    [
        "project/node_modules",
        "node_modules",
        "layer/nodejs/node_modules",
        "project/.streamer/node/node_modules",
    ],
)
def test_what_is_somewhere_already_is_not_missing(where: str, folder: Path) -> None:
    (folder / "index.mjs").write_text(NEW)
    (folder.parent / where / "@aws-sdk" / "client-s3").mkdir(parents=True)
    layers = (str(folder.parent / "layer"),)

    assert missing(topology(search_paths=layers), folder, folder / ".streamer" / "node") == ()


def test_layers_are_looked_through_but_for_packages_that_npm_installed(folder: Path) -> None:
    layer = folder.parent / "layer"
    packages = layer / "nodejs" / "node_modules"
    for name in ("own", "theirs"):
        (packages / name).mkdir(parents=True)
    (layer / "nodejs" / "shared.js").write_text(NEW)
    (packages / "own" / "index.js").write_text("require('@aws-sdk/client-sqs')")
    (packages / "theirs" / "index.js").write_text("require('@aws-sdk/client-ssm')")
    (packages / "theirs" / "package.json").write_text("{}")

    found = missing(topology(search_paths=(str(layer),)), folder, folder / ".streamer" / "node")

    assert found == ("@aws-sdk/client-s3", "@aws-sdk/client-sqs")


def test_packages_themselves_are_not_looked_through(folder: Path) -> None:
    (folder / "node_modules" / "p").mkdir(parents=True)
    (folder / "node_modules" / "p" / "index.js").write_text(NEW)

    assert missing(topology(), folder, folder / ".streamer" / "node") == ()


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program npm before all others; it writes down what it was called with, then runs these lines."""

    def make(lines: str) -> Path:
        (tmp_path / "bin").mkdir()
        program, called = tmp_path / "bin" / "npm", tmp_path / "called"
        program.write_text(f'#!/bin/sh\necho "$@" >> "{called}"\n{lines}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        return called

    return make


def test_it_is_fetched_once_without_scripts_and_found_after_all_else(folder: Path, npm: Callable[[str], Path]) -> None:
    into, told = folder / ".streamer" / "node", list[str]()
    called = npm(f"mkdir -p '{into}/node_modules/@aws-sdk/client-s3'")
    (folder / "index.js").write_text(NEW)

    for _ in range(2):
        found = provide(topology(search_paths=("/layer",)), folder, into, may_install=True, tell=told.append)

    assert found.functions[0].search_paths == ("/layer", str(into))
    assert called.read_text() == f"install --ignore-scripts --no-audit --no-fund --prefix {into} @aws-sdk/client-s3\n"
    assert told == [f"fetching what Lambda provides, once, into {into}: @aws-sdk/client-s3"]


def test_without_leave_it_is_refused_with_the_command(folder: Path) -> None:
    (folder / "index.js").write_text(NEW)

    with pytest.raises(ConfigurationError, match=r"run npm install --ignore-scripts .* @aws-sdk/client-s3$"):
        provide(topology(), folder, folder / "n", may_install=False, tell=print)


def test_a_failure_is_told_with_the_command(folder: Path, npm: Callable[[str], Path]) -> None:
    npm("printf 'no \\351 network' >&2; exit 1")  # not UTF-8
    (folder / "index.js").write_text(NEW)

    with pytest.raises(ConfigurationError, match="npm could not fetch them: no \ufffd network; run npm install"):
        provide(topology(), folder, folder / "n", may_install=True, tell=lambda _line: None)


def test_what_needs_nothing_stays_as_it_is(folder: Path) -> None:
    described = topology()

    assert provide(described, folder, folder / "n", may_install=False, tell=print) is described
