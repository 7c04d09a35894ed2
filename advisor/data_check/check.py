"""All checks of one data file in one value."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from advisor.data_check.doctor import Asked, Doctor, Items
from advisor.data_check.document_marks import document_problems
from advisor.data_check.faults import Faults
from advisor.data_check.keys import Same, clashes, leaks, repeats
from advisor.data_check.lengths import ESTIMATED_FROM
from advisor.data_check.licences import licence_problems
from advisor.data_check.lines import counted
from advisor.data_check.looks import SPLIT_NAMES, Whole
from advisor.data_check.shares import Shares
from advisor.data_check.split import counts, split
from advisor.data_check.usefulness import usefulness
from advisor.errors import DatasetError
from advisor.patterns import patterns
from advisor.schema.dataset import (
    Contradictions,
    DataCheck,
    Dataset,
    Fault,
    Leakage,
    Problem,
    Repeats,
    Severity,
    SplitCounts,
)
from advisor.schema.evaluation import Document
from advisor.secrets import masked

if TYPE_CHECKING:
    from advisor.data_check.lengths import Counter as TokenCounter
    from advisor.formats.source import Source

ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def check(
    dataset: Dataset,
    *,
    seed: int = 0,
    sequence_length: int | None = None,
    documents: Sequence[Document] = (),
) -> DataCheck:
    """What is wrong with the data and what it amounts to; problems worst first.

    `dataset` is best read with `keep_faulty`, so that faulty rows are listed among the problems.
    """
    doctor = Doctor(Asked(sequence_length, documents))
    doctor.whole.kind = dataset.kind
    doctor.take((*dataset.faults, *dataset.samples))
    told = _Told(doctor, documents, lambda: dataset.samples, seed=seed)
    return told.check(
        path=dataset.path,
        format=dataset.format,
        rows=dataset.rows,
        notes=dataset.notes,
        encoding=dataset.encoding,
        licence=dataset.licence,
    )


def check_file(
    source: Source,
    *,
    seed: int = 0,
    sequence_length: int | None = None,
    documents: Sequence[Document] = (),
    count: TokenCounter | None = None,
    counted_by: str = "",
) -> DataCheck:
    """The same of a recognised file or folder, never holding more than a part of a large one.

    `count` gives the tokens before the target and of the target; `counted_by` names its tokenizer.
    Raises DatasetError when no row is usable.
    """
    from advisor.formats.readers import refusal, stream  # noqa: PLC0415 - with the file only

    reading = stream(source)
    doctor = Doctor(Asked(sequence_length, documents, count))
    doctor.whole.kind = source.kind
    doctor.ledger.numbered = doctor.faults.numbered = source.numbered
    doctor.take(reading)
    if not len(doctor.ledger):
        rows = doctor.faults.counts.total()
        first, numbered = doctor.faults.first, source.numbered
        raise refusal(source.path, first, rows=rows, numbered=numbered, count=rows)
    told = _Told(doctor, documents, lambda: stream(source), seed=seed)
    told.estimated_from = counted_by or ESTIMATED_FROM
    told.licences = licence_problems(reading.licences, reading.licence_rows)
    return told.check(
        path=str(source.path),
        format=source.format,
        rows=len(doctor.ledger) + doctor.faults.counts.total(),
        notes=(*source.notes, *reading.notes),
        encoding=source.encoding,
        licence=reading.licence,
    )


def check_faults(source: Source) -> DataCheck:
    """What is wrong with a file of which no row is usable."""
    from advisor.formats.readers import stream  # noqa: PLC0415 - with the file only

    reading, faults = stream(source), Faults()
    faults.numbered = source.numbered
    for item in reading:
        if isinstance(item, Fault):
            faults.see(item)
    made = DataCheck(
        path=str(source.path),
        format=source.format,
        rows=reading.rows,
        usable_rows=0,
        problems=tuple(faults.problems()),
        token_lengths=None,
        splits=SplitCounts(given={}, used=None),
        duplicates=Repeats(rows=0, share=0.0, groups=0),
        leakage=Leakage(test_rows=0, leaked_rows=0, share=None),
        contradictions=Contradictions(inputs=0, rows=0),
        notes=(*source.notes, *reading.notes),
        kind=source.kind,
        encoding=source.encoding,
        numbered=source.numbered,
    )
    return covered(made)


class _Told:
    """What the doctor found, as the check tells it."""

    def __init__(
        self,
        doctor: Doctor,
        documents: Sequence[Document],
        again: Callable[[], Items],
        *,
        seed: int,
    ) -> None:
        self.doctor = doctor
        self.documents = documents
        self.again = again
        self.seed = seed
        self.estimated_from = ESTIMATED_FROM
        self.licences: Iterable[Problem] = ()

    def check(self, **told: Any) -> DataCheck:
        """All of it in one value."""
        began = time.perf_counter()
        doctor, whole = self.doctor, self.doctor.whole
        doctor.conclude()
        repeat, repeated = repeats(doctor.same, whole)
        leak, leaked = leaks(doctor.same, whole.ledger)
        clash, clashing = clashes(doctor.same, whole, doctor.preferences.swapped())
        near, nearly = doctor.near_rows(self.again)
        found = [*leaked, *clashing, *repeated, *nearly, *doctor.found()]
        splits, split_problems = self._splits()
        problems = (
            *doctor.faults.problems(),
            *split_problems,
            *document_problems(self.documents),
            *(each.problem(whole.ledger) for each in found),
            *self.licences,
            *_few_rows(splits, whole),
        )
        made = DataCheck(
            usable_rows=whole.rows,
            problems=tuple(sorted(problems, key=lambda problem: ORDER[problem.severity])),
            token_lengths=doctor.lengths.measured(self.estimated_from),
            splits=splits,
            duplicates=repeat,
            leakage=leak,
            contradictions=clash,
            notes=tuple(dict.fromkeys((*told.pop("notes"), *whole.notes))),
            kind=whole.kind,
            near_duplicates=near.repeats,
            labels=doctor.labels.counts(),
            languages=doctor.languages.counts(),
            histograms=doctor.lengths.histograms(),
            usefulness=usefulness(found, doctor.faults.counts, whole),
            looked_at=whole.looked_at,
            sequence_length=doctor.lengths.limit,
            numbered=whole.ledger.numbered,
            seconds=round(doctor.seconds + time.perf_counter() - began, 3),
            structural_seconds=round(doctor.structural_seconds, 3),
            **told,
        )
        return covered(made)

    def _splits(self) -> tuple[SplitCounts, tuple[Problem, ...]]:
        given = _given(self.doctor.whole)
        held = self.doctor.held
        try:
            if held is not None:
                return SplitCounts(given=given, used=counts(split(held, seed=self.seed))), ()
            return SplitCounts(given=given, used=self._reckoned(given)), ()
        except DatasetError as error:
            problem = Problem(
                code="no_test_split",
                severity="error",
                rows=(),
                message=error.message,
                hint=error.hint,
            )
            return SplitCounts(given=given, used=None), (problem,)

    def _reckoned(self, given: dict[str, int]) -> dict[str, int]:
        """Rows per split of a file too large to be split here: by shares, not row by row."""
        whole, same = self.doctor.whole, self.doctor.same
        whole.notes.append(
            "The file is too large to be split while it is checked: the rows of the splits as used"
            " are reckoned from their shares."
        )
        return reckoned(given, same, whole.rows)


def covered(check: DataCheck) -> DataCheck:
    """The check with every secret masked that a label, a licence or a message shows."""
    problems = tuple(
        problem.model_copy(
            update={"message": masked(problem.message), "hint": masked(problem.hint)}
        )
        for problem in check.problems
    )
    labels: Counter[str] = Counter()
    for label, rows in (check.labels or {}).items():
        labels[masked(label)] += rows
    return check.model_copy(
        update={
            "problems": problems,
            "labels": None if check.labels is None else dict(labels.most_common()),
            "licence": masked(check.licence),
            "notes": tuple(map(masked, check.notes)),
        }
    )


def reckoned(given: dict[str, int], same: Same, rows: int) -> dict[str, int]:
    """Rows that each split would get by its share of the distinct inputs."""
    pool = given.get("none", 0) + given.get("train", 0)
    inputs = round(same.inputs * pool / rows)
    quotas = Shares().quotas(inputs, needs_test="test" not in given, needs_dev="dev" not in given)
    made = {name: round(quotas[name] * pool / max(inputs, 1)) for name in ("test", "dev")}
    made["train"] = pool - made["test"] - made["dev"]
    used = {name: made[name] + (given.get(name, 0) if name != "train" else 0) for name in made}
    return {name: used[name] for name in ("train", "dev", "test") if used[name]}


def _given(whole: Whole) -> dict[str, int]:
    found = Counter(whole.ledger.splits)
    named = {SPLIT_NAMES[number]: count for number, count in found.items()}
    return {name: named[name] for name in ("train", "dev", "test", "none") if name in named}


def _few_rows(splits: SplitCounts, whole: Whole) -> Iterable[Problem]:
    train = (splits.used or splits.given).get("train", whole.rows if not splits.used else 0)
    enough = patterns("thresholds").figures["usable_rows"]
    if train < enough:
        yield Problem(
            code="few_rows",
            severity="warning" if splits.used is not None else "note",
            rows=(),
            message=f"{counted(train, 'usable train row')}; the gate asks for {enough} and will end"
            " in 'collect'.",
            hint=f"Collect {enough - train} more, or grow the set with `advisor data generate`.",
        )
