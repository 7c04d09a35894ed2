"""Prompt, prefix and p-tuning: trained tokens before every sequence, no weight touched."""

from __future__ import annotations

from typing import Any

from advisor.contracts import Applied, MethodInfo
from advisor.schema.base import Interval
from advisor.schema.catalog import ModelCard
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import ExtraTerm, Footprint, Obstacle, Plan
from trainers.methods.adapted import numbers
from trainers.methods.frozen import LIBRARY, beside
from trainers.methods.options import flag, refuse, whole

VIRTUAL_TOKENS = 20


def _hints(plan: Plan, *, lengthens: bool = True) -> list[Obstacle]:
    """What stands in the way of trained tokens; `lengthens` says that the sequences grow."""
    found = []
    if plan.packing:
        found.append(
            Obstacle(
                severity="blocks",
                message="Trained tokens stand before a sequence, not before each packed sample.",
                hint="Leave packing out.",
            )
        )
    if plan.objective == "reward" and lengthens:
        found.append(
            Obstacle(
                severity="blocks",
                message="With trained tokens before it, transformers no longer finds the last token"
                " of a padded text, which a reward model reads.",
                hint="Use lora, or prefix tuning.",
            )
        )
    return found


class PromptMethod:
    """Embeddings of a few tokens that no vocabulary has."""

    info = MethodInfo(
        id="prompt",
        label="prompt tuning",
        extra="train",
        cost_rank=1,
        recipe="lora",
        options=("virtual_tokens",),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Virtual tokens x hidden width are trained, and every sequence is longer by them.

        Option: `virtual_tokens` (20). Raises PlanError for an unknown option or optimizer.
        """
        tokens = whole(plan, "virtual_tokens", VIRTUAL_TOKENS)
        found = beside(plan, model, tokens * model.hidden_size * _towers(model))
        return found.model_copy(update={"extra_tokens": tokens})

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Trained tokens before every sequence.

        Raises PlanError for what stands in the way, and for values that PEFT refuses.
        """
        from trainers.methods._peft import put  # noqa: PLC0415 - delays torch

        refuse(self.obstacles(plan, MachineFacts()))
        tokens = whole(plan, "virtual_tokens", VIRTUAL_TOKENS)
        return put(model, plan, "PromptTuningConfig", num_virtual_tokens=tokens)

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Packed samples share their beginning; a reward model reads the last token."""
        _ = machine
        return _hints(plan)


class PTuningMethod:
    """Trained tokens that a small network makes."""

    info = MethodInfo(
        id="p_tuning",
        label="p-tuning",
        extra="train",
        cost_rank=1,
        recipe="lora",
        options=(
            "virtual_tokens",
            "encoder_size",
        ),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Virtual tokens x hidden width, and three linear layers that refine them.

        Options: `virtual_tokens` (20), `encoder_size` (the hidden width). Raises PlanError for an
        unknown option or optimizer.
        """
        tokens = whole(plan, "virtual_tokens", VIRTUAL_TOKENS)
        width = model.hidden_size
        inner = whole(plan, "encoder_size", width)
        encoder = (width + 1) * inner + (inner + 1) * inner + (inner + 1) * width
        found = beside(plan, model, tokens * width * _towers(model) + encoder)
        return found.model_copy(update={"extra_tokens": tokens})

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Trained tokens before every sequence, and the network that makes them.

        Raises PlanError for what stands in the way, and for values that PEFT refuses.
        """
        from trainers.methods._peft import put  # noqa: PLC0415 - delays torch

        refuse(self.obstacles(plan, MachineFacts()))
        inner = whole(plan, "encoder_size", model.config.get_text_config().hidden_size)
        return put(
            model,
            plan,
            "PromptEncoderConfig",
            num_virtual_tokens=whole(plan, "virtual_tokens", VIRTUAL_TOKENS),
            encoder_hidden_size=inner,
            encoder_dropout=plan.dropout,
        )

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Packed samples share their beginning; a reward model reads the last token."""
        _ = machine
        return _hints(plan)


class PrefixMethod:
    """Trained keys and values in every layer."""

    info = MethodInfo(
        id="prefix",
        label="prefix tuning",
        extra="train",
        cost_rank=1,
        recipe="lora",
        options=(
            "virtual_tokens",
            "projection",
            "encoder_size",
        ),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> Footprint:
        """Virtual tokens x layers x keys and values are trained; they lengthen attention only.

        Options: `virtual_tokens` (20), `projection` (a network makes them, off) and its
        `encoder_size`. Raises PlanError for an unknown option or optimizer.
        """
        tokens, width = whole(plan, "virtual_tokens", VIRTUAL_TOKENS), _prefix_width(model)
        count = tokens * 2 * model.layers * width
        if flag(plan, "projection", default=False):
            inner = whole(plan, "encoder_size", width)
            count = tokens * width + (width + 1) * inner
            count += (inner + 1) * 2 * model.layers * width
        return beside(plan, model, count, terms=(_keys(plan, model, tokens, width),))

    def apply(self, model: Any, plan: Plan) -> Applied:
        """Trained keys and values in every layer.

        Raises PlanError for what stands in the way, and for values that PEFT refuses.
        """
        from trainers.methods._peft import put  # noqa: PLC0415 - delays torch

        refuse(self.obstacles(plan, MachineFacts()))
        values: dict[str, Any] = {}
        if flag(plan, "projection", default=False):
            values["prefix_projection"] = True
            if "encoder_size" in plan.method_options:
                values["encoder_hidden_size"] = whole(plan, "encoder_size", 1)
        tokens = whole(plan, "virtual_tokens", VIRTUAL_TOKENS)
        return put(model, plan, "PrefixTuningConfig", num_virtual_tokens=tokens, **values)

    def obstacles(self, plan: Plan, machine: MachineFacts) -> list[Obstacle]:
        """Packed samples share their beginning; recomputed layers lose the prefix."""
        _ = machine
        found = _hints(plan, lengthens=False)
        if plan.gradient_checkpointing:
            found.append(
                Obstacle(
                    severity="blocks",
                    message="PEFT refuses prefix tuning with gradient checkpointing.",
                    hint="Turn checkpointing off, or use prompt tuning.",
                )
            )
        return found


def _keys(plan: Plan, model: ModelCard, tokens: int, width: int) -> ExtraTerm:
    """Keys and values of the prefix and of the samples joined to them.

    Per layer: sequences x (virtual tokens x (2 x key width + length) + length x 2 x key width) x
    bytes. The second part was seen on a GPU (`memory-evidence`, peft-mmqa), not on a CPU.
    """
    size, length = numbers(plan).activation, plan.sequence_length
    layers = 1 if plan.gradient_checkpointing else model.layers
    prefix = plan.micro_batch_size * tokens * (2 * width + length) * size * layers
    joined = plan.micro_batch_size * length * 2 * width * size * layers
    return ExtraTerm(
        name="keys and values with prefix",
        bytes=Interval(
            low=float(prefix), likely=float(prefix + joined), high=prefix + 2.0 * joined
        ),
        formula="layers x sequences x bytes x (virtual tokens x (2 x keys + length) + 2 x length "
        "x keys)",
        provenance=LIBRARY,
        phases=("backward",) if plan.gradient_checkpointing else ("loss", "backward"),
    )


def _prefix_width(model: ModelCard) -> int:
    """Width of the keys that PEFT makes: of the key heads, as configurations of today name them."""
    return model.key_value_heads * model.head_dim


def _towers(model: ModelCard) -> int:
    """An encoder-decoder gets its tokens twice."""
    return 2 if model.kind == "encoder_decoder" else 1
