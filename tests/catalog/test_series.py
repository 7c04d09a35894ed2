import itertools
from datetime import date
from decimal import Decimal

import pytest

from advisor.catalog import prices
from advisor.catalog.hosted import hosted, hosted_tuning, inference_prices
from advisor.catalog.load import read
from advisor.catalog.series import hosted_series, offer_series, on_day
from advisor.errors import CatalogError

DAY = "2026-11-26"
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


def series(tmp_path, text=PRICES):
    file = tmp_path / "somewhere.yaml"
    file.write_text(text, encoding="utf-8")
    return list(offer_series(read(file)))


@pytest.mark.parametrize(
    ("day", "price"), [("2026-03-01", "3.10"), ("2026-06-01", "2.90"), ("2026-12-01", "2.90")]
)
def test_the_latest_price_not_after_the_day_counts(tmp_path, day, price):
    (one,) = series(tmp_path)
    assert on_day(one, day)["usd_per_gpu_hour"] == price


def test_before_the_first_price_there_is_no_offer(tmp_path):
    (one,) = series(tmp_path)
    assert on_day(one, "2025-12-31") is None


@pytest.mark.parametrize(
    ("old", "new", "told", "place"),
    [
        ('"3.10"', "3.10", "Money is written as text", "usd_per_gpu_hour"),
        ('"3.10"', '"cheap"', "no amount of money", "usd_per_gpu_hour"),
        ('"3.10"', '"0"', "is no price", "usd_per_gpu_hour"),
        ('"3.10"', '"-1"', "is no price", "usd_per_gpu_hour"),
        ('"3.10"', '"NaN"', "is no price", "usd_per_gpu_hour"),
        ("from: 2026-06-01", "from: 2026-01-01", "does not come after", "prices[1].from"),
        ("from: 2026-06-01", "from: 2025-06-01", "does not come after", "prices[1].from"),
        ("from: 2026-06-01", "from: June", "must be a date", "prices[1].from"),
        ("checked: 2026-06-01", "checked: 2026-05-01", "before 2026-06-01", "checked"),
        ("checked: 2026-01-01, source: s", "checked: 2026-01-01", "Missing: source", "prices[0]"),
        ("kind: on_demand", "kind: cheap", "Unknown kind 'cheap'", "offers[0].kind"),
        ("currency: USD", "currency: EUR", "Only USD is known", "currency"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, old, new, told, place):
    with pytest.raises(CatalogError) as caught:
        series(tmp_path, PRICES.replace(old, new, 1))
    assert told in caught.value.message
    assert caught.value.where.startswith("somewhere.yaml:")
    assert place in caught.value.where


def test_a_price_that_ends_a_series_ends_the_offer(tmp_path):
    (one,) = series(tmp_path)
    one["prices"].append({"valid_from": "2026-07-01", "gone": True, "checked": "2026-07-01"})
    assert on_day(one, "2026-06-30") is not None
    assert on_day(one, "2026-07-01") is None


def every_series():
    return [*prices.catalog_series(), *hosted()]


def test_every_series_only_ever_grows_at_its_end():
    for one in every_series():
        starts = [date.fromisoformat(p["valid_from"]) for p in one["prices"]]
        assert all(a < b for a, b in itertools.pairwise(starts)), one


def test_no_two_series_are_of_the_same_thing():
    told = ("part", "provider", "gpu", "kind", "gpus", "region", "instance", "model", "methods")
    told += ("objectives", "is_tuned", "above_prompt_tokens")
    keys = [tuple(str(one.get(name, "")) for name in told) for one in every_series()]
    assert sorted(keys) == sorted(set(keys))


def test_every_price_has_its_source_its_days_and_an_exact_amount():
    for one in every_series():
        for price in one["prices"]:
            assert price["source"]
            assert date.fromisoformat(price["checked"]) >= date.fromisoformat(price["valid_from"])
            amounts = [value for key, value in price.items() if "usd" in key]
            assert amounts
            assert all(isinstance(a, str) and Decimal(a) > 0 for a in amounts)


def test_a_price_without_a_date_says_so():
    undated = [p for one in every_series() for p in one["prices"] if not p["is_dated"]]
    assert undated
    assert all("date" in p.get("note", "") for p in undated)


def test_fifteen_providers_have_prices_whose_source_says_when():
    dated = {
        one["provider"]
        for one in prices.catalog_series()
        if any(price["is_dated"] for price in one["prices"])
    }
    assert len(dated) >= 15


def test_a_dated_price_is_never_followed_by_an_undated_one():
    for one in every_series():
        told = [price["is_dated"] for price in one["prices"]]
        assert told == sorted(told), one


def test_hosted_prices_are_exact_and_sorted():
    found = hosted_tuning(DAY)
    assert [(h.provider, h.model) for h in found] == sorted((h.provider, h.model) for h in found)
    tinker = next(h for h in found if (h.provider, h.model) == ("tinker", "llama-3.1-8b"))
    assert tinker.usd_per_million_training_tokens == Decimal("0.4")
    assert (tinker.methods, tinker.parameters) == (("lora",), 8_030_000_000)
    assert {"openai", "google", "together", "fireworks", "tinker", "ori"} <= {
        h.provider for h in found
    }


def test_hosted_prices_of_an_older_day_are_fewer():
    assert len(hosted_tuning("2026-06-01")) < len(hosted_tuning(DAY))


def test_calling_a_tuned_model_has_its_own_price():
    found = {
        p.is_tuned: p.usd_per_million_input_tokens
        for p in inference_prices(DAY)
        if (p.provider, p.model) == ("openai", "gpt-4.1-mini")
    }
    assert found == {False: Decimal("0.4"), True: Decimal("0.8")}


def test_a_hosted_file_is_read_strictly(tmp_path):
    file = tmp_path / "somewhere.yaml"
    file.write_text(
        "provider: somewhere\npricing_url: x\ncurrency: USD\ntuning:\n  - model: m\n    colour: red\n"
        "    prices: []\n",
        encoding="utf-8",
    )
    with pytest.raises(CatalogError, match="Unknown key 'colour'"):
        list(hosted_series(read(file), "tuning"))
