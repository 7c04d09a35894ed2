from __future__ import annotations

import pytest

from advisor.catalog import query
from advisor.errors import PlanError
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.candidate import Inquiry, make_candidate
from advisor.stages.estimate.solve import solve
from trainers.methods.full import FullMethod
from trainers.methods.lora import LoraMethod
from trainers.methods.qlora import QloraMethod

CARD = query.find_model("8b")
GPU = query.find_gpu("rtx-4090")
FIELD = {"seq-len": "seq_len", "batch-size": "batch_size", "rank": "rank"}


def inquiry(**wishes):
    return Inquiry(EstimateRequest(as_of="2026-11-25", **wishes), CARD, {}, query.reference())


@pytest.mark.parametrize("quantity", sorted(FIELD))
def test_the_value_fits_and_the_next_one_does_not(quantity):
    asked, method = inquiry(), QloraMethod()
    found = solve(quantity, asked, gpu=GPU, method=method)
    assert found.option.fits is True
    assert (
        getattr(
            found.option.plan,
            {"seq_len": "sequence_length", "batch_size": "micro_batch_size"}.get(
                FIELD[quantity], "rank"
            ),
        )
        == found.value
    )
    if found.note:
        return
    step = 64 if quantity == "seq-len" else 1
    larger = asked.request.model_copy(update={FIELD[quantity]: int(found.value) + step})
    beyond = make_candidate(Inquiry(larger, CARD, {}, query.reference()), GPU, method)
    assert beyond.option.fits is not True


def test_nothing_fits_is_told_with_what_is_missing():
    found = solve("batch-size", inquiry(), gpu=query.find_gpu("t4"), method=FullMethod())
    assert found.value is None
    assert found.option is None
    assert "GiB short" in found.note


def test_the_largest_model_is_named():
    found = solve("model-size", inquiry(), gpu=GPU, method=QloraMethod(), models=query.models())
    assert found.note == found.option.plan.model
    assert found.value > CARD.parameters
    full = solve("model-size", inquiry(), gpu=GPU, method=FullMethod(), models=query.models())
    assert full.value < found.value


def test_a_method_without_rank_is_told():
    with pytest.raises(PlanError, match="full has no rank"):
        solve("rank", inquiry(), gpu=GPU, method=FullMethod())


def test_more_memory_allows_longer_sequences():
    lengths = [
        solve("seq-len", inquiry(), gpu=query.find_gpu(name), method=LoraMethod()).value
        for name in ("rtx-4090", "l40s", "a100-80gb")
    ]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]
