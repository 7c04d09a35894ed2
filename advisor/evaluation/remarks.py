"""What a reader must know of an evaluation that is not what was planned."""

from __future__ import annotations

from advisor.schema.evaluation import Evaluation

MANY_CUT = 0.02
"""Share of answers cut at their longest length beyond which that is told."""


def remarks(evaluation: Evaluation) -> list[str]:
    """Sentences on failures, samples without a score, cut answers, the cap, another model."""
    name, asked = evaluation.builder, evaluation.n + evaluation.unscored
    planned = evaluation.planned or asked
    found = []
    if evaluation.failures:
        found.append(
            f"{name}: {evaluation.failures} of {asked} samples got no answer and count as 0."
        )
    if evaluation.unscored:
        found.append(
            f"{name}: {evaluation.metric} could give {evaluation.unscored} of {asked} answers no"
            " value; they count neither way."
        )
    answered = asked - evaluation.failures
    if evaluation.cut_answers > MANY_CUT * answered:
        longest = evaluation.manifest.settings["max_new_tokens"]
        found.append(
            f"{name}: {evaluation.cut_answers} of {answered} answers were cut at {longest} tokens;"
            " raise --max-new-tokens."
        )
    if evaluation.ended == "budget":
        found.append(f"{name}: the cap on spending ended it after {asked} of {planned} samples.")
    if evaluation.events.get("other_model"):
        served = sorted({s.completion.served_model for s in evaluation.scores} - {""})
        found.append(f"{name}: the service answered with another model: {', '.join(served)}.")
    return found
