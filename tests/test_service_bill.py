"""What a service will ask for is compared with the budget before a job is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.contracts import Bill
from advisor.errors import PlanError
from advisor.schema.plugin import TrainerInfo
from advisor.schema.train import TrainResult
from advisor.service_bill import expected_bill
from tests.fixtures.training import training_job, training_samples


class Paid:
    """A trainer that pays a host for a model."""

    info = TrainerInfo(id="paid", label="a stand-in", spends_money=True)

    def __init__(self, bill: Bill | None) -> None:
        self._bill = bill

    def bill(self, _plan) -> Bill | None:
        return self._bill

    def train(self, _job, _tools) -> TrainResult:
        raise AssertionError


def expected(folder: Path, budget: float | None, bill: Bill | None, **changes) -> str:
    job = training_job("m", folder, **changes)
    return expected_bill(job, Paid(bill), budget_usd=budget)


@pytest.mark.parametrize(
    "model", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"], ids=["by its name", "by its day"]
)
def test_the_catalogs_price_is_held_against_the_budget(model: str, tmp_path: Path):
    bill = Bill("api.openai.com", model, 100)
    told = expected(tmp_path, None, bill)
    assert "billed by api.openai.com at 3 USD per million" in told
    assert told == expected(tmp_path, 1.0, bill)
    with pytest.raises(PlanError, match=r"The budget is 0.1 USD. About [0-9,]+ tokens are billed"):
        expected(tmp_path, 0.1, bill)


def test_the_users_price_comes_first_and_pairs_may_count_twice(tmp_path: Path):
    bill = Bill("api.openai.com", "gpt-4o-mini", 1, 1000.0)
    plain = expected(tmp_path, None, bill)
    assert "at 1000 USD per million" in plain
    pairs = tuple(s.model_copy(update={"rejected": "No."}) for s in training_samples())
    paired = expected(tmp_path, None, bill, train_samples=pairs)
    most, twice = (float(told.rstrip(".").rpartition(" ")[2]) for told in (plain, paired))
    assert twice == pytest.approx(2 * most, abs=0.02)


def test_a_price_unknown_is_refused_where_there_is_a_budget(tmp_path: Path):
    bill = Bill("my.openai.azure.com:443", "gpt-4o-mini", 3)
    assert expected(tmp_path, None, bill) == ""
    with pytest.raises(PlanError, match=r"nobody knows what my\.openai\.azure\.com") as told:
        expected(tmp_path, 1e6, bill)
    assert "usd_per_million_tokens=NUMBER" in told.value.hint


def test_what_asks_for_nothing_is_not_refused(tmp_path: Path):
    assert expected(tmp_path, 0.0, None) == ""
