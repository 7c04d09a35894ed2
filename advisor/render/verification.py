"""What a verification shows beside its comparisons: segments, probes, and how sure it all is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import p_text, short_number
from advisor.render.proof_words import FAMILIES, UNASKED, worst_first
from advisor.render.regression_words import probe_value
from advisor.render.terminal import UNKNOWN, make_table, percent, plain, styled, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

    from advisor.schema.probe import ProbeFinding
    from advisor.schema.verify import Segment, Verification

SHOWN = 8
"""Segments on a terminal; the document holds all."""


def chosen_segments(segments: Sequence[Segment]) -> list[Segment]:
    """The first of them, worst first, and all that are worse."""
    worse = sum(one.is_worse for one in segments)
    return worst_first(segments)[: max(SHOWN, worse)]


def segments_table(segments: Sequence[Segment]) -> Table:
    """Tuned model against best baseline on parts of the test samples."""
    shown = chosen_segments(segments)
    headers = ("Segment", "n", "Baseline", "Tuned", "Points", "p", "Worse")
    table = make_table(*headers, right=(1, 2, 3, 4, 5))
    for one in shown:
        table.add_row(
            plain(f"{one.kind}: {one.name}", 28),
            f"{one.n:,}",
            percent(one.baseline),
            percent(one.tuned),
            f"{100 * one.difference:+.1f}",
            "few" if one.p_value is None else p_text(one.p_value),
            _worse(is_worse=one.is_worse, is_tested=one.p_value is not None),
        )
    told = "largest losses first; p one-sided, after Holm; 'few': below 30, not tested"
    if len(shown) < len(segments):
        told = f"{len(shown)} of {len(segments)} segments, {told}"
    table.caption = plain(told)
    table.caption_justify = "left"
    return table


def probes_table(probes: Sequence[ProbeFinding]) -> Table:
    """What was asked beside the task, before and after tuning."""
    headers = ("Probe", "n", "Before", "After", "Let pass", "p", "Worse")
    table = make_table(*headers, right=(1, 2, 3, 4, 5))
    for one in probes:
        name = f"{words(one.probe)} ({one.kind}{', ' + one.unit if one.unit else ''})"
        table.add_row(
            plain(name, 30),
            f"{one.n:,}",
            probe_value(one, one.before),
            probe_value(one, one.after),
            _allowed(one),
            UNKNOWN if one.p_value is None else p_text(one.p_value),
            _worse(is_worse=one.is_worse, is_tested=one.p_value is not None),
        )
    return table


def how_sure(verification: Verification) -> list[str]:
    """What would decide, what each family of tests may err at, and what the user lets pass."""
    told = []
    if verification.more_items is not None:
        told.append(
            f"About {verification.more_items:,} more test samples would decide it in 4 of 5 cases,"
            " if the difference stays as it is."
        )
    rates = [
        f"{FAMILIES[name]}: {percent(rate, 0)}"
        for name, rate in verification.error_rates.items()
        if name in FAMILIES
    ]
    if rates:
        told.append(
            f"Chance by which it may err where nothing differs, at most: {'; '.join(rates)}."
        )
    if (
        verification.verdict != "keep" and not verification.shows_forgetting
    ):  # there it is warned of
        told.append(UNASKED)
    if verification.tolerated:
        told.append(f"Worse segments and probes are let pass: {verification.tolerated}")
    return told


def _worse(*, is_worse: bool, is_tested: bool) -> Text:
    if is_worse:
        return styled("yes", "bold red")
    return styled("no" if is_tested else "-", "dim")


def _allowed(probe: ProbeFinding) -> str:
    if probe.unit:
        return short_number(probe.allowed)
    return f"{100 * probe.allowed:.0f} points"
