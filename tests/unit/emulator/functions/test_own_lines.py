"""Lambda's own lines where a function logs JSON. [REC] logs of October 2026"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.functions.own_lines import own_lines
from emulator.functions.platform_log import Report, is_routine
from streamer.topology import Function

NOW = datetime(2026, 10, 8, 7, 30, 27, 768_000, tzinfo=UTC)
AT = "2026-10-08T07:30:27.768Z"
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:notifier"
LINES = own_lines(
    Function(
        name="notifier",
        handler="index.handler",
        runtime="nodejs22.x",
        environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"},
    ),
    ARN,
    "$LATEST",
)


def report(**more: Any) -> Report:
    return Report(request_id="r", duration_ms=1233.9604, memory_mb=256, memory_used_mb=123, **more)


@pytest.mark.parametrize(
    ("line", "kind", "record"),
    [
        pytest.param(
            LINES.init_start(NOW),
            "platform.initStart",
            '{"initializationType":"on-demand","phase":"init","runtimeVersion":"nodejs:22.local",'
            f'"runtimeVersionArn":"arn:aws:lambda:eu-central-1::runtime:{"0" * 64}",'
            '"functionName":"notifier","functionVersion":"$LATEST"}',
            id="a cold start",
        ),
        pytest.param(
            LINES.start(NOW, "r"),
            "platform.start",
            f'{{"requestId":"r","functionArn":"{ARN}","version":"$LATEST"}}',
            id="an invocation",
        ),
        pytest.param(
            LINES.over(NOW, report(init_ms=463.512))[-1],
            "platform.report",
            '{"requestId":"r","metrics":{"durationMs":1233.96,"billedDurationMs":1698,"memorySizeMB":256,'
            '"maxMemoryUsedMB":123,"initDurationMs":463.512},"status":"success"}',
            id="its report",
        ),
        pytest.param(
            LINES.over(NOW, report(status="error", error_type="Runtime.ExitError"))[-1],
            "platform.report",
            '{"requestId":"r","metrics":{"durationMs":1233.96,"billedDurationMs":1234,"memorySizeMB":256,'
            '"maxMemoryUsedMB":123},"status":"error","errorType":"Runtime.ExitError"}',
            id="the report of a crash",
        ),
        pytest.param(
            LINES.over(NOW, report(status="timeout"))[0],
            "platform.runtimeDone",
            '{"requestId":"r","status":"timeout","metrics":{"durationMs":1233.96,"producedBytes":0}}',
            id="what comes before that of a timeout",
        ),
        pytest.param(
            LINES.init_failed(NOW, 12.3456, "ValueError"),
            "platform.initReport",
            '{"initializationType":"on-demand","phase":"init","status":"error","errorType":"Runtime.Unknown",'
            '"metrics":{"durationMs":12.346}}',
            id="an init that failed",
        ),
    ],
)
def test_lambdas_own_lines_are_json_where_the_function_logs_json(line: str, kind: str, record: str) -> None:
    assert line == f'{{"time":"{AT}","type":"{kind}","record":{record}}}'
    assert is_routine(line)


def test_an_init_that_takes_too_long_is_no_routine() -> None:
    record = '{"initializationType":"on-demand","phase":"init","status":"timeout","metrics":{"durationMs":10000.0}}'
    line = LINES.init_timed_out(NOW, 10.0)

    assert line == f'{{"time":"{AT}","type":"platform.initReport","record":{record}}}'
    assert not is_routine(line)


def test_there_is_no_line_for_the_end_of_an_invocation() -> None:
    assert [json.loads(line)["type"] for line in LINES.over(NOW, report())] == ["platform.report"]
