"""Looks at the dev split while training: the loss, and the task's metric by generation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from advisor.contracts import Tools
from advisor.schema.plan import Plan
from advisor.schema.train import DevPoint
from trainers.engines.trl._generate import generator, undisturbed
from trainers.engines.trl._longest import DRAWING
from trainers.engines.trl.choice import Choice, has_not_moved, look_steps


class Looks:
    """When the dev split is looked at, what was seen, and which look was the best."""

    def __init__(
        self,
        plan: Plan,
        tools: Tools,
        *,
        dev_loss: Callable[[Any], float | None],
        tokenizer: Any = None,
        answers: bool = True,
    ) -> None:
        """`answers` tells whether the model writes, so that the task's metric can be taken.

        What is trained on plain text answers nothing yet: there the loss decides.
        """
        self.plan = plan
        self._dev_loss = dev_loss
        self._tokenizer = tokenizer
        answers = answers and tokenizer is not None and plan.objective != "cpt"
        self._scoring = tools.scoring if answers else None
        self.points: list[DevPoint] = []
        scoring = self._scoring
        self.choice = Choice(
            plan.choose_checkpoint_by,
            metric="" if scoring is None else scoring.metric,
            higher_is_better=scoring is None or scoring.higher_is_better,
            is_reward=plan.objective in DRAWING,
        )

    @property
    def metric(self) -> str:
        """The metric that scores are in; empty where none is taken."""
        return self.choice.metric

    def is_due(self, step: int, total: int) -> bool:
        """Whether this step is followed by a look that has not been made."""
        if any(point.step == step for point in self.points):
            return False
        plan = self.plan
        if not plan.evaluations and plan.evaluation_steps is None:
            return False
        return step in look_steps(total, plan.evaluations, plan.evaluation_steps)

    def loss(self, trainer: Any) -> float | None:
        """The dev loss of the trainer's model as it is."""
        with undisturbed(trainer.model):
            return self._dev_loss(trainer)

    def make(self, trainer: Any, step: int) -> DevPoint:
        """Look, and remember what was seen."""
        with undisturbed(trainer.model):
            loss = self._dev_loss(trainer)
            score = None
            if self._scoring is not None and (step or self._looks_again()):
                score = self._scoring.dev_value(self._answers(trainer))
        point = DevPoint(step=step, loss=loss, score=score)
        self.points.append(point)
        return point

    def _answers(self, trainer: Any) -> Callable[..., Any]:
        rows = self.plan.evaluation_batch_size
        return generator(trainer.model, self._tokenizer, rows=rows)

    def _looks_again(self) -> bool:
        """A score before training says something only where one is taken later."""
        return bool(self.plan.evaluations or self.plan.evaluation_steps)

    def restore(self, points: Iterable[Mapping[str, Any]]) -> None:
        """Take up what an interrupted run has seen."""
        self.points = [DevPoint.model_validate(point) for point in points]

    def is_best(self, point: DevPoint) -> bool:
        """Whether this look is the best so far, and its weights may be the ones that are kept."""
        return self.plan.choose_checkpoint_by != "last" and self.choice.best(self.points) == point

    def end_reason(self) -> str:
        """Why training should end now, in words; empty where it should go on."""
        patience, best = self.plan.early_stopping_patience, self.choice.best(self.points)
        if patience is None or best is None or self.choice.stale(self.points) < patience:
            return ""
        looks = "1 look" if patience == 1 else f"{patience} looks"
        return f"nothing better on the dev split in {looks} after step {best.step}"

    def remark(self) -> str:
        """A warning that nothing is being learned; empty where something is."""
        if not has_not_moved(self.points):
            return ""
        first, last = self.points[0].loss, self.points[-1].loss
        what = "dev loss"
        if self.choice.is_reward and first is not None and last is not None:
            what, first, last = "reward on the dev split", -first, -last
        return (
            f"The {what} has not moved in {len(self.points) - 1} looks ({first:.4f} to"
            f" {last:.4f}): nothing is being learned. Raise learning_rate"
            f" ({self.plan.learning_rate:g}) or train more parameters."
        )
