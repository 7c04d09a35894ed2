"""Scores of two systems on the samples that both have answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from advisor.errors import StaleArtifactError
from advisor.evaluation.identity import repeated
from advisor.schema.evaluation import Evaluation, ScoredSample


class Pairs(NamedTuple):
    """Scores of a and of b in one order of samples."""

    a: tuple[ScoredSample, ...]
    b: tuple[ScoredSample, ...]
    was_watched: bool
    """One of them could have ended early, so that part of the error is spent on looking."""
    ended_by_scores: bool
    """The scores themselves decided how many samples there are."""
    largest_group: int = 1
    """Samples of the largest group that was planned, where that is known."""

    @property
    def differences(self) -> list[float]:
        """Score of b minus score of a, sample by sample."""
        return [theirs.value - ours.value for ours, theirs in zip(self.a, self.b, strict=True)]

    @property
    def labels(self) -> list[str]:
        """Document or group of each sample."""
        return [score.group for score in self.a]


def paired(a: Evaluation, b: Evaluation) -> Pairs:
    """Both systems' scores on the samples that both have scored, in the order they were asked.

    They must have all samples in common unless one ended early. Raises StaleArtifactError when
    samples, data or metric differ, a sample stands twice, or none was scored for both.
    """
    ours, theirs = _by_sample(a), _by_sample(b)
    first = ours if len(ours) <= len(theirs) else theirs
    common = [sample_id for sample_id in first if sample_id in ours and sample_id in theirs]
    has_ended_early = a.ended != "all" or b.ended != "all"
    whole = max(len(ours), len(theirs)) if not has_ended_early else 1
    data_a, data_b = a.manifest.dataset_digest, b.manifest.dataset_digest
    if len(common) < whole or a.metric != b.metric or data_a != data_b:
        raise StaleArtifactError(
            f"{a.builder} and {b.builder} were not measured on the same samples with the same "
            f"metric: {len(ours)} samples by {a.metric}, {len(theirs)} by {b.metric}, "
            f"{len(common)} in common, data {data_a} and {data_b}.",
            hint="Run `advisor baseline` again, so that both are measured on the data as it is.",
        )
    scored = [at for at in common if not ours[at].unscored and not theirs[at].unscored]
    if not scored:
        raise StaleArtifactError(
            f"{a.metric} gave none of the {len(common)} samples a value for both {a.builder} and "
            f"{b.builder}.",
            hint="Decide by another --metric, and run `advisor baseline` again.",
        )
    return Pairs(
        a=tuple(ours[sample_id] for sample_id in scored),
        b=tuple(theirs[sample_id] for sample_id in scored),
        was_watched=a.stopping is not None or b.stopping is not None,
        ended_by_scores="decided" in {a.ended, b.ended},
        largest_group=max([e.stopping.largest_group for e in (a, b) if e.stopping], default=1),
    )


def _by_sample(evaluation: Evaluation) -> Mapping[str, ScoredSample]:
    twice = repeated(score.sample_id for score in evaluation.scores)
    if twice:
        raise StaleArtifactError(
            f"{evaluation.builder} was measured on {len(twice)} sample ids more than once, the "
            f"first is '{twice[0]}'; scores cannot be paired by them.",
            hint="Give every row its own id, and run `advisor baseline` again.",
        )
    return {score.sample_id: score for score in evaluation.scores}
