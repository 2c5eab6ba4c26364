"""A service as a page for people. Pure."""

from __future__ import annotations

import json
from typing import Any

from streamer.describe import typescript
from streamer.describe.service import Described, DescribedAction


def text(described: Described) -> str:
    """The page."""
    info = described.info
    lines = [f"# {info.title}", "", f"Version {info.version}.", ""]
    lines += [info.description, ""] if info.description else []
    lines += ["| action | | payload | result |", "|---|---|---|---|"]
    for action in described.actions:
        kind = "queued" if action.queued else "quick"
        lines.append(
            f"| [`{action.name}`](#{action.name.lower().replace('.', '')}) | {kind} | {_cell(action.payload)} | "
            f"{_cell(action.result)} |"
        )
    for action in described.actions:
        lines += ["", f"## {action.name}", "", *_told(action)]
    if described.topics:
        lines += ["", "## Topics", "", "| topic | data | |", "|---|---|---|"]
        lines += [f"| `{each.name}` | {_cell(each.data)} | {_line(each.description)} |" for each in described.topics]
    for name, schema in described.schemas.items():
        lines += ["", f"## {name}", "", "```json", json.dumps(schema, indent=2, ensure_ascii=False), "```"]
    return "\n".join([*lines, ""])


def _line(text: str) -> str:
    """In a cell of a table, which is one line."""
    return " ".join(text.split()).replace("|", "\\|")


def _told(action: DescribedAction) -> list[str]:
    lines = ["**Deprecated.**", ""] if action.deprecated else []
    lines += [action.summary or "Nothing is told about it.", ""]
    lines += [action.description, ""] if action.description else []
    if action.permissions:
        lines.append(f"- Needs the permissions {', '.join(f'`{each}`' for each in action.permissions)}.")
    if action.queued:
        times = "once" if action.max_attempts == 1 else f"up to {action.max_attempts} times"
        lines.append(f"- Stored first, then tried {times}; reports progress.")
    if action.timeout_seconds is not None:
        lines.append(f"- One run may take {action.timeout_seconds:g} s.")
    if action.cancel_on_disconnect:
        lines.append("- Cancelled when nobody has been listening for half a minute.")
    lines += [f"- Payload: {_cell(action.payload)}; result: {_cell(action.result)}."]
    for example in action.examples:
        message = json.dumps({"action": action.name, "payload": example}, ensure_ascii=False)
        lines += ["", "```json", message, "```"]
    return lines


def _cell(schema: Any) -> str:
    if schema is None:
        return "anything"
    shown = typescript.type_text(schema).replace("|", "\\|")
    return f"[`{shown}`](#{shown.lower()})" if "$ref" in schema else f"`{shown}`"
