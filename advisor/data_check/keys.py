"""Rows that ask the same: repeats, leaks, contradictions, several references; by fingerprints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from advisor.data_check.lines import counted
from advisor.data_check.looks import SPLIT_NUMBERS, Found, Ledger, Whole
from advisor.schema.dataset import Contradictions, Leakage, Repeats

TRAIN, TEST = SPLIT_NUMBERS["train"], SPLIT_NUMBERS["test"]
SHARE_WORTH_A_WARNING = 0.1
SHARE_WITH_REFERENCES = 0.3
"""Inputs with several targets above which they are references, not slips."""


@dataclass(slots=True)
class Same:
    """Rows grouped by what they ask; only groups of two and more."""

    inputs: int = 0
    """Distinct inputs."""
    groups: list[list[int]] = field(default_factory=list)

    def several(self, ledger: Ledger) -> list[list[int]]:
        """Groups that answer differently."""
        return [g for g in self.groups if len({ledger.targets[place] for place in g}) > 1]


def grouped(ledger: Ledger) -> Same:
    """All rows by equal input, in order of first appearance."""
    same = Same()
    keys = ledger.keys
    group: list[int] = []
    for place in sorted(range(len(keys)), key=keys.__getitem__):
        if group and keys[group[0]] == keys[place]:
            group.append(place)
            continue
        if len(group) > 1:
            same.groups.append(group)
        same.inputs += 1
        group = [place]
    if len(group) > 1:
        same.groups.append(group)
    same.groups.sort()
    return same


def has_references(same: Same, ledger: Ledger, *, has_labels: bool, words: float) -> bool:
    """Whether inputs have several free targets by design."""
    several = len(same.several(ledger))
    return not has_labels and words >= 4 and several >= SHARE_WITH_REFERENCES * max(same.inputs, 1)


def repeats(same: Same, whole: Whole) -> tuple[Repeats, Iterator[Found]]:
    """Rows that repeat an earlier one."""
    ledger = whole.ledger
    pairs_count = whole.has_references or whole.kind in ("preference", "unpaired")
    extra: list[int] = []
    groups = 0
    for group in same.groups:
        again = _again(group, ledger) if pairs_count else group[1:]
        groups += bool(again)
        extra += again
    share = len(extra) / len(ledger) if len(ledger) else 0.0
    counts = Repeats(rows=len(extra), share=share, groups=groups)
    what = "an input and its target that stand" if pairs_count else "an input that stands"
    return counts, _told(extra, share, len(ledger), what)


def _again(group: list[int], ledger: Ledger) -> list[int]:
    seen: set[int] = set()
    again = []
    for place in group:
        if ledger.targets[place] in seen:
            again.append(place)
        seen.add(ledger.targets[place])
    return again


def _told(extra: list[int], share: float, rows: int, what: str) -> Iterator[Found]:
    if extra:
        yield Found(
            "duplicates",
            "warning" if share >= SHARE_WORTH_A_WARNING else "note",
            extra,
            f"{counted(len(extra), 'row')} of {rows} repeating {what} earlier in the file.",
            "They stay together in one split; delete them to count every input once.",
        )


def leaks(same: Same, ledger: Ledger) -> tuple[Leakage, Iterator[Found]]:
    """Test rows that ask what a train row asks."""
    tests = sum(split == TEST for split in ledger.splits)
    guilty = [
        place
        for group in same.groups
        if any(ledger.splits[other] == TRAIN for other in group)
        for place in group
        if ledger.splits[place] == TEST
    ]
    counts = Leakage(
        test_rows=tests, leaked_rows=len(guilty), share=len(guilty) / tests if tests else None
    )
    return counts, _leaked(guilty, tests)


def _leaked(guilty: list[int], tests: int) -> Iterator[Found]:
    if guilty:
        yield Found(
            "leakage",
            "error",
            guilty,
            f"{len(guilty)} of {counted(tests, 'test row')} asking what a train row asks.",
            "Remove them from one of the two splits, or give the rows without their splits.",
        )


def clashes(
    same: Same, whole: Whole, swapped: Iterable[int] = ()
) -> tuple[Contradictions, Iterator[Found]]:
    """Inputs answered differently; of pairs only those that say the opposite of another."""
    if whole.kind == "preference":
        rows = sorted(swapped)
        counts = Contradictions(inputs=len({whole.ledger.keys[p] for p in rows}), rows=len(rows))
        return counts, _swapped(rows, counts.inputs)
    if whole.kind in ("unpaired", "text") and not swapped:
        return Contradictions(inputs=0, rows=0), iter(())
    groups = same.several(whole.ledger)
    rows = [place for group in groups for place in group]
    if whole.has_references:
        return Contradictions(inputs=0, rows=0), _references(rows, len(groups))
    counts = Contradictions(inputs=len(groups), rows=len(rows))
    return counts, _contradicting(rows, len(groups), whole)


def _contradicting(rows: list[int], inputs: int, whole: Whole) -> Iterator[Found]:
    if rows:
        what = "label" if whole.has_labels else "target"
        yield Found(
            "contradictions",
            "warning",
            rows,
            f"{counted(inputs, 'input')} with more than one {what}.",
            f"Decide which {what} is right; a model cannot give both.",
        )


def _swapped(rows: list[int], inputs: int) -> Iterator[Found]:
    if rows:
        yield Found(
            "contradictions",
            "warning",
            rows,
            f"{counted(inputs, 'input')} for which one row prefers what another row rejects.",
            "Decide which of the two answers is better and delete the other row.",
        )


def _references(rows: list[int], inputs: int) -> Iterator[Found]:
    yield Found(
        "several_references",
        "note",
        rows,
        f"{counted(inputs, 'input')} with several targets in different words.",
        "All rows of one input stay in one split; a metric should accept any of its targets.",
    )
