"""Systems without a language model, measured like any other: same samples, same metric."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.contracts import Predictor
from advisor.errors import PluginContractError
from advisor.evaluation.asking import Setting
from advisor.evaluation.bench import Bench
from advisor.evaluation.judging import judge_scores
from advisor.evaluation.runner import refuse_metric
from advisor.evaluation.scoring import Ended, clusters_of, evaluation, manifest
from advisor.schema.evaluation import Evaluation, Prompt, Sample

NO_BACKEND = "none"
"""What the manifest of a system that asks no model has for its backend."""


def unasked(samples: Sequence[Sample]) -> list[Prompt]:
    """Prompts that nobody is asked: they name the samples."""
    return [Prompt(sample_id=sample.id, messages=()) for sample in samples]


def predicted(
    bench: Bench, name: str, predictor: Predictor, samples: Sequence[Sample]
) -> Evaluation:
    """A fitted predictor's scores on all samples; nothing is paid, so nothing ends early.

    Raises PluginContractError when it does not answer every sample, or the metric cannot decide.
    """
    refuse_metric(bench)
    answers = predictor.predict(samples)
    if len(answers) != len(samples):
        raise PluginContractError(
            f"The predictor {name} answered {len(answers)} of {len(samples)} samples.",
            hint="A predictor must answer every sample, in order.",
            where=f"predictor {name}",
        )
    settings: dict[str, Setting] = dict(getattr(predictor, "settings", {}))
    own = {"backend": NO_BACKEND, "model": predictor.info.id, "model_digest": ""}
    conditions = manifest(bench, predictor.info.id, settings, samples=len(samples))
    prompts = unasked(samples)
    found = evaluation(
        bench,
        name,
        (prompts, answers, samples),
        conditions.model_copy(update=own),
        Ended(planned=len(samples), groups=clusters_of(samples)),
        judge_scores(bench, prompts, answers, samples),
    )
    stands = {"approach": predictor.info.approach, "cost_rank": predictor.info.cost_rank}
    return found.model_copy(update=stands | {"asks_model": False})
