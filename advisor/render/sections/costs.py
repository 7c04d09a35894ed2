"""What the run has cost so far, and when tuning pays back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.blocks import Bullets, Heading, Section, Table, Text
from advisor.render.grid import Grid, usd_text
from advisor.render.money_grids import break_even_grid, serving_grid
from advisor.render.safe import UNKNOWN, words
from advisor.units import short_count, short_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.render.blocks import Block
    from advisor.schema.estimate import Option
    from advisor.schema.report import AnswerCost, CostLine, Payback, Report
    from advisor.schema.spending import Serving

SECONDS_PER_HOUR = 3600
NONE = "-"


def costs(report: Report) -> Section | None:
    """Parts with what is known of each, their sum, and break-even as measured and as estimated."""
    if not report.costs:
        return None
    return Section("Cost so far and break-even", tuple(_blocks(report)))


def _blocks(report: Report) -> Iterator[Block]:
    yield Table(costs_grid(report), "What the run has cost so far")
    unknown = [line for line in report.costs if line.usd is None]
    if unknown:
        yield Text(
            f"The sum leaves out {len(unknown)} of {len(report.costs)} parts: unknown.",
            is_quiet=True,
        )
    yield Heading("Break-even")
    if report.payback is None:
        yield Text("Break-even as measured: unknown, for no tuned model was verified.")
    else:
        yield from _payback(report.payback)
    yield from _estimated(report)


def costs_grid(report: Report) -> Grid:
    """One row for each part, and the sum of what is known."""
    rows = [
        (
            line.what,
            usd_text(line.usd),
            _hours(line),
            UNKNOWN if line.tokens is None else short_count(line.tokens),
            line.because or f"{line.provenance.kind}: {line.provenance.source}",
        )
        for line in report.costs
    ]
    rows.append(("sum of what is known", usd_text(report.known_usd), "", "", ""))
    return Grid(("Part", "Cost", "Time", "Tokens", "From, or why unknown"), tuple(rows), (1, 2, 3))


def _hours(line: CostLine) -> str:
    return UNKNOWN if line.hours is None else short_duration(line.hours * SECONDS_PER_HOUR)


def _payback(found: Payback) -> Iterator[Block]:
    yield Table(answers_grid((found.prompted, found.tuned)), "A thousand answers, as measured")
    yield Text(f"Answers until tuning pays back, as measured: {_answers(found)}. {found.because}")
    yield Bullets(tuple(f"Assumed: {line}" for line in found.assumed))


def _answers(found: Payback) -> str:
    if found.answers is not None:
        return f"{found.answers:,.0f}"
    return "never" if found.never else UNKNOWN


def answers_grid(found: tuple[AnswerCost, ...]) -> Grid:
    """Prompted beside tuned: tokens of an answer and dollars for a thousand."""
    rows = tuple(
        (
            words(cost.system),
            f"{cost.prompt_tokens:,.0f}+{cost.completion_tokens:,.0f}",
            usd_text(cost.usd_per_thousand),
            cost.because,
        )
        for cost in found
    )
    headers = ("System", "Tokens", "1,000 answers", "From, or why unknown")
    return Grid(headers, rows, right=(1, 2))


def _estimated(report: Report) -> Iterator[Block]:
    """The estimate's break-even for what was trained."""
    found = report.estimate
    if found is None:
        return
    if not found.break_even:
        because = _why_not(report)
        yield Text(f"Break-even as estimated, in calls a month: unknown. {because}")
        return
    ways = tuple(_ways(report))
    if ways:
        yield Table(serving_grid(ways), "A thousand answers, as estimated")
    yield Table(break_even_grid(found.break_even), "Break-even as estimated, in calls a month")
    assumed = dict.fromkeys(line for item in found.break_even for line in item.assumed)
    if assumed:
        yield Bullets(tuple(f"Assumed: {line}" for line in assumed))


def _ways(report: Report) -> Iterator[Serving]:
    """How the model that was trained would answer, then the untuned ways."""
    option = _trained_option(report)
    if option is not None and option.serving is not None:
        yield option.serving
    others = report.estimate.serving if report.estimate else ()
    yield from (way for way in others if way.approach != "fine_tuning")


def _why_not(report: Report) -> str:
    option = _trained_option(report)
    shares = option.spending.shares if option and option.spending else ()
    told = next((s.because for s in shares if s.name == "serving" and s.because), "")
    return told or "The estimate knows no price to serve the model at."


def _trained_option(report: Report) -> Option | None:
    """The option by which was trained, or the recommended one."""
    found = report.estimate
    if found is None or found.recommended is None:
        return None
    option = found.options[found.recommended]
    if report.training is None or option.method == report.training.method:
        return option
    return next((o for o in found.options if o.method == report.training.method), option)
