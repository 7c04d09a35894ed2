"""Counts as inline SVG bars: upright for a histogram, lying for labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.data_check_grids import bin_names, histogram_title
from advisor.render.safe import safe_text
from advisor.render.svg import EDGE, WIDTH, attribute, box, frame, line, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.schema.dataset import Histogram

HEIGHT = 170
TOP, FLOOR = 18.0, 140.0
NAMES_BELOW = 7
"""Bins named under the axis: more would run into each other."""
BINS_COUNTED = 12
"""Bins with their count above."""
WIDEST_BIN = 80.0
LABEL_ROW = 34
NAME_LENGTH = 44


def histogram_chart(histogram: Histogram) -> str:
    """Rows per bin as upright bars; nothing where nothing was counted."""
    most = max(histogram.counts, default=0)
    if most == 0:
        return ""
    names = bin_names(histogram)
    step = min((WIDTH - 2 * EDGE) / len(names), WIDEST_BIN)
    every = -(-len(names) // NAMES_BELOW)
    body = [line(EDGE, FLOOR, WIDTH - EDGE, FLOOR, "grid")]
    for place, (name, count) in enumerate(zip(names, histogram.counts, strict=True)):
        x = EDGE + place * step
        body.append(_upright(x, step, count / most, f"{name}: {count:,} rows"))
        if count and len(names) <= BINS_COUNTED:
            top = FLOOR - count / most * (FLOOR - TOP)
            body.append(text(x + step / 2, top - 4, f"{count:,}", anchor="middle", kind="small"))
        if place % every == 0:
            body.append(text(x + step / 2, FLOOR + 16, name, anchor="middle", kind="small"))
    if len(names) > BINS_COUNTED:
        body.append(text(EDGE, 12, f"at most {most:,} rows in a bar", kind="small"))
    told = ", ".join(
        f"{name} {count:,}" for name, count in zip(names, histogram.counts, strict=True) if count
    )
    return frame(HEIGHT, f"{histogram_title(histogram)}: {told}", body)


def _upright(x: float, step: float, share: float, tip: str) -> str:
    height = share * (FLOOR - TOP)
    size = f'x="{x + 1:.1f}" y="{FLOOR - height:.1f}" width="{max(step - 2, 1):.1f}"'
    return f'<rect {size} height="{height:.1f}" class="k0"><title>{attribute(tip)}</title></rect>'


def counts_chart(title: str, counts: Sequence[tuple[str, int]]) -> str:
    """A lying bar for each name; nothing where nothing was counted."""
    most = max((count for _, count in counts), default=0)
    if most == 0:
        return ""
    body: list[str] = []
    for place, (name, count) in enumerate(counts):
        y = LABEL_ROW * place
        body.append(text(EDGE, y + 14, safe_text(name, NAME_LENGTH)))
        body.append(text(WIDTH - EDGE, y + 14, f"{count:,}", anchor="end"))
        body.append(box(EDGE, y + 18, WIDTH - 2 * EDGE, "track"))
        body.append(box(EDGE, y + 18, count / most * (WIDTH - 2 * EDGE), "k0"))
    told = ", ".join(f"{safe_text(name, NAME_LENGTH)} {count:,}" for name, count in counts)
    return frame(LABEL_ROW * len(counts) + 4, f"{title}: {told}", body)
