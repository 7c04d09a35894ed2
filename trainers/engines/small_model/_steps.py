"""One optimizer step of either way, on rows whose order depends on seed and step alone."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import torch
from transformers import get_scheduler

from advisor.errors import NonFiniteLossError, PlanError
from advisor.schema.plan import Plan
from trainers.engines.small_model._encoder import Classifier, trained
from trainers.engines.small_model.choices import Way

HEAD_RATE = 10.0
"""Times the learning rate for the head, which starts where the encoder's own vectors put it."""
GROUPED = 32
"""Batches among whose rows those of about one length are sought."""
TEMPERATURE = 0.1
"""Of the contrast: Khosla et al. 2020 found 0.1 best."""


class Batches:
    """Which rows a step takes."""

    def __init__(self, plan: Plan, lengths: Sequence[int]) -> None:
        """`lengths`: of the rows, in any unit; used where the plan groups by length."""
        self._plan, self._lengths, rows = plan, lengths, len(lengths)
        self._rows = rows
        self._size = plan.micro_batch_size * plan.gradient_accumulation_steps
        self.total = max(1, math.ceil(rows / self._size * plan.epochs))
        self._order: tuple[int, list[int]] = (-1, [])

    def of(self, step: int) -> list[list[int]]:
        """Micro-batches of a step, counted from 1; epochs follow each other without a gap."""
        first = (step - 1) * self._size
        places = [self._place(first + n) for n in range(self._size)]
        if step == self.total and self._plan.epochs == int(self._plan.epochs):
            places = places[: int(self._plan.epochs) * self._rows - first]
        micro = self._plan.micro_batch_size
        return [places[n : n + micro] for n in range(0, len(places), micro)]

    def _place(self, number: int) -> int:
        epoch, place = divmod(number, self._rows)
        if self._order[0] != epoch:
            self._order = (epoch, self._drawn(epoch))
        return self._order[1][place]

    def _drawn(self, epoch: int) -> list[int]:
        """The rows of an epoch in order; where grouped, neighbours are of about one length."""
        chance = random.Random(f"{self._plan.seed}-{epoch}")  # noqa: S311 - no secret
        order = list(range(self._rows))
        chance.shuffle(order)
        if not self._plan.length_grouping:
            return order
        many = self._size * GROUPED
        found = []
        for start in range(0, self._rows, many):
            part = sorted(order[start : start + many], key=self._lengths.__getitem__)
            batches = [part[n : n + self._size] for n in range(0, len(part), self._size)]
            whole = [batch for batch in batches if len(batch) == self._size]
            chance.shuffle(whole)
            found += [n for batch in (*whole, *batches[len(whole) :]) for n in batch]
        return found


class Stepper:
    """The optimizer with its schedule, over encoder and head."""

    def __init__(self, classifier: Classifier, plan: Plan, way: Way, total: int) -> None:
        self._classifier, self._plan, self._way = classifier, plan, way
        self.names = trained(classifier)
        rate = plan.learning_rate
        groups: list[dict[str, Any]] = [{"params": list(self.names.values()), "base": rate}]
        if way == "encoder":
            classifier.weight.requires_grad_(requires_grad=True)
            classifier.bias.requires_grad_(requires_grad=True)
            self.names |= {"head.weight": classifier.weight, "head.bias": classifier.bias}
            head = [classifier.weight, classifier.bias]
            groups.append({"params": head, "base": rate * HEAD_RATE})
        self.optimizer = torch.optim.AdamW(
            groups, lr=rate, weight_decay=plan.weight_decay, fused=True
        )
        warm = math.ceil(plan.warmup_share * total)
        try:
            plan_of = get_scheduler(plan.schedule, self.optimizer, warm, total)
            self._share: Any = plan_of.lr_lambdas[0]
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            raise PlanError(
                f"The trainer 'small_model' does not know the schedule '{plan.schedule}'.",
                hint="Use linear, cosine or constant_with_warmup.",
            ) from error

    def rate(self, step: int) -> float:
        """The encoder's learning rate at a step, counted from 1."""
        return float(self._plan.learning_rate * self._share(step - 1))

    def take(
        self, step: int, parts: Sequence[list[int]], texts: Sequence[str], classes: Sequence[int]
    ) -> tuple[float, float, int]:
        """Loss, gradient norm and tokens of one step; raises NonFiniteLossError."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * self._share(step - 1)
        self.optimizer.zero_grad(set_to_none=True)
        self._classifier.encoder.train()
        rows = sum(len(part) for part in parts)
        whole, tokens = 0.0, 0
        for number, part in enumerate(parts):
            loss, count = self._loss(part, texts, classes, f"{step}-{number}")
            share = len(part) / rows
            if loss.requires_grad:  # a contrast of one label alone has nothing to learn
                (loss * share).backward()
            whole, tokens = whole + float(loss.detach()) * share, tokens + count
        weights = list(self.names.values())
        norm = float(torch.nn.utils.clip_grad_norm_(weights, self._plan.max_gradient_norm))
        if not (math.isfinite(whole) and math.isfinite(norm)):
            raise NonFiniteLossError(
                f"The loss is no number any more at step {step} (loss {whole}, gradient norm"
                f" {norm}).",
                hint=f"Lower the learning rate: {self._plan.learning_rate / 10:g}, for example.",
            )
        self.optimizer.step()
        return whole, norm, tokens

    def _loss(
        self, part: list[int], texts: Sequence[str], classes: Sequence[int], draw: str
    ) -> tuple[torch.Tensor, int]:
        if self._way == "contrastive":
            part = part + _partners(part, classes, f"{self._plan.seed}-{draw}")
        chosen = [texts[place] for place in part]
        kinds = torch.tensor([classes[place] for place in part])
        vectors = self._classifier.vectors(chosen)
        count = sum(len(text) for text in self._classifier.encoder.tokenizer(chosen)["input_ids"])
        kinds = kinds.to(vectors.device)
        if self._way == "contrastive":
            return contrast(vectors, kinds), count
        return torch.nn.functional.cross_entropy(self._classifier.logits(vectors), kinds), count


def _partners(part: Sequence[int], classes: Sequence[int], draw: str) -> list[int]:
    """For each row another of its label; itself, read with other dropout, where there is none."""
    chance = random.Random(draw)  # noqa: S311 - no secret
    by_class: dict[int, list[int]] = {}
    for place, kind in enumerate(classes):
        by_class.setdefault(kind, []).append(place)
    found = []
    for place in part:
        others = [other for other in by_class[classes[place]] if other != place]
        found.append(chance.choice(others) if others else place)
    return found


def contrast(vectors: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
    """Supervised contrastive loss: texts of one label alike, others apart.

    Khosla et al. 2020, equation 2 (the sum outside the logarithm), on unit vectors.
    """
    unit = torch.nn.functional.normalize(vectors, dim=1)
    alike = unit @ unit.T / TEMPERATURE
    own = torch.eye(len(kinds), dtype=torch.bool, device=kinds.device)
    logs = alike - torch.logsumexp(alike.masked_fill(own, -torch.inf), dim=1, keepdim=True)
    same = (kinds[:, None] == kinds[None, :]) & ~own
    return -((logs * same).sum(dim=1) / same.sum(dim=1)).mean()
