"""What FIFO queues and topics drop."""

from __future__ import annotations

from emulator.event_sources.queues.duplicates import Duplicates, of_content


def test_it_is_a_double_for_five_minutes() -> None:
    duplicates: Duplicates[str] = Duplicates()
    duplicates.accept("a", 100.0, "first")

    assert duplicates.earlier("a", 100.0) == "first"
    assert duplicates.earlier("a", 399.9) == "first"
    assert duplicates.earlier("a", 400.0) is None
    assert duplicates.earlier("b", 100.0) is None


def test_what_is_over_is_forgotten() -> None:
    duplicates: Duplicates[int] = Duplicates()
    for second in range(1000):
        duplicates.accept(second, float(second), second)

    assert len(vars(duplicates)["_accepted"]) == 300


def test_the_content_counts_by_its_digest() -> None:
    assert of_content("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
