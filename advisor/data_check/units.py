"""What a split must not part: samples that ask the same, nearly the same, or belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from advisor.data_check.lines import counted
from advisor.data_check.moments import moment
from advisor.data_check.near import Unions, clusters, same_key
from advisor.data_check.normal import normalise
from advisor.errors import DatasetError, MissingExtraError
from advisor.schema.evaluation import Sample
from advisor.schema.split import SplitBy

FEWEST = 3
"""Units below which train, dev and test cannot all have one."""
LARGEST_SHARE = 0.5
"""A unit that holds more of the inputs leaves too little to test on."""


@dataclass(frozen=True)
class Unit:
    """Samples that stay together."""

    key: str
    """Which place in the seeded order it gets."""
    samples: tuple[Sample, ...]

    @cached_property
    def weight(self) -> int:
        """Distinct inputs in it: what shares are counted in."""
        return len({same_key(sample) for sample in self.samples})

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Normalised targets in it, one for each sample."""
        return tuple(normalise(sample.target) for sample in self.samples)

    @property
    def at(self) -> datetime | None:
        """When its samples arose, of units by time; None for what is only to be trained on."""
        return None if self.is_synthetic else moment(self.samples[0].time)

    @property
    def is_synthetic(self) -> bool:
        """Whether a model wrote any of it, so that none of it can be tested on."""
        return any(sample.synthetic_by for sample in self.samples)


@dataclass(frozen=True)
class Kept:
    """The units of a data file, and what there is to say about them."""

    by: SplitBy
    units: tuple[Unit, ...]
    notes: tuple[str, ...] = ()


Link = Callable[[Sample], str | None]


def kept_together(samples: Sequence[Sample], by: SplitBy) -> Kept:
    """Units by what was asked; equal and near inputs stay together too, where that leaves a choice.

    Raises DatasetError when the data names no group, document or time and one was asked for.
    """
    chosen = resolved(samples, by)
    if chosen == "time":
        return _by_time(samples)
    if chosen == "input":
        return Kept("input", _joined(samples, (same_key,)))
    name: Link | None = {"group": _group, "document": _document}.get(chosen)
    try:
        near = clusters(samples)
    except MissingExtraError as error:
        return _loose(samples, name, f"{error.message} {error.hint}")
    named = (name,) if name else ()
    units = _joined(samples, (same_key, *named), near)
    if by == "cluster" or can_be_split(units):
        return Kept(chosen, units)
    told = "Near duplicates connect so many inputs that keeping them together leaves no choice"
    return _loose(samples, name, f"{told}; they may be parted.")


def resolved(samples: Sequence[Sample], by: SplitBy) -> SplitBy:
    """What auto comes to. Raises DatasetError when what was asked for is not in the data."""
    if by == "auto":
        collected = [sample for sample in samples if not sample.synthetic_by]
        if any(sample.group for sample in collected):
            return "group"
        return "document" if any(sample.document for sample in collected) else "cluster"
    lacking = {
        "group": not any(sample.group for sample in samples),
        "document": not any(sample.document for sample in samples),
        "time": not any(moment(sample.time) for sample in samples),
    }
    if lacking.get(by, False):
        raise DatasetError(
            f"No split by {by} is possible: no row names its {by}.",
            hint=f"Give the rows a field '{by}', name the field that says it with --map"
            f" {by}=FIELD, or split by something else.",
        )
    return by


def can_be_split(units: Sequence[Unit]) -> bool:
    """Whether the units leave enough to choose from."""
    total = sum(unit.weight for unit in units)
    largest = max((unit.weight for unit in units), default=0)
    return len(units) >= FEWEST and largest <= LARGEST_SHARE * total


def _loose(samples: Sequence[Sample], name: Link | None, note: str) -> Kept:
    """Units without near duplicates; of groups also without equal inputs where those tie all."""
    if name is None:
        return Kept("input", _joined(samples, (same_key,)), (note,))
    by: SplitBy = "group" if name is _group else "document"
    units = _joined(samples, (same_key, name))
    if can_be_split(units):
        return Kept(by, units, (note,))
    alone = _named_or_input(name)
    named = _joined(samples, (alone,), key=alone)
    if can_be_split(named):
        told = f"Equal inputs stand in so many {by}s that they may be parted."
        return Kept(by, named, (note, told))
    largest = max(named, key=lambda unit: unit.weight)
    told = (
        f"There are only {counted(len(named), 'set')} of rows that belong together by {by}, the"
        f" largest with {counted(largest.weight, 'input')}: shares are as near as that allows."
    )
    return Kept(by, named, (told,))


def _by_time(samples: Sequence[Sample]) -> Kept:
    units = _joined(samples, (_time,), key=_time)
    untimed = sum(moment(sample.time) is None for sample in samples)
    if not untimed:
        return Kept("time", units)
    example = next(s.time for s in samples if moment(s.time) is None)
    shown = f", such as '{example[:40]}'" if example else ""
    note = f"{counted(untimed, 'row')} without a time that can be read{shown}: used for training."
    return Kept("time", units, (note,))


def _group(sample: Sample) -> str | None:
    return f"group:{sample.group}" if sample.group else None


def _document(sample: Sample) -> str | None:
    return f"document:{sample.document}" if sample.document else None


def _time(sample: Sample) -> str:
    """What is equal for samples of one moment; those only to be trained on stand alone."""
    at = None if sample.synthetic_by else moment(sample.time)
    return at.isoformat() if at else f"input:{same_key(sample)}"


def _named_or_input(name: Link) -> Callable[[Sample], str]:
    return lambda sample: name(sample) or f"input:{same_key(sample)}"


def _joined(
    samples: Sequence[Sample],
    links: Iterable[Link],
    near: Iterable[tuple[int, ...]] = (),
    *,
    key: Callable[[Sample], str] = same_key,
) -> tuple[Unit, ...]:
    """Units of samples that agree in a link or stand in one cluster, in order of appearance."""
    unions = Unions(len(samples))
    for link in links:
        first: dict[str, int] = {}
        for place, sample in enumerate(samples):
            value = link(sample)
            if value is not None:
                unions.join(first.setdefault(value, place), place)
    for cluster in near:
        for place in cluster[1:]:
            unions.join(cluster[0], place)
    groups: defaultdict[int, list[Sample]] = defaultdict(list)
    for place, sample in enumerate(samples):
        groups[unions.root(place)].append(sample)
    return tuple(Unit(min(map(key, group)), tuple(group)) for group in groups.values())
