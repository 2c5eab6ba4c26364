"""Uploads of the JavaScript client, from Node.js and from a page of another origin in Chromium."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import browser, needs_browser, serving
from javascript_tools import PACKAGE, run_tests
from running_command import Emulate

APP = """
    from streamer import App

    app = App()
    files = app.uploads(largest_bytes=3_000_000, content_types=["text/csv"])


    @app.action("count", queued=True)
    def count(request, progress):
        with files.open(request, request.payload) as file:
            return {"rows": sum(1 for _ in file), "bytes": file.size_bytes, "type": file.content_type}
"""

PAGE = """<!doctype html><title>page</title><script type="module">
import * as streamer from "./src/index.js";
import { upload } from "./src/upload.js";
const {url, token} = ADDRESS;
window.client = new streamer.StreamerClient(url, {token});
window.seen = [];
window.send = (content, options, through = client) =>
  upload(through, content, {onProgress: (progress) => seen.push(progress.percentage), ...options});
window.isReady = true;
</script>"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulate]:
    folder = tmp_path_factory.mktemp("uploads")
    (folder / "app.py").write_text(textwrap.dedent(APP))
    with Emulate(folder=folder) as running:
        yield running


@pytest.mark.needs_node
def test_it_uploads_from_node(emulator: Emulate) -> None:
    told = run_tests("upload.test.js", environment={"STREAMER_URL": emulator.url, "STREAMER_TOKEN": emulator.token()})

    assert "# skipped 0" in told


@pytest.mark.needs_browser
@needs_browser
def test_a_page_of_another_origin_uploads_a_file(emulator: Emulate, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE / "src", tmp_path / "src")
    address = json.dumps({"url": emulator.url, "token": emulator.token()})
    (tmp_path / "page.html").write_text(PAGE.replace("ADDRESS", address))
    with browser(tmp_path / "profile") as tab, serving(tmp_path) as site:
        page = tab()
        page.open(f"{site}/page.html")
        page.wait_for("window.isReady")

        rows = "new File(['name,amount\\n'.repeat(100_000)], 'rows.csv', {type: 'text/csv'})"
        found = page.evaluate(f"send({rows}).then((file) => client.request('count', file))")
        assert found == {"rows": 100_000, "bytes": 1_200_000, "type": "text/csv"}
        assert page.evaluate("[seen.at(-1), seen.every((n, i) => !i || n > seen[i - 1])]") == [100, True]

        refused = "(error) => [error.name, error.code]"
        too_large = page.evaluate(f"send(new Uint8Array(3_000_001), {{type: 'text/csv'}}).catch({refused})")
        assert too_large == ["RequestFailedError", "PAYLOAD_TOO_LARGE"]
        changed = """new Proxy(client, {get: (one, name) => name !== 'request' ? one[name] : async (...asked) => {
            const link = await one.request(...asked); return {...link, headers: {'content-type': 'text/html'}}; }})"""
        wrong = page.evaluate(f"send('1', {{type: 'text/csv'}}, {changed}).catch({refused})")
        assert wrong == ["UploadFailedError", "SignatureDoesNotMatch"]
        assert page.errors == []
