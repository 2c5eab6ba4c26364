"""The example's dashboard in Chromium, served by ``streamer emulate --static``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Page, browser, needs_browser
from running_command import Emulate, streamer

ROOT = Path(__file__).resolve().parents[2]
FIRST = "document.querySelector('#reports li')"


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[Emulate]:
    folder = tmp_path / "dashboard"
    shutil.copytree(ROOT / "examples" / "dashboard", folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    with Emulate("--static", "web", folder=folder) as emulator:
        yield emulator


@pytest.fixture
def page(dashboard: Emulate, tmp_path: Path) -> Iterator[Page]:
    with browser(tmp_path / "profile") as tab:
        page = tab()
        page.open(f"http://127.0.0.1:{dashboard.port}/")
        yield page
        assert page.errors == []


def make(page: Page, title: str, pages: int) -> None:
    page.evaluate(
        f"(() => {{ const form = document.querySelector('#new'); form.elements.title.value = {title!r};"
        f" form.elements.pages.value = {pages}; form.requestSubmit(); }})()"
    )
    page.wait_for(f"{FIRST}?.textContent.includes({title!r})")


@pytest.mark.needs_browser
@needs_browser
def test_reports_run_are_cancelled_and_outlive_a_reload(page: Page, tmp_path: Path) -> None:
    pictures = Path(os.environ.get("PICTURES", tmp_path))  # `make picture` keeps them
    page.wait_for("document.querySelector('#connection').textContent === 'open'")
    make(page, "Sales", 40)
    page.wait_for(f"{FIRST}.querySelector('progress').value > 10")
    page.picture(pictures / "dashboard-running.png")
    page.reload()
    page.wait_for(f"{FIRST}?.textContent.includes('Sales')")
    page.wait_for(f"{FIRST}.querySelector('progress').value > 20")

    make(page, "Stock", 200)
    page.wait_for(f"{FIRST}.querySelector('progress').value > 0")
    page.evaluate(f"{FIRST}.querySelector('button').click(); null")
    page.wait_for(f"{FIRST}.textContent.includes('cancelled')")
    page.picture(pictures / "dashboard-cancelled.png")
    page.wait_for("document.querySelector('#reports li:last-child').textContent.includes('done')")

    assert page.wait_for("document.querySelector('#news').textContent") == "Somebody's report is ready: Sales"
    page.picture(pictures / "dashboard-done.png")
    assert page.evaluate("sessionStorage.getItem('reports')") == "{}"


def choose(page: Page, content: str, name: str) -> None:
    page.evaluate(
        f"(() => {{ const chosen = new DataTransfer(); chosen.items.add(new File([{content}], {name!r}));"
        " document.querySelector('#new').elements.rows.files = chosen.files; })()"
    )


@pytest.mark.needs_browser
@needs_browser
def test_a_file_that_no_message_holds_is_uploaded_and_counted(page: Page) -> None:
    choose(page, "'a,b\\n'.repeat(100_000)", "rows.csv")
    make(page, "Rows", 1)
    page.wait_for(f"{FIRST}.textContent.includes('done: 100000 rows')")

    choose(page, "new Uint8Array(11e6)", "large.csv")
    page.evaluate("document.querySelector('#new').requestSubmit(); null")
    page.wait_for("document.querySelector('#news').textContent.includes('at most 10000000 are taken')")


def test_pages_are_for_this_machine_and_for_folders_that_exist(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    for options, words in (
        (("--static", "nowhere"), "does not exist"),
        (("--static", "web", "--host", "0.0.0.0"), "--static gives its pages tokens"),
    ):
        done = streamer("emulate", "--demo", "--port", "0", *options, folder=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert words in done.stderr
