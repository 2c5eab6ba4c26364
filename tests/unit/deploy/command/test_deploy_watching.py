"""``streamer tail`` and ``trace`` of a stage: what CloudWatch Logs and X-Ray have, told as the emulator tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_cloud import FakeCloud, stack

from cli import cli
from deploy.cloud import LogEvent, Resource
from deploy.command.watching import Stage
from deploy.errors import DeniedError, DeployError, StackStateError
from deploy.telling import joined

NOW = 1_800_000_000.0
ROOT, RUN_ROOT = "1-67891233-abcdef012345678912345678", "1-67891240-abcdef012345678912345678"
GROUPS = ("/aws/lambda/chat-dev-router", "/aws/lambda/chat-dev-processor", "/aws/apigateway/chat-dev")
ROUTER, PROCESSOR, ACCESS = GROUPS


class Logs:
    """A stage's log lines, each a second after the last one."""

    def __init__(self) -> None:
        self.lines: list[LogEvent] = []

    def add(self, group: str, message: str | Mapping[str, Any]) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        number = len(self.lines)
        self.lines.append(
            LogEvent(event_id=str(number), at_ms=round(NOW * 1000) - 60_000 + 1000 * number, message=text, group=group)
        )

    def said(self, group: str, message: str, invocation: str = "inv-1", level: str = "INFO", **fields: Any) -> None:
        own = {"level": level, "message": message, "request_id": "r1", "connection_id": "c=", "user_id": "ada"}
        self.add(group, own | {"tenant_id": "acme", "invocation_id": invocation} | fields)

    def report(self, group: str, invocation: str, root: str, ms: float, status: str = "success", **more: Any) -> None:
        metrics = {"durationMs": ms, "maxMemoryUsedMB": 90, **more}
        record = {"requestId": invocation, "metrics": metrics, "status": status}
        tracing = {"value": f"Root={root};Sampled=1"}
        self.add(group, {"type": "platform.report", "record": {**record, "tracing": tracing}})


def queued_request() -> Logs:
    """A request that the router stored and the processor ran."""
    logs = Logs()
    access = {"requestId": "G1=", "connectionId": "c=", "eventType": "MESSAGE", "routeKey": "$default", "status": "200"}
    logs.add(ACCESS, access | {"integrationLatency": "12", "integrationError": "-", "error": "-"})
    logs.said(ROUTER, "request queued", action="report")
    logs.report(ROUTER, "inv-1", ROOT, 12.0, initDurationMs=200.0)
    logs.said(PROCESSOR, "request ended", "inv-2", action="report", status="COMPLETED", attempt=1, latency_ms=800.5)
    logs.add(PROCESSOR, {"_aws": {}, "RequestWait": 5, "request_id": "r1"})
    logs.report(PROCESSOR, "inv-2", RUN_ROOT, 820.0)
    logs.said(PROCESSOR, "request ended", "inv-3", request_id="r2", user_id="bob", status="COMPLETED", action="report")
    return logs


def segment(name: str, root: str, begin: float, end: float, request: str, **more: Any) -> dict[str, Any]:
    own = {"name": "run", "id": f"sub-{name}", "type": "subsegment", "start_time": begin + 0.1, "end_time": end}
    return {
        "name": f"chat-dev-{name}",
        "id": f"id-{name}-{request}",
        "trace_id": root,
        "origin": "AWS::Lambda::Function",
        "start_time": begin,
        "end_time": end,
        "subsegments": [
            {"name": "Initialization", "id": "i", "start_time": begin - 0.2, "end_time": begin},
            {"name": "Invocation", "id": "v", "start_time": begin, "end_time": end, "subsegments": [
                own | {"annotations": {"request_id": request, "action": "report"}}
            ]},
        ],
        **more,
    }  # fmt: skip


def cloud_of(logs: Logs, **more: Any) -> FakeCloud:
    parts = [Resource(logical_id=g, physical_id=g, resource_type="AWS::Logs::LogGroup", status="") for g in GROUPS]
    return FakeCloud(found=stack(), parts=parts, lines=logs.lines, **more)


def stage_of(cloud: FakeCloud, since: str | None = None) -> Stage:
    return Stage(cloud=cloud, stack="chat-dev", since=since, clock=lambda: NOW, sleep=lambda seconds: None)


def tailed(cloud: FakeCloud, limit: int = 100, **wanted: Any) -> list[dict[str, Any]]:
    return list(stage_of(cloud).events(follow=False, limit=limit, missed=lambda count: None, **wanted))


# tail


def test_lines_of_all_groups_are_told_by_time_and_metrics_are_not() -> None:
    told = tailed(cloud_of(queued_request()))

    kinds = [(each["kind"], each["function"]) for each in told]
    assert kinds == [
        ("message", None),
        ("log", "router"),
        ("run", "router"),
        ("log", "processor"),
        ("run", "processor"),
        ("log", "processor"),
    ]
    assert [each["number"] for each in told] == [1, 2, 3, 4, 5, 6]
    assert (told[2]["ms"], told[2]["init_ms"], told[2]["lambda_request"]) == (12.0, 200.0, "inv-1")


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        pytest.param({"trace": "r1"}, [2, 3, 4, 5], id="a request, with what its invocations report"),
        pytest.param({"trace": "inv-2"}, [4, 5], id="an invocation"),
        pytest.param({"trace": "G1="}, [1], id="an id of the gateway's"),
        pytest.param({"trace": ROOT}, [3], id="a trace"),
        pytest.param({"user": "bob"}, [6], id="a user"),
        pytest.param({"connection": "c=", "user": "ada"}, [2, 3, 4, 5], id="a user's connection"),
        pytest.param({"connection": "other"}, [], id="nobody's"),
        pytest.param({"errors": "1"}, [], id="nothing went wrong"),
    ],
)
def test_lines_are_chosen_by_what_they_are_about(wanted: dict[str, Any], numbers: list[int]) -> None:
    assert [each["number"] for each in tailed(cloud_of(queued_request()), **wanted)] == numbers


def test_the_last_lines_are_told() -> None:
    assert [each["number"] for each in tailed(cloud_of(queued_request()), limit=2)] == [5, 6]


@pytest.mark.parametrize(
    ("message", "group", "status"),
    [
        pytest.param({"level": "ERROR", "message": "failed", "error_type": "E"}, ROUTER, "error", id="an error"),
        pytest.param({"level": "WARNING", "message": "hm"}, ROUTER, "warning", id="a warning"),
        pytest.param("Traceback, and no JSON", ROUTER, "ok", id="text"),
        pytest.param("[1, 2]", ROUTER, "ok", id="JSON that is no object"),
        pytest.param({"status": "500", "eventType": "MESSAGE"}, ACCESS, "error", id="a message that failed"),
        pytest.param({"status": "403", "eventType": "CONNECT", "error": "Forbidden"}, ACCESS, "refused", id="refused"),
    ],
)
def test_what_went_wrong_is_told_as_that(message: str | dict[str, Any], group: str, status: str) -> None:
    logs = Logs()
    logs.add(group, message)

    (told,) = tailed(cloud_of(logs))

    assert told["status"] == status


def test_a_run_that_lambda_ended_says_why() -> None:
    logs = Logs()
    logs.report(ROUTER, "inv-1", ROOT, 30_000.0, status="timeout")

    (told,) = tailed(cloud_of(logs), errors="1")

    assert (told["status"], told["why"]) == ("error", "timeout")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param("", ("ok", None, None), id="a warm one"),
        pytest.param("Init Duration: 210.5 ms\t", ("ok", 210.5, None), id="a cold one"),
        pytest.param("Status: timeout", ("error", None, "timeout"), id="out of time"),
        pytest.param(
            "Status: error\tError Type: Runtime.ExitError", ("error", None, "Runtime.ExitError"), id="an error"
        ),
    ],
)
def test_reports_are_read_where_the_format_of_logs_is_text(more: str, told: tuple[Any, ...]) -> None:
    logs = Logs()
    logs.add(ROUTER, "START RequestId: inv-1 Version: $LATEST\n")
    logs.add(ROUTER, "END RequestId: inv-1\n")
    report = "REPORT RequestId: inv-1\tDuration: 12.25 ms\tBilled Duration: 13 ms\tMemory Size: 512 MB\t"
    logs.add(ROUTER, f"{report}Max Memory Used: 90 MB\t{more}\nXRAY TraceId: {ROOT}\tSegmentId: 1\tSampled: true\n")

    (run,) = tailed(cloud_of(logs))

    assert (run["status"], run["init_ms"], run.get("why")) == told
    assert (run["lambda_request"], run["ms"], run["memory_mb"], run["root"]) == ("inv-1", 12.25, 90.0, ROOT)


def test_with_follow_it_goes_on_with_what_comes() -> None:
    logs = queued_request()
    cloud = cloud_of(logs)
    told = stage_of(cloud).events(follow=True, limit=1, missed=lambda count: None, trace="r3")
    logs.said(ROUTER, "action ran", "inv-9", request_id="r3", action="echo")

    assert next(told)["request"] == "r3"
    logs.said(ROUTER, "action ran", "inv-10", request_id="r3", action="echo")
    assert next(told)["lambda_request"] == "inv-10"


# trace


def traced(**more: Any) -> FakeCloud:
    """The queued request with its traces: that of the run is that of a batch, in which another request ran, too."""
    traces = {
        ROOT: [segment("router", ROOT, NOW - 58, NOW - 57.9, "r1")],
        RUN_ROOT: [
            segment("processor", RUN_ROOT, NOW - 56, NOW - 55, "r1"),
            segment("processor", RUN_ROOT, NOW - 56, NOW - 52, "r2"),
        ],
    }
    found = {'annotation.request_id = "r1"': [ROOT]}
    return cloud_of(queued_request(), traces=traces, annotated=found, **more)


def test_a_trace_holds_the_spans_of_x_ray_and_the_lines_of_all_its_invocations() -> None:
    cloud = traced()

    told = stage_of(cloud).get("traces/r1")

    assert 'annotation.request_id = "r1"' in cloud.asked
    assert (told["status"], told["verdict"]) == ("ok", "report completed after 800.5 ms")
    assert [(each["kind"], each["function"], round(each["end"] - each["begin"])) for each in told["spans"]] == [
        ("init", "router", 200),
        ("function", "router", 100),
        ("call", "router", 0),
        ("init", "processor", 200),
        ("function", "processor", 1000),
        ("call", "processor", 900),
    ]
    assert [each["message"] for each in told["logs"]] == ["request queued", "request ended"]
    assert told["traces"] == [ROOT, RUN_ROOT]
    assert told["origin"]["user"] == "ada"


def test_what_was_not_sampled_is_shown_from_the_logs() -> None:
    told = stage_of(cloud_of(queued_request())).get("traces/r1")

    assert [(each["kind"], each["function"], each["end"] - each["begin"]) for each in told["spans"]] == [
        ("init", "router", 200),
        ("function", "router", 12),
        ("function", "processor", 820),
    ]


class WithoutTraces(FakeCloud):
    def trace_ids(self, expression: str, *, start: float, end: float) -> Sequence[str]:
        raise DeniedError("not permitted while looking for traces (GetTraceSummaries): access denied")


def test_without_the_right_to_read_traces_the_logs_are_told_and_why() -> None:
    cloud = WithoutTraces(found=stack(), parts=traced().parts, lines=queued_request().lines)

    told = stage_of(cloud).get("traces/r1")

    assert "no traces: not permitted" in told["verdict"]
    assert len(told["spans"]) == 3


def quick(**outcome: Any) -> Logs:
    logs = Logs()
    logs.said(ROUTER, "action ran", action="echo", latency_ms=3.5, failed=False, refused=False, **outcome)
    return logs


def refused() -> Logs:
    logs = Logs()
    logs.said(ROUTER, "action ran", action="echo", latency_ms=3.5, failed=False, refused=True)
    logs.said(ROUTER, "request refused", action="echo", code="NOT_FOUND", reason="no such thing")
    return logs


def failed() -> Logs:
    logs = Logs()
    fields: dict[str, Any] = {"error_type": "ValueError", "error_message": "bad", "stack_trace": []}
    logs.said(PROCESSOR, "the action failed", level="ERROR", action="report", **fields)
    logs.said(PROCESSOR, "request ended", action="report", status="FAILED", latency_ms=1.0)
    return logs


def ended(status: str | None) -> Callable[[], Logs]:
    def made() -> Logs:
        logs = Logs()
        logs.said(PROCESSOR, "request ended", action="report", status=status, latency_ms=1.0)
        return logs

    return made


def waiting() -> Logs:
    logs = Logs()
    logs.said(ROUTER, "request queued", action="report")
    return logs


def out_of_time() -> Logs:
    logs = waiting()
    logs.said(PROCESSOR, "began", "inv-2")
    logs.report(PROCESSOR, "inv-2", RUN_ROOT, 900_000.0, status="timeout")
    return logs


@pytest.mark.parametrize(
    ("logs", "status", "verdict"),
    [
        pytest.param(quick, "ok", "echo completed after 3.5 ms", id="a quick action"),
        pytest.param(refused, "refused", "echo was refused: NOT_FOUND no such thing", id="an action that refused"),
        pytest.param(failed, "error", "report failed after 1.0 ms: ValueError: bad", id="an action that failed"),
        pytest.param(ended("CANCELLED"), "ok", "report cancelled after 1.0 ms", id="a request that was cancelled"),
        pytest.param(
            ended("PROCESSING"),
            "ok",
            "report was taken over by another run after 1.0 ms",
            id="a run whose request another one has",
        ),
        pytest.param(ended(None), "ok", "report found its request gone after 1.0 ms", id="a request that is gone"),
        pytest.param(waiting, "running", "queued, and no end was logged yet", id="it waits"),
        pytest.param(out_of_time, "error", "processor ended with timeout", id="Lambda ended it"),
    ],
)
def test_the_verdict_comes_first(logs: Callable[[], Logs], status: str, verdict: str) -> None:
    told = stage_of(cloud_of(logs())).get("traces/r1")

    assert (told["status"], told["verdict"]) == (status, verdict)


def test_a_request_whose_id_another_one_begins_with_is_another() -> None:
    logs = queued_request()
    logs.said(ROUTER, "action ran", "inv-4", request_id="r10", action="echo")
    logs.said(ROUTER, "action ran", "inv-1", request_id="r11", action="echo")

    told = stage_of(cloud_of(logs)).get("traces/r1")

    assert [each["message"] for each in told["logs"]] == ["request queued", "request ended"]


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        pytest.param("inv-1", ["request queued"], id="an invocation"),
        pytest.param(RUN_ROOT, ["request ended"], id="a trace"),
    ],
)
def test_lambdas_and_x_rays_ids_name_a_trace_too(name: str, messages: list[str]) -> None:
    told = stage_of(traced()).get(f"traces/{name}")

    assert [each["message"] for each in told["logs"]] == messages


@pytest.mark.parametrize("name", ['r"1', "r\n1"])
def test_what_is_no_id_is_not_asked_for(name: str) -> None:
    cloud = traced()

    with pytest.raises(DeployError, match="no id of a request"):
        stage_of(cloud).get(f"traces/{name}")
    assert cloud.asked == []


def test_what_nobody_knows_is_said_with_how_far_back_was_looked() -> None:
    with pytest.raises(DeployError, match="of the last 1h; see --since"):
        stage_of(traced(), since="1h").get("traces/nobody")


def test_a_stage_that_is_not_there_is_said() -> None:
    with pytest.raises(StackStateError, match="streamer deploy"):
        stage_of(FakeCloud()).get("traces/r1")


def test_subsegments_that_come_alone_are_put_where_they_belong() -> None:
    alone = {"id": "b", "type": "subsegment", "parent_id": "a", "name": "message"}

    (whole,) = joined([{"id": "a", "name": "router"}, alone])

    assert [each["name"] for each in whole["subsegments"]] == ["message"]


# the commands


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    (tmp_path / "streamer.toml").write_text('service = "chat"\n')
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, obj=lambda config: traced(), standalone_mode=False)

    return invoke


def test_trace_prints_the_waterfall_of_a_stage(run: Callable[..., Result]) -> None:
    found = run("trace", "r1", "--stage", "dev")

    assert found.stdout.startswith("OK  report completed after 800.5 ms\nmessage r1 of ada@acme on c=: report\n")
    assert "cold start" in found.stdout
    assert "request queued" in found.stdout


def test_tail_prints_the_lines_of_a_stage(run: Callable[..., Result]) -> None:
    found = run("tail", "--stage", "dev", "--since", "5m")

    assert "router  by AWS  ok  12.0 ms  cold start 200.0 ms  inv-1" in found.stdout
    assert found.stdout.count("\n") == 6


def test_tail_says_that_a_stage_has_nothing_of_what_was_asked_for(run: Callable[..., Result]) -> None:
    found = run("tail", "--stage", "dev", "--request", "r9")

    assert found.stdout == ""
    assert found.stderr == "streamer: nothing of request r9 is kept; --since looks further back\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("tail", "--since", "5m"), "for a --stage", id="since without a stage"),
        pytest.param(("trace", "r1", "--stage", "dev", "--recording", "r.json"), "two places", id="two places"),
        pytest.param(("tail", "--stage", "dev", "--since", "long"), "--since", id="no duration"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Callable[..., Result], arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    (tmp_path / "r.json").write_text("{}")

    found = run(*arguments)

    assert found.exception is not None
    assert message in str(getattr(found.exception, "message", found.exception))
