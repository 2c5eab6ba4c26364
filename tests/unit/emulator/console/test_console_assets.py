"""The page's files: small, our own, and asked for by nobody else's help."""

from __future__ import annotations

import gzip
import re

from emulator.console.assets import FOLDER

FILES = [path for path in FOLDER.rglob("*") if path.is_file()]
OWN = [path for path in FILES if path.suffix in (".js", ".css", ".html") and path.parent == FOLDER]


def test_all_of_it_is_small() -> None:
    raw = [path.read_bytes() for path in FILES]

    assert sum(map(len, raw)) <= 250 * 1024
    assert sum(len(gzip.compress(content)) for content in raw) <= 77 * 1024


ELSEWHERE = re.compile(r"""(?:src|href|url\(|from|import)\s*=?\s*["'(]?https?://""")


def test_nothing_comes_from_a_network() -> None:
    assert [path.name for path in OWN if ELSEWHERE.search(path.read_text())] == []


def test_every_module_that_is_imported_is_there() -> None:
    names = {path.relative_to(FOLDER).as_posix() for path in FILES}
    wanted = {name for path in OWN for name in re.findall(r'from "\./([\w./-]+)"', path.read_text())}

    assert wanted <= names
