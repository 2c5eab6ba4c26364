"""``streamer describe``: documents of real projects, checked by the tools that read them and by what is really said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from described_app import app
from javascript_tools import PACKAGE, TOOLS, alone, compiled, install, node
from jsonschema import Draft7Validator
from running_command import Emulate, streamer
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parents[2]
APP = (ROOT / "tests" / "described_app.py").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def described(folder: Path, *arguments: str) -> str:
    done = streamer("describe", *arguments, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_the_terminals_encoding_has_no_form_for_is_escaped_as_json_does_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text('from streamer import App\n\napp = App(title="Café ☕ 😀")\n', "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "streamer", "describe", "--format", "asyncapi"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b'"Caf\xe9 \\u2615 \\ud83d\\ude00"' in done.stdout
    assert json.loads(done.stdout.decode("latin-1"))["info"]["title"] == "Café ☕ 😀"


@pytest.mark.parametrize("command", [["describe", "--format", "json"], ["template"]], ids=["describe", "template"])
def test_what_code_does_when_it_is_imported_is_no_part_of_a_document_and_keeps_no_command(
    command: list[str], tmp_path: Path
) -> None:
    does = 'print("reading the model")\nthreading.Thread(target=time.sleep, args=(600,)).start()\n'
    (tmp_path / "app.py").write_text(f"import threading, time\nfrom streamer import App\n\napp = App()\n{does}")
    done = subprocess.run(
        [sys.executable, "-m", "streamer", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"reading the model\n")
    assert json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["json", "asyncapi"])
def test_a_service_that_changed_differs_and_what_breaks_is_named(project: Path, kind: str) -> None:
    file = project / "web" / "src" / "service.json"
    assert described(project, "--format", kind, "--output", "web/src/service.json") == ""
    assert json.loads(file.read_text())["info"]["title"] == "Shop"
    assert described(project, "--format", kind, "--check", "web/src/service.json") == ""

    (project / "app.py").write_text(
        APP.replace('"report.monthly"', '"report.yearly"').replace("count: int = 1", "count: int")
    )
    done = streamer("describe", "--format", kind, "--check", "web/src/service.json", folder=project)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "breaking: action report.monthly is gone",
        "compatible: action report.yearly is new",
        "breaking: items of the payload of order needs count",
        "streamer: web/src/service.json is not what the App is now; write it anew with --output",
    ]


@pytest.mark.parametrize("content", ["", "{", "[]", "1", '{"describe": 1}', "[" * 100_000], ids=lambda each: each[:16])
def test_a_file_that_never_was_a_description_differs_in_one_line(project: Path, content: str) -> None:
    (project / "other.json").write_text(content)

    done = streamer("describe", "--format", "json", "--check", "other.json", folder=project)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "streamer: other.json is not what the App is now; write it anew with --output\n"


def test_mistakes_are_one_line(project: Path) -> None:
    for arguments, words in (
        (["nothing:app"], "there is no module 'nothing'"),
        (["--check", "a.json"], "does not exist"),
        (["--output", "app.py/folder"], "cannot be written"),
    ):
        done = streamer("describe", *arguments, folder=project)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_plain_handlers_describe_themselves_by_their_code_alone() -> None:
    done = streamer("describe", folder=ROOT / "examples" / "plain_handlers")

    assert done.returncode == 2
    assert "plain handlers" in done.stderr


def test_the_python_types_are_those_of_the_client(project: Path) -> None:
    described(project, "--format", "python", "--output", "service.py")
    (project / "use.py").write_text(
        "from service import Client\n"
        "from streamer.client import StreamerClient\n\n\n"
        "def service() -> Client:\n"
        '    return StreamerClient("ws://127.0.0.1:8787/dev")\n\n\n'
        "async def use() -> int:\n"
        "    async with service() as client:\n"
        '        receipt = await client.request("order", {"items": [{"sku": "a"}]}, metadata={"from": "here"})\n'
        '        await client.request("order", {"items": 1})  # wrong\n'
        '        await client.request("ordre", {"items": []})  # wrong\n'
        '        async for event in client.events("order", {"items": []}, id="r-1"):\n'
        "            print(event.is_final)\n"
        '        client.events("order", {"items": 1})  # wrong\n'
        '        await client.cancel("r-1")\n'
        '        print(await client.resume("r-1"), await client.upload(b"x"), client.direct())\n'
        '        return receipt["number"]\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "use.py"],
        cwd=project,
        env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(project)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    wrong = [line for line in done.stdout.splitlines() if ": error:" in line]

    assert {line.split(":")[1] for line in wrong} == {"12", "13", "16"}, done.stdout + done.stderr


@pytest.mark.needs_node
def test_the_typescript_compiles_and_refuses_what_is_wrong(project: Path) -> None:
    node()
    install(project, *TOOLS)
    described(project, "--format", "typescript", "--output", "service.ts")
    (project / "use.ts").write_text(
        f'import {{ StreamerClient }} from "{PACKAGE}/src/index.js";\n'
        'import type { Actions, Topics } from "./service.js";\n'
        "export async function use(): Promise<number> {\n"
        '  const client = new StreamerClient<Actions, Topics>("ws://127.0.0.1:8787/dev");\n'
        '  const receipt = await client.request("order", { items: [{ sku: "a" }] });\n'
        '  client.subscribe("orders/new", ({ data }) => void data.number);\n'
        "  // @ts-expect-error no such action\n"
        '  await client.request("ordre", { items: [] });\n'
        "  // @ts-expect-error another payload\n"
        '  await client.request("order", { items: 1 });\n'
        "  return receipt.number;\n"
        "}\n"
    )
    options = ["--noEmit", "--strict", "--allowJs", "--checkJs", "--module", "nodenext", "--target", "es2022"]

    assert compiled(project, [*options, "--lib", "es2022,dom,esnext.disposable", "use.ts"]) == [""]


PARSE = """
globalThis.self = globalThis; // it is built for browsers
const [, , built, ...files] = process.argv;
const Parser = require(built);
const { readFileSync } = require("node:fs");
(async () => {
  for (const file of files) {
    const found = await new Parser().parse(readFileSync(file, "utf8"));
    const errors = found.diagnostics.filter(({ severity }) => severity === 0);
    console.log(JSON.stringify(errors.map(({ message, path }) => [file, message, path])));
  }
})();
"""


@pytest.mark.needs_node
def test_asyncapis_own_parser_takes_the_documents_of_all_examples(project: Path) -> None:
    node()
    built = alone("@asyncapi/parser@3.6") / "browser" / "index.js"
    files = []
    examples = [each for each in sorted((ROOT / "examples").iterdir()) if (each / "app.py").exists()]
    for folder, version in ((project, "3.0"), *((each, "3.1") for each in (project, *examples))):
        files.append(f"{folder.name}-{version}.json")
        (project / files[-1]).write_text(described(folder, "--asyncapi", version, "--url", "wss://example.com/prod"))
    (project / "parse.cjs").write_text(PARSE)
    done = subprocess.run(
        [node(), "parse.cjs", str(built), *files],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )

    assert done.stdout.splitlines() == ["[]"] * len(files), done.stderr


def test_what_is_really_said_is_what_the_document_says(project: Path) -> None:
    document = json.loads(described(project))
    names = document["channels"]["connection"]["messages"]
    validators = {
        name: Draft7Validator(
            {**document["components"]["messages"][name]["payload"], "components": document["components"]}
        )
        for name in names
    }
    assert app.actions.keys() <= document["operations"].keys()
    asked: list[dict[str, Any]] = [
        {"action": "order", "id": "a", "payload": {"items": [{"sku": "x", "count": 2}], "where": [1.5, 2]}},
        {"action": "order", "id": "b", "payload": {"items": 1}},
        {"action": "report.monthly", "id": "c", "payload": "2026-03"},
        {"action": "old", "id": "d", "payload": {"items": []}},
        {"action": "ping", "id": "e"},
        {"action": "health", "id": "f"},
        {"action": "subscribe", "id": "g", "payload": {"topic": "news"}},
        {"action": "publish", "id": "h", "payload": {"topic": "news", "data": 1}},
        {"action": "status", "id": "i", "payload": {"request_id": "c"}},
        {"action": "cancel", "id": "j", "payload": {"request_id": "c"}},
    ]
    answers: list[dict[str, Any]] = []
    permissions = ["--permission", "shop:order", "--permission", "topics:publish"]
    with (
        Emulate(folder=project) as emulator,
        connect(emulator.address(*permissions), proxy=None, open_timeout=60) as client,
    ):
        for request in asked:
            client.send(json.dumps(request))
            last = {"c": "complete"}.get(str(request["id"]))
            while True:
                answers.append(json.loads(client.recv(timeout=60)))
                if answers[-1]["request_id"] == request["id"] and last in (None, answers[-1]["type"]):
                    break

    for request in asked:
        problems = [error.message for error in validators[f"{request['action']}.request"].iter_errors(request)]
        assert bool(problems) == (request["id"] == "b"), (request, problems)
    actions = {request["id"]: request["action"] for request in asked}
    for answer in answers:
        own = f"{actions.get(answer['request_id'])}.{answer['type']}"
        name = own if own in validators else answer["type"]
        assert [error.message for error in validators[name].iter_errors(answer)] == [], answer
    assert {answer["type"] for answer in answers} >= {
        "response",
        "error",
        "acknowledgment",
        "progress",
        "complete",
        "pong",
    }
