"""Execution environments die at every step, and deliveries repeat and overtake: what is promised holds all the same.

`crash_world` is the model of AWS around the real handlers; `World.check` lists the promises.
"""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from crash_world import Environment, Fate, World
from dynamodb_engines import embedded_engine
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.dynamodb.endpoints.tables import create_tables
from streamer import App
from streamer.errors import DispatchError, SendError, StoreError
from streamer.limits import Limits
from streamer.records import RequestRecord
from streamer.requests.lifecycle import is_final
from streamer.service import tables
from streamer.stores.client import Clients
from streamer.stores.dynamodb import DynamoConnectionStore, DynamoSubscriptionStore
from streamer.stores.dynamodb_requests import DynamoRequestStore
from streamer.testing import Handlers

RUNS = 500
FAULTY_RUNS = 60
AT_ONCE = 2
DYNAMODB_RUNS = 20
UNRELIABLE_RUNS = 8

MakeWorld = Callable[..., World]


class Unreliable:
    """DynamoDB's client, some of whose writes are refused, conflict with others, or are done and not answered."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.chance: random.Random | None = None
        """Decides what becomes of a call; None: what it asks for."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if self.chance is None or name not in ("update_item", "transact_write_items", "query"):
            return method
        chance = self.chance.random()
        if chance < 0.05:
            return lambda **_: self._refuse(name, "ThrottlingException")
        if chance < 0.1:
            return lambda **_: self._refuse(name, "TransactionConflictException")
        if chance < 0.3 and name == "transact_write_items":
            return lambda TransactItems: self._refuse(  # noqa: N803 - DynamoDB's name
                name, "TransactionCanceledException", [{"Code": self._reason()} for _ in TransactItems]
            )
        return (lambda **call: self._leave_open(method(**call))) if chance > 0.95 else method

    def _reason(self) -> str:
        assert self.chance is not None
        return self.chance.choice(("None", "TransactionConflict", "ThrottlingError"))

    def _refuse(self, name: str, code: str, reasons: Sequence[Any] = ()) -> None:
        response: Any = {"Error": {"Code": code}, "CancellationReasons": reasons}
        raise ClientError(response, name)

    def _leave_open(self, _: Any) -> None:
        raise ReadTimeoutError(endpoint_url="http://dynamodb")


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

        def make(seed: int, fate: Fate, *, kind: type[World] = World, client: Any = client) -> World:
            world = kind(
                seed,
                fate,
                requests=DynamoRequestStore(lambda: client, "crash_requests", sleep=lambda _: None),
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


class FaultyWorld(World):
    """Calls fail too, before they did what they are for or after it; clocks differ; a user may have two requests."""

    def __init__(self, seed: int, fate: Fate | None = None, **stores: Any) -> None:
        self._chance = random.Random(f"faults {seed}")
        super().__init__(seed, fate or self._fate, **stores)

    def _fate(self, what: str) -> bool:
        chance = self._chance.random()
        if chance > 0.98:
            return True
        match what.split()[1]:
            case "send" | "is_active" if chance < 0.03:
                self.dead_letters.append(what)  # nobody tells a client again what it could not be told
                self._fail(SendError(what, is_temporary=True))
            case "dispatch" if chance < 0.1:
                self._fail(DispatchError(what))
            case "send" | "is_active" | "dispatch":
                pass
            case _ if chance < 0.05:
                self._fail(StoreError(what))
        return False

    def _fail(self, error: Exception) -> None:
        self.kills += 1
        raise error

    def _make_app(self) -> App:
        app = App(limits=Limits(concurrent_requests_per_user=AT_ONCE))
        app.action("work", queued=True, max_attempts=3, cancel_on_disconnect=self.rng.random() < 0.3)(self._work)
        app.action("once", queued=True)(self._work)
        return app

    def _handlers(self, environment: Environment) -> Handlers:
        handlers, skew_seconds = super()._handlers(environment), self._chance.uniform(-2, 2)
        handlers.clock = lambda: self.now + skew_seconds
        return handlers

    def _changed(self, before: RequestRecord | None, after: RequestRecord) -> None:
        super()._changed(before, after)
        assert sum(not is_final(record.status) for record in self.stored.values()) <= AT_ONCE


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


def test_stores_connections_and_clocks_that_are_not_to_be_relied_on() -> None:
    for seed in range(FAULTY_RUNS):
        holds(FaultyWorld(seed))


@given(seed=st.integers(0, 2**64))
def test_deliveries_that_repeat_and_overtake(seed: int) -> None:
    world = holds(World(seed, nobody_dies))

    assert world.dead_letters == []


@pytest.mark.parametrize("seed", range(DYNAMODB_RUNS))
def test_deaths_on_dynamodb(on_dynamodb: MakeWorld, seed: int) -> None:
    holds(on_dynamodb(seed, deaths(seed, 0.04)))


@pytest.mark.parametrize("seed", range(UNRELIABLE_RUNS))
def test_writes_that_dynamodb_refuses_or_does_not_answer(on_dynamodb: MakeWorld, seed: int) -> None:
    unreliable = Unreliable(Clients().get("dynamodb"))
    world = on_dynamodb(seed, nobody_dies, kind=FaultyWorld, client=unreliable)
    world.kills = 1  # what fails now and then is delivered again
    world.scenario()
    unreliable.chance = random.Random(seed)
    try:
        world.run()
        unreliable.chance = None
        world.check()
    finally:
        world.workers.close()
        unreliable.close()


@given(seed=st.integers(0, 2**64))
@settings(max_examples=20, deadline=None)
def test_deliveries_that_repeat_and_overtake_on_dynamodb(on_dynamodb: MakeWorld, seed: int) -> None:
    holds(on_dynamodb(seed, nobody_dies))
