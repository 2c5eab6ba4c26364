"""What was compared of the decisions here and in an AWS that enforces roles, as a table. Pure."""

from __future__ import annotations

import dataclasses

DECISIONS = "decisions"
"""The property of a test's report that has a tally."""


@dataclasses.dataclass
class Tally:
    """What was compared; a decision is one function and one action on one resource."""

    services: int = 0
    """Whose roles differ."""
    calls: int = 0
    """That were recorded, or parts of calls that need several permissions."""
    recorded: int = 0
    """Decisions among them."""
    allowed: int = 0
    denied: int = 0
    asked: int = 0
    """By a request of the role itself, besides being simulated."""
    conditional: int = 0
    """Compared with what was recorded alone, since conditions of the role have a say in them."""
    disagreements: list[str] = dataclasses.field(default_factory=list)


def table(tally: Tally) -> list[str]:
    """As lines."""
    rows = {
        "services whose roles differ": tally.services,
        "calls recorded": tally.calls,
        "decisions in them": tally.recorded,
        "decisions compared, with those of every function on what others did": tally.allowed + tally.denied,
        "  allowed": tally.allowed,
        "  denied": tally.denied,
        "  asked by requests too, and not simulated alone": tally.asked,
        "  with conditions, and compared with what was recorded alone": tally.conditional,
        "disagreements": len(tally.disagreements),
    }
    return [f"{what:<70} {count:>7,}" for what, count in rows.items()]
