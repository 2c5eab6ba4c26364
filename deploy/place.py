"""Where a service runs that operators look at: AWS, or the emulator of this folder."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from streamer.client.signing import signed_with
from streamer.project import STATE_FOLDER, own_file

from .config import Config, load
from .errors import DeployError

if TYPE_CHECKING:
    from .aws.boto import Aws

READY_FILE: Final = Path(STATE_FOLDER) / "emulator.json"
"""Where the first emulator of a folder says that it runs; the form is documented in ``docs/cli.md``."""

SCHEMES: Final = ("http", "https")
_LABEL: Final = r"[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|[0-9a-f:.]+:[0-9a-f:.]*")
"""A name or an IPv6 address, as botocore takes it."""
_REGION: Final = re.compile(r"\.execute-api\.([a-z0-9-]+)\.")


@dataclass(frozen=True, slots=True)
class LocalEmulator:
    """The addresses of a running emulator."""

    url: str
    """Of its Lambda, SQS and, if it is the embedded one, DynamoDB."""
    dynamodb_url: str

    def client(self, service: str) -> Any:
        """A client of the emulator."""
        from .aws.boto import local_client  # noqa: PLC0415 - boto3 takes a fifth of a second to import

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
    """The emulator that runs in this project's folder; None: none does, or the file that says so is of another kind."""
    try:
        ready = json.loads(own_file(folder / READY_FILE))
        pid, url, dynamodb_url = ready["pid"], ready["management_url"], ready["dynamodb_url"]
        if type(pid) is not int or pid <= 0 or not (_is_address(url) and _is_address(dynamodb_url)):
            return None
        os.kill(pid, 0)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    parts = urlsplit(url)
    return LocalEmulator(f"{parts.scheme}://{parts.netloc}", dynamodb_url)


def _is_address(url: Any) -> bool:
    """Whether botocore can connect to it; raises ValueError if it is not even a URL."""
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    # Reading the port raises ValueError where it is none.
    return parts.scheme in SCHEMES and _HOST.fullmatch(parts.hostname or "") is not None and parts.port != 0


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stage on AWS, for those who connect to it."""

    url: str
    secret: str | None = field(repr=False)
    """With which its tokens are signed; None: nobody asked, or the stack has none."""
    is_signed: bool = False
    """Whether API Gateway verifies signatures of AWS instead of tokens; False, too, where nobody asked."""


def deployed(folder: Path, stage: str, *, signs: bool) -> Deployed:
    """The stage of a project on AWS.

    Args:
        folder: Where ``streamer.toml`` is.
        stage: The stage.
        signs: Whether its secret is needed.

    Raises:
        DeployError: it is not deployed, or AWS cannot be asked.
    """
    config = load(folder, {"stage": stage})
    outputs, client = aws_clients(config)
    found = connected(outputs, client, stage, signs=signs)
    if not signs or found.secret is not None:
        return found
    template = _aws(config).deployed_template(config.stack)
    return dataclasses.replace(found, is_signed=asks_for_signatures(template))


def asks_for_signatures(template: Mapping[str, Any]) -> bool:
    """Whether API Gateway lets in whom IAM does, by a stack's template."""
    properties = [each.get("Properties", {}) for each in template.get("Resources", {}).values()]
    connect = [each for each in properties if each.get("RouteKey") == "$connect"]
    return any(each.get("AuthorizationType") == "AWS_IAM" for each in connect)


def signer(folder: Path, url: str, stage: str | None = None) -> Callable[[str], Mapping[str, str]]:
    """What signs handshakes with the credentials of this machine, as ``profile`` of ``streamer.toml`` says.

    The Region is that of the URL, if its host tells, else the configuration's.

    Raises:
        DeployError: there are no credentials, or no Region.
    """
    aws = _aws(load(folder, {} if stage is None else {"stage": stage}))
    told = _REGION.search(urlsplit(url).hostname or "")
    region = told[1] if told is not None else aws.region
    if region is None:
        from .aws.errors import NO_REGION  # noqa: PLC0415 - imports botocore

        raise DeployError(NO_REGION)
    return signed_with(*aws.signing_keys(), region=region)


def _aws(config: Config) -> Aws:
    from .aws.boto import Aws  # noqa: PLC0415 - boto3 takes a fifth of a second to import

    return Aws(region=config.region, profile=config.profile)


def connected(outputs: Mapping[str, str], client: Callable[[str], Any], stage: str, *, signs: bool) -> Deployed:
    """What a stack's outputs say to those who connect to it; see `deployed`."""
    from .aws.errors import translated  # noqa: PLC0415 - imports botocore

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
    aws = _aws(config)
    stack = aws.stack(config.stack)
    if stack is None:
        raise DeployError(f"there is no stack {config.stack}; `streamer deploy` makes it")
    return stack.outputs, aws.client
