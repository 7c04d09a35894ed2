"""The grown data set as a file: every collected row with its split, then the written ones."""

from __future__ import annotations

import hashlib
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
    """Raise InputError where the output would replace an input, or one that holds other work."""
    for path in inputs:
        if path.exists() and out.exists() and out.samefile(path):
            raise InputError(
                f"--out {out} is the data itself, which is never overwritten.",
                hint="Name another file.",
                where=str(out),
            )
    if out.is_dir() or (out.exists() and (reason := _not_ours(out))):
        what = "is a folder" if out.is_dir() else reason
        raise InputError(
            f"{out} {what}.",
            hint="Name another file with --out; what people wrote is never overwritten.",
            where=str(out),
        )


def write_grown(
    out: Path, samples: Sequence[Sample], made: Sequence[Made], *, only_new: bool
) -> None:
    """Write the file at once, its digest in a hidden file beside it. Raises StorageError.

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
    text = "".join(lines)
    write_text(_seal(out), f"{hashlib.sha256(text.encode()).hexdigest()}\n")
    write_text(out, text)


def _seal(out: Path) -> Path:
    """The file that says what was written to `out`."""
    return out.with_name(f".{out.name}.sha256")


def _not_ours(out: Path) -> str:
    """Why the file may hold what this command did not write; empty where it does not."""
    try:
        written = _seal(out).read_text(encoding="utf-8").strip()
        found = hashlib.sha256(out.read_bytes()).hexdigest()
    except FileNotFoundError:
        return "exists and was not written by `advisor data generate`"
    except (OSError, UnicodeDecodeError) as error:
        return f"exists and cannot be read ({type(error).__name__})"
    return "" if found == written else "was changed since `advisor data generate` wrote it"
