"""The memory of tuning options as stacked bars, one colour per kind of term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.advice_grids import option_name
from advisor.render.estimate_facts import verdict_words
from advisor.render.grid import gib_text
from advisor.render.memory_groups import (
    GROUPS,
    card_sizes,
    drawn_options,
    group_of,
    process,
    segments,
)
from advisor.render.svg import EDGE, ROW, WIDTH, along, attribute, box, frame, line, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from advisor.schema.estimate import Option

OPTIONS_DRAWN = 6
FARTHEST_CARD = 3.0
"""A card more than so many times larger than all bars is not drawn: bars would shrink to slits."""


def memory_chart(options: Sequence[Option]) -> str:
    """Each method's best option and the next ones: peak memory by term, its range, the card's end.

    Terms are likely values; the whisker runs from the low to the high end of the total. The card's
    end is drawn where it lies near enough.
    """
    shown = drawn_options(options, OPTIONS_DRAWN)
    cards = card_sizes(options)
    reach = max((process(option).high for option in shown), default=0.0)
    near = [cards[o.gpu] for o in shown if cards[o.gpu] <= FARTHEST_CARD * reach]
    scale = max(reach, *near, 0.0) * 1.02
    if scale <= 0:
        return ""
    body: list[str] = []
    for number, option in enumerate(shown):
        body.extend(_row(option, ROW * number, scale, cards[option.gpu]))
    spoken = "; ".join(f"{option_name(o)} {gib_text(process(o).likely)} GiB" for o in shown)
    chart = frame(ROW * len(shown) + 6, f"Peak memory: {spoken}", body)
    return chart + _legend(shown)


def _row(option: Option, y: float, scale: float, card: float) -> Iterator[str]:
    memory = process(option)
    yield text(EDGE, y + 16, option_name(option))
    total = f"{gib_text(memory.likely)} of {card:.0f} GiB, {verdict_words(option)}"
    yield text(WIDTH - EDGE, y + 16, total, anchor="end")
    yield box(EDGE, y + 22, WIDTH - 2 * EDGE, "track")
    filled = 0.0
    for name, gib in segments(option):
        start, end = along(filled / scale), along((filled + gib) / scale)
        colour = f"seg k{group_of(name)}"
        yield box(start, y + 22, end - start, colour, f"{name}: {gib_text(gib)} GiB")
        filled += gib
    yield line(along(memory.low / scale), y + 28, along(memory.high / scale), y + 28, "whisker")
    if 0 < card <= scale:
        yield line(along(card / scale), y + 18, along(card / scale), y + 38, "goal")


def _legend(shown: Sequence[Option]) -> str:
    used = {group_of(name) for option in shown for name, _ in segments(option)}
    items = "".join(
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" '
        f'class="k{place}"/></svg>{attribute(group.title, 60)}</li>'
        for place, group in enumerate(GROUPS)
        if place in used
    )
    return f'<ul class="legend">{items}</ul>'
