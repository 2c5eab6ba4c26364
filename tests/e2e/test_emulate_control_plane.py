"""``streamer emulate --control-plane``, deployed to by ``streamer deploy`` and used by the client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from running_command import PATIENCE_SECONDS, STREAMER, Emulate, aws_client, streamer

from streamer.auth import mint
from streamer.client import SyncClient

EXAMPLE = Path(__file__).parents[2] / "examples" / "reports"
SECRET = "a secret of forty characters, or a few more"
SETTINGS = 'service = "reports"\nregion = "us-east-1"\nlogging_role = true\n'


def deploys(folder: Path, url: str, *arguments: str) -> str:
    """What a command says that speaks to the emulator as to AWS."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [STREAMER, *arguments],
        cwd=folder,
        env={
            **kept,
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
            "JWT_SECRET": SECRET,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_example_is_deployed_used_changed_and_destroyed(tmp_path: Path) -> None:
    project, place = tmp_path / "reports", tmp_path / "place"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("__pycache__", "tests", ".streamer"))
    (project / "streamer.toml").write_text(SETTINGS)
    place.mkdir()
    with Emulate("--control-plane", folder=place) as emulate:
        url = str(emulate.ready["url"])
        assert "reports-dev is deployed" in deploys(project, url, "deploy", "--yes")
        found = aws_client("cloudformation", url).describe_stacks(StackName="reports-dev")["Stacks"][0]
        address = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}["WebSocketUrl"]
        token = mint(
            SECRET,
            user_id="ada",
            tenant_id="acme",
            permissions=("reports",),
            now=time.time(),
            expires_in_seconds=600,
        )
        with SyncClient(address, token) as client:
            assert client.request("total", {"month": "2026-10"})["month"] == "2026-10"
            assert client.request("report", {"month": "2026-10"})["month"] == "2026-10"
        assert "reports-dev" in deploys(project, url, "status")

        with (project / "app.py").open("a") as file:
            file.write("\n# changed\n")
        assert "reports-dev is deployed" in deploys(project, url, "deploy", "--yes")
        deploys(project, url, "destroy", "--yes", "--delete-data")
        assert aws_client("dynamodb", url).list_tables()["TableNames"] == []
        assert emulate.interrupt() == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(("app:app",), "runs what is deployed to it, and app:app is something else", id="target"),
        pytest.param(("--demo",), "runs what is deployed to it, and --demo is something else", id="demo"),
        pytest.param(("--stack", "x"), "--stack is for templates", id="for templates"),
        pytest.param(("--dynamodb", "http://127.0.0.1:1"), "leave out --dynamodb", id="another database"),
    ],
)
def test_what_does_not_go_with_it_is_refused_in_one_line(tmp_path: Path, arguments: tuple[str, ...], text: str) -> None:
    done = streamer("emulate", "--control-plane", "--port", "0", *arguments, folder=tmp_path)

    assert done.returncode == 2
    assert text in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_was_deployed_outlives_a_killed_emulator(tmp_path: Path) -> None:
    resources = {"Queue": {"Type": "AWS::SQS::Queue"}}
    arguments = ("--control-plane", "--state", "state")
    with Emulate(*arguments, folder=tmp_path) as emulate:
        cloudformation = aws_client("cloudformation", str(emulate.ready["url"]))
        cloudformation.create_stack(StackName="queues", TemplateBody=json.dumps({"Resources": resources}))
        end = time.monotonic() + PATIENCE_SECONDS
        while (made := cloudformation.describe_stacks()["Stacks"][0])["StackStatus"] != "CREATE_COMPLETE":
            assert time.monotonic() < end, made
        emulate.kill()

    with Emulate(*arguments, folder=tmp_path) as emulate:
        (found,) = aws_client("cloudformation", str(emulate.ready["url"])).describe_stacks()["Stacks"]
        assert (found["StackId"], found["StackStatus"]) == (made["StackId"], "CREATE_COMPLETE")
        (url,) = aws_client("sqs", str(emulate.ready["url"])).list_queues()["QueueUrls"]
        assert "/queues-Queue-" in url
