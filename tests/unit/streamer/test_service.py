from collections.abc import Mapping
from typing import Any

import pytest

from streamer.app import App
from streamer.errors import ConfigurationError, TopologyError
from streamer.protocol.pings import KEEP_ALIVE, PING
from streamer.topology import (
    CONNECT,
    DEFAULT,
    DISCONNECT,
    Authorizer,
    Bucket,
    Function,
    Index,
    Key,
    Permission,
    Queue,
    Route,
    StreamView,
    Table,
    Topology,
)
from streamer.topology.grants import grants

ENVIRONMENT = {
    "JWT_SECRET": "s" * 32,
    "JWT_ISSUER": "us",
    "STREAMER_ENV": "development",
    "LOG_LEVEL": "DEBUG",
    "REQUEST_TTL_SECONDS": "900",
    "DATABASE_URL": "postgres://secret",
    "HOME": "/home/ada",
}


def topology(**options: Any) -> Topology:
    app = App(environment=("DATABASE_URL",))
    return app.topology(**{"target": "app:app", "environment": ENVIRONMENT, **options})


def test_three_routes_lead_to_three_functions_and_pings_to_none() -> None:
    routes = topology(stage="live").api.routes

    assert {route.route_key: route.function for route in routes} == {
        CONNECT: "connect",
        DISCONNECT: "disconnect",
        DEFAULT: "router",
        "ping": "",
        "keep-alive": "",
    }
    assert [route.integration for route in routes if not route.function] == [PING, KEEP_ALIVE]
    assert topology(stage="live").api.stage == "live"


@pytest.mark.parametrize("name", ["connect", "disconnect", "router", "processor"])
def test_every_function_is_a_handler_of_the_runtime(name: str) -> None:
    function = topology().function(name)
    module, _, attribute = function.handler.rpartition(".")

    assert callable(getattr(__import__(module, fromlist=[attribute]), attribute))


COMMON = {"TABLE_PREFIX", "STREAMER_STAGE", "STREAMER_ENV", "LOG_LEVEL"}


@pytest.mark.parametrize(
    ("name", "variables", "secrets"),
    [
        pytest.param("connect", COMMON | {"JWT_SECRET", "JWT_ISSUER"}, {"JWT_SECRET"}, id="connect"),
        pytest.param("disconnect", COMMON, set(), id="disconnect"),
        pytest.param(
            "router", COMMON | {"STREAMER_APP", "REQUEST_TTL_SECONDS", "DATABASE_URL"}, {"DATABASE_URL"}, id="router"
        ),
        pytest.param(
            "processor",
            COMMON | {"STREAMER_APP", "REQUEST_TTL_SECONDS", "DATABASE_URL"},
            {"DATABASE_URL"},
            id="processor",
        ),
    ],
)
def test_a_function_knows_only_what_it_needs(name: str, variables: set[str], secrets: set[str]) -> None:
    function = topology().function(name)

    assert set(function.environment) == variables
    assert set(function.secrets) == secrets


@pytest.mark.parametrize(
    ("name", "access"),
    [
        pytest.param("connect", {"connections": {"PutItem"}}, id="connect"),
        pytest.param(
            "disconnect",
            {"connections": {"DeleteItem"}, "subscriptions": {"Query", "BatchWriteItem"}},
            id="disconnect",
        ),
        pytest.param(
            "router",
            {
                "connections": {"GetItem", "DeleteItem"},
                "requests": {"BatchGetItem", "GetItem", "PutItem", "UpdateItem"},
                "subscriptions": {"PutItem", "DeleteItem", "Query", "BatchWriteItem"},
            },
            id="router",
        ),
        pytest.param(
            "processor",
            {
                "connections": {"GetItem", "DeleteItem"},
                "requests": {"GetItem", "UpdateItem"},
                "subscriptions": {"Query", "BatchWriteItem"},
            },
            id="processor",
        ),
    ],
)
def test_a_function_may_do_only_what_it_does(name: str, access: dict[str, set[str]]) -> None:
    function = topology(table_prefix="").function(name)

    assert {table.table: set(table.actions) for table in function.tables} == access


def test_what_runs_actions_invokes_the_processor_and_nothing_else() -> None:
    functions = topology().functions

    assert {function.name: function.invokes for function in functions if function.invokes} == {
        "router": ("processor",),
        "processor": ("processor",),
    }


def test_the_tables_have_the_prefix_and_their_keys() -> None:
    tables = {table.name: table for table in topology(table_prefix="mine-").tables}

    assert {name: (table.key.partition, table.key.sort) for name, table in tables.items()} == {
        "mine-connections": ("connection_id", None),
        "mine-requests": ("owner", "request_id"),
        "mine-subscriptions": ("connection_id", "target"),
    }
    assert {table.ttl_attribute for table in tables.values()} == {"ttl"}
    assert [name for name, table in tables.items() if table.stream is StreamView.NEW_AND_OLD_IMAGES] == [
        "mine-requests"
    ]


def test_only_requests_that_wait_or_were_cancelled_reach_the_processor() -> None:
    (mapping,) = topology().event_source_mappings

    assert mapping.filters == tuple(
        {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"status": {"S": [status]}}}}
        for status in ("PENDING", "RETRYING", "CANCELLED")
    )
    assert mapping.report_batch_item_failures
    assert mapping.bisect_on_error
    assert mapping.on_failure == "dead-letters"


def test_a_variable_that_the_app_needs_must_have_a_value() -> None:
    with pytest.raises(ConfigurationError, match="the app needs DATABASE_URL"):
        topology(environment={"DATABASE_URL": ""})


OWN = App(
    tables=[Table(name="orders", key=Key(partition="id"), indexes=(Index(name="by-day", key=Key(partition="day")),))],
    queues=[Queue(name="mails")],
    permissions=[Permission(actions=["s3:GetObject"], resources=["arn:aws:s3:::reports/*"])],
)


def test_what_is_the_apps_own_is_made_with_the_services_prefix() -> None:
    made = OWN.topology(target="app:app", table_prefix="shop_")

    assert made.table("shop_orders").key == Key(partition="id")
    assert [queue.name for queue in made.queues] == ["dead-letters", "mails"]


@pytest.mark.parametrize("name", ["router", "processor"])
def test_functions_that_run_actions_may_use_and_find_what_is_the_apps_own(name: str) -> None:
    made = OWN.topology(target="app:app", table_prefix="shop_")

    allowed = {
        (action, resource.name) for grant in grants(made, made.function(name)) for action in grant.actions
        for resource in grant.resources
    }  # fmt: skip
    assert {
        ("dynamodb:PutItem", "shop_orders"),
        ("dynamodb:Scan", "shop_orders"),
        ("sqs:SendMessage", "mails"),
        ("s3:GetObject", "arn:aws:s3:::reports/*"),
    } <= allowed
    assert made.function(name).environment["ORDERS_TABLE"] == "shop_orders"


WRITING = {"BatchWriteItem", "ConditionCheckItem", "DeleteItem", "DescribeTable", "PutItem", "UpdateItem"}
READING = {"BatchGetItem", "ConditionCheckItem", "DescribeTable", "GetItem", "Query", "Scan"}


@pytest.mark.parametrize(
    ("access", "router", "processor"),
    [
        pytest.param({}, (READING | WRITING, "GPDL", True), (READING | WRITING, "GPDL", True), id="nothing is said"),
        pytest.param(
            {"orders": "read", "papers": "read"}, (READING, "GL", True), (READING, "GL", True), id="all only read"
        ),
        pytest.param(
            {"orders": "write", "papers": "write"}, (WRITING, "PD", True), (WRITING, "PD", True), id="all only write"
        ),
        pytest.param(
            {
                "orders": {"router": "read", "processor": "both"},
                "papers": {"processor": "write"},
                "mails": {"processor": "write"},
            },
            (READING, "", False),
            (READING | WRITING, "PD", True),
            id="by function; one that is not named does nothing",
        ),
    ],
)
def test_actions_use_what_is_the_apps_own_as_it_says(
    access: dict[str, Any], router: tuple[set[str], str, bool], processor: tuple[set[str], str, bool]
) -> None:
    app = App(
        tables=[
            Table(name="orders", key=Key(partition="id"), indexes=(Index(name="by-day", key=Key(partition="day")),))
        ],
        queues=[Queue(name="mails")],
        buckets=[Bucket(name="papers")],
        access=access,
    )
    made = app.topology(target="app:app")
    letters = {"G": "s3:GetObject", "P": "s3:PutObject", "D": "s3:DeleteObject", "L": "s3:ListBucket"}

    for name, (table, objects, sends) in (("router", router), ("processor", processor)):
        allowed = {
            (action, resource.name, resource.kind) for grant in grants(made, made.function(name))
            for action in grant.actions for resource in grant.resources
        }  # fmt: skip
        on_orders = {action for action, of, kind in allowed if of == "streamer_orders" and kind == "table"}
        assert on_orders == {f"dynamodb:{action}" for action in table}
        assert {of for _, of, kind in allowed if kind == "index" and of == "streamer_orders"} == (
            {"streamer_orders"} if table & {"Query"} else set()
        )
        assert {action for action, of, _ in allowed if of == "papers"} == {letters[each] for each in objects}
        assert (("sqs:SendMessage", "mails", "queue") in allowed) is sends


@pytest.mark.parametrize(
    ("access", "message"),
    [
        pytest.param({"order": "read"}, "has no 'order'; it has mails, orders", id="another name"),
        pytest.param({"orders": "rw"}, "'orders' takes read or write or both, not 'rw'", id="another word"),
        pytest.param({"mails": "read"}, "'mails' takes write, not 'read'", id="a queue that is read"),
        pytest.param({"orders": {"connect": "read"}}, "router and processor, not in 'connect'", id="another function"),
    ],
)
def test_an_access_that_makes_no_sense_is_refused(access: dict[str, Any], message: str) -> None:
    app = App(tables=[Table(name="orders", key=Key(partition="id"))], queues=[Queue(name="mails")], access=access)

    with pytest.raises(ConfigurationError, match=message):
        app.topology(target="app:app")


@pytest.mark.parametrize("name", ["connect", "disconnect"])
def test_functions_that_run_no_actions_may_do_no_more(name: str) -> None:
    assert OWN.topology(target="app:app").function(name) == App().topology(target="app:app").function(name)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        pytest.param({"tables": [Table(name="requests", key=Key(partition="id"))]}, "unique", id="a table of ours"),
        pytest.param({"queues": [Queue(name="dead-letters")]}, "unique", id="the queue of ours"),
        pytest.param(
            {"tables": [Table(name=name, key=Key(partition="id")) for name in ("my-orders", "my_orders")]},
            "MY_ORDERS_TABLE",
            id="two tables with one variable",
        ),
        pytest.param(
            {"permissions": [Permission(actions="s3:GetObject", resources=["*"])]}, "write a list", id="one text"
        ),
        pytest.param({"permissions": [Permission(actions=[], resources=["*"])]}, "write a list", id="nothing"),
        pytest.param(
            {"permissions": [Permission(actions=["GetObject"], resources=["*"])]}, "'GetObject'", id="no service"
        ),
        pytest.param(
            {"permissions": [Permission(actions=["s3:GetObject"], resources=["reports"])]}, "'reports'", id="no ARN"
        ),
    ],
)
def test_what_cannot_be_the_apps_own_is_refused(own: Mapping[str, Any], message: str) -> None:
    with pytest.raises((ConfigurationError, TopologyError), match=message):
        App(**own).topology(target="app:app")


DOORKEEPER = Function(name="doorkeeper", handler="door.handler")


def test_an_authorizer_of_its_own_is_asked_before_connect() -> None:
    app = App(authorizer=DOORKEEPER, identity_sources=["route.request.querystring.token"])
    found = app.topology(target="app:app", environment={"JWT_SECRET": "s" * 40, "JWT_USER_CLAIM": "mail"})

    assert found.function("doorkeeper") == DOORKEEPER
    assert found.api.route(CONNECT) == Route(route_key=CONNECT, function="connect", authorizer="doorkeeper")
    assert found.api.authorizers == (
        Authorizer(name="doorkeeper", function="doorkeeper", identity_sources=("route.request.querystring.token",)),
    )
    connect = found.function("connect")
    assert connect.secrets == ()
    assert connect.environment["STREAMER_AUTHORIZATION"] == "authorizer"
    assert connect.environment["JWT_USER_CLAIM"] == "mail"
    assert "JWT_SECRET" not in connect.environment


def test_signed_handshakes_need_neither_tokens_nor_an_authorizer() -> None:
    found = App(iam=True).topology(target="app:app")

    assert found.api.route(CONNECT) == Route(route_key=CONNECT, function="connect", iam=True)
    assert found.function("connect").environment["STREAMER_AUTHORIZATION"] == "iam"


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        pytest.param({"authorizer": DOORKEEPER, "iam": True}, "one of them lets clients in", id="both"),
        pytest.param({"identity_sources": ["a"]}, "is about an authorizer; name one", id="sources of nobody"),
        pytest.param(
            {"authorizer": Function(name="router", handler="door.handler")},
            "the authorizer is called 'router', as a function of every service is",
            id="a name that is taken",
        ),
    ],
)
def test_who_lets_clients_in_has_to_be_clear(how: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        App(**how).topology(target="app:app")
