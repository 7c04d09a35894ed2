"""ORPO: plain training on the chosen answer and the odds against the rejected one, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import torch
from datasets import Dataset
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from advisor.contracts import Tools
from advisor.schema.train import TrainJob
from trainers.engines.trl._rows import IGNORED
from trainers.engines.trl.course import Course
from trainers.engines.trl.objectives._looks import Looked, own_loss
from trainers.engines.trl.objectives._pairs import Pair, pairs_of
from trainers.engines.trl.objectives._preference import as_they_are, both, dev_pairs, told
from trainers.objectives.preferring import orpo_settings


class OddsTrainer(Looked, ORPOTrainer):  # type: ignore[misc]
    """ORPO on rows of tokens; the loss beside the odds counts on the answer, as in its paper.

    TRL counts it on the prompt, too, and cannot take the longer output of trained prompts.
    """

    def __init__(self, **named: Any) -> None:
        is_quiet = datasets.are_progress_bars_disabled()
        datasets.disable_progress_bars()  # the library goes through the rows three times
        try:
            super().__init__(**named)
        finally:
            if not is_quiet:
                datasets.enable_progress_bars()

    step_tokens: Any = None
    """Chosen tokens of a step's micro-batches, per process; None while nothing is trained."""

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: Any) -> Any:
        """Count what the loss of the whole step is a mean of, whatever its micro-batches are."""
        learnt = [(one["chosen_labels"][:, 1:] != IGNORED).sum() for one in batch_samples]
        if learnt:
            every = self.accelerator.gather(sum(learnt).to(device))
            self.step_tokens = every.float().mean() / len(learnt)
        return super()._get_num_items_in_batch(batch_samples, device)

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
        """Rows are tokens already."""
        _ = model
        return feature

    def concatenated_forward(self, model: Any, batch: dict[str, Any]) -> tuple[Any, ...]:
        """Mean log-probabilities of chosen and rejected, their logits, and the chosen's loss."""
        joined = self.concatenated_inputs(
            batch, padding_value=self.padding_value, device=self.accelerator.device
        )
        labels = joined["concatenated_labels"]
        outputs = model(
            joined["concatenated_input_ids"],
            attention_mask=joined["concatenated_attention_mask"],
            use_cache=False,
            **({"output_router_logits": True} if self.aux_loss_enabled else {}),
        )
        logits = outputs.logits[:, -labels.shape[1] :]
        means = self.get_batch_logps(logits, labels, average_log_prob=True)
        count = batch["chosen_labels"].shape[0]
        learnt = labels[:count, 1:].flatten()
        summed = torch.nn.functional.cross_entropy(
            logits[:count, :-1].flatten(0, 1).float(),
            learnt,
            ignore_index=IGNORED,
            reduction="sum",
        )
        own = (learnt != IGNORED).sum()
        loss = summed / (
            self.step_tokens if model.training and self.step_tokens is not None else own
        )
        rest = (outputs.aux_loss,) if self.aux_loss_enabled else ()
        sides = (logits[:count, :-1], logits[count:, :-1])
        return (means[:count], means[count:], *sides, loss, *rest)

    def dev_batch_loss(self, model: Any, inputs: Any) -> Any:
        """The loss; what the library notes of it goes to its books of looks."""
        loss, figures = self.get_batch_loss_metrics(model, inputs, "eval")
        self.store_metrics(figures, "eval")
        return loss

    def take_figures(self) -> dict[str, float]:
        """Share of pairs that are ranked rightly, and the mean margin."""
        noted = self._stored_metrics.pop("eval", {})
        names = {"accuracy": "eval_rewards/accuracies", "margin": "eval_rewards/margins"}
        return {
            ours: sum(noted[theirs]) / len(noted[theirs])
            for ours, theirs in names.items()
            if noted.get(theirs)
        }


def course(job: TrainJob, tokenizer: Any, tools: Tools) -> Course:
    """Pairs of one prompt; option: `beta`.

    Raises PlanError, and DatasetError as `pairs_of`.
    """
    _ = tools
    plan = job.plan
    found = pairs_of(job.train_samples, job.instruction, tokenizer, plan.sequence_length)
    pairs = found.pairs
    return Course(
        trainer=OddsTrainer,
        settings=ORPOConfig,
        dataset=_rows(pairs),
        lengths=tuple(both(pair) for pair in pairs),
        widths=tuple(pair.tokens for pair in pairs),
        trained_tokens=sum(len(pair.chosen) + len(pair.rejected) for pair in pairs),
        arguments={
            **as_they_are(plan),
            **orpo_settings(plan),
            "max_length": plan.sequence_length,
            "remove_unused_columns": False,
        },
        keywords={"dev_rows": _rows(dev_pairs(job, tokenizer))},
        dev_loss=own_loss,
        left_out=found.left_out,
        notes=told(job, found),
    )


def _rows(pairs: Sequence[Pair]) -> Dataset:
    return Dataset.from_list(
        [
            _side("chosen", pair.prompt, pair.chosen)
            | _side("rejected", pair.prompt, pair.rejected)
            | {"prompt_input_ids": pair.prompt, "prompt_attention_mask": [1] * len(pair.prompt)}
            for pair in pairs
        ]
    )


def _side(name: str, prompt: list[int], answer: list[int]) -> dict[str, list[int]]:
    return {
        f"{name}_input_ids": prompt + answer,
        f"{name}_attention_mask": [1] * (len(prompt) + len(answer)),
        f"{name}_labels": [IGNORED] * len(prompt) + answer,
    }
