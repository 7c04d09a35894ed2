"""What each objective adds, and that the defaults it rests on are TRL's."""

from __future__ import annotations

import dataclasses

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.errors import PlanError
from advisor.schema.estimate import EstimateRequest
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Plan
from advisor.stages.estimate.candidate import Inquiry, make_candidate
from advisor.units import gib_from_bytes
from trainers.objectives import grpo
from trainers.objectives.reference import (
    BESIDE,
    OWN_WEIGHTS,
    PARTS,
    keeps_base,
    reference_note,
)


def plan_for(objective: str, method: str = "lora", **wishes) -> Plan:
    values = {
        "model": "8b",
        "objective": objective,
        "method": method,
        "precision": "bfloat16",
        "base_bits": 16,
        "rank": 16 if method == "lora" else None,
        "sequence_length": 1024,
        "micro_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "learning_rate": 1e-5,
        "epochs": 2,
        "gpu": "h100",
    }
    return Plan(**{**values, **wishes})


def footprint(objective: str, method: str = "lora", **wishes):
    plan = plan_for(objective, method, **wishes)
    return registry.objective(objective).footprint(plan, query.find_model("8b"))


def term_gib(found, name: str) -> float:
    return sum(gib_from_bytes(t.bytes.likely) for t in found.extra_terms if t.name == name)


@pytest.mark.parametrize("objective", ["dpo", "kto"])
def test_a_reference_is_a_second_model_only_where_weights_change(objective):
    assert term_gib(footprint(objective, "full"), "reference model") == pytest.approx(
        14.96, abs=0.01
    )
    assert term_gib(footprint(objective, "lora"), "reference model") == 0
    precomputed = footprint(objective, "full", method_options={"precompute_reference": True})
    assert term_gib(precomputed, "reference model") == 0


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("lora", {"init": "pissa"}),
        *(
            (name, {})
            for name in ("adapter", "freeze", "llama_pro", "p_tuning", "prefix", "prompt")
        ),
    ],
)
def test_a_reference_of_a_trained_part_is_a_copy_of_that_part(method, options):
    plan = plan_for("dpo", method, method_options=options)
    model = query.find_model("8b")
    trained = registry.method(method).footprint(plan, model)
    each = trained.gradient_bytes / trained.trainable_parameters
    copied = term_gib(footprint("dpo", method, method_options=options), "reference model")
    assert copied == pytest.approx(gib_from_bytes(trained.trainable_parameters * each))
    assert 0 < copied < 4
    assert "frozen copy of what is trained" in reference_note(plan)


def test_a_reference_is_split_like_weights():
    (term,) = footprint("dpo", "full").extra_terms
    assert term.shared == "weights"
    assert term.phases == ()


def test_a_precomputed_reference_is_gone_through_once():
    assert footprint("dpo").forward_passes == 1
    assert footprint("dpo", method_options={"precompute_reference": True}).forward_passes == 0.5
    assert footprint("kto").forward_passes == 3
    assert footprint("kto", method_options={"precompute_reference": True}).forward_passes == 2


def test_pairs_go_through_the_model_together():
    pairs = {name: footprint(name).sequences_per_sample for name in ("dpo", "orpo", "reward")}
    assert set(pairs.values()) == {2}
    assert {footprint(n).sequences_per_sample for n in ("sft", "cpt", "kto", "grpo")} == {1}


def test_orpo_builds_all_logits_whatever_the_loss():
    told = term_gib(footprint("orpo", loss_head="chunked"), "logits of both answers")
    assert told == pytest.approx(1.5 * 12 * 2 * 4 * 1024 * 128_256 / 2**30)
    stock = footprint("orpo", loss_head="stock")
    assert stock.extra_terms == ()
    assert stock.logits_copies > 1


def test_a_reward_model_builds_no_logits():
    assert footprint("reward").logits_copies == 0


def test_grpo_holds_keys_and_values_of_all_completions_of_a_step():
    held = term_gib(footprint("grpo"), "key/value cache")
    assert held == pytest.approx(8 * 32 * 1024 * 2 * 1024 * 2 / 2**30)
    assert footprint("grpo").repeats == grpo.GENERATIONS
    few = footprint("grpo", method_options={"num_generations": 4})
    assert few.repeats == 4


def test_a_cache_that_the_estimator_counts_is_not_counted_twice():
    alone = term_gib(footprint("grpo"), "key/value cache")
    beside = footprint("grpo", generated_tokens=256)
    assert term_gib(beside, "key/value cache") == pytest.approx(alone / 2)
    assert beside.generated_tokens == 256
    assert footprint("grpo").generated_tokens == grpo.NEW_TOKENS


def test_grpo_needs_a_reference_only_with_a_weight():
    assert term_gib(footprint("grpo", "full"), "reference model") == 0
    weighed = footprint("grpo", "full", method_options={"beta": 0.04})
    assert term_gib(weighed, "reference model") > 10
    assert weighed.forward_passes == footprint("grpo", "full").forward_passes + 1


def test_zero3_gathers_the_weights_to_generate():
    sharded = footprint("grpo", "full", strategy="zero3", gpus=4)
    assert term_gib(sharded, "weights gathered to generate") == pytest.approx(
        0.75 * 14.96, abs=0.01
    )


@pytest.mark.parametrize(
    ("objective", "options"),
    [
        ("dpo", {"precompute_reference": "yes"}),
        ("grpo", {"beta": "high"}),
        ("grpo", {"num_generations": 0}),
    ],
)
def test_a_wrong_option_is_told(objective, options):
    with pytest.raises(PlanError, match=next(iter(options))):
        footprint(objective, method_options=options)


def test_every_method_of_ours_is_known_to_keep_the_base_or_not():
    kinds = (BESIDE, OWN_WEIGHTS, set(PARTS))
    assert set(registry.names("advisor.methods")) == set.union(*map(set, kinds))
    assert sum(map(len, kinds)) == len(set.union(*map(set, kinds)))
    assert not keeps_base(plan_for("dpo", "somebody_elses"))
    assert keeps_base(plan_for("dpo", "somebody_elses", rank=8))


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
def test_defaults_are_those_of_trl():
    trl = pytest.importorskip("trl")
    defaults = {
        config: {field.name: field.default for field in dataclasses.fields(getattr(trl, config))}
        for config in ("DPOConfig", "KTOConfig", "GRPOConfig", "RewardConfig")
    }
    assert defaults["DPOConfig"]["precompute_ref_log_probs"] is False
    assert defaults["KTOConfig"]["precompute_ref_log_probs"] is False
    assert defaults["KTOConfig"]["loss_type"] == "kto"
    assert defaults["GRPOConfig"]["num_generations"] == grpo.GENERATIONS
    assert defaults["GRPOConfig"]["max_completion_length"] == grpo.NEW_TOKENS
    assert defaults["GRPOConfig"]["beta"] == 0
    assert defaults["GRPOConfig"]["num_iterations"] == 1
    assert defaults["GRPOConfig"]["use_vllm"] is False
    assert defaults["GRPOConfig"]["steps_per_generation"] is None


def test_both_answers_of_a_pair_reach_the_method():

    kept = {}
    for name in ("sft", "dpo"):
        inquiry = Inquiry(
            request=EstimateRequest(
                methods=("lora",), objective=name, gradient_checkpointing=False
            ),
            model=query.find_model("1b"),
            offers={},
            reference=query.reference(),
            objective=registry.objective(name),
        )
        memory = make_candidate(
            inquiry, query.find_gpu("h100"), registry.method("lora")
        ).option.memory
        kept[name] = sum(term.gib for term in memory.terms if term.name == "adapter inputs")
    assert kept["dpo"] == pytest.approx(2 * kept["sft"], rel=0.01)


def blocks(objective: str, samples) -> str:
    found = registry.objective(objective).obstacles(samples)
    return " ".join(o.message for o in found if o.severity == "blocks")


def test_plain_text_and_bad_answers_serve_some_objectives_only():
    texts = [Sample(id="a", input="", target="Once upon a time.")]
    marked = [Sample(id=str(n), input="q", target="a", is_good=n > 0) for n in range(2)]
    assert "1 of 1 samples are plain text" in blocks("sft", texts)
    assert blocks("cpt", texts) == ""
    assert "1 of 2 samples are marked as bad answers" in blocks("sft", marked)
    assert blocks("kto", marked) == ""
    assert "marked as good or bad; 1 of 1" in blocks("kto", texts)
