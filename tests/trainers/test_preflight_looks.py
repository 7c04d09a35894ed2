"""A look at the dev split is tried before training, and one process's shortage ends all."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from advisor import registry
from advisor.contracts import Applied
from advisor.errors import OutOfMemoryError, TrainingError
from tests.fixtures.training import RecordingTools, training_samples
from tests.trainers.bench import bench_for, looked
from trainers.engines.trl.quiet import quiet

pytestmark = pytest.mark.ml


def test_the_longest_dev_row_is_looked_at_beside_the_optimizers_states(
    tiny_llama: str, tmp_path: Path
):
    dev = training_samples(4)
    dev = (*dev, dev[0].model_copy(update={"target": "x" * 40}), *dev)
    bench = bench_for(tiny_llama, tmp_path, dev_samples=dev)
    seen: list[tuple[int, int]] = []
    trainers: list[Any] = []

    def build(*made_of: Any) -> Any:
        trainers.append(bench.build(*made_of))
        return trainers[-1]

    def noting(_model: Any, _args: Any, named: dict[str, Any]) -> None:
        if not bench.model.training and trainers[-1].optimizer is not None:
            seen.append((named["input_ids"].shape[1], len(trainers[-1].optimizer.state)))

    hook = bench.model.register_forward_pre_hook(noting, with_kwargs=True)
    looked(dataclasses.replace(bench, build=build))
    hook.remove()
    [(length, states)] = seen
    assert length > max(bench.course.lengths)
    assert states > 0


def test_a_look_that_does_not_fit_is_told_before_training(tiny_llama: str, tmp_path: Path):
    bench = bench_for(tiny_llama, tmp_path, micro_batch_size=1)

    def short(_trainer: Any) -> float:
        raise MemoryError

    course = dataclasses.replace(bench.course, longest_look=short)
    with pytest.raises(OutOfMemoryError, match="does not fit even with micro_batch_size 1"):
        looked(dataclasses.replace(bench, course=course))


def test_logits_are_lifted_in_pieces(
    tiny_llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import torch

    from trainers.engines.trl.objectives import _losses

    trainer = SimpleNamespace(
        model=bench_for(tiny_llama, tmp_path).model,
        accelerator=SimpleNamespace(autocast=torch.no_grad),
    )
    row = {"input_ids": list(range(5, 95)), "labels": [-100] * 20 + list(range(25, 95))}
    whole = _losses.mean_loss(trainer, [row])
    sizes, plain = [], torch.nn.functional.cross_entropy

    def noting(logits: Any, *rest: Any, **named: Any) -> Any:
        sizes.append(len(logits))
        return plain(logits, *rest, **named)

    monkeypatch.setattr(_losses, "PIECE", 32)
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", noting)
    assert _losses.mean_loss(trainer, [row]) == pytest.approx(whole, rel=1e-6)
    assert sizes == [32, 32, 6]


def test_shortage_in_one_of_several_processes_ends_it(tiny_llama: str, tmp_path: Path):
    from trainers.engines.trl._longest import take_steps

    bench = bench_for(tiny_llama, tmp_path)

    def build(*_: Any) -> Any:
        raise MemoryError

    several = bench.job.plan.model_copy(update={"gpus": 2, "strategy": "ddp"})
    with quiet(), pytest.raises(OutOfMemoryError, match="Memory ran out"):
        take_steps(dataclasses.replace(bench, build=build), several)


@pytest.mark.parametrize("lost", [[], [0]])
def test_the_process_that_knows_the_fault_is_heard(lost: list[int]):
    from trainers.engines.trl.together import _Conversation

    job = SimpleNamespace(plan=SimpleNamespace(gpus=2))
    processes = SimpleNamespace(log=Path("log"))
    conversation = _Conversation(job, RecordingTools(), processes, None)
    short = OutOfMemoryError("Memory ran out.", hint="Less.")
    conversation._errors = {0: TrainingError("A connection closed.", hint="-"), 1: short}
    conversation._lost = lost
    assert conversation._failure() is short


class Greedy:
    """LoRA on a model that has no memory left in the second process."""

    info = registry.method("lora").info

    def apply(self, model: Any, plan: Any) -> Applied:
        """As lora."""
        import os

        applied = registry.method("lora").apply(model, plan)

        def short(module: Any, *_: Any) -> None:
            if module.training and os.environ.get("RANK") == "1":
                raise MemoryError

        applied.model.register_forward_pre_hook(short)
        return applied


class GreedyTools(RecordingTools):
    def method(self, name: str) -> Any:
        return Greedy() if name == "lora" else super().method(name)


@pytest.mark.slow
def test_memory_that_runs_out_in_one_process_ends_both(
    tiny_llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
):
    from tests.trainers.test_together import train, workers

    monkeypatch.setenv("PYTHONPATH", str(root))
    with pytest.raises(OutOfMemoryError, match="Memory ran out"):
        train(tiny_llama, tmp_path / "out", tools=GreedyTools())
    assert workers() == []
