"""What stands before handlers that know nothing of streamer."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamer.errors import ConfigurationError

WRAPPER = "streamer.handlers.plain"
HANDLERS = """
import os

TOKEN = os.environ["TOKEN"]


def answer(event, context):
    return TOKEN, event
"""


@pytest.fixture(autouse=True)
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the function's code; the wrapper is imported anew by each test."""
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "plain_answers.py").write_text(HANDLERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, WRAPPER, raising=False)
    monkeypatch.setenv("STREAMER_SECRETS", "TOKEN")
    yield tmp_path
    for name in (WRAPPER, "chat", "chat.plain_answers"):
        sys.modules.pop(name, None)


def handler() -> Any:
    return importlib.import_module(WRAPPER).handler


@pytest.mark.parametrize(
    "name", [pytest.param("chat.plain_answers.answer", id="dots"), pytest.param("chat/plain_answers.answer", id="path")]
)
def test_the_handler_is_the_functions_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMER_HANDLER", name)
    monkeypatch.setenv("TOKEN", "hush")

    assert handler()({"a": 1}, None) == ("hush", {"a": 1})


def test_a_module_that_is_not_there_is_told_as_lambda_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMER_HANDLER", "chat.elsewhere.answer")
    monkeypatch.setenv("TOKEN", "hush")

    with pytest.raises(ModuleNotFoundError, match=r"No module named 'chat\.elsewhere'"):
        handler()


def test_without_its_secret_the_module_is_not_even_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMER_HANDLER", "chat.plain_answers.answer")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # no credentials, so nothing is sent

    with pytest.raises(ConfigurationError, match="for TOKEN cannot be read: NoCredentialsError"):
        handler()

    assert "chat.plain_answers" not in sys.modules
