"""The measured systems: what each stands for, which is best, which suffices, which is ahead."""

from __future__ import annotations

from collections.abc import Callable

from advisor.evaluation.sufficient import clears
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Evaluation

RETRIEVAL = "rag"
BY_COST = {"zero_shot": "prompting", "few_shot": "few_shot", RETRIEVAL: RETRIEVAL}
"""What the builders of older documents, which name no approach, stand for; cheapest first."""
SHOWS_KNOWLEDGE = frozenset({RETRIEVAL, "rag_plus_fine_tuning", "long_context"})
SEARCHES = "prompt_optimisation"
LEARNS = frozenset({"few_shot", "small_model"})
"""Approaches that show or learn from train samples."""


def approach_of(evaluation: Evaluation) -> str:
    """The approach that a system stands for; empty where it stands for none."""
    return evaluation.approach or BY_COST.get(evaluation.builder, "")


def best_evaluation(baselines: Baselines) -> Evaluation:
    """The evaluation that `Baselines.best` names."""
    return next(e for e in baselines.evaluations if e.builder == baselines.best)


def best_by_approach(baselines: Baselines) -> dict[str, float]:
    """The best value of each approach that was measured.

    A prompt that was to be improved counts only where the search for a better one took place.
    """
    found: dict[str, float] = {}
    for evaluation in baselines.evaluations:
        approach = approach_of(evaluation)
        if approach != SEARCHES or searched(evaluation):
            found[approach] = max(evaluation.value, found.get(approach, evaluation.value))
    return found


def searched(evaluation: Evaluation) -> bool:
    """Whether the model was asked about other parts of the data before the first test sample."""
    return evaluation.fitting is not None and evaluation.fitting.calls > 0


def shows_knowledge(evaluation: Evaluation) -> bool:
    """Whether its prompts hold knowledge beside the question."""
    approach = approach_of(evaluation)
    return approach in SHOWS_KNOWLEDGE or any(s.passages for s in evaluation.scores)


def is_plain_prompt(evaluation: Evaluation) -> bool:
    """Whether a language model answers without passages or documents."""
    return evaluation.asks_model and not shows_knowledge(evaluation)


def learns_from_train(evaluation: Evaluation) -> bool:
    """Whether it is shown train samples or learnt from them, so that a copy helps it."""
    if not evaluation.asks_model or approach_of(evaluation) in LEARNS:
        return True
    return any(score.shots for score in evaluation.scores)


def cheapest_sufficient(baselines: Baselines, target: float | None) -> Evaluation | None:
    """The cheapest evaluation that clears the target, judged as one of all that were measured.

    One that ended early has an interval as wide as that makes it.
    """
    if target is None:
        return None
    systems = len(baselines.evaluations)
    clearing = [e for e in baselines.evaluations if clears(e, target, systems)]
    return min(clearing, key=_cost_order, default=None)


def _cost_order(evaluation: Evaluation) -> tuple[int, float]:
    if evaluation.approach:
        return evaluation.cost_rank, -evaluation.value
    if evaluation.builder in BY_COST:
        return list(BY_COST).index(evaluation.builder), 0.0
    return len(BY_COST), -evaluation.value


def small_model_leads(baselines: Baselines) -> bool | None:
    """Whether the best small model is clearly ahead of the best plain prompt.

    None where either was not measured, or the two were not compared.
    """
    small = _best(baselines, lambda e: approach_of(e) == "small_model")
    prompt = _best(baselines, is_plain_prompt)
    if small is None or prompt is None:
        return None
    return is_ahead(small, prompt, baselines)


def is_behind(approach: str, baselines: Baselines) -> bool | None:
    """Whether an approach's best system is clearly behind the best one of another approach.

    None where either was not measured, or the two were not compared.
    """
    own = _best(baselines, lambda e: approach_of(e) == approach)
    other = _best(baselines, lambda e: approach_of(e) != approach)
    return None if own is None or other is None else is_ahead(other, own, baselines)


def is_ahead(one: Evaluation, other: Evaluation, baselines: Baselines) -> bool | None:
    """Whether one system is above another on the same samples, and not by chance.

    The interval of their difference leaves 0 out. None where they were not compared.
    """
    if one.value <= other.value:
        return False
    for found in baselines.comparisons:
        if (found.a, found.b) == (other.builder, one.builder):
            return found.interval.low > 0
        if (found.a, found.b) == (one.builder, other.builder):
            return found.interval.high < 0
    return None


def _best(baselines: Baselines, wanted: Callable[[Evaluation], bool]) -> Evaluation | None:
    found = (e for e in baselines.evaluations if wanted(e))
    return max(found, key=lambda e: e.value, default=None)
