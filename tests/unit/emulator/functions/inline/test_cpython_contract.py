"""What `emulator.functions.inline.cpython_threads` relies on inside CPython."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

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


WATCHED = ("", "sys.settrace(lambda *_: None)", "sys.setprofile(lambda *_: None)")
"""Nobody looks at each step; a debugger or coverage does; a profiler does."""

IN_C_CODE = """
import sys, threading
from emulator.functions.inline.workers import Worker

stays, is_there = threading.Lock(), threading.Event()
stays.acquire()

def call():
    is_there.set()
    stays.acquire()  # code in C, which no exception reaches

worker = Worker("lambda-1")
worker.call(call)
is_there.wait()
{watched}
worker.abandon()
print(sum(1 for _ in range(100)))
stays.release()
"""


@pytest.mark.parametrize("watched", WATCHED)
def test_a_thread_that_is_given_up_in_c_code_holds_up_nobody(watched: str) -> None:
    """On CPython 3.11 it would, for good, where somebody looks at each step."""
    assert _said(IN_C_CODE.format(watched=watched)) == "100\n"


IN_PYTHON = """
import sys, threading
from emulator.functions.inline.workers import AbandonedError, Worker

{watched}
{watched_later}
is_there, ended = threading.Event(), threading.Event()

def call():
    try:
        is_there.set()
        while True:
            pass
    except AbandonedError:
        ended.set()
        raise

worker = Worker("lambda-1")
worker.call(call)
is_there.wait()
worker.abandon()
ended.wait()
print("ended")
"""


@pytest.mark.parametrize("watched", WATCHED)
def test_python_code_that_is_given_up_ends_whoever_looks_at_it(watched: str) -> None:
    in_threads = watched.replace("sys.", "threading.")

    assert _said(IN_PYTHON.format(watched=watched, watched_later=in_threads)) == "ended\n"


def _said(script: str) -> str:
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return ran.stdout
