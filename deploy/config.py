"""``streamer.toml``: what is deployed, where, and how. Reading is pure but for the file itself.

Every key may be given again below ``[stages.NAME]``, where it wins for that stage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from streamer.aws_limits import REGION_NAME, STAGE_NAME
from streamer.errors import ConfigurationError
from streamer.project import (
    CONFIG_FILE,
    DEFAULT_APP,
    SERVICE_NAME,
    document_of,
    folder_of,
    is_empty,
    is_meant,
    service_name,
    unknown,
)

from .errors import DeployError
from .stack import own_resources
from .stack.settings import StackChoices, StackSettings

_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]*")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""[DOC] s3-docs:bucketnamingrules"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(StackChoices):
    """One stage of ``streamer.toml``, with what the command line said instead.

    The defaults are the file's; those of what it says about the stack itself are in `StackChoices`.
    """

    folder: Path
    """Where the file is, or would be; relative paths start here."""
    service: str
    app: str = "app:app"
    project: str = "."
    """Folder with the code."""
    requirements: str | None = None
    """Requirements file, ``uv.lock``, ``poetry.lock`` or ``pyproject.toml``; None: the first of these that is there."""
    extras: tuple[str, ...] = ()
    """Optional dependencies of ``pyproject.toml`` to pack."""
    groups: tuple[str, ...] = ()
    """Dependency groups of ``pyproject.toml`` to pack."""
    exclude: tuple[str, ...] = ()
    stage: str = "dev"
    region: str | None = None
    profile: str | None = None
    stack_name: str | None = None
    """None: ``SERVICE-STAGE``."""
    table_prefix: str | None = None
    """None: ``STACK_``."""
    bucket: str | None = None
    resources: str | None = None
    """File with CloudFormation of one's own, merged into the stack; relative to the folder."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of the stack, which CloudFormation hands on to everything in it that takes tags."""
    termination_protection: bool | None = None
    """Whether nobody can delete the stack; None: as it is."""
    deletion_protection: bool | None = None
    """Whether nobody can delete the tables, once the stack stands; None: as it is."""
    rollback_alarms: tuple[str, ...] = ()
    """ARNs of alarms: if one rings while a change is made, or in the minutes after, CloudFormation takes it back."""
    rollback_minutes: int = 0
    """How long after a change these alarms are watched, at most 180."""
    cloudformation_role: str | None = None
    """ARN of the role with which CloudFormation works; None: with the deployer's own permissions."""
    jwt_public_key: str | None = None
    """File with a PEM public key; relative to the folder."""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.stack_name or f"{self.service}-{self.stage}"

    @property
    def prefix(self) -> str:
        """What the tables' names begin with."""
        return self.table_prefix if self.table_prefix is not None else f"{self.stack}_"

    @property
    def code(self) -> Path:
        """The folder with the code."""
        return (self.folder / self.project).resolve()

    def settings(self) -> StackSettings:
        """What the template is made with.

        Raises:
            DeployError: a value is impossible, or the public key cannot be read.
        """
        chosen: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(StackChoices)}
        chosen["environment"] = {"STREAMER_SERVICE": self.service, **self.environment}
        file = self.resources or CONFIG_FILE
        return StackSettings(
            **chosen,
            stack_name=self.stack,
            own_resources=self._own_resources(),
            resources_file=file,
            jwt_public_key=self._public_key(),
        )

    def _own_resources(self) -> dict[str, Any]:
        if self.resources is None:
            return {}
        return own_resources.parse(self._text("resources", self.resources, "utf-8"), self.resources)

    def _text(self, key: str, name: str, encoding: str) -> str:
        path = self.folder / name
        try:
            if path.exists() and not path.is_file():  # a FIFO would be waited for, and a device have no end
                raise DeployError(f"{key}: {name} is no file")
            return path.read_text(encoding)
        except (OSError, UnicodeDecodeError) as exc:
            raise DeployError(f"{key}: {name} cannot be read: {exc}") from exc

    def _public_key(self) -> str | None:
        if self.jwt_public_key is None:
            return None
        text = self._text("jwt_public_key", self.jwt_public_key, "ascii").strip()
        if "PRIVATE KEY" in text or "BEGIN PUBLIC KEY" not in text:
            raise DeployError(f"jwt_public_key: {self.jwt_public_key} must hold a PEM public key, and nothing private")
        return text


_KNOWN: Final = {f.name: str(f.type) for f in fields(Config) if f.name not in ("folder",)}


def project_folder(start: Path, app: str | None = None) -> Path:
    """Where the service of a folder is: there if it holds the module of ``app``, else in the nearest project above.

    The emulator decides alike (`streamer.project.folder_of`), so that a subfolder means its project everywhere.
    """
    module = start.joinpath(*(app or DEFAULT_APP).partition(":")[0].split("."))
    is_here = module.with_suffix(".py").is_file() or module.is_dir()
    return start if is_here else folder_of(start)


def load(folder: Path, overrides: Mapping[str, Any]) -> Config:
    """Read ``streamer.toml`` of a folder; without one, the defaults. ``overrides`` that are None count as absent.

    Raises:
        DeployError: the file cannot be read, or a key or value in it makes no sense.
    """
    return parse(text_of(folder), folder, overrides)


def text_of(folder: Path) -> str:
    """What ``streamer.toml`` of a folder says, without the mark that Windows puts before it; without one, nothing.

    Raises:
        DeployError: the file cannot be read.
    """
    path = folder / CONFIG_FILE
    try:
        return path.read_text(encoding="utf-8-sig") if is_meant(path) else ""
    except (OSError, UnicodeDecodeError) as exc:
        raise DeployError(f"{path} cannot be read: {exc}") from exc


def parse(text: str, folder: Path, overrides: Mapping[str, Any]) -> Config:
    """One stage of a ``streamer.toml``.

    Raises:
        DeployError: a key or value makes no sense; the message names it.
    """
    try:
        document = document_of(text, Path(CONFIG_FILE))
    except ConfigurationError as exc:
        raise DeployError(str(exc)) from exc
    document.pop("functions", None)  # what runs them reads it, here and on AWS: `streamer.project`
    stages = document.pop("stages", {})
    if not isinstance(stages, dict) or not all(isinstance(each, dict) for each in stages.values()):
        raise DeployError(f"{CONFIG_FILE}: write the settings of a stage below [stages.NAME]")
    for each in stages.values():
        each.pop("functions", None)
    for part in (document, *stages.values()):
        for name, value in part.items():
            _check(name, value)
    said = {name: value for name, value in overrides.items() if value is not None}
    stage = said.get("stage", document.get("stage", "dev"))
    values: dict[str, Any] = dict(document)
    for name, value in stages.get(stage, {}).items():
        is_table = isinstance(value, dict) and isinstance(values.get(name), dict)
        values[name] = {**values[name], **value} if is_table else value
    values |= said
    values.setdefault("service", service_name(folder))
    if not SERVICE_NAME.fullmatch(values["service"]):
        raise DeployError(f"service is {values['service']!r}; it takes 1 to 31 lower-case letters, digits and hyphens")
    if not STAGE_NAME.fullmatch(values.get("stage", stage)):
        raise DeployError(f"stage is {stage!r}; it takes 1 to 128 letters, digits, hyphens and underscores")
    _require_places(values)
    _check_organisation(values)
    values |= {
        name: tuple(values[name])
        for name in ("exclude", "extras", "groups", "rollback_alarms", "subnets", "security_groups")
        if name in values
    }
    return Config(folder=folder, **values)


def _require_places(values: Mapping[str, Any]) -> None:
    """Refuse names of places that AWS does not take, and an SNS topic where CloudWatch cannot reach it."""
    region, topic = values.get("region"), values.get("alarm_topic_arn")
    if region is not None and not REGION_NAME.fullmatch(region):
        raise DeployError(f"region is {region!r}, which is no Region of AWS, such as eu-central-1")
    if region is not None and topic is not None and f":sns:{region}:" not in topic:
        raise DeployError(f"alarm_topic_arn is {topic!r}; alarms can only notify a topic of their own Region, {region}")
    for name, pattern, takes in (
        ("table_prefix", _PREFIX, "letters, digits, '_', '-' and '.'"),
        ("bucket", _BUCKET, "3 to 63 lower-case letters, digits, '-' and '.'"),
    ):
        if values.get(name) is not None and not pattern.fullmatch(values[name]):
            raise DeployError(f"{name} is {values[name]!r}; it takes {takes}")


_TAG: Final = re.compile(r"(?!aws:)[\w\s.:/=+@-]{1,128}")
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")
_TAGS: Final = 47
"""50 are a stack's most, and 3 are kept for our own. [DOC] cfn-docs:aws-properties-resource-tags"""


_ALARM: Final = re.compile(r"arn:aws[a-z-]*:cloudwatch:[a-z0-9-]+:\d{12}:alarm:\S.*")
_ALARMS: Final = 5
_MINUTES: Final = 180
"""[DOC] cfn-api:RollbackConfiguration"""


def _check_rollback(alarms: Any, minutes: int) -> None:
    for each in alarms:
        if _ALARM.fullmatch(each) is None:
            raise DeployError(
                f"rollback_alarms has {each!r}; write ARNs such as "
                "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:errors"
            )
    if len(alarms) > _ALARMS:
        raise DeployError(f"rollback_alarms has {len(alarms)}; CloudFormation watches {_ALARMS} at most")
    if not 0 <= minutes <= _MINUTES:
        raise DeployError(f"rollback_minutes is {minutes}; it must be 0 to {_MINUTES}")
    if minutes and not alarms:
        raise DeployError("rollback_minutes is how long rollback_alarms are watched; name some")


def _check_organisation(values: Mapping[str, Any]) -> None:
    tags = values.get("tags", {})
    for key, value in tags.items():
        if _TAG.fullmatch(key) is None or len(value) > 256:
            raise DeployError(
                f"{CONFIG_FILE}: tag {key!r} cannot be: keys take 1 to 128 letters, digits and _.:/=+@-, do not begin "
                f"with aws:, and values take 256"
            )
    if len(tags) > _TAGS:
        raise DeployError(f"{CONFIG_FILE} has {len(tags)} tags; a stack takes {_TAGS} beside our own")
    _check_rollback(values.get("rollback_alarms", ()), values.get("rollback_minutes", 0))
    role = values.get("cloudformation_role")
    if role is not None and _ROLE.fullmatch(role) is None:
        raise DeployError(
            f"cloudformation_role is {role!r}; it must be an ARN such as arn:aws:iam::123456789012:role/deploy"
        )


def _check(name: str, value: Any) -> None:
    if name not in _KNOWN:
        raise DeployError(unknown(name))
    if is_empty(name, value):
        raise DeployError(f"{CONFIG_FILE}: {name} is empty; leave it out for the default")
    expected = _KNOWN[name]
    if not _fits(expected, value):
        what = _ARTICLES[expected.removesuffix(" | None")]
        raise DeployError(f"{CONFIG_FILE}: {name} is {value!r}, which is not {what}")


_ARTICLES: Final = {
    "str": "text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "tuple[str, ...]": "a list of texts",
    "Mapping[str, str]": "a table of texts",
    "Mapping[str, int]": "a table of whole numbers",
}


def _fits(expected: str, value: Any) -> bool:
    match expected.removesuffix(" | None"):
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "tuple[str, ...]":
            return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        case "Mapping[str, str]":
            return isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values())
        case "Mapping[str, int]":
            return isinstance(value, Mapping) and all(_fits("int", each) for each in value.values())
    return isinstance(value, str)


def updated(text: str, values: Mapping[str, str | bool | int]) -> str:
    """``streamer.toml`` with some top-level keys set; everything else, comments included, stays as it is."""
    head, separator, tables = _split_tables(text)
    for name, value in values.items():
        line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
        found = re.search(rf"^{re.escape(name)}[ \t]*=.*$", head, re.MULTILINE)
        if found is not None:
            start, end = found.span()
            head = f"{head[:start]}{line}{head[end:]}"
        else:
            head = f"{head.rstrip()}\n{line}\n" if head.strip() else f"{line}\n"
    return f"{head}{separator}{tables}"


def _split_tables(text: str) -> tuple[str, str, str]:
    found = re.search(r"^\[", text, re.MULTILINE)
    if found is None:
        return text, "", ""
    return text[: found.start()].rstrip() + "\n", "\n", text[found.start() :]
