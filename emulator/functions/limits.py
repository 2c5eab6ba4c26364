"""Lambda's quotas for events, results and the init phase. Pure data."""

from __future__ import annotations

from typing import Final

EVENT_BYTES: Final = 6 * 1024 * 1024
"""Largest event of an invocation that is waited for, so what ends a batch of a stream or queue before it is full.
[DOC] lambda-docs:gettingstarted-limits, services-sqs-configure; I15"""
ASYNC_EVENT_BYTES: Final = 1024 * 1024
"""Largest event of an asynchronous invocation. [DOC] lambda-docs:gettingstarted-limits (1 MB since 2025)"""
RESPONSE_BYTES: Final = 6 * 1024 * 1024 + 100
"""Largest result of a function. [DOC] lambda-docs:gettingstarted-limits (6 MB; the error text says 6291556)"""
INIT_SECONDS: Final = 10.0
"""Longest init phase; after it the init is run again inside the first invocation. [DOC] lambda-docs (H20)"""
STREAMED_BYTES: Final = 200 * 1024 * 1024
"""Largest result that is streamed. [DOC] lambda-docs:configuration-response-streaming (200 MB since 2025)"""
