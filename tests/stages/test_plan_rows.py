"""Real token lengths decide sequence length, packing and grouping; what is fixed stays."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.catalog import query
from advisor.data_check.sequences import sequence_lengths
from advisor.schema.base import Interval, Provenance
from advisor.schema.estimate import EstimateRequest
from advisor.schema.lengths import SequenceLengths
from advisor.schema.plan import Plan
from advisor.stages.estimate.plan.planning import make_plan
from advisor.training_rows import chosen_length
from trainers.methods.lora import LoraMethod

REFERENCE = query.reference()
CARD, TINY, H100 = query.find_model("8b"), query.find_model("tiny"), query.find_gpu("h100")
HERE = Provenance(kind="measured", source="trl")


def rows(
    counts: list[int], *, limit: int, batch: int = 1, ratio: Interval | None = None
) -> SequenceLengths:
    return sequence_lengths(counts, limit=limit, batch_size=batch, ratio=ratio, provenance=HERE)


def planned(lengths: SequenceLengths, *, model: Any = CARD, **wishes: Any) -> Plan:
    told = {"sequence_length": "the longest row has so many tokens"} | wishes.pop("told", {})
    base = {"seq_len": lengths.limit, "lengths": lengths, "told": told}
    request = EstimateRequest(**(base | wishes))
    return make_plan(request, model=model, gpu=H100, method=LoraMethod(), reference=REFERENCE)


SHORT = [100, 150, 200] * 700
LONG = [600, 900, 2000] * 700


def test_short_rows_are_packed_and_an_update_keeps_its_samples():
    plan = planned(rows(SHORT, limit=256))
    assert (plan.packing, plan.sequence_length) == (True, 2048)
    together = plan.micro_batch_size * plan.gradient_accumulation_steps
    samples = together * plan.sequence_length / plan.mean_sequence_length
    assert 12 <= samples <= 20
    assert "150 tokens on average" in plan.reasons["packing"]
    assert plan.padding_share == 0


def test_long_rows_are_not_packed():
    plan = planned(rows(LONG, limit=2048))
    assert (plan.packing, plan.sequence_length) == (False, 2048)


@pytest.mark.parametrize(
    ("lengths", "wishes"),
    [
        (rows(SHORT[:900], limit=256), {}),
        (rows(SHORT, limit=256, ratio=Interval(low=0.8, likely=1.0, high=1.3)), {}),
        (rows(SHORT, limit=256), {"packing": False}),
        (rows(SHORT, limit=256), {"plan_values": {"packing": False}}),
        (rows(SHORT, limit=256), {"attention": "eager"}),
        (rows(SHORT, limit=256), {"objective": "dpo"}),
        (rows(SHORT, limit=256), {"model": TINY}),
        (rows(SHORT, limit=256), {"told": {"sequence_length": "--plan run.yaml"}}),
    ],
)
def test_packing_is_not_proposed(lengths, wishes):
    assert planned(lengths, **wishes).packing is False


def test_rows_of_many_lengths_are_put_with_their_like():
    plan = planned(rows([50, 900] * 60, limit=960, batch=4), batch_size=4)
    assert (plan.length_grouping, plan.packing) == (True, False)
    assert "would only fill them up" in plan.reasons["length_grouping"]
    even = planned(rows([500, 510] * 60, limit=512, batch=4), batch_size=4)
    assert even.length_grouping is False


def test_who_fixed_the_batch_keeps_it_when_rows_are_packed():
    plan = planned(rows(SHORT, limit=256), batch_size=4, grad_accum=2)
    assert (plan.packing, plan.micro_batch_size, plan.gradient_accumulation_steps) == (True, 4, 2)


def test_a_fixed_length_is_kept_though_rows_are_shorter():
    plan = planned(rows(SHORT, limit=512), told={"sequence_length": "--plan run.yaml"})
    assert plan.sequence_length == 512
    assert plan.reasons["sequence_length"] == "--plan run.yaml"


def test_the_longest_row_counts_and_is_rounded_up():
    length, why = chosen_length([60, 100, 130], 2048)
    assert length == 192
    assert "130 tokens" in why


def test_a_few_rows_that_double_the_length_do_not_count():
    length, why = chosen_length([100] * 199 + [900], 2048)
    assert length == 128
    assert "1 are longer" in why
    assert chosen_length([100] * 97 + [900] * 3, 2048)[0] == 960
    assert chosen_length([100] * 199 + [190], 2048)[0] == 192


def test_no_more_than_the_model_reads():
    length, why = chosen_length([5000, 6000], 2048)
    assert length == 2048
    assert why.startswith("the model reads no further")
