"""The bundle: what is in it, and that the same input gives the same bytes."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamer
from deploy.errors import BundleError
from deploy.package.bundle import (
    UNZIPPED_BYTES,
    File,
    bundle,
    combine,
    digest,
    require_handlers,
    runtime_files,
)
from deploy.package.project_files import project_files

PACKAGE = Path(streamer.__file__).parent
HANDLERS = tuple(f"streamer.handlers.{name}" for name in ("connect", "disconnect", "router", "processor", "dispatcher"))
REQUESTS = "stores.dynamodb_requests"
NOT_FOR_A_COLD_START = (
    "handlers.builtins",
    "handlers.jwks",
    "handlers.secrets",
    "handlers.sweep",
    "loading",
    "observability.tracing",
    "requests.dispatcher",
    "sending.broadcasts",
    "sending.hub",
    "sending.publisher",
    "sending.uploads",
    REQUESTS,
    "stores.protocols",
    "stores.slots",
    "topology",
    "topology.http_apis",
)
"""Modules of streamer that no function loads before something asks for what is in them."""
OF_ACTIONS = ("actions", "app", "limits", "running", "sending.connections", "sending.sender")


def tree(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def test_the_runtime_is_exactly_what_handlers_import() -> None:
    """In an interpreter of its own: what a cold start imports, and no more but for plain handlers."""
    script = f"import sys\nfor name in {HANDLERS!r}: __import__(name)\n"
    script += f"for name in {NOT_FOR_A_COLD_START!r}: __import__('streamer.' + name)\n"
    script += "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'streamer'), sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    imported = {Path(line).relative_to(PACKAGE.parent).as_posix() for line in ran.stdout.splitlines()}
    needed = imported | {"streamer/handlers/plain.py"}
    packed = set(runtime_files(PACKAGE))
    assert packed - needed == set(), "add these to deploy.package.bundle.STAYS_AT_HOME: no handler imports them"
    assert needed - packed == set(), "take these out of deploy.package.bundle.STAYS_AT_HOME: a handler imports them"


@pytest.mark.parametrize(
    ("name", "made", "most", "needless"),
    [
        pytest.param("connect", (), 29, OF_ACTIONS, id="connect: nothing of actions"),
        pytest.param("disconnect", (), 27, OF_ACTIONS, id="disconnect: nothing of actions"),
        pytest.param(
            "router", (REQUESTS,), 45, ("requests.runs", "running.attempt"), id="router: nothing of queued runs"
        ),
        pytest.param(
            "processor", (REQUESTS,), 48, ("handlers.admission", "handlers.dispatching"), id="processor: runs only"
        ),
    ],
)
def test_a_cold_start_loads_what_its_usual_events_need(
    name: str, made: tuple[str, ...], most: int, needless: tuple[str, ...]
) -> None:
    """Each module more is time that the first client waits; ``most`` may only be lowered.

    ``made`` are modules that the function's init asks for.
    """
    modules = ", ".join(f"streamer.{module}" for module in (f"handlers.{name}", *made))
    script = f"import sys, {modules}\nprint(*(n for n in sys.modules if n.split('.')[0] == 'streamer'))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    loaded = set(ran.stdout.split())
    assert f"streamer.handlers.{name}" in loaded
    assert (
        loaded
        & {f"streamer.{module}" for module in (*NOT_FOR_A_COLD_START, *needless)}
        - {f"streamer.{module}" for module in made}
        == set()
    )
    assert len(loaded) <= most, sorted(loaded)


@pytest.mark.parametrize("tool", ["client", "demo", "testing", "_entry", "__main__", "service", "stores/memory"])
def test_tools_and_doubles_stay_at_home(tool: str) -> None:
    assert not [name for name in runtime_files(PACKAGE) if name.startswith(f"streamer/{tool}")]


def test_the_runtime_alone_is_small() -> None:
    made = bundle(runtime_files(PACKAGE))

    assert len(made.zipped) < 1_500_000


def test_the_same_files_give_the_same_bytes() -> None:
    files = {"b.py": File(b"b", "project"), "a.py": File(b"a", "project", is_executable=True)}

    assert bundle(files).zipped == bundle(dict(reversed(files.items()))).zipped


def test_the_zip_depends_neither_on_time_nor_on_the_machine(tmp_path: Path) -> None:
    first, second = (tree(tmp_path / name, app_py="x = 1") for name in ("one", "two"))
    os.utime(second / "app.py", (0, 0))

    assert bundle(project_files(first).files).zipped == bundle(project_files(second).files).zipped
    [info] = zipfile.ZipFile(io.BytesIO(bundle(project_files(first).files).zipped)).infolist()
    assert info.date_time == (1980, 1, 1, 0, 0, 0)
    assert info.create_system == 3
    assert info.external_attr >> 16 == 0o100644


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param("b.py", File(b"a", "project"), id="another path"),
        pytest.param("a.py", File(b"b", "project"), id="another content"),
        pytest.param("a.py", File(b"a", "project", is_executable=True), id="another mode"),
    ],
)
def test_the_digest_sees(name: str, file: File) -> None:
    assert digest({name: file}) != digest({"a.py": File(b"a", "project")})


NAMES = st.text("ab/", min_size=1, max_size=4)
TREES = st.dictionaries(NAMES, st.binary(max_size=3).map(lambda content: File(content, "project")), max_size=4)


@given(TREES, TREES)
def test_two_trees_have_one_digest_only_if_they_are_the_same(one: dict[str, File], two: dict[str, File]) -> None:
    assert (digest(one) == digest(two)) == (one == two)


def test_the_order_in_which_files_were_found_changes_neither_digest_nor_zip() -> None:
    files = {name: File(name.encode(), "project") for name in ("b.py", "a.py", "a/b.py")}
    other = dict(reversed(files.items()))

    assert (digest(files), bundle(files).zipped) == (digest(other), bundle(other).zipped)


def test_the_digest_is_not_the_zips_own(tmp_path: Path) -> None:
    made = bundle(project_files(tree(tmp_path, app_py="x = 1")).files)

    assert made.digest != hashlib.sha256(made.zipped).hexdigest()


def test_one_module_from_two_sources_is_refused() -> None:
    mine, others = File(b"1", "project"), File(b"2", "pyjwt")

    with pytest.raises(
        BundleError, match=r"jwt\.py \(project\) and jwt/__init__\.py \(pyjwt\) are both the module jwt"
    ):
        combine({"app.py": mine, "jwt.py": mine}, {"jwt/__init__.py": others, "jwt/utils.py": others})


def test_parts_of_one_package_may_come_from_two_sources() -> None:
    one, other = File(b"1", "google-auth"), File(b"2", "google-api-core")

    assert len(combine({"google/auth.py": one, "a/b.py": one}, {"google/api.py": other, "b.py": other})) == 4


def test_one_path_from_two_sources_is_refused() -> None:
    with pytest.raises(BundleError, match=r"a\.py comes from both project and jwt"):
        combine({"a.py": File(b"1", "project")}, {"a.py": File(b"2", "jwt")})


def test_a_missing_handler_is_refused() -> None:
    with pytest.raises(BundleError, match=r"needs shop/api\.py"):
        require_handlers({"app.py": File(b"", "project")}, ["app.handler", "shop.api.handler"], {})


def test_a_handler_that_is_not_packed_is_told_why() -> None:
    with pytest.raises(BundleError, match=r"needs app\.py, which is not packed: a private key"):
        require_handlers({}, ["app.handler"], {"app.py": "a private key"})


def test_bytecode_is_packed_and_does_not_count_in_the_hash() -> None:
    source, bytecode = {"a.py": File(b"a", "project")}, {"__pycache__/a.cpython-313.pyc": File(b"x", "project")}

    with_bytecode, without = bundle(source, bytecode=bytecode), bundle(source)

    assert with_bytecode.digest == without.digest
    assert set(with_bytecode.files) == {*source, *bytecode}


def test_code_for_another_python_is_other_code_since_its_bytecode_is() -> None:
    files = {"a.py": File(b"a", "project")}

    assert bundle(files, python="3.13").digest == digest(files, "3.13") != bundle(files, python="3.14").digest


def test_too_much_is_refused_by_naming_what_is_largest() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return UNZIPPED_BYTES + 1

    with pytest.raises(BundleError, match="most of it is pandas"):
        bundle({"a": File(Huge(), "pandas"), "b": File(b"", "project")})


def test_the_size_report_adds_up() -> None:
    made = bundle({"a": File(b"x" * 1000, "project"), "b": File(b"y" * 10, "jwt"), "c": File(b"z" * 10, "jwt")})

    assert [(part.name, part.files, part.unzipped_bytes) for part in made.parts] == [
        ("project", 1, 1000),
        ("jwt", 2, 20),
    ]
    assert made.unzipped_bytes == 1020
