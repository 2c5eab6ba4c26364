"""What is described no more does not go on by itself."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from emulator.services.calls import Call
from emulator.services.undoing import undone, with_defaults

TOPIC = "arn:aws:sns:us-east-1:123456789012:news"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:inbox"
WHO = {"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": QUEUE}
NOTIFY = "put_bucket_notification_configuration"


def call(operation: str, **parameters: Any) -> Call:
    return Call(service="s", operation=operation, parameters=parameters, resource="R")


def subscribed(**attributes: str) -> Call:
    return call("subscribe", **WHO, Attributes=attributes)


def targets(*ids: str, **bus: str) -> Call:
    return call("put_targets", Rule="r", Targets=[{"Id": each, "Arn": QUEUE} for each in ids], **bus)


def kept(of: Call) -> Call:
    return structs.replace(of, is_retained=True)


BUCKET = call("create_bucket", Bucket="b")
TOLD = call(NOTIFY, Bucket="b", NotificationConfiguration={"EventBridgeConfiguration": {}})
SCHEDULE = call("create_schedule", Name="s", GroupName="g", ScheduleExpression="rate(1 hour)")


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        pytest.param([subscribed()], [], [call("unsubscribe_endpoint", **WHO)], id="a subscription"),
        pytest.param([subscribed()], [subscribed(FilterPolicy="{}")], [], id="a subscription that changed"),
        pytest.param([targets("a", "b")], [targets("b")], [call("remove_targets", Rule="r", Ids=["a"])], id="a target"),
        pytest.param(
            [targets("a", EventBusName="bus")],
            [],
            [
                call("remove_targets", Rule="r", EventBusName="bus", Ids=["a"]),
                call("delete_rule", Name="r", EventBusName="bus"),
            ],
            id="a rule",
        ),
        pytest.param([SCHEDULE], [], [call("delete_schedule", Name="s", GroupName="g")], id="a schedule"),
        pytest.param(
            [BUCKET, TOLD], [BUCKET], [call(NOTIFY, Bucket="b", NotificationConfiguration={})], id="notifications"
        ),
        pytest.param([kept(subscribed()), kept(targets("a")), kept(SCHEDULE)], [], [], id="what is retained"),
        pytest.param(
            [kept(targets("a", "b"))],
            [kept(targets("b"))],
            [call("remove_targets", Rule="r", Ids=["a"])],
            id="a target of a rule that would be retained",
        ),
        pytest.param([BUCKET, TOLD], [], [], id="a bucket, which is kept with all it has"),
        pytest.param([BUCKET, TOLD, SCHEDULE], [TOLD, SCHEDULE, BUCKET], [], id="nothing"),
    ],
)
def test_what_goes_on_by_itself_ends(before: list[Call], after: list[Call], ends: list[Call]) -> None:
    assert list(undone(before, after)) == ends


def test_a_subscriber_loses_the_attributes_that_it_has_no_more() -> None:
    before = subscribed(FilterPolicy='{"a": ["b"]}', RawMessageDelivery="true")
    (now,) = with_defaults([subscribed(RawMessageDelivery="true")], [before])

    assert now == subscribed(FilterPolicy="{}", RawMessageDelivery="true")
    assert with_defaults([subscribed(), BUCKET], [TOLD]) == (subscribed(), BUCKET)
