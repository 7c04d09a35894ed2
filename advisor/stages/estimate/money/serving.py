"""What answering costs on GPUs rented for it, idle hours included."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from advisor.schema.base import Interval, Provenance, UsdInterval
from advisor.schema.catalog import ModelCard
from advisor.schema.money import Money
from advisor.schema.spending import ServedApproach, Serving
from advisor.stages.estimate.money.cost import usd_per_hour
from advisor.stages.estimate.money.decoding import Call
from advisor.stages.estimate.money.demand import Demand
from advisor.stages.estimate.money.rental import LOOSE, Rental, Supply, asked, cheapest_rental
from advisor.units import SECONDS_PER_HOUR, round_usd

_FINEST = Decimal("0.0001")
_MOSTLY_IDLE, _ALMOST_ALL = 0.5, 0.995


def monthly(minimum: UsdInterval, filled: UsdInterval, calls: float) -> UsdInterval:
    """The dearer of the hours that are billed anyway and of the calls, for so many calls."""
    thousands = Decimal(str(calls)) / 1000
    return UsdInterval(
        low=round_usd(max(minimum.low, filled.low * thousands)),
        likely=round_usd(max(minimum.likely, filled.likely * thousands)),
        high=round_usd(max(minimum.high, filled.high * thousands)),
    )


def at_volume(serving: Serving, calls: float | None) -> Serving:
    """The serving with its cost per month and per call at so many calls per month."""
    minimum, filled = serving.minimum_usd_per_month, serving.filled_usd_per_thousand_calls
    if minimum is None or filled is None or not calls:
        return serving
    month = monthly(minimum, filled, calls)
    per_call = UsdInterval(
        low=_per_thousand_of(month.low, calls),
        likely=_per_thousand_of(month.likely, calls),
        high=_per_thousand_of(month.high, calls),
    )
    waits = bool(minimum.likely) and month.likely <= minimum.likely
    idle = _idle_share(serving, month.likely, calls)
    return serving.model_copy(
        update={
            "usd_per_month": month,
            "usd_per_thousand_calls": per_call,
            "idle_share": idle,
            "notes": (*serving.notes, *(_idle_note(idle) if waits else ())),
        }
    )


def _per_thousand_of(month: Decimal, calls: float) -> Decimal:
    return (month * 1000 / Decimal(str(calls))).quantize(_FINEST)


def _idle_share(serving: Serving, month: Decimal, calls: float) -> float | None:
    """1 - calls answered over calls that the paid hours could answer."""
    minimum, speed = serving.minimum_usd_per_month, serving.calls_per_second
    if minimum is None or not minimum.likely or speed is None:
        return None
    servers = float(month / minimum.likely)
    hours = float(serving.hours_per_month or 0.0)
    possible = servers * hours * SECONDS_PER_HOUR * speed.likely
    return max(0.0, 1.0 - calls / possible) if possible else None


def _idle_note(idle: float | None) -> Iterator[str]:
    if idle is not None and idle > _MOSTLY_IDLE:
        share = f"{idle:.0%}" if idle < _ALMOST_ALL else "more than 99%"
        yield (
            f"The GPUs are paid around the clock and idle {share} of the time; fewer hours, "
            "scaling to zero or a host that bills tokens would cost less at this volume."
        )


def self_hosted(
    approach: ServedApproach, model: ModelCard, wish: Demand, supply: Supply
) -> Serving | None:
    """The cheapest server that fits at the demanded volume; None where none is known and priced.

    Servers on which a single caller waits too long count only where there is no other, and so do
    spot and private machines. An encoder reads and writes no answer.
    """
    best = cheapest_rental(approach, model, wish, supply)
    return None if best is None else rented(approach, best, wish, supply.money)


def rented(approach: ServedApproach, rental: Rental, wish: Demand, money: Money) -> Serving:
    """A chosen server as a way of answering, at the demanded volume."""
    call = asked(approach, rental.server.model, wish)
    found = _rented(approach, rental, call, wish=wish, money=money)
    return at_volume(found, wish.calls_per_month)


def _rented(
    approach: ServedApproach, rental: Rental, call: Call, *, wish: Demand, money: Money
) -> Serving:
    server, offer = rental.server, rental.offer
    hours = money.hours_per_month.interval.likely
    per_hour = usd_per_hour(offer, server.gpus)
    speed = server.calls_per_second(call, money)
    filled = _filled(per_hour, speed, money)
    return Serving(
        approach=approach,
        model=server.model.id,
        provider=offer.provider,
        prompt_tokens=call.prompt,
        answer_tokens=call.answer,
        memory_gib=server.memory_gib(call, wish.concurrent_calls, money),
        gpu=server.gpu.id,
        gpus=server.gpus,
        calls_per_second=speed,
        hours_per_month=hours,
        minimum_usd_per_month=_times(per_hour * Decimal(str(hours)), money.rent.interval),
        filled_usd_per_thousand_calls=filled,
        usd_per_thousand_calls=filled,
        provenance=Provenance(
            kind="computed",
            source="roofline of compute and bandwidth",
            as_of=offer.checked,
            note=f"{offer.provider}, {offer.kind}, ${offer.usd_per_gpu_hour} per GPU and hour",
        ),
        notes=_rented_notes(rental),
    )


def _rented_notes(rental: Rental) -> tuple[str, ...]:
    offer, server = rental.offer, rental.server
    notes = []
    if rental.is_slow:
        notes.append("Even a single caller waits longer here than the limits of the catalog allow.")
    if offer.kind in LOOSE:
        notes.append(
            f"Only {offer.kind} prices of {server.gpu.id} are known; it may be taken back."
        )
    if offer.is_gpu_only:
        notes.append(f"Processor and memory of the {offer.provider} machine are not in the price.")
    if offer.gpus > server.gpus:
        notes.append(f"{offer.provider} rents {server.gpu.id} by {offer.gpus}; all are paid for.")
    return tuple(notes)


def _times(usd: Decimal, factor: Interval) -> UsdInterval:
    return UsdInterval(
        low=round_usd(usd * Decimal(repr(factor.low))),
        likely=round_usd(usd * Decimal(repr(factor.likely))),
        high=round_usd(usd * Decimal(repr(factor.high))),
    )


def _filled(per_hour: Decimal, speed: Interval, money: Money) -> UsdInterval:
    """Dollars per thousand calls: price of an hour over the calls that can fill it.

    Speed, busy share and rent are independent: their spreads add up as squares of logarithms.
    """
    busy, rent = money.busy_share.interval, money.rent.interval
    likely = speed.likely * busy.likely * SECONDS_PER_HOUR / rent.likely
    up = _joined(speed.high / speed.likely, busy.high / busy.likely, rent.likely / rent.low)
    down = _joined(speed.likely / speed.low, busy.likely / busy.low, rent.high / rent.likely)
    low, middle, high = (
        (per_hour * 1000 / Decimal(repr(calls))).quantize(_FINEST, rounding=ROUND_HALF_UP)
        for calls in (likely * up, likely, likely / down)
    )
    return UsdInterval(low=low, likely=middle, high=high)


def _joined(*factors: float) -> float:
    return math.exp(math.hypot(*(math.log(factor) for factor in factors)))
