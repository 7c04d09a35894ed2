from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace

import pytest

from advisor.schema.base import Interval, UsdInterval
from advisor.stages.estimate.money.choice import cheapest, chosen, chosen_as, fastest, keeps_to


@dataclass
class Found:
    usd: float | None
    hours: float | None
    fits: bool | str = True
    can_be_recommended: bool = True
    method: str = "lora"

    @property
    def option(self):
        usd, h = self.usd, self.hours
        amount = None if usd is None else Decimal(str(usd))
        return SimpleNamespace(
            fits=self.fits,
            method=self.method,
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
    ("wish", "best"),
    [
        ({"budget_usd": Decimal(40)}, 0),
        ({"max_hours": 12.0}, 1),
        ({"budget_usd": Decimal(40), "max_hours": 12.0}, 1),
        ({"budget_usd": Decimal(40), "prefer": "cheapest"}, 1),
        ({"max_hours": 12.0, "prefer": "fastest"}, 0),
        ({}, 1),
    ],
)
def test_a_budget_buys_speed_and_a_time_limit_saves_money(wish, best):
    assert chosen(ALL, **wish) == best


def test_without_any_known_time_the_cheapest_is_taken():
    assert chosen([Found(5, None), Found(3, None)], prefer="fastest") == 1
    assert chosen([], prefer="fastest") is None


@pytest.mark.parametrize(
    ("found", "limits", "kept"),
    [
        (MIDDLE, (Decimal(8), 4.0), True),
        (MIDDLE, (Decimal("7.9"), None), False),
        (MIDDLE, (None, 3.9), False),
        (Found(None, 1), (Decimal(5), None), False),
        (Found(None, 1), (None, 5.0), True),
        (Found(1, None), (Decimal(5), 5.0), True),
    ],
)
def test_limits_are_kept_by_what_is_known(found, limits, kept):
    budget, hours = limits
    assert keeps_to(found.option, budget_usd=budget, max_hours=hours) is kept


LINE = ("lora", "qlora")


def test_the_first_method_in_line_is_taken_though_another_is_cheaper():
    cheap = Found(1, 1, method="qlora")
    assert chosen([cheap, SLOW]) == 0
    assert chosen([cheap, SLOW, MIDDLE], line=LINE) == 1
    assert chosen([cheap, SLOW], line=LINE, prefer="cheapest") == 0


def test_a_later_method_in_line_that_fits_for_certain_goes_before_an_uncertain_first():
    unsure, sure = Found(1, 1, fits="uncertain"), Found(5, 5, method="qlora")
    assert chosen([unsure, sure], line=LINE) == 1
    assert chosen([unsure, Found(5, 5, method="full")], line=LINE) == 0


def test_what_stands_in_no_line_is_taken_where_nothing_in_line_can_be():
    assert chosen([Found(5, 5, method="full")], line=LINE) == 0


def test_a_dearer_choice_says_which_limit_made_it():
    budget = Decimal(50)
    assert chosen_as(ALL, 0, budget_usd=budget) == "fastest within the budget of $50"
    slower = [Found(40, 0.5, method="qlora"), *ALL]
    assert chosen_as(slower, 1, budget_usd=budget) == "fastest lora within the budget of $50"
    for place, limits in (
        (1, {"budget_usd": budget}),
        (0, {}),
        (0, {"budget_usd": budget, "max_hours": 3.0}),
        (0, {"budget_usd": budget, "prefer": "fastest"}),
        (None, {"budget_usd": budget}),
    ):
        assert chosen_as(ALL, place, **limits) == ""
