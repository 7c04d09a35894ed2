"""Pairs and votes of a review as a table that a spreadsheet opens without harm."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor.errors import InputError
from advisor.schema.review import ReviewPair, ReviewVote

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, or hides one behind."""
COLUMNS = (
    "sample_id", "input", "target", "tuned", "baseline",
    "vote", "reviewer", "note", "seconds", "at",
)  # fmt: skip


def as_csv(pairs: Sequence[ReviewPair], votes: Sequence[ReviewVote]) -> str:
    """Every pair with every vote on it, safe to open in a spreadsheet.

    A pair without a vote has one row with the vote empty.
    """
    given: dict[str, list[ReviewVote]] = {}
    for vote in votes:
        given.setdefault(vote.sample_id, []).append(vote)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for pair in pairs:
        shown = pair.model_dump()
        rows = [shown | vote.model_dump() for vote in given.get(pair.sample_id, [])] or [shown]
        table.writerows([_cell(row, column) for column in COLUMNS] for row in rows)
    return out.getvalue()


def _cell(row: Mapping[str, Any], column: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    value = row.get(column)
    text = "" if value is None else str(value).replace("\0", "")
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if text.startswith(FORMULA) else text


def refuse_place(file: Path) -> None:
    """Raise InputError where a file to be written is there already, or its folder is not."""
    if file.exists():
        raise InputError(
            f"{file} is there already and is not written over.",
            hint="Name another file with --csv, or remove it.",
            where=str(file),
        )
    if not file.absolute().parent.is_dir():
        raise InputError(
            f"The folder of {file} is not there.",
            hint="Name a file in a folder that is, with --csv.",
            where=str(file),
        )
