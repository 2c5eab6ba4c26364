"""Draws call stacks and their counts as a flame graph: one SVG file that any browser shows."""

from __future__ import annotations

import html
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

WIDTH: Final = 1400
ROW_HEIGHT: Final = 17
MARGIN: Final = 30
CHARACTER_WIDTH: Final = 6.6
NARROWEST: Final = 0.4
"""Frames narrower than this many pixels are left out."""


@dataclass(slots=True)
class _Frame:
    name: str
    count: int = 0
    children: dict[str, _Frame] = field(default_factory=dict)

    def add(self, names: list[str], count: int) -> None:
        self.count += count
        frame = self
        for name in names:
            frame = frame.children.setdefault(name, _Frame(name))
            frame.count += count

    @property
    def depth(self) -> int:
        return 1 + max((child.depth for child in self.children.values()), default=0)


def draw(stacks: Iterable[str], title: str) -> str:
    """The SVG of lines such as ``outer;inner 12``."""
    root = _Frame("all")
    for line in stacks:
        names, _, count = line.rpartition(" ")
        root.add(names.split(";"), int(count))
    height = MARGIN + root.depth * ROW_HEIGHT
    boxes = list(_boxes(root, 0.0, height - ROW_HEIGHT, WIDTH / max(1, root.count), root.count))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'font-family="monospace" font-size="11">',
            f'<text x="8" y="18">{html.escape(title)}: {root.count} samples; point at a frame for its share</text>',
            *boxes,
            "</svg>\n",
        ]
    )


def _boxes(frame: _Frame, left: float, top: int, scale: float, total: int) -> Iterable[str]:
    width = frame.count * scale
    if width < NARROWEST:
        return
    name = html.escape(frame.name)
    label = html.escape(frame.name[: int(width / CHARACTER_WIDTH)]) if width > 30 else ""
    yield (
        f"<g><title>{name}: {frame.count} samples, {frame.count / max(1, total):.1%}</title>"
        f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW_HEIGHT - 1}" fill="{_colour(frame.name)}"/>'
        f'<text x="{left + 3:.1f}" y="{top + 12}">{label}</text></g>'
    )
    for child in sorted(frame.children.values(), key=lambda one: one.name):
        yield from _boxes(child, left, top - ROW_HEIGHT, scale, total)
        left += child.count * scale


def _colour(name: str) -> str:
    shade = zlib.crc32(name.encode()) % 60
    return f"rgb({195 + shade},{120 + shade},{60 + shade // 2})"
