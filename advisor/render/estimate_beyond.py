"""What comes beyond training: the whole bill, hosted tuning, serving and break-even."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.memory_groups import chosen
from advisor.render.money_grids import (
    gain_words,
    hosted_grid,
    pays_back,
    serving_grid,
    spending_grid,
)
from advisor.render.terminal import grid_table, in_letters, only_ascii, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from advisor.schema.estimate import Estimate
    from advisor.schema.spending import BreakEven

MOST_HOSTED = 3


def show_serving(console: Console, estimate: Estimate) -> None:
    """The ways of answering at the user's volume; nothing where that is not known."""
    if has_volume(estimate):
        grid = serving_grid(estimate.serving)
        console.print(grid_table(console, grid, title="Serving", fixed=(3, 4, 5)))


def show_beyond_details(console: Console, estimate: Estimate) -> None:
    """Every part, price and reason as tables."""
    spending = chosen(estimate).spending
    if spending is not None:
        console.print(grid_table(console, spending_grid(spending), title="Whole plan", fixed=(1,)))
    if estimate.hosted:
        grid = hosted_grid(estimate.hosted)
        title = "Hosted tuning of the same tokens"
        console.print(grid_table(console, grid, title=title, fixed=(3, 5)))
    if estimate.serving and not has_volume(estimate):
        grid = serving_grid(estimate.serving)
        console.print(grid_table(console, grid, title="Serving", fixed=(3, 4, 5)))
    if estimate.break_even:
        console.print(plain("When tuning pays back", style="bold"))
        _show_paybacks(console, estimate.break_even)


def _show_paybacks(console: Console, found: Sequence[BreakEven]) -> None:
    for item in found:
        gain = item.gain_usd_per_month
        told = f" At your volume it {gain_words(gain)}." if gain else ""
        line = f"- {item.tuned} against {item.against}: {pays_back(item)}. {item.because}"
        console.print(plain(in_letters(line + told, ascii_only=only_ascii(console))))
    if found[0].assumed:
        console.print(plain(f"  Assumed: {'; '.join(found[0].assumed)}."))


def has_volume(estimate: Estimate) -> bool:
    """Whether somebody said how many calls a month the tuned model serves."""
    return any(serving.usd_per_month is not None for serving in estimate.serving)
