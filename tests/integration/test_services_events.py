"""EventBridge asked by an unmodified boto3, and what its rules send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import services_world
from botocore.exceptions import ClientError
from services_world import ACCOUNT, REGION, World, function_arn, queue_arn

HERE = f"arn:aws:events:{REGION}:{ACCOUNT}:"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with services_world.running(tmp_path_factory.mktemp("events")) as emulator:
        yield World(emulator)


def rule(world: World, name: str, pattern: dict[str, Any], *targets: dict[str, Any], bus: str = "default") -> Any:
    events = world.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)
    numbered = [{"Id": str(number), **each} for number, each in enumerate(targets)]
    events.put_targets(Rule=name, EventBusName=bus, Targets=numbered)
    return events


def put(events: Any, source: str, detail: Any, **more: Any) -> str:
    entry = {"Source": source, "DetailType": "order", "Detail": json.dumps(detail), **more}
    answer = events.put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    return str(answer["Entries"][0]["EventId"])


def test_a_function_gets_the_events_that_a_rule_waits_for(world: World) -> None:
    pattern = {
        "source": ["shop"],
        "detail": {"total": [{"numeric": [">", 10]}], "to": [{"anything-but": {"prefix": "x"}}]},
    }
    events = rule(world, "dear", pattern, {"Arn": function_arn("writer")})
    for source, total, to in (("other", 50, "a"), ("shop", 5, "a"), ("shop", 50, "xa")):
        put(events, source, {"total": total, "to": to})
    made = put(
        events, "shop", {"total": 50, "to": "a"}, Time=datetime(2026, 11, 27, 9, tzinfo=UTC), Resources=["thing"]
    )

    assert world.events() == [
        {
            "version": "0",
            "id": made,
            "detail-type": "order",
            "source": "shop",
            "account": ACCOUNT,
            "time": "2026-11-27T09:00:00Z",
            "region": REGION,
            "resources": ["thing"],
            "detail": {"total": 50, "to": "a"},
        }
    ]


def test_targets_get_what_they_are_given_of_it(world: World) -> None:
    transformer = {"InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": '{"hello": <who>}'}
    events = rule(
        world,
        "transforms",
        {"source": ["greeter"]},
        {"Arn": function_arn("writer"), "InputTransformer": transformer},
        {"Arn": queue_arn("ordered.fifo"), "InputPath": "$.detail", "SqsParameters": {"MessageGroupId": "a"}},
    )
    put(events, "greeter", {"who": "Ada"})

    assert world.events() == [{"hello": "Ada"}]
    message = world.message("ordered.fifo")
    assert (json.loads(message["Body"]), message["Attributes"]["MessageGroupId"]) == ({"who": "Ada"}, "a")


def test_what_a_queue_does_not_take_is_lost_and_nothing_else(world: World) -> None:
    """Such as a message for a FIFO queue that has nothing to know doubles by: AWS loses it in silence."""
    world.client("sns").create_topic(Name="kept")
    target = {"Arn": queue_arn("plain.fifo"), "SqsParameters": {"MessageGroupId": "a"}}
    put(rule(world, "refused", {"source": ["refused"]}, target), "refused", {})

    assert f"arn:aws:sns:{REGION}:{ACCOUNT}:kept" in str(world.client("sns").list_topics()["Topics"])


def test_a_bus_sends_on_to_another(world: World) -> None:
    events = world.client("events")
    events.create_event_bus(Name="shop")
    rule(world, "onward", {"source": ["onward"]}, {"Arn": f"{HERE}event-bus/shop"})
    rule(world, "arrived", {"source": ["onward"]}, {"Arn": queue_arn("inbox")}, bus="shop")
    made = put(events, "onward", {"a": 1})

    assert json.loads(world.message()["Body"])["id"] == made


def test_a_rule_that_is_switched_off_sends_nothing(world: World) -> None:
    events = rule(world, "off", {"source": ["off"]}, {"Arn": queue_arn("inbox")})
    events.disable_rule(Name="off")
    put(events, "off", {})
    events.enable_rule(Name="off")
    made = put(events, "off", {})

    assert json.loads(world.message()["Body"])["id"] == made


def test_a_wrong_pattern_is_refused(world: World) -> None:
    with pytest.raises(ClientError, match="InvalidEventPatternException"):
        rule(world, "wrong", {"detail": {"a": [{"near": 1}]}})


def test_a_pattern_is_tried_on_an_event(world: World) -> None:
    events = world.client("events")
    event: dict[str, Any] = {
        "id": "1",
        "account": ACCOUNT,
        "source": "shop",
        "time": "2026-11-27T09:00:00Z",
        "region": REGION,
    }
    event |= {"resources": [], "detail-type": "sold", "detail": {"total": 50}}

    def tried(pattern: Any, event: Any) -> Any:
        return events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]

    assert tried({"detail": {"total": [{"numeric": [">", 10]}]}}, event) is True
    assert tried({"detail": {"total": [{"numeric": [">", 90]}]}}, event) is False
    with pytest.raises(ClientError, match="InvalidEventPatternException"):
        tried({}, event)
    with pytest.raises(ClientError, match="ValidationException"):
        tried({"source": ["shop"]}, {"source": "shop"})


@pytest.mark.parametrize("expression", ["rate(1 minutes)", "cron(0 12 * * * *)"])
def test_a_rule_that_would_never_be_due_is_refused(world: World, expression: str) -> None:
    with pytest.raises(ClientError) as refused:
        world.client("events").put_rule(Name="never", ScheduleExpression=expression)

    assert refused.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Parameter ScheduleExpression is not valid.",
    }


def test_a_target_whose_template_has_a_variable_without_a_path_is_refused(world: World) -> None:
    transformer = {"InputTemplate": '"<who>"'}
    with pytest.raises(ClientError, match="InputTemplate for target 0 contains invalid placeholder who"):
        rule(world, "wrong", {"source": ["x"]}, {"Arn": function_arn("writer"), "InputTransformer": transformer})


def test_a_topic_gets_what_a_rule_sends(world: World) -> None:
    sns = world.client("sns")
    topic = sns.create_topic(Name="told")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function_arn("writer"))
    events = rule(world, "to-topic", {"source": ["told"]}, {"Arn": topic, "Input": '{"told": true}'})
    put(events, "told", {})

    (event,) = world.events()
    assert event["Records"][0]["Sns"]["Message"] == '{"told": true}'


def test_what_one_target_does_not_take_the_others_get(world: World) -> None:
    """Such as a topic of FIFO, whose messages need a group."""
    topic = world.client("sns").create_topic(Name="ordered.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    events = rule(world, "several", {"source": ["several"]}, {"Arn": topic}, {"Arn": function_arn("writer")})
    made = put(events, "several", {})

    assert [each["id"] for each in world.events()] == [made]


def test_a_bucket_tells_the_bus(world: World) -> None:
    s3 = world.client("s3")
    s3.create_bucket(Bucket="bussed", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(
        Bucket="bussed", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    rule(
        world,
        "objects",
        {"source": ["aws.s3"], "detail": {"object": {"key": [{"suffix": ".jpg"}]}}},
        {"Arn": queue_arn("inbox")},
    )
    s3.put_object(Bucket="bussed", Key="a b.jpg", Body=b"12")

    event = json.loads(world.message()["Body"])
    assert (event["detail-type"], event["resources"]) == ("Object Created", ["arn:aws:s3:::bussed"])
    about = event["detail"]
    assert (about["reason"], about["bucket"], about["object"]["key"], about["object"]["size"]) == (
        *("PutObject", {"name": "bussed"}, "a b.jpg", 2),
    )


def test_each_event_is_taken_or_refused_for_itself(world: World) -> None:
    events = rule(world, "takes", {"source": ["taken"]}, {"Arn": function_arn("writer"), "InputPath": "$.detail"})
    good = {"Source": "taken", "DetailType": "t", "Detail": '{"n": 1}'}
    wrong = [{**good, "Detail": "[1]"}, {**good, "Source": "aws.mine"}, {**good, "EventBusName": "gone"}]
    found = events.put_events(Entries=[*wrong, good])

    codes = [each.get("ErrorCode") for each in found["Entries"]]
    assert codes == ["MalformedDetail", "NotAuthorizedForSourceException", None, None]
    assert (found["FailedEntryCount"], world.events()) == (2, [{"n": 1}])


def test_an_archive_is_not_emulated(world: World) -> None:
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    with pytest.raises(ClientError, match="CreateArchive of events is not emulated"):
        world.client("events").create_archive(ArchiveName="a", EventSourceArn=bus)
