"""The summary of a run on a terminal, and the closing table of the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from advisor.render.diagnosis_grids import NO_MODEL
from advisor.render.gate import criteria_table, show_advice
from advisor.render.measured_grids import evaluations_of, target_of
from advisor.render.probe_words import probe_words
from advisor.render.regression_words import segment_words, worse_words
from advisor.render.terminal import (
    BAD,
    CAREFUL,
    GOOD,
    interval_bar,
    labelled,
    make_panel,
    make_table,
    only_ascii,
    percent,
    percent_range,
    plain,
    safe_text,
    show_warnings,
    styled,
    verdict_style,
    words,
)
from advisor.render.training_words import brief

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from advisor.schema.evaluation import Evaluation
    from advisor.schema.report import Report
    from advisor.schema.verify import Verification

SCALE_WIDTH = 26
NAME_WIDTH = 21
NOT_DONE = "-"
DEMO_BUILDERS = ("zero_shot", "few_shot", "rag")
DEMO_NOTE = (
    "Measured with the embedded model, a demonstrator of a few million parameters: "
    "its prompted scores do not predict those of a real model."
)


def show_report(console: Console, report: Report, *, has_remarks: bool = True) -> None:
    """Verdict, scores with their intervals and the target, criteria, warnings, next step."""
    ascii_only = only_ascii(console)
    style = verdict_style(_verdict(report))
    console.print(make_panel(plain(report.headline), title=report.name, style=style))
    evaluations = evaluations_of(report)
    if evaluations:
        console.print(scores_table(evaluations, target_of(report), ascii_only=ascii_only))
    if report.verification is not None:
        show_worse(console, report.verification)
    if report.gate is not None:
        console.print(criteria_table(report.gate, ascii_only=ascii_only))
    notes: Sequence[str] = ()
    if report.training is not None:
        console.print(labelled("Training", brief(report.training)))
        notes = report.training.notes
    if has_remarks:
        show_warnings(console, (*report.warnings, *notes))
    decision = report.gate.decision if report.gate else report.decision
    if report.verification is None or report.verification.verdict == "keep":
        show_advice(console, decision, report.recommended)
    console.print(labelled("Next", report.next_step))
    console.print(labelled("Report", f"{report.run_dir}/report.html"))


def show_worse(console: Console, found: Verification) -> None:
    """Parts of the samples and probes that got worse, a line each, and what was not measured."""
    lines = [segment_words(segment) for segment in found.segments if segment.is_worse]
    lines += [probe_words(probe) for probe in found.probes if probe.is_worse]
    others = (r for r in found.regressions if r.kind not in ("segment", "probe"))
    lines += [worse_words(regression, found.probes) for regression in others]
    vetoes = any(regression.vetoes for regression in found.regressions)
    for line in lines:
        told = styled("Worse: ", BAD if vetoes else CAREFUL)
        console.print(told.append_text(plain(line)))
    unknown = [p for p in found.probes if p.worse_by is None or p.nothing_to_lose]
    for probe in unknown:
        reason = probe.note or "not measured"
        console.print(plain(f"Unknown: {safe_text(probe.probe)}, {reason}", style="dim"))
    if lines and found.tolerated:
        console.print(labelled("Tolerated", found.tolerated))


def _verdict(report: Report) -> str | None:
    if report.verification is not None:
        return report.verification.verdict
    return report.gate.verdict if report.gate is not None else None


def scores_table(
    evaluations: Sequence[Evaluation], target: float | None, *, ascii_only: bool
) -> Table:
    """One row per system: score, interval, and both on a scale with the target line."""
    level = evaluations[0].interval.level
    scale = "0 % to 100 %" if target is None else f"target {percent(target)}"
    headers = ("System", "Score", f"{percent(level, 0)} interval", scale)
    table = make_table(*headers, right=(1, 2))
    for evaluation in evaluations:
        low, high = evaluation.interval.low, evaluation.interval.high
        scale_bar = interval_bar(
            low, evaluation.value, high, SCALE_WIDTH, target, ascii_only=ascii_only
        )
        table.add_row(
            plain(_marked(evaluation), NAME_WIDTH),
            percent(evaluation.value),
            percent_range(low, high),
            scale_bar,
        )
    samples = sorted({evaluation.n for evaluation in evaluations})
    told = f"{evaluations[0].metric}, n = {', '.join(map(str, samples))}"
    if not all(evaluation.asks_model for evaluation in evaluations):
        told += f"; * {NO_MODEL}"
    table.caption = plain(told)
    table.caption_justify = "left"
    return table


def _marked(evaluation: Evaluation) -> str:
    """The name, with a star where no language model was asked."""
    name = words(evaluation.builder)
    return name if evaluation.asks_model else f"{safe_text(name, NAME_WIDTH - 1)}*"


def show_demo(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """One row per bundled task: its scores, the verdicts, the approach recommended, the time.

    Rows are those of the demo's JSON document; a `target` in any of them gets a column.
    """
    with_target = any(row.get("target") is not None for row in rows)
    goal = ("\nTarget",) if with_target else ()
    others = [_best_other(row) for row in rows]
    more = ("Best\nother",) if any(others) else ()
    scores = (*goal, "Zero-\nshot", "Few-\nshot", "\nRAG", *more, "\nTuned")
    headers = ("\nTask", *scores, "\nGate", "\nVerified", "\nRecommended", "\nTime")
    right = (*range(1, 1 + len(scores)), len(headers) - 1)
    table = make_table(*headers, right=right, title="Bundled tasks, scores in %")
    table.padding = (0, 1, 0, 0)
    for column in table.columns[:-2]:
        column.no_wrap = True
    table.columns[-2].min_width = len("Recommended")
    for row in rows:
        target = (_score(row.get("target"), ""),) if with_target else ()
        table.add_row(*_demo_row(row, target, narrow=with_target, with_others=bool(more)))
    console.print(table)
    told = [f"{row['task']}: {words(name)}" for row, name in zip(rows, others, strict=True) if name]
    if told:
        console.print(plain(f"Best other system: {'; '.join(told)}.", style="dim"))
    console.print(styled(DEMO_NOTE, "dim"))


def _demo_row(
    row: Mapping[str, Any], target: tuple[Text, ...], *, narrow: bool, with_others: bool
) -> tuple[Text, ...]:
    baselines: Mapping[str, float | None] = row.get("baselines") or {}
    other = [baselines.get(_best_other(row))] if with_others else []
    shown = [*(baselines.get(builder) for builder in DEMO_BUILDERS), *other, row.get("tuned")]
    best = max((score for score in shown if score is not None), default=None)
    gate, verified, seconds = row.get("gate"), row.get("verification"), row.get("seconds")
    return (
        plain(row.get("task", ""), 12, "bold"),
        *target,
        *(_score(score, GOOD if score == best else "") for score in shown),
        plain(gate or "unknown", 7, verdict_style(gate)),
        _verified(verified, narrow=narrow),
        plain(words(row.get("recommended")), 18),
        plain("unknown" if seconds is None else f"{seconds:.0f} s"),
    )


def _best_other(row: Mapping[str, Any]) -> str:
    """The best system without a column of its own; empty where there is none."""
    scores = {n: v for n, v in (row.get("baselines") or {}).items() if v is not None}
    others = [name for name in scores if name not in DEMO_BUILDERS]
    return max(others, key=lambda name: scores[name], default="")


def _verified(verdict: str | None, *, narrow: bool) -> Text:
    """The verdict of the verification; the one long word is broken where columns are many."""
    if verdict is None:
        return styled(NOT_DONE, "dim")
    word = safe_text(verdict, 12)
    shown = "incon-\nclusive" if narrow and word == "inconclusive" else word
    return styled(shown, verdict_style(verdict))


def _score(score: float | None, style: str) -> Text:
    """A score in percent, at most five cells; a dash where the system was not measured."""
    return styled(NOT_DONE, "dim") if score is None else styled(f"{100 * score:.1f}", style)
