"""Requirements for Lambda's platform."""

import pytest

from deploy.errors import BundleError
from deploy.package.bundle import File, combine
from deploy.package.requirements import (
    explain,
    installed_files,
    is_useful,
    needed_by_the_runtime,
)

PIP = """ERROR: Could not find a version that satisfies the requirement nowheel==1.0 (from versions: none)
ERROR: No matching distribution found for nowheel==1.0"""
UV = """  x No solution found when resolving dependencies:
  `-> Because nowheel==1.0 has no usable wheels and building from source is disabled, we conclude"""


@pytest.mark.parametrize("output", [pytest.param(PIP, id="pip"), pytest.param(UV, id="uv")])
def test_a_requirement_without_a_wheel_is_one_clear_line(output: str) -> None:
    line = explain(output, python="3.13", architecture="arm64")

    assert line.startswith("there is no wheel of nowheel==1.0 for Python 3.13 on arm64; pin")
    assert "\n" not in line


@pytest.mark.parametrize(
    "output",
    [
        pytest.param(
            f"WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n{PIP}", id="pip"
        ),
        pytest.param("error: Failed to fetch: `https://x/simple/a/`\n  cause: client error (Connect)", id="uv"),
        pytest.param(f"Retrying (Retry(total=0))\n{PIP}", id="pip, which tries again"),
        pytest.param(f"NewConnectionError: refused\n{PIP}", id="nobody listens"),
        pytest.param(f"NameResolutionError: no such host\n{PIP}", id="no name"),
        pytest.param(f"Could not connect to x\n{PIP}", id="no connection"),
        pytest.param(f"error: could not connect\n{PIP}", id="no connection, in small letters"),
        pytest.param("error sending request for url (https://x)", id="uv, which could not ask"),
    ],
)
def test_an_index_that_cannot_be_reached_is_not_taken_for_a_missing_wheel(output: str) -> None:
    line = explain(output, python="3.13", architecture="arm64")

    assert line.endswith("the package index cannot be reached")


def test_anything_else_keeps_the_installers_own_words() -> None:
    line = explain("noise\nERROR: Invalid requirement: '??'\nhint", python="3.13", architecture="arm64")

    assert line.endswith("Invalid requirement: '??'")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("jwt/api.py", True, id="module"),
        pytest.param("PyJWT-2.dist-info/METADATA", True, id="metadata"),
        *(
            pytest.param(f"PyJWT-2.dist-info/{name}", False, id=f"{name} of this installation")
            for name in (
                "RECORD",
                "INSTALLER",
                "REQUESTED",
                "WHEEL",
                "direct_url.json",
                "uv_cache.json",
                "uv_build.json",
            )
        ),
        pytest.param("bin/tool", False, id="script"),
        pytest.param("jwt/__pycache__/api.cpython-311.pyc", False, id="bytecode of this machine"),
        pytest.param("../../../bin/tool", False, id="outside"),
        pytest.param("man/man1/tool.1", False, id="a page of the manual"),
        pytest.param("share/doc/tool.txt", False, id="documents"),
        pytest.param("jwt/api.pyi", False, id="types"),
        pytest.param("jwt/__pycache__/api.nbi", False, id="a cache"),
        pytest.param("PyJWT-2.dist-info/entry_points.txt", True, id="entry points"),
        pytest.param("PyJWT-2.dist-info/licenses/WHEEL", False, id="of an installation, whatever the depth"),
        pytest.param("jwt/RECORD", True, id="a file that is called so"),
        pytest.param("RECORD", True, id="a file beside the packages that is called so"),
        pytest.param("jwt/share/words.txt", True, id="data in a folder that is called so"),
    ],
)
def test_only_what_a_function_needs_of_a_wheel_is_bundled(path: str, expected: bool) -> None:
    assert is_useful(path) is expected


def test_what_the_runtime_needs_is_copied_from_here() -> None:
    [files] = needed_by_the_runtime({"greek/__init__.py": File(b"", "greek")})

    assert "jwt/__init__.py" in files
    assert {file.part for file in files.values()} == {"pyjwt"}
    assert not [name for name in files if name.endswith(".so")]


def test_a_broken_installation_is_named() -> None:
    with pytest.raises(BundleError, match="install streamer-ws again"):
        installed_files("no-such-distribution-of-ours")


def test_a_requirement_that_the_runtime_has_too_comes_as_the_user_pinned_it_alone() -> None:
    assert needed_by_the_runtime({"jwt/__init__.py": File(b"", "pyjwt")}) == []


def test_another_distribution_with_a_module_of_the_runtimes_is_refused_rather_than_packed_in_its_place() -> None:
    wheels = {"jwt/__init__.py": File(b"other", "jwt")}

    with pytest.raises(BundleError, match=r"^jwt/__init__\.py comes from both pyjwt and jwt; rename or drop one$"):
        combine(*needed_by_the_runtime(wheels), wheels)
