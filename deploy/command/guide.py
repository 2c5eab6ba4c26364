"""The questions of ``streamer deploy --guided``: answers are checked at once, and what AWS knows is not asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from streamer.errors import ConfigurationError
from streamer.project import CONFIG_FILE

from ..cloud import Cloud
from ..config import Config, parse, text_of, updated
from ..errors import CredentialsError, DeniedError, DeployError
from ..planning.plan import is_ours
from ..project import load_service
from ..stack.settings import ARCHITECTURES, PYTHONS, RETENTION_DAYS

Check = Callable[[str], Any]


class Guide:
    """One conversation on a terminal."""

    def __init__(
        self, folder: Path, said: Mapping[str, Any], cloud: Callable[[Config], Cloud], *, asks_aws: bool
    ) -> None:
        """Begin it.

        Args:
            folder: Where ``streamer.toml`` is, or will be.
            said: What the command line said; it is not asked. None: nothing was said.
            cloud: Makes the boundary to AWS for a configuration.
            asks_aws: Whether AWS must answer; without, as in a dry run, a question takes its place.
        """
        self._path = folder / CONFIG_FILE
        self._text = text_of(folder)
        self._folder = folder
        self._said = {name: value for name, value in said.items() if value is not None}
        self._cloud = cloud
        self._asks_aws = asks_aws
        self._answers: dict[str, Any] = {}

    def run(self) -> None:
        """Ask, and write ``streamer.toml``.

        Raises:
            DeployError: AWS refuses, or the stack is somebody else's.
        """
        now = self._config()
        self._ask("service", "Name of the service", now.service)
        self._ask("app", "The App, or a topology, as module:attribute", now.app, self._loads)
        self._ask("stage", "Stage to deploy when none is named", now.stage)
        self._ask("region", "AWS Region", now.region or self._region_of_aws() or "us-east-1", self._answers_there)
        self._ask("python", "Python on Lambda", now.python, choices=PYTHONS)
        self._ask("architecture", "Architecture", now.architecture, choices=ARCHITECTURES)
        self._ask("log_retention_days", "Days to keep logs", str(now.log_retention_days), self._is_retention)
        self._answers["log_retention_days"] = int(self._answers["log_retention_days"])
        self._look_around(now)
        self._path.write_text(updated(self._text, self._answers), encoding="utf-8")
        click.echo(f"wrote {CONFIG_FILE}")

    def _config(self, **more: Any) -> Config:
        return parse(self._text, self._folder, {**self._answers, **self._said, **more})

    def _ask(
        self, name: str, question: str, default: str, check: Check | None = None, *, choices: tuple[str, ...] = ()
    ) -> None:
        def checked(answer: str) -> str:
            try:
                self._config(**{name: answer})
                if check is not None:
                    check(answer)
            except (CredentialsError, DeniedError):
                raise  # no other answer helps
            except ConfigurationError as exc:
                raise click.UsageError(str(exc)) from exc
            return answer

        if name in self._said:
            self._answers[name] = checked(self._said[name])
        elif choices:
            self._answers[name] = click.prompt(question, type=click.Choice(choices), default=default)
        else:
            self._answers[name] = click.prompt(question, default=default, value_proc=checked)

    def _loads(self, app: str) -> None:
        load_service(self._config(app=app))

    def _is_retention(self, days: str) -> None:
        if not days.isdecimal() or int(days) not in RETENTION_DAYS:
            raise DeployError(f"CloudWatch Logs takes {', '.join(map(str, RETENTION_DAYS))}")

    def _region_of_aws(self) -> str | None:
        """The Region of the AWS configuration; None: it has none, or there are no credentials yet."""
        try:
            return self._cloud(self._config()).account().region
        except DeployError:
            return None

    def _answers_there(self, region: str) -> None:
        if self._asks_aws:
            account = self._cloud(self._config(region=region)).account()
            click.echo(f"account {account.account_id}")

    def _look_around(self, now: Config) -> None:
        """Ask AWS whether the stack's name is free, and whether API Gateway has a role for its logs already."""
        config = self._config()
        try:
            cloud = self._cloud(config)
            stack, role = cloud.stack(config.stack), cloud.logging_role()
        except DeployError as exc:
            if self._asks_aws and not isinstance(exc, DeniedError):
                raise
            click.echo(f"note: {exc}")
            question = "Should the stack set the role for API Gateway's logs? (Yes, unless there is one already)"
            self._answers["logging_role"] = click.confirm(question, default=now.logging_role)
            return
        if stack is not None and not is_ours(stack):
            raise DeployError(f"a stack named {config.stack} exists and was not made by streamer; name another service")
        if stack is not None:
            click.echo(f"the stack {config.stack} is there already, and will be changed")
        # What set it must keep it: the file says so, and the account has it since.
        self._answers["logging_role"] = now.logging_role or (role is None and now.access_logs)
        if role is None and now.access_logs:
            click.echo("API Gateway has no role for its logs in this account and Region; the stack sets one")
