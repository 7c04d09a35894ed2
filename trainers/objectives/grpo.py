"""Group-relative policy optimisation: completions are drawn, scored and weighed within a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.contracts import PluginInfo
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import ModelCard
from advisor.schema.plan import ExtraTerm, ObjectiveFootprint, Obstacle, Plan
from trainers.objectives.drawing import (
    GENERATIONS,
    NEW_TOKENS,
    OPTIONS,
    check_options,
    drawn_at_once,
    group_size,
    reference_weight,
    step_size,
)
from trainers.objectives.reference import keeps_base, reference_terms
from trainers.objectives.samples import none_given, plain_texts, too_few

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample

__all__ = ["GENERATIONS", "NEW_TOKENS", "GrpoObjective"]

FEW_PROMPTS = 100
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_TRL = Provenance(kind="computed", source="trl-docs")


class GrpoObjective:
    """A micro-batch holds completions; those of a whole step are drawn at once."""

    info = PluginInfo(
        id="grpo",
        label="group-relative policy optimisation",
        extra="train",
        options=OPTIONS,
        defaults={"learning_rate": 1e-6},
    )

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """The cache of keys and values while drawing; a reference only where it has a weight.

        Options: `algorithm` (grpo, or rloo), `num_generations` (8), `temperature` (1), `beta` (0:
        no reference), `reward` (metric: the run's own; or FOLDER of a reward model, or
        FILE.py:FUNCTION). New tokens are the plan's `generated_tokens`, or 512, and lie within its
        sequence length. Raises PlanError for values that are none.
        """
        check_options(plan)
        beta, group = reference_weight(plan), group_size(plan)
        reference = reference_terms(plan, model) if beta else ()
        return ObjectiveFootprint(
            repeats=float(group),
            generated_tokens=plan.generated_tokens or NEW_TOKENS,
            forward_passes=1.0 + (1.0 if beta else 0.0),
            extra_terms=(*_drawing(plan, model), *reference),
            notes=tuple(_notes(plan, group, beta=beta)),
        )

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """Prompts are enough where a function or model scores; the metric needs references."""
        return none_given(samples) or [
            *plain_texts(samples),
            *_without_references(samples),
            *too_few(samples, FEW_PROMPTS, self.info.label),
        ]


def _without_references(samples: Sequence[Sample]) -> list[Obstacle]:
    empty = sum(not sample.target.strip() for sample in samples)
    if not empty:
        return []
    return [
        Obstacle(
            severity="warns",
            message=f"{empty} of {len(samples)} samples have no reference answer, so most metrics"
            " cannot score completions of theirs.",
            hint="Give --option reward=FILE.py:FUNCTION, or reward=FOLDER of a reward model.",
        )
    ]


def _notes(plan: Plan, group: int, *, beta: float) -> list[str]:
    together, steps = drawn_at_once(plan), drawn_at_once(plan) // step_size(plan)
    drawn = f"{together} are drawn at once" + (f", for {steps} steps." if steps > 1 else ".")
    notes = [
        f"A micro-batch counts completions, {group} of each prompt; {drawn}",
        "Completions are drawn by the training process itself (no vLLM).",
    ]
    if plan.generated_tokens == 0:
        notes.append(f"Completions of {NEW_TOKENS} tokens are assumed, TRL's default.")
    if beta and keeps_base(plan):
        notes.append("The reference is the base with the adapter switched off.")
    return notes


def _drawing(plan: Plan, model: ModelCard) -> tuple[ExtraTerm, ...]:
    """Keys and values of all completions of a step, and the gathered weights of ZeRO-3.

    Where the plan says how much is generated, the estimator counts one batch's cache itself.
    """
    new = plan.generated_tokens or NEW_TOKENS
    together = drawn_at_once(plan) // plan.gpus
    if plan.generated_tokens:
        together = max(together - (plan.evaluation_batch_size or plan.micro_batch_size), 0)
    size = _BYTES[plan.compute_precision or plan.precision]
    width = 2 * model.key_value_heads * model.head_dim
    longest = max(plan.sequence_length, new)
    cache = sum(group.count * min(longest, group.window or longest) for group in model.layer_groups)
    held = float(together * cache * width * size)
    terms = [
        ExtraTerm(
            name="key/value cache",
            bytes=Interval(low=held / 2, likely=held, high=held),
            formula="completions of a step x layers x length x 2 x key width x bytes",
            provenance=_TRL,
            phases=("generation",),
        )
    ]
    if plan.strategy == "zero3" and plan.gpus > 1:
        missing = _BYTES[plan.precision] * model.parameters * (1 - 1 / plan.gpus)
        terms.append(
            ExtraTerm(
                name="weights gathered to generate",
                bytes=Interval(low=missing, likely=missing, high=missing),
                formula="bytes per weight x parameters x (1 - 1 / devices)",
                provenance=_TRL,
                phases=("generation",),
            )
        )
    return tuple(terms)
