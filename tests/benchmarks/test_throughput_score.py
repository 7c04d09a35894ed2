import csv
import json

import pytest

from advisor.catalog.throughput import throughput
from benchmarks.throughput import fit, rows, score
from benchmarks.throughput.crossing import left_out

COLUMNS = [
    "model",
    "params_b",
    "active_params_b",
    "method",
    "gpu",
    "num_gpus",
    "precision",
    "micro_batch",
    "seq_len",
    "grad_ckpt",
    "parallelism",
    "framework",
    "framework_class",
    "tokens_per_s_per_gpu",
    "use_in_stats",
    "source",
]
FOUNDRY = "mosaicml/llm-foundry scripts/train/benchmarking/README.md"
QWEN = "QwenLM/Qwen README.md"
FMS = "foundation-model-stack/fms-acceleration scripts/benchmarks"
PUBLISHED = f"""\
MPT-7b,6.658,,full,A100-40GB,16,bf16,16,2048,full,FSDP,llm-foundry,tuned_pytorch,3645,y,{FOUNDRY}
MPT-70b,64.862,,full,H100-SXM,128,bf16,8,2048,full,FSDP,llm-foundry,tuned_pytorch,1058,y,{FOUNDRY}
MPT-3b,2.651,,full,A100-80GB,8,bf16,20,1024,no,FSDP,llm-foundry,tuned_pytorch,11580,y,{FOUNDRY}
Qwen-7B,7.721,,lora,A100-80GB,1,bf16,1,8192,full,none,HF,stock_hf,3076,y,{QWEN}
Qwen-14B,14.167,,lora,A100-80GB,1,bf16,1,2048,full,none,HF,stock_hf,1950,y,{QWEN}
Qwen-1.8B,1.837,,lora,A100-80GB,1,bf16,1,256,full,none,HF,stock_hf,2048,n,{QWEN}
Qwen-72B,72.288,,qlora,A100-80GB,1,bf16,1,2048,full,none,HF (GPTQ),stock_hf,275,y,{QWEN}
Llama-3.2-3B,3.21,,lora,L40S,1,bf16,4,<=768 (mean ~210 tokens/sample),no,none,PEFT,stock_hf,7194,y,huggingface/peft
LLAMA3-8B,8.03,,full,H100-SXM,8,bf16,2,8192,no,FSDP,torchtitan,tuned_pytorch,6667,y,pytorch/torchtitan
"""
UNMAPPED = f"""\
Qwen-7B,7.721,,lora,Abacus 9,1,bf16,1,2048,full,none,HF,stock_hf,300,y,{QWEN}
Qwen-7B,7.721,,lora,A100-80GB,1,bf16,1,2048,full,none,HF,stock_hf,,y,{QWEN}
Qwen-7B,7.721,,hypnosis,A100-80GB,1,bf16,1,2048,full,none,HF,stock_hf,300,y,{QWEN}
Llama-3.2-3B,3.21,,full,DGX Spark GB10,1,bf16,8,2048,no,none,PyTorch,vendor,82739,n,NVIDIA blog
"""


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "throughput.csv"
    file.write_text(",".join(COLUMNS) + "\n" + PUBLISHED + UNMAPPED, encoding="utf-8")
    return file


def scored(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["score.py", *map(str, arguments)])
    assert score.main() == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_published_speeds_are_predicted(table, monkeypatch, capsys):
    found = scored(monkeypatch, capsys, "--rows", table, "--json")
    assert found["n"] == 8
    assert found["all_mapped"]["n"] == 9
    assert found["within_1_25"] >= 0.75
    assert found["within_1_5"] == 1.0
    assert 0.9 <= found["p50"] <= 1.1
    assert set(found["by_source"]) >= {"QwenLM/Qwen", "mosaicml/llm-foundry", "huggingface/peft"}


def test_rows_that_are_no_plan_are_counted_and_named(table, monkeypatch, capsys):
    found = scored(monkeypatch, capsys, "--rows", table, "--json")
    assert found["unmapped"] == {
        "GPU not in the catalog: Abacus 9": 1,
        "no tokens per second": 1,
        "method without a footprint: hypnosis": 1,
        "faster than the peak of the card": 1,
    }


def test_without_json_a_table_comes_first(table, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["score.py", "--rows", str(table)])
    assert score.main() == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("in sample")
    assert json.loads(last)["n"] == 8


def test_a_row_becomes_the_plan_it_describes():
    row = dict(zip(COLUMNS, next(csv.reader([PUBLISHED.splitlines()[0]])), strict=True))
    case = rows.case_of(row)
    [work] = case.works
    assert (work.plan.strategy, work.plan.gpus, work.plan.nodes) == ("fsdp", 16, 2)
    assert work.plan.stack == "tuned"
    assert work.model.layers == 32
    assert case.seconds == pytest.approx(16 * 2048 / 3645)
    open_row = rows.case_of(row | {"grad_ckpt": "not stated"})
    assert [w.plan.gradient_checkpointing for w in open_row.works] == [False, True]


def test_a_row_needs_no_more_than_what_is_computed_from():
    row = {
        "model": "some-3b",
        "params_b": "3",
        "method": "qlora",
        "gpu": "T4",
        "tokens_per_s_per_gpu": "500",
    }
    case = rows.case_of(row)
    assert case.source == "unknown"
    assert case.in_stats
    assert len(case.works) == 2


def test_the_fit_finds_its_way_back_to_constants_that_made_the_rows(table):
    cases, _ = rows.read_cases(table)
    base = throughput()
    truth = fit.prior_values() | {"share:tuned": 0.65, "share:stock": 0.8}
    made = fit.throughput_of(truth, base)
    exact = [
        rows.replace(case, seconds=float(fit.np.exp(fit.predicted_log(case, made))))
        for case in cases
    ]
    before = abs(fit.residuals(exact, fit.prior_values(), base)).max()
    found = fit.fit(exact, base, rounds=6)
    assert abs(fit.residuals(exact, found, base)).max() < 0.5 * before


def test_a_left_out_source_is_predicted_by_the_others_alone(table):
    cases, _ = rows.read_cases(table)
    base, start = throughput(), fit.prior_values()
    found = left_out(cases, base, start)
    assert len(found) == len(cases)
    [peft] = [row for row in found if row.case.source == "huggingface/peft"]
    others = [case for case in cases if case.source != "huggingface/peft"]
    own = [case for case in cases if case.source == "huggingface/peft"]
    values = fit.fit(others, base, start=start, rounds=4)
    assert peft.residual == pytest.approx(float(fit.residuals(own, values, base)[0]))
