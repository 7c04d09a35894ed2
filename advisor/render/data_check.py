"""A check of a data file as tables."""

from __future__ import annotations

from rich.console import Console

from advisor.render.terminal import make_table, percent, plain, styled
from advisor.schema.dataset import DataCheck, Problem, Severity, TokenLengths

STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "note": "dim"}
ROWS_SHOWN = 8


def show_data_check(console: Console, check: DataCheck) -> None:
    """The file's facts, its lengths and every problem with its rows."""
    _show_facts(console, check)
    if check.token_lengths:
        _show_lengths(console, check.token_lengths)
    for note in check.notes:
        console.print(plain(note, style="dim"))
    if not check.problems:
        console.print(styled("No problem found.", "green"))
    for problem in check.problems:
        _show_problem(console, problem)


def _show_facts(console: Console, check: DataCheck) -> None:
    table = make_table("Data", "")
    table.add_row("file", plain(check.path))
    table.add_row("format", plain(check.format))
    table.add_row("usable rows", f"{check.usable_rows} of {check.rows}")
    table.add_row("splits in the file", _counts(check.splits.given))
    used = check.splits.used
    table.add_row("splits as used", _counts(used) if used else "no test split possible")
    repeats, leakage = check.duplicates, check.leakage
    table.add_row(
        "repeated inputs", f"{repeats.rows} of {check.usable_rows} rows ({percent(repeats.share)})"
    )
    table.add_row("contradictions", f"{check.contradictions.inputs} inputs")
    leaks = f"{leakage.leaked_rows} of {leakage.test_rows} test rows"
    table.add_row("leakage", leaks if leakage.test_rows else "no test rows in the file")
    console.print(table)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _show_lengths(console: Console, lengths: TokenLengths) -> None:
    heading = f"Tokens per row, estimated as {lengths.estimated_from}"
    headers = ("", "smallest", "median", "95 %", "largest")
    table = make_table(*headers, right=(1, 2, 3, 4), title=heading)
    for name, spread in (
        ("input", lengths.input),
        ("target", lengths.target),
        ("whole row", lengths.total),
    ):
        counts = (spread.smallest, spread.p50, spread.p95, spread.largest)
        table.add_row(name, *map(str, counts))
    console.print(table)


def _show_problem(console: Console, problem: Problem) -> None:
    title = styled(f"{problem.severity} ", STYLES[problem.severity])
    console.print(title.append_text(plain(f"{problem.code}: {problem.message}")))
    if problem.rows:
        shown = ", ".join(map(str, problem.rows[:ROWS_SHOWN]))
        more = len(problem.rows) - ROWS_SHOWN
        console.print(styled(f"  line {shown}" + (f" and {more} more" if more > 0 else ""), "dim"))
    if problem.hint:
        console.print(styled("  ").append_text(plain(problem.hint)))
