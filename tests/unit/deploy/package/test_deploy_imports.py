"""Imports, read rather than run."""

import pytest

from deploy.errors import BundleError
from deploy.package.bundle import File
from deploy.package.imports import check, shadows
from deploy.package.target import markers, platforms, standard_library


def project(**modules: str) -> dict[str, File]:
    return {f"{name}.py": File(source.encode(), "project") for name, source in modules.items()}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import os.path, json", id="standard library"),
        pytest.param("import boto3\nfrom botocore.exceptions import ClientError", id="what Lambda has"),
        pytest.param("try:\n import orjson\nexcept ImportError:\n import json as orjson", id="one that may be missing"),
        pytest.param("try:\n import orjson\nexcept:\n pass", id="one whose lack is caught with all else"),
        pytest.param("import contextlib as c\nwith c.suppress(ImportError):\n import orjson", id="suppressed"),
        pytest.param("from shop.anything import made", id="a name that its module makes itself"),
        pytest.param("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n import mypy_boto3", id="for types"),
        pytest.param("import typing as t\nif t.TYPE_CHECKING:\n import mypy_boto3\nelse:\n import json", id="else"),
        pytest.param("from snapshot_restore_py import register_after_restore", id="hooks of SnapStart"),
        pytest.param("import lib.inner\nfrom lib import anything", id="requirement"),
        pytest.param("import space.one", id="namespace package"),
        pytest.param("from native import f", id="native module"),
        pytest.param("from shop import prices, RATE", id="own package"),
        pytest.param("import importlib\nimportlib.import_module('shop.prices')", id="by a name that is written"),
    ],
)  # fmt: skip
def test_what_is_imported_is_there(source: str) -> None:
    files = project(app=source, **{"shop/__init__": "RATE = 1", "shop/prices": "from . import RATE"})
    files |= project(**{"shop/anything": "globals().update(values)"})
    files |= {"lib/__init__.py": File(b"", "lib"), "space/one/__init__.py": File(b"", "one")}
    files |= {"native.cpython-313-aarch64-linux-gnu.so": File(b"", "native")}

    assert check(files, ["app"], python="3.13", architecture="arm64") == ()


@pytest.mark.parametrize(
    ("modules", "told"),
    [
        pytest.param(("copy", "queue/__init__", "app"), "copy.py, queue/__init__.py", id="of the standard library"),
        pytest.param(("app", "shop/copy", "aifc"), None, id="inside a package, and what that Python does not have"),
    ],
)
def test_modules_that_hide_those_of_the_standard_library_are_told(modules: tuple[str, ...], told: str | None) -> None:
    files = project(**dict.fromkeys(modules, "")) | {"queue.py": File(b"", "lib")}

    said = shadows(files, "3.13")

    assert (said is None) is (told is None)
    assert said is None or said.endswith(f"by all that imports those: {told}")


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        pytest.param("import requests", "requests", id="forgotten"),
        pytest.param("from requests.adapters import X", "requests", id="from a forgotten package"),
        pytest.param("import cgi", "cgi", id="gone from this Python"),
        pytest.param("import winreg", "winreg", id="of another system"),
        pytest.param("from shop import missing", "shop.missing", id="module of an own package"),
        pytest.param("from .other import x", ".other", id="relative"),
        pytest.param("import space.two", "space.two", id="rest of a namespace"),
        pytest.param("class A:\n import requests", "requests", id="in a class"),
        pytest.param("with x:\n import requests", "requests", id="in a with"),
        pytest.param("with suppress(OSError):\n import requests", "requests", id="suppressed, but not its lack"),
        pytest.param("try:\n import requests\nfinally:\n pass", "requests", id="try that forgives nothing"),
        pytest.param("import shop.prices", "orjson", id="of what is imported"),
    ],
)
def test_an_import_that_the_bundle_lacks_is_refused(source: str, missing: str) -> None:
    files = project(app=source, **{"shop/__init__": "", "shop/prices": "import orjson"})
    files |= {"space/one/__init__.py": File(b"", "one")}

    with pytest.raises(BundleError, match=rf":\d+ imports '{missing}', which is not in the bundle"):
        check(files, ["app"], python="3.13", architecture="arm64")


def test_what_python_warns_of_is_not_said_once_more_for_each_reading() -> None:
    source = r"word = '\w'" + "\ndef f():\n try: ...\n finally: return 1"

    assert check(project(app=source), ["app"], python="3.13", architecture="arm64") == ()


def test_a_module_that_nothing_imports_does_not_count() -> None:
    assert check(project(app="", scratch="import forgotten"), ["app"], python="3.13", architecture="arm64") == ()


@pytest.mark.parametrize(
    ("source", "note"),
    [
        pytest.param("def f():\n import pandas", "missed if these lines run: app.py:2 imports 'pandas'", id="function"),
        pytest.param("if x:\n import pandas", "app.py:2 imports 'pandas'", id="condition"),
        pytest.param("match x:\n case 1:\n  import pandas", "app.py:3 imports 'pandas'", id="case"),
        pytest.param("import importlib\nimportlib.import_module(x)", "IMPORTS NOT CHECKED: app.py:2", id="any name"),
        pytest.param("type X[T = int] = ???", "IMPORTS NOT CHECKED: app.py", id="not Python"),
        pytest.param(f"x = {'+'.join('y' * 5000)}", "IMPORTS NOT CHECKED: app.py", id="too deep"),
    ],
)
def test_what_nobody_can_tell_is_one_line(source: str, note: str) -> None:
    [said] = check(project(app=source), ["app"], python="3.13", architecture="arm64")

    assert note in said


def test_syntax_that_lambdas_python_does_not_know_is_refused_whatever_reads_it_here() -> None:
    source = "x = 1\ntry:\n    x = 2\nexcept* OSError:\n    x = 3"

    with pytest.raises(BundleError, match=r"^app\.py:\d: .*3\.11 and greater; `python` in streamer\.toml is 3\.10$"):
        check(project(app=source), ["app"], python="3.10", architecture="arm64")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param("def f(a: Later) -> int: ...\nclass Later: ...", ["Later in app.py:1"], id="an argument's"),
        pytest.param("class Node:\n def copy(self) -> list[Node]: ...", ["Node in app.py:2"], id="a class in itself"),
        pytest.param("class Node:\n parent: Node | None", ["Node in app.py:2"], id="of an attribute"),
        pytest.param(
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n import lib\nasync def f(*a: lib.X): ...",
            ["lib in app.py:4"],
            id="for type checkers only",
        ),
        pytest.param("try:\n def f(a: X): ...\nfinally:\n X = int", ["X in app.py:2"], id="inside a statement"),
        pytest.param("from __future__ import annotations\ndef f(a: Later): ...", [], id="as text"),
        pytest.param("def f(a: 'Later'): ...", [], id="a string"),
        pytest.param("def f():\n x: Later = 1\n def g(a: Later): ...", [], id="inside a function"),
        pytest.param("from json import *\ndef f(a: Later): ...", [], id="who knows"),
        pytest.param(
            "import json as j\nfor X, in [[int]]:\n with open(0) as y:\n  def f(a: X, b: y, c: j.Z, /, *d: str): ...",
            [],
            id="what is there",
        ),
        pytest.param("class A:\n B = int\n b: B\n def f(self, b: B = 1, **c: __file__): ...", [], id="in a class"),
        pytest.param("match 1:\n case X:\n  def f(a: X): ...\nif (Y := X):\n y: Y = 1", [], id="matched and walked"),
    ],
)
def test_annotations_that_name_what_is_not_there_yet_are_told(source: str, told: list[str]) -> None:
    notes = check(project(app=source) | {"lib.py": File(b"", "lib")}, ["app"], python="3.13", architecture="arm64")

    assert len(notes) == len(told)
    assert [each in note for each, note in zip(told, notes, strict=True)] == [True] * len(told)
    assert check(project(app=source, lib=""), ["app"], python="3.14", architecture="arm64") == ()


def machine_code(machine: int) -> File:
    """The beginning of an ELF file for a machine, in the project."""
    return File(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + machine.to_bytes(2, "little"), "project")


ARM64, X86_64 = machine_code(183), machine_code(62)


@pytest.mark.parametrize(
    ("name", "file", "is_loaded"),
    [
        pytest.param("fast.cpython-313-aarch64-linux-gnu.so", ARM64, True, id="Lambda's"),
        pytest.param("fast.abi3.so", ARM64, True, id="of several Pythons"),
        pytest.param("fast.so", ARM64, True, id="of any"),
        pytest.param("fast.cpython-311-aarch64-linux-gnu.so", ARM64, False, id="another Python's"),
        pytest.param("fast.cpython-313-darwin.so", File(b"\xcf\xfa\xed\xfe", "project"), False, id="a Mac's"),
        pytest.param("fast.so", File(b"\xcf\xfa\xed\xfe", "project"), False, id="a Mac's, of any Python"),
        pytest.param("fast.abi3.so", X86_64, False, id="another machine's"),
        pytest.param("fast.cp313-win_amd64.pyd", File(b"MZ", "project"), False, id="a PC's"),
    ],
)
def test_native_code_of_the_project_is_lambdas(name: str, file: File, is_loaded: bool) -> None:
    files = {**project(app="import fast"), name: file}

    if is_loaded:
        assert check(files, ["app"], python="3.13", architecture="arm64") == ()
    else:
        with pytest.raises(BundleError, match=rf"'fast', and Python 3.13 on arm64 does not load {name}: build it"):
            check(files, ["app"], python="3.13", architecture="arm64")


def test_native_code_that_a_line_may_miss_is_a_note() -> None:
    files = {**project(app="def f():\n import fast"), "fast.so": X86_64}

    [said] = check(files, ["app"], python="3.13", architecture="arm64")

    assert "app.py:2 imports 'fast', and Python 3.13 on arm64 does not load fast.so: build it for Lambda" in said


def test_a_secret_that_a_handler_imports_is_named() -> None:
    with pytest.raises(BundleError, match=r"app\.py:1 imports 'keys', and keys\.py is not packed \(a private key\)"):
        check(
            project(app="import keys"),
            ["app"],
            python="3.13",
            architecture="arm64",
            left_out={"keys.py": "a private key"},
        )


@pytest.mark.parametrize(
    ("python", "has", "lacks"),
    [
        pytest.param("3.12", {"cgi", "telnetlib", "tomllib"}, {"imp", "annotationlib"}, id="3.12"),
        pytest.param("3.13", {"json"}, {"cgi", "lib2to3", "distutils", "msvcrt"}, id="3.13"),
        pytest.param("3.14", {"annotationlib", "compression"}, {"cgi"}, id="3.14"),
    ],
)
def test_the_standard_library_is_the_targets(python: str, has: set[str], lacks: set[str]) -> None:
    names = standard_library(python)

    assert has <= names
    assert lacks & names == set()


def test_markers_and_wheels_are_lambdas() -> None:
    assert markers("3.13", "arm64")["platform_machine"] == "aarch64"
    assert markers("3.13", "x86_64")["sys_platform"] == "linux"
    tags = platforms("arm64")
    assert tags[0] == "manylinux_2_34_aarch64"
    assert {"manylinux2014_aarch64", "manylinux_2_28_aarch64", "linux_aarch64"} <= set(tags)
    assert "manylinux_2_39_aarch64" not in tags
