"""Where every number comes from, and how to get it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.blocks import Code, Links, Section, Table, Text
from advisor.render.grid import Grid
from advisor.render.measured_grids import made_with_grid, reproduce_commands
from advisor.render.safe import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.render.blocks import Block
    from advisor.schema.report import Report
    from advisor.schema.rule import Source

KINDS = {
    "measured": "measured",
    "computed": "computed",
    "table": "from a table",
    "assumed": "assumed or told",
}


def provenance(report: Report) -> Section:
    """Kinds of figures with their origin, and the publications they cite."""
    return Section("Provenance", tuple(_blocks(report)))


def _blocks(report: Report) -> Iterator[Block]:
    if report.figures:
        yield Table(figures_grid(report), "Where every number comes from")
    if report.sources:
        yield Text("Sources that reasons and numbers cite:")
        yield Links(tuple(_source(source) for source in report.sources))


def figures_grid(report: Report) -> Grid:
    """Each kind of figure: how it is known, from where, and of which day."""
    rows = tuple(
        (
            each.figure,
            KINDS[each.provenance.kind],
            "; ".join(part for part in (each.provenance.source, each.provenance.note) if part)
            or UNKNOWN,
            each.provenance.as_of or "-",
        )
        for each in report.figures
    )
    return Grid(("Figure", "How it is known", "From", "Day"), rows, right=(3,))


def _source(source: Source) -> tuple[str, str, str]:
    told = [f"`{source.id}`"]
    if source.published:
        told.append(f"published {source.published}")
    if source.accessed:
        told.append(f"read {source.accessed}")
    return source.title, source.url, ", ".join(told)


def reproduce(report: Report) -> Section:
    """Versions, digests, seeds and commands."""
    return Section(
        "How to reproduce",
        (
            Text("With these versions, on data and model of these digests:"),
            Table(made_with_grid(report), "Made with"),
            Text("From the folder of this run; the last command makes everything anew elsewhere:"),
            Code(reproduce_commands(report), "bash"),
        ),
    )
