"""All checks of one data file in one value."""

from __future__ import annotations

from collections import defaultdict

from advisor.data_check import contradictions, duplicates, empties, leakage, lengths
from advisor.data_check.lines import counted
from advisor.data_check.split import counts, split
from advisor.errors import DatasetError
from advisor.schema.dataset import DataCheck, Dataset, Fault, Problem, Severity, SplitCounts
from advisor.schema.evaluation import Sample

ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


def check(dataset: Dataset, *, seed: int = 0) -> DataCheck:
    """What is wrong with the data and what it amounts to; problems worst first.

    `dataset` is best read with `keep_faulty`, so that faulty rows are listed among the problems.
    """
    samples = dataset.samples
    repeats, repeat_problems = duplicates.find(samples)
    leaks, leak_problems = leakage.find(samples)
    clashes, clash_problems = contradictions.find(samples)
    splits, split_problems = _splits(samples, seed=seed)
    problems = (
        *_faults(dataset.faults),
        *split_problems,
        *leak_problems,
        *clash_problems,
        *repeat_problems,
        *empties.find(samples),
        *lengths.find(samples),
    )
    return DataCheck(
        path=dataset.path,
        format=dataset.format,
        rows=dataset.rows,
        usable_rows=len(samples),
        problems=tuple(sorted(problems, key=lambda problem: ORDER[problem.severity])),
        token_lengths=lengths.measure(samples),
        splits=splits,
        duplicates=repeats,
        leakage=leaks,
        contradictions=clashes,
        notes=dataset.notes,
    )


def _splits(samples: tuple[Sample, ...], *, seed: int) -> tuple[SplitCounts, tuple[Problem, ...]]:
    try:
        used = counts(split(samples, seed=seed))
    except DatasetError as error:
        problem = Problem(
            code="no_test_split", severity="error", rows=(), message=error.message, hint=error.hint
        )
        return SplitCounts(given=counts(samples), used=None), (problem,)
    return SplitCounts(given=counts(samples), used=used), ()


def _faults(faults: tuple[Fault, ...]) -> tuple[Problem, ...]:
    """One problem for each kind of faulty row, told by its first row."""
    kinds: defaultdict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        kinds[fault.code].append(fault)
    return tuple(
        Problem(
            code=code,
            severity="error",
            rows=tuple(fault.line for fault in found),
            message=f"{counted(len(found), 'unusable row')}; line {found[0].line}:"
            f" {found[0].message}.",
            hint=found[0].hint,
        )
        for code, found in kinds.items()
    )
