"""What the functions import in a new execution environment, by name: milliseconds would differ between machines."""

import subprocess
import sys

import pytest

HEAVY = {
    "aiobotocore",
    "aiohttp",
    "boto3",
    "moto",
    "pydantic",
    "requests",
    "click",
    "websockets",
    "s3transfer",
    "werkzeug",
}


def imported(module: str) -> set[str]:
    """The modules that a new interpreter has after importing one."""
    code = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("handler", "unwanted"),
    [
        pytest.param("connect", HEAVY | {"asyncio"}, id="connect"),
        pytest.param("disconnect", HEAVY | {"asyncio", "jwt", "cryptography"}, id="disconnect"),
        pytest.param("router", HEAVY | {"asyncio", "jwt", "cryptography"}, id="router"),
        pytest.param("processor", HEAVY | {"asyncio", "jwt", "cryptography"}, id="processor"),
    ],
)
def test_a_function_imports_only_what_it_needs(handler: str, unwanted: set[str]) -> None:
    modules = imported(f"streamer.handlers.{handler}")

    assert modules & unwanted == set()
    assert {name for name in modules if name.startswith("streamer.")} & {
        "streamer.topology",
        "streamer.service",
        "streamer.testing",
        "streamer.demo",
        "streamer.stores.memory",
    } == set()


def test_users_modules_import_no_aws_library() -> None:
    assert imported("streamer.app") & (HEAVY | {"botocore", "asyncio", "jwt"}) == set()
