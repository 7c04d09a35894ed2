"""Corrects an estimate for this machine by what earlier runs on it took: bounded, and shrunk.

A run tells the ratio of measured to estimated. The geometric mean of the ratios of alike runs is
drawn towards 1, as if so many runs had been exactly as estimated, and held within bounds: one run
moves little, and no number of odd ones moves the estimate far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu
from advisor.schema.estimate import Memory, Option
from advisor.schema.plan import Plan
from advisor.stages.estimate.throughput.hours import Timing

if TYPE_CHECKING:  # their classes are only built where there are records
    from advisor.schema.calibration import CalibrationRecord
    from advisor.schema.train import TrainResult

UNSEEN_RUNS = 3.0
"""Runs exactly as estimated that the measured ones are averaged with."""
MEMORY_BOUNDS = (0.8, 1.25)
SPEED_BOUNDS = (0.5, 2.0)
SPEED_SPREAD = 1.3
"""Either way, around a speed that is known from measured runs alone."""
_TIERS = ("allocated", "reserved", "process")


@dataclass(frozen=True)
class Correction:
    """Factors for this machine, and where they come from."""

    memory: float
    tier: str
    """The lowest tier that was measured; it and those above it are corrected."""
    speed: float
    runs: int
    last: str
    """Date of the newest run."""
    measured_speed: float | None = None
    """Tokens per second of runs of the same model and method, where nothing else is known."""

    @property
    def note(self) -> str:
        """What an estimate says of it."""
        runs = "1 run" if self.runs == 1 else f"{self.runs} runs"
        return (
            f"Corrected by {runs} on this machine, the last on {self.last}: memory x"
            f" {self.memory:.2f}, speed x {self.speed:.2f} (`advisor calibration list`)."
        )


def machine_name(gpu: Gpu) -> str:
    """How this machine is called in records."""
    return f"{gpu.name} ({gpu.memory_gib:.0f} GiB)"


def correction(
    records: Sequence[CalibrationRecord], plan: Plan, *, model: str, machine: str
) -> Correction | None:
    """What alike runs on the machine tell of the plan; None when there are none.

    Alike are runs of the same software, and tuning the same kind of weights.
    """
    alike = [r for r in records if r.machine == machine and _kind(r.plan) == _kind(plan)]
    if not alike:
        return None
    tier = min((r.tier for r in alike), key=_TIERS.index)
    memory = [r.measured_gib / r.estimated_gib for r in alike if r.tier == tier]
    paired = [(r.tokens_per_second, r.estimated_tokens_per_second) for r in alike]
    speed = [measured / expected for measured, expected in paired if measured and expected]
    same = [
        r.tokens_per_second
        for r in alike
        if r.tokens_per_second and r.model == model and r.plan.method == plan.method
    ]
    return Correction(
        memory=_drawn_to_one(memory, MEMORY_BOUNDS),
        tier=tier,
        speed=_drawn_to_one(speed, SPEED_BOUNDS),
        runs=len(alike),
        last=max(r.date for r in alike),
        measured_speed=_mean(same) if same else None,
    )


def calibrated(memory: Memory, found: Correction | None) -> Memory:
    """The memory with the measured tiers and those above them scaled; the terms follow."""
    if found is None or found.memory == 1:
        return memory
    first, factor = _TIERS.index(found.tier), found.memory
    tiers = {f"{tier}_gib": getattr(memory, f"{tier}_gib") for tier in _TIERS[first:]}
    scaled = {name: _scaled(size, factor) for name, size in tiers.items() if size is not None}
    if first > 0:
        return memory.model_copy(update=scaled)
    terms = tuple(term.model_copy(update={"gib": term.gib * factor}) for term in memory.terms)
    phases = {phase: size * factor for phase, size in memory.phases_gib.items()}
    return memory.model_copy(update={**scaled, "terms": terms, "phases_gib": phases})


def measured_speed(found: Correction | None) -> Interval | None:
    """Tokens per second of runs of the same model and method: for where nothing else is known."""
    if found is None or found.measured_speed is None:
        return None
    middle = found.measured_speed
    return Interval(low=middle / SPEED_SPREAD, likely=middle, high=middle * SPEED_SPREAD)


def calibrated_timing(spent: Timing | None, found: Correction | None) -> Timing | None:
    """Speed and training steps scaled; what a job does beside them stays."""
    if spent is None or found is None or found.speed == 1:
        return spent
    steps = _scaled(spent.steps_hours, 1 / found.speed)
    first, *others = spent.parts
    parts = (first.model_copy(update={"hours": steps}), *others)
    return replace(
        spent,
        tokens_per_second=_scaled(spent.tokens_per_second, found.speed),
        steps_hours=steps,
        job_hours=Interval(
            low=sum(part.hours.low for part in parts),
            likely=sum(part.hours.likely for part in parts),
            high=sum(part.hours.high for part in parts),
        ),
        parts=parts,
    )


def record_of(
    option: Option, result: TrainResult, *, model: str, machine: str, date: str
) -> CalibrationRecord | None:
    """What a finished run tells; None when its memory is unknown.

    What the option was corrected by is taken out again. The id is left empty.
    """
    from advisor.schema.calibration import CalibrationRecord  # noqa: PLC0415

    estimated = getattr(option.memory, f"{result.memory_tier}_gib")
    if result.peak_memory_gib is None or estimated is None or result.peak_memory_gib <= 0:
        return None
    known = option.tokens_per_second if option.steps_hours else None
    expected = known.likely / option.speed_correction if known else None
    return CalibrationRecord(
        id="",
        date=date,
        machine=machine,
        model=model,
        plan=option.plan.model_copy(update={"reasons": {}}),
        tier=result.memory_tier,
        estimated_gib=estimated.likely / option.memory_correction,
        measured_gib=result.peak_memory_gib,
        tokens_per_second=result.tokens_per_second,
        estimated_tokens_per_second=expected,
        versions=result.versions,
    )


def _kind(plan: Plan) -> tuple[str, str, bool]:
    """Software, packing of the base, and whether the base itself is trained."""
    return plan.stack, plan.quantisation, plan.method == "full"


def _mean(ratios: Iterable[float]) -> float:
    logs = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(logs) / len(logs))


def _drawn_to_one(ratios: Sequence[float], bounds: tuple[float, float]) -> float:
    """The geometric mean with `UNSEEN_RUNS` ratios of 1, within bounds; an odd ratio is cut first.

    Cutting before averaging keeps one broken record from using up all the room.
    """
    if not ratios:
        return 1.0
    low, high = bounds
    cut = [math.log(min(max(ratio, low), high)) for ratio in ratios]
    return math.exp(sum(cut) / (len(cut) + UNSEEN_RUNS))


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(
        low=interval.low * factor, likely=interval.likely * factor, high=interval.high * factor
    )
