from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog.serving import money
from advisor.schema.base import Interval
from advisor.schema.catalog import Offer
from advisor.stages.estimate.money.cost import (
    KINDS,
    best_offer,
    cost,
    costs_by_kind,
    offers_by_kind,
    rented_hours,
)

MONEY = money()
DAY = "2026-11-25"
HOURS = Interval(low=1, likely=2, high=3.25)


def offer(**changes):
    base = Offer(
        gpu="h100",
        provider="nobody",
        kind="on_demand",
        usd_per_gpu_hour=Decimal("2.50"),
        valid_from=DAY,
        checked=DAY,
        source="s",
    )
    return base.model_copy(update=changes)


def test_price_times_hours_is_exact():
    usd = cost(offer(usd_per_gpu_hour=Decimal("0.10")), Interval(low=3, likely=3, high=3), 1)
    assert usd.likely == Decimal("0.3000")


def test_whole_machines_are_paid_for():
    assert cost(offer(gpus=8), HOURS, 1).likely == Decimal(40)
    assert cost(offer(gpus=8), HOURS, 9).likely == Decimal(80)


def test_spot_machines_lose_time():
    spot = rented_hours(offer(kind="spot", provider="runpod"), HOURS, MONEY)
    firm = rented_hours(offer(provider="runpod"), HOURS, MONEY)
    assert firm == HOURS
    assert spot.low == pytest.approx(1.05, rel=1e-3)
    assert spot.likely == pytest.approx(2.3, rel=1e-3)
    assert spot.high == pytest.approx(3.25 * 1.3, rel=1e-3)


def test_time_is_billed_in_the_providers_steps():
    short = Interval(low=0.0101, likely=0.0101, high=0.0101)
    assert rented_hours(offer(provider="lambda"), short, MONEY).likely == pytest.approx(1 / 60)
    assert rented_hours(offer(provider="runpod"), short, MONEY).likely == pytest.approx(37 / 3600)


def test_unknown_steps_may_mean_the_started_hour():
    billed = rented_hours(offer(), HOURS, MONEY)
    assert (billed.low, billed.likely, billed.high) == (1, 2, 4)


def test_ones_own_machine_costs_nothing_even_without_time():
    assert cost(offer(kind="own"), None, 1, MONEY).likely == 0


def test_kinds_stand_apart_firmest_first():
    offers = [
        offer(kind="spot", usd_per_gpu_hour=Decimal(1)),
        offer(kind="community", usd_per_gpu_hour=Decimal("1.5")),
        offer(),
        offer(usd_per_gpu_hour=Decimal(3)),
    ]
    found = offers_by_kind(offers, 1)
    assert list(found) == ["on_demand", "community", "spot"]
    assert best_offer(offers, 1).usd_per_gpu_hour == Decimal("2.50")
    usd = costs_by_kind(offers, HOURS, 1, MONEY)
    assert usd["on_demand"].likely == 5
    assert usd["spot"].likely == Decimal("2.3")
    assert costs_by_kind(offers, None, 1, MONEY) == {}


def test_a_price_without_the_machine_comes_second():
    bare = offer(is_gpu_only=True, usd_per_gpu_hour=Decimal(1), provider="bare")
    assert best_offer([bare, offer()], 1).provider == "nobody"
    assert best_offer([bare], 1) == bare


@given(
    hours=st.floats(0.001, 1000),
    longer=st.floats(1, 3),
    needed=st.integers(1, 32),
    kind=st.sampled_from(KINDS),
    provider=st.sampled_from(["nobody", *MONEY.billing_seconds]),
)
def test_more_hours_and_more_gpus_never_cost_less(hours, longer, needed, kind, provider):
    price = offer(kind=kind, provider=provider)
    short = Interval(low=hours, likely=hours, high=hours)
    long = Interval(low=hours * longer, likely=hours * longer, high=hours * longer)
    usd, more = cost(price, short, needed, MONEY), cost(price, long, needed, MONEY)
    assert 0 <= usd.low <= usd.likely <= usd.high
    assert usd.likely <= more.likely
    assert usd.likely <= cost(price, short, needed + 1, MONEY).likely
    assert cost(price, short, needed).likely <= usd.high
