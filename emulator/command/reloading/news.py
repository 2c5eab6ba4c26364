"""Tells what of a changed service the emulator that runs has not taken up."""

from __future__ import annotations

import dataclasses

from ...foundation import log
from ..here.findable import Findable
from ..here.identity import Access
from ..options import EmulateOptions
from ..targets.target import Target
from .service_now import differences, now_of, service_now


class News:
    """What has been told of a service since it started."""

    def __init__(self, options: EmulateOptions, target: Target, access: Access, files: Findable) -> None:
        """It runs as the target of the options said at the start; the files tell commands of it."""
        self._options = options
        self._target = target
        self._identity = access.identity
        self._files = files
        self._told: list[str] = []

    async def look(self) -> None:
        """Look at what would run now: commands hear of its actions, and what takes a restart is said once."""
        now = await service_now(self._options)
        if now is None:
            return
        identity = dataclasses.replace(self._identity, permissions=now.permissions)
        self._files.tell(actions=now.actions, identity=identity)
        changed = differences(now_of(self._target, self._identity), now)
        if changed and changed != self._told:
            named = ", ".join(changed[:3]) + (", ..." if len(changed) > 3 else "")
            log.warning("what the service consists of is read at the start; restart the emulator", changed=named)
        self._told = changed
