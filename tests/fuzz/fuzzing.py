"""Mutates what is known to be interesting, from a seed; ``FUZZ_SECONDS`` and ``FUZZ_SEED`` vary a run."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Iterator, Sequence
from typing import Final

CASES: Final = 10_000
"""How many a test tries unless a time is given: some seconds, and the same ones every time."""
LONGEST: Final = 20_000


def cases(corpus: Sequence[bytes], words: Sequence[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """What to try, whole and in pieces: the corpus, then mutations of it.

    ``words`` are what a grammar consists of, which chance would not find.
    """
    seconds = float(os.environ.get("FUZZ_SECONDS", "0"))
    chance = random.Random(int(os.environ.get("FUZZ_SEED", "1")))
    end = time.monotonic() + seconds
    for number in itertools.count():
        if time.monotonic() >= end if seconds else number >= CASES:
            return
        made = corpus[number] if number < len(corpus) else _mutated(chance, corpus, words)
        yield made, _pieces(chance, made)


def _mutated(chance: random.Random, corpus: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    made = bytearray(chance.choice(corpus))
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randint(0, len(made))
        length = chance.choice((1, 1, 2, 4, 16, 100))
        match chance.randrange(7):
            case 0 if made:
                made[at % len(made)] ^= 1 << chance.randrange(8)
            case 1:
                made[at:at] = chance.randbytes(length)
            case 2:
                del made[at : at + length]
            case 3:
                made[at:at] = chance.choice(words)
            case 4:
                made[at : at + length] = chance.choice(words)
            case 5:
                made[at:at] = made[at : at + length] * chance.choice((1, 2, 50))
            case _:
                made[at:] = chance.choice(corpus)[-length:] if chance.random() < 0.3 else chance.choice(corpus)
    return bytes(made[:LONGEST])


def _pieces(chance: random.Random, data: bytes) -> list[bytes]:
    count = chance.choice((1, 1, 2, 3, 10))
    edges = sorted(chance.randint(0, len(data)) for _ in range(count - 1))
    return [data[start:end] for start, end in itertools.pairwise([0, *edges, len(data)])]
