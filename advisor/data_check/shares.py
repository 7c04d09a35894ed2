"""Which units train, tune and test: in the wanted shares, each label as often in all of them."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from advisor.data_check.units import Unit
from advisor.errors import DatasetError
from advisor.schema.evaluation import Split

TEST_SHARE = 0.3
TEST_CAP = 1000
DEV_SHARE = 0.1
DEV_SHARE_OF_TRAIN = 0.15
"""Share of a given train split that becomes dev when the file has no dev rows."""
LABEL_WORTH_WATCHING = 10
"""Samples below which a target is not balanced by itself."""

FEW = 10
"""Units up to which the largest comes strictly first, since each weighs heavily."""


@dataclass(frozen=True)
class Shares:
    """How much of the distinct inputs tests and tunes."""

    test: float = TEST_SHARE
    dev: float = DEV_SHARE
    test_cap: int | None = TEST_CAP
    """Inputs that the test part has at most."""

    def quotas(self, total: int, *, needs_test: bool, needs_dev: bool) -> dict[Split, int]:
        """Distinct inputs for each split that is still to be made; train gets the rest."""
        tests = round(self.test * total) if needs_test else 0
        tests = tests if self.test_cap is None else min(self.test_cap, tests)
        is_usual = self.dev == DEV_SHARE
        share = DEV_SHARE_OF_TRAIN if is_usual and not needs_test else self.dev
        devs = round(share * total) if needs_dev else 0
        return {"test": tests, "dev": devs, "train": total - tests - devs}


def hashed(seed: int, text: str) -> float:
    """A number from 0 up to 1 that only seed and text decide."""
    digest = hashlib.sha256(f"{seed}:{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def in_order(units: Sequence[Unit], quotas: Mapping[Split, int], *, seed: int) -> dict[str, Split]:
    """A split for every unit, by its key: in seeded order by label where units are small enough."""
    wanted = quotas["test"] + quotas["dev"]
    bound = min((quota for quota in (quotas["test"], quotas["dev"]) if quota), default=0) / 2
    light = [unit for unit in units if unit.weight <= max(1.0, bound)]
    if sum(unit.weight for unit in light) < min(2 * wanted, sum(unit.weight for unit in units)):
        return balanced(units, quotas, seed=seed)
    chosen: dict[str, Split] = {unit.key: "train" for unit in units}
    left = {"test": quotas["test"], "dev": quotas["dev"]}
    for unit in ranked(light, seed=seed):
        for name in ("test", "dev"):
            if unit.weight <= 2 * left[name]:
                chosen[unit.key] = name
                left[name] = max(0, left[name] - unit.weight)
                break
            left[name] = 0
    return chosen


def ranked(units: Sequence[Unit], *, seed: int) -> list[Unit]:
    """The units in an order of which every stretch holds each label in its share.

    Within a label the units are shuffled by hash and spread evenly over 0 to 1, shifted by the
    label's own hash; labels that occur once are therefore simply shuffled.
    """
    strata: defaultdict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        strata[min(unit.labels)].append(unit)
    places: dict[str, tuple[float, float]] = {}
    for label, held in strata.items():
        shift = hashed(seed, f"target:{label}")
        shuffled = sorted(held, key=lambda unit: (hashed(seed, unit.key), unit.key))
        for position, unit in enumerate(shuffled):
            places[unit.key] = ((position + shift) / len(held), hashed(seed, unit.key))
    return sorted(units, key=lambda unit: (places[unit.key], unit.key))


def balanced(units: Sequence[Unit], quotas: Mapping[Split, int], *, seed: int) -> dict[str, Split]:
    """A split for every unit where units are large: one by one, large first, to where it lacks.

    What a split lacks is told by the chi-square distance of its labels and inputs from its quota
    (iterative stratification in the manner of Sechidis and others, 2011). Units of one size class
    come in seeded order.
    """
    total = max(1, sum(quotas.values()))
    seen = Counter(label for unit in units for label in unit.labels)
    names: list[Split] = [name for name, quota in quotas.items() if quota]
    held: dict[Split, Counter[str | None]] = {name: Counter() for name in names}
    sizes = Counter({label: n for label, n in seen.items() if n >= LABEL_WORTH_WATCHING})
    chosen: dict[str, Split] = {}

    def distance(name: Split, content: Counter[str | None]) -> float:
        share = quotas[name] / total
        found = 0.0
        for label, count in content.items():
            due = share * (total if label is None else sizes[label])
            found += (2 * count * (held[name][label] - due) + count**2) / due
        return found

    few = len(units) <= FEW

    def place(unit: Unit) -> tuple[int, float, str]:
        size = unit.weight if few else unit.weight.bit_length()
        return (-size, hashed(seed, unit.key), unit.key)

    for unit in sorted(units, key=place):
        content = Counter[str | None](label for label in unit.labels if label in sizes)
        content[None] = unit.weight
        best = min(names, key=lambda name: (distance(name, content), name))
        held[best].update(content)
        chosen[unit.key] = best
    return _none_empty(units, chosen, names)


def _none_empty(
    units: Sequence[Unit], chosen: dict[str, Split], names: Sequence[Split]
) -> dict[str, Split]:
    """The choice with the smallest train unit moved to a split that got none, where one can go."""
    for name in names:
        trained = [unit for unit in units if chosen[unit.key] == "train"]
        if name not in chosen.values() and len(trained) > 1:
            smallest = min(trained, key=lambda unit: (unit.weight, unit.key))
            chosen[smallest.key] = name
    return chosen


def latest(units: Sequence[Unit], quotas: Mapping[Split, int]) -> dict[str, Split]:
    """A split for every unit: the latest test, those before tune, the earliest train.

    Samples of one moment stay together; a split ends where it is nearest to its quota. Raises
    DatasetError when there are too few moments.
    """
    chosen: dict[str, Split] = {unit.key: "train" for unit in units}
    timed = [unit for _, unit in sorted(((u.at, u) for u in units if u.at), key=_first)][::-1]
    wanted: list[Split] = [name for name in ("test", "dev") if quotas[name]]
    if len(timed) <= len(wanted):
        raise DatasetError(
            f"No split by time is possible: the rows name {len(timed)} distinct times, at least"
            f" {len(wanted) + 1} are needed.",
            hint="Name times that are finer, or split by something else.",
        )
    place = 0
    for number, name in enumerate(wanted):
        last = len(timed) - (len(wanted) - number)  # later splits and train need one each
        got = 0
        while place < last and (not got or _nearer(got, timed[place].weight, quotas[name])):
            chosen[timed[place].key] = name
            got += timed[place].weight
            place += 1
    return chosen


def _first(pair: tuple[datetime, Unit]) -> datetime:
    return pair[0]


def _nearer(got: int, more: int, quota: int) -> bool:
    return math.fabs(got + more - quota) < math.fabs(got - quota)
