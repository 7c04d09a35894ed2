"""QLoRA: LoRA on a base whose linear layers are packed into 4 bits."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Footprint, Obstacle, Plan
from advisor.units import gib_from_bytes
from trainers.methods.lora import lora_footprint
from trainers.methods.states import packed_parameters, unpacked_bytes

PREPARED_BYTES = 4
"""What older recipes (k-bit preparation of PEFT) cast embeddings, head and norms to."""


class QloraMethod:
    """Low-rank adapters beside 4-bit linear layers."""

    info = MethodInfo(
        id="qlora",
        label="QLoRA",
        extra="qlora",
        cost_rank=2,
        needs_rank=True,
        base_bits=4,
        options=("rslora", "init", "lora_plus"),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Packed linear layers, everything else in its own precision, adapters as for LoRA.

        Raises PlanError without a rank, for unknown target modules or an unknown optimizer.
        """
        return lora_footprint(plan, model, notes=(_note(plan, model),))

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Low-rank matrices beside linear layers that loading has packed.

        Raises PlanError for values that PEFT refuses.
        """
        from trainers.methods._lora import put_lora  # noqa: PLC0415 - delays torch

        return put_lora(model, plan)

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """A plan without rank cannot run; 4-bit arithmetic without a GPU is slow."""
        found = []
        if plan.rank is None:
            found.append(
                Obstacle(severity="blocks", message="QLoRA needs a rank.", hint="Give --rank 16.")
            )
        if machine.gpus == 0:
            found.append(
                Obstacle(
                    severity="warns",
                    message="Without a GPU, 4-bit layers are unpacked by the CPU, which is slow.",
                    hint="Prefer LoRA when memory allows.",
                )
            )
        return found


def _note(plan: Plan, model: ModelCard) -> str:
    unpacked = model.parameters - packed_parameters(plan, model)
    more = gib_from_bytes(max(PREPARED_BYTES - unpacked_bytes(plan), 0) * unpacked)
    note = "Embeddings, head and norms are not quantised."
    if more >= 0.05:
        note += f" Stacks that prepare the model for k-bit training add {more:.1f} GiB."
    return note
