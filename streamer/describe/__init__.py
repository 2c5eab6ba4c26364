"""What clients can ask a service for, as documents: AsyncAPI, JSON, TypeScript, Python, Markdown. Never bundled."""

from __future__ import annotations

from streamer.describe.service import Described, DescribedAction, DescribedTopic, Info, describe

__all__ = ["Described", "DescribedAction", "DescribedTopic", "Info", "describe"]
