"""The life of a request as a Mermaid diagram, made from the transition table.

``python tests/life_diagram.py`` writes it into ``docs/protocol.md``, and a test sees that it is up to date.
"""

from __future__ import annotations

from pathlib import Path

from streamer.records import Status
from streamer.requests.lifecycle import TRANSITIONS, is_final

PAGE = Path(__file__).parents[1] / "docs" / "protocol.md"
BEGIN, END = "<!-- made by tests/life_diagram.py -->", "<!-- end -->"


def diagram() -> str:
    """The diagram's text."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Status.PENDING}: accept"]
    for status, steps in TRANSITIONS.items():
        lines += [f"    {status} --> {after}: {step}" for step, after in steps.items()]
    lines += [f"    {status} --> [*]" for status in TRANSITIONS if is_final(status)]
    return "\n".join([*lines, "```"])


def updated(text: str) -> str:
    """A page with the diagram between its marks made anew."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no marks {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{diagram()}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text("utf-8")), "utf-8")
