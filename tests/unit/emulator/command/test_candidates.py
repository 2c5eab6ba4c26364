"""Services that a folder seems to hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.command.targets.candidates import candidates, no_service
from streamer.project import read


def test_services_are_found_without_importing_anything(tmp_path: Path) -> None:
    files = {
        "shop/api.py": "import streamer\napp = streamer.App()\nraise SystemExit",
        "service.py": "from streamer.topology import Topology\nchat: Topology = Topology(api=..., functions=())",
        "marked.py": "\ufeffapp = App()  # as Windows marks files",
        "warned.py": "app = App(); word = '\\w'",
        "broken.py": "app = App(",
        "deployed.py": "import aws_cdk as cdk\napp = cdk.App()",
        "also.py": "from aws_cdk import App\napp = App()",
        "chat-cdk/app.py": "from streamer import App\napp = App()",
        "venv/lib/x.py": "app = App()",
        "tests/conftest.py": "app = App()",
        ".hidden/x.py": "app = App()",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert candidates(tmp_path) == ["marked:app", "service:chat", "shop.api:app", "warned:app"]


def test_nothing_below_a_home_folder_or_above_one_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    for name in ("home/shop/api.py", "home/own.py", "home/infra/template.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("app = App()")
    monkeypatch.setenv("HOME", str(home))

    assert (candidates(tmp_path), candidates(home)) == ([], ["own:app"])
    assert candidates(home / "shop") == ["api:app"]
    (home / "own.py").unlink()
    assert "`streamer init` makes a new one" in str(no_service(read(home)))
