"""Why answers failed and how well passages were found, as tables and sentences for every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.grid import Grid
from advisor.render.safe import UNKNOWN, percent, percent_range, words
from advisor.schema.diagnosis import CAUSE_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from advisor.schema.baseline import Baselines
    from advisor.schema.diagnosis import Diagnosis, RetrievalScores
    from advisor.schema.evaluation import Evaluation

MOST_DEPTHS = 5
"""Depths of recall that fit beside each other."""
JUDGED_BY = {
    "document": "the document that the sample names",
    "answer": "the answer standing in it",
    "mixed": "the document named, or the answer standing in it",
}
NO_MODEL = "no language model"


def system_name(evaluation: Evaluation) -> str:
    """A system by name; one that asks no language model says so."""
    name = words(evaluation.builder)
    return name if evaluation.asks_model else f"{name} ({NO_MODEL})"


def diagnosed(baselines: Baselines) -> tuple[Evaluation, ...]:
    """The systems whose failures were looked at: the best one first, then in their order."""
    found = [e for e in baselines.evaluations if e.diagnosis is not None]
    return tuple(sorted(found, key=lambda e: e.builder != baselines.best))


def causes_grid(diagnosis: Diagnosis) -> Grid:
    """One row per cause: how many failures, and their share."""
    rows = tuple(
        (CAUSE_WORDS[each.cause], f"{each.count:,}", percent(each.share, 0))
        for each in diagnosis.causes
    )
    return Grid(("Why answers failed", "Failures", "Share"), rows, right=(1, 2))


def examples_grid(diagnosis: Diagnosis) -> Grid:
    """Failures to be read, a few of each cause."""
    rows = tuple(
        (
            CAUSE_WORDS[each.cause],
            each.sample_id,
            each.input,
            each.expected or "(nothing)",
            each.got or "(nothing)",
            each.because,
            each.where,
        )
        for each in diagnosis.examples
    )
    return Grid(("Cause", "Sample", "Input", "Wanted", "Got", "Seen", "Where"), rows)


def levers(baselines: Baselines) -> tuple[str, ...]:
    """For each system, best first: what its failures point at."""
    return tuple(
        f"{words(e.builder)}: {e.diagnosis.sentence}"
        for e in diagnosed(baselines)
        if e.diagnosis is not None
    )


def retrieval_grid(evaluations: Sequence[Evaluation]) -> Grid:
    """One row per system that retrieves: recall by depth and the quality of the order."""
    judged = [(e, e.retrieval) for e in evaluations if e.retrieval is not None]
    depths = sorted({depth for _, scores in judged for depth in scores.recall})[:MOST_DEPTHS]
    rows = tuple(
        (
            words(e.builder),
            f"{scores.shown:,}",
            *(_recall(scores, depth) for depth in depths),
            f"{scores.mrr:.3f}",
            f"{scores.ndcg:.3f}",
            f"{scores.n:,}",
        )
        for e, scores in judged
    )
    recalls = tuple(f"Recall {depth}" for depth in depths)
    headers = ("Retrieval", "Shown", *recalls, "MRR", "nDCG", "n")
    return Grid(headers, rows, right=tuple(range(1, len(headers))))


def _recall(scores: RetrievalScores, depth: int) -> str:
    return percent(scores.recall[depth]) if depth in scores.recall else UNKNOWN


def retrieval_remarks(evaluations: Sequence[Evaluation]) -> tuple[str, ...]:
    """By what a passage counts as right, the interval at what is shown, and what was left out."""
    return tuple(
        _remark(words(e.builder), e.retrieval) for e in evaluations if e.retrieval is not None
    )


def _remark(name: str, scores: RetrievalScores) -> str:
    told = f"{name}: a passage is right by {JUDGED_BY[scores.judged_by]}"
    if scores.recall_interval is not None:
        found = scores.recall_interval
        reach = f"{percent_range(found.low, found.high)} ({percent(found.level, 0)} interval)"
        told += f"; recall at the {scores.shown} shown is {reach}"
    if scores.without:
        told += f"; {scores.without:,} samples without a passage known to be right are left out"
    return f"{told}."
