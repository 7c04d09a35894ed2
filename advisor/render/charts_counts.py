"""Counts as bars: upright for a histogram, lying for names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render._drawing import Bars, draw_bars, draw_plane
from advisor.render.charts import NAME_LIMIT, row_bar, row_words, rows_plane
from advisor.render.data_check_grids import bin_names, histogram_title
from advisor.render.safe import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.schema.dataset import Histogram

HEIGHT = 170
NAMES_BELOW = 6
"""Bins named under the axis: more would run into each other."""
BINS_COUNTED = 10
"""Bins with their count above."""


def histogram_chart(histogram: Histogram) -> str:
    """Rows per bin as upright bars; nothing where nothing was counted."""
    if max(histogram.counts, default=0) == 0:
        return ""
    names = bin_names(histogram)
    told = ", ".join(
        f"{name} {count:,}" for name, count in zip(names, histogram.counts, strict=True) if count
    )
    bars = Bars(
        tuple(names),
        tuple(histogram.counts),
        HEIGHT,
        every=-(-len(names) // NAMES_BELOW),
        is_counted=len(names) <= BINS_COUNTED,
    )
    return draw_bars(bars, "k0", f"{histogram_title(histogram)}: {told}")


def counts_chart(title: str, counts: Sequence[tuple[str, int]]) -> str:
    """A lying bar for each name; nothing where nothing was counted."""
    most = max((count for _, count in counts), default=0)
    if most == 0:
        return ""
    rows, ends = len(counts), (0.0, float(most))
    marks = []
    for row, (name, count) in enumerate(counts):
        marks += row_words(row, rows, name, f"{count:,}", ends)
        marks.append(row_bar(row, rows, ends, "bar track"))
        if count:
            marks.append(row_bar(row, rows, (0.0, count), "bar k0"))
    told = ", ".join(f"{safe_text(name, NAME_LIMIT)} {count:,}" for name, count in counts)
    return draw_plane(marks, rows_plane(rows, ends, ()), f"{title}: {told}")
