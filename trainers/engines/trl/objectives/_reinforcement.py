"""Reinforcement: completions are drawn, scored and weighed against others of the same prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from advisor.contracts import Tools
from advisor.errors import DatasetError, PlanError
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.train import TrainJob, looked_at
from trainers.engines.trl._rows import fitting, prompt_text
from trainers.engines.trl.course import Course
from trainers.engines.trl.objectives._losses import looking
from trainers.engines.trl.objectives._reference import (
    Reference,
    can_switch_off,
    without_second_adapter,
)
from trainers.engines.trl.objectives._rewards import Worth, worth_of
from trainers.engines.trl.objectives._told import unheeded
from trainers.objectives.drawing import (
    NEW_TOKENS,
    algorithm,
    drawing_settings,
    drawn_at_once,
    group_size,
    reward_source,
    step_size,
)

FEWEST_NEW_TOKENS = 8
MOST_DEV_PROMPTS = 32
"""Answers take longer than losses."""


class Drawing:
    """Put before GRPO's and RLOO's trainer: prompts as they are asked, a reference of our own."""

    def __init__(
        self,
        *,
        model: Any,
        args: Any,
        dev: Sequence[Sample] = (),
        is_sharded: bool = False,
        **named: Any,
    ) -> None:
        """With a weight for the reference the library would add a second adapter to the model."""
        weight, args.beta = args.beta, 0.0
        if weight and is_sharded and not can_switch_off(model):
            raise PlanError(
                "While weights lie in parts (strategy fsdp), only an adapter has a reference.",
                hint="Give --option beta=0, --method lora, or --strategy ddp.",
            )
        reference = Reference(model) if weight else None
        with without_second_adapter(model):
            super().__init__(model=model, args=args, **named)  # type: ignore[call-arg]
        self.beta = args.beta = weight
        self.ref_model = reference
        self.dev_samples = tuple(dev)
        self.dev_figures: dict[str, float] = {}

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """The template has been applied, special tokens and all."""
        found = self.processing_class(text=prompts, add_special_tokens=False)  # type: ignore[attr-defined]
        return found["input_ids"], None, {}


class GroupTrainer(Drawing, GRPOTrainer):  # type: ignore[misc]
    """GRPO on prompts of ours."""


class LeaveOneOutTrainer(Drawing, RLOOTrainer):  # type: ignore[misc]
    """RLOO on prompts of ours."""


class Reward:
    """What the library asks for the worth of completions; knows samples by their place."""

    def __init__(self, samples: Sequence[Sample], worth: Worth) -> None:
        self._samples = samples
        self._worth = worth
        self.__name__ = "reward"

    def __call__(self, *, completions: list[str], sample: list[int], **_: Any) -> list[float]:
        """A number per completion."""
        return self._worth([self._samples[place] for place in sample], completions)


def course(job: TrainJob, tokenizer: Any, tools: Tools) -> Course:
    """Prompts and their reward; the options are those of `trainers.objectives.drawing`.

    Raises PlanError for options, a reward that is not there, and fewer prompts than a batch draws;
    DatasetError for samples that ask nothing or are too long.
    """
    plan = job.plan
    worth = worth_of(job, tools)
    texts = [_prompt(sample, job.instruction, tokenizer) for sample in job.train_samples]
    lengths = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    new = _new_tokens(plan, max(lengths))
    kept = fitting(job.train_samples, [length + new for length in lengths], plan.sequence_length)
    _refuse_few(plan, len(kept))
    is_group = algorithm(plan) == "grpo"
    samples = job.train_samples
    seen = looked_at(job.dev_samples, plan.seed, MOST_DEV_PROMPTS)
    dev = tuple(one for one in seen if one.input.strip())
    return Course(
        trainer=GroupTrainer if is_group else LeaveOneOutTrainer,
        settings=GRPOConfig if is_group else RLOOConfig,
        dataset=Dataset.from_list([{"prompt": texts[i], "sample": i} for i in kept]),
        lengths=tuple(lengths[i] + new for i in kept),
        trained_tokens=len(kept) * group_size(plan) * new,
        repeats=group_size(plan),
        steps_per_draw=drawn_at_once(plan) // step_size(plan),
        arguments={
            **drawing_settings(plan, new),
            "neftune_noise_alpha": None,
            "train_sampling_strategy": "random",
        },
        keywords={
            "reward_funcs": [Reward(samples, worth)],
            "dev": dev,
            "is_sharded": plan.strategy == "fsdp",
        },
        dev_loss=lambda trainer: _dev_loss(trainer, job, tokenizer, worth),
        left_out=len(samples) - len(kept),
        notes=(
            *_notes(plan, new, len(samples) - len(kept)),
            *unheeded(job, dropout=True, noise=False),
        ),
    )


def _prompt(sample: Sample, instruction: str, tokenizer: Any) -> str:
    if not sample.input.strip():
        raise DatasetError(
            "A training sample is plain text and asks nothing.",
            hint="Completions are drawn for prompts; give rows with an input.",
            where=f"line {sample.line}" if sample.line else f"sample {sample.id}",
        )
    return prompt_text(sample, instruction, tokenizer)


def _new_tokens(plan: Plan, longest: int) -> int:
    """The plan's, or what the longest prompt leaves of the sequence, at most TRL's default."""
    if plan.generated_tokens:
        return min(plan.generated_tokens, plan.sequence_length - 1)
    left = plan.sequence_length - longest
    if left < FEWEST_NEW_TOKENS:
        raise PlanError(
            f"The longest prompt has {longest} tokens, which leaves {max(left, 0)} of"
            f" {plan.sequence_length} for a completion.",
            hint="Raise the plan's sequence_length, or say with generated_tokens how long"
            " completions may be.",
        )
    return min(NEW_TOKENS, left)


def _refuse_few(plan: Plan, prompts: int) -> None:
    needed = drawn_at_once(plan) // group_size(plan)
    if prompts < needed:
        raise PlanError(
            f"{needed} prompts are drawn at once, and there are {prompts}: no step would be made.",
            hint=f"Lower micro_batch_size x gradient_accumulation_steps ({step_size(plan)}), or"
            " give more prompts.",
        )


def _dev_loss(trainer: Any, job: TrainJob, tokenizer: Any, worth: Worth) -> float | None:
    """Minus the mean reward of the likeliest answers to dev prompts.

    None where the reward is the metric, which is looked at anyway, or there are no prompts.
    """
    samples = trainer.dev_samples
    if not samples or reward_source(job.plan).kind == "metric":
        return None
    size = max(1, trainer.args.per_device_train_batch_size)
    total = 0.0
    with looking(trainer) as model:
        for start in range(0, len(samples), size):
            part = samples[start : start + size]
            prompts = [prompt_text(one, job.instruction, tokenizer) for one in part]
            total += sum(worth(part, _answers(model, tokenizer, prompts, trainer)))
    mean = total / len(samples)
    trainer.dev_figures = {"reward": mean}
    return 0.0 - mean


def _answers(model: Any, tokenizer: Any, prompts: list[str], trainer: Any) -> list[str]:
    """Likeliest completions; nothing is drawn."""
    rows = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    longest, pad = max(map(len, rows)), tokenizer.pad_token_id
    device = next(model.parameters()).device
    ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    written = model.generate(
        input_ids=ids,
        attention_mask=mask.to(device),
        do_sample=False,
        max_new_tokens=trainer.max_completion_length,
        pad_token_id=pad,
        eos_token_id=trainer.eos_token_ids,
    )
    return list(tokenizer.batch_decode(written[:, longest:], skip_special_tokens=True))


def _notes(plan: Plan, new: int, left_out: int) -> tuple[str, ...]:
    source, steps = reward_source(plan), drawn_at_once(plan) // step_size(plan)
    named = {"metric": "the run's metric", "function": f"{source.path}:{source.function}"}
    judge = named.get(source.kind, f"the reward model in {source.path}")
    notes = [f"Completions of up to {new} tokens are scored by {judge}."]
    if steps > 1:
        notes.append(
            f"{drawn_at_once(plan)} completions are drawn at once and serve {steps} steps, so that"
            f" {group_size(plan)} of each prompt are compared."
        )
    if left_out:
        notes.append(f"{left_out} prompts leave no room for a completion and were left out.")
    return tuple(notes)
