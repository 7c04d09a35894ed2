"""Looks at the dev part: how right the classifier is, what is best so far, when to end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from advisor.contracts import Tools
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.schema.train import DevPoint
from trainers.engines.small_model._encoder import Classifier

ACCURACY = "accuracy"


class Part(NamedTuple):
    """Samples with what is read of them; the class is -1 for a label that training never saw."""

    samples: tuple[Sample, ...]
    texts: tuple[str, ...]
    classes: tuple[int, ...]


def looked(classifier: Classifier, dev: Part, step: int, tools: Tools) -> DevPoint:
    """Loss and score on the dev part by the head as it stands; draws no random number."""
    logits = classifier.logits(classifier.embed(dev.texts).to(classifier.weight.device)).detach()
    found = logits.argmax(dim=1).tolist()
    kinds = torch.tensor(dev.classes, device=logits.device)
    known = kinds >= 0
    loss = torch.nn.functional.cross_entropy(logits[known], kinds[known]) if known.any() else None
    return DevPoint(
        step=step,
        loss=None if loss is None else float(loss),
        score=_score(classifier, dev, found, tools),
    )


def _score(classifier: Classifier, dev: Part, found: Sequence[int], tools: Tools) -> float:
    """The run's metric on the labels that were answered; their accuracy where there is none."""
    if tools.scoring is None:
        return sum(a == b for a, b in zip(found, dev.classes, strict=True)) / len(found)
    values = tools.scoring.values(dev.samples, [classifier.labels[place] for place in found])
    return sum(values) / len(values)


def metric_of(tools: Tools) -> str:
    """The name of what scores are in."""
    return ACCURACY if tools.scoring is None else tools.scoring.metric


def is_better(new: DevPoint, old: DevPoint, plan: Plan, tools: Tools) -> bool:
    """Whether a look is better than another; of equal scores the lower loss, then the earlier."""
    return _worth(new, plan, tools) > _worth(old, plan, tools)


def _worth(point: DevPoint, plan: Plan, tools: Tools) -> tuple[float, float]:
    loss = -point.loss if point.loss is not None else -math.inf
    if plan.choose_checkpoint_by == "loss" or point.score is None:
        return loss, 0.0
    upward = tools.scoring is None or tools.scoring.higher_is_better
    return (point.score if upward else -point.score), loss


def kept_by(plan: Plan, best: DevPoint, last: DevPoint | None, metric: str) -> str:
    """Why that step's weights were kept, in words."""
    if plan.choose_checkpoint_by == "last" or last is None or best.score is None:
        return "the last step, as the plan asks"
    if plan.choose_checkpoint_by == "loss" and best.loss is not None:
        return f"the lowest dev loss, {best.loss:.3f}"
    return f"the best {metric} on the dev part, {best.score:.3f}"
