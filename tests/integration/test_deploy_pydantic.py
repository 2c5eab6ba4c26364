"""A project that needs pydantic itself, built on a machine that has neither an index nor Lambda's Python.

The wheels are made of what is installed here. The native module gets the name that the one for Lambda has: it is packed
and never loaded.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("pydantic")

NAMES = ("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection")
TARGETS = {"arm64": "aarch64", "x86_64": "x86_64"}
NATIVE = re.compile(r"\.cpython-\d+-\S+\.so$")
APP = """
{imports}
import pydantic
from streamer import App

app = App()


class Order(pydantic.BaseModel):
    total: int


@app.action("order")
def order(request):
    return Order.model_validate(request.payload).total
"""


def wheel_of(name: str, machine: str, folder: Path) -> None:
    """A wheel for Lambda's Python of a distribution that is installed here."""
    installed = importlib.metadata.distribution(name)
    files = {each.as_posix(): each.locate() for each in installed.files or () if ".." not in each.parts}
    kept = {
        NATIVE.sub(f".cpython-313-{machine}-linux-gnu.so", path): Path(str(file)).read_bytes()
        for path, file in files.items()
        if not path.endswith(("RECORD", "INSTALLER", "REQUESTED", ".pyc"))
    }
    is_native = any(NATIVE.search(path) for path in files)
    tag = f"cp313-cp313-manylinux_2_17_{machine}" if is_native else "py3-none-any"
    (info,) = {path.partition("/")[0] for path in kept if path.endswith(".dist-info/METADATA")}
    kept[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    rows = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in kept.items()]
    kept[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]).encode()
    with zipfile.ZipFile(folder / f"{info.removesuffix('.dist-info')}-{tag}.whl", "w") as archive:
        for path, content in kept.items():
            archive.writestr(path, content)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pydantic-wheels")
    for name in NAMES:
        for machine in TARGETS.values():
            wheel_of(name, machine, folder)
    return folder


def build(folder: Path, wheels: Path, architecture: str, imports: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(APP.format(imports=imports))
    (folder / "requirements.txt").write_text("pydantic\n")
    text = f'service = "chat"\npython = "3.13"\narchitecture = "{architecture}"\n'
    (folder / "streamer.toml").write_text(text)
    environment = {"PATH": "/nowhere", "HOME": str(folder), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    return subprocess.run(
        [str(Path(sys.executable).with_name("streamer")), "build", "--list"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip


@pytest.mark.parametrize("architecture", TARGETS)
def test_pydantic_is_packed_for_lambda(tmp_path: Path, wheels: Path, architecture: str) -> None:
    built = build(tmp_path, wheels, architecture)

    assert built.returncode == 0, built.stderr
    native = f"pydantic_core/_pydantic_core.cpython-313-{TARGETS[architecture]}-linux-gnu.so"
    for path in (native, "pydantic/main.py", "annotated_types/__init__.py", "typing_extensions.py"):
        assert f" {path}" in built.stdout
    assert "imports were read and not run" in built.stdout + built.stderr


def test_a_forgotten_import_beside_pydantic_is_refused_in_one_line(tmp_path: Path, wheels: Path) -> None:
    built = build(tmp_path, wheels, "arm64", imports="import yaml")

    assert built.returncode == 2, built.stdout
    assert "app.py:2 imports 'yaml', which is not in the bundle: add it to the requirements" in built.stderr
    assert built.stderr.count("\n") == 1
