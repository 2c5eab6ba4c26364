"""Which service ``call``, ``listen`` and ``publish`` talk to, and as whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click

from streamer.aws_limits import LOOPBACK
from streamer.project import read
from streamer.settings import wanted_of

from ...foundation.put_off import put_off
from .identity import IAM, is_here
from .project import Here, here

# A twentieth of a call, as in `gateway.websockets_frames`; and another: proxies are asked for on the way to others.
with put_off("importlib.metadata"), put_off("urllib.request", stays=True):
    from streamer.client.commands import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options of these commands say; None and empty: nothing."""

    url: str | None = None
    token: str | None = None
    user: str | None = None
    tenant: str | None = None
    permissions: tuple[str, ...] = ()
    stage: str | None = None
    signs: bool = False
    """Whether the handshake is to be signed with AWS credentials, whatever is known of the service."""


class OnAws(Protocol):
    """What is known of AWS; ``deploy.place`` is the only one."""

    def deployed(self, folder: Path, stage: str, *, signs: bool) -> Any:
        """A stage of the project: its ``url``, and the ``secret`` and ``sign`` for those who have no token."""

    def signer(self, folder: Path, url: str, stage: str | None = None) -> Callable[[str], Mapping[str, str]]:
        """What signs handshakes with the credentials of this machine."""


def service(asked: Asked, on_aws: Callable[[], OnAws], default_url: str) -> Service:
    """The service to talk to, as the options say, or their defaults.

    Raises:
        UsageError, ConfigurationError: they contradict each other, or nobody here may connect like that.
    """
    _refuse_contradictions(asked)
    project = here()
    if asked.stage is not None:
        return _on_aws(asked, asked.stage, project, on_aws())
    address = asked.url or project.websocket_url or default_url
    ca_file = project.trusted_ca_file(address)
    if asked.signs or (asked.token is None and _wants_signature(project, address)):
        return Service(address, None, ca_file, sign=_signer(project, address, on_aws))
    token, refused = asked.token, None
    if token is None and "Authorization=" not in address:
        who = project.identity(asked.user, asked.tenant, asked.permissions)
        token, refused = project.token_for(address, who), project.refused
    return Service(address, token, ca_file, refused)


def _refuse_contradictions(asked: Asked) -> None:
    says_who = "--token" if asked.token is not None else "--sign" if asked.signs else None
    if asked.token is not None and asked.signs:
        raise click.UsageError("--token and --sign both say who you are; leave out one of them.")
    if says_who is not None and (asked.user or asked.tenant or asked.permissions):
        raise click.UsageError(f"{says_who} says who you are; leave out --user, --tenant and --permission.")


def _on_aws(asked: Asked, stage: str, project: Here, on_aws: OnAws) -> Service:
    there = on_aws.deployed(project.folder, stage, signs=asked.token is None and not asked.signs)
    url = asked.url or there.url
    if asked.token is not None:
        return Service(url, asked.token)
    if asked.signs or there.is_signed:
        return Service(url, None, sign=on_aws.signer(project.folder, url, stage))
    if there.secret is None:
        raise click.UsageError(f"the stage {stage} verifies tokens with others' keys; give one as --token.")
    told = read(project.folder, stage).environment
    who = project.identity(asked.user, asked.tenant, asked.permissions, told=told)
    return Service(url, project.mint(project.key(there.secret, makes=False), who, wanted=wanted_of(told)))


def _wants_signature(project: Here, address: str) -> bool:
    """Whether the emulator here asks for IAM, and is the one that is talked to."""
    ready = project.ready
    return ready is not None and ready.verifies_with == IAM and is_here(address, LOOPBACK)


def _signer(project: Here, address: str, on_aws: Callable[[], OnAws]) -> Callable[[str], Mapping[str, str]]:
    # Few handshakes are signed, and all that talk to a service load this.
    from streamer.client.signing import signed_with  # noqa: PLC0415

    from ...foundation.place import REGION  # noqa: PLC0415
    from ...functions.variables import OWNER  # noqa: PLC0415

    if is_here(address, LOOPBACK):  # an emulator: nobody's real key is shown to it
        region = REGION if project.ready is None else project.ready.region
        return signed_with(OWNER.access_key_id, OWNER.secret_access_key, OWNER.session_token, region=region)
    return on_aws().signer(project.folder, address)
