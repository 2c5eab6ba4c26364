"""The part of `deploy.aws.boto` that looks at what runs: alarms, queues, logs, traces."""

from __future__ import annotations

import abc
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..cloud import LogEvent
from .errors import code_of, translated

ALARMS_PER_CALL: Final = 100
"""[DOC] cloudwatch-api:DescribeAlarms, AlarmNames"""
TRACES_PER_CALL: Final = 5
"""[DOC] xray-api:BatchGetTraces, TraceIds"""


class Watching(abc.ABC):
    """What `deploy.cloud` says of alarms, queues, logs and traces, with clients of whoever inherits it."""

    @abc.abstractmethod
    def _client(self, service: str) -> Any:
        """A client of boto3."""

    def firing_alarms(self, names: Sequence[str]) -> Sequence[str]:
        """Descriptions of those alarms that are in the state ALARM."""
        if not names:
            return []
        with translated("looking at the alarms"):
            pages = self._client("cloudwatch").get_paginator("describe_alarms")
            found = [
                alarm
                for start in range(0, len(names), ALARMS_PER_CALL)
                for page in pages.paginate(AlarmNames=list(names[start : start + ALARMS_PER_CALL]), StateValue="ALARM")
                for alarm in page["MetricAlarms"]
            ]
        return [alarm.get("AlarmDescription", alarm["AlarmName"]) for alarm in found]

    def queue_length(self, url: str) -> int | None:
        """About how many messages wait in a queue."""
        name = "ApproximateNumberOfMessages"
        sqs = self._client("sqs")
        with translated(f"looking at the queue {url}"):
            try:
                found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
            except sqs.exceptions.ClientError as exc:
                if not code_of(exc).endswith(("NonExistentQueue", "QueueDoesNotExist")):
                    raise
                return None
        return int(found["Attributes"][name])

    def log_events(self, group: str, *, start_ms: int, pattern: str | None) -> Iterator[LogEvent]:
        """Lines of a log group from a time on, of all streams, oldest first."""
        options = {"filterPattern": pattern} if pattern else {}
        with translated(f"reading the logs {group}"):
            pages = self._client("logs").get_paginator("filter_log_events")
            for page in pages.paginate(logGroupName=group, startTime=start_ms, **options):
                # AWS sorts the streams of a page by time; not everybody who is asked like AWS does.
                for found in sorted(page["events"], key=lambda each: int(each["timestamp"])):
                    # MiniStack gives no ids.
                    event_id = (
                        found.get("eventId")
                        or f"{found.get('logStreamName')} {found['timestamp']} {hash(found['message'])}"
                    )
                    yield LogEvent(event_id=event_id, at_ms=found["timestamp"], message=found["message"], group=group)

    def trace_ids(self, expression: str, *, start: float, end: float) -> Sequence[str]:
        """Ids of traces that a filter expression finds."""
        with translated("looking for traces"):
            pages = self._client("xray").get_paginator("get_trace_summaries")
            found = pages.paginate(StartTime=start, EndTime=end, FilterExpression=expression)
            return [each["Id"] for page in found for each in page.get("TraceSummaries", [])]

    def segments(self, trace_ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The segments of traces, as X-Ray keeps them."""
        found: list[Mapping[str, Any]] = []
        with translated("reading traces"):
            pages = self._client("xray").get_paginator("batch_get_traces")
            for start in range(0, len(trace_ids), TRACES_PER_CALL):
                for page in pages.paginate(TraceIds=list(trace_ids[start : start + TRACES_PER_CALL])):
                    segments = [segment for trace in page.get("Traces", []) for segment in trace.get("Segments", [])]
                    found += [json.loads(segment["Document"]) for segment in segments]
        return found
