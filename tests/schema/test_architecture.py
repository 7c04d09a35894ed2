from __future__ import annotations

from advisor.schema.architecture import LayerGroup, dense_group
from advisor.schema.base import Provenance
from advisor.schema.catalog import ModelCard


def flat_card(**changes) -> ModelCard:
    numbers = {
        "hidden_size": 64,
        "layers": 3,
        "attention_heads": 4,
        "key_value_heads": 2,
        "head_dim": 16,
        "intermediate_size": 100,
        "vocabulary_size": 10,
        "parameters": 1,
    }
    return ModelCard(id="flat", provenance=Provenance(kind="assumed"), **{**numbers, **changes})


def test_a_card_without_groups_has_one_group_of_equal_gated_layers():
    (group,) = flat_card().layer_groups
    assert group.count == 3
    assert [linear.name for linear in group.linears] == [
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    ]
    assert group.parameters == 64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 100 + 2 * 64


def test_a_card_without_a_gate_has_the_layers_of_gpt2():
    (group,) = flat_card(gated_mlp=False, key_value_heads=4, intermediate_size=256).layer_groups
    assert group.parameters == 12 * 64 * 64 + 9 * 64 + 4 * 64
    assert all(linear.bias for linear in group.linears)


def test_given_groups_are_returned_as_they_are():
    group = dense_group(hidden_size=64, intermediate_size=8, heads=(4, 4, 16), count=3)
    assert flat_card(groups=(group,)).layer_groups == (group,)


def test_a_changed_copy_forgets_what_was_derived():
    card = flat_card()
    assert card.layer_groups[0].count == 3
    assert card.model_copy(update={"layers": 5}).layer_groups[0].count == 5
    assert card == card.model_copy()


def test_a_group_counts_every_copy_and_the_rest():
    group = LayerGroup(count=1, linears=(), other_parameters=7, intermediate_size=1)
    assert group.parameters == 7
