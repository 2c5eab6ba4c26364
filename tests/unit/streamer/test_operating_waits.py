"""How an operator waits for a request: once a second, no longer than was said, with the last state at the end."""

from dataclasses import replace
from typing import Any

from streamer_records import NOW, request_record

from streamer.operating import Operator, ServiceNames
from streamer.records import Status
from streamer.stores.items import request_item

RUNNING = request_record(request_id="r", status=Status.PROCESSING, attempt=1, due_at=NOW)
DONE = replace(RUNNING, status=Status.COMPLETED, result_json="1")


class Table:
    """Gives the states one after the other."""

    def __init__(self, *states: Any) -> None:
        self.states = list(states)

    def get_item(self, **_: Any) -> dict[str, Any]:
        state = self.states.pop(0)
        return {} if state is None else {"Item": request_item(state)}


class Clock:
    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def waited(*states: Any, seconds: float) -> tuple[Status, list[float]]:
    clock, table = Clock(), Table(*states)
    operator = Operator(lambda service: table, ServiceNames(requests_table="t", function_name=None, queue_url=None))
    found = operator.wait(RUNNING, until=NOW + seconds, clock=lambda: clock.now, sleep=clock.sleep)
    return found.status, clock.slept


def test_it_looks_once_a_second_until_the_request_is_final() -> None:
    assert waited(RUNNING, RUNNING, DONE, seconds=60) == (Status.COMPLETED, [1.0, 1.0, 1.0])


def test_it_gives_up_when_the_time_is_over() -> None:
    assert waited(RUNNING, RUNNING, seconds=1.5) == (Status.PROCESSING, [1.0, 0.5])


def test_a_request_that_is_forgotten_meanwhile_stays_as_it_was_last_seen() -> None:
    assert waited(None, seconds=1) == (Status.PROCESSING, [1.0])
