"""Looks at the dev split in the words of transformers' trainer, which several programs run."""

from __future__ import annotations

from advisor.schema.train import TrainJob
from trainers.engines.recipes.rows import look_every, looks, save_every
from trainers.engines.recipes.telling import Telling


def say_looks(told: Telling, job: TrainJob, *, by_loss: str) -> None:
    """When the trainer looks and saves, and what it keeps.

    `by_loss` is the sentence for a plan that chooses by the metric, which that trainer cannot.
    """
    chosen = told.take("choose_checkpoint_by")
    told.take("evaluations")
    told.take("evaluation_steps")
    if not looks(job):
        told.say(save_strategy="steps", save_steps=save_every(job))
        return
    every = look_every(job)
    told.say(eval_strategy="steps", eval_steps=every, save_strategy="steps", save_steps=every)
    if chosen != "last":
        told.say(load_best_model_at_end=True, metric_for_best_model="eval_loss")
        told.say(greater_is_better=False)
    if chosen == "metric":
        told.note(by_loss)
