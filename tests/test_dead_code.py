"""No definition stays in the product that nothing in the product refers to.

A name counts as used wherever code reads it, as a variable or as an attribute of anything, or a string consists of it
(``__all__``, ``getattr``). Names that repeat can therefore hide a dead one, but no living one is called dead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
CALLED_FROM_OUTSIDE: Final = {
    "asyncio calls its protocols": {
        *("connection_lost", "eof_received", "pause_writing", "resume_writing"),
    },
    "httptools calls whoever parses": {"on_url"},
    "click calls types and commands": {"format_commands", "format_epilog", "completion"},
    "pytest calls plugins": {
        "pytest_addoption",
        "pytest_configure",
        "pytest_runtest_call",
        "pytest_runtest_makereport",
    },
    "moto calls what its classes are given instead": {
        *("sqs_backend", "add_message", "is_message_valid_based_on_retention_period", "pending_message_groups"),
        *("change_message_visibility_batch", "delete_message_batch", "send_message_batch", "list_queues"),
    },
    "awslambdaric calls its client, and that its compiled part": {
        *("post_invocation_error", "post_invocation_result", "initialize_client", "post_error"),
    },
    "logging and print call handlers and streams": {"writelines"},
    "io calls the files below its own": {"readinto"},
    "users' tests and clients call it": {"advance"},
    "h2 calls its connection": {"clear_outbound_data_buffer"},
    "tests ask whether and how to compare platforms": {"has_native_client", "of_any_unix"},
}
"""Who calls what nothing of ours refers to."""


def definitions(tree: ast.Module) -> Iterator[str]:
    """Names of functions, methods and classes, and of what is assigned at the top."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def uses(tree: ast.Module) -> Iterator[str]:
    """Names that code reads; an import alone is no use."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.split(".")  # annotations and entry points among them


def unused(trees: dict[str, ast.Module]) -> list[tuple[str, str]]:
    """Path and name of each definition that nothing refers to; Python itself calls those with two underscores."""
    used = {name for tree in trees.values() for name in uses(tree)}
    found = {(path, name) for path, tree in trees.items() for name in definitions(tree)}
    return sorted((path, name) for path, name in found if name not in used and not name.startswith("__"))


@cache
def unused_here() -> list[tuple[str, str]]:
    """What nothing of the product refers to."""
    paths = [*(path for room in ("streamer", "emulator", "deploy") for path in (ROOT / room).rglob("*.py"))]
    return unused(
        {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in [*paths, ROOT / "cli.py"]}
    )


def test_nothing_is_defined_that_nothing_uses() -> None:
    expected = {name for names in CALLED_FROM_OUTSIDE.values() for name in names}

    assert [f"{path}: {name}" for path, name in unused_here() if name not in expected] == []


def test_the_list_of_what_others_call_names_nothing_else() -> None:
    found = {name for _, name in unused_here()}

    assert [name for names in CALLED_FROM_OUTSIDE.values() for name in sorted(names) if name not in found] == []


def test_dead_code_is_found() -> None:
    text = "import c\nA = 1\nB = A\ndef c(): pass\nclass D:\n    def e(self): self.f()\n    def f(self): pass\n"

    assert unused({"m.py": ast.parse(text)}) == [("m.py", "B"), ("m.py", "D"), ("m.py", "c"), ("m.py", "e")]
