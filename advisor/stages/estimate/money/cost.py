"""Hours to money: an offer's price for as many GPUs as must be rented."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from advisor.schema.base import Interval, UsdInterval
from advisor.schema.catalog import Offer
from advisor.schema.freshness import is_stale as is_old
from advisor.schema.money import Money
from advisor.units import seconds_from_hours

KINDS = ("own", "on_demand", "reserved", "community", "spot")
"""From the firmest kind of offer to the loosest."""
_FINEST = Decimal("0.0001")


def billed_gpus(offer: Offer, needed: int) -> int:
    """GPUs paid for: offers come in whole machines."""
    machines = -(-needed // offer.gpus)
    return machines * offer.gpus


def usd_per_hour(offer: Offer, needed: int) -> Decimal:
    """Price of an hour on as many machines as are needed."""
    return offer.usd_per_gpu_hour * billed_gpus(offer, needed)


def offers_by_kind(offers: Sequence[Offer], needed: int) -> dict[str, Offer]:
    """The cheapest offer of each kind there is, firmest kind first."""
    found = ((kind, _cheapest(offers, kind, needed)) for kind in KINDS)
    return {kind: offer for kind, offer in found if offer is not None}


def _cheapest(offers: Sequence[Offer], kind: str, needed: int) -> Offer | None:
    """A price of the whole machine goes before one that leaves processor and memory out."""
    of_kind = [offer for offer in offers if offer.kind == kind]
    if len(of_kind) < 2:
        return of_kind[0] if of_kind else None
    return min(of_kind, key=lambda o: (o.is_gpu_only, usd_per_hour(o, needed), o.provider))


def best_offer(offers: Sequence[Offer], needed: int) -> Offer | None:
    """The cheapest offer of the firmest kind there is: on demand before community before spot."""
    if len(offers) == 1:
        return offers[0]
    found = (_cheapest(offers, kind, needed) for kind in KINDS)
    return next((offer for offer in found if offer is not None), None)


def rented_hours(offer: Offer, hours: Interval, money: Money) -> Interval:
    """Hours that the bill shows.

    Spot machines lose time to interruptions. Time is rounded up to the step in which the provider
    bills; where that is unknown, the upper end is rounded up to the started hour.
    """
    low, likely, high = hours.low, hours.likely, hours.high
    if offer.kind == "spot":
        lost = money.spot_time.interval
        low, likely, high = low * lost.low, likely * lost.likely, high * lost.high
    step = money.billing_seconds.get(offer.provider)
    if step is None:
        return Interval(low=low, likely=likely, high=max(high, math.ceil(round(high, 9))))
    size = step.interval.likely / seconds_from_hours(1)
    low, likely, high = (math.ceil(round(h / size, 6)) * size for h in (low, likely, high))
    return Interval(low=low, likely=likely, high=high)


def cost(
    offer: Offer | None, hours: Interval | None, needed: int, money: Money | None = None
) -> UsdInterval | None:
    """Price x hours; nothing for one's own machine; None when price or time is unknown.

    With `money`, interruptions and the steps of billing are counted.
    """
    if offer is None:
        return None
    if offer.kind == "own":
        return UsdInterval(low=Decimal(0), likely=Decimal(0), high=Decimal(0))
    if hours is None:
        return None
    billed = rented_hours(offer, hours, money) if money is not None else hours
    per_hour = usd_per_hour(offer, needed)
    low, likely, high = (
        (per_hour * Decimal(str(round(h, 9)))).quantize(_FINEST)
        for h in (billed.low, billed.likely, billed.high)
    )
    return UsdInterval(low=low, likely=likely, high=high)


def costs_by_kind(
    offers: Sequence[Offer], hours: Interval | None, needed: int, money: Money
) -> Mapping[str, UsdInterval]:
    """What the same hours cost by kind of offer, on demand apart from spot."""
    priced = {
        kind: cost(offer, hours, needed, money)
        for kind, offer in offers_by_kind(offers, needed).items()
    }
    return {kind: usd for kind, usd in priced.items() if usd is not None}


def is_stale(offer: Offer, as_of: str) -> bool:
    """Whether the price was last checked too long before the day `as_of`."""
    return is_old(offer.checked, as_of)
