"""The user's folder: what is packed of it, and what is left out and why."""

import os
import sys
from pathlib import Path, PurePosixPath

import pytest

from deploy.errors import BundleError
from deploy.package.bundle import bundle
from deploy.package.project_files import is_excluded, project_files
from emulator.dynamodb.engine import EmbeddedDynamoDB

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n"


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def packed(folder: Path, *excluded: str) -> set[str]:
    return set(project_files(folder, excluded).files)


def test_what_lambda_never_needs_is_left_out_of_the_projects_folder(tmp_path: Path) -> None:
    unneeded = ("tests/test_app.py", ".git/config", "streamer.toml", "requirements-dev.txt", "a.pyc", "shop/a.pyo")
    folders = ("node_modules", "venv", "env", "build", "dist", "shop/__pycache__", "shop/x.egg-info", "shop/.cache")
    tools = (
        "pyproject.toml",
        "Makefile",
        "Dockerfile",
        "pylock.toml",
        "shop/uv.lock",
        "shop/poetry.lock",
        "pdm.lock",
        "Pipfile",
        "pip.conf",
        "uv.toml",
    )
    left = (*unneeded, *(f"{each}/x.py" for each in folders), *tools, "shop/wheels/a-1-py3.whl")
    tree(tmp_path, dict.fromkeys(("app.py", "shop/api.py", "data.json", *left), ""))

    assert packed(tmp_path, "data.json") == {"app.py", "shop/api.py"}


def test_packages_of_the_user_may_be_called_build_dist_and_tests(tmp_path: Path) -> None:
    own = ("shop/build/a.py", "shop/dist/a.py", "shop/tests/a.py", "shop/env/a.py")
    tree(tmp_path, dict.fromkeys(("app.py", "build/lib/app.py", "dist/x", *own), ""))

    assert packed(tmp_path) == {"app.py", *own}


def test_a_virtual_environment_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    tree(tmp_path, {"app.py": "", "myenv/pyvenv.cfg": "", "myenv/lib/a.py": ""})
    (tmp_path / "myenv" / "python").symlink_to("/bin/sh")

    assert packed(tmp_path) == {"app.py"}


def test_logs_are_no_code_and_their_owner_is_told(tmp_path: Path) -> None:
    tree(tmp_path, dict.fromkeys(("app.py", "deploy.log", "shop/run.log", "shop/sample.log", "nohup.out"), "deployed"))
    tree(tmp_path, {".streamerignore": "!sample.log\n"})

    found = project_files(tmp_path)

    assert set(found.files) == {"app.py", "shop/sample.log"}
    told = {each.path: each.reason for each in found.left_out if each.is_told}
    assert told == dict.fromkeys(("deploy.log", "nohup.out", "shop/run.log"), "a log by its name")


SUB = {"data/sub/a.csv", "data/sub/b.txt"}


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        pytest.param({".gitignore": "*.csv\n"}, {"data/keep.py", "data/sub/b.txt"}, id="name anywhere"),
        pytest.param({".gitignore": "/data/\n"}, set(), id="folder"),
        pytest.param({".gitignore": "data/**\n"}, set(), id="everything below"),
        pytest.param({".gitignore": "data/*\n!data/sub/\n"}, SUB, id="all but a folder"),
        *(
            pytest.param({".gitignore": f"{all_of_it}\n!/data/keep.py\n"}, {"data/keep.py"}, id=f"{all_of_it} but one")
            for all_of_it in ("data/*", "data/**", "**/data/**", "data/**/*")
        ),
        pytest.param({".gitignore": "data/\n", ".streamerignore": "!data/**\n"}, {"data/a.csv", "data/keep.py", *SUB}),
        pytest.param({".gitignore": "data/\n!data/keep.py\n"}, set(), id="nothing comes back from an ignored folder"),
        pytest.param({".gitignore": "*\n!*.py\n!*/\n"}, {"data/keep.py"}, id="negation"),
        pytest.param({".gitignore": "*\n!*/\n!*.py\n!b.txt\n"}, {"data/keep.py", "data/sub/b.txt"}, id="at any depth"),
        pytest.param({".gitignore": "*/\n!data/\n"}, {"data/a.csv", "data/keep.py"}, id="all folders but one"),
        pytest.param({"data/.gitignore": "/a.csv\n"}, {"data/keep.py", *SUB}, id="nested"),
        pytest.param(
            {".gitignore": "*.csv\n", "data/sub/.gitignore": "!a.csv\n"},
            {"data/keep.py", "data/sub/b.txt", "data/sub/a.csv"},
            id="nested negation",
        ),
        pytest.param(
            {".gitignore": "data/\n", ".streamerignore": "!data/\nsub/\n"},
            {"data/a.csv", "data/keep.py"},
            id="streamer's own wins",
        ),
        pytest.param({".streamerignore": "# none\n*.py\n!app.py\n"}, {"data/a.csv", *SUB}, id="streamer's own alone"),
    ],
)  # fmt: skip
def test_ignored_files_stay_at_home(tmp_path: Path, ignored: dict[str, str], expected: set[str]) -> None:
    files = ("app.py", "data/a.csv", "data/keep.py", "data/sub/a.csv", "data/sub/b.txt")
    tree(tmp_path, {**dict.fromkeys(files, ""), **ignored})

    assert packed(tmp_path) == {"app.py", *expected}


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        pytest.param({".gitignore": "*\n!*/\n!*.py\n"}, set(), id="all folders"),
        pytest.param({".gitignore": "!.*\n!tests\n!*.log\n"}, set(), id="by name"),
        pytest.param({".gitignore": ".ci\n", "shop/.gitignore": "!.ci\n"}, set(), id="again, further down"),
        pytest.param({".streamerignore": "!.ci\n", "shop/.gitignore": "!*/\n"}, {"shop/.ci/c.py"}, id="wanted, too"),
    ],
)
def test_what_git_keeps_is_not_what_lambda_needs(tmp_path: Path, lists: dict[str, str], expected: set[str]) -> None:
    unneeded = (".git/config", ".git/hooks/a.py", ".hidden.py", "tests/t.py", "node_modules/n.py", "b.log")
    tree(tmp_path, {**dict.fromkeys(("app.py", "shop/.ci/c.py", *unneeded), ""), **lists})

    assert packed(tmp_path) == {"app.py", *expected}


@pytest.mark.parametrize("name", [".gitignore", ".streamerignore"])
def test_patterns_that_were_saved_on_windows_count(tmp_path: Path, name: str) -> None:
    tree(tmp_path, {"app.py": "", "customers.csv": "", "other.txt": ""})
    (tmp_path / name).write_bytes(b"\xef\xbb\xbfcustomers.csv\r\nother.txt\r\n")

    assert packed(tmp_path) == {"app.py"}


def test_what_the_repository_ignores_above_the_project_is_ignored_and_above_the_repository_is_not(
    tmp_path: Path,
) -> None:
    tree(tmp_path, {".gitignore": "*.py\n", "repo/.git/HEAD": "", "repo/.gitignore": "code/data/\n*.csv\n"})
    tree(tmp_path / "repo" / "code", {"app.py": "", "data/a.txt": "", "b.csv": ""})

    assert packed(tmp_path / "repo" / "code") == {"app.py"}


SECRETS = {
    ".env": "environment variables",
    "prod.env": "environment variables",
    "keys/jwt-private.pem": "a private key",
    "keys/server.key": "a private key",
    "id_rsa": "a private key",
    "credentials.json": "credentials",
    "secrets.yaml": "secrets",
    ".npmrc": "npm",
    ".pypirc": "PyPI",
    ".netrc": "netrc",
    "terraform.tfstate": "Terraform",
    "store.p12": "PKCS",
    "store.jks": "Java",
    "kubeconfig": "Kubernetes",
    "state.db": "SQLite",
    "notes.txt": "a private key",
    "boto.ini": "AWS",
}


def test_secrets_are_left_out_and_each_is_told(tmp_path: Path) -> None:
    contents = dict.fromkeys(SECRETS, "x")
    contents |= {"keys/jwt-private.pem": KEY, "notes.txt": f"remember:\n{KEY}", "state.db": "SQLite format 3\0"}
    contents |= {"boto.ini": "aws_secret_access_key=" + "a1B2" * 10, "app.py": "x = 1", "keys/jwt.pem": "public"}

    found = project_files(tree(tmp_path, contents))

    assert set(found.files) == {"app.py", "keys/jwt.pem"}
    told = {each.path: each.reason for each in found.left_out if each.is_told}
    assert set(told) == set(SECRETS)
    assert [name for name, kind in SECRETS.items() if kind not in told[name]] == []


def test_a_database_is_packed_when_it_is_named(tmp_path: Path) -> None:
    tree(tmp_path, {"app.py": "", "words.sqlite": "SQLite format 3\0", ".streamerignore": "!words.sqlite\n"})

    assert packed(tmp_path) == {"app.py", "words.sqlite"}


TOKEN = "npm" + "_" + "q7Wz0RkT5mYb3XcV9nHs1LdF8gJp6ZtG2xKv"


def test_a_token_in_a_file_is_refused_in_one_line_that_does_not_show_it(tmp_path: Path) -> None:
    contents = dict.fromkeys(("app.py", "a/b.json", "c.yaml", "d.txt", "e.sh"), f"# one\nTOKEN = '{TOKEN}'\n")
    tree(tmp_path, contents)

    with pytest.raises(BundleError) as refused:
        project_files(tmp_path)

    text = str(refused.value)
    assert text.startswith("a/b.json line 2 holds a token of npm, app.py line 2 holds a token of npm, c.yaml line 2 ")
    assert "(and 2 more)" in text
    assert "write !a/b.json there" in text
    assert TOKEN not in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        pytest.param({".streamerignore": "notes.txt\n"}, {"app.py"}, id="left out by streamer's own"),
        pytest.param({".gitignore": "notes.txt\n"}, {"app.py"}, id="left out by git's"),
        pytest.param({".streamerignore": "!notes.txt\n"}, {"app.py", "notes.txt"}, id="wanted"),
        pytest.param(
            {".gitignore": "*.txt\n", ".streamerignore": "!*.txt\n"}, {"app.py", "notes.txt"}, id="wanted again"
        ),
    ],
)
def test_a_file_with_a_token_is_left_out_or_packed_where_the_user_says_so(
    tmp_path: Path, ignored: dict[str, str], expected: set[str]
) -> None:
    tree(tmp_path, {"app.py": "", "notes.txt": TOKEN, **ignored})

    assert packed(tmp_path) == expected


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    tree(tmp_path, {"secret.py": "", "project/app.py": ""})
    (tmp_path / "project" / "out.py").symlink_to(tmp_path / "secret.py")

    with pytest.raises(BundleError, match=r"out\.py is a link that leads out"):
        project_files(tmp_path / "project")


@pytest.mark.parametrize(
    ("link", "target", "reason"),
    [
        pytest.param("settings.ini", ".env", "a file of environment variables", id="a hidden file"),
        pytest.param("a/settings.ini", "../.env", "a file of environment variables", id="from a folder"),
        pytest.param("keys", ".streamer", "state of the emulator", id="a hidden folder"),
        pytest.param("key.txt", ".streamer/secret", "state of the emulator", id="a file of a hidden folder"),
        pytest.param("again", "data", ".gitignore", id="what git ignores"),
        pytest.param("row.csv", "data/row.csv", ".gitignore", id="a file of what git ignores"),
        pytest.param("case.py", "tests/case.py", "never needed on Lambda", id="tests"),
    ],
)
def test_a_link_to_what_is_left_out_is_refused_with_the_reason(
    tmp_path: Path, link: str, target: str, reason: str
) -> None:
    hidden = {
        ".env": "A=b",
        ".streamer/secret": "s",
        "data/row.csv": "1",
        "tests/case.py": "",
        ".gitignore": "/data/\n",
    }
    tree(tmp_path, {"app.py": "", "a/b.py": "", **hidden})
    (tmp_path / link).symlink_to(target)

    with pytest.raises(BundleError) as refused:
        project_files(tmp_path)

    assert f"{link} is a link to {target.removeprefix('../')}, which is left out ({reason})" in str(refused.value)
    (tmp_path / ".streamerignore").write_text(f"{link}\n")
    assert packed(tmp_path) == {"app.py", "a/b.py"}


def test_a_link_to_what_is_packed_is_packed_without_what_is_left_out_there(tmp_path: Path) -> None:
    tree(tmp_path, {"app.py": "", "src/a.py": "", "src/own.txt": "", ".gitignore": "/src/own.txt\n"})
    (tmp_path / "b.py").symlink_to("src/a.py")
    (tmp_path / "lib").symlink_to("src")

    assert packed(tmp_path) == {"app.py", "src/a.py", "b.py", "lib/a.py"}


def test_a_link_that_was_asked_for_is_packed_unless_it_leads_to_a_secret(tmp_path: Path) -> None:
    tree(tmp_path, {"app.py": "", ".env": "A=b", ".hidden": "", ".streamerignore": "!settings.ini\n!hidden.txt\n"})
    (tmp_path / "settings.ini").symlink_to(".env")
    (tmp_path / "hidden.txt").symlink_to(".hidden")

    found = project_files(tmp_path)

    assert set(found.files) == {"app.py", "hidden.txt"}
    assert ("settings.ini", True) in [(each.path, each.is_told) for each in found.left_out]


@pytest.mark.parametrize(
    "links",
    [
        pytest.param({"a": "."}, id="to the project"),
        pytest.param({"a": ".", "b": "."}, id="two"),
        pytest.param({"src/up": ".."}, id="to a folder above"),
        pytest.param({"src/other": "../lib", "lib/other": "../src"}, id="to each other"),
    ],
)
def test_links_that_lead_around_in_a_circle_are_refused(tmp_path: Path, links: dict[str, str]) -> None:
    tree(tmp_path, {"app.py": "", "src/a.py": "", "lib/b.py": ""})
    for link, target in links.items():
        (tmp_path / link).symlink_to(target)

    with pytest.raises(BundleError, match="is a link to a folder that it is in"):
        project_files(tmp_path)


@pytest.mark.parametrize(
    "links",
    [pytest.param({"a": "nowhere"}, id="to nothing"), pytest.param({"a": "b", "b": "a"}, id="to each other")],
)
def test_links_that_lead_nowhere_are_left_out_and_told_unless_they_are_ignored(
    tmp_path: Path, links: dict[str, str]
) -> None:
    tree(tmp_path, {"app.py": "", ".gitignore": "ignored\n"})
    for link, target in {**links, "ignored": "nowhere", ".#hidden": "nowhere"}.items():
        (tmp_path / link).symlink_to(target)

    found = project_files(tmp_path)

    assert set(found.files) == {"app.py"}
    told = {each.path: each.reason for each in found.left_out if each.is_told}
    assert told == dict.fromkeys(links, "a link that leads to nothing")


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_a_name_that_is_no_utf_8_is_refused_or_left_out_as_any_other(tmp_path: Path) -> None:
    tree(tmp_path, {"app.py": ""})
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("")

    with pytest.raises(BundleError, match=r"the name of caf\\xe9\.txt is no UTF-8"):
        project_files(tmp_path)
    (tmp_path / ".streamerignore").write_text("*.txt\n")
    found = project_files(tmp_path)

    assert set(found.files) == {"app.py"}
    assert r"caf\xe9.txt" in [each.path for each in found.left_out]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["data/volume.txt", "data"])
def test_what_may_not_be_read_is_refused_by_its_name_or_left_out_as_any_other(tmp_path: Path, name: str) -> None:
    tree(tmp_path, {"app.py": "", "data/volume.txt": "x"})
    (tmp_path / name).chmod(0)
    try:
        with pytest.raises(BundleError, match=rf"{name} cannot be read: Permission denied; mend that"):
            project_files(tmp_path)
        (tmp_path / ".streamerignore").write_text("data\n")
        found = project_files(tmp_path)
    finally:
        (tmp_path / name).chmod(0o700)

    assert set(found.files) == {"app.py"}


def test_what_an_emulator_left_in_the_project_stays_here(tmp_path: Path) -> None:
    left = {"state": EmbeddedDynamoDB().dump(), "logs/aws-lambda-router.log": b"START"}
    tree(tmp_path, {"app.py": "", **dict.fromkeys(left, "")})
    for name, content in left.items():
        (tmp_path / name).write_bytes(content)

    found = project_files(tmp_path)

    assert set(found.files) == {"app.py"}
    told = {each.path: each.reason for each in found.left_out if each.is_told}
    assert told == {"state": "state of the emulator", "logs/aws-lambda-router.log": "a log of the emulator"}


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_an_empty_or_missing_project_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="there is no"):
        project_files(tmp_path / name)


def test_a_file_that_no_function_takes_is_refused_by_its_name_before_it_is_read(tmp_path: Path) -> None:
    tree(tmp_path, {"app.py": "", "data/model.bin": ""})
    os.truncate(tmp_path / "data/model.bin", 2**34)  # sparse

    with pytest.raises(BundleError, match=r"^data/model.bin has 16,384 MB and Lambda takes 250 unzipped"):
        project_files(tmp_path)

    (tmp_path / "data/model.bin").write_bytes(b"SQLite format 3\0")
    os.truncate(tmp_path / "data/model.bin", 2**34)
    assert packed(tmp_path) == {"app.py"}


def test_what_may_be_executed_stays_so_and_what_may_not_does_not(tmp_path: Path) -> None:
    tree(tmp_path, {"app.py": "", "run.sh": ""})
    (tmp_path / "run.sh").chmod(0o755)

    assert {name: file.is_executable for name, file in project_files(tmp_path).files.items()} == {
        "app.py": False,
        "run.sh": True,
    }


def test_a_folder_that_is_left_out_is_named_as_one_and_not_told(tmp_path: Path) -> None:
    tree(tmp_path, {"app.py": "", "build/x": "", "secrets.yml/x": "", ".gitignore": "secrets.yml/"})

    told = {each.path: each.is_told for each in project_files(tmp_path).left_out}
    assert told == {"build/": False, "secrets.yml/": False, ".gitignore": False}


def test_times_and_modes_of_the_machine_do_not_count(tmp_path: Path) -> None:
    one, two = (tree(tmp_path / name, {"app.py": "x = 1"}) for name in ("one", "two"))
    (two / "app.py").chmod(0o600)

    assert bundle(project_files(one).files).zipped == bundle(project_files(two).files).zipped


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        pytest.param("*.csv", "data/a.csv", True, id="name anywhere"),
        pytest.param("data/*", "data/a.csv", True, id="path"),
        pytest.param("data/*", "other/data", False, id="path elsewhere"),
        pytest.param("data", "data", True, id="folder"),
        pytest.param("data", "database", False, id="not a part of a name"),
        pytest.param("data/", "shop/data", True, id="folder, as git writes it"),
        pytest.param("data/raw/", "data/raw", True, id="path of a folder, as git writes it"),
        pytest.param("/data", "data", True, id="from the project's folder on"),
        pytest.param("/data", "shop/data", False, id="from there on alone"),
        pytest.param("./data/", "data", True, id="as a shell completes it"),
        pytest.param("./*.csv", "data/a.csv", True, id="below, as a star fits a slash"),
    ],
)
def test_a_pattern_excludes_a_path_from_the_bundle(pattern: str, path: str, expected: bool) -> None:
    assert is_excluded(PurePosixPath(path), [pattern]) is expected
