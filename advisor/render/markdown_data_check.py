"""A check of a data file as Markdown, for a pull request or a data card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render import data_check_grids as grids
from advisor.render.grid import Grid
from advisor.render.markdown_parts import code, escape, paragraph, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.schema.dataset import DataCheck

ROWS_IN_TABLE = 8


def to_markdown(check: DataCheck) -> str:
    """The whole check without its charts."""
    return "\n".join(_lines(check)).rstrip() + "\n"


def _lines(check: DataCheck) -> Iterator[str]:
    yield from (f"# Data check of {escape(check.path)}", "", paragraph(grids.headline(check)), "")
    yield from table(grids.problems_grid(check, ROWS_IN_TABLE))
    for problem in check.problems:
        yield f"- {code(problem.code)}: {prose(problem.message)} {prose(problem.hint)}".rstrip()
    yield ""
    yield from table(Grid(("Fact", ""), tuple(grids.facts(check))))
    yield from table(grids.lengths_grid(check))
    if check.usefulness is not None:
        yield from (paragraph(grids.usefulness_words(check)), "")
        yield from table(grids.usefulness_grid(check))
