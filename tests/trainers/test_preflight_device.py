"""The device can do what the plan says, and the base was loaded as it says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import PlanError, TrainingError
from tests.fixtures.training import training_plan
from tests.trainers.bench import bench_for, looked

pytestmark = pytest.mark.ml
MORE = ("lora", "ia3", "prompt", "freeze")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose torch says that it has one old GPU; nothing is computed there."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Old Card")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)


def notes(**changes: Any) -> tuple[str, ...]:
    from trainers.engines.trl._device import device_notes

    return device_notes(training_plan("m", **changes))


def test_a_plan_for_a_gpu_that_is_not_here(
    tiny_llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    bench = bench_for(tiny_llama, tmp_path, gpu="a100-80gb")
    with pytest.raises(PlanError, match="'a100-80gb', and torch finds no GPU") as caught:
        looked(bench)
    assert "--gpu local" in caught.value.hint


@pytest.mark.usefixtures("card")
def test_bfloat16_on_a_card_that_cannot():
    with pytest.raises(PlanError, match="bfloat16, and Old Card cannot"):
        notes(precision="bfloat16")
    with pytest.raises(PlanError, match="bfloat16, and Old Card cannot"):
        notes(compute_precision="bfloat16")
    assert notes() == ()


@pytest.mark.usefixtures("card")
def test_more_gpus_than_there_are():
    with pytest.raises(PlanError, match="over 4 GPUs, and torch finds 1"):
        notes(gpus=4, strategy="ddp")
    assert notes(gpus=4, nodes=4, strategy="ddp") == ()


@pytest.mark.parametrize(
    ("cores", "threads", "words"),
    [(8, 1, "uses 1 of 8 cores"), (2, 16, "16 threads on 2 cores"), (4, 4, "")],
)
def test_cores_that_are_idle_or_crowded(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int, words: str
):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    found = notes()
    assert len(found) == bool(words)
    assert words in "".join(found)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_base_in_another_precision(tiny_llama: str, tmp_path: Path, method: str):
    bench = bench_for(tiny_llama, tmp_path, method, precision="bfloat16", base_bits=16)
    bench.model.float()
    with pytest.raises(TrainingError) as caught:
        looked(bench)
    assert "loaded in float32 (99,008 of its 99,008 numbers), and the plan" in caught.value.message
    assert "2 times the planned memory" in caught.value.message


@pytest.mark.parametrize(
    "method",
    [*("full", "qlora"), *(pytest.param(m, marks=pytest.mark.slow) for m in MORE)],
)
def test_a_base_in_the_plans_precision_passes(tiny_llama: str, method: str, tmp_path: Path):
    from trainers.engines.trl._device import check_precision

    more = {"base_bits": 4 if method == "qlora" else 16, "precision": "bfloat16"}
    bench = bench_for(tiny_llama, tmp_path, method, **more)
    check_precision(bench.job.plan, bench.model)


def test_a_base_that_was_not_quantised(tiny_llama: str, tmp_path: Path):
    bench = bench_for(tiny_llama, tmp_path)
    quantised = bench.job.plan.model_copy(update={"method": "qlora", "base_bits": 4})
    job = bench.job.model_copy(update={"plan": quantised})
    with pytest.raises(TrainingError, match="4 bits, and 0 of its 14 linear layers"):
        looked(dataclasses.replace(bench, job=job))
