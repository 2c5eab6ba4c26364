"""Public projects, each emulated by one command and talked to: ``python -m benchmarks.public_projects FOLDER``.

FOLDER has a checkout of each as ``OWNER+NAME``; none of their code is part of this repository. A project of Serverless
must be packaged before, by ``npx serverless package`` or ``npx osls package`` in its folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PATIENCE_SECONDS: Final = 60.0
STREAMER: Final = Path(sysconfig.get_path("scripts")) / "streamer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One project: where it is, what it is started with, and a conversation of two clients."""

    name: str
    """``OWNER/NAME``."""
    form: str
    target: str
    says: str
    """What the first client sends."""
    hears: str
    """What the answer contains."""
    by: int = 1
    """Who hears it: 0 the first client, 1 the second."""
    folder: str = "."
    options: tuple[str, ...] = ()


PROJECTS: Final = (
    Project(
        name="aws-samples/serverless-websocket-chat",
        form="SAM, Python",
        target="template.yaml",
        says="hello",
        hears="hello",
    ),
    Project(
        name="shameerkamal2801/aws-simple-websocket-chat-app-python",
        form="SAM, Python",
        target="template.yaml",
        says='{"action": "sendmessage", "message": "hello"}',
        hears="hello",
    ),
    Project(
        name="LZafiro/python-serverless-websocket-chat",
        form="Serverless, Python",
        target=".serverless",
        says='{"type": "chat", "data": {"message": "hello", "username": "ada"}}',
        hears="hello",
    ),
    Project(
        name="v-studios/apigateway-websockets",
        form="Serverless, Python",
        target=".serverless",
        says='{"route": "sendMessage", "data": "hello"}',
        hears="hello",
    ),
    Project(
        name="Zapodask/lambda-websockets-chat",
        form="CloudFormation, Python",
        target="template.yaml",
        options=("--code", "lambdaFunction=."),
        says='{"action": "sendToAll", "message": "hello"}',
        hears="hello",
    ),
    Project(
        name="aws-samples/simple-websockets-chat-app",
        form="SAM, Node.js",
        target="template.yaml",
        says='{"action": "sendmessage", "data": "hello"}',
        hears="hello",
    ),
    Project(
        name="giusedroid/serverless-websockets-no-dynamo",
        form="SAM, Node.js",
        target="template.yaml",
        says='{"action": "message", "message": "hello"}',
        hears="hello",
        by=0,
    ),
    Project(
        name="nirgluzman/AWS-Serverless-WebSocket",
        form="Serverless, Node.js",
        target=".serverless",
        says='{"action": "message", "message": "hello"}',
        hears="hello",
    ),
)


def main(folder: Path) -> None:
    """Print a line of a table for each project."""
    print("| project | form | ran | |")
    print("|---|---|---|---|")
    for project in PROJECTS:
        where = folder / project.name.replace("/", "+") / project.folder
        ran, remark = tried(project, where) if where.is_dir() else ("not tried", "no checkout")
        print(f"| {project.name} | {project.form} | {ran} | {remark} |", flush=True)


def tried(project: Project, folder: Path) -> tuple[str, str]:
    """Whether the conversation came about, and a remark."""
    with tempfile.TemporaryDirectory() as temporary:
        ready = Path(temporary, "ready.json")
        with Path(temporary, "log").open("w+") as log:
            process = subprocess.Popen(
                [STREAMER, "emulate", project.target, "--port", "0", "--ready-file", ready, *project.options],
                cwd=folder,
                stdout=log,
                stderr=log,
            )
            try:
                return _talked(project, process, ready)
            except (OSError, WebSocketException) as error:
                log.seek(0)
                lines = [line.strip() for line in log if "not run" in line or "ERROR" in line or "streamer:" in line]
                return "no", (lines[-1] if lines else f"{type(error).__name__}: {error}")[:160]
            finally:
                process.terminate()
                process.wait()


def _talked(project: Project, process: subprocess.Popen[bytes], ready: Path) -> tuple[str, str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError("it did not start")
        time.sleep(0.05)
    url = json.loads(ready.read_text("utf-8"))["websocket_url"]
    with (
        connect(url, open_timeout=PATIENCE_SECONDS, proxy=None) as first,
        connect(url, open_timeout=PATIENCE_SECONDS, proxy=None) as second,
    ):
        first.send(project.says)
        heard = str((first, second)[project.by].recv(timeout=PATIENCE_SECONDS))
    if project.hears not in heard:
        raise TimeoutError(f"heard {heard[:100]}")
    return ("with an option", " ".join(project.options)) if project.options else ("unmodified", "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
