"""Which rented server is the cheapest that fits a model at the demanded volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from advisor.schema.catalog import Gpu, ModelCard, Offer
from advisor.schema.money import Money
from advisor.schema.spending import ServedApproach
from advisor.stages.estimate.money.cost import best_offer, usd_per_hour
from advisor.stages.estimate.money.decoding import Call, Server, Shares, shares
from advisor.stages.estimate.money.demand import Demand
from advisor.stages.estimate.money.tariffs import Tariff
from advisor.units import SECONDS_PER_HOUR

COUNTS = (1, 2, 4, 8)
"""GPUs that may hold one copy of a model."""
LOOSE = {"community", "spot"}
"""Kinds of offers whose machines may be taken back."""


class Rentable(NamedTuple):
    """GPUs of one kind at their best price."""

    gpu: Gpu
    gpus: int
    offer: Offer
    per_hour: float

    @property
    def is_loose(self) -> bool:
        """Whether the owner may take them back."""
        return self.offer.kind in LOOSE


@dataclass(frozen=True)
class Supply:
    """What can be rented for serving, and the standing figures."""

    gpus: Sequence[Gpu]
    offers: Mapping[str, Sequence[Offer]]
    money: Money

    @cached_property
    def rentable(self) -> tuple[Rentable, ...]:
        """Every server that can be rented, firm prices first, then the cheapest hour.

        GPUs without bfloat16, in which models are published, are left out.
        """
        found = []
        for gpu in self.gpus:
            offers = [o for o in self.offers.get(gpu.id, ()) if o.kind != "own"]
            if gpu.bf16_tflops is None or gpu.is_cpu or gpu.bandwidth_gb_per_second is None:
                continue
            for count in COUNTS:
                offer = best_offer(offers, count)
                if offer is not None:
                    per_hour = float(usd_per_hour(offer, count))
                    found.append(Rentable(gpu, count, offer, per_hour))
        return tuple(sorted(found, key=lambda r: (r.is_loose, r.per_hour, r.gpu.id, r.gpus)))


class Rental(NamedTuple):
    """A server that was chosen, and its price."""

    server: Server
    offer: Offer
    is_slow: bool


_Rank = tuple[bool, bool, float, float, str, int]
"""Fast enough before slow, firm before loose prices; then by month, by call, by name."""


def asked(approach: ServedApproach, model: ModelCard, wish: Demand) -> Call:
    """The tokens of a call as the model answers it."""
    call = wish.call(approach)
    return replace(call, answer=0.0) if model.kind == "encoder" else call


def cheapest_rental(
    approach: ServedApproach, model: ModelCard, wish: Demand, supply: Supply
) -> Rental | None:
    """Of each kind of GPU the fewest that fit and twice as many are looked at.

    They come by price of an hour, a floor of what a month costs: once a server is fast enough,
    those whose floor is above its cost need no look.
    """
    money, call = supply.money, asked(approach, model, wish)
    likely = shares(money)[1]
    hours, busy = money.hours_per_month.interval.likely, money.busy_share.interval.likely
    best: tuple[_Rank, Rental] | None = None
    for gpu, gpus, offer, per_hour in supply.rentable:
        floor = (False, offer.kind in LOOSE, per_hour * hours)
        if best is not None and best[0][:3] < floor:
            break
        server = Server(model=model, gpu=gpu, gpus=gpus, bits=wish.bits)
        quarter = Server(model=model, gpu=gpu, gpus=gpus // 4, bits=wish.bits)
        needless = gpus >= 4 and quarter.fits(call, wish.concurrent_calls, money)
        if needless or not server.fits(call, wish.concurrent_calls, money):
            continue
        per_call = per_hour * _seconds(server, call, money, likely) / SECONDS_PER_HOUR / busy
        month = max(per_hour * hours, per_call * (wish.calls_per_month or 0.0))
        is_slow = not server.keeps_pace(call, money, likely)
        rank = (is_slow, floor[1], month, per_call, gpu.id, gpus)
        if best is None or rank < best[0]:
            best = rank, Rental(server, offer, is_slow)
    return None if best is None else best[1]


def _seconds(server: Server, call: Call, money: Money, likely: Shares) -> float:
    return server.seconds(call, server.concurrent(call, money, likely), likely)


def rental_tariff(approach: ServedApproach, rental: Rental, wish: Demand, money: Money) -> Tariff:
    """The likely tariff of a server at a demand."""
    server, call = rental.server, asked(approach, rental.server.model, wish)
    per_hour = float(usd_per_hour(rental.offer, server.gpus))
    seconds = _seconds(server, call, money, shares(money)[1])
    per_call = per_hour * seconds / SECONDS_PER_HOUR / money.busy_share.interval.likely
    return Tariff(per_hour * money.hours_per_month.interval.likely, per_call)
