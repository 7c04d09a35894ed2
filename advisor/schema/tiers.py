"""What lies between tensors and card, and how far estimates of it err."""

from functools import cached_property
from typing import Literal, cast

from pydantic import Field

from advisor.schema.base import Figure, Value
from advisor.schema.plan import Plan

Tier = Literal["allocated", "reserved", "process"]
Guess = Literal["none", "traced", "stack", "length"]
"""What an estimate rests on that no published run of the same kind confirms.

Nothing; software whose steps were traced and never measured in the tier; software that nobody
named; a length that samples may never reach.
"""


class ErrorBand(Value):
    """Where 80 of 100 published runs of a kind lie, in parts of what is uncertain about them.

    1 + (measured - computed) / (computed - known to the byte): weights, adapters, gradients and
    optimizer states follow from shapes and precisions, so the spread is that of the rest.
    """

    tier: Tier
    guess: Guess
    stack: str = "any"
    method: Literal["full", "lora", "qlora", "any"]
    gpus: Literal["one", "several", "any"]
    checkpointing: Literal["yes", "no", "any"] = "any"
    low: float = Field(ge=0)
    high: float = Field(gt=0)
    runs: int = Field(ge=0)
    sources: int = Field(ge=0)
    why: str = ""


class Tiers(Value):
    """Measured constants of what is held beside tensors, on any software."""

    context_gib: dict[str, Figure] = Field(default_factory=dict)
    """Architecture of the card -> device context and libraries outside the allocator."""
    communication_gib: Figure | None = None
    """Buffers of the library that several GPUs talk through, per GPU."""
    growth: dict[str, Figure] = Field(default_factory=dict)
    """Attention -> blocks that the allocator keeps, as a share of what comes and goes in a step and
    depends on tokens."""
    gathered_growth: Figure | None = None
    """The same of gathered weights, gradients and optimizer temporaries under full sharding."""
    varying_growth: Figure | None = None
    """The same where lengths change from batch to batch, so that no block fits the next one; to be
    taken in proportion to the mean length over the longest."""
    steady_growth: Figure | None = None
    """The same of gradients and optimizer temporaries without it, which find their blocks again."""
    fragmentation: Figure | None = None
    """Share of the allocated peak that no request can use when a card is nearly full."""
    driver_share: Figure | None = None
    """Share of a card's memory that the driver keeps from every program."""
    unknown_shape: Figure | None = None
    """Times the ends of an interval, where the architecture was read by common keys."""
    measured_stacks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Tier -> stacks with enough published runs in it."""
    bands: tuple[ErrorBand, ...] = ()

    @cached_property
    def _seen(self) -> dict[tuple[str, ...], ErrorBand]:
        """Kinds of plans that were asked for; a private attribute of pydantic's is slow to read."""
        return {}

    def band(self, tier: Tier, guess: Guess, plan: Plan, method: str) -> ErrorBand:
        """The first band of the file that takes such a plan; a wide one where there is none.

        `method` is full, lora or qlora, whichever the plan's is closest to.
        """
        number = "one" if plan.gpus == 1 else "several"
        recomputes = "yes" if plan.gradient_checkpointing else "no"
        key = (tier, guess, plan.stack, method, number, recomputes)
        seen = self._seen
        if key not in seen:
            seen[key] = self._first(key)
        return seen[key]

    def _first(self, key: tuple[str, str, str, str, str, str]) -> ErrorBand:
        tier, guess, stack, method, number, recomputes = key
        for band in self.bands:
            if (
                band.tier == tier
                and band.guess == guess
                and band.stack in (stack, "any")
                and band.method in (method, "any")
                and band.gpus in (number, "any")
                and band.checkpointing in (recomputes, "any")
            ):
                return band
        return ErrorBand(
            tier=cast("Tier", tier),
            guess=cast("Guess", guess),
            method="any",
            gpus="any",
            low=0.7,
            high=1.5,
            runs=0,
            sources=0,
            why="assumed; no published run of this kind",
        )
