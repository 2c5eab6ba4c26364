"""What AWS would refuse at deployment is refused before."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from streamer.errors import TopologyError
from streamer.topology import (
    Api,
    AsyncInvocation,
    Authorizer,
    Bucket,
    EventSourceMapping,
    Function,
    Index,
    Key,
    Permission,
    Queue,
    QueueMapping,
    Route,
    Schedule,
    StreamView,
    Table,
    TableAccess,
    Throttle,
    Topology,
)
from streamer.topology.checks import validate

FUNCTION = Function(name="f", handler="handlers.f")
ROUTE = Route(route_key="$default", function="f")
HALF: Any = Throttle(rate=0.5, burst=1.5)  # type: ignore[arg-type]
CONNECT = Route(route_key="$connect", function="f")
TABLE = Table(name="t", key=Key(partition="id"), stream=StreamView.NEW_IMAGE)
MAPPING = EventSourceMapping(function="f", table="t")
API = Api(name="api", routes=(ROUTE,))
SERVICE = Topology(
    api=API, functions=(FUNCTION,), tables=(TABLE,), event_source_mappings=(MAPPING,), queues=(Queue(name="q"),)
)


def with_routes(*routes: Route, **api: Any) -> Topology:
    return replace(SERVICE, api=replace(API, routes=routes, **api))


def with_function(**fields: Any) -> Topology:
    return replace(SERVICE, functions=(replace(FUNCTION, **fields),))


def with_table(*indexes: Index, key: Key = Key(partition="id")) -> Topology:  # noqa: B008 - it is frozen
    return replace(SERVICE, tables=(replace(TABLE, key=key, indexes=indexes),))


def with_queue(queue: Queue, **mapping: Any) -> Topology:
    mappings = (QueueMapping(function="f", queue=queue.name, **mapping),) if mapping else ()
    return replace(SERVICE, queues=(*SERVICE.queues, queue), queue_mappings=mappings)


def including(name: str, number: int) -> Index:
    key = Key(partition="kind")
    return Index(name=name, key=key, projection="INCLUDE", include=tuple(f"a{n}" for n in range(number)))


def with_condition(operator: str) -> Topology:
    allowed = Permission(actions=["s3:*"], resources=["*"], conditions={operator: {"aws:PrincipalTag/a": "1"}})
    return with_function(permissions=(allowed,))


def with_cron(cron: str) -> Topology:
    return replace(SERVICE, schedules=(Schedule(name="s", function="f", cron=cron),))


BY_DAY = Index(name="by_day", key=Key(partition="day", sort="id"))
BY_SIZE = Index(name="by_size", key=Key(partition="id", sort="size"), is_local=True)
ID_AND_DAY = Key(partition="id", sort="day")


def with_mapping(**fields: Any) -> Topology:
    return replace(SERVICE, event_source_mappings=(replace(MAPPING, **fields),))


@pytest.mark.parametrize(
    "service",
    [
        pytest.param(SERVICE, id="plain"),
        pytest.param(with_function(timeout_seconds=900, memory_mb=10_240), id="a function at its limits"),
        pytest.param(with_routes(replace(CONNECT, iam=True, api_key_required=True)), id="access at $connect"),
        pytest.param(with_mapping(batch_size=10_000, maximum_record_age_seconds=60), id="a mapping at its limits"),
        pytest.param(with_mapping(on_failure="q"), id="a destination"),
        pytest.param(with_mapping(on_failure="arn:aws:sns:us-east-1:123456789012:q"), id="a topic as a destination"),
        pytest.param(with_table(BY_DAY, BY_SIZE, key=ID_AND_DAY), id="a global index and a local one"),
        pytest.param(with_table(replace(BY_DAY, projection="INCLUDE", include=("size",))), id="a projection of some"),
        pytest.param(
            with_table(*(replace(BY_DAY, name=f"by_{number}") for number in range(20))), id="20 global indexes"
        ),
        pytest.param(
            with_queue(Queue(name="q2", dead_letter_queue="q"), batch_size=100, batching_window_seconds=1),
            id="dead letters of a queue, and batches that are waited for",
        ),
        pytest.param(with_queue(Queue(name="q.fifo"), batch_size=10), id="a FIFO queue"),
        pytest.param(with_function(reserved_concurrency=0, memory_mb=256.0), id="switched off, and a whole float"),
        pytest.param(with_routes(ROUTE, stage_variables={"a_1": "http://x.y/?a=b&c~d,#-"}), id="stage variables"),
        pytest.param(with_table(including("i", 20)), id="an index of 20 attributes"),
        pytest.param(with_condition("ForAllValues:StringNotEqualsIgnoreCaseIfExists"), id="a long operator"),
        pytest.param(with_condition("DateLessThanEquals"), id="an operator of dates"),
        pytest.param(with_condition("Null"), id="whether there is a key"),
        pytest.param(with_cron("0/15 8-17 ? * MON-FRI *"), id="working hours"),
        pytest.param(with_cron("0 0 lw * ? 2026,2027"), id="the last working day"),
        pytest.param(
            replace(SERVICE, queues=(Queue(name="q.fifo"), Queue(name="r.fifo", dead_letter_queue="q.fifo"))),
            id="dead letters of a FIFO queue",
        ),
    ],
)
def test_what_aws_takes_is_taken(service: Topology) -> None:
    validate(service)


@pytest.mark.parametrize(
    ("service", "complaint"),
    [
        pytest.param(replace(SERVICE, functions=(FUNCTION, FUNCTION)), "declared 2 times", id="a name twice"),
        pytest.param(
            replace(
                SERVICE,
                queues=(Queue(name="q.fifo"),),
                async_invocations=(AsyncInvocation(function="f", on_failure="q.fifo"),),
            ),
            "Lambda takes nothing FIFO",
            id="failed events to a FIFO queue",
        ),
        pytest.param(with_routes(ROUTE, ROUTE), "route '\\$default' is declared 2 times", id="a route twice"),
        pytest.param(with_routes(replace(ROUTE, function="g")), "no function 'g'; there are: f", id="no such function"),
        pytest.param(with_routes(replace(ROUTE, route_key="$own")), "starts with '\\$'", id="a reserved route key"),
        pytest.param(with_routes(replace(ROUTE, iam=True)), "only \\$connect can", id="IAM on a message"),
        pytest.param(
            with_routes(replace(ROUTE, api_key_required=True)), "only \\$connect can", id="API key on a message"
        ),
        pytest.param(with_routes(replace(CONNECT, authorizer="a")), "does not have", id="no such authorizer"),
        pytest.param(
            with_routes(CONNECT, authorizers=(Authorizer(name="a", function="g"),)),
            "no function 'g'",
            id="an authorizer without its function",
        ),
        pytest.param(
            with_routes(replace(ROUTE, integration_timeout_seconds=30)), "0.05 to 29", id="a timeout over 29 s"
        ),
        pytest.param(
            replace(SERVICE, schedules=(Schedule(name="s", function="f", rate_minutes=1, event={"a": "x" * 8192}),)),
            "its event may have 8,192 characters",
            id="an event of a schedule over 8 KB",
        ),
        pytest.param(
            with_mapping(filters=({"eventName": ["I" * 4096]},)), "a filter may have 4,096", id="a filter over 4 KB"
        ),
        pytest.param(
            with_queue(Queue(name="r"), filters=({"body": ["I" * 4096]},)),
            "a filter may have 4,096",
            id="a filter of a queue over 4 KB",
        ),
        pytest.param(with_function(timeout_seconds=901), "at most 900", id="a function over 15 minutes"),
        pytest.param(with_function(timeout_seconds=0), "above 0", id="a function without time"),
        pytest.param(with_function(memory_mb=64), "128 to 10240", id="too little memory"),
        pytest.param(
            with_function(tables=(TableAccess(table="u", actions=("GetItem",)),)), "no table 'u'", id="no such table"
        ),
        pytest.param(with_function(invokes=("g",)), "no function 'g'", id="invokes nobody"),
        pytest.param(with_function(sends_to=("r",)), "no queue 'r'; there are: q", id="sends nowhere"),
        pytest.param(
            replace(with_function(sends_to=("by-day", "by_day")), queues=(Queue(name="by-day"), Queue(name="by_day"))),
            "sends to two queues whose URLs would be in BY_DAY_QUEUE_URL",
            id="two queues of one variable",
        ),
        pytest.param(
            replace(
                with_function(timeout_seconds=60),
                queues=(Queue(name="q"),),
                queue_mappings=(QueueMapping(function="f", queue="q"),),
            ),
            "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
            id="a function that may run longer than its messages are hidden",
        ),
        *(
            pytest.param(service, f"table 't'.*{complaint}", id=name)
            for name, service, complaint in (
                ("a key of no type", with_table(key=Key(partition="id", types={"id": "BOOL"})), "keys are S, N or B"),
                (
                    "a key of two types",
                    with_table(Index(name="i", key=Key(partition="id", types={"id": "N"}))),
                    "'id' is of type S and N",
                ),
                ("a key twice", with_table(key=Key(partition="id", sort="id")), "'id' is partition key and sort key"),
                ("an index twice", with_table(BY_DAY, BY_DAY), "index 'by_day' is declared 2 times"),
                ("another projection", with_table(replace(BY_DAY, projection="SOME")), "'SOME', not ALL, KEYS_ONLY"),
                ("a projection of nothing", with_table(replace(BY_DAY, projection="INCLUDE")), "and only then"),
                ("names beside a projection", with_table(replace(BY_DAY, include=("size",))), "and only then"),
                ("a local index of a table without sort key", with_table(BY_SIZE), "have a sort key"),
                (
                    "a local index without one",
                    with_table(replace(BY_SIZE, key=Key(partition="id")), key=ID_AND_DAY),
                    "have a sort key",
                ),
                (
                    "a local index of another partition",
                    with_table(replace(BY_SIZE, key=Key(partition="day", sort="id")), key=ID_AND_DAY),
                    "is its table's, 'id'",
                ),
                (
                    "21 global indexes",
                    with_table(*(replace(BY_DAY, name=f"by_{number}") for number in range(21))),
                    "20 global indexes",
                ),
                (
                    "6 local ones",
                    with_table(*(replace(BY_SIZE, name=f"by_{number}") for number in range(6)), key=ID_AND_DAY),
                    "5 local ones",
                ),
            )
        ),
        pytest.param(with_queue(Queue(name="my queue")), "its name takes 1 to 80 letters", id="a queue's name"),
        pytest.param(with_queue(Queue(name="q" * 81)), "its name takes 1 to 80 letters", id="a queue's long name"),
        pytest.param(
            with_queue(Queue(name="q.fifo", dead_letter_queue="q")), "FIFO queue go to a FIFO", id="FIFO's dead letters"
        ),
        pytest.param(
            replace(SERVICE, queues=(Queue(name="d.fifo"), Queue(name="q", dead_letter_queue="d.fifo"))),
            "standard queue to a standard one",
            id="dead letters in a FIFO queue",
        ),
        pytest.param(
            with_queue(Queue(name="q.fifo"), batching_window_seconds=1),
            "Batching window is not supported for FIFO queues",
            id="a FIFO queue that waits for batches",
        ),
        pytest.param(
            with_queue(Queue(name="q2"), batch_size=100),
            "must be 1 to 10, not 100; with a window",
            id="many messages without a window",
        ),
        pytest.param(
            with_queue(Queue(name="q2"), batching_window_seconds=0.4),
            "QueueMapping: batching_window_seconds must be a whole number, not 0.4",
            id="a part of a second",
        ),
        pytest.param(with_cron("61 * * * ? *"), "'61' is not within 0 to 59", id="minute 61"),
        pytest.param(with_cron("0 0 ? * MON#6 *"), "cron", id="a sixth Monday"),
        pytest.param(with_function(reserved_concurrency=-2), "must be 0 or more", id="a negative concurrency"),
        pytest.param(with_function(memory_mb=256.5), r"Function\('f'\): memory_mb must be a whole", id="half a MB"),
        pytest.param(
            with_mapping(batch_size=1.5), "EventSourceMapping: batch_size must be a whole", id="half a record"
        ),
        pytest.param(
            with_routes(replace(ROUTE, throttle=Throttle(rate=-1, burst=1))),
            "rate and burst of a throttle must be 0 or more, not -1 and 1",
            id="a negative rate of a route",
        ),
        pytest.param(
            with_routes(ROUTE, throttle=Throttle(rate=math.nan, burst=1)),
            "must be 0 or more, not nan and 1",
            id="a rate that is no number",
        ),
        pytest.param(
            with_routes(ROUTE, throttle=Throttle(rate=1, burst=-1)),
            "must be 0 or more, not 1 and -1",
            id="a negative burst",
        ),
        pytest.param(with_routes(ROUTE, throttle=HALF), "burst must be a whole", id="half a burst"),
        pytest.param(with_routes(ROUTE, stage_variables={"a-b": "x"}), "stage variable 'a-b'", id="a stage's name"),
        pytest.param(with_routes(ROUTE, stage_variables={"a": "x y"}), "it is 'x y'", id="a stage's value"),
        pytest.param(with_routes(ROUTE, stage_variables={"a": ""}), "it is ''", id="no stage's value"),
        pytest.param(with_table(including("i", 21)), "may include 20 attributes, not 21", id="an index's attributes"),
        pytest.param(
            with_table(*(including(f"i{n}", 17) for n in range(6))),
            "include 100 attributes together",
            id="all indexes'",
        ),
        pytest.param(with_condition("StringMatches"), "'StringMatches', which is no operator", id="an operator"),
        pytest.param(with_condition("NullIfExists"), "which is no operator", id="Null if it exists"),
        pytest.param(with_cron("* * * * *"), "there are six fields", id="crontab's five fields"),
        pytest.param(with_cron("cron(0 0 * * ? *)"), r"without cron\(", id="the word around them"),
        pytest.param(with_cron("0 0 * * * *"), "one of day-of-month and day-of-week", id="two days"),
        pytest.param(with_cron("0 0 ? * ? *"), "one of day-of-month and day-of-week", id="no day"),
        pytest.param(with_function(buckets=("b",)), "no bucket 'b'; there are: none", id="no such bucket"),
        *(
            pytest.param(replace(SERVICE, buckets=(bucket,)), complaint, id=f"{bucket.name}, {bucket.page_origins}")
            for bucket, complaint in (
                (Bucket(name="My_Bucket"), "lower-case letters, digits and hyphens"),
                (Bucket(name="b" * 41), "3 to 40"),
                (Bucket(name="uploads", kept_days=0), "kept_days must be 1 or more"),
                (Bucket(name="uploads", page_origins=("app.example.com",)), "is no origin of pages"),
                (Bucket(name="uploads", page_origins=("https://app.example.com/page",)), "without a path"),
            )
        ),
        pytest.param(
            replace(SERVICE, buckets=(Bucket(name="uploads"), Bucket(name="uploads"))),
            "bucket 'uploads' is declared 2 times",
            id="a bucket twice",
        ),
        pytest.param(with_function(secrets=("NOT-A-NAME",)), "is not the name of a variable", id="a secret's name"),
        pytest.param(with_mapping(table="u"), "no table 'u'", id="a mapping without its table"),
        pytest.param(
            replace(SERVICE, tables=(replace(TABLE, stream=None),)), "the table has no stream", id="no stream to read"
        ),
        pytest.param(with_mapping(starting_position="AT_TIMESTAMP"), "TRIM_HORIZON or LATEST", id="another start"),
        pytest.param(with_mapping(batch_size=10_001), "batch_size must be 1 to 10000", id="a batch too large"),
        pytest.param(with_mapping(parallelization_factor=11), "parallelization_factor must be 1 to 10", id="11 lanes"),
        pytest.param(with_mapping(maximum_record_age_seconds=59), "-1 or 60 to 604800", id="records too young to die"),
        pytest.param(with_mapping(filters=({},) * 11), "number of filters", id="11 filters"),
        pytest.param(with_mapping(on_failure="r"), "no queue 'r'", id="a destination that does not exist"),
        pytest.param(
            replace(SERVICE, async_invocations=(AsyncInvocation(function="f", maximum_retry_attempts=3),)),
            "maximum_retry_attempts must be 0 to 2",
            id="retries of asynchronous events",
        ),
        pytest.param(
            replace(SERVICE, async_invocations=(AsyncInvocation(function="f", maximum_event_age_seconds=30),)),
            "maximum_event_age_seconds must be 60 to 21600",
            id="age of asynchronous events",
        ),
        pytest.param(
            replace(SERVICE, async_invocations=(AsyncInvocation(function="f", on_failure="r"),)),
            "no queue 'r'",
            id="an asynchronous destination that does not exist",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_with_what_to_change(service: Topology, complaint: str) -> None:
    with pytest.raises(TopologyError, match=complaint) as refused:
        validate(service)

    assert "\n" not in str(refused.value)


def test_a_key_names_its_attributes_partition_first() -> None:
    key = Key(partition="room", sort="at", types={"at": "N"})

    assert list(key.attributes().items()) == [("room", "S"), ("at", "N")]


def test_an_index_projects_everything_unless_told_otherwise() -> None:
    assert Index(name="by_room", key=Key(partition="room")).projection == "ALL"
