"""A project on disk, as all commands see it: its folder, what ``streamer.toml`` and ``.env`` say, where its code is."""

from __future__ import annotations

import ast
import errno
import logging
import os
import re
import stat
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamer.aws_limits import STAGE_NAME
from streamer.errors import ConfigurationError

if TYPE_CHECKING:
    from streamer.topology.sizes import Sizes

CONFIG_FILE: Final = "streamer.toml"
ENV_FILE: Final = ".env"
STATE_FOLDER: Final = ".streamer"
"""What streamer keeps beside a project."""
BELIEVED_BYTES: Final = 4 * 1024 * 1024
"""Largest file of that folder that commands read."""
DEFAULT_APP: Final = "app:app"
"""Where an App is looked for when nothing names one."""
DEFAULT_STAGE: Final = "dev"

KEYS: Final = frozenset(
    [
        "access_logs",
        "alarm_topic_arn",
        "alarms",
        "app",
        "architecture",
        "base_path",
        "bucket",
        "certificate_arn",
        "cloudformation_role",
        "deletion_protection",
        "disable_execute_api_endpoint",
        "domain",
        "dual_stack",
        "environment",
        "environment_from",
        "exclude",
        "extras",
        "functions",
        "groups",
        "hosted_zone_id",
        "jwt_public_key",
        "keep_logs",
        "kms_key_arn",
        "log_retention_days",
        "logging_role",
        "permissions_boundary",
        "profile",
        "project",
        "python",
        "region",
        "requirements",
        "reserved_concurrency",
        "resources",
        "rollback_alarms",
        "rollback_minutes",
        "secret_arns",
        "security_groups",
        "service",
        "stack_name",
        "stage",
        "stages",
        "subnets",
        "table_prefix",
        "tags",
        "termination_protection",
        "throttle_burst",
        "throttle_rate",
        "tracing",
    ]
)
"""What may stand in ``streamer.toml``, in a stage's part of it likewise but for ``stages``; most is for deploying."""

_TEXTS: Final = frozenset(
    {"app", "base_path", "domain", "project", "python", "resources", "service", "stack_name", "stage"}
)

SERVICE_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
"""What a service may be called: the beginning of its stacks' names."""
DOMAIN: Final = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
"""What a custom domain may be called."""
BASE_PATH: Final = re.compile(r"(?=.{0,300}$)([A-Za-z0-9$._+!*'()-]+(/[A-Za-z0-9$._+!*'()-]+)*)?")
"""What may follow it. [DOC] apigw-docs:websocket-api-mappings"""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"'}
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|"([^"]*)"')
"""A value in double quotes: with escaped ones in it, else whatever stands before the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One stage of a project, as far as running it needs to know; what only deploying needs is in ``deploy.config``."""

    folder: Path
    """Where ``streamer.toml`` and ``.streamer`` are, or would be."""
    code: Path
    """Where the code is; put first on the import path."""
    app: str | None = None
    """The target that ``streamer.toml`` names; None: none."""
    stage: str | None = None
    """None: ``streamer.toml`` names none."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What ``[environment]`` gives to every function, here and on AWS."""
    functions: Mapping[str, Sizes] = field(default_factory=dict)
    """What ``[functions.NAME]`` says of functions."""
    resources: str | None = None
    """File with CloudFormation of one's own, relative to the folder; None: there is none."""
    environment_from: Mapping[str, str] = field(default_factory=dict)
    """Variable to what every function gets of a resource: a logical id, or an attribute of it."""
    python: str | None = None
    """The Python that functions run in on AWS, such as ``3.13``; None: the file does not say."""
    domain: str | None = None
    """The domain by which clients connect on AWS; None: the API's own address."""
    base_path: str = ""
    """What follows the domain: the key of its API mapping."""
    stack: str = "service-dev"
    """The stack's name on AWS, which names what is made of ``resources`` here, too."""


def own_file(path: Path) -> bytes:
    """The content of a file that commands believe, such as the one that names a running emulator.

    Raises:
        OSError: it cannot be read, is no regular file, is over `BELIEVED_BYTES` or belongs to another user, who could
            have put it into a folder that many may write.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO is not waited for
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > BELIEVED_BYTES:
            raise OSError(errno.EINVAL, "it is no regular file, or too large", str(path))
        if found.st_uid not in (0, os.geteuid()):
            raise PermissionError(errno.EPERM, "it belongs to another user", str(path))
        return file.read(BELIEVED_BYTES)


def folder_of(start: Path) -> Path:
    """The project's folder: the nearest one from ``start`` upwards that has a ``streamer.toml`` or ``.streamer``.

    Without one it is ``start``. The home folder and what is above it count only if ``start`` is there.
    """
    for folder in (start, *start.parents):
        if folder != start and is_everybodys(folder):
            break
        if is_meant(folder / CONFIG_FILE) or (folder / STATE_FOLDER).is_dir():
            return folder
    return start


def is_everybodys(folder: Path) -> bool:
    """Whether it is the home folder or one above it: what lies below is not one project, and may be all of the disk."""
    home = Path(os.path.expanduser("~")).resolve()  # noqa: PTH111 - Path.home() raises where there is no home
    return home.is_relative_to(folder)


def is_meant(path: Path) -> bool:
    """Whether somebody wants a file to be read: one that is there, or a link to one that is not, which is a mistake."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def read(folder: Path, stage: str | None = None) -> Project:
    """What ``streamer.toml`` says of a stage; None: of the one it names itself, else of `DEFAULT_STAGE`, as on AWS.

    Without a file, the defaults.

    Raises:
        ConfigurationError: the file cannot be read, or what is read here makes no sense.
    """
    path = folder / CONFIG_FILE
    project = parse(_document(path) if is_meant(path) else {}, folder, stage)
    if not project.code.is_dir():
        raise ConfigurationError(f"{path}: project says that the code is in {project.code}, which is no folder")
    return project


def _document(path: Path) -> dict[str, Any]:
    try:
        return document_of(path.read_text("utf-8-sig"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def document_of(text: str, path: Path) -> dict[str, Any]:
    """What stands in a ``streamer.toml``.

    Raises:
        ConfigurationError: it is not TOML, or a text in it holds a null character, as no path and no variable does.
    """
    import tomllib  # noqa: PLC0415 - where there is no such file, and for commands that only look for the emulator here

    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, too many digits or too deep for Python
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error
    holder = _null_holder(document)
    if holder is not None:
        raise ConfigurationError(f"{path}: {holder!r} holds a null character")
    return document


def _null_holder(value: Any, name: str = "") -> str | None:
    """Where a null character stands, as TOML names it: ``environment.LEVEL``; None: nowhere."""
    if isinstance(value, str):
        return name if "\0" in value else None
    if isinstance(value, list):
        return next((name for each in value if _null_holder(each, name) is not None), None)
    if not isinstance(value, dict):
        return None
    inner = ((key, f"{name}.{key}" if name else key, each) for key, each in value.items())
    return next((found for key, at, each in inner if (found := _null_holder(key, at) or _null_holder(each, at))), None)


def parse(document: Mapping[str, Any], folder: Path, stage: str | None = None) -> Project:
    """See `read`; ``document`` is the file's content."""
    stages = document.get("stages", {})
    if not isinstance(stages, dict) or not all(isinstance(each, dict) for each in stages.values()):
        raise ConfigurationError(f"{CONFIG_FILE}: write the settings of a stage below [stages.NAME]")
    for part in (document, *stages.values()):
        _check(part)
    chosen = stage if stage is not None else document.get("stage")
    if chosen is not None and STAGE_NAME.fullmatch(chosen) is None:
        raise ConfigurationError(
            f"{CONFIG_FILE}: stage is {chosen!r}; it takes 1 to 128 letters, digits, hyphens and underscores"
        )
    own = stages.get(chosen or DEFAULT_STAGE, {})
    values = {**document, **own}
    environment = {**_texts(document, "environment"), **_texts(own, "environment")}
    return Project(
        folder=folder,
        code=(folder / values.get("project", ".")).resolve(),
        app=values.get("app"),
        stage=chosen,
        environment=environment,
        functions=_sizes(document, own),
        resources=values.get("resources"),
        environment_from={**_texts(document, "environment_from"), **_texts(own, "environment_from")},
        python=values.get("python"),
        domain=values.get("domain"),
        base_path=values.get("base_path", ""),
        stack=values.get("stack_name") or f"{values.get('service') or service_name(folder)}-{chosen or DEFAULT_STAGE}",
    )


def service_name(folder: Path) -> str:
    """How a service is called that ``streamer.toml`` does not name: after its folder."""
    words = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:31]
    return words if SERVICE_NAME.fullmatch(words) else "service"


def _check(part: Mapping[str, Any]) -> None:
    """Refuse keys that do not exist, and texts that are none, in the file itself and in each stage's part of it."""
    for name, value in part.items():
        if name not in KEYS:
            raise ConfigurationError(unknown(name))
        if name in _TEXTS and not isinstance(value, str):
            raise ConfigurationError(f"{CONFIG_FILE}: {name} is {value!r}, which is not text")
        if is_empty(name, value):
            raise ConfigurationError(f"{CONFIG_FILE}: {name} is empty; leave it out for the default")
    for name in ("environment", "environment_from"):
        _texts(part, name)


def unknown(name: str) -> str:
    """What to say of a key of ``streamer.toml`` that there is not."""
    import difflib  # noqa: PLC0415 - for those who misspell

    close = difflib.get_close_matches(name, KEYS, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else f"; it knows {', '.join(sorted(KEYS))}"
    return f"{CONFIG_FILE} has an unknown key {name!r}{hint}"


def is_empty(name: str, value: Any) -> bool:
    """Whether a key's value is no text at all, where that means nothing: another folder or place would be taken."""
    return value == "" and name not in ("base_path", "table_prefix")


def _sizes(document: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Sizes]:
    if not any("functions" in part for part in (document, own)):
        return {}
    from streamer.topology.sizes import read_sizes  # noqa: PLC0415 - what a topology is, for those who say it

    found: dict[str, dict[str, Any]] = {}
    for part in (document, own):
        table = part.get("functions", {})
        read_sizes(table, CONFIG_FILE)
        for name, values in table.items():
            found.setdefault(name, {}).update(values)
    return read_sizes(found, CONFIG_FILE)


def _texts(table: Mapping[str, Any], name: str) -> dict[str, str]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise ConfigurationError(f'{CONFIG_FILE}: [{name}] must be a table of texts, such as GREETING = "hello"')
    for variable, value in found.items():
        if not isinstance(value, str):
            raise ConfigurationError(
                f'{CONFIG_FILE}: [{name}] must be a table of texts, and {variable} is none; write {variable} = "..."'
            )
    return found


def variables(folder: Path, real: Mapping[str, str], env_file: Path | None = None) -> dict[str, str]:
    """The variables that commands work with: those of the shell, and of ``.env`` where the shell has none.

    Args:
        folder: the project's.
        real: the shell's variables, which win.
        env_file: read instead of ``.env``, and has to be there.

    Raises:
        ConfigurationError: the file cannot be read, or a line of it makes no sense.
    """
    path = env_file if env_file is not None else folder / ENV_FILE
    if env_file is None and not is_meant(path):
        return dict(real)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return {**dot_env(text, path), **real}


def dot_env(text: str, path: Path) -> dict[str, str]:
    r"""Lines of ``NAME=VALUE``, with or without ``export``. Nothing in a value is replaced.

    ``#`` begins a comment, within a value after a blank. Quotes are taken off; ``\n`` is a line break, and ``\"`` a
    quote, within double quotes only.

    Raises:
        ConfigurationError: a line is none of that; the message has its number, not its content.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip().removeprefix("export ").strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, separator, value = stripped.partition("=")
        if not separator or _NAME.fullmatch(name.strip()) is None:
            raise ConfigurationError(f"{path}:{number}: write NAME=VALUE")
        found[name.strip()] = _value(value.strip())
    return found


def _value(text: str) -> str:
    if text.startswith("'") and (end := text.find("'", 1)) > 0:
        return text[1:end]
    if found := _QUOTED.match(text):
        return re.sub(r'\\([ntr"])', lambda escaped: _ESCAPES[escaped[1]], found[1] or found[2] or "")
    return re.split(r"\s#", text, maxsplit=1)[0].strip()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Undo what a project's code makes of variables, logging, `warnings` and the current folder where it is imported.

    It is meant for where the code runs. A command would take what ``load_dotenv()`` has from ``.env`` for what the
    shell says, and put development's secrets into production; be silenced, which `logging.config.dictConfig` does to
    all loggers that are there; have libraries tell what they send to AWS, secrets among it; and have files that its
    options name lie elsewhere.
    """
    manager, folder, shell = logging.root.manager, Path.cwd(), dict(os.environ)
    before = {each: (each.handlers[:], each.level, each.disabled, each.propagate) for each in _loggers()}
    below = manager.disable
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for name in {*os.environ} - {*shell}:
            del os.environ[name]
        os.environ.update(shell)
        os.chdir(folder)
        manager.disable = below
        for logger in _loggers():
            if logger in before:
                logger.handlers[:], level, logger.disabled, logger.propagate = before[logger]
                logger.setLevel(level)
            else:
                logger.handlers[:] = [each for each in logger.handlers if isinstance(each, logging.NullHandler)]


def _loggers() -> list[logging.Logger]:
    known = list(logging.root.manager.loggerDict.values())
    return [logging.root, *(each for each in known if isinstance(each, logging.Logger))]


def parsed(source: str | bytes, python: tuple[int, int] | None = None) -> ast.Module:
    """What somebody wrote, as a tree. What Python warns of is said when it is compiled, with the name of the file.

    Raises:
        SyntaxError: it is not Python, or newer than ``python``, or than the one that reads it.
        ValueError: it holds a null byte.
        RecursionError: it is nested too deeply.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, feature_version=python)
