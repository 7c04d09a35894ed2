"""Methods differ from each other as published runs on the same model did.

PEFT's method comparison (`memory-evidence`, peft-mmqa): Llama-3.2-3B in bfloat16 without
checkpointing, four samples of up to 768 tokens, largest reserved memory in GiB. A method that
trains next to nothing (tinylora) took 18.75; the longest batch is read off the LoRA row.
"""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.units import gib_from_bytes

BARE_GIB, LONGEST = 18.75, 724
RUNS = [
    ("lora", 20.76, {"rank": 32}, {}),
    ("lora", 21.00, {"rank": 64}, {}),
    ("vera", 20.14, {"rank": 256}, {}),
    ("ia3", 21.64, {"target_modules": "k_proj,v_proj,down_proj"}, {}),
    (
        "ia3",
        24.35,
        {"target_modules": "all-linear"},
        {"feed_forward": "gate_proj,up_proj,down_proj"},
    ),
    ("loha", 22.27, {"rank": 32}, {}),
    ("lokr", 21.97, {"rank": 32}, {"decompose_factor": 4}),
    ("boft", 23.00, {}, {}),
    ("prefix", 19.17, {}, {"virtual_tokens": 50}),
]
COUNTS = [
    ("lora", 9_175_040, {"rank": 32}, {}),
    ("vera", 129_024, {"rank": 256}, {}),
    ("ia3", 286_720, {"target_modules": "k_proj,v_proj,down_proj"}, {}),
    (
        "ia3",
        630_784,
        {"target_modules": "all-linear"},
        {"feed_forward": "gate_proj,up_proj,down_proj"},
    ),
    ("loha", 18_350_080, {"rank": 32}, {}),
    ("lokr", 2_294_656, {"rank": 32}, {"decompose_factor": 4}),
    ("boft", 802_816, {}, {}),
    ("prefix", 2_867_200, {}, {"virtual_tokens": 50}),
    ("prefix", 11_468_800, {}, {"virtual_tokens": 200}),
    ("prompt", 614_400, {}, {"virtual_tokens": 200}),
]
ABSENT = {"permutations", "weight norm", "rotation being built"}
"""Left on the CPU in those runs, or passing."""


def footprint(plan_of, method, wishes, options):
    plan = plan_of(
        method,
        micro_batch_size=4,
        sequence_length=LONGEST,
        method_options=options,
        **{"target_modules": "q_proj,v_proj", **wishes},
    )
    return registry.method(method).footprint(plan, query.find_model("meta-llama/Llama-3.2-3B"))


@pytest.mark.parametrize(("method", "measured", "wishes", "options"), RUNS)
def test_difference_to_a_bare_base(plan_of, method, measured, wishes, options):
    foot = footprint(plan_of, method, wishes, options)
    kept = sum(
        term.bytes.likely
        for term in foot.extra_terms
        if (not term.phases or "loss" in term.phases) and term.name not in ABSENT
    )
    told = BARE_GIB + gib_from_bytes(kept + foot.adapter_weight_bytes + foot.optimizer_bytes)
    assert told == pytest.approx(measured, rel=0.015)


@pytest.mark.parametrize(("method", "count", "wishes", "options"), COUNTS)
def test_published_counts(plan_of, method, count, wishes, options):
    assert footprint(plan_of, method, wishes, options).trainable_parameters == count


@pytest.mark.parametrize(("method", "count"), [("adapter", 33_689_600), ("llama_pro", 809_582_592)])
def test_counts_of_ms_swift_on_qwen_7b(plan_of, method, count):
    model = query.find_model("Qwen/Qwen-7B")
    foot = registry.method(method).footprint(plan_of(method), model)
    assert foot.trainable_parameters == count
