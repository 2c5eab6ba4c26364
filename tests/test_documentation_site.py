"""The documentation site: every page is on it, every link leads somewhere, and the picture is of a real run.

`make docs` builds it; what needs no builder is held here.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from docs import picture, site_pages

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://example.com/streamer"
SVG = "{http://www.w3.org/2000/svg}"
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").rglob("*.md")]


class Loader(yaml.SafeLoader):
    """Takes the tags of mkdocs as text."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda loader, suffix, node: suffix)
SETTINGS = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), Loader)


def named(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in named(part)]  # type: ignore[attr-defined]


def test_the_navigation_names_every_page_that_exists_or_is_made_once() -> None:
    pages = ["index.md", "reference.md", *(page.name for page in PAGES)]

    assert sorted(named(SETTINGS["nav"])) == sorted(pages)


def test_the_decisions_follow_in_their_order() -> None:
    assert site_pages.decisions()[0].startswith("decisions/0001-")


@pytest.mark.parametrize("name", [name for names in site_pages.REFERENCE.values() for name in names])
def test_what_the_reference_tells_exists_and_says_what_it_is(name: str) -> None:
    try:
        found: object = importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        found = getattr(importlib.import_module(module), attribute)

    assert found.__doc__
    assert f"::: {name}\n" in site_pages.reference()


@pytest.mark.parametrize(
    ("link", "source", "leads_to"),
    [
        pytest.param("docs/cli.md#target", "README.md", "cli.md#target", id="page-from-readme"),
        pytest.param("cli.md", "docs/deploy.md", "cli.md", id="page-beside"),
        pytest.param("../cli.md", "docs/decisions/0001-runtime.md", "../cli.md", id="page-above"),
        pytest.param("decisions/0001-runtime.md", "docs/cli.md", "decisions/0001-runtime.md", id="page-below"),
        pytest.param("../README.md", "docs/cli.md", "index.md", id="readme-is-the-first-page"),
        pytest.param("docs/terminal.svg", "README.md", "terminal.svg", id="picture"),
        pytest.param("../LICENSE", "docs/cli.md", f"{REPOSITORY}/blob/main/LICENSE", id="file-elsewhere"),
        pytest.param(
            "examples/reports", "README.md", f"{REPOSITORY}/tree/main/examples/reports", id="folder-elsewhere"
        ),
    ],
)
def test_links_lead_to_pages_or_to_the_repository(link: str, source: str, leads_to: str) -> None:
    assert site_pages.target(link, source, REPOSITORY) == leads_to


def test_every_link_to_a_file_leads_to_one() -> None:
    links = [(document, link) for document in DOCUMENTS for link in links_of(document.read_text("utf-8"))]

    assert [(document.name, link) for document, link in links if not (document.parent / link).exists()] == []


def links_of(text: str) -> list[str]:
    """Where the links of a document lead, those within code left out."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [link.partition("#")[0] for link in site_pages.LINK.findall(re.sub(r"`[^`\n]*`", "", prose))]


def test_the_picture_shows_a_run_without_secrets_or_places_of_the_machine_that_drew_it() -> None:
    text = "".join(ElementTree.parse(ROOT / "docs" / "terminal.svg").getroot().itertext())

    assert "$ streamer emulate --demo" in text
    assert "100% step 4 of 4" in text
    assert re.findall(r"(?:token|Authorization)=(?!\w{10}\.\.\.)", text) == []
    assert str(Path.home()) not in text
    assert re.search(r"/(bin|tmp|usr)/", text) is None


def test_a_drawn_line_is_folded_and_its_signs_are_text() -> None:
    drawn = picture.picture([("typed", "a < b"), ("told", "x" * (picture.COLUMNS + 1))])

    lines = ["".join(part.itertext()) for part in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
    assert lines == ["$ a < b", "x" * picture.COLUMNS, "x"]


def test_tokens_and_folders_are_shortened() -> None:
    told = "ws://127.0.0.1:4711/dev?Authorization=eyJhbGciOi.payload-x.sig_y and /tmp/x/.streamer, #token=0123456789abc"

    assert picture.shortened(told, Path("/tmp/x")) == (
        "ws://127.0.0.1:8787/dev?Authorization=eyJhbGciOi... and ~/service/.streamer, #token=0123456789..."
    )
