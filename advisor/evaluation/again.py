"""The same samples measured with another model, so that the two can be paired."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.contracts import PromptBuilder
from advisor.errors import StaleArtifactError
from advisor.evaluation.bench import Bench
from advisor.evaluation.identity import by_id
from advisor.evaluation.runner import evaluate
from advisor.schema.evaluation import Evaluation, Sample


def evaluate_again(
    bench: Bench,
    name: str,
    builder: PromptBuilder,
    samples: Sequence[Sample],
    *,
    like: Evaluation,
) -> Evaluation:
    """A system on exactly the samples of an earlier evaluation, in its order.

    Raises StaleArtifactError when one of them is gone, and what `evaluate` raises.
    """
    known = by_id(samples)
    wanted = [score.sample_id for score in like.scores]
    gone = [sample_id for sample_id in wanted if sample_id not in known]
    if gone:
        raise StaleArtifactError(
            f"{len(gone)} of the {len(wanted)} samples that {like.builder} was measured on are no "
            f"longer in the data, the first is '{gone[0]}'.",
            hint="Run `advisor baseline` again, so that both are measured on the data as it is.",
        )
    return evaluate(bench, name, builder, [known[sample_id] for sample_id in wanted])
