"""Which linear layers a name reaches, what shares an input, and what stands in the way."""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.errors import PlanError
from advisor.schema.machine import MachineFacts
from trainers.methods.adapted import adapted_linears, numbers


def names(model: str, targets: str) -> list[str]:
    (group,) = adapted_linears(query.find_model(model), targets)
    return [found.linear.name for found in group]


def test_all_linear_reaches_every_module():
    assert names("8b", "all-linear") == [
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    ]  # fmt: skip


def test_names_may_be_told_apart_by_their_part():
    assert names("gpt2", "c_proj") == ["c_proj", "c_proj"]
    assert names("gpt2", "mlp.c_proj") == ["c_proj"]
    assert names("gpt2", "attn.c_proj,c_fc") == ["c_proj", "c_fc"]


@pytest.mark.parametrize("targets", ["nothing", "q_proj,nothing", "", " , "])
def test_an_unknown_name_is_told(targets):
    with pytest.raises(PlanError, match="no linear layer"):
        adapted_linears(query.find_model("8b"), targets)


def test_query_key_value_share_their_input_and_so_do_gate_and_up():
    (group,) = adapted_linears(query.find_model("8b"), "all-linear")
    shared = [found.linear.name for found in group if found.shares_input]
    assert shared == ["k_proj", "v_proj", "up_proj"]


def test_autocast_lowers_the_adapters_path(plan_of):
    assert numbers(plan_of("lora")).path == 4
    assert numbers(plan_of("lora", compute_precision="bfloat16")).path == 2
    low = numbers(plan_of("lora", trained_precision="bfloat16"))
    assert (low.path, low.casts_input) == (2, False)


def test_a_base_may_be_packed(plan_of):
    model = query.find_model("8b")
    for method in ("dora", "vera", "oft", "prompt", "adapter"):
        plain = registry.method(method).footprint(plan_of(method), model)
        packed = registry.method(method).footprint(
            plan_of(method, quantisation="nf4", base_bits=4), model
        )
        assert packed.base_weight_bytes < 0.4 * plain.base_weight_bytes
        assert packed.trainable_parameters == plain.trainable_parameters


@pytest.mark.parametrize(
    ("method", "quantisation", "blocked"),
    [
        ("loha", "nf4", True),
        ("lokr", "nf4", True),
        ("loha", "int8", False),
        ("boft", "gptq", True),
        ("boft", "nf4", False),
        ("dora", "nf4", False),
    ],
)
def test_packings_that_a_method_cannot_read_block(plan_of, method, quantisation, blocked):
    plan = plan_of(method, quantisation=quantisation, base_bits=4)
    found = registry.method(method).obstacles(plan, MachineFacts())
    assert any(obstacle.severity == "blocks" for obstacle in found) is blocked


def test_boft_refuses_widths_its_blocks_do_not_divide(plan_of):
    plan = plan_of("boft", method_options={"block_size": 7})
    with pytest.raises(PlanError, match="multiple"):
        registry.method("boft").footprint(plan, query.find_model("8b"))


@pytest.mark.parametrize("method", ["prompt", "p_tuning"])
def test_trained_tokens_lengthen_every_sequence(plan_of, method):
    plan = plan_of(method, method_options={"virtual_tokens": 33})
    found = registry.method(method).footprint(plan, query.find_model("8b"))
    assert found.extra_tokens == 33


def test_prefix_lengthens_attention_only_and_refuses_checkpointing(plan_of):
    prefix, model = registry.method("prefix"), query.find_model("8b")
    assert prefix.footprint(plan_of("prefix"), model).extra_tokens == 0
    assert prefix.obstacles(plan_of("prefix"), MachineFacts()) == []
    assert prefix.obstacles(plan_of("prefix", gradient_checkpointing=True), MachineFacts())
