"""Error bands from published runs: where measured memory lies around the computed one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from advisor.schema.tiers import ErrorBand, Guess
from advisor.stages.estimate.memory.tiers import KNOWN, uncertain_gib
from benchmarks.memory import table
from benchmarks.memory.cells import number
from benchmarks.memory.rows import Case, described, predict, without_stack

ENDS: Mapping[tuple[str, bool], tuple[float, float]] = {
    ("allocated", True): (0.2, 0.82),
    ("allocated", False): (0.2, 0.93),
    ("reserved", True): (0.1, 0.94),
    ("reserved", False): (0.12, 0.95),
    ("process", True): (0.1, 0.91),
    ("process", False): (0.08, 0.93),
}
"""Tier, and whether the software is known -> quantiles of the band's ends.

Those of tensors of known software lie further in: `FAR` and `LEAST_SPREAD` widen what they give.
"""
STRANGERS: Mapping[tuple[str, bool], float] = {
    ("allocated", True): 0.8,
    ("allocated", False): 1.0,
    ("reserved", True): 1.0,
    ("reserved", False): 1.0,
    ("process", True): 0.5,
    ("process", False): 2.0,
}
"""As many sources as all others of the tier weigh together in the band of one kind of plan.

A kind with one source borrows from how far sources lie apart; one with many hardly does.
"""
FAR = 0.97
"""Share of runs on one card that pass the upper end by 5 % at most."""
LEAST_SPREAD = 0.015
"""No band is narrower."""
TRACED = 0.12
"""Closed form against traced steps at the 90 % point; a trace is within 1 % of a real step."""
LEAST_RUNS = 8
"""Fewer runs than that borrow the band of all methods."""

_TIERS = {"allocated": "allocated", "reserved": "reserved", "device": "process"}


@dataclass(frozen=True)
class Observation:
    """One published figure against ours."""

    source: str
    tier: str
    guess: str
    method: str
    gpus: str
    checkpointing: str
    stack: str
    ratio: float
    """1 + (measured - computed) / the uncertain part of the computed."""
    share: float
    """The uncertain part of the computed."""

    @property
    def whole_ratio(self) -> float:
        """Measured over computed."""
        return 1 + self.share * (self.ratio - 1)

    def reaches(self, end: float) -> float:
        """The end of a band over the computed value."""
        return 1 + self.share * (end - 1)


def observe(
    rows: Iterable[tuple[str, Mapping[str, str]]], configs: Mapping[str, dict[str, str]]
) -> list[Observation]:
    """Measured over likely memory of every row of grade A or B, tier by tier.

    Rows whose software is known are looked at twice: as they are, and as if it were not.
    """
    found: list[Observation] = []
    for _, row in rows:
        if row.get("quality") == "C":
            continue
        try:
            _, case = described(row, configs)
            found += _of_case(row, case)
            if not case.plan.assumed:
                found += _of_case(row, without_stack(case))
        except ValueError:
            continue
    return found


def _of_case(row: Mapping[str, str], case: Case) -> list[Observation]:
    memory = predict(case).memory
    computed = {
        "allocated": memory.allocated_gib.likely,
        "reserved": memory.reserved_gib.likely if memory.reserved_gib else None,
        "process": memory.process_gib.likely if memory.process_gib else None,
    }
    assumed = case.plan.assumed
    guess: Guess = "length" if "sequence_length" in assumed else "stack" if assumed else "none"
    known = sum(term.gib for term in memory.terms if term.name in KNOWN)
    return [
        Observation(
            source=row.get("source_key", ""),
            tier=tier,
            guess=guess,
            method=_kind(case),
            gpus="one" if case.plan.gpus == 1 else "several",
            checkpointing="yes" if case.plan.gradient_checkpointing else "no",
            stack=case.stack.id,
            ratio=1 + (measured - likely) / uncertain,
            share=uncertain / likely,
        )
        for tier, measured in _figures(row, case.tier).items()
        if (likely := computed[tier])
        if (uncertain := uncertain_gib(likely, known, guess)) > 0
    ]


def _kind(case: Case) -> str:
    if case.plan.base_bits < 16:
        return "qlora"
    return "full" if case.plan.method == "full" else "lora"


def _figures(row: Mapping[str, str], tier: str) -> dict[str, float]:
    """Every tier that a row tells; an unstated one counts as the process."""
    found: dict[str, float] = {}
    told = table.measured_gib(dict(row))
    if told:
        found[_TIERS.get(tier, "process")] = told
    more = {
        "allocated": number(row.get("peak_alloc_gib")),
        "reserved": number(row.get("peak_reserved_gib")),
        "process": number(row.get("nvidia_smi_gib")),
    }
    return {name: value for name, value in more.items() if value} | found


def measured_stacks(observations: Sequence[Observation]) -> dict[str, list[str]]:
    """Tier -> stacks with enough runs whose software and length are known."""
    counts: Counter[tuple[str, str]] = Counter(
        (one.tier, one.stack) for one in observations if one.guess == "none"
    )
    return {
        tier: sorted(stack for (t, stack), n in counts.items() if t == tier and n >= LEAST_RUNS)
        for tier in _TIERS.values()
    }


def regard(observations: Sequence[Observation]) -> list[Observation]:
    """The same, where software with too few runs in a tier counts as traced only."""
    known = measured_stacks(observations)
    return [
        replace(one, guess="traced")
        if one.guess == "none" and one.stack not in known[one.tier]
        else one
        for one in observations
    ]


def fit(observations: Sequence[Observation]) -> list[ErrorBand]:
    """Bands for every tier, from the narrowest kind of plan with enough runs to the widest."""
    found = []
    observations = regard(observations)
    for tier in _TIERS.values():
        known = [o for o in observations if o.tier == tier and o.guess == "none"]
        for guess in ("none", "traced", "stack", "length"):
            few = [o for o in observations if o.tier == tier and o.guess == guess]
            kinds = _KINDS[guess] if tier == "allocated" else _KINDS["other"]
            if guess == "none":
                kinds = (*_stack_kinds(few, by_method=tier == "allocated"), *kinds)
            found += [
                _band(some, few, kind)
                for kind in kinds
                if len(some := [o for o in few if kind.takes(o)]) >= LEAST_RUNS
            ]
            enough = guess != "traced" and len(few) > 0
            every = few if enough else [replace(o, guess=guess) for o in known]
            if every:
                found.append(_band(every, every, _ALL))
    return found


@dataclass(frozen=True)
class Kind:
    """Plans that share a band."""

    stack: str = "any"
    method: str = "any"
    gpus: str = "any"
    checkpointing: str = "any"

    def takes(self, one: Observation) -> bool:
        """Whether an observation is of this kind."""
        return (
            self.stack in (one.stack, "any")
            and self.method in (one.method, "any")
            and self.gpus in (one.gpus, "any")
            and self.checkpointing in (one.checkpointing, "any")
        )


def _stack_kinds(few: Sequence[Observation], *, by_method: bool) -> tuple[Kind, ...]:
    """Every software on one and on several cards, where asked by method first."""
    methods = (*_METHODS, "any") if by_method else ("any",)
    return tuple(
        Kind(stack=stack, method=method, gpus=gpus)
        for stack in sorted({one.stack for one in few})
        for gpus in ("one", "several")
        for method in methods
    )


_ALL = Kind()
_METHODS = ("full", "lora", "qlora")
_KINDS = {
    "none": (
        *(Kind(method=method, gpus=gpus) for gpus in ("one", "several") for method in _METHODS),
        Kind(gpus="one"),
        Kind(gpus="several"),
    ),
    "stack": (
        *(
            Kind(method=method, gpus=gpus, checkpointing="yes")
            for gpus in ("one", "several")
            for method in _METHODS
        ),
        *(Kind(method=method, checkpointing="yes") for method in _METHODS),
        Kind(checkpointing="no"),
    ),
    "traced": (),
    "length": (),
    "other": (Kind(gpus="one"), Kind(gpus="several")),
}


def _band(few: Sequence[Observation], all_of_them: Sequence[Observation], kind: Kind) -> ErrorBand:
    """The band's ends: the wider of the kind's own quantiles and of those mixed with all runs'.

    Among a kind's own runs every source weighs as the square root of them, among all of the tier
    every source the same.
    """
    tier, guess = few[0].tier, few[0].guess
    cell = tier, guess in ("none", "traced")
    counts = Counter(one.source for one in few)
    share = STRANGERS[cell] / (len(counts) + STRANGERS[cell])
    own = _weighed(few, 1.0, 0.5)
    mixed = sorted(_weighed(few, 1 - share, 0.5) + _weighed(all_of_them, share, 1.0))
    lows, highs = ([_quantile(some, end) for some in (own, mixed)] for end in ENDS[cell])
    low, high = min(lows), max(highs)
    if guess == "traced":
        low = 1 - math.hypot(1 - min(low, 1), TRACED)
        high = 1 + math.hypot(max(high, 1) - 1, TRACED)
    if tier == "allocated" and guess == "none" and kind.gpus == "one":
        high = max(high, _quantile(mixed, FAR) / table.ABOVE_MARGIN)
    names: dict[str, Any] = {"tier": tier, "guess": guess, **asdict(kind)}
    return ErrorBand(
        low=round(max(min(low, 1 - LEAST_SPREAD), 0.0), 3),
        high=round(max(high, 1 + LEAST_SPREAD), 3),
        runs=len(few),
        sources=len(counts),
        **names,
    )


def _weighed(few: Sequence[Observation], total: float, power: float) -> list[tuple[float, float]]:
    """Ratios with weights that sum to `total`; a source weighs as its runs to 1 - `power`."""
    counts = Counter(one.source for one in few)
    raw = [(one.ratio, float(counts[one.source] ** -power)) for one in few]
    unit = total / sum(weight for _, weight in raw)
    return sorted((ratio, weight * unit) for ratio, weight in raw)


def _quantile(weighed: Sequence[tuple[float, float]], share: float) -> float:
    """Where `share` of the weight lies below; 1 where there is nothing."""
    total, seen = sum(weight for _, weight in weighed), 0.0
    for value, weight in weighed:
        seen += weight
        if seen >= share * total:
            return value
    return 1.0


def find(bands: Sequence[ErrorBand], one: Observation) -> ErrorBand:
    """The first band that takes an observation."""
    return next(
        band
        for band in bands
        if band.tier == one.tier
        and band.guess == one.guess
        and band.stack in (one.stack, "any")
        and band.method in (one.method, "any")
        and band.gpus in (one.gpus, "any")
        and band.checkpointing in (one.checkpointing, "any")
    )


def left_out(observations: Sequence[Observation]) -> dict[str, dict[str, Any]]:
    """Coverage of every source by bands of all other sources, and by those of all."""
    everything, observations = fit(observations), regard(observations)
    groups: dict[str, list[tuple[Observation, ErrorBand, ErrorBand]]] = {}
    for source in sorted({one.source for one in observations}):
        others = fit([one for one in observations if one.source != source])
        for one in observations:
            if one.source == source:
                name = f"{one.tier}, {_GUESSES[one.guess]}"
                groups.setdefault(name, []).append((one, find(others, one), find(everything, one)))
    return {
        name: {"n": len(entries), "sources": len({one.source for one, _, _ in entries})}
        | {
            when: _coverage([(one, bands[index]) for one, *bands in entries])
            for index, when in enumerate(("left_out", "in_sample"))
        }
        for name, entries in sorted(groups.items())
    }


_GUESSES = {
    "none": "all known",
    "traced": "software traced only",
    "stack": "software unknown",
    "length": "length a limit",
}


def _coverage(entries: Sequence[tuple[Observation, ErrorBand]]) -> dict[str, float]:
    total = len(entries)
    inside = sum(band.low <= one.ratio <= band.high for one, band in entries)
    above = sum(
        one.whole_ratio > one.reaches(band.high) * table.ABOVE_MARGIN for one, band in entries
    )
    return {"coverage": round(inside / total, 4), "above_high5": round(above / total, 4)}
