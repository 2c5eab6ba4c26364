"""Pages of the documentation site that are no files of ``docs``: README, and the reference made from docstrings.

Called by mkdocs. Links that lead out of ``docs`` are led to the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

ROOT: Final = Path(__file__).parent.parent
LINK: Final = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)")
REFERENCE: Final = {
    "Services": (
        *("streamer.app.App", "streamer.context.Request", "streamer.context.Progress", "streamer.context.Principal"),
        *("streamer.limits.Limits", "streamer.errors", "streamer.context.Cancelled"),
    ),
    "Topologies": ("streamer.topology",),
    "The Python client": (
        *("streamer.client.client.StreamerClient", "streamer.client.sync.SyncClient", "streamer.client.events"),
        *("streamer.client.topics.TopicMessage", "streamer.client.link.Reconnect", "streamer.client.errors"),
    ),
    "Tests": ("streamer.testing", "emulator.testing.thread.EmulatorThread", "emulator.wiring.emulator.EmulatorConfig"),
}
"""Heading to what is told below it: modules with all of their public names, or single ones."""


def on_config(config: Any) -> Any:
    """Add the decisions to the navigation, in their order."""
    config["nav"].append({"Decisions": decisions()})
    return config


def decisions() -> list[str]:
    """Pages of the decisions."""
    return [f"decisions/{page.name}" for page in sorted((ROOT / "docs" / "decisions").glob("*.md"))]


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    from mkdocs.structure.files import File  # installed where the site is built, not where this is tested

    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text("utf-8")))
    files.append(File.generated(config, "reference.md", content=reference()))
    return files


def reference() -> str:
    """The page of the reference, for mkdocstrings."""
    parts = ["# Reference", "Made from the docstrings."]
    for heading, names in REFERENCE.items():
        parts += [f"## {heading}", *(f"::: {name}" for name in names)]
    return "\n\n".join(parts) + "\n"


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead links to where the pages are, or to the repository."""
    source = "README.md" if page.file.src_uri == "index.md" else f"docs/{page.file.src_uri}"
    return LINK.sub(lambda found: f"]({target(found[1], source, config.repo_url)})", markdown)


def target(link: str, source: str, repository: str) -> str:
    """Where a link of a file of the repository leads on the site."""
    path, hash_sign, anchor = link.partition("#")
    place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if place == "README.md":
        place = "docs/index.md"
    if place.startswith("docs/") and place.endswith((".md", ".svg", ".png")):
        own = "docs" if source == "README.md" else posixpath.dirname(source)
        return posixpath.relpath(place, own) + hash_sign + anchor
    kind = "blob" if (ROOT / place).is_file() else "tree"
    return f"{repository}/{kind}/main/{place}{hash_sign}{anchor}"
