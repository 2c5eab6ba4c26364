"""Locks: what of uv's and Poetry's is installed, from where, and with which hashes."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.errors import BundleError
from deploy.package.locks import (
    Edge,
    Locked,
    caret,
    needed,
    parsed_roots,
    poetry_edges,
    poetry_packages,
    uv_packages,
    uv_roots,
)
from deploy.package.target import markers

LAMBDA = markers("3.13", "arm64")


@pytest.mark.parametrize(
    ("specifier", "pep_440"),
    [
        pytest.param("^1.2", ">=1.2,<2", id="caret"),
        pytest.param("^0.2.3", ">=0.2.3,<0.3", id="caret below 1"),
        pytest.param("^0.0.3", ">=0.0.3,<0.0.4", id="caret below 0.1"),
        pytest.param("^0.0", ">=0.0,<0.1", id="caret of zeros"),
        pytest.param("^0", ">=0,<1", id="caret of zero"),
        pytest.param("~1", ">=1,<2", id="tilde"),
        pytest.param("~1.2.3", ">=1.2.3,<1.3", id="tilde of three"),
        pytest.param("^1.2.3rc1", ">=1.2.3rc1,<2", id="before a release"),
        pytest.param(">=1,<3", ">=1,<3", id="PEP 440"),
    ],
)
def test_poetrys_carets_become_specifiers_of_pep_440(specifier: str, pep_440: str) -> None:
    assert caret(specifier) == pep_440


@pytest.mark.parametrize(
    ("wanted", "edges"),
    [
        pytest.param("^1.2", [Edge("a", version=">=1.2,<2")], id="a version"),
        pytest.param({"version": "*"}, [Edge("a")], id="any version"),
        pytest.param({"version": "1", "optional": True}, [], id="only for an extra"),
        pytest.param({"version": "1", "extras": ["b"]}, [Edge("a", ("b",), "", "1")], id="with an extra"),
        pytest.param({"markers": "os_name == 'nt'"}, [Edge("a", (), "(os_name == 'nt')")], id="elsewhere"),
        pytest.param({"python": "3.13"}, [Edge("a", (), "python_full_version == '3.13'")], id="one Python"),
        pytest.param(
            {"python": "!=3.12, ~3.12"},
            [
                Edge(
                    "a",
                    (),
                    "python_full_version != '3.12' and python_full_version >= '3.12' and python_full_version < '3.13'",
                )
            ],
            id="some of one Python",
        ),
        pytest.param(
            {"markers": "os_name == 'nt' or x == 'y'", "python": "^3.11"},
            [
                Edge(
                    "a",
                    (),
                    "(os_name == 'nt' or x == 'y') and python_full_version >= '3.11' and python_full_version < '4'",
                )
            ],
            id="both",
        ),
        pytest.param(
            [{"version": "1", "python": "<3.12"}, {"version": "2", "python": ">=3.12"}],
            [
                Edge("a", (), "python_full_version < '3.12'", "1"),
                Edge("a", (), "python_full_version >= '3.12'", "2"),
            ],
            id="one for each Python",
        ),
    ],
)
def test_poetrys_dependencies_are_read_in_all_their_forms(wanted: Any, edges: list[Edge]) -> None:
    assert poetry_edges({"python": "^3.11", "a": wanted}, tell=caret) == edges


@pytest.mark.parametrize(
    ("package", "locked", "line"),
    [
        pytest.param(
            {"source": {"registry": "https://index.example"}, "sdist": {"hash": "h:2"}, "wheels": [{"hash": "h:1"}]},
            Locked("a", "1", ("h:2", "h:1"), optional={}),
            "a==1 --hash=h:1 --hash=h:2",
            id="of an index",
        ),
        pytest.param(
            {"source": {"git": "https://example.com/a?tag=v1#0123"}, "sdist": {"hash": "h:2"}},
            Locked("a", "1", url="git+https://example.com/a@0123", optional={}),
            "a @ git+https://example.com/a@0123",
            id="of git, which has no hash",
        ),
        pytest.param(
            {"source": {"git": "ssh://git@example.com/a?subdirectory=libs%2Fa&rev=v1#0123"}},
            Locked("a", "1", url="git+ssh://git@example.com/a@0123#subdirectory=libs/a", optional={}),
            "a @ git+ssh://git@example.com/a@0123#subdirectory=libs/a",
            id="of a folder in git",
        ),
        pytest.param(
            {"source": {"url": "https://example.com/a.zip", "subdirectory": "a b"}, "sdist": {"hash": "h:1"}},
            Locked("a", "1", ("h:1",), url="https://example.com/a.zip#subdirectory=a%20b", optional={}),
            "a @ https://example.com/a.zip#subdirectory=a%20b --hash=h:1",
            id="of a folder in an archive",
        ),
        pytest.param(
            {"source": {"url": "https://example.com/a.whl"}, "wheels": [{"hash": "h:1"}]},
            Locked("a", "1", ("h:1",), url="https://example.com/a.whl", optional={}),
            "a @ https://example.com/a.whl --hash=h:1",
            id="of an address",
        ),
        pytest.param(
            {
                "resolution-markers": ["os_name == 'nt'"],
                "dependencies": [{"name": "b", "extra": ["x"], "marker": "os_name == 'nt'", "version": "2"}],
                "optional-dependencies": {"Fast_One": [{"name": "c"}]},
            },
            Locked(
                "a",
                "1",
                markers=("os_name == 'nt'",),
                edges=(Edge("b", ("x",), "os_name == 'nt'", "2"),),
                optional={"fast-one": (Edge("c"),)},
            ),
            "a==1",
            id="with what it needs",
        ),
        *(
            pytest.param({"source": {kind: "../a"}}, Locked("a", "1", path="../a", optional={}), "a==1", id=kind)
            for kind in ("editable", "directory", "path", "virtual")
        ),
    ],
)
def test_uv_says_where_a_package_comes_from(package: dict[str, Any], locked: Locked, line: str) -> None:
    [found] = uv_packages({"package": [{"name": "a", "version": "1", **package}]})

    assert found == locked
    assert found.line == line


@pytest.mark.parametrize(
    ("package", "locked"),
    [
        pytest.param({"files": [{"hash": "h:1"}]}, Locked("a", "1", ("h:1",), optional={}), id="of an index"),
        pytest.param(
            {
                "files": [{"hash": "h:1"}],
                "source": {"type": "git", "url": "https://example.com/a", "resolved_reference": "0123"},
            },
            Locked("a", "1", url="git+https://example.com/a@0123", optional={}),
            id="of git, which has no hash",
        ),
        pytest.param(
            {"source": {"type": "url", "url": "https://example.com/a.whl"}},
            Locked("a", "1", url="https://example.com/a.whl", optional={}),
            id="of an address",
        ),
        pytest.param(
            {
                "source": {
                    "type": "git",
                    "url": "https://example.com/a",
                    "resolved_reference": "0123",
                    "subdirectory": "libs/a",
                },
            },
            Locked("a", "1", url="git+https://example.com/a@0123#subdirectory=libs/a", optional={}),
            id="of a folder in git",
        ),
        *(
            pytest.param(
                {"source": {"type": "git", "url": url, "resolved_reference": "0123"}},
                Locked("a", "1", url="git+ssh://git@example.com/us/a.git@0123", optional={}),
                id=f"of git at {url}",
            )
            for url in ("git@example.com:us/a.git", "ssh://git@example.com/us/a.git")
        ),
        *(
            pytest.param({"source": {"type": kind, "url": "../a"}}, Locked("a", "1", path="../a", optional={}), id=kind)
            for kind in ("directory", "file")
        ),
        pytest.param(
            {"markers": {"main": "os_name == 'nt'", "dev": "os_name == 'posix'"}},
            Locked("a", "1", markers=("os_name == 'nt'", "os_name == 'posix'"), optional={}),
            id="of several groups",
        ),
        pytest.param(
            {"dependencies": {"b": ">=2"}}, Locked("a", "1", edges=(Edge("b", version=">=2"),), optional={}), id="needs"
        ),
        pytest.param(
            {"extras": {"Fast_Path": ["b[c] (>=1) ; os_name == 'posix'"]}},
            Locked("a", "1", optional={"fast-path": (Edge("b", ("c",), 'os_name == "posix"', ">=1"),)}),
            id="with an extra",
        ),
    ],
)
def test_poetry_says_where_a_package_comes_from(package: dict[str, Any], locked: Locked) -> None:
    assert poetry_packages({"package": [{"name": "a", "version": "1", **package}]}) == [locked]


def names(packages: list[Locked], *roots: Edge) -> list[str]:
    return [found.line for found in needed(packages, roots, LAMBDA, file="uv.lock")]


LOCK = [
    Locked("a", "1", edges=(Edge("b"), Edge("w", marker="os_name == 'nt'")), optional={"fast": (Edge("c"),)}),
    Locked("b", "1", edges=(Edge("A"),)),
    Locked("c", "1"),
    Locked("w", "1"),
    Locked("two", "1", markers=("python_full_version < '3.12'",)),
    Locked("two", "2", markers=("os_name == 'nt'", "python_full_version >= '3.12'")),
    Locked("many", "1.0"),
    Locked("many", "2.0b1"),
    Locked("odd", "spring-a"),
    Locked("odd", "spring-b"),
]


@pytest.mark.parametrize(
    ("root", "lines"),
    [
        pytest.param(Edge("a"), ["a==1", "b==1"], id="what it needs here, in a circle"),
        pytest.param(Edge("a", ("Fast",)), ["a==1", "b==1", "c==1"], id="with an extra"),
        pytest.param(Edge("a", marker="os_name == 'nt'"), [], id="nothing here"),
        pytest.param(Edge("two"), ["two==2"], id="the one for this Python"),
        pytest.param(Edge("many", version="1.0"), ["many==1.0"], id="a version"),
        pytest.param(Edge("many", version=">=2.0b1"), ["many==2.0b1"], id="a specifier, before a release"),
        pytest.param(Edge("odd", version="spring-b"), ["odd==spring-b"], id="a version that PEP 440 does not know"),
    ],
)
def test_what_is_needed_on_lambda(root: Edge, lines: list[str]) -> None:
    assert names(LOCK, root) == lines


@pytest.mark.parametrize(
    ("roots", "complaint"),
    [
        pytest.param([Edge("z")], "does not hold z for this target: lock the project again", id="not there"),
        pytest.param([Edge("many")], r"does not tell which many is meant for this target \(1.0, 2.0b1\)", id="which"),
        pytest.param(
            [Edge("many", version="1.0"), Edge("many", ("x",), version="2.0b1")],
            "wants many 1.0 and 2.0b1 for the same target",
            id="two at once",
        ),
        pytest.param([Edge("a", marker="no marker")], "has the marker 'no marker', which cannot be", id="no marker"),
    ],
)
def test_a_lock_that_does_not_tell_is_refused(roots: list[Edge], complaint: str) -> None:
    with pytest.raises(BundleError, match=complaint):
        names(LOCK, *roots)


OWN: dict[str, Any] = {
    "package": [
        {
            "name": "My.Shop",
            "dependencies": [{"name": "a", "extra": ["x"], "marker": "os_name == 'nt'", "version": "1"}],
            "optional-dependencies": {"fast": [{"name": "b"}]},
            "dev-dependencies": {"job": [{"name": "c"}]},
        }
    ]
}


def test_a_project_wants_its_dependencies_and_the_extras_and_groups_that_are_asked_for() -> None:
    always = Edge("a", ("x",), "os_name == 'nt'", "1")

    assert uv_roots(OWN, "my-shop", [], []) == [always]
    assert uv_roots(OWN, "my-shop", ["fast"], ["job"]) == [always, Edge("b"), Edge("c")]


@pytest.mark.parametrize(
    ("name", "extras", "groups", "complaint"),
    [
        pytest.param("other", [], [], "does not hold the project other: run uv lock", id="another project"),
        pytest.param("my-shop", ["job"], [], "no optional-dependencies 'job' of my-shop", id="no such extra"),
        pytest.param("my-shop", [], ["fast"], "no dev-dependencies 'fast' of my-shop", id="no such group"),
    ],
)
def test_what_a_lock_of_uv_does_not_have_is_named(
    name: str, extras: list[str], groups: list[str], complaint: str
) -> None:
    with pytest.raises(BundleError, match=complaint):
        uv_roots(OWN, name, extras, groups)


def test_what_is_no_requirement_is_named() -> None:
    with pytest.raises(BundleError, match=r"pyproject\.toml has 'a b', which is no requirement"):
        parsed_roots(["a b"], "pyproject.toml")

    lock = {"package": [{"name": "a", "version": "1", "extras": {"fast": ["a b"]}}]}
    with pytest.raises(BundleError, match=r"poetry\.lock has 'a b', which is no requirement"):
        poetry_packages(lock)
