"""Order and batches of prompts: little waste, and the same for what is left of a set."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.builtin.backends.length_batches import Bounds, batches, common, order, shared

ROWS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=12)


@settings(max_examples=40)
@given(ROWS)
def test_the_longest_come_first_and_equal_sets_in_one_order(rows: list[list[int]]):
    sorted_rows = [rows[at] for at in order(rows)]
    assert [len(row) for row in sorted_rows] == sorted(map(len, rows), reverse=True)
    turned = rows[::-1]
    assert [turned[at] for at in order(turned)] == sorted_rows


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=20),
    st.integers(1, 6),
    st.integers(1, 120),
    st.integers(0, 5),
)
def test_batches_keep_the_bounds_and_a_tail_keeps_its_batches(
    lengths: list[int], rows: int, tokens: int, extra: int
):
    falling = sorted(lengths, reverse=True)
    parts = list(batches(falling, Bounds(rows, tokens), extra=extra))
    assert [at for part in parts for at in range(part.start, part.stop)] == list(
        range(len(falling))
    )
    for part in parts:
        count = part.stop - part.start
        assert count <= rows
        assert count == 1 or count * (falling[part.start] + extra) <= tokens
    for begun in parts:
        tail = batches(falling[begun.start :], Bounds(rows, tokens), extra=extra)
        assert [slice(p.start + begun.start, p.stop + begun.start) for p in tail] == [
            part for part in parts if part.start >= begun.start
        ]


def test_what_all_rows_begin_with_leaves_each_a_token():
    assert shared([[1, 2, 3], [1, 2, 4, 5]]) == 2
    assert shared([[1, 2], [1, 2, 3]]) == 1
    assert shared([[1, 2], [1, 2]]) == 1
    assert shared([[7]]) == 0
    assert shared([]) == 0
    assert shared([[1], [2]]) == 0
    assert common([1, 2, 3], [1, 2]) == 2
