"""Guided mode, on a terminal."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pty = pytest.importorskip("pty")

APP = "from streamer import App\n\napp = App()\n"


def test_guided_mode_asks_once_and_writes_streamer_toml(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "streamer.toml").write_text('# ours\n\n[environment]\nLOG_LEVEL = "DEBUG"\n')
    master, slave = pty.openpty()
    answers = ["chat", "", "prod", "eu-central-1", "", "x86_64", "90", "y"]
    os.write(master, "".join(f"{answer}\n" for answer in answers).encode())

    ran = subprocess.run(
        [str(Path(sys.executable).with_name("streamer")), "deploy", "--guided", "--dry-run"],
        cwd=tmp_path,
        stdin=slave,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "AWS_EC2_METADATA_DISABLED": "true"},
    )
    os.close(master)
    os.close(slave)

    assert ran.returncode == 0, ran.stderr
    written = (tmp_path / "streamer.toml").read_text()
    assert written.startswith("# ours\n")
    assert tomllib.loads(written) == {
        "service": "chat",
        "app": "app:app",
        "stage": "prod",
        "region": "eu-central-1",
        "python": "3.13",
        "architecture": "x86_64",
        "log_retention_days": 90,
        "logging_role": True,
        "environment": {"LOG_LEVEL": "DEBUG"},
    }
    assert "would create the stack chat-prod" in ran.stdout
