"""What code asks of the place that layers have on Lambda."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.templates.layers import mentions_opt


@pytest.mark.parametrize(
    ("name", "text", "is_told"),
    [
        pytest.param("app.py", "open('/opt/words.txt')", True, id="a file"),
        pytest.param("app.py", "sys.path.append('/opt/words')", True, id="a folder that is no search path of Python"),
        pytest.param("app.py", "sys.path.insert(0, '/opt/python/words')", False, id="Python's search path"),
        pytest.param("app.js", "run('/opt/bin/words')", True, id="a program"),
        pytest.param("app.js", "const { words } = require('/opt/nodejs/words')", False, id="what CommonJS requires"),
        pytest.param("app.mjs", 'import words from "/opt/nodejs/words.mjs"', False, id="what a module imports"),
        pytest.param("app.mjs", "await import('/opt/nodejs/words.mjs')", False, id="what is imported later"),
        pytest.param("app.mjs", "import '/opt/a.mjs'; read('/opt/words.txt')", True, id="both"),
        pytest.param("app.txt", "'/opt/words'", False, id="no code"),
    ],
)
def test_code_is_told_of_that_asks_for_more_of_layers_than_imports(
    name: str, text: str, is_told: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)

    assert mentions_opt(str(tmp_path)) is is_told
