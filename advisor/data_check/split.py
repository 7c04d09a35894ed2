"""Which samples train, tune and test: by a seeded hash of what they ask, never by row order."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from advisor.data_check.lines import counted
from advisor.data_check.normal import input_key, normalise
from advisor.data_check.shares import Shares, balanced, hashed, in_order, latest
from advisor.data_check.units import Kept, Unit, kept_together, resolved
from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample, Split
from advisor.schema.labels import are_labels
from advisor.schema.split import SplitBy, SplitRecord

SMALLEST = 20
"""Distinct inputs below which a test split would say nothing."""
PRECEDENCE: tuple[Split, ...] = ("test", "dev", "train")
"""Where a unit belongs when its rows were given different splits."""
DEFAULT_SHARES = Shares()
PARTED_SHOWN = 20


def split(
    samples: Iterable[Sample],
    *,
    seed: int,
    limit: int | None = None,
    by: SplitBy = "auto",
    shares: Shares = DEFAULT_SHARES,
) -> tuple[Sample, ...]:
    """The samples in their order, each with its split.

    Given splits are kept. Without any: 30 % test (at most 1000 inputs), 10 % dev, the rest train.
    A missing test or dev split is taken out of train. What belongs together by `by` stays together
    unless the file itself parts it; so do equal and near inputs. Synthetic samples only train.
    `limit` keeps a seeded choice of test samples and drops the others. Raises DatasetError when a
    test split is needed and there are too few distinct inputs, or none names its group, document
    or time where one was asked for.
    """
    placed, _ = split_recorded(samples, seed=seed, by=by, shares=shares)
    return placed if limit is None else limit_test(placed, limit=limit, seed=seed)


def split_recorded(
    samples: Iterable[Sample], *, seed: int, by: SplitBy = "auto", shares: Shares = DEFAULT_SHARES
) -> tuple[tuple[Sample, ...], SplitRecord]:
    """The samples as `split` gives them, and what there is to keep of how they were parted."""
    held = tuple(samples)
    kept = _kept(held, by)
    given = {unit.key: _given(unit) for unit in kept.units}
    pool = [unit for unit in kept.units if given[unit.key] in {None, "train"}]
    chosen = _choose(pool, kept.by, given=frozenset(given.values()), seed=seed, shares=shares)
    wanted = {unit.key: chosen.get(unit.key) for unit in kept.units}
    split_of = {
        id(sample): _place(sample, wanted[unit.key], given[unit.key])
        for unit in kept.units
        for sample in unit.samples
    }
    placed = tuple(
        sample
        if sample.split == split_of[id(sample)]
        else sample.model_copy(update={"split": split_of[id(sample)]})
        for sample in held
    )
    return placed, _record(placed, kept, asked=by, seed=seed)


def limit_test(samples: Iterable[Sample], *, limit: int, seed: int) -> tuple[Sample, ...]:
    """The samples with at most `limit` of the test split; a larger limit keeps the same ones."""
    held = tuple(samples)
    tests = [sample for sample in held if sample.split == "test"]
    ranked = sorted(tests, key=lambda s: (hashed(seed, f"{input_key(s)}:{s.target}"), s.id))
    kept = {sample.id for sample in ranked[:limit]}
    return tuple(sample for sample in held if sample.split != "test" or sample.id in kept)


def counts(samples: Iterable[Sample]) -> dict[str, int]:
    """Samples per split; `none` counts those without."""
    found = Counter(sample.split or "none" for sample in samples)
    return {name: found[name] for name in ("train", "dev", "test", "none") if found[name]}


def split_digest(samples: Iterable[Sample], part: Split | None = None) -> str:
    """Digest over what the samples (of one split) ask, answer and belong to; empty for none.

    Whatever their order, ids and line numbers.
    """
    rows = sorted(_content(s) for s in samples if part is None or s.split == part)
    if not rows:
        return ""
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def _content(sample: Sample) -> str:
    turns = [(turn.role, turn.content) for turn in sample.history]
    told = [turns, sample.input, sample.target, sample.rejected, sample.is_good, sample.split]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def _kept(samples: Sequence[Sample], by: SplitBy) -> Kept:
    """What stays together; where the file gives every sample its split, there is nothing to ask."""
    given = {sample.split for sample in samples if not sample.synthetic_by}
    if None in given or not {"test", "dev"} <= given:
        return kept_together(samples, by)
    found = resolved(samples, by)
    return Kept(found, kept_together(samples, "input").units)


def _given(unit: Unit) -> Split | None:
    names = {sample.split for sample in unit.samples if not sample.synthetic_by}
    return next((name for name in PRECEDENCE if name in names), None)


def _place(sample: Sample, wanted: Split | None, given: Split | None) -> Split:
    if sample.synthetic_by:
        return "train"
    # A unit given test or dev has no wanted split: only rows without a split follow it.
    return wanted or sample.split or given or "train"


def _choose(
    pool: Sequence[Unit],
    by: SplitBy,
    *,
    given: frozenset[Split | None],
    seed: int,
    shares: Shares,
) -> dict[str, Split]:
    """A split for every unit that is not already test or dev."""
    needs_test, needs_dev = "test" not in given, "dev" not in given
    free = [unit for unit in pool if not unit.is_synthetic]
    total = sum(unit.weight for unit in free)
    if needs_test and total < SMALLEST:
        raise _too_few(total, synthetic=len(pool) - len(free))
    quotas = shares.quotas(total, needs_test=needs_test, needs_dev=needs_dev)
    chosen: dict[str, Split] = {unit.key: "train" for unit in pool}
    if quotas["test"] + quotas["dev"]:
        chosen |= _filled(free, by, quotas, seed=seed)
    if needs_test and "test" not in chosen.values():
        raise DatasetError(
            f"No test split possible: by {by} all rows that may test belong together.",
            hint="Split by something else (input parts all but equal inputs), or mark test rows"
            " yourself in a 'split' column.",
        )
    return chosen


def _filled(
    units: Sequence[Unit], by: SplitBy, quotas: Mapping[Split, int], *, seed: int
) -> dict[str, Split]:
    if by == "time":
        return latest(units, quotas)
    if by in ("group", "document"):  # each holds several labels
        return balanced(units, quotas, seed=seed)
    return in_order(units, quotas, seed=seed)


def _too_few(total: int, *, synthetic: int) -> DatasetError:
    aside = " that no synthetic row is tied to" if synthetic else ""
    return DatasetError(
        f"No test split possible: {counted(total, 'distinct usable input')}{aside}, at least"
        f" {SMALLEST} are needed.",
        hint="Collect more rows, or mark test rows yourself in a 'split' column.",
    )


def _record(samples: tuple[Sample, ...], kept: Kept, *, asked: SplitBy, seed: int) -> SplitRecord:
    parted = _parted(samples, kept.by)
    return SplitRecord(
        asked=asked,
        by=kept.by,
        seed=seed,
        counts=counts(samples),
        digest=split_digest(samples),
        test_digest=split_digest(samples, "test"),
        units=len(kept.units),
        largest_unit=max((len(unit.samples) for unit in kept.units), default=0),
        parted=parted[:PARTED_SHOWN],
        parted_count=len(parted),
        label_drift=_label_drift(samples),
        notes=(*kept.notes, *_remarks(samples, kept)),
    )


def _remarks(samples: Sequence[Sample], kept: Kept) -> tuple[str, ...]:
    notes = []
    tested = {s.id for unit in kept.units for s in unit.samples if s.split in ("test", "dev")}
    moved = sum(bool(s.synthetic_by) and s.id in tested for s in samples)
    if moved:
        told = counted(moved, "synthetic row")
        notes.append(f"{told} given to test or dev by the file: used for training instead.")
    tied = sum(u.is_synthetic and any(not s.synthetic_by for s in u.samples) for u in kept.units)
    if tied:
        told = counted(tied, "set")
        notes.append(f"{told} of collected rows tied to synthetic ones: used for training whole.")
    if kept.by == "time" and (repeats := _repeats(samples)):
        told = counted(repeats, "test or dev row")
        notes.append(f"{told} asking what an earlier train row asks: time parts equal inputs.")
    return tuple(notes)


def _repeats(samples: Sequence[Sample]) -> int:
    trained = {input_key(sample) for sample in samples if sample.split == "train"}
    return sum(s.split in ("test", "dev") and input_key(s) in trained for s in samples)


def _parted(samples: Sequence[Sample], by: SplitBy) -> tuple[str, ...]:
    """Groups or documents whose samples stand in more than one split."""
    if by not in ("group", "document"):
        return ()
    found: defaultdict[str, set[Split | None]] = defaultdict(set)
    for sample in samples:
        if not sample.synthetic_by:
            found[sample.group if by == "group" else sample.document].add(sample.split)
    return tuple(sorted(name for name, splits in found.items() if name and len(splits) > 1))


def _label_drift(samples: Sequence[Sample]) -> float | None:
    whole = Counter(normalise(sample.target) for sample in samples)
    tests = Counter(normalise(sample.target) for sample in samples if sample.split == "test")
    if not are_labels(whole) or not tests:
        return None
    sizes = len(samples), tests.total()
    return max(abs(tests[label] / sizes[1] - count / sizes[0]) for label, count in whole.items())


def marked_bad_note(samples: Sequence[Sample]) -> tuple[str, ...]:
    """What becomes of answers that the data marks as bad; empty without any."""
    bad = sum(sample.is_good is False for sample in samples)
    told = "are marked as bad: they are neither shown, measured against nor imitated"
    return (f"{bad} of {len(samples)} answers {told}.",) if bad else ()


def limit_note(whole: Sequence[Sample], kept: Sequence[Sample]) -> tuple[str, ...]:
    """How many test samples are left unmeasured, and how to measure more; empty for none."""
    there = sum(s.split == "test" for s in whole)
    measured = sum(s.split == "test" for s in kept)
    if measured == there:
        return ()
    return (f"{measured} of {there} test samples are measured; --limit N takes more.",)
