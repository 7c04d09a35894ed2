"""How far a judge agrees with people: kappa, sensitivity, corrected rates, and when to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from advisor.errors import MissingExtraError
from advisor.evaluation.intervals import LEVEL, proportion_interval
from advisor.schema.base import ConfidenceInterval
from advisor.schema.judge import CorrectedRate, Crossing, Estimated, Trust

RESAMPLES = 2000
SUBSTANTIAL = 0.6
"""Kappa above which agreement is called substantial: Landis and Koch, The measurement of observer
agreement for categorical data, Biometrics 33 (1977), 159-174."""
MOST_UNREADABLE = 0.05
"""Share of rows without a readable verdict that is put up with; the authors' judgement."""
LEAST_CONSISTENT = 0.65
"""Share of pairs that must keep their verdict when the answers change places: what GPT-4 reached on
answers of like quality, where weaker judges reached 46 % and 24 % (Zheng et al., Judging
LLM-as-a-Judge with MT-Bench and Chatbot Arena, NeurIPS 2023, table 2)."""
RULE = (
    f"A judge may stand in for people when the lower end of kappa's {LEVEL:.0%} interval is at "
    f"least {SUBSTANTIAL:g} (substantial agreement: Landis and Koch, Biometrics 33, 1977), at most "
    f"{MOST_UNREADABLE:.0%} of its verdicts are unreadable and, for pairs, at least "
    f"{LEAST_CONSISTENT:.0%} keep their verdict when the answers change places (Zheng et al., "
    "NeurIPS 2023)."
)


def table_of(human: Sequence[str], judge: Sequence[str], levels: Sequence[str]) -> list[list[int]]:
    """How often each human verdict (rows) met each verdict of the judge (columns)."""
    place = {level: at for at, level in enumerate(levels)}
    table = [[0] * len(levels) for _ in levels]
    for mine, theirs in zip(human, judge, strict=True):
        table[place[mine]][place[theirs]] += 1
    return table


def crossings(table: Sequence[Sequence[int]], levels: Sequence[str]) -> tuple[Crossing, ...]:
    """The table's cells that are not empty."""
    return tuple(
        Crossing(human=mine, judge=theirs, count=count)
        for mine, row in zip(levels, table, strict=True)
        for theirs, count in zip(levels, row, strict=True)
        if count
    )


def share(hits: int, n: int, *, why: str = "there is no such row") -> Estimated:
    """A share with Wilson's interval; unknown where there is nothing to share."""
    if not n:
        return Estimated(value=None, n=0, note=why)
    return Estimated(value=hits / n, interval=proportion_interval(hits, n), n=n)


def agreement(table: Sequence[Sequence[int]]) -> tuple[Estimated, float | None]:
    """Share of equal verdicts, and the share expected of two that judge at random.

    The latter is the sum over verdicts of the product of both marginal shares.
    """
    n = sum(map(sum, table))
    if not n:
        return share(0, 0), None
    equal = sum(row[at] for at, row in enumerate(table))
    columns = [sum(column) for column in zip(*table, strict=True)]
    by_chance = sum(sum(row) * column for row, column in zip(table, columns, strict=True)) / n**2
    return share(equal, n), by_chance


def kappa(table: Sequence[Sequence[int]], *, is_weighted: bool = False, seed: int = 0) -> Estimated:
    """Cohen's kappa (scikit-learn) with its bootstrap interval over rows.

    Weighted: with the squared distance between verdicts, Cohen 1968. Resampling rows is drawing
    the table's cells anew. Where no row differs the bootstrap sees no spread; there the lower end
    is kappa at the lower Wilson bound of the agreement. Unknown where both gave one verdict only.
    """
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    counts = np.asarray(table, dtype=float)
    n = int(counts.sum())
    if not n:
        return share(0, 0)
    value = _library_kappa(table, is_weighted=is_weighted)
    if value is None:
        return Estimated(value=None, n=n, note="all verdicts are the same, so none is by skill")
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, counts.ravel() / n, size=RESAMPLES).reshape(-1, *counts.shape)
    values = _kappas(drawn.astype(float), is_weighted=is_weighted)
    values = values[~np.isnan(values)]
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    agreed, by_chance = agreement(table)
    if agreed.value == 1 and agreed.interval and by_chance is not None:
        low = min(low, 1 - (1 - agreed.interval.low) / (1 - by_chance))
    low, high = min(float(low), value), max(float(high), value)
    return Estimated(value=value, n=n, interval=ConfidenceInterval(low=low, high=high, level=LEVEL))


def _library_kappa(table: Sequence[Sequence[int]], *, is_weighted: bool) -> float | None:
    """Kappa by scikit-learn; None where both gave the same single verdict throughout."""
    n = sum(map(sum, table))
    if any(row[at] == n for at, row in enumerate(table)):
        return None
    try:
        from sklearn.metrics import cohen_kappa_score  # noqa: PLC0415 - heavy and optional
    except ImportError as error:
        raise MissingExtraError("Agreement with people", "metrics") from error
    places = range(len(table))
    cells = [(i, j) for i in places for j in places]
    weights = [table[i][j] for i, j in cells]
    found = cohen_kappa_score(
        [i for i, _ in cells],
        [j for _, j in cells],
        labels=list(places),
        weights="quadratic" if is_weighted else None,
        sample_weight=weights,
    )
    return float(found)


def _kappas(tables: Any, *, is_weighted: bool) -> Any:
    """Kappa of many tables at once: 1 - sum(w observed) / sum(w expected); NaN where undefined."""
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    size = tables.shape[1]
    distance = np.subtract.outer(np.arange(size), np.arange(size)).astype(float)
    weights = distance**2 if is_weighted else (distance != 0).astype(float)
    n = tables.sum(axis=(1, 2))
    expected = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :] / n[:, None, None]
    missed, chance = (weights * tables).sum(axis=(1, 2)), (weights * expected).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance > 0, 1 - missed / chance, np.nan)


def corrected_rate(
    good: int, n: int, *, table: Sequence[Sequence[int]], seed: int = 0
) -> CorrectedRate:
    """The true share of good answers among `n` rows of which the judge calls `good` good.

    Rogan and Gladen, American Journal of Epidemiology 107 (1978): (judged + specificity - 1) /
    (sensitivity + specificity - 1), cut to 0 and 1. `table` holds the labelled rows, bad first.
    The interval takes all three shares as uncertain (Jeffreys draws). Unknown where the judge is
    no better than chance.
    """
    import numpy as np  # noqa: PLC0415 - heavy, wanted only when something was measured

    (true_bad, false_good), (false_bad, true_good) = table
    judged = good / n
    if not true_bad + false_good or not false_bad + true_good:
        note = "the labelled rows hold only one kind of answer"
        return CorrectedRate(judged=judged, corrected=Estimated(value=None, n=n, note=note))
    sensitivity = true_good / (true_good + false_bad)
    specificity = true_bad / (true_bad + false_good)
    if sensitivity + specificity <= 1:
        note = "the judge tells good from bad no better than chance"
        return CorrectedRate(judged=judged, corrected=Estimated(value=None, n=n, note=note))
    value = (judged + specificity - 1) / (sensitivity + specificity - 1)
    rng = np.random.default_rng(seed)
    half = 0.5
    se = rng.beta(true_good + half, false_bad + half, RESAMPLES)
    sp = rng.beta(true_bad + half, false_good + half, RESAMPLES)
    seen = rng.beta(good + half, n - good + half, RESAMPLES)
    with np.errstate(divide="ignore"):
        drawn = np.where(se + sp > 1, (seen + sp - 1) / (se + sp - 1), rng.random(RESAMPLES))
    low, high = np.quantile(drawn.clip(0, 1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = min(1.0, max(0.0, value))
    interval = ConfidenceInterval(
        low=min(float(low), value), high=max(float(high), value), level=LEVEL
    )
    return CorrectedRate(judged=judged, corrected=Estimated(value=value, n=n, interval=interval))


def verdict(
    agreed: Estimated,
    beyond_chance: Estimated,
    *,
    unreadable_share: float,
    consistency: Estimated | None = None,
) -> tuple[Trust, str]:
    """Whether the judge may stand in for people by `RULE`, and a sentence that says so."""
    obstacle = _obstacle(unreadable_share, consistency)
    if agreed.value is None:
        if obstacle:
            return "no", f"The judge may not stand in for people: {obstacle}."
        return "unknown", "No row has a verdict of both, so nothing can be said of the judge."
    seen = f"The judge agrees with people on {agreed.value:.0%} of {agreed.n} rows"
    if obstacle:
        return "no", f"{seen}, but {obstacle}: it may not stand in for people."
    trusted, words = _by_kappa(beyond_chance)
    return trusted, seen + words


def _by_kappa(beyond_chance: Estimated) -> tuple[Trust, str]:
    """What kappa and its interval say, and the end of the sentence."""
    if beyond_chance.value is None or beyond_chance.interval is None:
        return "unknown", (
            ", but all verdicts are the same, so skill cannot be told from habit; add rows of the "
            "other kind."
        )
    low, high = beyond_chance.interval.low, beyond_chance.interval.high
    seen = f" (kappa {beyond_chance.value:.2f}, {LEVEL:.0%} interval {low:.2f} to {high:.2f})"
    if low >= SUBSTANTIAL:
        return "yes", f"{seen}: it may stand in for people on rows like these."
    if high < SUBSTANTIAL:
        return "no", f"{seen}: it may not stand in for people; another rubric or model may."
    doubt = "too few rows to tell whether it may stand in for people"
    return "unknown", f"{seen}: {doubt}{_more(beyond_chance)}"


def _obstacle(unreadable_share: float, consistency: Estimated | None) -> str:
    """What forbids trust whatever the agreement; empty for nothing."""
    if unreadable_share > MOST_UNREADABLE:
        return f"{unreadable_share:.0%} of its verdicts cannot be read"
    steady = consistency.value if consistency else None
    if steady is not None and steady < LEAST_CONSISTENT:
        return f"only {steady:.0%} of its verdicts survive a change of places"
    return ""


def _more(beyond_chance: Estimated) -> str:
    """About how many rows would tell: the interval shrinks with the square root of their number."""
    if beyond_chance.value is None or beyond_chance.interval is None:
        return "."
    distance = beyond_chance.value - SUBSTANTIAL
    below = beyond_chance.value - beyond_chance.interval.low
    if distance <= 0.02 or below <= 0:
        return "; its kappa lies close to the bound, so many more are needed."
    rows = ceil(beyond_chance.n * (below / distance) ** 2 / 10) * 10
    return f"; about {rows} labelled rows would, if its kappa stays as it is."
