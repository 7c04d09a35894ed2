"""The data in figures: rows, parts, repeats, leaks, contradictions and the gravest problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.blocks import Section, Table, Text
from advisor.render.grid import Grid
from advisor.render.safe import UNKNOWN, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from advisor.render.blocks import Block
    from advisor.schema.report import DataSummary, Report


def data(report: Report) -> Section | None:
    """What was found in the data; nothing for a run without data."""
    found = report.data
    return None if found is None else Section("Data", tuple(_blocks(found)))


def _blocks(found: DataSummary) -> Iterator[Block]:
    if found.unchecked:
        yield Text(f"The rows were not checked: {found.unchecked}")
    yield Table(data_grid(found), "What the data holds")
    if found.problems:
        yield Table(problems_grid(found), "Problems, gravest first")
    elif found.problems is not None:
        yield Text("The check of the rows found no problem.")
    if found.problems_left_out:
        yield Text(f"{found.problems_left_out} more: `advisor data check` lists them all.")


def data_grid(found: DataSummary) -> Grid:
    """Counts; what nobody looked for is unknown."""
    parts = ", ".join(f"{part} {count:,}" for part, count in found.splits.items())
    kept = f" (kept together by {found.split_by})" if found.split_by else ""
    rows = (
        ("file", found.name),
        ("format", found.format or UNKNOWN),
        ("usable rows", _usable(found)),
        ("samples of each part", f"{parts}{kept}" if parts else UNKNOWN),
        ("repeated inputs", _repeats(found)),
        ("nearly repeated inputs", _count(found.near_duplicate_rows)),
        ("test samples also in train", _count(found.leaked_samples)),
        ("test samples nearly in train", _count(found.near_leaked_samples)),
        ("equal inputs with different targets", _count(found.contradictions)),
        ("usefulness", _useful(found)),
        ("rows checked on", found.checked_on or UNKNOWN),
    )
    return Grid(("Data", "Found"), rows)


def problems_grid(found: DataSummary) -> Grid:
    """Kinds of faults with their rows."""
    rows = tuple(
        (p.severity, p.code.replace("_", " "), "" if p.rows is None else f"{p.rows:,}", p.message)
        for p in found.problems or ()
    )
    return Grid(("Severity", "Problem", "Rows", "What it is"), rows, right=(2,))


def _usable(found: DataSummary) -> str:
    if found.rows is None or found.usable_rows is None:
        return UNKNOWN
    return f"{found.usable_rows:,} of {found.rows:,}"


def _repeats(found: DataSummary) -> str:
    if found.duplicate_rows is not None:
        return f"{found.duplicate_rows:,} rows"
    share = found.duplicate_share
    return UNKNOWN if share is None else f"{percent(share)} of the rows"


def _useful(found: DataSummary) -> str:
    if found.usefulness is None:
        return UNKNOWN
    return f"{found.usefulness:.0f} of 100, the share that remains without everything doubtful"


def _count(count: int | None) -> str:
    return UNKNOWN if count is None else f"{count:,}"
