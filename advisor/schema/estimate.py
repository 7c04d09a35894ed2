"""Memory, hours and money of tuning options, as intervals with their terms."""

from __future__ import annotations

from typing import Literal

from advisor.schema.base import Interval, Provenance, UsdInterval, Value
from advisor.schema.catalog import Offer
from advisor.schema.plan import Plan


class Term(Value):
    """One addend of the peak memory."""

    name: str
    gib: float
    formula: str
    inputs: dict[str, float | int | str]
    provenance: Provenance


class Memory(Value):
    """Peak memory per GPU in three tiers; an unknown tier is None."""

    allocated_gib: Interval
    """What tensors take."""
    reserved_gib: Interval | None
    """What the allocator holds: tensors and fragmentation."""
    process_gib: Interval | None
    """What the process takes: reserved and the device context."""
    peak_phase: str
    terms: tuple[Term, ...]
    """Alive in the peak phase; they sum to `allocated_gib.likely`."""


class EstimatedModel(Value):
    """The model that was estimated, by name and size."""

    id: str
    parameters: int
    active_parameters: int | None


class Option(Value):
    """One plan with its memory, time and cost, and whether it fits."""

    objective: str
    method: str
    plan: Plan
    memory: Memory
    gpu: str
    gpus: int
    fits: bool | Literal["uncertain"]
    probability_fits: float | None
    headroom_gib: float
    """Card memory minus likely process memory; negative by how much it is short."""
    trainable_parameters: int
    time_hours: Interval | None
    tokens_per_second: Interval | None
    cost_usd: UsdInterval | None
    offer: Offer | None
    serving: dict[str, float | str] | None = None
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Estimate(Value):
    """All options, cheapest fitting first."""

    model: EstimatedModel
    options: tuple[Option, ...]
    recommended: int | None
    """Index into `options`; None when nothing fits."""
    nearest: str = ""
    """When nothing fits: the nearest plan that would, in words."""
    prices_as_of: str
    warnings: tuple[str, ...] = ()
