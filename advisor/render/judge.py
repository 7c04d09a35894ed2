"""A judge against people, on the terminal: the sentence first, then figures and where they part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Console

from advisor.render.grid import Grid, usd_text
from advisor.render.terminal import (
    BAD,
    CAREFUL,
    GOOD,
    UNKNOWN,
    grid_table,
    percent,
    plain,
    show_facts,
    styled,
)
from advisor.schema.judge import Estimated, JudgeTrial

STYLES = {"yes": GOOD, "no": BAD, "unknown": CAREFUL}
LINES_SHOWN = 8


def show_trial(console: Console, trial: JudgeTrial) -> None:
    """The sentence, the figures with their intervals, the table of verdicts and the cost."""
    console.print(styled(trial.sentence, STYLES[trial.trusted]))
    rows = tuple(_figures(trial))
    headers = ("", "value", "90 % interval", "rows")
    console.print(grid_table(console, Grid(headers, rows, right=(1, 2, 3))))
    if trial.crossings:
        cells = tuple((c.human, c.judge, str(c.count)) for c in trial.crossings)
        console.print(grid_table(console, Grid(("people", "judge", "rows"), cells, right=(2,))))
    show_facts(console, _facts(trial))
    for note in trial.notes:
        console.print(plain(note, style="dim"))
    console.print(plain(trial.rule, style="dim"))


def _figures(trial: JudgeTrial) -> Iterator[tuple[str, str, str, str]]:
    yield _shares("agreement", trial.agreement)
    yield _kappas("kappa", trial.kappa)
    if trial.weighted_kappa:
        yield _kappas("weighted kappa", trial.weighted_kappa)
    if trial.sensitivity:
        yield _shares("good called good", trial.sensitivity)
    if trial.specificity:
        yield _shares("bad called bad", trial.specificity)
    if trial.consistency:
        yield _shares("same in both orders", trial.consistency)
    if trial.prefers_first:
        yield _shares("first one preferred", trial.prefers_first)
    if trial.prefers_longer and trial.people_prefer_longer:
        yield _shares("longer one preferred", trial.prefers_longer)
        yield _shares("... by people", trial.people_prefer_longer)
    if trial.corrected:
        judged = percent(trial.corrected.judged)
        n = str(trial.corrected.corrected.n)
        yield "good by the judge", judged, "", n
        yield _shares("good, corrected", trial.corrected.corrected)


def _shares(name: str, figure: Estimated) -> tuple[str, str, str, str]:
    return (name, percent(figure.value), _between(figure, percent), str(figure.n))


def _kappas(name: str, figure: Estimated) -> tuple[str, str, str, str]:
    value = UNKNOWN if figure.value is None else f"{figure.value:.2f}"
    return (name, value, _between(figure, lambda x: f"{x:.2f}"), str(figure.n))


def _between(figure: Estimated, written: Callable[[float], str]) -> str:
    if figure.interval is None:
        return ""
    return f"{written(figure.interval.low)} to {written(figure.interval.high)}"


def _facts(trial: JudgeTrial) -> Iterator[tuple[str, str]]:
    yield "Judge", f"{trial.judge_model} ({trial.judge_backend})"
    yield "Rows", f"{trial.rows}, of which {trial.compared} compared"
    yield "Unreadable", str(trial.unreadable)
    apart = [row.line for row in trial.verdicts if row.human and row.judge not in ("", row.human)]
    if apart:
        more = " ..." if len(apart) > LINES_SHOWN else ""
        yield "Judged otherwise", f"line {', '.join(map(str, apart[:LINES_SHOWN]))}{more}"
    yield "Calls", f"{trial.bill.calls}, {trial.bill.calls_cached} more from the cache"
    yield "Spent", usd_text(trial.bill.spent_usd)
