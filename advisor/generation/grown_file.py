"""The grown data set as a file: every collected row with its split, then the written ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from advisor.artifacts import today, write_text
from advisor.data_check.written import rows
from advisor.errors import InputError
from advisor.generation.grow import Made
from advisor.schema.evaluation import Sample

MARK = "generated_by"


def refuse_original(out: Path, *inputs: Path) -> None:
    """Raise InputError where the output would replace an input, or a file nobody generated."""
    for path in inputs:
        if path.exists() and out.exists() and out.samefile(path):
            raise InputError(
                f"--out {out} is the data itself, which is never overwritten.",
                hint="Name another file.",
                where=str(out),
            )
    if out.is_dir() or (out.exists() and not _is_ours(out)):
        raise InputError(
            f"{out} exists and was not written by `advisor data generate`.",
            hint="Name another file with --out.",
            where=str(out),
        )


def write_grown(
    out: Path, samples: Sequence[Sample], made: Sequence[Made], *, only_new: bool
) -> None:
    """Write the file at once. Raises StorageError.

    Written rows only train and say so: synthetic, generated_by, generated_from, generated_at.
    """
    collected = [] if only_new else list(samples)
    origin = {one.sample.id: one for one in made}
    lines = []
    for row in rows([*collected, *(one.sample for one in made)]):
        author = row.pop("synthetic_by", "")
        row |= {"synthetic": bool(author), MARK: author}
        if one := origin.get(row["id"]):
            row |= {"generated_from": list(one.request.made_from), "generated_at": today()}
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    write_text(out, "".join(lines))


def _is_ours(out: Path) -> bool:
    """Whether any row of the file says when a model wrote it."""
    try:
        with out.open(encoding="utf-8") as stream:
            return any('"generated_at":' in line for line in stream)
    except (OSError, UnicodeDecodeError):
        return False
