"""Execution environments die at every step, and deliveries repeat and overtake: what is promised holds all the same.

`crash_world` is the model of AWS around the real handlers; `World.check` lists the promises.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from crash_world import Fate, World
from dynamodb_engines import embedded_engine
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.dynamodb.endpoints.tables import create_tables
from streamer.service import tables
from streamer.stores.client import Clients
from streamer.stores.dynamodb import DynamoConnectionStore, DynamoSubscriptionStore
from streamer.stores.dynamodb_requests import DynamoRequestStore

RUNS = 500
DYNAMODB_RUNS = 20

MakeWorld = Callable[[int, Fate], World]


@pytest.fixture(scope="module")
def on_dynamodb() -> Iterator[MakeWorld]:
    """Makes worlds whose stores are in the embedded DynamoDB. Each has a user of its own, and leaves nothing undone."""
    with embedded_engine() as engine, pytest.MonkeyPatch.context() as environment:
        create_tables(engine.embedded, tables("crash_"))
        environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine.url)
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_ACCESS_KEY_ID", "local")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "local")
        client = Clients().get("dynamodb")
        worlds = itertools.count()

        def make(seed: int, fate: Fate) -> World:
            world = World(
                seed,
                fate,
                requests=DynamoRequestStore(lambda: client, "crash_requests"),
                connections=DynamoConnectionStore(lambda: client, "crash_connections"),
                subscriptions=DynamoSubscriptionStore(lambda: client, "crash_subscriptions"),
            )
            world.user = f"user-{next(worlds)}"
            return world

        yield make
        client.close()


def deaths(seed: int, probability: float) -> Fate:
    """Death at random."""
    chance = random.Random(f"deaths {seed}")
    return lambda what: chance.random() < probability


def one_death(at: int) -> Fate:
    """Death at one step, counted from 0, and never again."""
    steps = itertools.count()
    return lambda what: next(steps) == at


def nobody_dies(what: str) -> bool:
    return False


def holds(world: World, **scenario: Any) -> World:
    """Run a world to its end and check it."""
    world.scenario(**scenario)
    try:
        world.run()
        world.check()
    finally:
        world.workers.close()
    return world


@pytest.mark.parametrize("first", range(0, RUNS, 50), ids=lambda first: f"seeds {first} to {first + 49}")
def test_any_number_of_deaths_at_any_step(first: int) -> None:
    for seed in range(first, first + 50):
        holds(World(seed, deaths(seed, 0.04)))


@pytest.mark.parametrize("seed", range(6))
def test_one_death_at_each_step_in_turn(seed: int) -> None:
    for step in itertools.count():
        world = holds(World(seed, one_death(step)), requests=1)
        if not world.kills:
            break

    assert step > 10


@given(seed=st.integers(0, 2**64))
def test_deliveries_that_repeat_and_overtake(seed: int) -> None:
    world = holds(World(seed, nobody_dies))

    assert world.dead_letters == []


@pytest.mark.parametrize("seed", range(DYNAMODB_RUNS))
def test_deaths_on_dynamodb(on_dynamodb: MakeWorld, seed: int) -> None:
    holds(on_dynamodb(seed, deaths(seed, 0.04)))


@given(seed=st.integers(0, 2**64))
@settings(max_examples=20, deadline=None)
def test_deliveries_that_repeat_and_overtake_on_dynamodb(on_dynamodb: MakeWorld, seed: int) -> None:
    holds(on_dynamodb(seed, nobody_dies))
