"""Further metrics of the same answers, beside the one that decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from advisor.contracts import Metric, Signed, Totalling
from advisor.evaluation.asking import has_failed
from advisor.evaluation.bench import LEVEL
from advisor.evaluation.intervals import score_interval
from advisor.schema.evaluation import MetricValue, Score, ScoredSample


def signature(metric: Metric) -> str:
    """What decides a metric's values; its id where it says nothing."""
    return metric.signature if isinstance(metric, Signed) else metric.info.id


def value_of(metric: Metric) -> Callable[[Mapping[str, float]], float] | None:
    """The metric of summed totals; None for one that is a mean of samples."""
    return metric.value_of if isinstance(metric, Totalling) else None


def beside(
    metric: Metric,
    scores: Sequence[ScoredSample],
    found: Sequence[Score],
    clusters: list[str] | None,
    seed: int,
) -> MetricValue:
    """A further metric over the answers it can score, with an interval where it is a share."""
    info = metric.info
    places = [
        at
        for at, (one, scored) in enumerate(zip(found, scores, strict=True))
        if not one.unscored and not (info.unit and has_failed(scored.completion))
    ]
    counted = [
        scores[at].model_copy(update={"value": found[at].value, "totals": found[at].totals})
        for at in places
    ]
    told = MetricValue(
        metric=info.id, value=None, n=len(counted), unit=info.unit, signature=signature(metric)
    )
    if not counted:
        return told
    if info.unit:
        return told.model_copy(update={"value": fmean(one.value for one in counted)})
    value, interval, _ = score_interval(
        counted,
        is_binary=info.binary,
        clusters=[clusters[at] for at in places] if clusters else None,
        value_of=value_of(metric),
        seed=seed,
        level=LEVEL,
    )
    return told.model_copy(update={"value": value, "interval": interval})
