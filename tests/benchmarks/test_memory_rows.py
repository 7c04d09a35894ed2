import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.memory import table
from benchmarks.memory.cells import gpu_gib, number, tier_of
from benchmarks.memory.contestant import answer
from benchmarks.memory.normalize import find_config, normalize
from benchmarks.memory.rows import described, predict, without_stack
from benchmarks.memory.words import HIDDEN

ROOT = Path(__file__).resolve().parents[2]


def payload(row, configs):
    shown = {key: value for key, value in row.items() if key not in HIDDEN}
    run = normalize(row, configs)
    return shown | {"config": find_config(row["model"], configs), "normalized": run}


def test_a_row_is_described_in_the_words_of_the_harness(runs):
    run = normalize(runs.FITCHECK, runs.CONFIGS)
    assert (run["method"], run["quant"], run["weights"], run["attn"]) == (
        "lora",
        "none",
        "fp16",
        "flash",
    )
    assert (run["seq"], run["seq_kind"], run["mb"], run["gc"]) == (2048, "exact", 1, True)
    assert run["targets"] == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert run["assumed"] == []
    assert run["arch"]["params"] == 1543714304


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"weights_dtype": "nf4 (double quant)", "method": "qlora"}, "quant", "nf4-dq"),
        ({"weights_dtype": "int4-gptq", "method": "qlora-gptq"}, "quant", "int4"),
        ({"weights_dtype": "", "method": "qlora"}, "quant", "nf4"),
        ({"optimizer": "paged_adamw_8bit"}, "optimizer", "paged_adamw_8bit"),
        ({"optimizer": "unknown"}, "assumed", ["optimizer"]),
        ({"seq_len": "<= 1304 (longest Alpaca example)"}, "seq_kind", "longest"),
        ({"seq_len": "max 2048"}, "seq_kind", "cap"),
        ({"parallelism": "zero3x4 + offload", "num_gpus": "4"}, "parallel", "zero3"),
        ({"notes": "framework_config=foak-fast-kernels-liger; x"}, "fused_kind", "chunked"),
        ({"target_modules": "all-linear"}, "scope", "all"),
        ({"target_modules": "W_pack"}, "targets", ["k_proj", "q_proj", "v_proj"]),
    ],
)
def test_words_of_tables_are_understood(runs, change, field, expected):
    assert normalize(runs.FITCHECK | change, runs.CONFIGS)[field] == expected


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seq_len": "unknown"}, "row has no seq_len"),
        ({"model": "nobody/knows"}, "no config for model 'nobody/knows'"),
        ({"method": "lora-dpo"}, "method 'lora-dpo' is not supervised fine-tuning"),
        ({"method": "adapter"}, "method 'adapter' not an adapter or full fine-tune"),
    ],
)
def test_what_cannot_be_described_says_why(runs, change, reason):
    with pytest.raises(ValueError, match=reason.replace("(", r"\(")):
        normalize(runs.FITCHECK | change, runs.CONFIGS)


def test_numbers_cards_and_tiers():
    assert [number(x) for x in ("1,024", "~8055", "unknown", "", "2e3", None)] == [
        1024,
        8055,
        None,
        None,
        2000,
        None,
    ]
    assert gpu_gib("A100-80GB") == (80.0, True)
    assert gpu_gib("something") == (24.0, False)
    assert [tier_of(x) for x in ("allocated", "max reserved", "nvidia-smi", "")] == [
        "allocated",
        "reserved",
        "device",
        "unknown",
    ]


def test_descriptions_equal_those_of_the_peer_harness(evidence, harness):
    spec = importlib.util.spec_from_file_location("peer_normalize", harness / "normalize.py")
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    configs = table.configs([evidence / "configs.csv"])
    compared = 0
    for name in ("measured.csv", "oom_events.csv"):
        for row in table.read(evidence / name):
            try:
                expected = theirs.normalize(row, configs)
            except ValueError as error:
                with pytest.raises(ValueError, match=re.escape(str(error))):
                    normalize(row, configs)
                continue
            expected.pop("quality")
            found = normalize(row, configs)
            assert sorted(found.pop("assumed")) == sorted(expected.pop("assumed"))
            assert found == expected
            compared += 1
    assert compared > 500


@pytest.mark.parametrize("index", range(4))
def test_published_runs_are_estimated_within_a_tenth(runs, index):
    row = runs.ROWS[index]
    _, case = described(row, runs.CONFIGS)
    assert predict(case).likely == pytest.approx(float(row["peak_gib"]), rel=0.1)


@pytest.mark.parametrize("index", range(4))
def test_the_contestant_sees_less_and_answers_the_same(runs, index):
    row = runs.ROWS[index]
    _, case = described(row, runs.CONFIGS)
    expected, found = predict(case), answer(payload(row, runs.CONFIGS))
    assert found["peak_gib"] == pytest.approx(expected.likely, abs=1e-3)
    assert found["low_gib"] <= found["peak_gib"] <= found["high_gib"]
    assert found["high_gib"] == pytest.approx(expected.high, abs=1e-3)


def test_the_contestant_answers_line_by_line_and_declines_with_a_reason(runs):
    good = payload(runs.FITCHECK, runs.CONFIGS)
    bad = good | {"normalized": good["normalized"] | {"quant": "other"}, "weights_dtype": "2-bit"}
    lines = "\n".join(json.dumps(x) for x in (good, bad, {})) + "\n"
    script = ROOT / "benchmarks" / "memory" / "contestant.py"
    done = subprocess.run(
        [sys.executable, script], input=lines, capture_output=True, text=True, check=True
    )
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    assert set(first) == {"peak_gib", "low_gib", "high_gib"}
    assert second == {"unsupported": "quantisation '2-bit'"}
    assert "lacks" in third["unsupported"]


@pytest.mark.parametrize(
    ("kind", "tier"), [("reserved", "reserved"), ("nvidia-smi", "device"), ("?", "unknown")]
)
def test_the_tier_asked_for_is_answered(runs, kind, tier):
    _, tensors = described(runs.FITCHECK, runs.CONFIGS)
    _, case = described(runs.FITCHECK | {"mem_kind": kind}, runs.CONFIGS)
    assert case.tier == tier
    assert predict(case).likely > predict(tensors).likely


def test_unknown_software_widens_the_interval(runs):
    _, case = described(runs.FMS_LORA, runs.CONFIGS)
    known, unknown = predict(case), predict(without_stack(case))
    assert unknown.high / unknown.likely > known.high / known.likely


def test_a_model_without_a_line_is_taken_from_the_catalog(runs):
    row = runs.FMS_LORA | {"model": "llama-3.1-8b"}
    run, case = described(row, {})
    assert (run["arch"]["layers"], case.card.parameters) == (32, 8030261248)
