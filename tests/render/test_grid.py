from __future__ import annotations

from decimal import Decimal

import pytest

from advisor.render.grid import short_number, span, usd_short, usd_span
from advisor.schema.base import UsdInterval
from tests.fixtures import values as v


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0.00"), (0.0042, "0.0042"), (0.045, "0.045"), (0.93, "0.93"), (17.46, "17.5"),
     (1234.4, "1,234"), (-3.21, "-3.2"), (float("nan"), "unknown")],
)  # fmt: skip
def test_a_number_shows_the_digits_that_matter(number: float, text: str) -> None:
    assert short_number(number) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0, "$0"), (0.0042, "$0.0042"), (0.27, "$0.27"), (5.4, "$5.40"), (12.4, "$12"),
     (34952.4, "$34,952"), (-3.2, "-$3.20")],
)  # fmt: skip
def test_dollars_show_the_digits_that_matter(usd: float, text: str) -> None:
    assert usd_short(usd) == text


def test_ends_of_a_span_that_read_alike_are_told_once() -> None:
    assert span(v.interval(1, 1, 1)) == "1.0"
    assert span(v.interval(0.5, 1, 12)) == "0.50\u201312.0"
    assert span(None) == "unknown"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [("0", "0", "$0"), ("0.27", "12.4", "$0.27\u201312"), ("3", "3", "$3.00"),
     ("0", "0.09", "$0\u20130.09"), ("-5", "20", "-$5.00 to $20")],
)  # fmt: skip
def test_a_span_of_dollars_names_the_currency_once(low: str, high: str, text: str) -> None:
    amount = UsdInterval(low=Decimal(low), likely=Decimal(high), high=Decimal(high))
    assert usd_span(amount) == text


def test_an_unknown_amount_is_unknown() -> None:
    assert usd_span(None) == "unknown"
