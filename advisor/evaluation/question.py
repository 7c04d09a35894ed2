"""What an evaluation is watched for: a target to meet, or a rival to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from advisor.contracts import Judging, Metric
from advisor.evaluation.bench import ERROR_RATE, Bench
from advisor.evaluation.scoring import clusters_of
from advisor.evaluation.stopping import Watch, watch_difference, watch_target
from advisor.schema.evaluation import Sample


class Question(NamedTuple):
    """What an evaluation is watched for."""

    words: str
    watch: Watch
    rival: Mapping[str, float]
    """Scores to beat, by sample; empty for a target."""

    def add(self, sample_id: str, value: float) -> None:
        """Take the next score in."""
        self.watch.add(value - self.rival[sample_id] if self.rival else value)


def question_of(bench: Bench, name: str, samples: Sequence[Sample]) -> Question | None:
    """What is watched, where there is a target or a rival and answers can be read one by one."""
    if not _is_readable(bench.metric):
        return None
    groups, planned = clusters_of(samples), len(samples)
    if bench.watched_rival is not None:
        rival = {score.sample_id: score.value for score in bench.watched_rival.scores}
        watch = watch_difference(planned=planned, error_rate=ERROR_RATE, groups=groups)
        words = f"Is {name} better than {bench.watched_rival.builder}?"
        return Question(words, watch, rival) if _covers(rival, samples) else None
    if bench.watched_target is None:
        return None
    watch = watch_target(
        bench.watched_target, error_rate=ERROR_RATE, planned=planned, groups=groups
    )
    label = bench.metric.info.label
    words = f"Is the true {label} of {name} above {bench.watched_target:.0%}?"
    return Question(words, watch, {})


def _covers(rival: Mapping[str, float], samples: Sequence[Sample]) -> bool:
    return all(sample.id in rival for sample in samples)


def _is_readable(metric: Metric) -> bool:
    return not isinstance(metric, Judging) and not hasattr(metric, "value_of")
