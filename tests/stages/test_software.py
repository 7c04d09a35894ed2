import pytest

from advisor import registry
from advisor.catalog import query
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.candidate import Inquiry, make_candidate
from advisor.stages.estimate.plan.planning import make_plan

H200 = query.find_gpu("h200")
MIXTRAL = query.find_model("mixtral-8x7b")


def plan(model="8b", method="qlora", stack="stock", **asked):
    return make_plan(
        EstimateRequest(**asked),
        model=query.find_model(model),
        gpu=H200,
        method=registry.method(method),
        reference=query.reference(stack),
    )


def option(model, stack, **asked):
    request = EstimateRequest(methods=("qlora",), stack=stack, **asked)
    inquiry = Inquiry(request, query.find_model(model), {}, query.reference(stack))
    return make_candidate(inquiry, H200, registry.method("qlora")).option


@pytest.mark.parametrize(
    ("model", "stack", "held"),
    [
        ("8b", "unsloth", None),
        ("mixtral-8x7b", "stock", "fused"),
        ("mixtral-8x7b", "transformers-4", "modules"),
        ("gpt-oss-20b", "transformers-4", "fused"),
        ("gpt-oss-20b", "unsloth", "packed"),
    ],
)
def test_how_experts_are_held_is_a_fact_of_the_software(model, stack, held):
    assert plan(model, stack=stack).experts == held


def test_how_weights_are_shared_may_be_a_habit_of_the_software():
    assert plan(method="full", stack="qwen").strategy == "zero3"
    assert plan(method="lora", stack="qwen").strategy == "single"
    assert plan(method="full", stack="qwen", strategy="single").strategy == "single"
    assert plan(method="full", gpus=2).strategy == "fsdp"


def test_published_packed_bases_have_their_experts_packed():
    assert plan("mixtral-8x7b", quantisation="gptq").experts == "packed"


@pytest.mark.parametrize(
    ("method", "asked", "trained", "unpacked"),
    [
        ("full", {}, "bfloat16", None),
        ("full", {"strategy": "zero3", "gpus": 2}, "float32", None),
        ("full", {"strategy": "fsdp", "gpus": 2}, "float32", None),
        ("lora", {}, "float32", None),
        ("lora", {"trained_precision": "bfloat16"}, "bfloat16", None),
        ("qlora", {}, "bfloat16", "bfloat16"),
        ("qlora", {"stack": "peft"}, "float32", "float32"),
    ],
)
def test_precisions_are_written_out(method, asked, trained, unpacked):
    found = plan(method=method, **{"stack": "stock", **asked})
    assert (found.trained_precision, found.unquantised_precision) == (trained, unpacked)


@pytest.mark.parametrize(
    ("model", "stack", "least", "most"),
    [
        ("mixtral-8x7b", "unsloth", 23, 27),
        ("qwen3-30b-a3b", "unsloth", 15.5, 17.5),
        ("gpt-oss-20b", "unsloth", 11, 14),
        ("gpt-oss-120b", "unsloth", 55, 65),
        ("llama-4-scout", "unsloth", 52, 71),
        ("mixtral-8x7b", "litgpt", 24, 60),
    ],
)
def test_packed_mixtures_take_what_is_published(model, stack, least, most):
    found = option(model, stack, target_modules="q_proj,k_proj,v_proj,o_proj")
    assert least < found.memory.allocated_gib.likely < most
    assert not any("not quantised" in said for said in found.warnings)


def test_experts_that_stay_unpacked_are_told_with_their_cost_and_a_way_out():
    targets = "q_proj,k_proj,v_proj,o_proj"
    stock = option("mixtral-8x7b", "stock", target_modules=targets)
    packed = option("mixtral-8x7b", "transformers-4", target_modules=targets)
    [said] = [text for text in stock.warnings if "not quantised" in text]
    cost = float(said.split(" takes ")[1].split(" GiB")[0])
    more = stock.memory.allocated_gib.likely - packed.memory.allocated_gib.likely
    assert cost == pytest.approx(more, rel=0.1)
    assert "--stack unsloth, axolotl, transformers-4" in said
    assert query.reference("unsloth")
    assert query.reference("axolotl")


def test_experts_apart_are_the_same_model_and_adapters_reach_each():
    apart = MIXTRAL.loaded_as("modules")
    assert sum(group.count * group.parameters for group in apart.groups) == sum(
        group.count * group.parameters for group in MIXTRAL.groups
    )
    assert MIXTRAL.loaded_as("fused") is MIXTRAL
    assert apart.loaded_as("modules") is apart
    assert all(linear.is_module for group in apart.groups for linear in group.linears)
    names = [linear.name for linear in apart.groups[0].linears]
    assert names[-3:] == ["gate_proj", "up_proj", "down_proj"]
    reached = option("mixtral-8x7b", "transformers-4", target_modules="gate_proj", rank=8)
    assert reached.trainable_parameters == 32 * 8 * 8 * (4096 + 14336)


def test_unpacked_mxfp4_experts_are_told():
    found = option("gpt-oss-20b", "stock")
    assert any("MXFP4" in said and "16-bit copy" in said for said in found.assumptions)
