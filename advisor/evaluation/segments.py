"""Tuned model against best baseline on parts of the test samples, so no mean hides a regression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from advisor.evaluation.compare import ValueOf, compare
from advisor.evaluation.differences import holm
from advisor.evaluation.label_f1 import f1_by_label
from advisor.evaluation.shared_ground import value_on
from advisor.schema.evaluation import Evaluation, Sample, ScoredSample
from advisor.schema.labels import are_labels
from advisor.schema.verify import Segment, SegmentKind

FEWEST_TO_VETO = 30
"""Samples below which a segment is shown and not tested."""
ERROR_RATE = 0.05
"""How often, at most, any segment is found worse where none is."""
MOST_SEGMENTS = 30
"""Labels that are named, and sources that there may be."""
FEWEST_FOR_LENGTHS = 9
WORDY = 5
"""Words of the median input from which on lengths are counted in words, else in characters."""
THIRDS = 3


class Cut(NamedTuple):
    """One segment before it is looked at."""

    kind: SegmentKind
    name: str
    ids: frozenset[str]


def segments(
    best: Evaluation,
    tuned: Evaluation,
    samples: Sequence[Sample],
    *,
    value_of: ValueOf | None = None,
) -> tuple[Segment, ...]:
    """The tuned model against the best baseline, segment by segment, paired.

    Segments of 30 samples and more are tested with the tests of the whole
    (`advisor.evaluation.compare`), one-sided, since only a loss vetoes, and corrected after Holm
    over all that are tested: one counts as worse when its p-value is at most 0.05 and its 90 %
    interval lies below 0. Smaller ones are only shown.

    A label must have lost in F1 too: a system that answers one label to everything is right on all
    its samples, and whatever learned to tell the labels apart is "worse" there.
    """
    ours, theirs = _scored(best), _scored(tuned)
    both = [sample for sample in samples if sample.id in ours and sample.id in theirs]
    found = _with_f1(
        [_looked_at(cut, best, tuned, value_of) for cut in cuts(both)], (ours, theirs), both
    )
    tested = [at for at, segment in enumerate(found) if segment.p_value is not None]
    corrected = holm([found[at].p_value or 0.0 for at in tested])
    for at, p_value in zip(tested, corrected, strict=True):
        one = found[at].model_copy(update={"p_value": p_value})
        is_worse = _has_lost(one) and not has_gained(one)
        found[at] = one.model_copy(update={"is_worse": is_worse})
    return tuple(found)


def _has_lost(segment: Segment) -> bool:
    """Whether fewer of its samples are right beyond chance; not where it was not tested."""
    interval, p_value = segment.interval, segment.p_value
    if interval is None or p_value is None:
        return False
    return interval.high < 0 and p_value <= ERROR_RATE


def has_gained(segment: Segment) -> bool:
    """Whether a label's F1 rose: fewer of its own samples are right, and more of its answers."""
    before, after = segment.baseline_f1, segment.tuned_f1
    return before is not None and after is not None and after >= before


def is_traded(segment: Segment) -> bool:
    """Whether a loss beyond chance on a label's own samples is made good by its F1."""
    return _has_lost(segment) and has_gained(segment)


def cuts(samples: Sequence[Sample]) -> list[Cut]:
    """Every way to part the samples that their labels, lengths and sources offer.

    A way that parts them as an earlier one does is left out: it would only be tested twice.
    """
    ways = (
        _by_label(samples),
        _by_length(samples),
        *(_by_source(samples, word, of) for word, of in SOURCES),
    )
    seen: set[frozenset[frozenset[str]]] = set()
    found: list[Cut] = []
    for way in ways:
        parting = frozenset(cut.ids for cut in way)
        if len(way) > 1 and parting not in seen:
            seen.add(parting)
            found += way
    return found


SOURCES: tuple[tuple[str, Callable[[Sample], str]], ...] = (
    ("file", lambda sample: sample.file),
    ("document", lambda sample: sample.document),
    ("group", lambda sample: sample.group),
)


def _by_label(samples: Sequence[Sample]) -> list[Cut]:
    """By target, where targets are labels; beyond the 30 most frequent all others together."""
    counts = Counter(_label(sample) for sample in samples)
    if not are_labels(counts):
        return []
    common = [label for label, _ in counts.most_common(MOST_SEGMENTS)]
    rest = len(counts) - len(common)
    found = [
        Cut("label", label or "(empty)", _ids(s for s in samples if _label(s) == label))
        for label in common
    ]
    if rest:
        known = set(common)
        others = _ids(s for s in samples if _label(s) not in known)
        found.append(Cut("label", f"{rest} rarer labels", others))
    return found


def _by_length(samples: Sequence[Sample]) -> list[Cut]:
    """Thirds by length of the input; equal lengths stay together."""
    if len(samples) < FEWEST_FOR_LENGTHS:
        return []
    words = [len(sample.input.split()) for sample in samples]
    unit, lengths = "words", words
    if median(words) < WORDY:
        unit, lengths = "characters", [len(sample.input) for sample in samples]
    ordered = sorted(lengths)
    edges = sorted({ordered[len(ordered) * third // THIRDS - 1] for third in (1, 2, 3)})
    found, below = [], -1
    for edge in edges:
        inside = [length for length in lengths if below < length <= edge]
        ids = _ids(s for s, n in zip(samples, lengths, strict=True) if below < n <= edge)
        found.append(Cut("length", _range(min(inside), max(inside), unit), ids))
        below = edge
    return found


def _range(low: int, high: int, unit: str) -> str:
    return f"{low:,} {unit}" if low == high else f"{low:,} to {high:,} {unit}"


def _by_source(samples: Sequence[Sample], word: str, of: Callable[[Sample], str]) -> list[Cut]:
    """By file, document or group, where there are 2 to 30 of them; those of none together."""
    counts = Counter(of(sample) for sample in samples)
    if not 2 <= len(counts) <= MOST_SEGMENTS:
        return []
    return [
        Cut(
            "source",
            f"{word} {name}" if name else f"no {word}",
            _ids(s for s in samples if of(s) == name),
        )
        for name, _ in counts.most_common()
    ]


def _looked_at(cut: Cut, best: Evaluation, tuned: Evaluation, value_of: ValueOf | None) -> Segment:
    ours, theirs = _within(best, cut.ids), _within(tuned, cut.ids)
    before, after = value_on(ours.scores, value_of), value_on(theirs.scores, value_of)
    told = Segment(
        kind=cut.kind,
        name=cut.name,
        n=len(ours.scores),
        baseline=before,
        tuned=after,
        difference=after - before,
    )
    if told.n < FEWEST_TO_VETO:
        return told
    found = compare(ours, theirs, value_of=value_of)
    half = found.p_value / 2
    one_sided = half if found.difference < 0 else 1 - half
    return told.model_copy(update={"interval": found.interval, "p_value": one_sided})


def _with_f1(
    found: list[Segment],
    systems: tuple[Mapping[str, ScoredSample], Mapping[str, ScoredSample]],
    samples: Sequence[Sample],
) -> list[Segment]:
    """Segments of single labels with the F1 that baseline and tuned model reach on the label."""
    if not any(segment.kind == "label" for segment in found):
        return found
    targets = {sample.id: _label(sample) for sample in samples}
    before, after = (f1_by_label(system.values(), targets) for system in systems)
    return [
        segment.model_copy(
            update={"baseline_f1": before[segment.name], "tuned_f1": after[segment.name]}
        )
        if segment.kind == "label" and segment.name in before and segment.name in after
        else segment
        for segment in found
    ]


def _within(evaluation: Evaluation, ids: frozenset[str]) -> Evaluation:
    kept = tuple(s for s in evaluation.scores if s.sample_id in ids)
    return evaluation.model_copy(update={"scores": kept})


def _scored(evaluation: Evaluation) -> dict[str, ScoredSample]:
    return {score.sample_id: score for score in evaluation.scores if not score.unscored}


def _label(sample: Sample) -> str:
    return sample.target.strip()


def _ids(samples: Iterable[Sample]) -> frozenset[str]:
    return frozenset(sample.id for sample in samples)
