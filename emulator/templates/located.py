"""What is found of a function's code, for whoever describes the function. Frozen data."""

from __future__ import annotations

from msgspec import Struct


class Located(Struct, frozen=True, kw_only=True):
    """Where a function's code is."""

    folder: str | None = None
    """None: nowhere, as `unavailable` says."""
    search_paths: tuple[str, ...] = ()
    """What was built for it, then its layers, the last one first."""
    handler: str | None = None
    """Instead of the template's, for code that the template itself contains."""
    unavailable: str | None = None
    """Why its code cannot be run here; None: it can."""
    warnings: tuple[str, ...] = ()
