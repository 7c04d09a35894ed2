"""Measured scores on a terminal: baselines side by side, and whether tuning helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.diagnosis import show_failures
from advisor.render.grid import p_text
from advisor.render.measured_grids import NOT_PRICED, is_priced
from advisor.render.measured_words import (
    also_grid,
    measured_remarks,
    shown_comparisons,
    stopped_sentence,
)
from advisor.render.proof_words import outside_sentences
from advisor.render.regression_words import change_ends
from advisor.render.report import scores_table
from advisor.render.safe import signed
from advisor.render.terminal import (
    BAD,
    UNKNOWN,
    amount,
    make_panel,
    make_table,
    only_ascii,
    percent,
    plain,
    show_warnings,
    styled,
    tick,
    verdict_style,
    words,
)
from advisor.render.verification import how_sure, probe_notes, probes_table, segments_table
from advisor.units import short_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from advisor.schema.baseline import Baselines
    from advisor.schema.evaluation import Comparison, Evaluation
    from advisor.schema.verify import EstimateCheck, Verification

MEANING = {
    "keep": "Keep the tuned model",
    "discard": "Discard the tuned model",
    "inconclusive": "Not enough to tell",
}


def show_baselines(console: Console, baselines: Baselines) -> None:
    """Scores with intervals, what they took, how they compare, and which is best."""
    ascii_only = only_ascii(console)
    console.print(scores_table(baselines.evaluations, baselines.target, ascii_only=ascii_only))
    console.print(_effort_table(baselines.evaluations))
    pairs = shown_comparisons(baselines)
    if pairs:
        console.print(comparisons_table(pairs, ascii_only=ascii_only))
    best = next(e for e in baselines.evaluations if e.builder == baselines.best)
    line = styled("Best: ", "bold").append_text(
        plain(f"{words(best.builder)} with {percent(best.value)}", style="not bold")
    )
    console.print(line)
    show_failures(console, baselines)
    if any(found.also for found in baselines.evaluations):
        console.print(_also_table(baselines.evaluations))
    for sentence in measured_remarks(baselines):
        console.print(plain(sentence, style="dim"))
    show_warnings(console, baselines.warnings)


def _also_table(evaluations: Sequence[Evaluation]) -> Table:
    grid = also_grid(evaluations)
    table = make_table(*grid.headers, right=grid.right)
    for row in grid.rows:
        table.add_row(*(plain(cell) for cell in row))
    return table


def show_verification(console: Console, verification: Verification) -> None:
    """The verdict with its reason, comparisons, segments, probes, and the estimate's test."""
    ascii_only = only_ascii(console)
    style = verdict_style(verification.verdict)
    body = styled(MEANING[verification.verdict], style)
    body.append_text(styled("\n")).append_text(plain(verification.because))
    console.print(make_panel(body, title="Verification", style=style))
    console.print(scores_table([verification.tuned], verification.target, ascii_only=ascii_only))
    console.print(comparisons_table(verification.comparisons, ascii_only=ascii_only))
    if verification.target is not None:
        mark = tick(verification.target_met, ascii_only=ascii_only)
        console.print(mark.append(f" target {percent(verification.target)}", style="default"))
    if verification.tuned.stopping is not None:
        console.print(plain(stopped_sentence(verification.tuned)))
    if verification.segments:
        console.print(segments_table(verification.segments))
    if verification.probes:
        console.print(probes_table(verification.probes))
        for line in probe_notes(verification.probes):
            console.print(plain(line, style="dim"))
    if verification.regressions:
        console.print(_regressions_table(verification))
    for sentence in how_sure(verification):
        console.print(plain(sentence))
    if verification.estimate_vs_measured:
        console.print(_checks_table(verification.estimate_vs_measured, ascii_only=ascii_only))
        for line in outside_sentences(verification.estimate_vs_measured):
            console.print(plain(line))
    show_warnings(console, verification.warnings)


def comparisons_table(comparisons: Sequence[Comparison], *, ascii_only: bool) -> Table:
    """One row per pair: how far the second lies above the first, and whether chance explains it."""
    level = percent(comparisons[0].interval.level, 0)
    headers = ("Compared", "Points", f"{level} interval", "p", "Beyond chance")
    table = make_table(*headers, right=(1, 2, 3))
    for found in comparisons:
        arrow = "-" if ascii_only else "−"  # noqa: RUF001 - a minus sign
        low, high = found.interval.low, found.interval.high
        is_clear = (low > 0 or high < 0) and found.p_value <= 1 - found.interval.level
        table.add_row(
            plain(f"{words(found.b)} {arrow} {words(found.a)}", 26),
            signed(100 * found.difference),
            f"{signed(100 * low)} to {signed(100 * high)}",
            p_text(found.p_value),
            styled("yes", "bold") if is_clear else styled("no", "dim"),
        )
    table.caption = plain(f"{comparisons[0].test}, n = {comparisons[0].n}, p after Holm")
    table.caption_justify = "left"
    return table


def _effort_table(evaluations: Sequence[Evaluation]) -> Table:
    headers = ("System", "Tokens in", "Tokens out", "USD", "ms p50", "ms p95", "No answer")
    table = make_table(*headers, right=(1, 2, 3, 4, 5, 6))
    for found in evaluations:
        usage = found.usage
        table.add_row(
            plain(words(found.builder), 16),
            short_count(usage.prompt_tokens),
            short_count(usage.completion_tokens),
            UNKNOWN if usage.usd is None else f"{usage.usd:.2f}",
            _milliseconds(found.latency_ms.p50),
            _milliseconds(found.latency_ms.p95),
            f"{found.failures} of {found.n}",
        )
    return table


def _milliseconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _regressions_table(verification: Verification) -> Table:
    table = make_table("Worse than before", "Before", "After", "Vetoes", right=(1, 2))
    for found in verification.regressions:
        before, after = change_ends(found, verification.probes)
        vetoes = styled("yes", BAD) if found.vetoes else styled("no", "dim")
        table.add_row(plain(found.what, 80), plain(before), plain(after), vetoes)
    return table


def _checks_table(checks: Sequence[EstimateCheck], *, ascii_only: bool) -> Table:
    headers = ("Estimate against measured", "Estimated", "Range", "Measured", "")
    table = make_table(*headers, right=(1, 2, 3))
    for found in checks:
        name = plain(f"{found.quantity} ({found.unit})", 26)
        if found.measured is not None and not is_priced(found):
            table.add_row(name, "", plain(NOT_PRICED), "", tick(None, ascii_only=ascii_only))
            continue
        table.add_row(
            name,
            _figure(found.estimated_likely),
            _range(found),
            _figure(found.measured),
            tick(found.inside, ascii_only=ascii_only),
        )
    return table


def _range(found: EstimateCheck) -> str:
    if found.estimated_low is None or found.estimated_high is None:
        return UNKNOWN
    return f"{_figure(found.estimated_low)} to {_figure(found.estimated_high)}"


def _figure(value: float | None) -> str:
    """Three digits after the point below 1, so that a minute of training is not 0.02 hours."""
    return amount(value, digits=2 if value is None or value >= 1 else 3)
