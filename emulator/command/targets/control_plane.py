"""``streamer emulate --control-plane``: runs nothing but what is deployed to it, as to AWS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from streamer.errors import ConfigurationError
from streamer.settings import region_of
from streamer.topology import Topology

from ...foundation import log
from ...foundation.place import REGION
from ...templates.control_plane.engine import HOME_TOPOLOGY
from ...wiring.config import EmulatorConfig
from ..here.development_secret import FOLDER
from ..options import EmulateOptions
from . import provided_sdk


class ControlTarget(Struct, frozen=True, kw_only=True):
    """Where deployments come from is decided by whoever deploys."""

    folder: Path
    """Keeps what was uploaded, and what is fetched for it."""
    may_install: bool
    region: str
    name: str = "what is deployed to it"
    topology: Topology = HOME_TOPOLOGY
    """With nothing in it."""

    def configured(self, config: EmulatorConfig) -> EmulatorConfig:
        """How deployed stacks are emulated, given what the options come to."""
        return dataclasses.replace(config, iam=config.iam or "off", region=self.region, provide=self.provide)

    def provide(self, topology: Topology) -> Topology:
        """Functions with what Lambda brings to them; raises ConfigurationError."""
        folder = self.folder
        return provided_sdk.provide(
            topology, folder, folder / provided_sdk.FOLDER, may_install=self.may_install, tell=log.info
        )


def control_plane(options: EmulateOptions, folder: Path, environment: Mapping[str, str]) -> ControlTarget:
    """What is deployed to, in the Region that the environment names.

    Raises:
        ConfigurationError: something else is to be run, too, or an option does not go with it.
    """
    if options.demo or options.target is not None:
        what = "--demo" if options.demo else options.target
        raise ConfigurationError(f"--control-plane runs what is deployed to it, and {what} is something else")
    options.refuse_for_templates_only()
    if options.dynamodb != "embedded":
        raise ConfigurationError("--control-plane makes tables in the embedded DynamoDB; leave out --dynamodb")
    region = region_of(environment) or REGION
    return ControlTarget(folder=folder / FOLDER, may_install=options.install, region=region)
