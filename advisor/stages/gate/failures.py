"""Why systems fail, as facts: of whose failures a share is told."""

from __future__ import annotations

from advisor.schema.baseline import Baselines
from advisor.schema.diagnosis import Cause, Diagnosis
from advisor.schema.evaluation import Evaluation
from advisor.stages.gate.systems import approach_of, best_evaluation

OF_RETRIEVAL: tuple[Cause, ...] = ("not_retrieved", "ignored", "not_in_documents")
"""Causes that say something of a system that is shown passages, and nothing of any other."""
OF_THE_BEST: tuple[Cause, ...] = ("other_wording", "wrong_format")
FAILURES: tuple[Cause, ...] = (*OF_RETRIEVAL, *OF_THE_BEST)
"""Causes that rules may ask for."""
FEWEST_FAILURES = 10
"""Failures below which their shares say nothing: one of five is no fifth of anything."""
RETRIEVING = frozenset({"rag", "rag_plus_fine_tuning"})


def retrieves(evaluation: Evaluation) -> bool:
    """Whether its prompts show passages that were searched for."""
    if evaluation.retrieval is not None or approach_of(evaluation) in RETRIEVING:
        return True
    return evaluation.asks_model and any(score.passages for score in evaluation.scores)


def best_retrieving(baselines: Baselines) -> Evaluation | None:
    """The best system that shows passages; the best of all where it is one; None without any."""
    best = best_evaluation(baselines)
    if retrieves(best):
        return best
    found = (e for e in baselines.evaluations if retrieves(e))
    return max(found, key=lambda e: e.value, default=None)


def told_by(cause: Cause, baselines: Baselines) -> Evaluation | None:
    """The system whose failures tell of a cause."""
    return best_retrieving(baselines) if cause in OF_RETRIEVAL else best_evaluation(baselines)


def enough(diagnosis: Diagnosis | None) -> bool:
    """Whether there are enough failures for shares of them."""
    return diagnosis is not None and diagnosis.failures >= FEWEST_FAILURES


def failure_shares(baselines: Baselines) -> dict[str, float | None]:
    """Shares of the failures by cause, under the names of their facts.

    None without a diagnosis, and where the failures are too few to be divided.
    """
    return {f"failures_{cause}": _share(cause, baselines) for cause in FAILURES}


def _share(cause: Cause, baselines: Baselines) -> float | None:
    system = told_by(cause, baselines)
    found = system.diagnosis if system is not None else None
    return round(found.share(cause), 6) if found is not None and enough(found) else None


def retrieval_recall(baselines: Baselines) -> float | None:
    """How often the best retrieving system showed a right passage; None where nobody knows."""
    best = best_retrieving(baselines)
    if best is None or best.retrieval is None:
        judged = [e for e in baselines.evaluations if e.retrieval is not None]
        best = max(judged, key=lambda e: e.value, default=None)
    if best is None or best.retrieval is None:
        return None
    depths = [depth for depth in best.retrieval.recall if depth <= best.retrieval.shown]
    return best.retrieval.recall[max(depths)] if depths else None
