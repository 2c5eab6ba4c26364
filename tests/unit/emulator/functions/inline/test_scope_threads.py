import contextvars
import os
import sys
import threading

from emulator.functions.inline.scope import Scope, Seen
from emulator.functions.variables import OWNER


def test_a_thread_with_the_handlers_context_sees_what_the_handler_sees() -> None:
    scope = Scope({}, OWNER)
    lines: list[str] = []
    seen: list[str | None] = []

    def work() -> None:
        seen.append(os.environ.get("GREETING"))
        sys.stdout.write("hello\n")

    scope.open()
    try:
        scope.enter(Seen(environment={"GREETING": "hi"}, trace_id="", request_id="r", write_line=lines.append))
        for target in (contextvars.copy_context().run, lambda work: work()):
            thread = threading.Thread(target=target, args=(work,))
            thread.start()
            thread.join()
        scope.leave()
    finally:
        scope.close()

    assert (seen, lines) == (["hi", None], ["hello"])
