"""What a whole plan costs: baselines, training, evaluation, storage, and months of serving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from advisor.schema.base import UsdInterval
from advisor.schema.spending import Serving, Share, Spending
from advisor.stages.estimate.money.shares import (
    Spent,
    fixed_shares,
    is_own,
    serving_share,
    training_share,
)
from advisor.units import round_usd

NO_LABOUR = "People's time, preparing and labelling data, and network traffic are not counted."


def _added(amounts: Sequence[UsdInterval]) -> UsdInterval:
    """Sum; likely values add up, spreads as if the parts were uncertain for their own reasons."""
    likely = sum((usd.likely for usd in amounts), Decimal(0))
    down = sum(((usd.likely - usd.low) ** 2 for usd in amounts), Decimal(0)).sqrt()
    up = sum(((usd.high - usd.likely) ** 2 for usd in amounts), Decimal(0)).sqrt()
    return UsdInterval(
        low=round_usd(max(Decimal(0), likely - down)),
        likely=round_usd(likely),
        high=round_usd(likely + up),
    )


def _notes(spent: Spent, unknown: Sequence[Share]) -> Iterator[str]:
    yield from spent.wish.assumptions
    if is_own(spent):
        yield "The own machine's power, wear and disk are not counted."
    for share in unknown:
        yield f"{share.name.capitalize()}: {share.because}"
    yield NO_LABOUR


def spending(spent: Spent, serving: Serving | None) -> Spending:
    """Every share of a plan's cost and their total; `serving` is the tuned model's.

    A share that is unknown says why, and leaves the total unknown.
    """
    fixed = fixed_shares(spent)
    found = (
        fixed.baselines,
        training_share(spent),
        fixed.evaluation,
        fixed.storage,
        serving_share(spent, serving),
    )
    known = [share.usd for share in found if share.usd is not None]
    unknown = [share for share in found if share.usd is None]
    return Spending(
        shares=found,
        total_usd=None if unknown else _added(known),
        known_usd=_added(known) if known else None,
        months=spent.wish.months,
        calls_per_month=spent.wish.calls_per_month,
        notes=tuple(_notes(spent, unknown)),
    )
