"""The JavaScript client as a package: its size, its types, and what it does without a service."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from javascript_tools import PACKAGE, TOOLS, compiled, install, node, run_tests

import streamer

MOST_BYTES = 6 * 1024
MOST_BYTES_OF_REACT = 1536
MOST_BYTES_OF_UPLOAD = 1920
MOST_BYTES_UNMINIFIED = 7680 + 128


def gzipped_bytes(*modules: Path) -> int:
    """Modules without comments and indentation, gzipped; a minifier, which shortens names as well, makes less of it."""
    text = "\n".join(module.read_text() for module in modules)
    text = re.sub(r"/\*\*.*?\*/|^\s*//.*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    return len(gzip.compress("\n".join(line.strip() for line in text.splitlines() if line.strip()).encode(), 9))


def test_each_part_of_the_client_stays_within_its_bytes() -> None:
    modules = set((PACKAGE / "src").glob("*.js"))
    react, upload = PACKAGE / "src" / "react.js", PACKAGE / "src" / "upload.js"

    assert gzipped_bytes(*sorted(modules - {react, upload})) <= MOST_BYTES_UNMINIFIED
    assert gzipped_bytes(react) <= MOST_BYTES_OF_REACT
    assert gzipped_bytes(upload) <= MOST_BYTES_OF_UPLOAD


@pytest.mark.needs_node
def test_minified_it_is_smaller_still(tmp_path: Path) -> None:
    install(tmp_path, *TOOLS)
    command = [node(), str(tmp_path / "node_modules" / "esbuild" / "bin" / "esbuild"), "--bundle", "--minify"]
    for entry, most in (("index.js", MOST_BYTES), ("upload.js", MOST_BYTES_OF_UPLOAD)):
        made = subprocess.run(
            [*command, "--format=esm", str(PACKAGE / "src" / entry)], capture_output=True, timeout=60, check=True
        )
        assert len(gzip.compress(made.stdout, 9)) <= most


def test_it_has_no_dependencies_and_the_version_of_the_python_package() -> None:
    package = json.loads((PACKAGE / "package.json").read_text())
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())["project"]

    assert "dependencies" not in package
    assert (package["name"], package["version"], package["license"]) == (
        project["name"],
        streamer.__version__,
        project["license"],
    )
    assert (PACKAGE / "LICENSE").read_text() == (PACKAGE.parents[1] / "LICENSE").read_text()


def test_tools_that_know_no_exports_find_the_same_files() -> None:
    package = json.loads((PACKAGE / "package.json").read_text())
    entries = package["exports"]

    assert (package["main"], package["types"]) == (entries["."]["default"], entries["."]["types"])
    assert package["typesVersions"] == {
        "*": {name.removeprefix("./"): [entry["types"]] for name, entry in entries.items() if name != "."}
    }


def test_every_module_is_checked_and_imports_its_own_files_and_react_alone() -> None:
    for module in (PACKAGE / "src").glob("*.js"):
        text = module.read_text()
        assert text.startswith("// @ts-check\n"), module.name
        for imported in re.findall(r'^(?:import|export) .*?from "(.*?)";', text, re.MULTILINE | re.DOTALL):
            assert (module.parent / imported).is_file() or (module.name, imported) == ("react.js", "react")


@pytest.mark.needs_node
def test_it_connects_checks_and_gives_up_as_it_says() -> None:
    assert "# fail 0" in run_tests("link.test.js")


@pytest.mark.needs_node
def test_the_hooks_do_in_react_what_they_say(tmp_path: Path) -> None:
    install(tmp_path, *TOOLS)
    shutil.copytree(PACKAGE, tmp_path / "package", ignore=shutil.ignore_patterns("node_modules"))

    assert "# fail 0" in run_tests("react.test.js", package=tmp_path / "package")


USE = """\
import { StreamerClient } from "streamer-ws";
import { typedHooks } from "streamer-ws/react";
import { upload } from "streamer-ws/upload";

export const client = new StreamerClient<{ echo: { payload: number; result: number } }, { news: { id: number } }>("ws://x");
client.subscribe("news", ({ data }) => data.id.toFixed());
export const { useRequest } = typedHooks<{ echo: { payload: number; result: number } }>();
export const reference: Promise<string> = upload(client, "text");
"""


@pytest.mark.needs_node
def test_wrong_actions_do_not_compile_and_types_are_found_however_modules_are_resolved(tmp_path: Path) -> None:
    node()
    install(tmp_path, *TOOLS)
    used = tmp_path / "user" / "node_modules" / "streamer-ws"
    for copy in (tmp_path / "package", used):
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("node_modules"))
    for installed in (tmp_path / "node_modules").iterdir():
        (used.parent / installed.name).symlink_to(installed)
    (tmp_path / "user" / "use.ts").write_text(USE)
    published = ("--project", "package/tsconfig.json", "--noEmit", "false", "--declaration", "--emitDeclarationOnly")
    strict = ("--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "user/use.ts")

    said = compiled(
        tmp_path,
        ("--project", "package/test/tsconfig.json"),
        (*published, "--outDir", str(used / "types")),
        *(
            ("--module", module, "--moduleResolution", resolution, *strict)
            for module, resolution in (("esnext", "bundler"), ("nodenext", "nodenext"), ("esnext", "node10"))
        ),
    )

    assert said == [""] * 5
