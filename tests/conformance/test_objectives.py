"""What every registered objective promises."""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.contracts import Objective
from advisor.errors import PlanError, UnknownPluginError
from advisor.schema.evaluation import Sample
from advisor.schema.plan import ObjectiveFootprint, Obstacle, Plan

NAMES = registry.names("advisor.objectives")
PLAN = Plan(
    model="8b",
    method="lora",
    precision="bfloat16",
    base_bits=16,
    rank=16,
    sequence_length=1024,
    micro_batch_size=2,
    learning_rate=1e-4,
    epochs=1,
    gpu="h100",
)


def samples(count: int, target: str = "yes") -> list[Sample]:
    return [Sample(id=str(i), input=f"question {i}", target=target) for i in range(count)]


def test_our_own_objectives_are_registered():
    assert set(NAMES) >= {"cpt", "dpo", "grpo", "kto", "orpo", "reward", "sft"}


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_complete(name):
    objective = registry.objective(name)
    assert isinstance(objective, Objective)
    assert objective.info.id == name
    assert objective.info.label


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("given", [[], samples(1), samples(3, target=""), samples(200)])
def test_obstacles_never_raise(name, given):
    found = registry.objective(name).obstacles(given)
    assert all(isinstance(o, Obstacle) and o.message for o in found)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_train_on_blocks(name):
    assert any(o.severity == "blocks" for o in registry.objective(name).obstacles([]))


def test_sft_needs_answers():
    sft = registry.objective("sft")
    assert sft.obstacles(samples(200)) == []
    (all_empty,) = sft.obstacles(samples(200, target=" "))
    assert all_empty.severity == "blocks"
    (one_empty,) = sft.obstacles([*samples(199), *samples(1, target="")])
    assert one_empty.severity == "warns"
    assert "1 of 200" in one_empty.message
    (few,) = sft.obstacles(samples(10))
    assert few.severity == "warns"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["full", "lora", "freeze", "somebody_elses"])
def test_footprint_is_pure_and_never_negative(name, method):
    model, objective = query.find_model("8b"), registry.objective(name)
    for loss_head in ("stock", "chunked", "fused_linear"):
        plan = PLAN.model_copy(update={"method": method, "loss_head": loss_head})
        found = objective.footprint(plan, model)
        assert isinstance(found, ObjectiveFootprint)
        assert found == registry.objective(name).footprint(plan, model)
        for term in found.extra_terms:
            assert 0 <= term.bytes.low <= term.bytes.likely <= term.bytes.high
            assert term.formula
            assert term.provenance.source


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["micro_batch_size", "sequence_length"])
def test_terms_never_fall_with_more_tokens(name, field):
    model, objective = query.find_model("8b"), registry.objective(name)
    found = [
        sum(
            term.bytes.likely
            for term in objective.footprint(
                PLAN.model_copy(update={field: value}), model
            ).extra_terms
        )
        for value in (1, 64, 4096)
    ]
    assert found == sorted(found)


@pytest.mark.parametrize("name", [objective for objective, _ in registry.trainer("trl").info.pairs])
def test_every_option_is_told_and_looked_at(name):
    """A value that can be none is refused when the plan is estimated, before anything runs."""
    objective = registry.objective(name)
    for option in objective.info.options:
        plan = PLAN.model_copy(update={"method_options": {option: -1}})
        with pytest.raises(PlanError, match=option):
            objective.footprint(plan, query.find_model("8b"))


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_fields_of_a_plan(name):
    assert set(registry.objective(name).info.defaults) <= set(Plan.model_fields)


@pytest.mark.parametrize("name", ["ppo", "rlhf"])
def test_who_looks_for_ppo_is_told_where_it_went(name):
    with pytest.raises(UnknownPluginError, match="removed its PPO trainer") as caught:
        registry.objective(name)
    assert "--objective grpo --option reward=FOLDER" in caught.value.hint


def test_preferences_are_told_apart_from_single_answers():
    pairs = [s.model_copy(update={"rejected": f"no {s.id}"}) for s in samples(500)]
    for name in ("dpo", "orpo", "reward", "kto"):
        objective = registry.objective(name)
        assert objective.obstacles(pairs) == []
        blocking = [o for o in objective.obstacles(samples(500)) if o.severity == "blocks"]
        assert len(blocking) == 1
        assert "500 of 500" in blocking[0].message


def test_pairs_that_prefer_nothing_are_told():
    pairs = [s.model_copy(update={"rejected": f"no {s.id}"}) for s in samples(499)]
    alike = samples(1)[0].model_copy(update={"rejected": "yes"})
    (told,) = registry.objective("dpo").obstacles([*pairs, alike])
    assert told.severity == "warns"
    (told,) = registry.objective("dpo").obstacles([alike] * 200)
    assert told.severity == "blocks"


@pytest.mark.parametrize(("mark", "kind"), [(True, "good"), (False, "bad")])
def test_marks_that_are_all_alike_block_kto(mark, kind):
    marked = [s.model_copy(update={"is_good": mark}) for s in samples(200)]
    (told,) = registry.objective("kto").obstacles(marked)
    assert (told.severity, f"marked as {kind}" in told.message) == ("blocks", True)
    both = [*marked, *(s.model_copy(update={"is_good": not mark}) for s in samples(200))]
    assert registry.objective("kto").obstacles(both) == []


def test_grpo_needs_prompts_and_remarks_on_missing_references():
    grpo = registry.objective("grpo")
    assert grpo.obstacles(samples(200)) == []
    (told,) = grpo.obstacles(samples(200, target=""))
    assert told.severity == "warns"
    assert "reward=FILE.py:FUNCTION" in told.hint
    texts = [Sample(id=str(i), input="", target="text") for i in range(200)]
    assert any(o.severity == "blocks" for o in grpo.obstacles(texts))
