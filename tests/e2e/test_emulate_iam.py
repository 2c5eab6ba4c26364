"""``streamer emulate --iam``: roles are enforced, recorded, or left alone."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from running_command import Emulate, dial, streamer

SERVICE = """
    from streamer.topology import Api, Function, Key, Route, Table, Topology

    service = Topology(
        api=Api(name="notes", routes=(Route(route_key="$default", function="note", route_response=True),)),
        functions=(Function(name="note", handler="notes.handler", timeout_seconds=20),),
        tables=(Table(name="notes", key=Key(partition="id")),),
    )
"""
NOTES = """
    import boto3

    def handler(event, context):
        item = {"id": {"S": event["body"]}}
        try:
            boto3.client("dynamodb").put_item(TableName="notes", Item=item)
        except Exception as error:
            return {"statusCode": 200, "body": str(error)}
        return {"statusCode": 200, "body": "noted"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "service.py").write_text(textwrap.dedent(SERVICE))
    (tmp_path / "notes.py").write_text(textwrap.dedent(NOTES))
    return tmp_path


def note(emulate: Emulate) -> str:
    with dial(emulate.url) as client:
        client.send("hello")
        return str(client.recv(timeout=30))


def test_a_function_may_do_only_what_it_was_granted_and_the_log_says_what_to_add(folder: Path) -> None:
    with Emulate("service:service", folder=folder) as emulate:
        answer = note(emulate)
        line = emulate.log.wait_for("may not dynamodb:PutItem")
        assert emulate.interrupt() == 0

    assert "AccessDeniedException" in answer
    assert line.endswith('add TableAccess(table="notes", actions=("PutItem",)) to it')
    assert "grants" not in emulate.out.text


def test_a_recording_ends_with_the_grants_which_then_suffice(folder: Path) -> None:
    with Emulate("service:service", "--iam", "record", folder=folder) as emulate:
        assert note(emulate) == "noted"
        assert emulate.interrupt() == 0
    printed = emulate.out.wait_for_end()
    grants = printed[printed.index("# note") :]
    assert grants.splitlines() == [
        "# note",
        "tables=(",
        '    TableAccess(table="notes", actions=("PutItem",)),',
        "),",
    ]

    service = (folder / "service.py").read_text().replace("timeout_seconds=20", f"timeout_seconds=20, {grants}")
    (folder / "service.py").write_text(service.replace("import Api,", "import Api, TableAccess,"))
    with Emulate("service:service", folder=folder) as emulate:
        assert note(emulate) == "noted"


def test_off_allows_everything_and_says_nothing(folder: Path) -> None:
    with Emulate("service:service", "--iam", "off", folder=folder) as emulate:
        assert note(emulate) == "noted"
        assert emulate.interrupt() == 0

    assert "# " not in emulate.out.wait_for_end()
    assert "may not" not in emulate.log.wait_for_end()


def test_the_demo_needs_no_further_grant(tmp_path: Path) -> None:
    with Emulate("--log-format", "json", folder=tmp_path) as emulate:
        for action, payload in (("echo", {"a": 1}), ("report", {"steps": 1})):
            done = streamer("call", action, json.dumps(payload), folder=tmp_path)
            assert done.returncode == 0, done.stderr
        assert emulate.interrupt() == 0

    assert "may not" not in emulate.log.wait_for_end()


def test_a_log_has_each_call_and_what_the_role_said_of_it(folder: Path) -> None:
    with Emulate("service:service", folder=folder, environment={"STREAMER_IAM_LOG": "calls"}) as emulate:
        note(emulate)
        assert emulate.interrupt() == 0

    (file,) = (folder / "calls").iterdir()
    _, *calls = (json.loads(line) for line in file.read_text().splitlines())
    assert calls == [
        {"function": "note", "action": "dynamodb:PutItem", "resource": ["table", "notes", ""], "allowed": False}
    ]


@pytest.mark.parametrize("iam", ["enforce", "record"])
def test_a_dynamodb_elsewhere_cannot_be_asked(folder: Path, iam: str) -> None:
    done = streamer(
        "emulate", "service:service", "--iam", iam, "--dynamodb", "http://127.0.0.1:1", "--port", "0", folder=folder
    )

    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith(f"streamer: --iam {iam} needs the embedded DynamoDB")
    assert "Traceback" not in done.stderr
