"""What is reached without reading the sample: what a model that learned a task must beat."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from advisor.contracts import Judging, Metric
from advisor.evaluation.also import value_of
from advisor.evaluation.scoring import score, scored
from advisor.evaluation.shared_ground import value_on
from advisor.schema.evaluation import Completion, Evaluation, Prompt, Sample, ScoredSample
from advisor.schema.verify import GuessKind

OTHERS_ANSWER: GuessKind = "answers_to_other_samples"
COMMON_TARGET: GuessKind = "most_frequent_target"
SEED = 7
"""Of the draw of the other sample, so that anybody can repeat it."""
FEWEST = 2
"""Samples below which there is no other one."""


def guesses(
    metric: Metric, tuned: Evaluation, samples: Sequence[Sample]
) -> dict[GuessKind, Evaluation]:
    """Evaluations of systems that do not read the sample.

    `answers_to_other_samples`: every sample gets the tuned model's answer to another one, drawn by
    a fixed seed. `most_frequent_target`: every sample gets the target that most have, where some
    share one. A model tuned on answers that do not belong to their questions learns their form, and
    how often each is given; beside a base model that knows neither, that looks like skill, until
    it is seen that its answers fit their own samples no better than others.

    No model is called: the metric scores texts that are there. None for a metric that asks a judge,
    and for one that does not look at the target.
    """
    by_id = {sample.id: sample for sample in samples}
    known = [one for one in tuned.scores if not one.unscored and one.sample_id in by_id]
    asked = [by_id[one.sample_id] for one in known]
    if isinstance(metric, Judging) or len(known) < FEWEST or not _looks(metric, known, asked):
        return {}
    told: dict[GuessKind, Sequence[Completion]] = {
        OTHERS_ANSWER: [known[at].completion for at in _elsewhere(len(known))]
    }
    target, count = Counter(sample.target for sample in asked).most_common(1)[0]
    if count > 1:
        told[COMMON_TARGET] = [_saying(target)] * len(asked)
    return {name: _evaluated(metric, tuned, asked, texts) for name, texts in told.items()}


def _looks(metric: Metric, known: Sequence[ScoredSample], asked: Sequence[Sample]) -> bool:
    """Whether some answer scores otherwise where its sample has another one's target."""
    for at, other in enumerate(_elsewhere(len(asked))):
        if asked[at].target != asked[other].target:
            swapped = asked[at].model_copy(update={"target": asked[other].target})
            found = score(metric, _unread(swapped), known[at].completion, swapped)
            if found.value != known[at].value:
                return True
    return False


def _elsewhere(count: int) -> list[int]:
    """For each place another one; every place is named once."""
    order = list(range(count))
    random.Random(SEED).shuffle(order)  # noqa: S311 - a draw that anybody can repeat
    found = [0] * count
    for here, there in zip(order, order[1:] + order[:1], strict=True):
        found[here] = there
    return found


def _evaluated(
    metric: Metric,
    tuned: Evaluation,
    asked: Sequence[Sample],
    told: Sequence[Completion],
) -> Evaluation:
    """The tuned model's evaluation with other answers in it; its interval is not that of these."""
    prompts = [_unread(sample) for sample in asked]
    answered = (prompts, told, asked)
    scores = scored(answered, [score(metric, *one) for one in zip(*answered, strict=True)])
    value = value_on(scores, value_of(metric))
    return tuned.model_copy(update={"builder": "guess", "scores": scores, "value": value})


def _saying(text: str) -> Completion:
    return Completion(text=text, prompt_tokens=0, completion_tokens=0, latency_ms=0)


def _unread(sample: Sample) -> Prompt:
    """What stands where a metric looks for the prompt: a guess has none."""
    return Prompt(sample_id=sample.id, messages=())
