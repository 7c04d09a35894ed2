"""A check of a data file as one HTML page that needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render import data_check_grids as grids
from advisor.render.charts_counts import counts_chart, histogram_chart
from advisor.render.grid import Grid
from advisor.render.html_page import page
from advisor.render.html_parts import (
    bullets,
    details,
    element,
    esc,
    figure,
    prose,
    section,
    table,
    wrap,
)
from advisor.render.safe import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.schema.dataset import DataCheck, Problem

ROWS_IN_TABLE = 8
ROWS_IN_FULL = 500
"""A page that lists more line numbers is read by nobody; the JSON document holds them."""
_TONES = {"error": "bad", "warning": "careful", "note": "good"}


def to_html(check: DataCheck) -> str:
    """The whole check; light or dark as the system is, readable on a phone and on paper."""
    header, *parts = (part for part in _sections(check) if part)
    return page(f"Data check: {safe_text(check.path, 120)}", header, "\n".join(parts))


def _sections(check: DataCheck) -> Iterator[str]:
    yield _header(check)
    yield section(
        "Problems",
        table(grids.problems_grid(check, ROWS_IN_TABLE)),
        *(_problem(problem, check.numbered) for problem in check.problems),
        element("p", grids.onward(check)) if check.problems else "",
    )
    yield section("What was recognised", table(Grid(("Fact", ""), tuple(grids.facts(check)))))
    yield section(
        "Lengths",
        table(grids.lengths_grid(check), grids.lengths_title(check)),
        *(figure(grids.histogram_title(h), histogram_chart(h)) for h in check.histograms),
    )
    named = grids.label_title(check)
    yield section("Labels", figure(named, counts_chart(named, grids.label_counts(check))))
    yield section("Usefulness", _useful(check))
    yield section("Notes", bullets(prose(note) for note in check.notes))


def _header(check: DataCheck) -> str:
    gravest = check.problems[0].severity if check.problems else "note"
    inner = (
        element("h1", f"Data check of {safe_text(check.path, 200)}"),
        element("p", grids.headline(check), "headline"),
        element("p", f"{check.usable_rows:,} of {check.rows:,} rows are usable."),
    )
    return wrap("header", inner, f"verdict {_TONES[gravest]}")


def _problem(problem: Problem, numbered: str) -> str:
    """What is wrong, how to mend it, and every listed line: on demand where they are many."""
    return "".join((
        element("h3", f"{problem.code} ({problem.severity})"),
        f"<p>{prose(problem.message)}</p>",
        f"<p>{prose(problem.hint)}</p>" if problem.hint else "",
        _lines(problem, numbered),
    ))  # fmt: skip


def _lines(problem: Problem, numbered: str) -> str:
    count = grids.row_count(problem)
    shown = esc(grids.places(problem, ROWS_IN_FULL))
    if not problem.rows:
        return ""
    if count <= ROWS_IN_TABLE:
        return f'<p class="quiet">{numbered.capitalize()} {shown}</p>'
    return details(f"{count:,} {numbered}s", f"<p>{shown}</p>")


def _useful(check: DataCheck) -> str:
    words = grids.usefulness_words(check)
    lost = table(grids.usefulness_grid(check), "Each row counts once, under its gravest cause")
    return element("p", words) + lost if words else ""
