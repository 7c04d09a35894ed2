"""What an evaluation is watched for: a target to meet, or a rival to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from advisor.contracts import Judging, Metric
from advisor.evaluation.bench import ERROR_RATE, Bench
from advisor.evaluation.detectable import PROOF_ERROR
from advisor.evaluation.scoring import clusters_of
from advisor.evaluation.stopping import Watch, watch_difference, watch_target
from advisor.schema.evaluation import Completion, Sample, Score, ScoredSample


class Question(NamedTuple):
    """What an evaluation is watched for."""

    words: str
    watch: Watch
    rival: Mapping[str, float | None] = MappingProxyType({})
    """Scores to beat, by sample, None where there is none; empty for a target."""
    rival_name: str = ""

    def add(self, sample_id: str, value: float | None) -> None:
        """Take the next score in; None, here or of the rival, decides nothing."""
        beaten = self.rival[sample_id] if self.rival else 0.0
        if value is None or beaten is None:
            self.watch.skip()
        else:
            self.watch.add(value - beaten)


def question_of(bench: Bench, name: str, samples: Sequence[Sample]) -> Question | None:
    """What is watched, where there is a target or a rival and answers can be read one by one."""
    if not _is_readable(bench.metric):
        return None
    groups, planned = clusters_of(samples), len(samples)
    if bench.watched_rival is not None:
        rival = {
            score.sample_id: value_that_stands(score, score.completion)
            for score in bench.watched_rival.scores
        }
        watch = watch_difference(planned=planned, error_rate=PROOF_ERROR, groups=groups)
        other = bench.watched_rival.builder
        words = f"Is {name} better than {other}?"
        return Question(words, watch, rival, other) if _covers(rival, samples) else None
    if bench.watched_target is None:
        return None
    watch = watch_target(
        bench.watched_target, error_rate=ERROR_RATE, planned=planned, groups=groups
    )
    label = bench.metric.info.label
    words = f"Is the true {label} of {name} above {bench.watched_target:.0%}?"
    return Question(words, watch)


def value_that_stands(score: Score | ScoredSample, completion: Completion) -> float | None:
    """A score that asking again would not change; None where there is none, or not yet."""
    return None if score.unscored or completion.may_pass else score.value


def _covers(rival: Mapping[str, float | None], samples: Sequence[Sample]) -> bool:
    return all(sample.id in rival for sample in samples)


def _is_readable(metric: Metric) -> bool:
    return not isinstance(metric, Judging) and not hasattr(metric, "value_of")
