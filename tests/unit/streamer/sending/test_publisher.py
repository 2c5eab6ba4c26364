from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

from streamer.errors import GoneError, PayloadTooLargeError, SendError
from streamer.sending.publisher import NAMED, THREADS, Delivery, Publisher, Recipient
from streamer.sending.sender import RetryPolicy, Sender

QUICK = RetryPolicy(attempts=3, base_seconds=0.001)


class FakeSender(Sender):
    """Does to each connection what a test says, and counts."""

    def __init__(self, behave: Callable[[str, int], None] = lambda connection_id, tries: None) -> None:
        self.behave = behave
        self.lock = threading.Lock()
        self.tries: Counter[str] = Counter()
        self.got: dict[str, list[str]] = {}
        self.at_once = 0
        self.most_at_once = 0

    def at(self, endpoint: str) -> FakeSender:
        return self

    def send(self, connection_id: str, message: str | bytes) -> None:
        with self.lock:
            self.tries[connection_id] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            tries = self.tries[connection_id]
        try:
            self.behave(connection_id, tries)
        finally:
            with self.lock:
                self.at_once -= 1
        with self.lock:
            self.got.setdefault(connection_id, []).append(str(message))

    def is_active(self, connection_id: str) -> bool:
        return connection_id in self.got


def connections(count: int) -> list[Recipient]:
    return [Recipient(f"c-{number}", "https://api.example.com/dev") for number in range(count)]


def deliver(
    sender: FakeSender, recipients: Sequence[Recipient], pieces: Sequence[str] = ("hello",), seconds: float = 30.0
) -> Delivery:
    return Publisher(sender_at=sender.at, retry=QUICK).deliver([recipients], pieces, seconds=seconds)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_everyone_gets_the_message_once(count: int) -> None:
    sender = FakeSender()

    assert deliver(sender, connections(count)) == Delivery(delivered=count)
    assert sender.got == {f"c-{number}": ["hello"] for number in range(count)}
    assert sender.most_at_once <= THREADS


def test_pieces_come_in_order() -> None:
    sender = FakeSender()
    deliver(sender, connections(3), ["a", "b", "c"])

    assert list(sender.got.values()) == [["a", "b", "c"]] * 3


def test_gone_and_failing_connections_are_named_and_the_others_are_served() -> None:
    def behave(connection_id: str, tries: int) -> None:
        match connection_id:
            case "c-1":
                raise GoneError(connection_id)
            case "c-2":
                raise SendError("forbidden")
            case "c-3":
                raise SendError("throttled", is_temporary=True)
            case "c-4":
                raise PayloadTooLargeError(2, 1)

    sender = FakeSender(behave)

    delivery = deliver(sender, connections(100))

    assert (delivery.delivered, delivery.gone) == (96, frozenset({"c-1"}))
    assert set(delivery.failed) == {"c-2", "c-3", "c-4"}
    assert delivery.failed["c-2"] == "forbidden"
    assert [sender.tries[f"c-{number}"] for number in range(5)] == [1, 1, 1, 3, 1]


def test_a_throttled_connection_gets_the_rest_of_its_pieces_later() -> None:
    def behave(connection_id: str, tries: int) -> None:
        if tries == 2:
            raise SendError("throttled", is_temporary=True)

    sender = FakeSender(behave)

    assert deliver(sender, connections(2), ["a", "b"]).delivered == 2
    assert list(sender.got.values()) == [["a", "b"]] * 2


def test_slow_connections_delay_nobody() -> None:
    others_done, slow = threading.Event(), {f"c-{number}" for number in range(THREADS - 1)}
    served = threading.Semaphore(0)

    def behave(connection_id: str, tries: int) -> None:
        if connection_id in slow:
            assert others_done.wait(30)
        else:
            served.release()

    sender = FakeSender(behave)
    delivering = threading.Thread(target=deliver, args=(sender, connections(1000)))
    delivering.start()
    for _ in range(1000 - len(slow)):
        assert served.acquire(timeout=30)
    # The slow ones still wait, and everybody else is served.
    assert not sender.got.keys() & slow
    others_done.set()
    delivering.join(30)

    assert len(sender.got) == 1000


def test_waiting_for_another_try_holds_no_thread() -> None:
    """As many connections are throttled as there are threads; the one behind them is served meanwhile."""
    served = threading.Event()

    def behave(connection_id: str, tries: int) -> None:
        if connection_id == f"c-{THREADS}":
            served.set()
        elif not served.is_set():
            raise SendError("throttled", is_temporary=True)

    sender = FakeSender(behave)
    patient = RetryPolicy(attempts=2, base_seconds=0.05)

    delivery = Publisher(sender_at=sender.at, retry=patient, jitter=lambda: 1.0).deliver(
        [connections(THREADS + 1)], ["hello"], seconds=30
    )

    assert delivery.delivered == THREADS + 1


def test_what_is_not_delivered_in_time_is_named() -> None:
    now = [0.0]

    def behave(connection_id: str, tries: int) -> None:
        now[0] += 1

    sender = FakeSender(behave)
    delivery = Publisher(sender_at=sender.at, threads=1, monotonic=lambda: now[0]).deliver(
        [connections(5)], ["hello"], seconds=3
    )

    assert delivery == Delivery(delivered=3, failed=dict.fromkeys(["c-3", "c-4"], "there was no time left"))


def test_a_mistake_of_ours_ends_the_delivery_instead_of_hanging_it() -> None:
    def behave(connection_id: str, tries: int) -> None:
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        deliver(FakeSender(behave), connections(100))


# pages


def of(sender: FakeSender, *, most_waiting: int = 100, threads: int = THREADS) -> Publisher:
    return Publisher(sender_at=sender.at, retry=QUICK, most_waiting=most_waiting, threads=threads)


def test_all_pages_are_delivered_empty_ones_among_them() -> None:
    everyone, sender = connections(95), FakeSender()
    pages = [everyone[:50], [], everyone[50:51], [], everyone[51:], []]

    assert of(sender).deliver(pages, ["hello"], seconds=30) == Delivery(delivered=95)
    assert len(sender.got) == 95


def test_a_page_is_asked_for_when_there_is_nothing_else_to_do() -> None:
    sender, held = FakeSender(), []

    def pages() -> Iterator[list[Recipient]]:
        everyone = connections(10_000)
        for first in range(0, 10_000, 100):
            held.append(first - len(sender.got))
            yield everyone[first : first + 100]

    assert of(sender).deliver(pages(), ["hello"], seconds=30).delivered == 10_000
    # What was read is sent but for what the threads have in hand.
    assert max(held) <= THREADS


def test_while_many_wait_for_another_try_no_further_page_is_asked_for() -> None:
    asked: list[int] = []
    sender = FakeSender(lambda connection_id, tries: throttle(tries, 2))

    def throttle(tries: int, until: int) -> None:
        if tries < until:
            raise SendError("throttled", is_temporary=True)

    def pages() -> Iterator[list[Recipient]]:
        everyone = connections(400)
        for first in range(0, 400, 20):
            asked.append(first - len(sender.got))
            yield everyone[first : first + 20]

    assert of(sender, most_waiting=60).deliver(pages(), ["hello"], seconds=30).delivered == 400
    assert max(asked) < 60 + THREADS


def test_pages_that_were_not_asked_for_in_time_are_nobody_s() -> None:
    now = [0.0]

    def behave(connection_id: str, tries: int) -> None:
        now[0] += 1

    everyone = connections(30)
    publisher = Publisher(sender_at=FakeSender(behave).at, threads=1, monotonic=lambda: now[0])

    delivery = publisher.deliver(iter([everyone[:10], everyone[10:]]), ["hello"], seconds=4)

    assert (delivery.delivered, len(delivery.failed)) == (4, 6)


def test_a_page_that_cannot_be_read_ends_the_delivery_instead_of_hanging_it() -> None:
    sender = FakeSender()

    def pages() -> Iterator[list[Recipient]]:
        yield connections(100)
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        of(sender).deliver(pages(), ["hello"], seconds=30)

    assert len(sender.got) == 100


def test_of_very_many_that_are_gone_or_fail_some_are_named_and_all_are_counted() -> None:
    def behave(connection_id: str, tries: int) -> None:
        if int(connection_id[2:]) % 2:
            raise GoneError(connection_id)
        raise SendError("forbidden")

    gone: list[str] = []
    delivery = of(FakeSender(behave)).deliver(
        [connections(2 * NAMED + 200)], ["hello"], seconds=30, on_gone=lambda one: gone.append(one.connection_id)
    )

    assert (len(delivery.gone), len(delivery.failed)) == (NAMED, NAMED)
    assert (delivery.gone_count, delivery.failed_count) == (NAMED + 100, NAMED + 100)
    assert len(set(gone)) == NAMED + 100


def test_what_is_done_about_a_gone_connection_may_fail_without_hanging_the_delivery() -> None:
    def behave(connection_id: str, tries: int) -> None:
        raise GoneError(connection_id)

    def fail(recipient: Recipient) -> None:
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        of(FakeSender(behave)).deliver([connections(100)], ["hello"], seconds=30, on_gone=fail)
