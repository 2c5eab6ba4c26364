"""Streams of Kinesis that functions read, as frozen data. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class KinesisMapping:
    """A stream read by a function. Defaults are AWS's. [DOC] lambda-docs:services-kinesis-parameters"""

    function: str
    stream: str
    batch_size: int = 100
    batching_window_seconds: int = 0
    parallelization_factor: int = 1
    starting_position: str = "TRIM_HORIZON"
    """``TRIM_HORIZON``, ``LATEST`` or ``AT_TIMESTAMP``."""
    starting_timestamp: float | None = None
    """For ``AT_TIMESTAMP``, in Unix seconds."""
    filters: tuple[Mapping[str, Any], ...] = ()
    """Filter patterns, OR-ed; a record that matches none never reaches the function."""
    maximum_retry_attempts: int = -1
    """-1: until the record expires."""
    maximum_record_age_seconds: int = -1
    """-1: the stream's retention (24 h)."""
    bisect_on_error: bool = False
    report_batch_item_failures: bool = False
    on_failure: str | None = None
    """Queue that gets a document for each batch that was given up; or a topic's ARN, which is emulated only."""
