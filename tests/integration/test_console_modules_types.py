"""The console's modules have no build step that finds wrong names and types: TypeScript's compiler reads them here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from javascript_tools import TOOLS, compiled, install, node

from emulator.console.assets import FOLDER

OPTIONS = {
    "target": "ES2022",
    "module": "ES2022",
    "moduleResolution": "bundler",
    "lib": ["ES2022", "DOM", "DOM.Iterable"],
    "types": [],
    "strict": True,
    "allowJs": True,
    "checkJs": False,  # each of ours says `@ts-check`, what is not ours does not
    "noEmit": True,
    "noUnusedLocals": True,
    "noUnusedParameters": True,
}


def test_every_module_asks_to_be_checked() -> None:
    unchecked = [path.name for path in FOLDER.glob("*.js") if not path.read_text().startswith("// @ts-check\n")]

    assert unchecked == []


@pytest.mark.needs_node
def test_the_modules_are_typed(tmp_path: Path) -> None:
    node()
    install(tmp_path, *TOOLS)
    shutil.copytree(FOLDER, tmp_path / "static")
    shutil.copy(Path(__file__).with_name("preact-htm.d.ts"), tmp_path / "static" / "vendor")
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "include": ["static/*.js"]}))

    assert compiled(tmp_path, ("--project", "tsconfig.json")) == [""]
