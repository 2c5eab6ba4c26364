"""What a stack is made with beyond its topology, as frozen data. Pure: no I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.project import BASE_PATH, DOMAIN

from ..errors import DeployError
from .names import STACK, sub

PYTHONS: Final = ("3.12", "3.13", "3.14")
"""Python runtimes of Lambda on Amazon Linux 2023 that this version knows. [DOC] lambda-docs:lambda-runtimes"""

ARCHITECTURES: Final = ("arm64", "x86_64")
"""Instruction sets of Lambda. [DOC] lambda-docs:foundation-arch"""

RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""The only retention times that a log group takes. [DOC] logs-api:PutRetentionPolicy"""

_STACK_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,52}")
_TOPIC_ARN: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}")
_SUBNET: Final = re.compile(r"subnet-[0-9a-f]{8,17}")
_SECURITY_GROUP: Final = re.compile(r"sg-[0-9a-f]{8,17}")
_POLICY: Final = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/\S+")
_KEY: Final = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/\S+")
_SECRET_ARN: Final = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackChoices:
    """Settings that reach the template as ``streamer.toml`` says them, and the only home of their defaults."""

    python: str = "3.13"
    architecture: str = "arm64"
    environment: Mapping[str, str] = field(default_factory=dict)
    """Plain environment variables, readable by everyone who may look at the functions' configuration. A variable that
    is named here is not kept as a secret, even if the app calls it one."""
    environment_from: Mapping[str, str] = field(default_factory=dict)
    """Variable to a logical id, such as ``Uploads``, or an attribute of it, such as ``Uploads.Arn``."""
    secret_arns: Mapping[str, str] = field(default_factory=dict)
    """Secret's environment variable, such as ``JWT_SECRET``, to the full ARN of an existing secret. One that is absent
    is created by the stack from a NoEcho parameter."""
    log_retention_days: int = 30
    keep_logs: bool = False
    """Whether log groups stay when the stack is deleted; the next one takes them over."""
    tracing: bool = True
    access_logs: bool = True
    logging_role: bool = False
    """Whether the stack sets the account's CloudWatch role of API Gateway, which access logs need once per region."""
    throttle_rate: float = 500.0
    """Messages a second, for the whole stage."""
    throttle_burst: int = 1000
    reserved_concurrency: Mapping[str, int] = field(default_factory=dict)
    """Function name to its reserved concurrency; absent: the account's pool."""
    subnets: tuple[str, ...] = ()
    """Ids of the subnets of a VPC that functions are put into; empty: they are in none."""
    security_groups: tuple[str, ...] = ()
    dual_stack: bool = False
    """Whether functions in a VPC reach out by IPv6 too."""
    permissions_boundary: str | None = None
    """ARN of the policy that bounds every role."""
    kms_key_arn: str | None = None
    """Key that encrypts tables, queues, logs, secrets and environment variables; None: keys that AWS owns."""
    domain: str | None = None
    """Name under which clients reach the service, such as ``ws.example.com``."""
    base_path: str = ""
    """Path of the domain that leads to the service; empty: the whole domain."""
    certificate_arn: str | None = None
    """None: the stack makes one, which Route 53 validates."""
    hosted_zone_id: str | None = None
    """Zone of Route 53 that gets the domain's record; None: somebody else sees to it."""
    disable_execute_api_endpoint: bool = False
    """Whether the API answers at its domain only."""
    alarm_topic_arn: str | None = None
    """SNS topic that alarms notify; None: they only show."""
    alarms: Mapping[str, int] = field(default_factory=dict)
    """A kind of alarm, or one alarm's logical id, to its threshold; 0: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings(StackChoices):
    """Settings of one stack. What a function needs (time-out, memory, tables) is in the topology instead."""

    stack_name: str
    """Letters, digits and hyphens, at most 53: function names are ``<stack>-<function>``, at most 64 characters."""
    own_resources: Mapping[str, Any] = field(default_factory=dict)
    """Sections of CloudFormation that are the user's own; see `deploy.stack.own_resources`."""
    resources_file: str = "streamer.toml"
    """How messages call where they, or what refers to them, stand."""
    jwt_public_key: str | None = None
    """PEM text; with it tokens are verified by RS256 or ES256 and no ``JWT_SECRET`` exists."""
    actions: tuple[str, ...] = ()
    """Names of the app's actions; each gets an alarm on its errors."""

    @property
    def verifies_by_public_keys(self) -> bool:
        """Whether tokens are verified by a public key or by published ones, so that no ``JWT_SECRET`` exists."""
        return self.jwt_public_key is not None or "JWT_JWKS_URL" in self.environment

    @property
    def end_of_logs(self) -> dict[str, str]:
        """What CloudFormation does with a log group that the stack does not have any more."""
        if self.keep_logs:
            return {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
        return {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}

    def log_group(self, name: str) -> Any:
        """The name of a log group, with ``${AWS::StackName}`` in it; in full where the next stack is to take it over.

        [DOC] cfn-docs:import-resources-automatically: a name that CloudFormation fills in is none by which it looks.
        """
        return name.replace(STACK, self.stack_name) if self.keep_logs else sub(name)

    def __post_init__(self) -> None:
        """Refuse what AWS would refuse, in one line.

        Raises:
            DeployError: the first wrong setting.
        """
        if not _STACK_NAME.fullmatch(self.stack_name):
            raise DeployError(
                f"stack name {self.stack_name!r} must start with a letter and be at most 53 letters, digits and hyphens"
            )
        for name, value, allowed in (
            ("python", self.python, PYTHONS),
            ("architecture", self.architecture, ARCHITECTURES),
            ("log_retention_days", self.log_retention_days, RETENTION_DAYS),
        ):
            if value not in allowed:
                raise DeployError(f"{name} is {value!r}; it must be one of {', '.join(map(str, allowed))}")
        self._require_numbers()
        if self.alarm_topic_arn is not None and not _TOPIC_ARN.fullmatch(self.alarm_topic_arn):
            raise DeployError(f"alarm_topic_arn is {self.alarm_topic_arn!r}, which is not the ARN of an SNS topic")
        for name, arn in self.secret_arns.items():
            if not _SECRET_ARN.fullmatch(arn):
                raise DeployError(f"secret of {name}: {arn!r} is not the full ARN of a Secrets Manager secret")
        twice = sorted(self.environment.keys() & self.environment_from.keys())
        if twice:
            raise DeployError(f"{twice[0]} is in environment and in environment_from; leave it in one of them")
        self._require_network()
        self._require_domain()
        _require_arn("permissions_boundary", self.permissions_boundary, _POLICY, "iam::123456789012:policy/boundary")
        _require_arn("kms_key_arn", self.kms_key_arn, _KEY, "kms:eu-central-1:123456789012:key/...")

    def _require_numbers(self) -> None:
        if not 0 < self.throttle_rate < math.inf:
            raise DeployError(f"throttle_rate is {self.throttle_rate}; it must be above 0, and finite")
        if self.throttle_burst < 1:
            raise DeployError(f"throttle_burst is {self.throttle_burst}; it must be 1 or more")
        for name, number in self.reserved_concurrency.items():
            if number < 0:
                raise DeployError(f"reserved_concurrency of {name} is {number}; it must be 0 (stopped) or more")

    def _require_network(self) -> None:
        for name, ids, pattern in (
            ("subnets", self.subnets, _SUBNET),
            ("security_groups", self.security_groups, _SECURITY_GROUP),
        ):
            for each in ids:
                if pattern.fullmatch(each) is None:
                    raise DeployError(f"{name} has {each!r}, which is no id of one")
        if bool(self.subnets) is not bool(self.security_groups):
            raise DeployError("a VPC takes both: subnets and security_groups")
        if self.dual_stack and not self.subnets:
            raise DeployError("dual_stack is about functions in a VPC; name its subnets and security_groups")

    def _require_domain(self) -> None:
        belonging = {"base_path": self.base_path, "certificate_arn": self.certificate_arn}
        for name, value in (belonging | {"hosted_zone_id": self.hosted_zone_id}).items():
            if value and self.domain is None:
                raise DeployError(f"{name} belongs to a domain; name it, too")
        if self.domain is None:
            if self.disable_execute_api_endpoint:
                raise DeployError("disable_execute_api_endpoint leaves no address without a domain; name one")
            return
        if DOMAIN.fullmatch(self.domain) is None:
            raise DeployError(f"domain is {self.domain!r}, which is no name of one, such as ws.example.com")
        if self.certificate_arn is None and self.hosted_zone_id is None:
            raise DeployError(
                "domain needs a certificate: give certificate_arn, or hosted_zone_id, so that the stack makes one that "
                "Route 53 validates"
            )
        if BASE_PATH.fullmatch(self.base_path) is None:
            allowed = "letters, digits and $-_.+!*'(), with single slashes between them"
            raise DeployError(f"base_path is {self.base_path!r}; it takes {allowed}")


def _require_arn(name: str, value: str | None, pattern: re.Pattern[str], example: str) -> None:
    if value is not None and pattern.fullmatch(value) is None:
        raise DeployError(f"{name} is {value!r}; it must be an ARN such as arn:aws:{example}")


_OF_EVERY_STACK: Final = frozenset({"AccessLogs", "Api", "CodeBucket", "CodeKey", "Dashboard", "Stage"})
"""Names of parameters and resources that no secret's parameter can have in any stack of ours."""


def secret_parameter(variable: str) -> str:
    """The template parameter that carries the value of a secret: ``JWT_SECRET`` becomes ``JwtSecret``."""
    name = "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", variable))
    return f"{name}Secret" if name in _OF_EVERY_STACK else name
