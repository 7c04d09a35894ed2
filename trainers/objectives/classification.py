"""Classification: an encoder learns which of a few labels a text has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.contracts import PluginInfo
from advisor.schema.catalog import ModelCard
from advisor.schema.labels import LONG_SHARE, LONGEST_LABEL
from advisor.schema.plan import ObjectiveFootprint, Obstacle, Plan
from trainers.objectives.samples import bad_answers, none_given, plain_texts, without_answers

if TYPE_CHECKING:  # estimates never see a sample
    from advisor.schema.evaluation import Sample

FEW_OF_EACH = 8
"""Rows a label should have: SetFit's paper begins there to come near full fine-tuning."""
SINGLE_SHARE = 0.5
"""Rows whose target no other row has, as a share above which targets are no labels."""


class ClassificationObjective:
    """Cross-entropy over the distinct targets, or likeness of texts with one target."""

    info = PluginInfo(
        id="classification",
        label="classification by an encoder",
        extra="rag",
        options=("way", "encoder", "penalty"),
    )

    def footprint(self, plan: Plan, model: ModelCard) -> ObjectiveFootprint:
        """No logits over a vocabulary; contrast reads two texts of one label per sample."""
        pairs = plan.method_options.get("way") == "contrastive"
        notes = () if model.kind == "encoder" else ("The model is no encoder.",)
        return ObjectiveFootprint(
            sequences_per_sample=2 if pairs else 1, logits_copies=0.0, notes=notes
        )

    def obstacles(self, samples: Sequence[Sample]) -> list[Obstacle]:
        """Targets must be labels: few, short, and each with more than one row."""
        return none_given(samples) or [
            *plain_texts(samples),
            *bad_answers(samples),
            *without_answers(samples),
            *_no_labels(samples),
        ]


def _no_labels(samples: Sequence[Sample]) -> list[Obstacle]:
    counts = Counter(sample.target.strip() for sample in samples)
    single = sum(count == 1 for count in counts.values())
    if len(counts) == 1:
        return [_blocks("All samples have one target, so there is nothing to tell apart.")]
    if single > SINGLE_SHARE * len(samples):
        return [
            _blocks(
                f"The targets are no labels: {single} of {len(samples)} samples have a target that"
                " no other has."
            )
        ]
    long = sum(n for text, n in counts.items() if len(text) > LONGEST_LABEL or "\n" in text)
    if long > LONG_SHARE * len(samples):
        return [
            _blocks(
                f"The targets are texts to be written: {long} of {len(samples)} are longer than"
                f" {LONGEST_LABEL} characters."
            )
        ]
    return [*_rare(counts, single), *_alike(counts)]


def _blocks(message: str) -> Obstacle:
    hint = "Learn to write answers with the objective sft instead."
    return Obstacle(severity="blocks", message=message, hint=hint)


def _rare(counts: Counter[str], single: int) -> list[Obstacle]:
    few = sum(count < FEW_OF_EACH for count in counts.values())
    if not few:
        return []
    alone = f", {single} of them one only" if single else ""
    return [
        Obstacle(
            severity="warns",
            message=f"{few} of {len(counts)} labels have fewer than {FEW_OF_EACH} samples{alone}.",
            hint=f"Collect at least {FEW_OF_EACH} of each label, or join rare labels.",
        )
    ]


def _alike(counts: Counter[str]) -> list[Obstacle]:
    """Labels that differ in case or blanks alone are learnt as different ones."""
    folded = Counter(" ".join(text.casefold().split()) for text in counts)
    twice = [text for text, count in folded.items() if count > 1]
    if not twice:
        return []
    return [
        Obstacle(
            severity="warns",
            message=f"{len(twice)} labels are written in several ways, such as '{twice[0]}'.",
            hint="Write each label in one way.",
        )
    ]
