"""Rules with a schedule, as the process of the services keeps them: told what time it is, and asked what is due."""

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

def call(operation, **parameters):
    services.make(Call(service="events", operation=operation, parameters=parameters, resource="Rule"))

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


def test_rules_send_to_their_targets_when_they_are_due() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    )

    first, second = json.loads(done.stdout)
    assert first["to"] == "arn:aws:sqs:us-east-1:123456789012:inbox"
    assert first["by"] == "rule minutely"
    event = json.loads(first["payload"])
    assert (event["detail-type"], event["time"]) == ("Scheduled Event", "2026-11-27T09:01:00Z")
    assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/minutely"]
    assert json.loads(second["payload"])["time"] == "2026-11-27T09:02:00Z"
