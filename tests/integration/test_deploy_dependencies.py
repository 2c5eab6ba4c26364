"""What a project depends on, from each file that may say so."""

import json
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from deploy.errors import BundleError
from deploy.package.dependencies import Dependencies, Local, canonical, dependencies, requirements, unread
from deploy.package.installer import Installer
from deploy.package.requirements import installed_files


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_txt", ".txt").replace("_toml", ".toml").replace(
            "_lock", ".lock"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def read(*folders: Path, named: Path | None = None, **parts: list[str]) -> Dependencies:
    return dependencies(named, folders, python="3.13", architecture="arm64", **parts)


def test_requirements_are_flattened_and_lose_streamer_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        requirements_txt="streamer_ws[pytest]>=0.1  # the emulator\n-r more/base.txt\n\n"
        "requests==2.32 \\\n    --hash=sha256:abc\n# no\n-cmore/pins.txt\n",
        more__base_txt="orjson\n--requirement=deep.txt\n",
        more__deep_txt='a @ https://example.com/a-1.whl#sha256=1\nb[x] >= 1 ; python_version < "3"\n',
    )

    found = requirements(tmp_path / "requirements.txt")

    assert [" ".join(line.split()) for line in found.lines] == [
        "orjson",
        "a @ https://example.com/a-1.whl#sha256=1",
        'b[x] >= 1 ; python_version < "3"',
        "requests==2.32 --hash=sha256:abc",
        f"--constraint {tmp_path / 'more' / 'pins.txt'}",
    ]
    assert found.is_hashed


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("a \\\n  >=1 \\\r\n  # why\nb\n", ("a   >=1", "b"), id="until a comment"),
        pytest.param("# a==1 \\\nb\n", ("b",), id="not after a comment"),
        pytest.param("a # why \\\nb\n", ("a", "b"), id="nor after one that ends a line, as in uv"),
        pytest.param("a==1.\\\n0", ("a==1.0",), id="in the middle of a word"),
        pytest.param("a \\", ("a",), id="with nothing more"),
    ],
)
def test_lines_go_on_after_a_backslash(tmp_path: Path, text: str, lines: tuple[str, ...]) -> None:
    (tmp_path / "requirements.txt").write_bytes(text.encode())

    assert requirements(tmp_path / "requirements.txt").lines == lines


@pytest.mark.parametrize(
    ("line", "extras", "marker"),
    [
        pytest.param("-e ./lib", (), "", id="editable"),
        pytest.param("--editable=./lib[a, b]", ("a", "b"), "", id="with extras"),
        pytest.param("./lib ; python_version > '3'", (), "python_version > '3'", id="path with a marker"),
        pytest.param("lib[a] @ file://{folder}/lib ; os_name == 'posix'", ("a",), "os_name == 'posix'", id="address"),
        pytest.param("{folder}/lib", (), "", id="whole path"),
        pytest.param("-e '{folder}/lib'", (), "", id="in quotation marks"),
    ],
)
def test_a_package_of_this_machine_is_known(tmp_path: Path, line: str, extras: tuple[str, ...], marker: str) -> None:
    write(tmp_path, lib__pyproject_toml="", requirements_txt=line.format(folder=tmp_path))

    assert requirements(tmp_path / "requirements.txt").local == (Local(tmp_path / "lib", extras, marker),)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.com/simple",
        "git+https://example.com/lib.git",
        "https://example.com/lib-1.0-py3-none-any.whl",
        "-r https://example.com/requirements.txt",
        "--constraint https://example.com/constraints.txt",
        "lib@https://example.com/lib-1.0.zip",
        "lib[a]@git+ssh://git@example.com/lib.git@main",
        pytest.param(f"x{' ' * 50_000}y --hash=a", id="a long run of blanks"),
    ],
)
def test_what_lies_elsewhere_is_left_to_the_installer(tmp_path: Path, line: str) -> None:
    write(tmp_path, requirements_txt=line)

    found = requirements(tmp_path / "requirements.txt")

    assert (found.lines, found.local) == ((line,), ())


def test_a_folder_of_wheels_is_found_from_wherever_the_installer_runs(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    write(tmp_path, requirements_txt="-f wheels\n--find-links https://example.com/wheels\na\n")

    found = requirements(tmp_path / "requirements.txt")

    links = [f"--find-links {tmp_path / 'wheels'}", "--find-links https://example.com/wheels"]
    assert list(found.lines) == [*links, "a"]


def test_a_wheel_of_this_machine_is_known(tmp_path: Path) -> None:
    wheel = tmp_path / "lib-1.0-py3-none-any.whl"
    wheel.touch()
    write(tmp_path, requirements_txt=wheel.name)

    assert requirements(tmp_path / "requirements.txt").local == (Local(wheel),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_requirements_are_read_as_editors_and_shells_of_windows_write_them(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "requirements.txt").write_text("a==1\r\nb \\\r\n==2\r\n", encoding=encoding, newline="")

    assert requirements(tmp_path / "requirements.txt").lines == ("a==1", "b ==2")


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        pytest.param({}, "there is no requirements file", id="missing"),
        pytest.param(
            {"requirements_txt": "-r other.txt"}, r"there is no requirements file .*other\.txt", id="included"
        ),
        pytest.param({"requirements_txt": "-r requirements.txt"}, "includes itself", id="circle"),
        pytest.param({"requirements_txt": "-e ./nowhere"}, r"names nowhere, and there is no", id="path to nowhere"),
    ],
)
def test_requirements_that_cannot_be_followed_are_one_line(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    write(tmp_path, **files)

    with pytest.raises(BundleError, match=complaint):
        requirements(tmp_path / "requirements.txt")


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"requirements_txt": "six == https://bob:p@ss@example.com/six.whl"}, id="requirements"),
        pytest.param(
            {"pyproject_toml": '[project]\nname = "x"\ndependencies = ["six @@ git+https://p@ss@example.com/six"]'},
            id="pyproject",
        ),
    ],
)
def test_no_complaint_tells_who_is_named_in_an_address(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, **files)

    with pytest.raises(BundleError, match=r"https:/+\*\*\*\*@example\.com/six") as refused:
        read(tmp_path)
    assert "p@ss" not in str(refused.value)
    assert "bob" not in str(refused.value)


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        pytest.param("Flask_SQLAlchemy>=3", "flask-sqlalchemy", id="case and underscore"),
        pytest.param("a.b==1", "a-b", id="dot"),
        pytest.param("--index-url https://x", "", id="option"),
    ],
)
def test_a_requirement_is_known_by_its_canonical_name(requirement: str, expected: str) -> None:
    assert canonical(requirement) == expected


def test_the_folder_of_the_code_comes_first_then_those_above(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="above", src__pyproject_toml="[tool.ruff]\nline-length = 100\n")

    assert read(tmp_path / "src", tmp_path).lines == ("above",)
    write(tmp_path, src__requirements_txt="inside")
    assert read(tmp_path / "src", tmp_path).lines == ("inside",)
    assert read(tmp_path / "nothing").source == ""


def test_a_lock_beside_the_requirements_is_told(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="a", uv_lock="", pylock_toml="", pyproject_toml="")

    assert unread(str(tmp_path / "requirements.txt")) == ["uv.lock", "pylock.toml"]
    assert unread(str(tmp_path / "uv.lock")) == ["pylock.toml"]
    assert unread("") == []


PROJECT = """
[project]
name = "chat"
version = "1"
dependencies = ["requests>=2", "streamer-ws", "lib"]
optional-dependencies.fast = ["orjson"]
[dependency-groups]
base = ["a"]
lambda = [{ include-group = "Base" }, "b"]
[tool.uv.sources]
lib = { path = "lib" }
"""


def test_a_pyproject_gives_dependencies_extras_and_groups(tmp_path: Path) -> None:
    write(tmp_path, pyproject_toml=PROJECT, lib__pyproject_toml="")

    assert read(tmp_path).lines == ("requests>=2",)
    found = read(tmp_path, extras=["fast"], groups=["lambda"])
    assert found.lines == ("requests>=2", "orjson", "a", "b")
    assert found.local == (Local(tmp_path / "lib"),)


OF_ITSELF = """
[project]
name = "Our.Chat"
dependencies = ["a"]
[project.optional-dependencies]
Fast_One = ["b; os_name == 'posix'", "our-chat[more]"]
more = ["c", "our_chat[fast-one]"]
all = ["our-chat[fast-one]; python_version >= '3.12'", "d"]
[dependency-groups]
lambda = ["our-chat[more]"]
"""


def test_an_extra_of_the_project_itself_is_what_it_holds_and_no_package_of_that_name(tmp_path: Path) -> None:
    write(tmp_path, pyproject_toml=OF_ITSELF)

    assert read(tmp_path, extras=["fast-one"]).lines == ("a", "b; os_name == 'posix'", "c")
    assert read(tmp_path, groups=["lambda"]).lines == ("a", "c", "b; os_name == 'posix'")
    assert read(tmp_path, extras=["all"]).lines == (
        "a",
        'b; os_name == "posix" and python_version >= "3.12"',
        'c; python_version >= "3.12"',
        "d",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("[project", "cannot be read", id="not TOML"),
        pytest.param('[project]\nname = "x"\ndependencies = ["?"]', "is no requirement", id="no requirement"),
        pytest.param('[project]\nname = "x"\ndynamic = ["dependencies"]', "lets its backend find", id="dynamic"),
        pytest.param(
            '[project]\ndependencies = ["x"]\n[tool.uv.sources]\nx = { workspace = true }',
            "x from a uv workspace: run uv lock",
            id="workspace",
        ),
        *(
            pytest.param(
                f'[project]\ndependencies = ["x"]\n[tool.uv.sources]\nX = {source}',
                "x from tool.uv.sources: run uv lock",
                id=f"a source of uv's, {source}",
            )
            for source in (
                '{ index = "ours" }',
                '{ git = "https://example.com/x" }',
                '[{ index = "ours", marker = "os_name == \'posix\'" }]',
                '{ path = "x", marker = "os_name == \'nt\'" }',
            )
        ),
        *(
            pytest.param(
                f"{project}[tool.poetry.dependencies]\nx = {source}",
                "x from elsewhere: run poetry lock",
                id=f"a source of Poetry's, {source}{', of which the project says more' if project else ''}",
            )
            for project in ("", '[project]\ndependencies = ["x"]\n')
            for source in (
                '{ version = "^1", source = "ours" }',
                '{ file = "x.whl" }',
                '[{ version = "1", python = "<3" }, { path = "x" }]',
            )
        ),
    ],
)
def test_a_pyproject_that_cannot_be_followed_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    write(tmp_path, pyproject_toml=text)

    with pytest.raises(BundleError, match=complaint):
        read(tmp_path)


def test_an_unknown_extra_or_group_is_named(tmp_path: Path) -> None:
    write(tmp_path, pyproject_toml=PROJECT, lib__pyproject_toml="")

    with pytest.raises(BundleError, match="no optional dependencies 'slow'"):
        read(tmp_path, extras=["slow"])
    with pytest.raises(BundleError, match="no dependency group 'slow'"):
        read(tmp_path, groups=["slow"])


def test_poetry_without_a_lock_is_read_with_its_own_specifiers(tmp_path: Path) -> None:
    text = '[tool.poetry.dependencies]\npython = "^3.11"\na = "^1.2"\nb = "~2.3.1"\n'
    text += 'c = { version = "*", extras = ["x"] }\nd = "1.0"\n'
    write(tmp_path, pyproject_toml=text)

    assert read(tmp_path).lines == ("a>=1.2,<2", "b>=2.3.1,<2.4", "c[x]", "d==1.0")


UV_LOCK = """
version = 1
[[package]]
name = "chat"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "lib" }, { name = "fork", version = "2", marker = "python_full_version >= '3.12'" },
    { name = "fork", version = "1", marker = "python_full_version < '3.12'" }, { name = "streamer-ws" }]
[[package]]
name = "lib"
version = "1"
source = { editable = "lib" }
dependencies = [{ name = "deep", extra = ["x"] }, { name = "win", marker = "sys_platform == 'win32'" }]
[[package]]
name = "fork"
version = "1"
source = { registry = "https://example.com/simple" }
wheels = [{ url = "x", hash = "sha256:f1" }]
[[package]]
name = "fork"
version = "2"
source = { registry = "https://example.com/simple" }
wheels = [{ url = "x", hash = "sha256:f2" }]
[[package]]
name = "deep"
version = "3"
source = { git = "https://example.com/deep?rev=main#abc" }
[package.optional-dependencies]
x = [{ name = "extra" }]
[[package]]
name = "extra"
version = "4"
source = { registry = "https://example.com/simple" }
sdist = { url = "x", hash = "sha256:e4" }
[[package]]
name = "win"
version = "1"
[[package]]
name = "streamer-ws"
version = "1"
dependencies = [{ name = "moto" }]
"""


def test_a_uv_lock_gives_what_the_target_needs(tmp_path: Path) -> None:
    project = '[project]\nname = "chat"\nversion = "1"\ndependencies = ["lib", "fork"]\n'
    write(tmp_path, pyproject_toml=project, uv_lock=UV_LOCK, lib__pyproject_toml="")

    found = read(tmp_path)

    assert found.lines == (
        "deep @ git+https://example.com/deep@abc",
        "extra==4 --hash=sha256:e4",
        "fork==2 --hash=sha256:f2",
    )
    assert found.local == (Local(tmp_path / "lib"),)
    assert found.is_complete


WORKSPACE_LOCK = """
[manifest]
members = ["chat", "lib"]
[[package]]
name = "chat"
version = "1"
source = { virtual = "packages/chat" }
dependencies = [{ name = "lib" }]
[[package]]
name = "lib"
version = "1"
source = { editable = "packages/lib" }
dependencies = [{ name = "deep" }]
[[package]]
name = "deep"
version = "3"
source = { registry = "https://example.com/simple" }
wheels = [{ url = "x", hash = "sha256:d3" }]
"""


@pytest.mark.parametrize(
    ("name", "is_member"), [("chat", True), ("stranger", False), ("lib", False)], ids=["member", "neither", "elsewhere"]
)
def test_a_member_of_a_workspace_follows_the_lock_above(tmp_path: Path, name: str, *, is_member: bool) -> None:
    write(tmp_path, uv_lock=WORKSPACE_LOCK, pyproject_toml="[tool.uv.workspace]", packages__lib__pyproject_toml="")
    wanted = "lib" if name != "lib" else "other"
    project = f'[project]\nname = "{name}"\nversion = "1"\ndependencies = ["{wanted}"]\n'
    write(tmp_path, packages__chat__pyproject_toml=project)

    found = read(tmp_path / "packages" / "chat")

    locked = (("deep==3 --hash=sha256:d3",), (Local(tmp_path / "packages" / "lib"),))
    assert (found.lines, found.local) == (locked if is_member else ((wanted,), ()))


UV_LOCK_OF_CHAT = """
[[package]]
name = "chat"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "lib" }]
"""
STALE = """
[project]
name = "chat"
version = "1"
dependencies = ["lib"]
[project.optional-dependencies]
fast = ["deep"]
all = ["chat[fast]"]
[dependency-groups]
lambda = ["fork"]
"""


@pytest.mark.parametrize(
    ("where", "parts"),
    [
        pytest.param('["lib"', {}, id="itself"),
        pytest.param('["deep"', {"extras": ["fast"]}, id="in an extra"),
        pytest.param('["deep"', {"extras": ["all"]}, id="in an extra of an extra"),
        pytest.param('["fork"', {"groups": ["lambda"]}, id="in a group"),
    ],
)
def test_a_lock_older_than_the_project_is_refused(tmp_path: Path, where: str, parts: dict[str, Any]) -> None:
    lock = f"{UV_LOCK_OF_CHAT}optional-dependencies = {{ fast = [{{ name = 'deep' }}], all = [{{ name = 'deep' }}] }}\n"
    lock += "dev-dependencies = { lambda = [{ name = 'fork' }] }\n"
    lock += "".join(f'[[package]]\nname = "{name}"\nversion = "1"\n' for name in ("lib", "deep", "fork"))
    never = f"{where}, \"oldest; python_version < '3'\""
    write(tmp_path, pyproject_toml=STALE.replace(where, never), uv_lock=lock)
    assert read(tmp_path, **parts).is_complete

    write(tmp_path, pyproject_toml=STALE.replace(where, f'{where}, "newcomer>=1"'))
    with pytest.raises(BundleError, match=r"does not hold newcomer, which pyproject\.toml wants: run uv lock"):
        read(tmp_path, **parts)


LOCK_WITH_PARTS = """
[[package]]
name = "our-chat"
version = "1"
source = { virtual = "." }
optional-dependencies = { on-gpu = [{ name = "torch", marker = "extra == 'extra-8-our-chat-on-gpu'" }] }
dev-dependencies = { lambda = [{ name = "our-chat", extra = ["on-gpu"] }] }
metadata = { provides-extras = ["on-gpu", "none"], requires-dev = { lambda = [], none = [] } }
[[package]]
name = "torch"
version = "4"
"""
PROJECT_WITH_PARTS = """
[project]
name = "Our.Chat"
version = "1"
optional-dependencies = { On_GPU = ["torch"], none = ["oldest; python_version < '3'"] }
[dependency-groups]
lambda = ["our-chat[on.gpu]", "our-chat[none]; python_version < '3'"]
none = []
"""


@pytest.mark.parametrize(
    ("extras", "groups", "lines"),
    [
        pytest.param([], ["lambda"], ("torch==4",), id="a group that names an extra of the project itself"),
        pytest.param(["On_GPU"], [], ("torch==4",), id="an extra, however it is written"),
        pytest.param(["none"], ["none"], (), id="those that hold nothing for any Python of the project"),
    ],
)
def test_a_uv_lock_gives_what_the_parts_hold_that_are_asked_for(
    tmp_path: Path, extras: list[str], groups: list[str], lines: tuple[str, ...]
) -> None:
    write(tmp_path, uv_lock=LOCK_WITH_PARTS, pyproject_toml=PROJECT_WITH_PARTS)

    assert read(tmp_path, extras=extras, groups=groups).lines == lines


CONFLICTING = """
[[package]]
name = "our-chat"
version = "1"
source = { virtual = "." }
dependencies = [
    { name = "a", version = "1", marker = "extra == 'extra-8-our-chat-old-one'" },
    { name = "a", version = "2", marker = "extra == 'group-8-our-chat-dev' or extra != 'extra-8-our-chat-old-one'" },
]
optional-dependencies = { old-one = [], gpu = [{ name = "torch", marker = "extra == 'extra-8-our-chat-gpu'" }] }
[[package]]
name = "a"
version = "1"
resolution-markers = ["extra == 'extra-8-our-chat-old-one'"]
[[package]]
name = "a"
version = "2"
resolution-markers = ["extra != 'extra-8-our-chat-old-one'"]
dependencies = [{ name = "b", marker = "sys_platform == 'linux' and extra == 'project-8-our-chat'" }]
[[package]]
name = "b"
version = "3"
[[package]]
name = "torch"
version = "4"
"""


@pytest.mark.parametrize(
    ("extras", "lines"),
    [
        pytest.param([], ("a==2", "b==3"), id="neither"),
        pytest.param(["old-one"], ("a==1",), id="one"),
        pytest.param(["gpu"], ("a==2", "b==3", "torch==4"), id="the other"),
    ],
)
def test_parts_that_conflict_are_what_uv_locked_for_that_which_is_asked_for(
    tmp_path: Path, extras: list[str], lines: tuple[str, ...]
) -> None:
    project = '[project]\nname = "Our.Chat"\nversion = "1"\ndependencies = ["a"]\n'
    write(tmp_path, uv_lock=CONFLICTING, pyproject_toml=project)

    assert read(tmp_path, extras=extras).lines == lines


LOCK_OF_A = '[[package]]\nname = "a"\nversion = "1.5"\n'
UV_LOCK_OF_A = (
    '[[package]]\nname = "chat"\nversion = "1"\nsource = { virtual = "." }\ndependencies = [{ name = "a" }]\n'
    + LOCK_OF_A
)


@pytest.mark.parametrize(
    ("wanted", "is_current"),
    [
        *((each, True) for each in (">=1", "==1.5", "==1.*", "~=1.4", ">=1,<2", "")),
        *((each, False) for each in (">=1.6", "==1.4", "<1", ">=1,<1.5", "~=1.6")),
    ],
)
@pytest.mark.parametrize("lock", [{"uv_lock": UV_LOCK_OF_A}, {"poetry_lock": LOCK_OF_A}], ids=["uv", "Poetry"])
def test_a_lock_of_another_version_than_the_project_wants_is_refused(
    tmp_path: Path, lock: dict[str, str], wanted: str, *, is_current: bool
) -> None:
    project = f'[project]\nname = "chat"\ndependencies = ["a{wanted}", "a==9 ; os_name == \'nt\'"]\n'
    write(tmp_path, pyproject_toml=project, **lock)

    if is_current:
        assert read(tmp_path).lines == ("a==1.5",)
    else:
        with pytest.raises(BundleError, match=r"holds a 1\.5, and pyproject\.toml wants .*: lock the project again"):
            read(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "is_current"), [("^1.2", True), ("~1.5", True), ("1.*", True), ("^1 || ^2", True), ("^1.6", False)]
)
def test_a_lock_of_poetry_is_held_to_its_own_words(tmp_path: Path, wanted: str, *, is_current: bool) -> None:
    write(tmp_path, pyproject_toml=f'[tool.poetry.dependencies]\na = "{wanted}"\n', poetry_lock=LOCK_OF_A)

    if is_current:
        assert read(tmp_path).lines == ("a==1.5",)
    else:
        with pytest.raises(BundleError, match=r"holds a 1\.5"):
            read(tmp_path)


def test_what_a_project_overrides_for_uv_is_as_it_is_locked(tmp_path: Path) -> None:
    overrides = '[manifest]\noverrides = [{ name = "a", specifier = "==1.5" }]\n'
    project = '[project]\nname = "chat"\ndependencies = ["a>=2"]\n'
    write(tmp_path, pyproject_toml=project, uv_lock=overrides + UV_LOCK_OF_A)

    assert read(tmp_path).lines == ("a==1.5",)


@pytest.mark.parametrize("manifest", ["overrides = [{ name = 'a', marker = \"os_name == 'nt'\" }]", "excludes = ['a']"])
def test_what_a_project_excludes_for_uv_is_missing_from_no_lock(tmp_path: Path, manifest: str) -> None:
    lock = '[[package]]\nname = "chat"\nversion = "1"\nsource = { virtual = "." }\n'
    project = '[project]\nname = "chat"\ndependencies = ["a>=2"]\n'
    write(tmp_path, pyproject_toml=project, uv_lock=f"[manifest]\n{manifest}\n{lock}")

    assert read(tmp_path).lines == ()


def test_a_poetry_lock_gives_what_the_target_needs(tmp_path: Path) -> None:
    packages = [
        {"name": "a", "version": "1.0", "markers": 'python_version < "3.12"'},
        {"name": "a", "version": "2.0", "markers": 'python_version >= "3.12"'},
        {"name": "lib", "version": "1", "source": '{type = "directory", url = "lib"}'},
    ]
    text = ""
    for package in packages:
        text += "[[package]]\n"
        for key, value in package.items():
            text += f"{key} = {value if value.startswith('{') else json.dumps(value)}\n"
        text += 'files = [{file = "x", hash = "sha256:00"}]\n' if package["name"] == "a" else ""
    project = '[tool.poetry.dependencies]\npython = ">=3.11"\na = "*"\nlib = { path = "lib" }\n'
    write(tmp_path, pyproject_toml=project, poetry_lock=text, lib__pyproject_toml="")

    found = read(tmp_path)

    assert found.lines == ("a==2.0 --hash=sha256:00",)
    assert found.local == (Local(tmp_path / "lib"),)


POETRY = '[tool.poetry.dependencies]\npython = ">=3.11"\na = "1.0"\n'
POETRY_GROUP = '[tool.poetry.group.lambda.dependencies]\nb = "2.0"\n'
STANDARD = '[project]\nname = "x"\nversion = "1"\ndependencies = ["a==1.0"]\n'
STANDARD_GROUP = '[dependency-groups]\nlambda = ["b==2.0"]\n'
POETRY_LOCK = "".join(
    f'[[package]]\nname = "{name}"\nversion = "{version}"\nfiles = [{{file = "x", hash = "sha256:0"}}]\n'
    for name, version in (("a", "1.0"), ("b", "2.0"))
)


@pytest.mark.parametrize("is_locked", [True, False], ids=["lock", "no lock"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(POETRY + POETRY_GROUP, id="Poetry's own"),
        pytest.param(POETRY + STANDARD_GROUP, id="Poetry's own, and a group of the standard"),
        pytest.param(STANDARD + STANDARD_GROUP, id="standard"),
        pytest.param(STANDARD + POETRY_GROUP, id="standard, and a group of Poetry's own"),
        pytest.param(STANDARD + POETRY + STANDARD_GROUP, id="standard, of which Poetry says more"),
    ],
)
def test_a_group_is_found_wherever_poetry_looks_for_it(tmp_path: Path, text: str, *, is_locked: bool) -> None:
    write(tmp_path, pyproject_toml=text, **({"poetry_lock": POETRY_LOCK} if is_locked else {}))

    grouped = read(tmp_path, groups=["lambda"]).lines
    assert sorted(line.split(" ")[0] for line in grouped) == ["a==1.0", "b==2.0"]
    assert [line.split(" ")[0] for line in read(tmp_path).lines] == ["a==1.0"]


@pytest.mark.parametrize("text", [POETRY, STANDARD], ids=["Poetry's own", "standard"])
def test_what_a_project_with_a_lock_of_poetry_does_not_have_is_named(tmp_path: Path, text: str) -> None:
    write(tmp_path, pyproject_toml=text, poetry_lock=POETRY_LOCK)

    with pytest.raises(BundleError, match="no optional dependencies 'slow'"):
        read(tmp_path, extras=["slow"])
    with pytest.raises(BundleError, match="no dependency group 'slow'"):
        read(tmp_path, groups=["slow"])


@pytest.mark.parametrize(
    "markers",
    [
        pytest.param("", id="of Poetry 1"),
        pytest.param('markers = \'extra == "fast" or extra == "all"\'\n', id="of Poetry 2"),
        pytest.param('markers = \'python_version >= "3" and extra == "fast"\'\n', id="of some Pythons"),
        pytest.param("markers = { main = 'extra == \"fast\"', dev = 'python_version < \"3\"' }\n", id="of groups"),
    ],
)
def test_extras_of_a_lock_of_poetry_are_those_of_either_table(tmp_path: Path, markers: str) -> None:
    own = POETRY + 'b = { version = "2.0", optional = true }\n[tool.poetry.extras]\nfast = ["b"]\n'
    standard = STANDARD + 'optional-dependencies.fast = ["b"]\n'
    for text in (own, standard):
        lock = POETRY_LOCK.replace('name = "b"\n', f'name = "b"\n{markers}')
        write(tmp_path, pyproject_toml=text, poetry_lock=lock)

        for name in ("fast", "Fast"):
            assert [line[:1] for line in read(tmp_path, extras=[name]).lines] == ["a", "b"]
        assert [line[:1] for line in read(tmp_path).lines] == ["a"]


@pytest.mark.parametrize("line", ["-e ./streamer", "-e git+https://example.com/s@main#egg=streamer_ws"])
def test_streamer_itself_is_left_out_wherever_it_lies(tmp_path: Path, line: str) -> None:
    write(tmp_path, streamer__pyproject_toml='[project]\nname = "streamer-ws"\n', requirements_txt=f"{line}\na\n")

    found = requirements(tmp_path / "requirements.txt")

    assert (found.lines, found.local) == (("a",), ())


@pytest.mark.parametrize(
    ("files", "parts", "complaint"),
    [
        *(
            pytest.param(files, {part: ["x"]}, complaint, id=f"{part} {where}")
            for part in ("extras", "groups")
            for files, complaint, where in (
                ({"requirements_txt": "a"}, "extras and groups are for pyproject.toml", "of requirements"),
                ({}, "need a pyproject.toml, and there is none", "of nothing"),
            )
        ),
        pytest.param({"uv_lock": "", "pyproject_toml": ""}, {}, "without a pyproject.toml with a .project", id="uv"),
        pytest.param(
            {"pylock_toml": "", "pyproject_toml": ""},
            {},
            "PEP 751, which is not read here",
            id="PEP 751",
        ),
        pytest.param({"pdm_lock": "", "pyproject_toml": STANDARD}, {}, "requirements of it: `pdm export", id="PDM"),
        pytest.param({"Pipfile": "", "Pipfile_lock": ""}, {}, "Pipfile.lock is not read here", id="Pipenv"),
        pytest.param({"Pipfile": ""}, {}, "`pipenv lock && pipenv requirements", id="Pipenv without a lock"),
        pytest.param(
            {"pyproject_toml": STANDARD + '[dependency-groups]\na = [{ include-group = "a" }]\n'},
            {"groups": ["a"]},
            "the dependency group 'a' includes itself",
            id="circle",
        ),
    ],
)
def test_what_makes_no_sense_together_is_one_line(
    tmp_path: Path, files: dict[str, str], parts: dict[str, Any], complaint: str
) -> None:
    write(tmp_path, **files)

    with pytest.raises(BundleError, match=complaint):
        read(tmp_path, **parts)


@pytest.mark.parametrize("kind", ["pip", "uv"])
def test_an_installer_is_asked_for_lambdas_wheels_only(kind: Literal["pip", "uv"]) -> None:
    made = Installer(kind, sys.executable).install(
        Path("r"), Path("t"), python="3.13", architecture="arm64", is_complete=True, is_hashed=True
    )

    platforms = [made[i + 1] for i, word in enumerate(made) if word in ("--platform", "--python-platform")]
    assert platforms[0] == {"pip": "manylinux_2_34_aarch64", "uv": "aarch64-manylinux_2_34"}[kind]
    assert made[made.index("--only-binary") + 1] == ":all:"
    assert made[made.index("--python-version") + 1] == "3.13"
    assert {"--no-deps", "--require-hashes"} <= set(made)


def test_uv_is_told_what_has_to_be_built() -> None:
    made = Installer("uv", "uv").install(
        *(Path("r"), Path("t")), python="3.13", architecture="arm64", is_complete=True, is_hashed=False,
        from_source=["lib"],
    )  # fmt: skip

    assert made[made.index("--no-binary") + 1] == "lib"


@pytest.mark.parametrize(
    ("record", "why"),
    [
        pytest.param(None, "without a list of its files", id="of a Linux distribution"),
        pytest.param("half-1.0.dist-info/METADATA,,\nhalf/gone.py,,\n", "without half/gone.py", id="not whole"),
    ],
)
def test_what_the_runtime_needs_is_copied_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: str | None, why: str
) -> None:
    about = tmp_path / "half-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: half\nVersion: 1.0\n")
    if record is not None:
        (about / "RECORD").write_text(record)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(BundleError, match=f"half is installed here {why}.*pip install --ignore-installed half"):
        installed_files("half")
