"""Methods that train a part of the model's own weights, or see them through a projection."""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.errors import PlanError
from advisor.schema.machine import MachineFacts


def foot(plan_of, method, model="8b", options=None, **wishes):
    plan = plan_of(method, method_options=options or {}, rank=None, **wishes)
    return registry.method(method).footprint(plan, query.find_model(model))


def blocks(method, plan) -> bool:
    found = registry.method(method).obstacles(plan, MachineFacts())
    return any(obstacle.severity == "blocks" for obstacle in found)


LAYER = 218_112_000
"""Parameters of one layer of Llama-3-8B."""
TABLE = 128_256 * 4096


def test_freezing_trains_the_last_layers(plan_of):
    found = foot(plan_of, "freeze", options={"layers": 4})
    assert found.trainable_parameters == 4 * LAYER
    assert found.backward_share == 4 / 32
    assert found.trains_head is False
    with_head = foot(plan_of, "freeze", options={"layers": 4, "head": True})
    assert with_head.trainable_parameters == 4 * LAYER + TABLE
    assert with_head.trains_head is True


def test_freezing_costs_less_work_the_fewer_layers(plan_of):
    shares = [foot(plan_of, "freeze", options={"layers": n}).compute_share for n in (1, 8, 32)]
    assert shares == sorted(shares)
    assert shares[0] < 0.4
    assert shares[-1] == pytest.approx(0.95, abs=0.05)


@pytest.mark.parametrize("options", [{"layers": 33}, {"layers": 0}, {"layers": "all"}])
def test_layers_that_do_not_exist_are_told(plan_of, options):
    with pytest.raises(PlanError, match="layers"):
        foot(plan_of, "freeze", options=options)


def test_lisa_trains_tables_and_two_layers(plan_of):
    found = foot(plan_of, "lisa")
    assert found.trainable_parameters == 2 * LAYER + 2 * TABLE
    assert found.trains_head is True
    assert found.backward_share == 1


def test_llama_pro_adds_blocks(plan_of):
    found = foot(plan_of, "llama_pro", options={"blocks": 8})
    assert found.trainable_parameters == 8 * LAYER
    assert found.adapter_weight_bytes == 2 * 8 * LAYER
    assert found.backward_share == 7 / 8
    assert found.base_weight_bytes == 2 * query.find_model("8b").parameters


def test_galore_keeps_states_of_projections(plan_of):
    full = foot(plan_of, "full")
    states = [
        foot(plan_of, "galore", options={"rank": rank}).optimizer_bytes for rank in (32, 128, 512)
    ]
    assert states == sorted(states)
    tables = 2 * 2 * 2 * TABLE
    assert tables < states[0] < states[-1] < full.optimizer_bytes / 2
    assert foot(plan_of, "galore").gradient_bytes == full.gradient_bytes


def test_layerwise_galore_holds_one_gradient_at_a_time(plan_of):
    found = foot(plan_of, "galore", options={"layerwise": True})
    assert found.gathered_gradients is False
    assert found.gradient_bytes < foot(plan_of, "full").gradient_bytes / 5
    plan = plan_of("galore", method_options={"layerwise": True}, gradient_accumulation_steps=4)
    assert blocks("galore", plan)


@pytest.mark.parametrize("method", ["freeze", "lisa", "llama_pro", "galore"])
def test_packed_or_narrow_weights_cannot_be_trained(plan_of, method):
    assert not blocks(method, plan_of(method))
    assert blocks(method, plan_of(method, quantisation="nf4", base_bits=4))
    assert blocks(method, plan_of(method, precision="float16"))


@pytest.mark.parametrize("method", ["freeze", "lisa", "llama_pro", "galore"])
def test_paged_states_are_told_apart(plan_of, method):
    paged = foot(plan_of, method, optimizer="paged_adamw_8bit")
    assert 0 < paged.paged_bytes <= paged.optimizer_bytes
    assert foot(plan_of, method).paged_bytes == 0
