"""What a verification shows beside its comparisons: segments, probes, and how sure it all is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import p_text
from advisor.render.probe_words import NATS, SHORT_UNITS, allowed_text, probe_title, probe_value
from advisor.render.proof_words import (
    UNASKED,
    alarm_sentence,
    guesses_sentence,
    worse_word,
    worst_first,
)
from advisor.render.safe import signed
from advisor.render.terminal import make_table, percent, plain, safe_text, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

    from advisor.schema.probe import ProbeFinding
    from advisor.schema.verify import Segment, Verification

SHOWN = 8
"""Segments on a terminal; the document holds all."""
WIDEST_ANSWER = 7
"""Columns for yes, no, 'not tested' and 'nothing to lose', which stand on two lines."""


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
            signed(100 * one.difference),
            "few" if one.p_value is None else p_text(one.p_value),
            _worse(one),
        )
    told = "Tuned against the best baseline, largest losses first."
    if len(shown) < len(segments):
        told = f"{len(shown)} of {len(segments)} segments, largest losses first."
    told += " p: one-sided, after Holm. Few: below 30 samples, not tested."
    table.caption = plain(told)
    table.caption_justify = "left"
    return table


def probes_table(probes: Sequence[ProbeFinding]) -> Table:
    """What was asked beside the task, before and after tuning; every figure with its unit."""
    headers = ("Probe", "n", "Before", "After", "Allowed", "p", "Worse")
    table = make_table(*headers, right=(1, 2, 3, 4, 5))
    table.padding = (0, 1, 0, 0)
    for column in table.columns[1:6]:
        column.no_wrap = True
    table.columns[6].width = WIDEST_ANSWER
    for one in probes:
        table.add_row(
            plain(probe_title(one), 60),
            f"{one.n:,}",
            probe_value(one, one.before),
            probe_value(one, one.after),
            allowed_text(one),
            "-" if one.p_value is None else p_text(one.p_value),
            _worse(one),
        )
    nats = f" {NATS}" if any(one.unit in SHORT_UNITS for one in probes) else ""
    told = "Worse: by more than the allowed change and beyond chance. p: two-sided, after Holm."
    table.caption = plain(f"{told}{nats}")
    table.caption_justify = "left"
    return table


def probe_notes(probes: Sequence[ProbeFinding]) -> list[str]:
    """What is to be known of single probes, a line for each that has something."""
    return [f"{probe_title(one)}: {safe_text(one.note, 300)}" for one in probes if one.note]


def how_sure(verification: Verification) -> list[str]:
    """What would decide, what each family of tests may err at, and what the user lets pass."""
    told = []
    if verification.more_items is not None:
        told.append(
            f"About {verification.more_items:,} more test samples would decide it in 4 of 5 cases,"
            " if the difference stays as it is."
        )
    told += filter(
        None, [guesses_sentence(verification.guesses), alarm_sentence(verification.error_rates)]
    )
    if (
        verification.verdict != "keep" and not verification.shows_forgetting
    ):  # there it is warned of
        told.append(UNASKED)
    if verification.tolerated:
        told.append(f"Worse segments and probes are tolerated: {verification.tolerated}")
    return told


def _worse(found: Segment | ProbeFinding) -> Text:
    return styled(worse_word(found), "bold red" if found.is_worse else "dim")
