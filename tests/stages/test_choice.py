from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace

import pytest

from advisor.schema.base import Interval, UsdInterval
from advisor.stages.estimate.choice import best_within, cheapest, fastest, within


@dataclass
class Found:
    usd: float | None
    hours: float | None
    fits: bool | str = True
    can_be_recommended: bool = True

    @property
    def option(self):
        usd, h = self.usd, self.hours
        amount = None if usd is None else Decimal(str(usd))
        return SimpleNamespace(
            fits=self.fits,
            cost_usd=None if usd is None else UsdInterval(low=amount, likely=amount, high=amount),
            time_hours=None if h is None else Interval(low=h, likely=h, high=h),
        )


SLOW, MIDDLE, QUICK = Found(5, 10), Found(8, 4), Found(30, 1)
ALL = [QUICK, SLOW, MIDDLE]


def test_cheapest_and_fastest():
    assert cheapest(ALL) == 1
    assert fastest(ALL) == 0
    assert cheapest([]) is None
    assert fastest([]) is None


def test_what_cannot_be_recommended_is_never_chosen():
    out = Found(1, 0.1, can_be_recommended=False)
    assert cheapest([out, SLOW]) == 1
    assert fastest([out]) is None
    assert within([out]) == ()


def test_certain_goes_before_uncertain():
    unsure = Found(1, 0.1, fits="uncertain")
    assert cheapest([unsure, SLOW]) == 1
    assert fastest([unsure, SLOW]) == 1
    assert cheapest([unsure]) == 0


def test_unknown_prices_come_last_and_unknown_times_are_not_fast():
    assert cheapest([Found(None, 1), SLOW]) == 1
    assert cheapest([Found(None, 1)]) == 0
    assert fastest([Found(1, None), SLOW]) == 1
    assert fastest([Found(1, None)]) is None


@pytest.mark.parametrize(
    ("limits", "best"),
    [
        ({"budget_usd": Decimal(10)}, 2),
        ({"budget_usd": Decimal(5)}, 1),
        ({"budget_usd": Decimal(4)}, None),
        ({"max_hours": 4.0}, 2),
        ({"max_hours": 1.0}, 0),
        ({"max_hours": 0.5}, None),
        ({"budget_usd": Decimal(40), "max_hours": 5.0}, 2),
        ({"budget_usd": Decimal(40), "max_hours": 5.0, "prefer": "fastest"}, 0),
        ({"budget_usd": Decimal(10), "prefer": "cheapest"}, 1),
        ({}, 1),
    ],
)
def test_a_budget_buys_speed_and_a_time_limit_saves_money(limits, best):
    assert best_within(ALL, **limits) == best


def test_limits_are_not_kept_by_what_is_unknown():
    assert within([Found(None, 1)], budget_usd=Decimal(5)) == ()
    assert within([Found(1, None)], max_hours=5.0) == ()
    assert within([Found(None, None)]) == (0,)
