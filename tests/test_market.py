import pytest

from advisor.catalog import query
from advisor.catalog.overlay import overlay
from advisor.errors import PlanError, UnknownModelError
from advisor.market import _lists, estimated
from advisor.schema.estimate import EstimateRequest
from advisor.schema.limits import LARGEST
from advisor.schema.spending import Workload

DAY = "2026-11-26"
EIGHT = query.find_model("8b")


def test_lists_of_a_day_are_kept_until_other_prices_are_fetched():
    first = _lists(DAY)
    assert _lists(DAY) is first
    overlay.cache_clear()
    assert _lists(DAY) is not first


def test_an_estimate_is_the_same_however_often_it_is_asked_for():
    request = EstimateRequest(as_of=DAY, calls_per_month=10_000)
    first = estimated(request, model=EIGHT, gpus=("h100",))
    estimated(EstimateRequest(as_of=DAY, seq_len=512), model=EIGHT, gpus=("h100",))
    assert estimated(request, model=EIGHT.model_copy(), gpus=("h100",)) == first
    overlay.cache_clear()
    assert estimated(request, model=EIGHT, gpus=("h100",)) == first


@pytest.mark.parametrize("name", sorted(EstimateRequest.model_fields.keys() & LARGEST.keys()))
def test_an_amount_beyond_all_plans_is_told(name):
    request = EstimateRequest(as_of=DAY, **{name: 10**300})
    with pytest.raises(PlanError, match=f"--{name.replace('_', '-')} is more than any plan needs"):
        estimated(request, model=EIGHT, gpus=("h100",))


@pytest.mark.parametrize("name", sorted(Workload.model_fields.keys() & LARGEST.keys()))
def test_so_is_a_call_beyond_all_plans(name):
    request = EstimateRequest(as_of=DAY, workload=Workload(**{name: 10**300}))
    with pytest.raises(PlanError, match="more than any plan needs"):
        estimated(request, model=EIGHT, gpus=("h100",))


def test_a_large_model_nobody_knows_is_told():
    request = EstimateRequest(as_of=DAY, workload=Workload(large_model="nope"))
    with pytest.raises(UnknownModelError, match="--large-model: Unknown model 'nope'"):
        estimated(request, model=EIGHT, gpus=("h100",))
