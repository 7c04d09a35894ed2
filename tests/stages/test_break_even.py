from decimal import Decimal
from math import exp, hypot, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.schema.base import Provenance, UsdInterval
from advisor.schema.spending import Serving
from advisor.stages.estimate.money import break_even as room
from advisor.stages.estimate.money.break_even import Terms
from advisor.stages.estimate.money.tariffs import Bid, Tariff, first_paying, paying_ranges

VOLUMES = [0.0, *(10.0**n for n in range(10))]
SLACK = 1e-6

cents = st.integers(0, 500_000).map(lambda c: c / 100)
prices = st.integers(0, 10_000).map(lambda c: c / 1_000_000)
tariffs = st.builds(Tariff, cents, prices)


def exactly(amount):
    usd = Decimal(str(amount))
    return UsdInterval(low=usd, likely=usd, high=usd)


def usd_of(amount):
    return Decimal(repr(amount))


def serving(minimum, per_thousand, *, approach="prompting", spread=1, **changes):
    usd = Decimal(str(per_thousand))
    base = Serving(
        approach=approach,
        model="m",
        is_hosted=True,
        provider="p",
        prompt_tokens=1,
        answer_tokens=1,
        memory_gib=None,
        gpu=None,
        minimum_usd_per_month=exactly(minimum),
        filled_usd_per_thousand_calls=UsdInterval(low=usd / spread, likely=usd, high=usd * spread),
        usd_per_thousand_calls=None,
        provenance=Provenance(kind="table"),
    )
    return base.model_copy(update=changes)


def tuned(minimum, per_thousand, **changes):
    return serving(minimum, per_thousand, approach="fine_tuning", **changes)


def break_even(with_tuning, other, *, setup_usd, months, calls_per_month=None, ends=({}, {})):
    terms = Terms(months, calls_per_month)
    pair = room.rivals(Bid(with_tuning, ends[0]), Bid(other, ends[1]))
    return pair and room.break_even(pair, setup_usd=setup_usd, terms=terms)


def break_evens(tuned, others, *, months):
    bids = [Bid(other, {}) for other in others]
    matches = [(room.match(Bid(serving, {}), bids), setup) for serving, setup in tuned]
    return room.break_evens(matches, Terms(months))


def gain(with_tuning, other, setup, calls):
    return other.usd(calls) - with_tuning.usd(calls) - setup


def test_a_server_that_waits_must_be_carried_by_savings_per_call():
    found = break_even(tuned(300, 1), serving(0, 2), setup_usd=exactly(120), months=12)
    # below the server's knee of 300,000 calls: 0.002 x calls = 300 + 120 / 12
    assert found.calls_per_month.likely == 155_000
    assert not found.never
    assert "$310" not in found.because
    assert "$300.00 a month" in found.because


def test_above_the_knee_only_the_difference_per_call_counts():
    found = break_even(tuned(300, 1), serving(0, 2), setup_usd=exactly(12 * 400), months=12)
    # 0.002 x calls - max(300, 0.001 x calls) = 400
    assert found.calls_per_month.likely == 400_000


def test_the_gain_at_the_users_volume_takes_tuning_off():
    wide = UsdInterval(low=Decimal(60), likely=Decimal(120), high=Decimal(240))
    found = break_even(
        tuned(300, 1), serving(0, 2), setup_usd=wide, months=12, calls_per_month=200_000
    )
    gain_usd = found.gain_usd_per_month
    assert (gain_usd.low, gain_usd.likely, gain_usd.high) == (80, 90, 95)
    few = break_even(tuned(300, 1), serving(0, 2), setup_usd=wide, months=12, calls_per_month=0)
    assert few.gain_usd_per_month.likely == -310
    assert (
        break_even(tuned(300, 1), serving(0, 2), setup_usd=wide, months=12).gain_usd_per_month
        is None
    )


def test_a_longer_horizon_pays_back_earlier():
    volumes = [
        break_even(
            tuned(0, 1), serving(0, 2), setup_usd=exactly(100), months=m
        ).calls_per_month.likely
        for m in (1, 6, 24)
    ]
    assert volumes == sorted(volumes, reverse=True)
    assert volumes[0] == 100_000


def test_dearer_calls_never_pay_back():
    found = break_even(tuned(0, 2), serving(0, 1), setup_usd=exactly(1), months=12)
    assert found.never
    assert found.calls_per_month is None
    assert "at any volume" in found.because


def test_waiting_servers_may_make_tuning_cheaper_up_to_a_volume_only():
    found = break_even(tuned(100, 2), serving(1000, 1), setup_usd=exactly(0), months=12)
    assert found.calls_per_month.likely == 0
    assert found.until_calls_per_month == 500_000
    assert "up to 500,000 calls" in found.because


def test_two_ranges_are_both_told():
    found = break_even(tuned(0, 1), serving(100, "1.5"), setup_usd=exactly(12 * 50), months=12)
    # 100 - 0.001 x calls >= 50 up to 50,000; then 0.0005 x calls >= 50 from 100,000 on
    assert found.calls_per_month.likely == 0
    assert found.until_calls_per_month == 50_000
    assert "again from 100,000 on" in found.because


def test_uncertain_prices_may_leave_the_upper_end_open():
    found = break_even(tuned(0, 1, spread=2), serving(0, "1.5"), setup_usd=exactly(10), months=10)
    volumes = found.calls_per_month
    assert volumes.low == 1000
    assert volumes.likely == 2000
    assert volumes.high is None
    assert not found.never


def test_the_lucky_end_is_told_where_likely_figures_say_never():
    found = break_even(tuned(0, 2, spread=2), serving(0, "1.5"), setup_usd=exactly(10), months=10)
    assert found.never
    assert found.calls_per_month.low == 2000
    assert found.calls_per_month.likely is None
    assert "lucky" in found.because


def test_an_unknown_price_has_no_break_even():
    unknown = serving(0, 1, filled_usd_per_thousand_calls=None)
    assert break_even(tuned(0, 1), unknown, setup_usd=exactly(1), months=12) is None
    assert break_evens([(tuned(0, 1), exactly(1))], [unknown], months=12) == ()


def test_of_several_ways_to_prompt_the_cheapest_rival_counts():
    dear, cheap = serving(0, 5), serving(0, 2, provider="q")
    (found,) = break_evens([(tuned(0, 1), exactly(12))], [dear, cheap], months=12)
    assert "(q)" in found.against
    assert found.calls_per_month.likely == 1000
    (never,) = break_evens([(tuned(0, 3), exactly(12))], [dear, cheap], months=12)
    assert never.never


def test_assumed_calls_and_prices_spread_the_volume():
    """S / (p - c): S = 12 a month; p 2 to 4, likely 3; c 0.5 to 1.5, likely 1 per thousand."""
    ends = (
        {"tokens": (Tariff(0.0, 0.0005), Tariff(0.0, 0.0015))},
        {"price": (Tariff(0.0, 0.002), Tariff(0.0, 0.004))},
    )
    with_tuning, other = tuned(0, 1), serving(0, 3)
    found = break_even(with_tuning, other, setup_usd=exactly(144), months=12, ends=ends)
    volumes = found.calls_per_month
    assert volumes.likely == 6000
    # alone, tokens move it to 4800 and 8000, the price to 12000 and 4000
    assert volumes.high == pytest.approx(6000 * exp(hypot(log(8 / 6), log(2))), abs=1)
    assert volumes.low == pytest.approx(6000 * exp(-hypot(log(6 / 4.8), log(6 / 4))), abs=1)
    together = dict.fromkeys(("calls",), (Tariff(0.0, 0.001), Tariff(0.0, 0.003)))
    same = break_even(
        with_tuning, other, setup_usd=exactly(144), months=12, ends=(together, together)
    )
    assert same.calls_per_month.high is None  # equal tariffs save nothing


def test_a_pair_names_the_server_and_its_setup():
    own = tuned(300, 1, is_hosted=False, gpu="l4", gpus=2)
    found = break_even(own, serving(0, 2), setup_usd=exactly(120), months=12)
    assert found.served == "served on 2 x l4"
    assert found.setup_usd == exactly(120)
    hosted = break_even(tuned(0, 1), serving(0, 2), setup_usd=exactly(120), months=12)
    assert hosted.served == "tuned and served at p"


@given(with_tuning=tariffs, other=tariffs, setup=cents)
def test_ranges_are_where_tuning_is_cheaper_and_nowhere_else(with_tuning, other, setup):
    ranges = paying_ranges(with_tuning, other, setup)
    assert first_paying(with_tuning, other, setup) == pytest.approx(
        ranges[0].start if ranges else None
    )
    slack = SLACK
    for calls in VOLUMES:
        inside = any(r.start <= calls and (r.end is None or calls <= r.end) for r in ranges)
        saved = gain(with_tuning, other, setup, calls)
        assert saved >= -slack if inside else saved <= slack
    if not ranges:
        assert all(gain(with_tuning, other, setup, calls) <= slack for calls in VOLUMES)
    for border in (b for r in ranges for b in (r.start, r.end) if b):
        near = gain(with_tuning, other, setup, border)
        assert abs(near) <= slack or border in {with_tuning.knee, other.knee}


@given(
    minimum=st.just(0.0) | cents,
    per_call=st.integers(0, 5000),
    price=st.integers(1, 5000),
    dearer=st.integers(0, 5000),
    setup=cents,
)
def test_break_even_falls_when_the_prompted_price_rises(minimum, per_call, price, dearer, setup):
    first, second = (
        break_even(
            tuned(minimum, Decimal(per_call) / 1000, spread=2),
            serving(0, Decimal(usd) / 1000),
            setup_usd=UsdInterval(
                low=usd_of(setup / 2), likely=usd_of(setup), high=usd_of(setup * 2)
            ),
            months=12,
        )
        for usd in (price, price + dearer)
    )
    assert second.never <= first.never
    if first.calls_per_month is None:
        return
    # where servers wait, a kink may lie between two ends, so that their spreads cannot be added
    for end in ("likely",) if minimum else ("low", "likely", "high"):
        before, after = getattr(first.calls_per_month, end), getattr(second.calls_per_month, end)
        assert before is None or (after is not None and after <= before)
    if not first.never:
        volumes = first.calls_per_month
        assert volumes.low <= volumes.likely
        assert volumes.high is None or volumes.likely <= volumes.high


@given(minimum=cents, per_call=st.integers(0, 5000), price=st.integers(0, 5000), setup=cents)
def test_never_means_no_savings_at_any_volume(minimum, per_call, price, setup):
    found = break_even(
        tuned(minimum, Decimal(per_call) / 1000),
        serving(0, Decimal(price) / 1000),
        setup_usd=exactly(setup),
        months=12,
    )
    with_tuning = Tariff(minimum, per_call / 1_000_000)
    other = Tariff(0.0, price / 1_000_000)
    if found.never:
        savings = [gain(with_tuning, other, setup / 12, calls) for calls in VOLUMES]
        assert all(saved <= SLACK for saved in savings)
        assert found.because
    else:
        calls = found.calls_per_month.likely
        assert gain(with_tuning, other, setup / 12, calls) >= -SLACK
