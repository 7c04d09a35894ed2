"""What the memory of a plan is computed from, with the sizes every term needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from advisor.schema.catalog import ModelCard, Stack
from advisor.schema.plan import Footprint, ObjectiveFootprint, Plan, Precision

NUMBER_BYTES: Mapping[str, int] = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Work:
    """A plan with everything that decides its memory."""

    plan: Plan
    model: ModelCard
    footprint: Footprint
    stack: Stack
    objective: ObjectiveFootprint = field(default_factory=ObjectiveFootprint)

    @cached_property
    def sequences(self) -> int:
        """Sequences that go through the model together on one device."""
        return self.plan.micro_batch_size * self.objective.sequences_per_sample

    @cached_property
    def length(self) -> int:
        """Tokens of one sequence, trained tokens in front included."""
        return self.plan.sequence_length + self.footprint.extra_tokens

    @cached_property
    def tokens(self) -> int:
        """Tokens of one micro-batch on one device."""
        return self.sequences * self.length

    @cached_property
    def number_bytes(self) -> int:
        """Bytes of one activation: of the autocast precision, else of the weights'."""
        return NUMBER_BYTES[self.plan.compute_precision or self.plan.precision]

    @cached_property
    def trained_precision(self) -> Precision:
        """Of trained weights themselves: the 32-bit copies that DeepSpeed steps are states."""
        plan = self.plan
        if plan.strategy.startswith("zero") and self.trains_all:
            return plan.precision
        return plan.trained_precision or plan.precision

    @cached_property
    def stream_bytes(self) -> int:
        """Bytes of a number between layers: 32-bit norms or embeddings lift the whole stream."""
        plan = self.plan
        if plan.precision == "float32":
            return 4
        is_prepared = plan.base_bits < 16 and plan.unquantised_precision == "float32"
        return 4 if is_prepared else self.number_bytes

    @cached_property
    def head_bytes(self) -> int:
        """Bytes of a logit as the head puts it out: autocast lowers a 32-bit head's."""
        plan = self.plan
        return self.number_bytes if plan.compute_precision else self.stream_bytes

    @cached_property
    def trains_all(self) -> bool:
        """Whether every weight is trained."""
        return self.footprint.trainable_parameters >= self.model.parameters

    @cached_property
    def trains_head(self) -> bool:
        """Whether the output head gets a gradient."""
        trains = self.footprint.trains_head
        return self.trains_all if trains is None else trains
