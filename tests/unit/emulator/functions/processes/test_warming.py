"""Which functions get an environment first, where none has one."""

from __future__ import annotations

from emulator.functions.processes.functions import by_need
from streamer.topology import Api, Authorizer, Function, Queue, QueueMapping, Route, Topology


def test_functions_are_warmed_in_the_order_in_which_a_first_client_needs_them() -> None:
    names = ("worker", "leave", "lonely", "check", "chat", "enter")
    api = Api(
        name="chat",
        routes=(
            Route(route_key="$disconnect", function="leave"),
            Route(route_key="say", function="chat"),
            Route(route_key="$connect", function="enter", authorizer="jwt"),
        ),
        authorizers=(Authorizer(name="jwt", function="check"),),
    )
    topology = Topology(api=api, functions=tuple(Function(name=name, handler="h.h") for name in names))

    assert by_need(topology) == ["check", "enter", "chat", "worker", "lonely", "leave"]


def test_a_function_of_several_routes_is_warmed_for_the_first_of_them() -> None:
    routes = tuple(Route(route_key=key, function="all") for key in ("$disconnect", "$connect", "$default"))
    functions = tuple(Function(name=name, handler="h.h") for name in ("other", "all"))

    assert by_need(Topology(api=Api(name="chat", routes=routes), functions=functions)) == ["all", "other"]


def test_a_function_is_warmed_as_the_version_that_is_invoked() -> None:
    api = Api(name="chat", routes=(Route(route_key="$default", function="chat:live"),))
    functions = (Function(name="job", handler="h.h"), Function(name="chat", handler="h.h"))
    jobs = QueueMapping(function="job:2", queue="jobs")

    topology = Topology(api=api, functions=functions, queues=(Queue(name="jobs"),), queue_mappings=(jobs,))

    assert by_need(topology) == ["chat:live", "job:2"]


def test_a_function_that_others_than_the_topology_invoke_is_warmed_as_its_alias() -> None:
    functions = (
        Function(name="mail", handler="h.h", qualifiers={"1": "1", "live": "1"}),
        Function(name="bill", handler="h.h", qualifiers={"1": "1"}),
    )

    assert by_need(Topology(api=Api(name="chat", routes=()), functions=functions)) == ["mail:live", "bill"]
