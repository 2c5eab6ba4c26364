"""``streamer emulate`` on projects of each shape, made by us as their tools make them, driven by a client."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import boto3
import pytest
from running_command import PATIENCE_SECONDS, STREAMER, Emulate, dial, streamer

TEMPLATES = Path(__file__).parents[1] / "templates"


def project(name: str, tmp_path: Path) -> Path:
    folder = tmp_path / name
    shutil.copytree(TEMPLATES / name, folder)
    return folder


def until(file: Path, holds: Callable[[str], bool]) -> str:
    """The text of a file, once it is there and as it should be."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        text = file.read_text() if file.exists() else ""
        if holds(text):
            return text
        assert time.monotonic() < end, text
        time.sleep(0.02)


def reloaded(times: int) -> Callable[[str], bool]:
    return lambda text: text.count("reloaded") >= times


@contextlib.contextmanager
def running_until_interrupted(options: tuple[str, ...], folder: Path, output: IO[bytes]) -> Iterator[None]:
    command = [str(STREAMER), "emulate", "--port", "0", *options]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)


def ask(emulate: Emulate, message: dict[str, Any], *, index: int = 0) -> Any:
    """The first message that comes after one was sent."""
    url = emulate.ready["urls"][index]
    with dial(url) as connection:
        connection.send(json.dumps(message))
        return connection.recv(timeout=60)


@pytest.mark.parametrize(
    ("name", "target", "answer"),
    [
        pytest.param("sam-python", None, "hi", id="SAM with a WebSocketApi, found in the folder"),
        pytest.param("sam-globals", "template.yaml", "hello from test", id="SAM with globals, conditions, a layer"),
        pytest.param("cloudformation-inline", "stack.yaml", "inline", id="CloudFormation with code inside"),
        pytest.param("bootstrap", "template.json", "from a shell", id="a shell script as bootstrap, in JSON"),
        pytest.param("cdk", "cdk.out", "through a queue", id="CDK: two stacks, a nested one, a queue"),
        pytest.param("serverless", ".serverless", "packaged", id="Serverless, packaged"),
        pytest.param("nested", "template.yaml", "nested", id="a nested template"),
        pytest.param("services", "stack.yaml", "stored in/a.json", id="a bucket that tells a function"),
        pytest.param(
            "sam-node",
            "template.yaml",
            "from Node.js, called as AWS calls it",
            id="SAM with an ES module and callbacks in Node.js",
            marks=[pytest.mark.needs_node, pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")],
        ),
    ],
)
def test_a_project_runs_as_it_is(name: str, target: str | None, answer: str, tmp_path: Path) -> None:
    folder = project(name, tmp_path)

    with Emulate(*([] if target is None else [target]), folder=folder) as emulate:
        assert ask(emulate, {"action": "send"}) == answer


@pytest.mark.needs_node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_what_lambda_provides_is_refused_with_the_command_where_nothing_may_be_fetched(tmp_path: Path) -> None:
    folder = project("sam-node", tmp_path)
    (folder / "src" / "more.cjs").write_text("require('@aws-sdk/client-s3');")

    refused = streamer("emulate", "template.yaml", "--no-install", folder=folder)

    assert refused.returncode == 2
    assert "run npm install --ignore-scripts" in refused.stderr
    assert refused.stderr.rstrip().endswith("@aws-sdk/client-s3")


def test_code_and_template_change_with_the_connection_open(tmp_path: Path) -> None:
    folder = project("sam-python", tmp_path)
    template, code = folder / "template.yaml", folder / "src" / "app.py"

    with Emulate(folder=folder) as emulate, dial(emulate.ready["websocket_url"]) as connection:
        code.write_text(code.read_text().replace('b"hi"', 'b"changed"'))
        emulate.log.wait_for("reloaded")
        connection.send('{"action": "send"}')
        assert connection.recv(timeout=60) == "changed"

        text = template.read_text()
        template.write_text(
            text.replace("        send: {", "        more: {FunctionArn: !GetAtt Fn.Arn}\n        send: {")
            + "\n  Kept: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 8}}\n"
        )
        emulate.log.wait_for("reloaded", count=2)
        emulate.log.wait_for("RetentionInDays: 8 is not one of")
        connection.send('{"action": "more"}')
        connection.send('{"action": "send"}')
        assert connection.recv(timeout=60) == "changed"

        template.write_text(text.replace("!Ref T}", "!Ref Nothing}"))
        emulate.log.wait_for("the change is not in effect.*there is no resource or parameter 'Nothing'")
        connection.send('{"action": "send"}')
        assert connection.recv(timeout=60) == "changed"

        code.write_text(code.read_text().replace('b"changed"', 'b"again"'))
        assert "src/app.py" in emulate.log.wait_for("reloaded", count=3)

        template.unlink()
        emulate.log.wait_for("the change is not in effect.*template.yaml: there is no such file or folder")
        template.write_text(
            text.replace("        send: {", "        late: {FunctionArn: !GetAtt Fn.Arn}\n        send: {")
        )
        assert "template.yaml" in emulate.log.wait_for("reloaded", count=4)


def test_files_that_it_writes_beside_the_code_are_no_changes_of_it(tmp_path: Path) -> None:
    folder = project("sam-python", tmp_path)
    code, said = folder / "src" / "app.py", folder / "src" / "said"
    options = ("--log-dir", "src", "--state", "src/state", "--ready-file", "src/ready")
    with said.open("wb") as output, running_until_interrupted(options, folder, output):
        ready = until(folder / "src" / "ready", bool)
        with dial(json.loads(ready)["websocket_url"]) as connection:
            (folder / "src" / "tee.log").write_text("as of a pipe to tee")
            for saves in (1, 2):
                code.write_text(code.read_text() + "\n")
                until(said, reloaded(saves))
                connection.send('{"action": "send"}')
                assert connection.recv(timeout=60) == "hi"

    assert re.findall(r"reloaded +changed=(.*)", said.read_text()) == ["src/app.py"] * 2


def test_each_of_many_saves_takes_effect_however_soon_it_follows_the_last(tmp_path: Path) -> None:
    folder = project("sam-python", tmp_path)
    code, said = folder / "src" / "app.py", "hi"

    with Emulate(folder=folder) as emulate, dial(emulate.ready["websocket_url"]) as connection:
        for number in range(8):
            code.write_text(code.read_text().replace(f'b"{said}"', f'b"saved {number}"'))
            said = f"saved {number}"
            heard = ""
            while heard != said:
                connection.send('{"action": "send"}')
                heard = str(connection.recv(timeout=60))


def test_check_tells_what_is_emulated_and_ends(tmp_path: Path) -> None:
    done = streamer("emulate", "--check", folder=project("sam-globals", tmp_path))

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "template.yaml (SAM), stack sam-globals, us-east-1"
    assert "emulated   Chat: $connect, send; 1 function (1 python3.12)" in done.stdout
    assert "missing    AWS::AppSync::Api Alerts: it is not emulated, its names are made up" in done.stdout


def test_resources_and_outputs_stand_in_the_ready_file(tmp_path: Path) -> None:
    with Emulate("stack.yaml", folder=project("cloudformation-inline", tmp_path)) as emulate:
        assert emulate.ready["resources"]["Api"]["state"] == "emulated"
        api_id = emulate.ready["resources"]["Api"]["id"]
        assert emulate.ready["outputs"] == {"Url": f"wss://{api_id}.execute-api.us-east-1.amazonaws.com/live"}


VARIABLES = "Resources.Fn.Properties.Environment.Variables"
TABLE = "  T: {Type: AWS::Serverless::SimpleTable}"
MISTAKES = [
    ("!GetAtt Fn.Arn}\n        send", "!GetAtt Nothing.Arn}\n        send", "there is no resource 'Nothing'"),
    ("!Ref T,", "!Ref Tabel,", f":17: {VARIABLES}.TABLE: there is no resource or parameter 'Tabel'"),
    ("${Chat}", "${Chart}", f":17: {VARIABLES}.URL: there is no resource or parameter 'Chart'"),
    ("CodeUri: src/", "CodeUri: source/", "Resources.Fn.Properties.Code: there is no folder"),
    ("Handler: app.handler", "Handler: main.handler", "Resources.Fn.Properties.Handler: there is no file main.py"),
    ("Handler: app.handler", "Handler: handler", "Resources.Fn.Properties.Handler: 'handler' is not FILE.FUNCTION"),
    ("Timeout: 10", "Timeout: ten", "a number is expected, and there is 'ten'"),
    ("Timeout: 10", "Timeout: 1000", ": Resources.Fn: function 'sam-python-Fn-"),
    ("Timeout: 10", "Timeout: 0", ":14: Resources.Fn.Properties.Timeout: 0 is less than 1: CloudFormation refuses it"),
    (
        "AWS::Serverless-2016-10-31",
        "[AWS::Serverless-2016-10-31, Mine]",
        ":1: Transform: the macro Mine is not run here",
    ),
    ("rate(5 minutes)", "every day", ".ScheduleExpression: 'every day' is neither rate(...) nor cron(...)"),
    ("rate(5 minutes)", "cron(0 10 * * *)", "there are six fields"),
    (TABLE, TABLE.replace("Simple", "Simpler"), "Resources.T.Type: there is no type AWS::Serverless::SimplerTable"),
    (TABLE, "  T: {}", "Resources.T: a resource has a Type"),
    (TABLE, f"{TABLE}\n  T: 1", "Resources.T: a resource is a mapping with a Type, and there is 1"),
    ("Type: AWS::Serverless::Function", "Type: {AWS::Serverless::Function: 1}", "Resources.Fn: a resource has a Type"),
    (
        "Type: AWS::Serverless::WebSocketApi",
        "Type: AWS::Serverless::WebSocketsApi",
        ":5: Resources.Chat.Type: there is no type",
    ),
    ("!Ref T,", "!Reff T,", ":17: there is no function !Reff"),
    ("!Ref T,", "!Select [3, [a]],", f"{VARIABLES}.TABLE: Fn::Select wants element 3 of a list of 1"),
    ("!Ref T,", "!If [Nope, a, b],", f"{VARIABLES}.TABLE: there is no condition 'Nope'"),
    ("!Ref T,", "!Ref Stage,", "no value for Stage: add --parameter Stage=VALUE"),
    ("Resources:", "Resources: [", "not YAML"),
]
"""What is right, what a hand makes of it, and what is said."""


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES, ids=range(1, len(MISTAKES) + 1))
def test_each_mistake_is_refused_in_one_line(right: str, wrong: str, message: str, tmp_path: Path) -> None:
    folder = project("sam-python", tmp_path)
    template = folder / "template.yaml"
    text = template.read_text()
    assert right in text
    text = text.replace(right, wrong, 1)
    if "Ref Stage" in wrong:
        text = text.replace("Resources:", "Parameters: {Stage: {Type: String}}\nResources:", 1)
    template.write_text(text)

    done = streamer("emulate", "template.yaml", "--check", folder=folder)

    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("streamer: template.yaml:"), line
    assert message in line


KINESIS = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: live, AutoDeploy: true}
  Clicks:
    Type: AWS::Kinesis::Stream
    Properties: {Name: clicks, ShardCount: 1}
  Follow:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.12
      Timeout: 20
      InlineCode: |
        import base64
        def handler(event, context):
            for record in event["Records"]:
                print("read", base64.b64decode(record["kinesis"]["data"]).decode())
      Events:
        Clicked:
          Type: Kinesis
          Properties: {Stream: !GetAtt Clicks.Arn, StartingPosition: TRIM_HORIZON, BatchSize: 10}
"""


LISTED = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: live, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: dev, AutoDeploy: true}}
  Key: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {}}}
  Pool: {Type: AWS::Cognito::UserPool}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/any
      Definition: {StartAt: End, States: {End: {Type: Succeed}}}
  Once:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: at(2099-01-01T00:00:00)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !Ref Machine, RoleArn: arn:aws:iam::123456789012:role/any}
"""


def test_the_list_names_all_that_is_emulated(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(LISTED)

    checked = streamer("emulate", "template.yaml", "--check", folder=tmp_path)

    assert "; 1 schedule; 1 key; 1 state machine; 1 user pool" in checked.stdout


def test_a_function_of_sam_reads_a_stream_of_kinesis(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(KINESIS)

    with Emulate("template.yaml", folder=tmp_path) as emulator:
        url = emulator.url.replace("ws://", "http://").rpartition("/")[0]
        kinesis = boto3.client(
            "kinesis", region_name="us-east-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b"
        )
        kinesis.put_record(StreamName="clicks", Data=b"a click", PartitionKey="k")
        emulator.log.wait_for("read a click")
        assert "1 Kinesis stream" in emulator.out.text + emulator.log.text
