"""Where a service runs that operators look at: AWS, or the emulator of this folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from streamer.project import STATE_FOLDER, own_file

from .config import Config, load
from .errors import DeployError

READY_FILE: Final = Path(STATE_FOLDER) / "emulator.json"
"""Where the first emulator of a folder says that it runs; the form is documented in ``docs/cli.md``."""

SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, slots=True)
class LocalEmulator:
    """The addresses of a running emulator."""

    url: str
    """Of its Lambda, SQS and, if it is the embedded one, DynamoDB."""
    dynamodb_url: str

    def client(self, service: str) -> Any:
        """A client of the emulator."""
        from .aws import local_client  # noqa: PLC0415 - boto3 takes a fifth of a second to import

        return local_client(service, self.dynamodb_url if service == "dynamodb" else self.url)

    def queue_url(self, name: str) -> str | None:
        """The queue of that name; None: there is none; with a DynamoDB of one's own, dead letters go to a file.

        Raises:
            StoreError: the emulator did not answer.
        """
        if urlsplit(self.url).netloc != urlsplit(self.dynamodb_url).netloc:
            return None
        from streamer.stores.dynamodb import translated  # noqa: PLC0415 - imports botocore

        sqs = self.client("sqs")
        with translated("GetQueueUrl"):
            try:
                return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
            except sqs.exceptions.QueueDoesNotExist:
                return None


def emulator_here(folder: Path) -> LocalEmulator | None:
    """The emulator that runs in this project's folder; None: none does."""
    try:
        ready = json.loads(own_file(folder / READY_FILE))
        pid, url, dynamodb_url = int(ready["pid"]), str(ready["management_url"]), str(ready["dynamodb_url"])
        parts = urlsplit(url)
        if pid <= 0 or parts.scheme not in SCHEMES or urlsplit(dynamodb_url).scheme not in SCHEMES:
            return None
        os.kill(pid, 0)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return LocalEmulator(f"{parts.scheme}://{parts.netloc}", dynamodb_url)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stage on AWS, for those who connect to it."""

    url: str
    secret: str | None = field(repr=False)
    """With which its tokens are signed; None: nobody asked, or the stack has none."""


def deployed(folder: Path, stage: str, *, signs: bool) -> Deployed:
    """The stage of a project on AWS.

    Args:
        folder: Where ``streamer.toml`` is.
        stage: The stage.
        signs: Whether its secret is needed.

    Raises:
        DeployError: it is not deployed, or AWS cannot be asked.
    """
    outputs, client = aws_clients(load(folder, {"stage": stage}))
    return connected(outputs, client, stage, signs=signs)


def connected(outputs: Mapping[str, str], client: Callable[[str], Any], stage: str, *, signs: bool) -> Deployed:
    """What a stack's outputs say to those who connect to it; see `deployed`."""
    from .aws_errors import translated  # noqa: PLC0415 - imports botocore

    url, arn = outputs.get("WebSocketUrl"), outputs.get("JwtSecretArn")
    if url is None:
        raise DeployError(f"the stage {stage} has no address yet; `streamer status --stage {stage}` says how it does")
    if not signs or arn is None:
        return Deployed(url, None)
    with translated("reading the stage's JWT_SECRET, for a token; --token gives one"):
        return Deployed(url, str(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]))


def aws_clients(config: Config) -> tuple[Mapping[str, str], Callable[[str], Any]]:
    """The outputs of a stack, and a way to make clients.

    Raises:
        DeployError: there is no such stack, or AWS cannot be asked.
    """
    from .aws import Aws  # noqa: PLC0415 - as above

    aws = Aws(region=config.region, profile=config.profile)
    stack = aws.stack(config.stack)
    if stack is None:
        raise DeployError(f"there is no stack {config.stack}; `streamer deploy` makes it")
    return stack.outputs, aws.client
