"""From terms to what a card must hold: tensors, the allocator's reserve, the whole process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu
from advisor.schema.estimate import Memory
from advisor.schema.plan import Phase
from advisor.schema.tiers import ErrorBand, Guess, Tier
from advisor.stages.estimate.memory.addends import Addend
from advisor.stages.estimate.memory.fit import settled_tiers, usable_gib
from advisor.stages.estimate.memory.sharding import is_gathered
from advisor.stages.estimate.memory.states import paged_bytes
from advisor.stages.estimate.memory.timeline import terms, timeline
from advisor.stages.estimate.memory.work import Work
from advisor.units import gib_from_bytes

RESIDENT = frozenset({"weights", "adapter", "optimizer states", "master weights", "framework"})
"""Terms that lie still through the whole step."""
LASTING = frozenset({"weights", "adapter", "optimizer states"})
"""Terms that no run of a plan can do without."""
KNOWN = LASTING | {"gradients", "gradient buckets"}
"""Terms that follow from shapes and precisions."""
DOUBT: Mapping[Guess, float] = {"none": 0.05, "traced": 0.1, "stack": 0.5, "length": 0.05}
"""What an estimate rests on -> the part of known terms that is in doubt all the same."""
STEADY = frozenset(
    {
        "gradients",
        "gradient buckets",
        "32-bit gradients",
        "optimizer temporary",
        "gathered weights",
        "whole gradients",
    }
)
"""Terms that come and go in the same size in every step."""
NEARLY_FULL = 0.95
"""A mean length above this share of the longest counts as one length."""
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
    tensors, held, process = _tiers(work, gpu, phases, totals[peak], _known(work, phases[peak]))
    return Memory(
        allocated_gib=tensors,
        reserved_gib=held,
        process_gib=process,
        peak_phase=peak,
        terms=terms(phases[peak]),
        phases_gib=totals,
    )


def _tiers(
    work: Work,
    gpu: Gpu,
    phases: Mapping[Phase, Sequence[Addend]],
    computed: float,
    known: tuple[float, float],
) -> tuple[Interval, Interval | None, Interval]:
    """Tensors, what the allocator holds, and the process, from the tensors at the peak."""
    tensors = _spread(work, "allocated", computed, known)
    if gpu.is_cpu:
        return tensors, None, _sum(tensors, work.stack.cpu_process_gib.interval)
    outside, tiers = outside_gib(work, gpu), work.stack.tiers
    beside, room = outside.likely + gib_from_bytes(paged_bytes(work)), usable_gib(gpu, tiers)
    kept = min(computed + growth_gib(work, phases), max(room - beside, computed))
    held = _spread(work, "reserved", kept, known)
    process = _spread(work, "process", kept + beside, known)
    if _is_surer(work, "process", "reserved"):
        held = _down_to(held, max(process.low - beside, known[1]))
    if _is_surer(work, "reserved", "allocated") or _is_surer(work, "process", "allocated"):
        tensors = _down_to(tensors, max(held.low, known[1]))
    return tensors, *settled_tiers((tensors, held, process), room, outside, tiers)


def _is_surer(work: Work, upper: Tier, lower: Tier) -> bool:
    """Whether runs of the software were measured in the upper tier and not in the lower."""
    return guess_of(work, upper) == "none" != guess_of(work, lower)


def _down_to(interval: Interval, low: float) -> Interval:
    """The interval with its low end lowered: a part takes no more than the measured whole may."""
    if low >= interval.low:
        return interval
    return Interval(low=low, likely=interval.likely, high=interval.high)


def band(work: Work, tier: Tier) -> ErrorBand:
    """How far measured runs of the plan's kind lay from the computed value."""
    return work.stack.tiers.band(tier, guess_of(work, tier), work.plan, _kind(work))


def allocated_error(work: Work) -> ErrorBand:
    """The band of the tensors alone."""
    return band(work, "allocated")


def guess_of(work: Work, tier: Tier) -> Guess:
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


def _known(work: Work, living: Sequence[Addend]) -> tuple[float, float]:
    """GiB in the peak that follow from shapes and precisions; those no run can do without."""
    sizes = [(addend.name, addend.bytes) for addend in living if addend.name in KNOWN]
    certain = LASTING if "stack" not in work.plan.assumed else frozenset({"weights", "adapter"})
    return (
        gib_from_bytes(sum(size for _, size in sizes)),
        gib_from_bytes(sum(size for name, size in sizes if name in certain)),
    )


def uncertain_gib(computed: float, known: float, guess: Guess) -> float:
    """The part of a computed size that error bands are shares of."""
    return computed - known * (1 - DOUBT[guess])


def _spread(work: Work, tier: Tier, computed: float, known: tuple[float, float]) -> Interval:
    """The band around a computed value, never below what every run of the plan holds."""
    guess = guess_of(work, tier)
    errors = work.stack.tiers.band(tier, guess, work.plan, _kind(work))
    uncertain = uncertain_gib(computed, known[0], guess)
    low = computed - uncertain * max(1 - errors.low, 0.0)
    found = Interval(
        low=min(max(low, known[1]), computed),
        likely=computed,
        high=computed + uncertain * max(errors.high - 1, 0.0),
    )
    doubt = work.stack.tiers.unknown_shape
    if doubt is None or not work.model.is_approximate:
        return found
    ends = doubt.interval
    return Interval(low=found.low * ends.low, likely=computed, high=found.high * ends.high)


def growth_gib(work: Work, phases: Mapping[Phase, Sequence[Addend]]) -> float:
    """Blocks that the allocator keeps beyond the peak of the tensors.

    They come from what is allocated and freed within a step, so they grow with that, not with the
    card: a measured share by attention of what depends on tokens, a larger one where lengths change
    and blocks of one batch do not fit the next; hardly any of what has one size in every step,
    unless weights are put together and let go beside it.
    """
    tiers, plan = work.stack.tiers, work.plan
    figure = tiers.growth.get(plan.attention)
    share = figure.interval.likely if figure else 0.0
    if tiers.varying_growth is not None and plan.mean_sequence_length and not plan.packing:
        mean = min(plan.mean_sequence_length / plan.sequence_length, 1.0)
        if mean < NEARLY_FULL:
            share = max(share, mean * tiers.varying_growth.interval.likely)
    fixed = tiers.gathered_growth if is_gathered(work) else tiers.steady_growth
    steady = fixed.interval.likely if fixed else share
    return gib_from_bytes(
        max(
            sum(
                (steady if addend.name in STEADY else share) * addend.bytes
                for addend in addends
                if addend.name not in RESIDENT
            )
            for addends in phases.values()
        )
    )


def outside_gib(work: Work, gpu: Gpu) -> Interval:
    """Outside the allocator: the device context, and buffers to talk to other GPUs."""
    tiers = work.stack.tiers
    known = tiers.context_gib
    figure = known.get(gpu.architecture) or known.get(_OTHER) or work.stack.context_gib
    alone = work.plan.gpus == 1 or work.plan.strategy == "layer_split"  # one process drives all
    if alone or tiers.communication_gib is None:
        return figure.interval
    return _sum(figure.interval, tiers.communication_gib.interval)


def _sum(base: Interval, other: Interval) -> Interval:
    """Sum of two spreads: likely values add, deviations add in squares."""
    likely = base.likely + other.likely
    down = _joint(base.likely - base.low, other.likely - other.low)
    up = _joint(base.high - base.likely, other.high - other.likely)
    return Interval(low=max(likely - down, 0.0), likely=likely, high=likely + up)


def _joint(first: float, second: float) -> float:
    return float((first**2 + second**2) ** 0.5)
