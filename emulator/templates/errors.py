"""What is wrong with a template, first by its place in the tree, then by file and line. Pure."""

from __future__ import annotations

from streamer.errors import ConfigurationError

Path = tuple[str | int, ...]
"""Keys and positions from the template's root to a value, such as ``("Resources", "Api", "Properties", "Name")``."""


class TemplateError(ConfigurationError):
    """A template cannot be used: ``file:line: Resources.X.Properties.Y: what is wrong``."""

    def __init__(self, text: str, path: Path = ()) -> None:
        super().__init__(text)
        self.path = path
        """Where in the template's tree; empty: nowhere, or it is not known."""


class Problem(Exception):  # noqa: N818 - not what a caller sees: `source.Source.error` makes it a TemplateError
    """Something is wrong at a place in a template's tree."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(text)
        self.path = path
        self.text = text


def shown(path: Path) -> str:
    """A path as it stands in messages: ``Resources.X.Properties.List[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
