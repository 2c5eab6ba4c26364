"""What `emulator.functions.inline.cpython_threads` relies on inside CPython."""

from __future__ import annotations

import threading

from emulator.functions.inline.cpython_threads import raise_in_thread


class StopError(BaseException):
    """Raised from outside."""


def test_an_exception_reaches_a_thread_in_the_middle_of_python_code() -> None:
    ended: list[BaseException] = []
    runs = threading.Event()

    def spin() -> None:
        try:
            while True:
                runs.set()
        except StopError as error:
            ended.append(error)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    assert runs.wait(60)
    assert thread.ident is not None

    assert raise_in_thread(thread.ident, StopError), "CPython changed PyThreadState_SetAsyncExc"
    thread.join(60)
    assert [type(error) for error in ended] == [StopError]


def test_a_thread_that_has_ended_is_not_reached() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    assert thread.ident is not None

    assert not raise_in_thread(thread.ident, StopError)
