"""The check of a run's data, kept in the run folder in figures, for the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from advisor.artifacts import document, write_text
from advisor.errors import AdvisorError
from advisor.schema.dataset import DataCheck, Dataset, Problem
from advisor.schema.report import DataSummary, ProblemCount

FILE = "data-check.json"
KEPT_HEAD = ("schema_version", "as_of")
MOST_PROBLEMS = 12
QUICK_ROWS = 1500
QUICK_CHARACTERS = 300_000
"""Up to so many rows and characters the check takes less than a second."""
MOST_ROWS = 50_000
"""Beyond so many rows the check takes minutes, which nobody asked for."""


def is_quick(dataset: Dataset) -> bool:
    """Whether the data is small enough to be checked while somebody waits for a report."""
    if dataset.rows > QUICK_ROWS:
        return False
    read = sum(len(s.input) + len(s.target) for s in dataset.samples)
    return read <= QUICK_CHARACTERS


def keep_check(
    dataset: Dataset, folder: Path, *, mapping: Mapping[str, str], seed: int
) -> DataSummary | None:
    """Check the data's rows and keep the figures in the folder; None where it cannot be checked.

    A file of the same content that was checked before is not checked again.
    """
    before = kept_check(folder, dataset.digest)
    if before is not None:
        return before
    from advisor.data_check.check import check_file, covered  # noqa: PLC0415 - only to check
    from advisor.formats.readers import recognise  # noqa: PLC0415

    try:
        found = covered(check_file(recognise(Path(dataset.path), mapping=mapping), seed=seed))
    except AdvisorError:
        return None
    made = summary(found, digest=dataset.digest)
    write_text(folder / FILE, json.dumps(document(made), ensure_ascii=False, indent=1) + "\n")
    return made


def kept_check(folder: Path, digest: str) -> DataSummary | None:
    """The figures kept for data of this digest and by this version; None without them."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        own = document(DataSummary(name=""))
        if content.pop("advisor_version", "") != own["advisor_version"]:
            return None
        body = {key: item for key, item in content.items() if key not in KEPT_HEAD}
        found = DataSummary.model_validate(body)
    except (OSError, ValueError, AttributeError, ValidationError):
        return None
    return found if found.digest == digest else None


def summary(check: DataCheck, *, digest: str = "") -> DataSummary:
    """A check in figures, worst problems first."""
    near = check.near_duplicates
    leaks = check.leakage
    return DataSummary(
        name=Path(check.path).name,
        digest=digest,
        format=check.format,
        rows=check.rows,
        usable_rows=check.usable_rows,
        splits=check.splits.used or {},
        duplicate_share=check.duplicates.share,
        duplicate_rows=check.duplicates.rows,
        near_duplicate_rows=near.rows if near else None,
        leaked_samples=leaks.leaked_rows if leaks.test_rows else None,
        contradictions=check.contradictions.inputs,
        problems=tuple(_counted(problem) for problem in check.problems[:MOST_PROBLEMS]),
        problems_left_out=max(len(check.problems) - MOST_PROBLEMS, 0),
        usefulness=check.usefulness.score if check.usefulness else None,
        checked_on=datetime.now(UTC).date().isoformat(),
    )


def _counted(problem: Problem) -> ProblemCount:
    count = len(problem.rows) if problem.count is None else problem.count
    return ProblemCount(
        code=problem.code,
        severity=problem.severity,
        rows=count or None,
        message=problem.message,
    )
