"""Systems measured on growing numbers of labels, and what that says of collecting more."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from advisor.contracts import Metric, Predictor, PromptBuilder, Tools, Totalling
from advisor.errors import BackendResponseError
from advisor.evaluation.bench import Bench
from advisor.evaluation.curve_words import FEWEST_LABELS, more_labels, sentence
from advisor.evaluation.learning_curve import Level, curve
from advisor.evaluation.purse import summed
from advisor.evaluation.runner import evaluate
from advisor.evaluation.scoring import clusters_of, score
from advisor.evaluation.suggest import target_kind
from advisor.schema.evaluation import Document, Prompt, Sample
from advisor.schema.learning_curve import LearningCurve
from advisor.schema.purse import Bill

CLASSIFIER_LEVELS = 6
PROMPT_LEVELS = 4
"""A prompted system costs a whole evaluation per number of labels."""
DRAWS = 3
"""Choices of labels per number; all labels can be chosen in one way only."""
SMALLEST_SHARE = 1 / 32

Measure = Callable[[Sequence[Sample], int], Sequence[float]]
"""From labelled samples and a seed to the score of each test sample."""


class System(NamedTuple):
    """Something that learns from labels and is scored on the test samples."""

    name: str
    measure: Measure
    levels: int
    draws: int = 1


def learning_curve(
    systems: Sequence[System],
    *,
    train: Sequence[Sample],
    test: Sequence[Sample],
    metric: Metric,
    target: float | None,
    seed: int = 0,
) -> LearningCurve:
    """Scores of every system on nested parts of the labels, and what more would bring.

    Nothing is chosen by the test samples: they only show how the scores grow. What the systems
    raise is raised.
    """
    groups = clusters_of(test)
    grown = [(system, *_levels(system, train, seed)) for system in systems]
    curves = tuple(
        curve(system.name, levels, target=target, groups=groups, seed=seed)
        for system, levels, _ in grown
    )
    notes = [note for _, _, note in grown if note]
    own = f"{metric.info.id} is no mean of samples; shown is the mean of the samples' own scores."
    return LearningCurve(
        metric=metric.info.id,
        target=target,
        curves=curves,
        more_labels=more_labels(curves, target, len(train)),
        sentence=sentence(curves, target, len(train)),
        notes=(*notes, own) if isinstance(metric, Totalling) else tuple(notes),
    )


def classifier(
    predictor: Predictor, *, test: Sequence[Sample], metric: Metric, tools: Tools
) -> System:
    """A predictor under the metric; what it computes once it is asked to keep itself."""

    def measure(train: Sequence[Sample], seed: int) -> list[float]:  # noqa: ARG001 - fits alike
        predictor.fit(train, (), tools)
        return [
            score(metric, Prompt(sample_id=sample.id, messages=()), completion, sample).value
            for sample, completion in zip(test, predictor.predict(test), strict=True)
        ]

    return System(predictor.info.id, measure, CLASSIFIER_LEVELS, DRAWS)


def prompted(
    bench: Bench,
    builder: Callable[[], PromptBuilder],
    *,
    test: Sequence[Sample],
    corpus: Sequence[Document],
    tools: Tools,
) -> System:
    """A prompt builder that chooses its shots from the labels; answers come from the cache if any.

    The bench must not watch anything: a curve needs the score of every sample.
    """
    name = builder().info.id

    def measure(train: Sequence[Sample], seed: int) -> list[float]:  # noqa: ARG001 - one choice
        made = builder()
        made.fit(train, (), corpus, tools)
        found = evaluate(bench, f"{name} with {len(train)} labels", made, test)
        if found.ended == "budget":
            raise BackendResponseError(
                f"The cap on spending ended {name} with {len(train)} labels after {found.n} of"
                f" {len(test)} samples.",
                hint="Raise --budget-usd; what was answered is kept.",
            )
        values = {scored.sample_id: scored.value for scored in found.scores}
        return [values[sample.id] for sample in test]

    return System(name, measure, PROMPT_LEVELS)


def usual_systems(
    bench: Bench,
    *,
    train: Sequence[Sample],
    test: Sequence[Sample],
    builder: Callable[[], PromptBuilder],
    predictor: Predictor,
    tools: Tools,
) -> list[System]:
    """The prompt with shots, and the predictor where the targets are labels.

    Evaluations for a curve are never ended early, whatever the bench watches.
    """
    whole = replace(bench, watched_target=None, watched_rival=None)
    systems = [prompted(whole, builder, test=test, corpus=(), tools=tools)]
    if target_kind(train) == "labels":
        systems.append(classifier(predictor, test=test, metric=bench.metric, tools=tools))
    return systems


def nested(train: Sequence[Sample], seed: int) -> list[Sample]:
    """The labels in an order of which every beginning has the targets in proportion.

    Within a target the order is random, by the seed and the ids alone.
    """
    draw = random.Random(seed)  # noqa: S311 - repeatable choice, no secret
    pool = sorted(train, key=lambda sample: sample.id)
    draw.shuffle(pool)
    members: dict[str, list[Sample]] = {}
    for sample in pool:
        members.setdefault(sample.target, []).append(sample)
    placed = [
        ((rank + draw.random()) / len(alike), sample)
        for alike in members.values()
        for rank, sample in enumerate(alike)
    ]
    return [sample for _, sample in sorted(placed, key=lambda pair: pair[0])]


def sizes(total: int, count: int, *, targets: int = 1) -> list[int]:
    """Numbers of labels in equal ratios up to all, from one a target on where that leaves room."""
    lowest = max(2, round(total * SMALLEST_SHARE))
    if targets * 4 <= total:
        lowest = max(lowest, targets)
    if count < 2 or lowest >= total:
        return [total]
    ratio = (total / lowest) ** (1 / (count - 1))
    return sorted({round(lowest * ratio**step) for step in range(count - 1)} | {total})


def curve_bill(
    bench: Bench,
    builder: PromptBuilder,
    *,
    train: Sequence[Sample],
    test: Sequence[Sample],
    tools: Tools,
) -> Bill:
    """What the prompted part of a curve is to cost at most: every number of labels asked anew.

    Prompts with all labels stand for those with fewer. Raises what fitting the builder raises.
    """
    builder.fit(train, (), (), tools)
    prompts = [builder.build(sample) for sample in test]
    one = bench.purse.bill(
        prompts,
        cached=0,
        answer_characters=sum(len(sample.target) for sample in test) / max(len(test), 1),
        max_new_tokens=bench.settings.max_new_tokens,
    )
    return summed(one, one, times=PROMPT_LEVELS - 1)


def _levels(system: System, train: Sequence[Sample], seed: int) -> tuple[list[Level], str]:
    """The system's scores at every number of labels, for each choice of them.

    Where money or answers run out on the way, what was measured before, and a sentence on it.
    """
    if len(train) < FEWEST_LABELS:
        return [], ""
    orders = [nested(train, seed + number) for number in range(system.draws)]
    levels: list[Level] = []
    targets = len({sample.target for sample in train})
    for size in sizes(len(train), system.levels, targets=targets):
        chosen = orders if size < len(train) else orders[:1]
        try:
            scores = [tuple(system.measure(order[:size], seed)) for order in chosen]
        except BackendResponseError as error:
            if not levels:
                raise
            return levels, error.message
        levels.append(Level(size, tuple(scores)))
    return levels, ""
