"""From an empty folder to a service that runs and a test that passes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from running_command import STREAMER, Emulate, pytest_in, streamer


@pytest.mark.parametrize("template", ["minimal", "handlers", "reports"])
def test_a_new_service_passes_its_own_test(tmp_path: Path, template: str) -> None:
    made = streamer("init", "--template", template, folder=tmp_path)

    assert made.returncode == 0, made.stderr
    # Of a process that has imported them, which `tests/wheel.py` has not.
    said = pytest_in(tmp_path, "-p", "no:xdist", "-W", "ignore:Module already imported")
    assert "warning" not in said.lower(), said


def test_where_a_file_cannot_be_written_none_is_left(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$0" init', STREAMER],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (2, "streamer: app.py cannot be written: File too large\n")
    assert list(tmp_path.iterdir()) == []


def test_in_a_project_that_is_there_its_own_ways_are_kept(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n[tool.pytest.ini_options]\nminversion = "8"\n')
    (tmp_path / ".gitignore").write_text("__pycache__/\n/.venv")

    made = streamer("init", folder=tmp_path)

    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert made.returncode == 0, made.stderr
    assert files == {
        *("app.py", "tests/test_app.py", "streamer.toml", ".vscode/launch.json"),
        *("pyproject.toml", ".gitignore"),
    }
    assert (tmp_path / ".gitignore").read_text() == "__pycache__/\n/.venv\n.streamer/\n.env\n"
    assert "added to .gitignore: .streamer/, .env\n" in made.stderr
    assert "left out requirements.txt: pyproject.toml has them\n" in made.stderr


def test_below_the_top_of_a_repository_no_workflow_is_made(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()

    made = streamer("init", "services/chat", folder=tmp_path)

    assert "left out .github/workflows/test.yml: GitHub looks for it at the top" in made.stderr
    assert not (tmp_path / "services/chat/.github").exists()
    assert (tmp_path / "services/chat/app.py").is_file()


def test_what_to_run_can_be_pasted(tmp_path: Path) -> None:
    made = streamer("init", "my shop", folder=tmp_path)

    assert "Run it: cd 'my shop' && streamer emulate" in made.stderr


def test_a_new_service_runs_and_tells_its_actions(tmp_path: Path) -> None:
    streamer("init", "shop", folder=tmp_path)

    with Emulate(folder=tmp_path / "shop"):
        assert streamer("actions", folder=tmp_path / "shop" / "tests").stdout == "greet\ncount\n"
        done = streamer("call", "greet", '{"name": "Ada"}', folder=tmp_path / "shop" / "tests")

    assert json.loads(done.stdout) == {"hello": "Ada"}, done.stderr


def test_a_new_service_has_files_for_ci_and_for_editors(tmp_path: Path) -> None:
    streamer("init", folder=tmp_path)

    workflow = yaml.safe_load((tmp_path / ".github/workflows/test.yml").read_text())
    launch = json.loads((tmp_path / ".vscode/launch.json").read_text())
    assert [step.get("run", "").split()[:1] for step in workflow["jobs"]["test"]["steps"]][2:] == [["pip"], ["pytest"]]
    assert {each["module"] for each in launch["configurations"]} == {"streamer", "pytest"}


def test_nothing_is_replaced_and_then_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("mine")

    done = streamer("init", folder=tmp_path)

    assert done.returncode == 2
    assert "has pytest.ini already; nothing was written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["pytest.ini"]


@pytest.mark.parametrize(
    ("template", "out", "error"),
    [
        pytest.param("minimal", "greet\ncount\n", "", id="an App"),
        pytest.param("handlers", "", "so it has no actions", id="plain handlers"),
    ],
)
def test_without_an_emulator_actions_reads_the_folder_s_service(
    tmp_path: Path, template: str, out: str, error: str
) -> None:
    streamer("init", "--template", template, folder=tmp_path)

    done = streamer("actions", folder=tmp_path)

    assert (done.returncode, done.stdout) == (0, out)
    assert error in done.stderr


def test_without_a_service_actions_says_what_to_do(tmp_path: Path) -> None:
    done = streamer("actions", folder=tmp_path)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "there is no service in" in done.stderr
