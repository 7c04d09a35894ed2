"""Prompts in an order and in batches that waste little: by length, within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

Tokens = Sequence[int]


class Bounds(NamedTuple):
    """What one batch may hold at most; a single row is always taken."""

    rows: int
    tokens: int
    """Over all rows, each as long as the longest."""


def order(rows: Sequence[Tokens]) -> list[int]:
    """Places of the rows, longest first; rows of one length by their tokens.

    So the order of what is left of a set is the order of the whole without what is gone.
    """
    return sorted(range(len(rows)), key=lambda at: (-len(rows[at]), list(rows[at]), at))


def batches(lengths: Sequence[int], bounds: Bounds, *, extra: int = 0) -> Iterator[slice]:
    """Neighbours put together from the front, for lengths that fall; `extra` tokens to each row.

    Batches of a tail that begins where a batch began are those of the whole.
    """
    start = 0
    while start < len(lengths):
        each = max(1, lengths[start] + extra)
        count = max(1, min(bounds.rows, bounds.tokens // each, len(lengths) - start))
        yield slice(start, start + count)
        start += count


def shared(rows: Sequence[Tokens]) -> int:
    """How many tokens all rows begin with alike; each keeps one token of its own."""
    if not rows:
        return 0
    low, high = list(min(rows, key=list)), list(max(rows, key=list))
    return min(common(low, high), min(map(len, rows)) - 1)


def common(one: Tokens, other: Tokens) -> int:
    """How many tokens two rows begin with alike."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
