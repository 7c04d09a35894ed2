"""A check of a data file on the terminal: facts, bars, and every problem with its rows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from advisor.render import data_check_grids as grids
from advisor.render.terminal import (
    bar,
    grid_table,
    in_letters,
    only_ascii,
    plain,
    safe_text,
    show_facts,
    styled,
)
from advisor.schema.dataset import DataCheck, Problem, Severity

STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "note": "dim"}
ROWS_SHOWN = 8
ROWS_IN_TABLE = 3
FEW_PROBLEMS = 3
"""Up to so many need no table: each is told in full below."""
NARROW = 60
WIDEST_BAR = 40


def show_data_check(console: Console, check: DataCheck) -> None:
    """What was recognised, lengths and labels as bars, usefulness, and every problem."""
    console.print(styled("Data", "bold"))
    show_facts(console, grids.facts(check))
    _show_lengths(console, check)
    for histogram in check.histograms:
        bins = list(zip(grids.bin_names(histogram), histogram.counts, strict=True))
        _show_bars(console, grids.histogram_title(histogram), bins)
    _show_bars(console, grids.label_title(check), grids.label_counts(check))
    _show_usefulness(console, check)
    for note in check.notes:
        console.print(plain(note, style="dim"))
    _show_problems(console, check)


def _show_lengths(console: Console, check: DataCheck) -> None:
    if check.token_lengths is None:
        return
    console.print()
    console.print(plain(grids.lengths_title(check), style="bold"))
    console.print(grid_table(console, grids.lengths_grid(check)))


def _show_bars(console: Console, title: str, counts: Sequence[tuple[str, int]]) -> None:
    """A bar for each count, the longest for the largest; nothing where nothing was counted."""
    most = max((count for _, count in counts), default=0)
    if most == 0:
        return
    ascii_only = only_ascii(console)
    limit = max(console.width // 3, 8)
    names = [in_letters(safe_text(name, limit), ascii_only=ascii_only) for name, _ in counts]
    left = max(map(len, names))
    right = max(len(f"{count:,}") for _, count in counts)
    width = max(min(console.width - left - right - 2, WIDEST_BAR), 4)
    console.print(plain(title, style="bold"))
    for name, (_, count) in zip(names, counts, strict=True):
        drawn = bar(count / most, width, ascii_only=ascii_only)
        line = styled(f"{name.rjust(left)} ").append(drawn, style="cyan")
        console.print(line.append(f" {count:,}".rjust(right + 1)), overflow="crop")
    console.print()


def _show_usefulness(console: Console, check: DataCheck) -> None:
    if check.usefulness is None:
        return
    console.print(styled(grids.usefulness_words(check), "bold"))
    lost = [f"{cause} {count}" for cause, count in grids.usefulness_grid(check).rows]
    if lost:
        console.print(plain(f"Lost: {', '.join(lost)}."))


def _show_problems(console: Console, check: DataCheck) -> None:
    if not check.problems:
        console.print(styled(grids.headline(check), "green"))
        return
    console.print()
    console.print(styled(f"Problems: {grids.headline(check)}", "bold"))
    if len(check.problems) > FEW_PROBLEMS and console.width >= NARROW:
        grid = grids.problems_grid(check, ROWS_IN_TABLE)
        console.print(grid_table(console, grid, fixed=(0, 1, 2)))
    for problem in check.problems:
        _show_problem(console, problem, check.numbered)
    console.print()
    console.print(plain(grids.onward(check)))


def _show_problem(console: Console, problem: Problem, numbered: str) -> None:
    title = styled(f"{problem.severity} ", STYLES[problem.severity])
    console.print(title.append_text(plain(f"{problem.code}: {problem.message}")))
    if problem.rows:
        where = plain(f"{numbered} {grids.places(problem, ROWS_SHOWN)}", style="dim")
        console.print(styled("  ").append_text(where))
    if problem.hint:
        console.print(styled("  ").append_text(plain(problem.hint)))
