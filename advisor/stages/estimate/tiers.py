"""From terms to what a card must hold: tensors, the allocator's reserve, the whole process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu
from advisor.schema.estimate import Memory
from advisor.schema.plan import Phase
from advisor.schema.tiers import ErrorBand, Guess, Tier
from advisor.stages.estimate.addends import Addend
from advisor.stages.estimate.fit import usable_gib
from advisor.stages.estimate.sharding import is_gathered
from advisor.stages.estimate.states import paged_bytes
from advisor.stages.estimate.timeline import terms, timeline
from advisor.stages.estimate.work import Work
from advisor.units import gib_from_bytes

RESIDENT = frozenset({"weights", "adapter", "optimizer states", "master weights", "framework"})
"""Terms that lie still through the whole step."""
_OTHER = "other"


def memory(work: Work, gpu: Gpu) -> Memory:
    """Peak memory per device: the highest phase, its terms, and the tiers above it.

    Intervals are the measured spread of published runs (catalog), not a guess.
    """
    phases = timeline(work)
    totals: dict[str, float] = {
        phase: gib_from_bytes(sum(addend.bytes for addend in addends))
        for phase, addends in phases.items()
    }
    peak = max(phases, key=lambda phase: totals[phase])
    allocated = totals[peak]
    reserved: Interval | None = None
    if gpu.is_cpu:
        libraries = work.stack.cpu_process_gib.interval
        base = _spread(allocated, band(work, "allocated"))
        process = _sum(base, libraries)
    else:
        outside = outside_gib(work, gpu).likely + gib_from_bytes(paged_bytes(work))
        room = max(usable_gib(gpu, work.stack.tiers) - outside, allocated)
        held = min(allocated + growth_gib(work, phases), room)
        reserved = _spread(held, band(work, "reserved"))
        process = _spread(held + outside, band(work, "process"))
    return Memory(
        allocated_gib=_spread(allocated, band(work, "allocated")),
        reserved_gib=reserved,
        process_gib=process,
        peak_phase=peak,
        terms=terms(phases[peak]),
        phases_gib=totals,
    )


def band(work: Work, tier: Tier) -> ErrorBand:
    """How far measured runs of the plan's kind lay from the computed value."""
    return work.stack.tiers.band(tier, _guess(work, tier), work.plan, _kind(work))


def allocated_error(work: Work) -> ErrorBand:
    """The band of the tensors alone."""
    return band(work, "allocated")


def _guess(work: Work, tier: Tier) -> Guess:
    """What no published run confirms: the length weighs more than the software."""
    assumed = work.plan.assumed
    if "sequence_length" in assumed:
        return "length"
    if "stack" in assumed:
        return "stack"
    measured = work.stack.tiers.measured_stacks.get(tier, ())
    return "none" if work.stack.id in measured else "traced"


def _kind(work: Work) -> str:
    """full, lora or qlora, whichever the method is closest to."""
    if work.plan.base_bits < 16:
        return "qlora"
    return "full" if work.trains_all else "lora"


def growth_gib(work: Work, phases: Mapping[Phase, Sequence[Addend]]) -> float:
    """Blocks that the allocator keeps beyond the peak of the tensors.

    They come from what is allocated and freed within a step, so they grow with that, not with the
    card: a measured share by attention, and a larger one where weights are gathered and freed.
    """
    tiers = work.stack.tiers
    figure = tiers.gathered_growth if is_gathered(work) else tiers.growth.get(work.plan.attention)
    if figure is None:
        return 0.0
    moving = max(
        sum(addend.bytes for addend in addends if addend.name not in RESIDENT)
        for addends in phases.values()
    )
    return figure.interval.likely * gib_from_bytes(moving)


def outside_gib(work: Work, gpu: Gpu) -> Interval:
    """Outside the allocator: the device context, and buffers to talk to other GPUs."""
    tiers = work.stack.tiers
    known = tiers.context_gib
    figure = known.get(gpu.architecture) or known.get(_OTHER) or work.stack.context_gib
    alone = work.plan.gpus == 1 or work.plan.strategy == "layer_split"  # one process drives all
    if alone or tiers.communication_gib is None:
        return figure.interval
    return _sum(figure.interval, tiers.communication_gib.interval)


def _spread(value: float, errors: ErrorBand) -> Interval:
    """The band around a computed value, whose middle is the value itself."""
    return Interval(
        low=value * min(errors.low, 1.0), likely=value, high=value * max(errors.high, 1.0)
    )


def _sum(base: Interval, other: Interval) -> Interval:
    """Sum of two spreads: likely values add, deviations add in squares."""
    likely = base.likely + other.likely
    down = _joint(base.likely - base.low, other.likely - other.low)
    up = _joint(base.high - base.likely, other.high - other.likely)
    return Interval(low=max(likely - down, 0.0), likely=likely, high=likely + up)


def _joint(first: float, second: float) -> float:
    return float((first**2 + second**2) ** 0.5)
