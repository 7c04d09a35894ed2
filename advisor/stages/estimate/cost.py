"""Hours to money: an offer's price for as many GPUs as must be rented."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from advisor.schema.base import Interval, UsdInterval
from advisor.schema.catalog import Offer

STALE_AFTER_DAYS = 90
_PREFERRED = ("own", "on_demand", "reserved", "community", "spot")


def billed_gpus(offer: Offer, needed: int) -> int:
    """GPUs paid for: offers come in whole machines."""
    machines = -(-needed // offer.gpus)
    return machines * offer.gpus


def usd_per_hour(offer: Offer, needed: int) -> Decimal:
    """Price of an hour on as many machines as are needed."""
    return offer.usd_per_gpu_hour * billed_gpus(offer, needed)


def best_offer(offers: Sequence[Offer], needed: int) -> Offer | None:
    """The cheapest offer of the firmest kind there is: on demand before community before spot."""
    for kind in _PREFERRED:
        of_kind = [offer for offer in offers if offer.kind == kind]
        if of_kind:
            return min(of_kind, key=lambda o: (usd_per_hour(o, needed), o.provider))
    return None


def cost(offer: Offer | None, hours: Interval | None, needed: int) -> UsdInterval | None:
    """Price x hours; nothing for one's own machine; None when price or time is unknown."""
    if offer is None:
        return None
    if offer.kind == "own":
        return UsdInterval(low=Decimal(0), likely=Decimal(0), high=Decimal(0))
    if hours is None:
        return None
    per_hour = usd_per_hour(offer, needed)
    low, likely, high = (
        (per_hour * Decimal(str(round(h, 9)))).quantize(Decimal("0.0001"))
        for h in (hours.low, hours.likely, hours.high)
    )
    return UsdInterval(low=low, likely=likely, high=high)


def is_stale(offer: Offer, as_of: str) -> bool:
    """Whether the price was last checked more than 90 days before the day `as_of`."""
    age = date.fromisoformat(as_of) - date.fromisoformat(offer.checked)
    return age.days > STALE_AFTER_DAYS
