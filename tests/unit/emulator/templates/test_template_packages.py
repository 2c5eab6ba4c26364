"""What is told of packages that functions name and would not find."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.templates.packages import told
from streamer.topology import Function

IDS = {"send": "Send", "join": "Join"}


def python(folder: Path, name: str = "send", *layers: Path) -> Function:
    return Function(name=name, handler="app.handler", code_root=str(folder), search_paths=tuple(map(str, layers)))


def node(folder: Path, *layers: Path) -> Function:
    paths = tuple(map(str, layers))
    return Function(name="send", handler="app.handler", code_root=str(folder), runtime="nodejs22.x", search_paths=paths)


def installed(folder: Path, name: str) -> None:
    (folder / f"{name}-1.0.dist-info").mkdir(parents=True)
    (folder / f"{name}-1.0.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


@pytest.mark.parametrize(
    ("line", "lacks"),
    [
        pytest.param("No_Such.Package==1.0 --hash=sha256:abc", "No_Such.Package", id="pinned"),
        pytest.param("no-such-package[more]>=1  # for chats", "no-such-package", id="with an extra and a comment"),
        pytest.param("no-such-package; python_version < '3'", None, id="for another Python"),
        pytest.param("no-such-package @ https://packages.example/no.whl", "no-such-package", id="from an address"),
        pytest.param("# no-such-package", None, id="a comment"),
        pytest.param("-r more.txt", None, id="an option"),
        pytest.param("git+https://code.example/no.git", None, id="an address alone"),
        pytest.param("PyYAML", None, id="installed, its module under another name"),
        pytest.param("in-folder", None, id="beside the code"),
        pytest.param("in-layer", None, id="in a layer"),
        pytest.param("copied", None, id="a folder without what pip writes"),
    ],
)
def test_requirements_that_are_installed_nowhere_are_told(line: str, lacks: str | None, tmp_path: Path) -> None:
    code, layer = tmp_path / "src", tmp_path / "layer"
    installed(code, "in_folder")
    installed(layer / "python" / "lib" / "python3.9" / "site-packages", "in_layer")
    (code / "copied").mkdir()
    (code / "requirements.txt").write_text(f"{line}\n")

    found = told([python(code, "send", layer)], IDS, tmp_path)

    assert found == (
        []
        if lacks is None
        else [
            f"Send: src/requirements.txt names {lacks}, not installed where functions look: "
            "pip install -r src/requirements.txt"
        ]
    )


def test_functions_that_lack_the_same_are_told_together(tmp_path: Path) -> None:
    for name in ("send", "join"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text("no-such-package\nnor-this\n")

    [found] = told([python(tmp_path / name, name) for name in ("send", "join")], IDS, tmp_path)

    assert found.startswith("Send, Join: send/requirements.txt names no-such-package, nor-this, not installed")


def test_packages_of_node_are_looked_for_as_node_does(tmp_path: Path) -> None:
    code = tmp_path / "api" / "src"
    (code / "node_modules" / "here").mkdir(parents=True)
    (tmp_path / "node_modules" / "@scope" / "above").mkdir(parents=True)
    wanted = ["here", "@scope/above", "@aws-sdk/client-dynamodb", "ulid"]
    (code / "package.json").write_text(json.dumps({"dependencies": dict.fromkeys(wanted, "1")}))

    assert told([node(code)], IDS, tmp_path) == [
        "Send: api/src/package.json names ulid, not installed where functions look: npm install --prefix api/src"
    ]


def test_packages_that_a_layer_names_are_told_too(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    (layer / "nodejs" / "node_modules" / "here").mkdir(parents=True)
    (layer / "nodejs" / "package.json").write_text(json.dumps({"dependencies": {"here": "1", "ulid": "1"}}))
    (layer / "requirements.txt").write_text("no-such-package\n")
    how = "not installed where functions look:"

    assert told([node(tmp_path, layer)], IDS, tmp_path) == [
        f"Send: layer/nodejs/package.json names ulid, {how} npm install --prefix layer/nodejs"
    ]
    assert told([python(tmp_path, "send", layer)], IDS, tmp_path) == [
        f"Send: layer/requirements.txt names no-such-package, {how} pip install -r layer/requirements.txt"
    ]


@pytest.mark.parametrize(
    "text",
    ["[]", "{", "[" * 100_000, '{"dependencies": null}', '{"dependencies": 3}', '{"dependencies": [1]}'],
    ids=lambda text: text[:30],
)
def test_nothing_is_said_of_files_that_are_not_what_they_seem(text: str, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(text)

    assert told([node(tmp_path)], IDS, tmp_path) == []


def test_a_name_that_no_file_can_have_is_installed_nowhere(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("a" * 300)

    assert len(told([python(tmp_path)], IDS, tmp_path)) == 1
