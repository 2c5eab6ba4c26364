"""A deployed project for tests: MiniStack, an emulated AWS, and a project of a user with the real command.

boto3 only looks at the result.
"""

from __future__ import annotations

import functools
import io
import os
import secrets
import shlex
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from forked_command import begin, read_at_start

from streamer.sending.sender import ENDPOINT_VARIABLE

REGION = "eu-central-1"
COMMAND_SECONDS = 250
JWT_SECRET = "a secret of forty characters, or a few more"

APP = """
import os

from streamer import App

app = App(environment=("GREETING",))


@app.action("greet")
def greet(request):
    return {"says": os.environ["GREETING"], "version": VERSION}


@app.action("report", estimated_duration=120)
def report(request, progress):
    for step in range(1, 4):
        progress(step * 25, f"step {step}")
    return {"steps": 3}


VERSION = 1
"""


@dataclass
class MiniStack:
    """A running emulated AWS."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
        return {
            **kept,
            # Without version managers: to ask one for Python 3.13 costs as much as the deployment.
            "PATH": os.defpath,
            **read_at_start(os.environ),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.environ["AWS_CONFIG_FILE"],
            "AWS_SHARED_CREDENTIALS_FILE": os.environ["AWS_SHARED_CREDENTIALS_FILE"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        return _client(self.url, service)

    def websocket_url(self, api_id: str, stage: str) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/_aws/execute-api/{api_id}/{stage}"

    def management_url(self, api_id: str, stage: str) -> str:
        return f"{self.url}/_aws/execute-api/{api_id}/{stage}"


@functools.cache
def _client(url: str, service: str) -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[MiniStack]:
    """MiniStack on a free port, with nothing kept."""
    executable = os.environ.get("MINISTACK_COMMAND")
    if not executable:
        pytest.skip("needs MiniStack in an environment of its own: make test-deploy")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(Path(executable).with_name("python")), str(Path(__file__).with_name("ministack_with_responses.py"))],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
        | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
        | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    is_ready = threading.Event()
    said: list[str] = []
    output = process.stdout
    assert output is not None

    def listen() -> None:
        for line in output:
            said.append(line)
            if "Running on" in line:
                is_ready.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        assert is_ready.wait(30), "".join(said)
        yield MiniStack(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        listener.join(10)
        output.close()


@dataclass
class Project:
    """A user's project, and the command run in it."""

    folder: Path
    service: str
    aws: MiniStack
    environment: dict[str, str] = field(default_factory=lambda: {"JWT_SECRET": JWT_SECRET, "GREETING": "servus"})

    def configure(self, text: str = "") -> None:
        head = f'service = "{self.service}"\nregion = "{REGION}"\nlogging_role = true\n'
        (self.folder / "streamer.toml").write_text(head + text)

    def write(self, source: str) -> None:
        (self.folder / "app.py").write_text(source)

    def streamer(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("streamer")), *arguments]
        process = begin(command, self.folder, self.aws.environment | self.environment, deploys=True)
        try:
            out, log = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired as late:
            process.kill()
            process.wait()
            said = b"".join(each for each in (late.stdout, late.stderr) if isinstance(each, bytes)).decode()
            pytest.fail(f"streamer {shlex.join(arguments)} did not end within {COMMAND_SECONDS} s; it said:\n{said}")
        return subprocess.CompletedProcess(command, process.wait(), out, log)

    def deploy(self, *arguments: str) -> str:
        ran = self.streamer("deploy", "--yes", *arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def stack(self, stage: str = "dev") -> dict[str, Any]:
        name = f"{self.service}-{stage}"
        found: dict[str, Any] = self.aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return found

    def outputs(self, stage: str = "dev") -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack(stage)["Outputs"]}

    def tables(self) -> list[str]:
        pages = self.aws.client("dynamodb").get_paginator("list_tables").paginate()
        return [name for page in pages for name in page["TableNames"] if name.startswith(f"{self.service}-")]

    def functions(self, stage: str = "dev") -> list[dict[str, Any]]:
        """The functions of this service alone; the stacks of all tests have more of them than one page lists."""
        pages = self.aws.client("lambda").get_paginator("list_functions").paginate()
        found = (function for page in pages for function in page["Functions"])
        return [function for function in found if function["FunctionName"].startswith(f"{self.service}-{stage}-")]

    def serve(self, stage: str = "dev", *, settings: str = "") -> str:
        """Deploy, and lead the functions to the management API of this emulated AWS; the address for clients.

        On AWS the address that the template gives them is right; MiniStack's would need wildcard names in the DNS.
        """
        self.configure(settings)
        self.deploy("--stage", stage)
        api, functions = self.outputs(stage)["ApiId"], self.aws.client("lambda")
        for function in self.functions(stage):
            variables = function.get("Environment", {}).get("Variables", {})
            if ENDPOINT_VARIABLE in variables:
                functions.update_function_configuration(
                    FunctionName=function["FunctionName"],
                    Environment={"Variables": {**variables, ENDPOINT_VARIABLE: self.aws.management_url(api, stage)}},
                )
        return self.aws.websocket_url(api, stage)


def project_in(folder: Path, aws: MiniStack, name: str) -> Project:
    project = Project(folder, name, aws)
    project.write(APP)
    project.configure()
    return project


def surroundings(aws: MiniStack) -> dict[str, str]:
    """What a company has already: the ids of `examples/invoices` to those of what is made here."""
    reference = secrets.token_hex(4)
    made = aws.client("route53").create_hosted_zone(Name="example.com", CallerReference=reference)
    zone = made["HostedZone"]["Id"]
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"] for number in range(2)
    ]
    group = ec2.create_security_group(GroupName=reference, Description="of functions", VpcId=vpc)["GroupId"]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("fonts/serif.ttf", b"a font")
    layer = aws.client("lambda").publish_layer_version(
        LayerName=f"fonts-{reference}", Content={"ZipFile": content.getvalue()}
    )
    return {
        "Z0123456789ABCDEFGHIJ": zone.removeprefix("/hostedzone/"),
        "subnet-0123456789abcdef0": subnets[0],
        "subnet-0123456789abcdef1": subnets[1],
        "sg-0123456789abcdef0": group,
        "arn:aws:lambda:eu-central-1:123456789012:layer:fonts:3": layer["LayerVersionArn"],
    }
