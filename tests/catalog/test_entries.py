from decimal import Decimal

import pytest

from advisor.catalog.entries import gpu_from, offers_from
from advisor.catalog.load import read
from advisor.errors import CatalogError

PRICES = """
provider: somewhere
pricing_url: https://example.org
currency: USD
offers:
  - gpu: h100
    kind: on_demand
    prices:
      - {from: 2026-01-01, usd_per_gpu_hour: "3.10", checked: 2026-01-01, source: s}
      - {from: 2026-06-01, usd_per_gpu_hour: "2.90", checked: 2026-06-01, source: s}
"""


def node(tmp_path, text):
    file = tmp_path / "somewhere.yaml"
    file.write_text(text, encoding="utf-8")
    return read(file)


@pytest.mark.parametrize(
    ("day", "price"), [("2026-03-01", "3.10"), ("2026-06-01", "2.90"), ("2026-12-01", "2.90")]
)
def test_the_latest_price_not_after_the_day_counts(tmp_path, day, price):
    (offer,) = offers_from(node(tmp_path, PRICES), as_of=day)
    assert offer.usd_per_gpu_hour == Decimal(price)


def test_before_the_first_price_there_is_no_offer(tmp_path):
    assert not list(offers_from(node(tmp_path, PRICES), as_of="2025-12-31"))


def test_money_as_a_number_is_refused(tmp_path):
    text = PRICES.replace('"3.10"', "3.10")
    with pytest.raises(CatalogError, match="Money is written as text") as caught:
        list(offers_from(node(tmp_path, text), as_of="2026-03-01"))
    assert "usd_per_gpu_hour" in caught.value.where


def test_words_for_money_are_refused(tmp_path):
    text = PRICES.replace('"3.10"', '"cheap"')
    with pytest.raises(CatalogError, match="no amount of money"):
        list(offers_from(node(tmp_path, text), as_of="2026-03-01"))


def test_a_gpu_fact_needs_its_source(tmp_path):
    text = "id: x\nname: X\narchitecture: A\nfacts:\n  memory_gib: {value: 1}\n"
    with pytest.raises(CatalogError, match="Missing: source"):
        gpu_from(node(tmp_path, text))
