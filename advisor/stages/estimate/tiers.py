"""From terms to what a card must hold: tensors, the allocator's reserve, the whole process."""

from __future__ import annotations

from advisor.schema.base import Figure, Interval
from advisor.schema.catalog import Gpu
from advisor.schema.estimate import Memory
from advisor.stages.estimate.timeline import PHASES, phase_terms
from advisor.stages.estimate.work import Work


def memory(work: Work, gpu: Gpu) -> Memory:
    """Peak memory per device: the highest phase, its terms, and the tiers above it.

    Intervals are the measured spread of this stack's estimates (catalog), not a guess.
    """
    phases = phase_terms(work)
    totals = {phase: sum(term.gib for term in terms) for phase, terms in phases.items()}
    peak = max(PHASES, key=lambda phase: totals[phase])
    allocated = _scaled(totals[peak], allocated_error(work))
    if gpu.is_cpu:
        reserved = None
        process = _plus(allocated, work.stack.cpu_process_gib)
    else:
        reserved = _scaled_interval(allocated, work.stack.fragmentation)
        process = _plus(reserved, work.stack.context_gib)
    return Memory(
        allocated_gib=allocated,
        reserved_gib=reserved,
        process_gib=process,
        peak_phase=peak,
        terms=tuple(phases[peak]),
    )


def allocated_error(work: Work) -> Figure:
    """How far measured runs lay from the computed value, by what is trained and stored."""
    errors = work.stack.allocated_error
    if work.trains_all:
        return errors["trained"]
    return errors.get(str(work.plan.base_bits), errors["16"])


def _scaled(value: float, ratio: Figure) -> Interval:
    """The spread around a computed value; its middle is the value itself, the sum of the terms."""
    low, high = min(ratio.interval.low, 1.0), max(ratio.interval.high, 1.0)
    return Interval(low=value * low, likely=value, high=value * high)


def _scaled_interval(base: Interval, ratio: Figure) -> Interval:
    """Product of two spreads: likely values multiply, relative deviations add in squares."""
    likely = base.likely * ratio.interval.likely
    down = _joint(base.low / base.likely - 1, ratio.interval.low / ratio.interval.likely - 1)
    up = _joint(base.high / base.likely - 1, ratio.interval.high / ratio.interval.likely - 1)
    return Interval(low=likely * max(1 - down, 0.0), likely=likely, high=likely * (1 + up))


def _plus(base: Interval, addend: Figure) -> Interval:
    """Sum of two spreads: likely values add, deviations add in squares."""
    other = addend.interval
    likely = base.likely + other.likely
    down = _joint(base.likely - base.low, other.likely - other.low)
    up = _joint(base.high - base.likely, other.high - other.likely)
    return Interval(low=max(likely - down, 0.0), likely=likely, high=likely + up)


def _joint(first: float, second: float) -> float:
    return float((first**2 + second**2) ** 0.5)
