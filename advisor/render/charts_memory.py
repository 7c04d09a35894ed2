"""The memory of tuning options as stacked bars, one colour per kind of term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render._drawing import Mark, draw_plane
from advisor.render.advice_grids import option_name
from advisor.render.charts import BAR_UP, row_bar, row_words, rows_plane
from advisor.render.estimate_facts import verdict_words
from advisor.render.grid import gib_text, short_number
from advisor.render.legend import legend
from advisor.render.memory_groups import (
    GROUPS,
    card_sizes,
    drawn_options,
    group_of,
    process,
    segments,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from advisor.schema.estimate import Option

OPTIONS_DRAWN = 6
FARTHEST_CARD = 3.0
"""A card more than so many times larger than all bars is not drawn: bars would shrink to slits."""
CARD_REACH = 0.2
"""How far the end of a card reaches above and below its bar, in rows."""


def memory_chart(options: Sequence[Option]) -> str:
    """Each method's best option and the next ones: peak memory by term, its range, the card's end.

    Terms are likely values; the whisker runs from the low to the high end of the total. The card's
    end is drawn where it lies near enough.
    """
    shown = drawn_options(options, OPTIONS_DRAWN)
    cards = card_sizes(options)
    reach = max((process(option).high for option in shown), default=0.0)
    near = [cards[o.gpu] for o in shown if cards[o.gpu] <= FARTHEST_CARD * reach]
    scale = max(reach, *near, 0.0)
    if scale <= 0:
        return ""
    marks = [
        mark
        for row, option in enumerate(shown)
        for mark in _row(option, (row, len(shown)), scale, cards[option.gpu])
    ]
    spoken = "; ".join(f"{option_name(o)} {gib_text(process(o).likely)} GiB" for o in shown)
    words = [
        (0.0, "0"),
        (scale / 2, f"{short_number(scale / 2)} GiB"),
        (scale, short_number(scale)),
    ]
    plane = rows_plane(len(shown), (0.0, scale), words)
    return draw_plane(marks, plane, f"Peak memory: {spoken}") + _legend(shown)


def _row(option: Option, place: tuple[int, int], scale: float, card: float) -> Iterator[Mark]:
    memory, ends = process(option), (0.0, scale)
    total = f"{gib_text(memory.likely)} of {card:.0f} GiB, {verdict_words(option)}"
    yield from row_words(*place, option_name(option), total, ends)
    yield row_bar(*place, ends, "bar track")
    filled = 0.0
    for name, gib in segments(option):
        if gib > 0:
            kind = f"bar seg k{group_of(name)}"
            yield row_bar(*place, (filled, filled + gib), kind, f"{name}: {gib_text(gib)} GiB")
            filled += gib
    yield row_bar(*place, (memory.low, memory.high), "whisker")
    if 0 < card <= scale:
        up = place[1] - 1 - place[0] + BAR_UP
        yield Mark("goal", ((card, up - CARD_REACH), (card, up + CARD_REACH)))


def _legend(shown: Sequence[Option]) -> str:
    used = {group_of(name) for option in shown for name, _ in segments(option)}
    return legend((f"k{place}", group.title) for place, group in enumerate(GROUPS) if place in used)
