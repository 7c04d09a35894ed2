"""The file of a blind review: how many pairs were planned, and every vote, a line for each.

A line says which side somebody chose. Whose answer stood there follows from the seed, so that
nobody who opens the file reads it before all are judged.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from advisor.errors import StorageError
from advisor.schema.base import Value
from advisor.schema.review import ReviewVote

FILE = "review.jsonl"
PLANNED, ENDED = "planned", "ended"
"""The keys by which the lines that are no votes are known."""


class Plan(Value):
    """What is fixed with the first vote."""

    planned: int = Field(gt=0)
    """Pairs to judge."""
    seed: int = Field(ge=0)
    at: str = ""
    ended: str = ""
    """When somebody ended it, ISO format; empty for one that goes on."""


class Kept(NamedTuple):
    """What the file holds."""

    votes: tuple[tuple[str, ReviewVote], ...] = ()
    """Digest of what was judged, and the vote; the later one of two counts."""
    plan: Plan | None = None
    changes: tuple[str, ...] = ()
    """Changes of the plan, a sentence each."""
    broken: int = 0


def draw(seed: int, sample_id: str, what: str) -> int:
    """A number that hangs on seed, sample and purpose alone."""
    digest = hashlib.sha256(f"{seed}\0{what}\0{sample_id}".encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()[:8])


def tuned_is_left(seed: int, sample_id: str) -> bool:
    """On which side the tuned model's answer stands."""
    return draw(seed, sample_id, "side") % 2 == 0


def write_vote(file: Path, answers: str, vote: ReviewVote, *, seed: int) -> None:
    """Write one vote, by its side; `answers` is the digest of what was judged.

    Raises StorageError.
    """
    said: str = vote.vote
    if vote.vote in ("tuned", "baseline"):
        is_left = (vote.vote == "tuned") is tuned_is_left(seed, vote.sample_id)
        said = "left" if is_left else "right"
    _append(file, {"answers": answers, "seed": seed} | vote.model_dump() | {"vote": said})


def write_plan(file: Path, planned: int, seed: int) -> None:
    """Fix how many pairs are judged, and by which seed; raises StorageError."""
    _append(file, {PLANNED: planned, "seed": seed, "at": _now()})


def write_end(file: Path) -> None:
    """End the review, whatever is left to judge; raises StorageError."""
    _append(file, {ENDED: _now()})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _append(file: Path, row: Mapping[str, Any]) -> None:
    """A line at the end, on the disk before this returns.

    A half line that a power cut left behind is closed first.
    """
    line = json.dumps(row, ensure_ascii=True) + "\n"
    try:
        with file.open("a+b") as stream:
            if stream.tell():
                stream.seek(-1, os.SEEK_END)
                line = line if stream.read(1) == b"\n" else "\n" + line
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise StorageError(
            f"The vote could not be written to {file.name}: {error.strerror or error}.",
            hint="Make room or make the run folder writable; earlier votes are kept.",
            where=str(file.parent),
        ) from error


def read_votes(file: Path) -> Kept:
    """Everything the file holds; nothing where it is not there.

    Raises StorageError where it is there and cannot be read.
    """
    votes: list[tuple[str, ReviewVote]] = []
    plan: Plan | None = None
    changes: list[str] = []
    broken = 0
    for line in _lines(file):
        found = _read(line, plan)
        if found is None:
            broken += 1
        elif isinstance(found, Plan):
            changes += _changed(plan, found, len(votes))
            plan = found
        else:
            votes.append(found)
    return Kept(tuple(votes), plan, tuple(changes), broken)


def _lines(file: Path) -> list[bytes]:
    try:
        return [line for line in file.read_bytes().splitlines() if line.strip()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(
            f"{file.name} cannot be read: {error.strerror or error}.",
            hint="Make it readable, or move it away to begin anew.",
            where=str(file.parent),
        ) from error


def _read(line: bytes, plan: Plan | None) -> tuple[str, ReviewVote] | Plan | None:
    """A line as what it is; None for one that cannot be read."""
    try:
        row: dict[str, Any] = json.loads(line)
        if PLANNED in row:
            return Plan.model_validate(row)
        if ENDED in row:
            return None if plan is None else plan.model_copy(update={"ended": str(row[ENDED])})
        answers, seed = str(row.pop("answers")), row.pop("seed", None)
        if row["vote"] in ("left", "right"):
            is_left = tuned_is_left(int(seed), row["sample_id"])
            row["vote"] = "tuned" if (row["vote"] == "left") is is_left else "baseline"
        return answers, ReviewVote.model_validate(row)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None


def _changed(before: Plan | None, now: Plan, votes: int) -> list[str]:
    """What a later line changed of the plan; its end is told by whoever counts what is left."""
    if before is None or now.ended:
        return []
    told = f"The plan was changed after {votes} votes: {before.planned} to {now.planned} pairs"
    if before.seed != now.seed:
        told += f", seed {before.seed} to {now.seed}"
    return [f"{told}."]
