"""The rules of ARCHITECTURE.md that a machine can check; import-linter (``make check``) holds the rest."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("streamer", "emulator", "deploy")
MODULE_LINES = 450
FUNCTION_LINES = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
OUTSIDE_WORLD = {
    *("asyncio", "aiobotocore", "boto3", "botocore", "httptools", "http.client", "logging", "os", "random"),
    *("requests", "secrets", "select", "selectors", "signal", "socket", "ssl", "subprocess", "tempfile", "threading"),
    *("time", "urllib.request", "urllib3", "uuid", "uvloop", "websockets"),
}
"""I/O, clocks, randomness, the environment, logging: what pure modules are given instead."""


@dataclass(frozen=True)
class Module:
    """One source file."""

    path: Path

    @property
    def name(self) -> str:
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def is_pure(self) -> bool:
        """Whether it promises to do no I/O: all of the gateway's rules, and whoever says so in its docstring."""
        says_so = re.search(r"\bPure\b", ast.get_docstring(self.tree) or "") is not None
        return says_so or self.name.startswith("emulator.gateway.rules.")

    @cached_property
    def imported(self) -> tuple[str, ...]:
        """Absolute names of what it imports, wherever in the file, for types only left out."""
        return tuple(self._imports())

    def _imports(self) -> Iterator[str]:
        skipped = {id(node) for block in self._type_checking() for node in ast.walk(block)}
        for node in self.nodes:
            if id(node) in skipped:
                continue
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def _type_checking(self) -> Iterator[ast.If]:
        for node in self.nodes:
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                yield node


MODULES = [Module(path) for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
MODULES.append(Module(ROOT / "cli.py"))


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def importers(packages: set[str], modules: Iterable[Module] = MODULES) -> list[str]:
    """Which modules import what of these packages."""
    found = {(module.name, name) for module in modules for name in module.imported if within(name, packages)}
    return sorted(f"{module} imports {name}" for module, name in found)


def test_a_pure_module_is_given_time_randomness_and_io() -> None:
    assert importers(OUTSIDE_WORLD, [module for module in MODULES if module.is_pure]) == []


def test_the_gateways_rules_and_the_runtimes_are_pure() -> None:
    pure = {module.name for module in MODULES if module.is_pure}

    assert {
        "streamer.protocol.messages",
        "streamer.requests.lifecycle",
        "streamer.topology",
        "streamer.service",
    } <= pure
    assert {
        "emulator.gateway.rules.connection",
        "emulator.gateway.rules.handshake",
        "emulator.gateway.rules.management",
    } <= pure
    assert {"deploy.stack.template", "deploy.planning.plan"} <= pure


def test_only_the_client_of_the_runtime_speaks_websockets() -> None:
    runtime = [module for module in MODULES if module.name.startswith("streamer.")]

    assert importers({"websockets"}, [m for m in runtime if not m.name.startswith("streamer.client.")]) == []


AWS_CLIENTS = {
    *(
        "streamer.stores.client",
        "streamer.sending.sender",
        "streamer.sending.transport",
        "streamer.sending.sdk_requests",
        "streamer.handlers.secrets",
        "streamer.requests.dispatcher",
    ),
    *(
        "streamer.handlers.setup",
        "deploy.aws.boto",
        "deploy.aws.errors",
        "deploy.aws.there",
        "emulator.dynamodb.endpoints.remote",
    ),
    "emulator.functions.inline.botocore_credentials",  # only lets functions sign as themselves
    "emulator.port.real_aws",  # asks AWS for what the user names
    "emulator.services.machines.tasks",  # calls what tasks of state machines call, here
    "emulator.services.moto_services",  # asks the services that it hosts, as their clients would
    "emulator.functions.processes.ahead",  # only loads beforehand what functions would load
}
AWS_CLIENT_PACKAGES = ("streamer.stores.", "emulator.event_sources.streams.")


def test_aws_clients_are_used_by_their_shells_alone() -> None:
    others = [m for m in MODULES if m.name not in AWS_CLIENTS and not m.name.startswith(AWS_CLIENT_PACKAGES)]

    assert importers({"boto3", "botocore", "aiobotocore"}, others) == []


def test_moto_is_known_to_the_modules_that_the_map_names() -> None:
    queues = tuple(f"emulator.event_sources.queues.{name}" for name in ("embedded", "moto_queue", "moto_queues"))
    named = (*queues, "emulator.services.moto_", "emulator.iam.managed")

    assert importers({"moto"}, [m for m in MODULES if not m.name.startswith(named)]) == []


@cache
def imports_of(package: str) -> grimp.ImportGraph:
    """Who imports whom at run time, in functions too."""
    return grimp.build_graph(package, cache_dir=None, exclude_type_checking_imports=True)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_what_imports_it(package: str) -> None:
    graph = imports_of(package)
    order = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})

    order.prepare()  # raises CycleError with the circle


@pytest.mark.parametrize(("package", "most"), [("streamer", 26), ("emulator", 13), ("deploy", 32)])
def test_rooms_are_few_and_their_imports_make_no_circle(package: str, most: int) -> None:
    graph = imports_of(package)
    rooms = {room: {room} | graph.find_descendants(room) for room in graph.find_children(package)}
    rooms.pop(f"{package}.__main__", None)
    room_of = {module: room for room, modules in rooms.items() for module in modules}
    floors = TopologicalSorter[str]()
    for room, modules in rooms.items():
        imported = {name for module in modules for name in graph.find_modules_directly_imported_by(module)}
        floors.add(room, *({room_of[name] for name in imported if name in room_of} - {room}))

    floors.prepare()  # raises CycleError with the circle
    assert len(rooms) <= most


def test_emulator_and_deployer_import_their_own_modules_relatively() -> None:
    # In a wheel they live below streamer, so an absolute import of their own would not be found.
    assert importers({"emulator", "deploy"}) == []


def test_a_module_has_a_docstring_a_telling_name_and_one_subject() -> None:
    filled = [module for module in MODULES if module.text.strip()]

    assert [module.name for module in filled if not ast.get_docstring(module.tree)] == []
    assert [module.name for module in MODULES if EMPTY_NAMES & set(module.name.split("."))] == []
    assert [module.name for module in MODULES if module.text.count("\n") > MODULE_LINES] == []


def test_a_function_fits_a_screen() -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [(each.name, node) for each in MODULES for node in each.nodes if isinstance(node, kinds)]

    assert [f"{name}: {node.name}" for name, node in functions if _code_lines(node) > FUNCTION_LINES] == []


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines without the docstring."""
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or 0) - first.lineno + 1


DATACLASSES = {
    "emulator.command.doctor": "commands work without the emulator's packages",
    "emulator.command.here.": "as above",
    "emulator.command.invoke": "as above",
    "emulator.command.options": "as above",
    "emulator.functions.processes.means": "imported before the command line is read",
    "emulator.wiring.config": "users change it with dataclasses.replace, in the fixture streamer_config",
    "emulator.gateway.rules.limits": "as above",
    "emulator.gateway.rules.assumptions": "as above",
    "emulator.console.settings": "as above",
    "emulator.event_sources.streams.records": "has a field that is neither shown nor compared",
    "emulator.gateway.verifier": "has a field that nobody gives it",
    "emulator.port.static": "has a field that is not shown",
}
"""Where the emulator's frozen data are dataclasses, and why."""


def test_the_emulators_frozen_data_are_structs() -> None:
    def is_frozen_dataclass(node: ast.AST) -> bool:
        return isinstance(node, ast.ClassDef) and any(
            "frozen=True" in ast.unparse(each) for each in node.decorator_list
        )

    have = [
        each.name for each in MODULES if each.name.startswith("emulator.") and any(map(is_frozen_dataclass, each.nodes))
    ]

    assert [name for name in have if not name.startswith(tuple(DATACLASSES))] == []
    assert [name for name in DATACLASSES if not any(each.startswith(name) for each in have)] == []


def test_arns_are_made_in_the_partition_of_their_region() -> None:
    made = re.compile(r"""f["']arn:aws:""")
    found = [m.name for m in MODULES if m.name.startswith("emulator.") and made.search(m.text)]

    assert found == ["emulator.console.api.samples"], "see emulator.foundation.place; samples are of one Region"


def test_nothing_is_left_for_later() -> None:
    assert [m.name for m in MODULES if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", m.text)] == []


def test_who_catches_everything_says_why() -> None:
    """Behind a ``noqa`` that a reviewer reads, unless it is raised again."""
    silent = [
        f"{module.name}:{node.lineno}"
        for module in MODULES
        for node in module.nodes
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) == "BaseException")
        and "noqa: BLE001 - " not in module.text.splitlines()[node.lineno - 1]
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]

    assert silent == []


def test_no_committed_file_names_a_package_index() -> None:
    files = [*ROOT.glob("requirements/*"), *ROOT.glob("*.toml"), ROOT / "Makefile", *ROOT.glob(".ci/*")]

    for file in files:
        assert not re.search(r"--(extra-)?index-url|--find-links|simple/", file.read_text()), file


@pytest.mark.parametrize("file", ["pip.txt", "docs.txt", "emulate.txt", "runtime.txt", "dev.txt"])
def test_every_requirement_is_pinned_and_hashed(file: str) -> None:
    text = re.sub(r"\\\n", " ", (ROOT / "requirements" / file).read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]

    assert lines
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_the_documents_point_at_files_that_exist() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md")]
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]

    assert broken == []
