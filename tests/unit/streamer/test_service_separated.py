"""Where the processor's concurrency is reserved, a function of its own dispatches; and may do nothing else."""

from dataclasses import replace

import pytest

from streamer.app import App
from streamer.handlers.setup import processor_of
from streamer.service import separated
from streamer.topology import Function, Topology
from streamer.topology.checks import validate

SECRET = {"JWT_SECRET": "s" * 32, "TOKEN": "secret of an action"}


def of_an_app() -> Topology:
    return App(environment=("TOKEN",)).topology(target="app:app", environment=SECRET)


def with_reserved(topology: Topology, concurrency: int | None) -> Topology:
    functions = (
        replace(each, reserved_concurrency=concurrency) if each.name == "processor" else each
        for each in topology.functions
    )
    return replace(topology, functions=tuple(functions))


def named(topology: Topology, name: str) -> Function:
    return next(each for each in topology.functions if each.name == name)


def test_without_a_reservation_nothing_changes() -> None:
    assert separated(of_an_app()) == of_an_app()


@pytest.mark.parametrize("in_settings", [False, True], ids=["by the function", "by the settings"])
def test_the_stream_and_the_sweep_go_to_the_dispatcher_which_starts_the_processor(*, in_settings: bool) -> None:
    described = of_an_app() if in_settings else with_reserved(of_an_app(), 5)

    found = separated(described, {"processor": 5} if in_settings else {})

    validate(found)
    assert [each.name for each in found.functions] == ["connect", "disconnect", "router", "processor", "dispatcher"]
    assert [each.function for each in found.event_source_mappings] == ["dispatcher"]
    assert [each.function for each in found.schedules] == ["dispatcher"]
    assert [each.function for each in found.async_invocations] == ["processor"]
    assert named(found, "dispatcher").invokes == ("processor",)
    # What is left of a message to many is delivered by the processor, as it is without a dispatcher.
    assert [each.name for each in found.functions if each.invokes == ("processor",)] == [
        "router",
        "processor",
        "dispatcher",
    ]


def test_the_dispatcher_has_neither_secrets_nor_what_actions_may_do() -> None:
    found = named(separated(with_reserved(of_an_app(), 0)), "dispatcher")

    assert found.secrets == ()
    assert "secret of an action" not in found.environment.values()
    assert [each.table for each in found.tables] == ["streamer_requests"]
    assert (found.reserved_concurrency, found.posts_to_connections, found.permissions) == (None, False, ())


def test_plain_handlers_are_left_alone() -> None:
    described = replace(
        of_an_app(), functions=(Function(name="processor", handler="mine.run", reserved_concurrency=1),)
    )

    assert separated(described) is described


@pytest.mark.parametrize(
    ("name", "processor"),
    [
        ("dispatcher", "processor"),
        ("a-dev-dispatcher", "a-dev-processor"),
        ("router-dev-router", "router-dev-processor"),
        ("a-dev-processor", "a-dev-processor"),
    ],
)
def test_a_function_finds_the_processor_beside_it(name: str, processor: str) -> None:
    assert processor_of(name) == processor
