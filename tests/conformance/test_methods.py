"""What every registered method promises."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.contracts import Applied, Applying, Keeping, Method, MethodInfo
from advisor.errors import ModelFolderError, PlanError
from advisor.schema.estimate import EstimateRequest
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import Obstacle, Plan
from advisor.stages.estimate.plan.planning import make_plan

NAMES = registry.names("advisor.methods")
SIZES = ("0.5b", "1b", "3b", "8b", "13b", "70b")
MACHINES = (
    MachineFacts(),
    MachineFacts(gpus=0, memory_gib=8, cpu_cores=2),
    MachineFacts(gpus=1, gpu="NVIDIA T4", gpu_memory_gib=15),
)


def plan_for(name: str, model, **wishes) -> Plan:
    return make_plan(
        EstimateRequest(**wishes),
        model=model,
        gpu=query.find_gpu("h100"),
        method=registry.method(name),
        reference=query.reference(),
    )


def test_our_own_methods_are_registered():
    assert set(NAMES) >= {
        "adapter", "boft", "dora", "freeze", "full", "galore", "ia3", "lisa", "llama_pro", "loha",
        "lokr", "lora", "oft", "p_tuning", "prefix", "prompt", "qlora", "vera",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_complete(name):
    method = registry.method(name)
    assert isinstance(method, Method)
    assert isinstance(method.info, MethodInfo)
    assert method.info.id == name
    assert method.info.label


@pytest.mark.parametrize("name", NAMES)
def test_footprint_is_pure(name):
    model = query.find_model("8b")
    plan = plan_for(name, model)
    method = registry.method(name)
    assert method.footprint(plan, model) == method.footprint(plan, model)
    assert registry.method(name).footprint(plan, model) == method.footprint(plan, model)


def deeper(model, times: int):
    groups = tuple(
        group.model_copy(update={"count": group.count * times}) for group in model.layer_groups
    )
    layers = sum(group.count * group.parameters for group in model.layer_groups)
    return model.model_copy(
        update={
            "groups": groups,
            "layers": model.layers * times,
            "parameters": model.parameters + layers * (times - 1),
        }
    )


def bytes_of(foot) -> tuple[float, ...]:
    extra = sum(term.bytes.likely for term in foot.extra_terms)
    held = foot.base_weight_bytes + foot.adapter_weight_bytes
    return (foot.trainable_parameters, held, foot.gradient_bytes, foot.optimizer_bytes, extra)


@pytest.mark.parametrize("name", NAMES)
def test_footprint_grows_with_the_model(name):
    method = registry.method(name)
    sizes = [query.find_model(size) for size in SIZES]
    found = [
        method.footprint(plan_for(name, model), model).base_weight_bytes
        for model in sorted(sizes, key=lambda m: m.parameters)
    ]
    assert found == sorted(found)


@pytest.mark.parametrize("checkpointing", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_falls_with_more_layers(name, checkpointing):
    method, model = registry.method(name), query.find_model("1b")
    plan = plan_for(name, model).model_copy(update={"gradient_checkpointing": checkpointing})
    found = [bytes_of(method.footprint(plan, deeper(model, times))) for times in (1, 2, 4)]
    for column in zip(*found, strict=True):
        assert list(column) == sorted(column)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["micro_batch_size", "sequence_length"])
def test_nothing_falls_with_more_tokens(name, field):
    method, model = registry.method(name), query.find_model("1b")
    plan = plan_for(name, model).model_copy(update={"gradient_checkpointing": False})
    found = [
        bytes_of(method.footprint(plan.model_copy(update={field: value}), model))
        for value in (1, 16, 512)
    ]
    for column in zip(*found, strict=True):
        assert list(column) == sorted(column)


@pytest.mark.parametrize("name", NAMES)
def test_checkpointing_never_keeps_more(name):
    method, model = registry.method(name), query.find_model("1b")
    plan = plan_for(name, model)
    kept, recomputed = (
        bytes_of(method.footprint(plan.model_copy(update={"gradient_checkpointing": on}), model))[
            -1
        ]
        for on in (False, True)
    )
    assert recomputed <= kept


@pytest.mark.parametrize("name", NAMES)
def test_a_footprint_is_made_in_a_blink(name):
    method, model = registry.method(name), query.find_model("8b")
    plan = plan_for(name, model)
    method.footprint(plan, model)
    started = time.process_time()
    for _ in range(50):
        method.footprint(plan, model)
    assert (time.process_time() - started) / 50 < 0.001


@pytest.mark.parametrize("name", NAMES)
def test_terms_say_when_they_live_and_where_they_come_from(name):
    method, model = registry.method(name), query.find_model("8b")
    for checkpointing in (True, False):
        plan = plan_for(name, model).model_copy(update={"gradient_checkpointing": checkpointing})
        for term in method.footprint(plan, model).extra_terms:
            assert 0 <= term.bytes.low <= term.bytes.likely <= term.bytes.high
            assert term.provenance.source
            assert term.formula
            if term.shared == "states":
                assert term.phases == ("optimizer_step",)


@pytest.mark.parametrize("name", NAMES)
def test_footprint_never_falls_with_rank(name):
    method, model = registry.method(name), query.find_model("8b")
    counts = [
        method.footprint(plan_for(name, model, rank=rank), model).trainable_parameters
        for rank in (1, 8, 64, 256)
    ]
    assert counts == sorted(counts)
    assert (counts[0] < counts[-1]) is method.info.needs_rank


@pytest.mark.parametrize("name", NAMES)
def test_a_trained_parameter_has_a_gradient(name):
    method, model = registry.method(name), query.find_model("8b")
    foot = method.footprint(plan_for(name, model), model)
    assert foot.gradient_bytes >= 2 * foot.trainable_parameters or not foot.gathered_gradients
    assert 0 < foot.trainable_parameters <= model.parameters
    assert all(term.bytes.low >= 0 and term.formula for term in foot.extra_terms)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("machine", MACHINES)
def test_obstacles_never_raise(name, machine):
    plan = plan_for(name, query.find_model("8b")).model_copy(update={"rank": None})
    for precision in ("float32", "bfloat16", "float16"):
        changed = plan.model_copy(update={"precision": precision})
        found = registry.method(name).obstacles(changed, machine)
        assert all(isinstance(o, Obstacle) and o.message for o in found)


@pytest.mark.parametrize("name", [n for n in NAMES if registry.method(n).info.needs_rank])
def test_a_missing_rank_blocks(name):
    plan = plan_for(name, query.find_model("8b")).model_copy(update={"rank": None})
    found = registry.method(name).obstacles(plan, MachineFacts())
    assert any(o.severity == "blocks" for o in found)


def test_faces_load_no_heavy_library():
    code = (
        "import sys\nfrom advisor import registry\n"
        "for n in registry.names('advisor.methods'): registry.method(n)\n"
        "for n in registry.names('advisor.objectives'): registry.objective(n)\n"
        "print(sorted({'torch','transformers','peft','numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("size", "rank", "count"),
    [("8b", 16, 41_943_040), ("70b", 16, 207_093_760), ("1b", 8, 5_636_096)],
)
def test_all_linear_lora_counts_are_exact(size, rank, count):
    model = query.find_model(size)
    foot = registry.method("lora").footprint(plan_for("lora", model, rank=rank), model)
    assert foot.trainable_parameters == count


def test_nf4_keeps_half_a_byte_per_packed_weight_and_the_rest_as_it_is():
    model = query.find_model("8b")
    foot = registry.method("qlora").footprint(plan_for("qlora", model), model)
    embeddings = 2 * model.vocabulary_size * model.hidden_size
    norms = (2 * model.layers + 1) * model.hidden_size
    packed = model.parameters - embeddings - norms
    assert foot.base_weight_bytes == pytest.approx(
        0.515869 * packed + 2 * (embeddings + norms), rel=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_options_are_named_and_used(name):
    method, model = registry.method(name), query.find_model("1b")
    plan = plan_for(name, model)
    for option in method.info.options:
        if option in {"rslora", "feed_forward"}:
            continue
        wrong = {option: "nonsense"}
        if "projection" in method.info.options and option != "projection":
            wrong["projection"] = True
        with pytest.raises(PlanError, match=option):
            method.footprint(plan.model_copy(update={"method_options": wrong}), model)


APPLYING = [name for name in NAMES if isinstance(registry.method(name), Applying)]
KEEPING = [name for name in NAMES if isinstance(registry.method(name), Keeping)]


def on_tiny(name: str, folder: str, **changes):
    """A plan for the miniature model, as far as the method can be trained on it."""
    model = query.find_model(folder)
    fixed = {"gradient_checkpointing": False, "packing": False, "dropout": 0.0}
    return plan_for(name, model).model_copy(update=fixed | changes), model


def opened(folder: str, *, packed: bool = False):
    import torch
    import transformers

    more = {}
    if packed:
        more["quantization_config"] = transformers.BitsAndBytesConfig(load_in_4bit=True)
    torch.manual_seed(0)
    return transformers.AutoModelForCausalLM.from_pretrained(folder, **more)


def applied(name: str, folder: str, **changes) -> Applied:
    method = registry.method(name)
    plan, _ = on_tiny(name, folder, **changes)
    return method.apply(opened(folder, packed=method.info.base_bits == 4), plan)


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", APPLYING)
def test_what_requires_gradients_is_what_the_footprint_counts(name, tiny_llama):
    plan, model = on_tiny(name, tiny_llama)
    put = applied(name, tiny_llama)
    trained = {key: one for key, one in put.model.named_parameters() if one.requires_grad}
    told = registry.method(name).footprint(plan, model).trainable_parameters
    assert sum(one.numel() for one in trained.values()) == told
    assert all(any(part in key for key in trained) for part in put.rates)
    assert all(rate > 0 for rate in put.rates.values())


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", APPLYING)
def test_one_seed_gives_one_start(name, tiny_llama):
    import torch

    first, second = (applied(name, tiny_llama).model.state_dict() for _ in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", APPLYING)
def test_every_trained_parameter_gets_a_gradient(name, tiny_llama):
    import torch

    model = applied(name, tiny_llama).model.train()
    model(input_ids=torch.tensor([[5, 60, 70, 80, 90]])).logits.square().mean().backward()
    without = [k for k, one in model.named_parameters() if one.requires_grad and one.grad is None]
    assert without == []
    frozen = [k for k, one in model.named_parameters() if not one.requires_grad]
    assert all(dict(model.named_parameters())[key].grad is None for key in frozen)


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [n for n in APPLYING if registry.method(n).info.needs_rank])
def test_layers_that_the_model_lacks_are_told(name, tiny_llama):
    with pytest.raises(PlanError):
        applied(name, tiny_llama, target_modules="no_such_layer")


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KEEPING)
def test_what_is_kept_restores_the_same_model(name, tiny_llama, tmp_path):
    import torch

    method, ids = registry.method(name), torch.tensor([[5, 60, 70, 80, 90]])
    model = applied(name, tiny_llama).model.eval()
    base = opened(tiny_llama)(ids).logits
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    method.keep(model, tmp_path)
    restored = method.restore(opened(tiny_llama), tmp_path).eval()
    assert torch.allclose(restored(ids).logits, model(ids).logits, atol=1e-5)
    assert not torch.allclose(restored(ids).logits, base, atol=1e-2)
    kept = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert kept < sum(4 * one.numel() for one in model.parameters())
    assert not [file.name for file in tmp_path.iterdir() if file.suffix in {".bin", ".pt", ".pkl"}]


@pytest.mark.ml
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KEEPING)
def test_what_is_kept_refuses_another_base(name, tiny_llama, tmp_path):
    import transformers

    registry.method(name).keep(applied(name, tiny_llama).model, tmp_path)
    config = transformers.AutoConfig.from_pretrained(tiny_llama, hidden_size=32)
    other = transformers.AutoModelForCausalLM.from_config(config)
    with pytest.raises(ModelFolderError):
        registry.method(name).restore(other, tmp_path)
