"""What the process of the services keeps: rules with a schedule, told what time it is, and nothing that is over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json
from datetime import UTC, datetime, timedelta
from msgspec import structs
from emulator.services.calls import Call
from emulator.services.moto_services import MotoServices

now = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
found = []
services = MotoServices("us-east-1", ("AKIAEXAMPLE", "secret"), found.append, now=lambda: now)

FIFO = {"Name": "a.fifo", "Attributes": {"FifoTopic": "true"}}

def call(operation, **parameters):
    services.make(Call(service="events", operation=operation, parameters=parameters, resource="Rule"))

services.make(Call(service="sns", operation="create_topic", resource="Topic", parameters=FIFO))
call("put_rule", Name="broken", ScheduleExpression="rate(1 minute)")
call("put_targets", Rule="broken", Targets=[{"Id": "1", "Arn": "arn:aws:sns:us-east-1:123456789012:a.fifo"}])
call("put_rule", Name="minutely", ScheduleExpression="rate(1 minute)")
call("put_targets", Rule="minutely", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:inbox"}])
call("put_rule", Name="off", ScheduleExpression="cron(* * * * ? *)", State="DISABLED")
call("put_targets", Rule="off", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:inbox"}])
assert services.has_clock
for _ in range(121):
    services.tick()
    now += timedelta(seconds=1)
print(json.dumps([structs.asdict(each) for each in found]))
"""

SCHEDULES = """
import json
from datetime import UTC, datetime, timedelta
from msgspec import structs
from emulator.services.calls import Call
from emulator.services.moto_services import MotoServices

found = []
later = datetime.now(UTC) + timedelta(seconds=30)
services = MotoServices("us-east-1", ("AKIAEXAMPLE", "secret"), found.append, now=lambda: later)
BUS = {
    "Arn": "arn:aws:events:us-east-1:123456789012:event-bus/default",
    "EventBridgeParameters": {"DetailType": "said", "Source": "mine"},
}
INBOX = {"Arn": "arn:aws:sqs:us-east-1:123456789012:inbox"}
for name, target in (("a", {**BUS, "Input": "no JSON"}), ("b", {**INBOX, "Input": "hello"})):
    given = {"Name": name, "ScheduleExpression": "rate(1 minute)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    given["Target"] = {**target, "RoleArn": "arn:aws:iam::123456789012:role/any"}
    services.make(Call(service="scheduler", operation="create_schedule", parameters=given, resource="Schedule"))
services.tick()
print(json.dumps([structs.asdict(each) for each in found]))
"""

BUCKET = """
import json
from msgspec import structs
from emulator.services.calls import Call
from emulator.services.moto_services import MotoServices

found = []
services = MotoServices("us-east-1", ("AKIAEXAMPLE", "secret"), found.append)

def call(service, operation, **parameters):
    return services.make(Call(service=service, operation=operation, parameters=parameters, resource="Ours"))

GONE = "arn:aws:sns:us-east-1:123456789012:gone"
WANTED = {"TopicConfigurations": [{"TopicArn": GONE, "Events": ["s3:ObjectCreated:*"]}]}
call("sns", "create_topic", Name="gone")
call("s3", "create_bucket", Bucket="uploads")
call("s3", "put_bucket_notification_configuration", Bucket="uploads", NotificationConfiguration=WANTED)
call("sns", "delete_topic", TopicArn=GONE)
call("s3", "put_object", Bucket="uploads", Key="a", Body=b"x")
print(json.dumps([structs.asdict(each) for each in found]))
"""

KEEPS = """
import gc, json
from emulator.services.calls import Call
from emulator.services.moto_services import MotoServices

services = MotoServices("us-east-1", ("AKIAEXAMPLE", "secret"), lambda delivery: None)

def call(service, operation, **parameters):
    return services.make(Call(service=service, operation=operation, parameters=parameters, resource="Ours"))

call("s3", "create_bucket", Bucket="uploads")
for content in (b"first", b"second", b"third"):
    call("s3", "put_object", Bucket="uploads", Key="a", Body=content)
gc.collect()
objects = sum(type(each).__name__ == "FakeKey" for each in gc.get_objects())
topics = [call("sns", "create_topic", Name=f"topic-{number}") for number in range(101)]
print(json.dumps([objects, all(topics), call("sns", "create_topic", Name="topic-100")]))
"""


def printed_by(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    ).stdout


def test_an_object_that_was_overwritten_is_let_go_and_one_topic_of_many_is_known() -> None:
    objects, is_made, is_made_again = json.loads(printed_by(KEEPS))
    assert objects == 1
    assert (is_made, is_made_again) == (True, False)  # what was here is not taken away with a stack that fails


def test_rules_send_to_their_targets_when_they_are_due() -> None:
    lost, first, lost_again, second = json.loads(printed_by(SCRIPT))
    assert first["to"] == "arn:aws:sqs:us-east-1:123456789012:inbox"
    assert first["by"] == "rule minutely"
    event = json.loads(first["payload"])
    assert (event["detail-type"], event["time"]) == ("Scheduled Event", "2026-11-27T09:01:00Z")
    assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/minutely"]
    assert json.loads(second["payload"])["time"] == "2026-11-27T09:02:00Z"
    assert (lost["by"], lost) == ("rule broken", lost_again)
    assert "MessageGroupId" in lost["why"]


def test_what_one_schedule_cannot_send_keeps_no_other_from_sending() -> None:
    broken, sent = json.loads(printed_by(SCHEDULES))
    assert (broken["by"], sent["payload"]) == ("schedule a", "hello")
    assert "Expecting value" in broken["why"]


def test_what_a_topic_that_is_gone_does_not_get_is_told() -> None:
    (lost,) = json.loads(printed_by(BUCKET))
    assert (lost["by"], lost["why"]) == ("bucket uploads", "there is no such topic")
