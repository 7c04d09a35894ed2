"""The memory of tuning options as stacked bars, one colour per term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.advice_grids import fits_text, option_name
from advisor.render.grid import gib_text
from advisor.render.svg import COLOURS, EDGE, ROW, WIDTH, along, attribute, box, frame, line, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from advisor.schema.estimate import Option

OPTIONS_DRAWN = 6
REST = "allocator and device context"


def memory_chart(options: Sequence[Option]) -> str:
    """The first options' peak memory by term, with the range and the card's size where it fits in.

    Terms are likely values; the whisker runs from the low to the high end of the total.
    """
    shown = options[:OPTIONS_DRAWN]
    scale = max((_range(option)[1] for option in shown), default=0) * 1.02
    if scale <= 0:
        return ""
    colours = {name: number % COLOURS for number, name in enumerate(_names(shown))}
    body: list[str] = []
    for number, option in enumerate(shown):
        body.extend(_row(option, ROW * number, scale, colours))
    spoken = "; ".join(f"{option_name(o)} {gib_text(_total(o))} GiB" for o in shown)
    chart = frame(ROW * len(shown) + 6, f"Peak memory: {spoken}", body)
    return chart + _legend(colours)


def _segments(option: Option) -> Iterator[tuple[str, float]]:
    """Name and GiB of every term, then what the process takes beyond its tensors."""
    for term in option.memory.terms:
        yield term.name, term.gib
    rest = _total(option) - option.memory.allocated_gib.likely
    if rest > 0:
        yield REST, rest


def _tier(option: Option) -> tuple[float, float, float]:
    memory = option.memory
    tier = memory.process_gib or memory.reserved_gib or memory.allocated_gib
    return tier.low, tier.likely, tier.high


def _total(option: Option) -> float:
    return _tier(option)[1]


def _range(option: Option) -> tuple[float, float]:
    low, _, high = _tier(option)
    return low, high


def _names(options: Sequence[Option]) -> list[str]:
    return list(dict.fromkeys(name for option in options for name, _ in _segments(option)))


def _row(option: Option, y: float, scale: float, colours: dict[str, int]) -> Iterator[str]:
    low, high = _range(option)
    yield text(EDGE, y + 16, option_name(option))
    total = f"{gib_text(_total(option))} GiB, fits: {fits_text(option)}"
    yield text(WIDTH - EDGE, y + 16, total, anchor="end")
    yield box(EDGE, y + 22, WIDTH - 2 * EDGE, "track")
    filled = 0.0
    for name, gib in _segments(option):
        start, end = along(filled / scale), along((filled + gib) / scale)
        yield box(
            start, y + 22, end - start, f"seg k{colours[name]}", f"{name}: {gib_text(gib)} GiB"
        )
        filled += gib
    yield line(along(low / scale), y + 28, along(high / scale), y + 28, "whisker")
    card = _total(option) + option.headroom_gib
    if 0 < card <= scale:
        yield line(along(card / scale), y + 18, along(card / scale), y + 38, "goal")


def _legend(colours: dict[str, int]) -> str:
    items = "".join(
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" '
        f'class="k{number}"/></svg>{attribute(name, 60)}</li>'
        for name, number in colours.items()
    )
    return f'<ul class="legend">{items}</ul>'
