import threading
from collections.abc import Iterator

import pytest

from streamer.errors import ConfigurationError
from streamer.handlers.setup import Environment, Once, new_id


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "one")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    for name in ("STREAMER_APP", "AWS_LAMBDA_FUNCTION_NAME"):
        monkeypatch.delenv(name, raising=False)


def counted() -> Once[int]:
    numbers: Iterator[int] = iter(range(100))
    return Once(lambda: next(numbers))


def test_it_is_made_once() -> None:
    once = counted()

    assert [once() for _ in range(3)] == [0, 0, 0]


def test_threads_get_the_same() -> None:
    once, meeting, got = counted(), threading.Barrier(8), []

    def get() -> None:
        meeting.wait(30)
        got.append(once())

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == [0] * 8


def test_another_execution_environment_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    once = counted()
    once()
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "two")

    assert [once(), once()] == [1, 1]


def test_what_could_not_be_made_is_made_at_the_next_call() -> None:
    errors = [ConfigurationError("no")]

    def make() -> str:
        if errors:
            raise errors.pop()
        return "made"

    once = Once(make)
    with pytest.raises(ConfigurationError):
        once()
    assert once() == "made"


def test_ids_are_new_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(100)]

    assert len(set(ids)) == 100
    assert ids[0][:8] <= ids[-1][:8]


@pytest.mark.parametrize(
    ("part", "says"),
    [
        pytest.param("app", "STREAMER_APP is not set", id="app"),
        pytest.param("function_name", "AWS_LAMBDA_FUNCTION_NAME is not set", id="function name"),
    ],
)
def test_what_is_missing_is_named(part: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        getattr(Environment(), part)


def test_it_is_made_in_init_where_lambda_imports_the_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    made: list[int] = []
    once = Once(lambda: made.append(1))

    once.in_init()

    assert made == [1]
    once()
    assert made == [1]


def test_elsewhere_an_import_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    made: list[int] = []

    Once(lambda: made.append(1)).in_init()

    assert made == []


def test_what_cannot_be_made_in_init_is_told_by_the_first_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    environment = Environment()
    once = Once(lambda: environment.app)

    once.in_init()

    with pytest.raises(ConfigurationError, match="STREAMER_APP is not set"):
        once()
