"""Which samples train, tune and test: by a seeded hash of the input, never by row order."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable

from advisor.data_check.lines import counted
from advisor.data_check.normal import by_input, input_key, normalise
from advisor.errors import DatasetError
from advisor.schema.evaluation import Sample, Split

SMALLEST = 20
"""Distinct inputs below which a test split would say nothing."""
TEST_SHARE = 0.3
TEST_CAP = 1000
DEV_SHARE = 0.1
DEV_SHARE_OF_TRAIN = 0.15
"""Share of a given train split that becomes dev when the file has no dev rows."""
PRECEDENCE: tuple[Split, ...] = ("test", "dev", "train")
"""Where a group of equal inputs belongs when its rows were given different splits."""


def split(samples: Iterable[Sample], *, seed: int, limit: int | None = None) -> tuple[Sample, ...]:
    """The samples in their order, each with its split.

    Given splits are kept. Without any: 30 % test (at most 1000 inputs), 10 % dev, the rest train.
    A missing test or dev split is taken out of train. Equal inputs stay together unless the file
    itself parts them. `limit` keeps a seeded choice of test samples and drops the others.
    Raises DatasetError when a test split is needed and there are too few distinct inputs.
    """
    held = tuple(samples)
    groups = by_input(held)
    given = {key: _given(group) for key, group in groups.items()}
    pool = {key: groups[key] for key, name in given.items() if name in {None, "train"}}
    chosen = _choose(pool, given=frozenset(given.values()), seed=seed)
    placed = tuple(_place(sample, given=given, chosen=chosen) for sample in held)
    return placed if limit is None else limit_test(placed, limit=limit, seed=seed)


def limit_test(samples: Iterable[Sample], *, limit: int, seed: int) -> tuple[Sample, ...]:
    """The samples with at most `limit` of the test split; a larger limit keeps the same ones."""
    held = tuple(samples)
    tests = [sample for sample in held if sample.split == "test"]
    ranked = sorted(tests, key=lambda s: (_hash(seed, f"{input_key(s)}:{s.target}"), s.id))
    kept = {sample.id for sample in ranked[:limit]}
    return tuple(sample for sample in held if sample.split != "test" or sample.id in kept)


def counts(samples: Iterable[Sample]) -> dict[str, int]:
    """Samples per split; `none` counts those without."""
    found = Counter(sample.split or "none" for sample in samples)
    return {name: found[name] for name in ("train", "dev", "test", "none") if found[name]}


def _given(group: list[Sample]) -> Split | None:
    names = {sample.split for sample in group}
    return next((name for name in PRECEDENCE if name in names), None)


def _place(sample: Sample, *, given: dict[str, Split | None], chosen: dict[str, Split]) -> Sample:
    key = input_key(sample)
    wanted = chosen.get(key)
    if wanted is None:  # the group was given test or dev: only rows without a split follow it
        wanted = sample.split or given[key]
    return sample if sample.split == wanted else sample.model_copy(update={"split": wanted})


def _choose(
    pool: dict[str, list[Sample]], *, given: frozenset[Split | None], seed: int
) -> dict[str, Split]:
    """A split for every group that is not already test or dev."""
    needs_test, needs_dev = "test" not in given, "dev" not in given
    if needs_test and len(pool) < SMALLEST:
        raise DatasetError(
            f"No test split possible: {counted(len(pool), 'distinct usable input')}, at least"
            f" {SMALLEST} are needed.",
            hint="Collect more rows, or mark test rows yourself in a 'split' column.",
        )
    tests = min(TEST_CAP, round(TEST_SHARE * len(pool))) if needs_test else 0
    share = DEV_SHARE if needs_test else DEV_SHARE_OF_TRAIN
    devs = round(share * len(pool)) if needs_dev else 0
    order = _ranked(pool, seed=seed)
    chosen: dict[str, Split] = dict.fromkeys(order, "train")
    chosen.update(dict.fromkeys(order[:tests], "test"))
    chosen.update(dict.fromkeys(order[tests : tests + devs], "dev"))
    return chosen


def _ranked(pool: dict[str, list[Sample]], *, seed: int) -> list[str]:
    """Keys in an order of which every stretch holds each target in its share.

    Within a target the keys are shuffled by hash and spread evenly over 0 to 1, shifted by the
    target's own hash; targets that occur once are therefore simply shuffled.
    """
    strata: defaultdict[str, list[str]] = defaultdict(list)
    for key, group in pool.items():
        strata[min(normalise(sample.target) for sample in group)].append(key)
    places: dict[str, tuple[float, float]] = {}
    for target, keys in strata.items():
        shift = _hash(seed, f"target:{target}")
        shuffled = sorted(keys, key=lambda key: (_hash(seed, key), key))
        for position, key in enumerate(shuffled):
            places[key] = ((position + shift) / len(keys), _hash(seed, key))
    return sorted(places, key=lambda key: (places[key], key))


def _hash(seed: int, text: str) -> float:
    """A number from 0 up to 1 that only seed and text decide."""
    digest = hashlib.sha256(f"{seed}:{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
