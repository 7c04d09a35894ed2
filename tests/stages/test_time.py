import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog import query
from advisor.schema.base import Interval, Provenance
from advisor.schema.machine import MachineFacts
from advisor.schema.plan import ExtraTerm, ObjectiveFootprint, Plan
from advisor.stages.estimate.memory.work import Work
from advisor.stages.estimate.throughput.batches import batch_of, padding_share, training_tokens
from advisor.stages.estimate.throughput.energy import energy, grid_of
from advisor.stages.estimate.throughput.exchange import lost_share
from advisor.stages.estimate.throughput.flops import attention_work, product_work, shape_of
from advisor.stages.estimate.throughput.hours import timing
from advisor.stages.estimate.throughput.pace import tokens_per_second
from advisor.stages.estimate.throughput.place import gpu_class, place_of, stack_class
from advisor.stages.estimate.throughput.speed import product_share, setting, step_seconds
from trainers.methods.full import FullMethod
from trainers.methods.lora import LoraMethod
from trainers.methods.qlora import QloraMethod

METHODS = {"full": FullMethod(), "lora": LoraMethod(), "qlora": QloraMethod()}
KNOWN = query.reference().throughput
STACK = query.reference().stack
EIGHT = query.find_model("llama-3.1-8b")
SMALL = query.find_model("qwen2.5-0.5b")
A100, H100, T4 = (query.find_gpu(name) for name in ("a100-80gb", "h100", "t4"))
RTX = query.find_gpu("rtx-4090")
LOCAL = H100.model_copy(update={"id": "local", "provenance": Provenance(kind="measured")})


def work_of(method="lora", *, model=EIGHT, objective=None, **changes):
    adapts, quantised = method != "full", method == "qlora"
    values = {
        "model": model.id,
        "method": method,
        "precision": "bfloat16",
        "base_bits": 4 if quantised else 16,
        "quantisation": "nf4" if quantised else "none",
        "rank": 16 if adapts else None,
        "alpha": 32 if adapts else None,
        "sequence_length": 2048,
        "micro_batch_size": 4,
        "learning_rate": 1e-4,
        "epochs": 1,
        "examples": 1000,
        "gpu": "h100",
    }
    plan = Plan(**values | changes)
    footprint = METHODS[method].footprint(plan, model)
    return Work(plan, model, footprint, STACK, objective or ObjectiveFootprint())


def seconds(work, gpu=A100):
    return timing(work, gpu, KNOWN).steps_hours.likely * 3600


def parts(work, gpu=A100):
    return step_seconds(work, setting(work, gpu, KNOWN), batch_of(work))


def test_full_training_does_six_operations_per_parameter_and_eight_when_it_recomputes():
    met = EIGHT.parameters - EIGHT.vocabulary_size * EIGHT.hidden_size
    assert shape_of(EIGHT).products == met
    assert product_work(work_of("full", gradient_checkpointing=False)) == 6 * met
    head = EIGHT.vocabulary_size * EIGHT.hidden_size
    assert product_work(work_of("full")) == pytest.approx(8 * met - 2 * head)


def test_a_tied_head_counts_as_products_and_lora_saves_a_third():
    assert shape_of(SMALL).products == SMALL.parameters
    lora = product_work(work_of("lora", gradient_checkpointing=False))
    full = product_work(work_of("full", gradient_checkpointing=False))
    assert lora / full == pytest.approx(4 / 6, rel=0.02)


def test_attention_is_the_known_share_of_the_layers_products():
    """About length / (12 x width) of the linear layers when the causal half is skipped."""
    gpt = EIGHT.model_copy(
        update={"key_value_heads": 32, "intermediate_size": 16384, "gated_mlp": False}
    )
    work = work_of("full", model=gpt, gradient_checkpointing=False)
    layers = 12 * gpt.layers * gpt.hidden_size**2
    assert attention_work(work, 8192) / (6 * layers) == pytest.approx(8192 / (12 * 4096), rel=0.01)


def test_a_window_bounds_what_attention_reaches():
    [group] = EIGHT.layer_groups
    near = EIGHT.model_copy(update={"groups": (group.model_copy(update={"window": 1024}),)})
    wide, narrow = (work_of(model=model) for model in (EIGHT, near))
    assert attention_work(narrow, 1024) == pytest.approx(attention_work(wide, 1024))
    assert attention_work(narrow, 16384) < 0.15 * attention_work(wide, 16384)


def test_eager_attention_and_passes_without_gradients_cost_more():
    plain = work_of()
    reference = work_of(objective=ObjectiveFootprint(forward_passes=1.0))
    assert seconds(work_of(attention="eager")) > seconds(plain)
    assert product_work(reference) - product_work(plain) == 2 * shape_of(EIGHT).products


SIZES = st.integers(1, 32)
LENGTHS = st.integers(16, 8192)
NAMES = st.sampled_from(sorted(METHODS))


@settings(max_examples=60, deadline=None)
@given(NAMES, SIZES, LENGTHS, st.integers(1, 10**9), st.booleans())
def test_hours_grow_with_tokens_and_are_never_negative(
    method, batch, length, tokens, checkpointing
):
    wishes = {
        "micro_batch_size": batch,
        "sequence_length": length,
        "gradient_checkpointing": checkpointing,
    }
    few = timing(work_of(method, tokens=tokens, **wishes), A100, KNOWN)
    more = timing(work_of(method, tokens=2 * tokens, **wishes), A100, KNOWN)
    assert more.steps_hours.likely == pytest.approx(2 * few.steps_hours.likely)
    assert all(part.hours.low >= 0 for part in few.parts)
    assert min(few.seconds) >= 0


@settings(max_examples=40, deadline=None)
@given(NAMES, SIZES, LENGTHS)
def test_tokens_and_hours_say_the_same(method, batch, length):
    work = work_of(method, micro_batch_size=batch, sequence_length=length, examples=500)
    found = timing(work, H100, KNOWN)
    assert found.steps_hours.likely * 3600 * found.tokens_per_second.likely == pytest.approx(
        training_tokens(work)
    )
    assert sum(part.hours.likely for part in found.parts) == pytest.approx(found.job_hours.likely)
    assert (
        found.tokens_per_second.low < found.tokens_per_second.likely < found.tokens_per_second.high
    )


@settings(max_examples=40, deadline=None)
@given(
    NAMES,
    st.sampled_from(["ddp", "zero1", "zero2", "zero3", "fsdp"]),
    st.sampled_from([2, 4, 8]),
    st.sampled_from([2048, 4096, 8192]),
)
def test_linked_gpus_lose_no_more_than_their_strategy_says(method, strategy, gpus, length):
    one = work_of(method, sequence_length=length, examples=4096)
    several = work_of(method, sequence_length=length, examples=4096, gpus=gpus, strategy=strategy)
    allowed = 1.0 + lost_share(several.plan, KNOWN) + 1e-9
    assert seconds(several) <= seconds(one) / gpus * allowed


@settings(max_examples=30, deadline=None)
@given(NAMES, st.sampled_from(["a100-80gb", "h100", "rtx-4090", "l4"]), SIZES)
def test_a_longer_path_never_makes_a_step_shorter(method, name, batch):
    gpu = query.find_gpu(name)
    plain = parts(work_of(method, micro_batch_size=batch, gradient_checkpointing=False), gpu).total
    assert parts(work_of(method, micro_batch_size=batch), gpu).total > plain
    longer = work_of(method, micro_batch_size=batch + 1, gradient_checkpointing=False)
    assert parts(longer, gpu).total > plain


def test_layers_split_over_gpus_take_turns():
    split = work_of(gpus=4, strategy="layer_split")
    assert seconds(split) == pytest.approx(seconds(work_of()))


def test_sharding_is_hidden_behind_long_micro_batches_and_not_behind_short_ones():
    """Threshold over PCIe 4 on an RTX 4090: some thousand tokens; published rule 6 P U / (B (k + r))."""
    wishes = {"gpus": 2, "strategy": "fsdp", "micro_batch_size": 1}
    assert parts(work_of("full", sequence_length=512, **wishes), RTX).exchange > 0
    assert parts(work_of("full", sequence_length=8192, **wishes), RTX).exchange == 0
    assert parts(work_of("full", sequence_length=2048, **wishes), A100).exchange == 0


def test_offloading_costs_time():
    plain, offloaded = work_of("full"), work_of("full", offload="weights")
    assert parts(offloaded).offload > parts(plain).offload == 0


def test_weights_in_main_memory_are_as_fast_as_their_link_at_most():
    """Twice 16 GB over PCIe 5 (63 GB/s) take half a second for each micro-batch of 2,048 tokens."""
    work = work_of("lora", offload="weights", micro_batch_size=1)
    carried = 2048 / (2 * 2 * EIGHT.parameters / 63e9)
    speed = tokens_per_second(work, H100, KNOWN)
    assert speed.likely < 0.8 * carried
    assert speed.high <= carried
    plain = tokens_per_second(work_of("lora", micro_batch_size=1), H100, KNOWN)
    assert speed.likely < plain.likely


def test_a_long_micro_batch_hides_most_of_the_transfers():
    wishes = {"micro_batch_size": 1, "sequence_length": 20_000}
    plain = tokens_per_second(work_of("lora", **wishes), H100, KNOWN)
    away = tokens_per_second(work_of("lora", offload="weights", **wishes), H100, KNOWN)
    assert 0.85 * plain.likely < away.likely < plain.likely


@given(
    gpu=st.sampled_from([card for card in query.gpus() if not card.is_cpu]),
    method=st.sampled_from(sorted(METHODS)),
    offload=st.sampled_from(["none", "optimizer", "weights", "activations"]),
    shape=st.sampled_from([("single", 1), ("zero3", 4), ("fsdp", 2), ("ddp", 8)]),
    batch=st.integers(1, 32),
    length=st.sampled_from([64, 512, 2048, 16_384]),
)
@settings(deadline=None)
def test_no_plan_is_faster_than_its_card_and_its_links(gpu, method, offload, shape, batch, length):
    strategy, gpus = shape
    wishes = {"micro_batch_size": batch, "sequence_length": length, "strategy": strategy}
    work = work_of(method, offload=offload, gpus=gpus, **wishes)
    speed = tokens_per_second(work, gpu, KNOWN)
    if speed is None:
        return
    peak = max(gpu.bf16_tflops or 0.0, gpu.fp16_tflops or 0.0) * 1e12
    assert speed.high * product_work(work) <= 1.001 * peak * gpus
    if offload == "weights":
        shards = gpus if strategy in {"zero3", "fsdp"} else 1
        link = gpu.pcie_gb_per_second or KNOWN.pcie_gb_per_second.interval.likely
        batches = speed.high / gpus / batch_of(work).useful
        assert batches * 2 * work.footprint.base_weight_bytes / shards <= 1.001 * link * 1e9
    if strategy in {"zero3", "fsdp"} and gpu.link_gb_per_second:
        batches = speed.high / gpus / batch_of(work).useful
        gathered = 2 * work.footprint.base_weight_bytes * (gpus - 1) / gpus
        assert batches * gathered <= 1.001 * gpu.link_gb_per_second * 1e9


def test_unpacking_weighs_on_short_micro_batches_and_fades_on_long_ones():
    def ratio(length):
        wishes = {"micro_batch_size": 1, "sequence_length": length}
        return parts(work_of("qlora", **wishes)).total / parts(work_of("lora", **wishes)).total

    assert ratio(512) > 1.4
    assert ratio(16384) < 1.1
    assert ratio(512) > ratio(2048) > ratio(16384)


def test_short_micro_batches_wait_for_the_host():
    tiny = parts(work_of(model=SMALL, micro_batch_size=1, sequence_length=64))
    assert tiny.small_batch > 0.8 * tiny.total
    large = parts(work_of(micro_batch_size=16))
    assert large.small_batch < 0.1 * large.total


def test_packing_saves_what_padding_wastes():
    wishes = {"mean_sequence_length": 200, "tokens": 10**6, "micro_batch_size": 8}
    padded, packed = work_of(**wishes), work_of(packing=True, **wishes)
    assert padding_share(padded.plan) == pytest.approx(1 - 1 / sum(1 / i for i in range(1, 9)))
    assert padding_share(packed.plan) == 0
    assert seconds(packed) < seconds(padded) * (1 - padding_share(padded.plan)) * 1.1
    stated = work_of(padding_share=0.25, **wishes)
    assert batch_of(stated).useful == pytest.approx(0.75 * batch_of(stated).tokens)


def test_eight_bits_are_faster_and_experts_slower_than_their_active_part():
    assert seconds(work_of(matmul_bits=8)) < seconds(work_of())
    experts = EIGHT.model_copy(update={"parameters": 8 * EIGHT.parameters})
    experts = experts.model_copy(update={"active_parameters": EIGHT.parameters})
    assert seconds(work_of("full", model=experts)) > seconds(work_of("full"))


def test_stock_software_waits_for_every_expert():
    """Published: a model of 128 experts trains 3.7 times as fast with fused experts."""
    mixture = query.find_model("qwen3-30b-a3b")
    stock, vendor = (
        parts(work_of("full", model=mixture, stack=stack, micro_batch_size=1), H100)
        for stack in ("stock", "vendor")
    )
    assert stock.total > 1.7 * vendor.total
    assert stock.small_batch > 0.5 * stock.total


def test_no_product_is_faster_than_the_card_was_seen_to_be():
    work = work_of(stack="tuned")
    bounded = A100.model_copy(update={"achievable_share": 0.3})
    assert product_share(setting(work, bounded, KNOWN)) == 0.3
    for gpu in query.gpus():
        at = setting(work, gpu, KNOWN)
        assert at is None or product_share(at) <= (gpu.achievable_share or 1.0)


def test_every_card_with_a_rate_has_a_class_and_every_stack_too():
    classes = {gpu.id: gpu_class(KNOWN, gpu).id for gpu in query.gpus()}
    assert "other" not in set(classes.values())
    assert classes["a100-40gb"] == "ampere-server"
    assert classes["rtx-a6000"] == classes["rtx-4090"] == "graphics"
    assert classes["l40s"] == "ada-server"
    assert classes["l4"] == classes["t4"] == "power-limited"
    assert classes["h200"] == classes["gh200-96gb"] == "hopper"
    assert classes["rtx-5090"] == "blackwell-graphics"
    assert classes["b300"] == classes["gb200"] == "blackwell-server"
    assert stack_class(KNOWN, "torchtitan").id == "tuned"
    assert stack_class(KNOWN, "a stack nobody knows").id == "stock"


def test_a_card_of_this_machine_is_in_the_class_of_its_twin():
    machine = MachineFacts(gpu="NVIDIA L4", gpus=1, gpu_memory_gib=22.0)
    own = query.local_gpu(machine)
    assert gpu_class(KNOWN, own).id == "power-limited"
    assert timing(work_of(), own, KNOWN).steps_hours.likely == pytest.approx(
        timing(work_of(), query.find_gpu("l4"), KNOWN).steps_hours.likely
    )
    assert query.local_gpu(MachineFacts(gpu="Abacus 9", gpus=1, gpu_memory_gib=8.0)).twin is None


def test_less_evidence_means_a_wider_interval():
    def width(gpu, stack):
        found = tokens_per_second(work_of(stack=stack, micro_batch_size=16), gpu, KNOWN)
        return found.high / found.low

    old = query.find_gpu("v100-32gb")
    assert place_of(KNOWN, "tuned", A100).evidence == "several"
    assert place_of(KNOWN, "stock", H100).evidence == "one"
    assert place_of(KNOWN, "stock", old).evidence == "none"
    assert width(A100, "tuned") < width(H100, "stock") < width(old, "stock")


def test_unknown_rates_and_processors_have_no_time():
    nothing = {"bf16_tflops": None, "fp16_tflops": None}
    assert timing(work_of(), A100.model_copy(update=nothing), KNOWN) is None
    assert timing(work_of(), A100.model_copy(update={"is_cpu": True}), KNOWN) is None
    assert timing(work_of(examples=None), A100, KNOWN) is None
    assert seconds(work_of(), A100.model_copy(update={"bandwidth_gb_per_second": None})) > 0


def test_what_a_job_does_beside_steps():
    rented = {part.name for part in timing(work_of("qlora"), H100, KNOWN).parts}
    own = {part.name for part in timing(work_of("qlora"), LOCAL, KNOWN).parts}
    assert rented - own == {"provisioning", "environment", "download"}
    evaluated = timing(work_of("qlora", evaluation_batch_size=4, stack="tuned"), H100, KNOWN)
    assert {part.name for part in evaluated.parts} - rented == {"evaluation", "compilation"}
    assert all(part.provenance.source and part.formula for part in evaluated.parts)
    spoken = timing(work_of("qlora", evaluation_batch_size=4, generated_tokens=64), H100, KNOWN)
    share = {part.name: part.hours.likely for part in spoken.parts}
    assert share["evaluation"] > {p.name: p.hours.likely for p in evaluated.parts}["evaluation"]


def test_objectives_that_generate_read_all_weights_for_every_token():
    cache = ExtraTerm(
        name="cache",
        bytes=Interval(low=0, likely=0, high=0),
        formula="",
        provenance=Provenance(kind="assumed"),
        phases=("generation",),
    )
    plain = work_of("full", generated_tokens=256)
    generating = replace(plain, objective=ObjectiveFootprint(extra_terms=(cache,)))
    assert parts(plain).generation == 0
    expected = 256 * 2 * EIGHT.parameters / 2.039e12 / KNOWN.decode_share.interval.likely
    assert parts(generating).generation == pytest.approx(expected, rel=0.05)


def test_energy_is_power_times_time_and_the_place_decides_the_carbon():
    spent = timing(work_of(), H100, KNOWN)
    found = energy(spent, H100, 1, KNOWN.power, "us-east-1")
    power = KNOWN.power
    expected = (
        spent.steps_hours.likely * 700 * power.load.interval.likely
        + spent.job_hours.likely * power.server_host_watt.interval.likely
    )
    expected *= power.cloud_overhead.interval.likely / 1000
    assert found.kwh.likely == pytest.approx(expected)
    assert found.co2_kg.likely == pytest.approx(expected * 0.368, rel=0.01)
    assert energy(spent, H100, 2, KNOWN.power).kwh.likely == pytest.approx(2 * expected)
    assert grid_of(power, "nowhere")[1].interval.likely == 475
    assert energy(spent, H100.model_copy(update={"power_watt": None}), 1, power) is None
    assert energy(None, H100, 1, power) is None


def test_own_machines_have_no_data_centre_around_them():
    rented = energy(timing(work_of(), H100, KNOWN), H100, 1, KNOWN.power)
    own = energy(timing(work_of(), LOCAL, KNOWN), LOCAL, 1, KNOWN.power)
    assert own.kwh.likely < rented.kwh.likely


def test_a_time_takes_microseconds():
    work = work_of()
    started = time.process_time()
    for _ in range(500):
        timing(work, H100, KNOWN)
    assert (time.process_time() - started) / 500 < 0.0005
