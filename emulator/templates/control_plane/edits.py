"""What calls make, change and remove: resources, edited in the templates that they are of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from .engine import Engine, PerformError, Placed
from .query import ApiError
from .records import CREATED

_PLACE: Final = re.compile(r"^(template: |Resources\.\w+(\.Properties[\w.\[\]]*)?: )+")
Uploads = Mapping[tuple[str, str], Path]
"""Objects that a resource names, by bucket and key."""


class Edits:
    """Raises ApiError where the resources would not be what AWS has."""

    def __init__(self, engine: Engine, new_id: Callable[[], str]) -> None:
        """``new_id`` gives what ends the logical id of what is made."""
        self._engine = engine
        self._new_id = new_id

    async def made(
        self,
        noun: str,
        kind: str,
        properties: Mapping[str, Any],
        uploads: Uploads | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Make a resource; answers its logical id, which begins with ``noun``."""
        name = f"{noun}{self._new_id()}"

        def edit(resources: dict[str, Any]) -> None:
            more = {} if metadata is None else {"Metadata": dict(metadata)}
            resources[name] = {"Type": kind, "Properties": dict(properties), **more}

        await self._perform(CREATED, edit, uploads)
        return name

    async def changed(
        self, found: Placed, edit: Callable[[dict[str, Any]], None], uploads: Uploads | None = None
    ) -> None:
        """Change the resources of the stack that a resource is of."""
        if found.is_nested:
            text = f"{found.resource.logical_id} is of a nested stack, and can be changed there alone"
            raise ApiError("ResourceConflictException", text, 409)
        await self._perform(found.stack, edit, uploads)

    async def removed(self, found: Placed) -> None:
        """Remove a resource that no stack has; what calls gave a function goes with it, see `orphans`."""
        name = found.resource.logical_id
        if found.stack != CREATED:
            text = f"{name} is of the stack {found.stack}, and goes with it"
            raise ApiError("ResourceConflictException", text, 409)

        def edit(resources: dict[str, Any]) -> None:
            del resources[name]

        await self._perform(CREATED, edit)

    async def _perform(
        self, stack: str, edit: Callable[[dict[str, Any]], None], uploads: Uploads | None = None
    ) -> None:
        try:
            await self._engine.change(stack, edit, uploads)
        except PerformError as error:
            # Where in a template nobody asked for something stands says nothing to who called.
            raise ApiError("InvalidParameterValueException", _PLACE.sub("", str(error))) from error
