"""What is tried of changed code, and what is told of it."""

from __future__ import annotations

from pathlib import Path

from emulator.command.reloading.trial import Problem, parts, told
from emulator.functions.tracebacks import Code
from streamer.topology import Api, Function, Route, Topology

CODE = Code(folder="/work/shop", libraries=(("/repo/emulator", "streamer"),))


def topology(*functions: Function) -> Topology:
    return Topology(
        api=Api(name="a", routes=(Route(route_key="$default", function=functions[0].name),)), functions=functions
    )


def function(name: str, handler: str, **more: object) -> Function:
    return Function(name=name, handler=handler, timeout_seconds=3, memory_mb=128, **more)  # type: ignore[arg-type]


def test_of_an_app_its_module_is_tried() -> None:
    described = topology(function("router", "streamer.handlers.router.handler"))

    (part,) = parts(described, "shop.service:app", Path("/work/shop"))

    assert (part.folder, dict(part.modules)) == ("/work/shop", {"shop.service": ["app"]})


def test_of_plain_handlers_every_module_is_tried_where_it_is() -> None:
    described = topology(
        function("a", "handlers.a"),
        function("b", "handlers.b"),
        function("c", "src/main.handler", code_root=Path("/work/other")),
        function("n", "index.handler", runtime="nodejs22.x", code_root=Path("/work/node")),
    )

    tried = {part.folder: dict(part.modules) for part in parts(described, "service:topology", Path("/work/shop"))}

    assert tried == {
        "/work/shop": {"service": ["topology"], "handlers": ["a", "b"]},
        "/work/other": {"src.main": ["handler"]},
    }


def test_a_problem_is_told_with_its_place() -> None:
    trace = [
        "Traceback (most recent call last):",
        '  File "/repo/emulator/command/reloading/trial_run.py", line 1, in _failure',
        '  File "/work/shop/app.py", line 1, in <module>',
        "    from pkg import store",
        '  File "/work/shop/pkg/store.py", line 3, in <module>',
        "    boom()",
        "ValueError: boom",
    ]

    problem = told({"problem": "ValueError: boom", "trace": trace, "file": None, "line": None}, CODE)

    assert (problem.text, problem.file, problem.line) == ("ValueError: boom", "pkg/store.py", 3)
    assert problem.lines == (
        trace[0],
        '  File "app.py", line 1, in <module>',
        trace[3],
        '  File "pkg/store.py", line 3, in <module>',
        trace[5],
        trace[6],
    )


def test_a_syntax_error_is_told_with_its_own_place() -> None:
    found = {"problem": "SyntaxError: never closed", "trace": [], "file": "/work/shop/app.py", "line": 7}

    assert told(found, CODE) == Problem(text="SyntaxError: never closed", file="app.py", line=7)
