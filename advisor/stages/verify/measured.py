"""What was estimated beside what training took; no model is called here."""

from __future__ import annotations

from advisor.schema.base import Interval, UsdInterval
from advisor.schema.estimate import Memory, Option
from advisor.schema.train import TrainResult
from advisor.schema.verify import EstimateCheck, Quantity
from advisor.units import hours_from_seconds

LOCAL = "local"
"""What the catalog calls this machine."""

UNITS: dict[Quantity, str] = {
    "memory_gib": "GiB",
    "time_hours": "hours",
    "tokens_per_second": "tokens/s",
    "cost_usd": "USD",
}


def estimate_vs_measured(option: Option, result: TrainResult) -> tuple[EstimateCheck, ...]:
    """Estimated memory, hours, speed and cost beside what training took; unknown stays None.

    Training ran here, so its cost is known only where here is what was priced. Its speed counts
    real tokens; an estimate from the sequence length alone counts padding too, and whether the
    one lies inside the other is then left open.
    """
    hours = hours_from_seconds(result.wall_seconds)
    memory = _tier(option.memory, result.memory_tier)
    speed = _check("tokens_per_second", "speed", option.tokens_per_second, result.tokens_per_second)
    if option.plan.tokens is None:
        speed = speed.model_copy(update={"inside": None})
    return (
        _check("memory_gib", f"{result.memory_tier} memory", memory, result.peak_memory_gib),
        _check("time_hours", "training time", option.time_hours, hours),
        speed,
        _check("cost_usd", "cost", option.cost_usd, _cost(option, hours)),
    )


def _tier(memory: Memory, tier: str) -> Interval | None:
    tiers = {
        "allocated": memory.allocated_gib,
        "reserved": memory.reserved_gib,
        "process": memory.process_gib,
    }
    return tiers[tier]


def _cost(option: Option, hours: float) -> float | None:
    """Hours taken at the offer's price; None where there is none, or it is another machine's."""
    if option.offer is None or option.gpu != LOCAL:
        return None
    return float(option.offer.usd_per_gpu_hour) * option.gpus * hours


def _check(
    id_: Quantity, quantity: str, estimated: Interval | UsdInterval | None, measured: float | None
) -> EstimateCheck:
    bounds = (float(estimated.low), float(estimated.high)) if estimated else None
    return EstimateCheck(
        id=id_,
        quantity=quantity,
        unit=UNITS[id_],
        estimated_low=bounds[0] if bounds else None,
        estimated_likely=float(estimated.likely) if estimated else None,
        estimated_high=bounds[1] if bounds else None,
        measured=measured,
        inside=bounds[0] <= measured <= bounds[1] if bounds and measured is not None else None,
    )
