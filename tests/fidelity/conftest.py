"""Fixtures of the probes: worlds, each with an emulator of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fidelity_world import MakeWorld, World, topology_of

from emulator.gateway.rules.assumptions import Assumptions
from emulator.gateway.rules.limits import Limits
from emulator.wiring.emulator import EmulatorConfig
from streamer.topology import Route


@pytest.fixture(scope="session")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One certificate authority for all probes: making one costs more than a probe."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def make_world(tmp_path: Path, state_folder: Path) -> Iterator[MakeWorld]:
    """A function that starts an emulator of routes (see `topology_of`); it ends with the test.

    ``limits`` and ``assumptions`` are the fields of `Limits` and `Assumptions` to change, ``config`` those of
    `EmulatorConfig`. ``uses_uvloop`` is False for the event loop that Windows and PyPy have.
    """
    with ExitStack() as stack:

        def make(
            *routes: Route,
            limits: dict[str, Any] | None = None,
            assumptions: dict[str, Any] | None = None,
            config: dict[str, Any] | None = None,
            uses_uvloop: bool = True,
            **topology: Any,
        ) -> World:
            settings = {
                "project_folder": tmp_path,
                "state_folder": state_folder,
                "isolation": "inline",
                "limits": Limits(**(limits or {})),
                "assumptions": Assumptions(**(assumptions or {})),
                **(config or {}),
            }
            world = World(topology_of(*routes, **topology), tmp_path, EmulatorConfig(**settings))
            if not uses_uvloop:
                world.emulator._loop_factory = None
            return stack.enter_context(world)

        yield make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """``$connect``, ``$disconnect`` and ``$default``, as AWS would run them."""
    return make_world()
