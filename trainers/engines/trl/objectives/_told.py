"""What objectives say of a job: samples left out, and parts of the plan that they do not heed."""

from __future__ import annotations

from advisor.schema.train import TrainJob


def left_out(job: TrainJob, *, too_long: int = 0, same: int = 0) -> tuple[str, ...]:
    """A sentence for each reason for which samples are not learnt from."""
    notes = []
    if too_long:
        notes.append(
            f"{too_long} of {len(job.train_samples)} samples exceed {job.plan.sequence_length}"
            " tokens and were left out."
        )
    if same:
        notes.append(f"{same} samples with two answers that are the same were left out.")
    return tuple(notes)


def unheeded(job: TrainJob, *, dropout: bool = False, noise: bool = True) -> tuple[str, ...]:
    """A sentence for each part of the plan that does not fit the objective.

    `dropout` and `noise` tell whether it trains with dropout and with noise on the embeddings.
    """
    plan = job.plan
    notes = []
    if plan.dropout and not dropout:
        notes.append(f"The objective '{plan.objective}' trains without dropout.")
    if plan.neftune_alpha and not noise:
        notes.append(
            f"The objective '{plan.objective}' trains without noise on the embeddings"
            " (neftune_alpha): its completions are drawn by the model that is trained."
        )
    if plan.length_grouping:
        notes.append("Batches are not grouped by length: the rows are no single texts.")
    if job.general_samples and plan.general_share:
        notes.append("General data is mixed in with the objectives sft and cpt only.")
    return tuple(notes)
