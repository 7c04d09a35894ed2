"""Two real steps that leave no trace, and a plan that shrinks until it fits."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import (
    NonFiniteLossError,
    NothingToLearnError,
    OutOfMemoryError,
    PlanError,
    TrainingError,
)
from advisor.schema.base import Interval
from advisor.schema.evaluation import Sample
from tests.fixtures.training import training_plan, training_samples
from tests.trainers.bench import bench_for, looked
from trainers.engines.trl.quiet import quiet

pytestmark = pytest.mark.ml


def slow(*values: Any) -> Any:
    """A further case, for the full counts."""
    return pytest.param(*values, marks=pytest.mark.slow)


ANSWERS = tuple(
    Sample(id=f"l{i}", input=f"Write {i} words", target="word " * 8 * (i + 1)) for i in range(6)
)


def states() -> tuple[Any, ...]:
    import numpy as np
    import torch

    numpy = np.random.get_state()  # noqa: NPY002 - what libraries draw from
    return random.getstate(), numpy[1].tolist(), numpy[2], torch.get_rng_state().tolist()


def weights(model: Any) -> dict[str, Any]:
    return {name: p.detach().clone() for name, p in model.state_dict().items()}


def unchanged(model: Any, before: dict[str, Any]) -> bool:
    import torch

    now = model.state_dict()
    return now.keys() == before.keys() and all(torch.equal(now[k], before[k]) for k in now)


@pytest.mark.parametrize("method", ["full", slow("lora"), "qlora"])
def test_the_steps_leave_no_trace(tiny_llama: str, tmp_path: Path, method: str):
    bench = bench_for(tiny_llama, tmp_path, method, gradient_accumulation_steps=3)
    before, drawn = weights(bench.model), states()
    trained = {name: p.requires_grad for name, p in bench.model.named_parameters()}
    seen = looked(bench)
    assert unchanged(bench.model, before)
    assert states() == drawn
    assert {name: p.requires_grad for name, p in bench.model.named_parameters()} == trained
    assert all(p.grad is None for p in bench.model.parameters())
    assert "forward" not in vars(bench.model)
    assert [file for file in bench.folder.rglob("*") if file.is_file()] == []
    assert 0 < seen.probed_seconds_per_step < 60
    assert 0.1 < seen.probed_memory_gib < 16


@pytest.mark.parametrize(
    "optimizer",
    [
        "adamw_torch_fused",
        "adamw_8bit",
        *map(slow, ("adamw_torch", "lion_8bit", "adafactor", "sgd")),
    ],
)
def test_no_optimizer_moves_a_weight(
    tiny_llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str
):
    from trainers.engines.trl import _traceless

    monkeypatch.setattr(_traceless, "COPIED_BYTES", 0)  # nothing could be put back
    bench = bench_for(tiny_llama, tmp_path, "full", optimizer=optimizer, weight_decay=0.1)
    before = weights(bench.model)
    assert probed(bench).state_bytes > 0 or optimizer == "sgd"
    assert unchanged(bench.model, before)


def test_weights_that_an_optimizer_moved_are_put_back(tiny_llama: str, tmp_path: Path):
    import torch

    bench = bench_for(tiny_llama, tmp_path)

    def build(*made_of: Any) -> Any:
        trainer = bench.build(*made_of)
        step = trainer.training_step

        def moving(*inputs: Any) -> Any:
            with torch.no_grad():
                next(p for p in bench.model.parameters() if p.requires_grad).add_(1.0)
            return step(*inputs)

        trainer.training_step = moving
        return trainer

    before = weights(bench.model)
    looked(dataclasses.replace(bench, build=build))
    assert unchanged(bench.model, before)


def probed(bench: Any) -> Any:
    from trainers.engines.trl._longest import take_steps

    with quiet():
        return take_steps(bench, bench.job.plan)


def test_a_run_after_the_look_is_the_run_without_it(tiny_llama: str, tmp_path: Path):
    def losses(*, with_look: bool) -> list[float]:
        bench = bench_for(tiny_llama, tmp_path, epochs=0.7)
        if with_look:
            looked(bench)
        with quiet():
            trainer = bench.build(bench.job.plan, bench.course.dataset, tmp_path / "run")
            trainer.train()
        return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]

    assert losses(with_look=True) == losses(with_look=False)


def test_the_probe_takes_the_longest_rows(tiny_llama: str, tmp_path: Path):
    bench = bench_for(
        tiny_llama,
        tmp_path,
        train_samples=(*ANSWERS[:3], *training_samples(9)),
        sequence_length=256,
        micro_batch_size=2,
        gradient_accumulation_steps=5,
    )
    shapes = []

    def build(*made_of: Any) -> Any:
        trainer = bench.build(*made_of)
        step = trainer.training_step

        def noting(model: Any, inputs: Any, *rest: Any) -> Any:
            shapes.append(tuple(inputs["input_ids"].shape))
            return step(model, inputs, *rest)

        trainer.training_step = noting
        return trainer

    probed(dataclasses.replace(bench, build=build))
    assert shapes == [(2, max(bench.course.lengths))] * 4  # two steps of two micro-batches


@pytest.mark.parametrize(
    ("micro", "accumulation", "sizes"),
    [(8, 1, [4, 2, 1]), (6, 2, [3, 1]), (5, 3, [1]), (1, 4, []), (12, 5, [6, 3, 1])],
)
def test_each_smaller_micro_batch_keeps_the_effective_batch(
    micro: int, accumulation: int, sizes: list[int]
):
    from trainers.engines.trl._shrink import next_smaller

    plan = training_plan("m", micro_batch_size=micro, gradient_accumulation_steps=accumulation)
    found = []
    while (plan := next_smaller(plan)) is not None:
        found.append(plan.micro_batch_size)
        assert plan.micro_batch_size * plan.gradient_accumulation_steps == micro * accumulation
    assert found == sizes


def short_unless(bench: Any, fits: Callable[[Any], bool], error: Exception | None = None) -> Any:
    """A bench whose steps run out of memory as the libraries do, unless the plan fits."""

    def build(plan: Any, dataset: Any, folder: Path) -> Any:
        trainer = bench.build(plan, dataset, folder)

        def out_of_memory(*_: Any) -> Any:
            raise error or MemoryError

        if not fits(plan):
            trainer.training_step = out_of_memory
        return trainer

    return dataclasses.replace(bench, build=build)


@pytest.mark.parametrize(
    "error",
    [
        slow(MemoryError()),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        slow(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")),
    ],
)
def test_where_memory_runs_out_the_micro_batch_shrinks(
    tiny_llama: str, tmp_path: Path, error: Exception
):
    from trainers.engines.trl._preflight import look

    made = bench_for(tiny_llama, tmp_path, micro_batch_size=8, gradient_accumulation_steps=3)
    bench = short_unless(made, lambda plan: plan.micro_batch_size <= 2, error)
    with quiet():
        plan, seen = look(bench)
    assert (plan.micro_batch_size, plan.gradient_accumulation_steps) == (2, 12)
    assert [(c.field, c.planned, c.used) for c in seen.changes] == [
        ("micro_batch_size", 8, 2),
        ("gradient_accumulation_steps", 3, 12),
    ]
    assert seen.changes[0].why == "memory ran out in a step of 4 rows at a time"
    told = [event.message for event in bench.tools.of("note")]
    assert "micro_batch_size 8 -> 2: memory ran out in a step of 4 rows at a time." in told


def test_noise_on_the_embeddings_ends_with_a_step_that_was_given_up(
    tiny_llama: str, tmp_path: Path
):
    made = bench_for(tiny_llama, tmp_path, neftune_alpha=5.0, micro_batch_size=2)
    looked(short_unless(made, lambda plan: plan.micro_batch_size < 2))
    hooks = made.model.get_input_embeddings()._forward_hooks.values()
    assert [hook for hook in hooks if "neftune" in hook.__module__] == []


def test_a_size_that_the_library_refuses_is_passed_over(tiny_llama: str, tmp_path: Path):
    from trainers.engines.trl._shrink import fitted

    made = bench_for(tiny_llama, tmp_path, micro_batch_size=4)
    short = short_unless(made, lambda plan: plan.micro_batch_size < 3)

    def build(plan: Any, *rest: Any) -> Any:
        if plan.micro_batch_size == 2:
            raise PlanError("not two")
        return short.build(plan, *rest)

    with quiet():
        assert fitted(dataclasses.replace(short, build=build)).plan.micro_batch_size == 1


@pytest.mark.slow
def test_measured_memory_above_the_usable_shrinks_the_micro_batch(tiny_llama: str, tmp_path: Path):
    from trainers.engines.trl._preflight import look

    long = tuple(s.model_copy(update={"target": "x" * 180}) for s in training_samples(32))
    changes = {"train_samples": long, "micro_batch_size": 32, "sequence_length": 256}
    bench = bench_for(tiny_llama, tmp_path, "full", **changes)
    whole = probed(bench)
    room = whole.before_gib + 0.6 * (whole.peak_gib - whole.before_gib)
    job = bench.job.model_copy(update={"usable_memory_gib": room})
    with quiet():
        plan, seen = look(dataclasses.replace(bench, job=job))
    assert plan.micro_batch_size < 32
    assert plan.micro_batch_size * plan.gradient_accumulation_steps == 32
    assert seen.probed_memory_gib <= room
    assert "usable" in seen.changes[0].why


def test_a_step_is_given_up_before_the_system_ends_the_process(tiny_llama: str, tmp_path: Path):
    from trainers.engines.trl._shrink import shortage

    bench = bench_for(tiny_llama, tmp_path)
    held: list[Any] = []

    def growing(*_: Any) -> None:
        import torch

        held.append(torch.ones(32 << 20))

    bench.model.get_input_embeddings().register_forward_hook(growing)
    before = probed(bench).before_gib
    held.clear()
    job = bench.job.model_copy(update={"usable_memory_gib": before + 0.15})
    probe = probed(dataclasses.replace(bench, job=job))
    assert len(held) == 2  # of four micro-batches
    assert probe.peak_gib is None
    assert "4 rows at a time (" in shortage(probe, before + 0.15, bench.job.plan)


def test_one_row_at_a_time_that_is_too_much_stops_with_the_nearest_plan(
    tiny_llama: str, tmp_path: Path
):
    made = bench_for(tiny_llama, tmp_path, micro_batch_size=2)
    with pytest.raises(OutOfMemoryError, match="even with micro_batch_size 1") as caught:
        looked(short_unless(made, lambda plan: plan.gradient_checkpointing))
    assert "The nearest plan that fits: gradient_checkpointing (took" in caught.value.hint


def test_the_nearest_plan_may_be_a_shorter_sequence(tiny_llama: str, tmp_path: Path):
    made = bench_for(
        tiny_llama, tmp_path, train_samples=ANSWERS[3:5], micro_batch_size=1, sequence_length=256
    )
    with pytest.raises(OutOfMemoryError) as caught:
        looked(short_unless(made, lambda plan: plan.sequence_length < 128))
    assert "gradient_checkpointing and sequence_length 114 (took" in caught.value.hint


def test_where_nothing_nearby_fits_that_is_told(tiny_llama: str, tmp_path: Path):
    made = bench_for(tiny_llama, tmp_path, micro_batch_size=1)
    with pytest.raises(OutOfMemoryError, match="micro_batch_size 1") as caught:
        looked(short_unless(made, lambda _: False))
    assert "a machine with more memory" in caught.value.hint


def test_a_model_that_does_not_fit_by_itself_is_told_at_once(tiny_llama: str, tmp_path: Path):
    bench = bench_for(tiny_llama, tmp_path)
    job = bench.job.model_copy(update={"usable_memory_gib": 0.01})
    with pytest.raises(OutOfMemoryError, match=r"alone take \d+\.\d+ GiB .* 0\.01 GiB are usable"):
        looked(dataclasses.replace(bench, job=job))


def test_what_four_bits_would_save_is_told_with_figures(tiny_llama: str):
    import torch

    from trainers.engines.trl._shrink import _quantised

    class Wide(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4096, 4096, bias=False)

    saved = _quantised(Wide(), training_plan("m"), 2.0)
    assert saved == "With qlora the base would take about 0.0544 GiB less: about 1.95 GiB in all."
    assert _quantised(Wide(), training_plan("m", "qlora"), 2.0) == ""


@pytest.mark.parametrize(
    ("low", "high", "words"), [(50.0, 60.0, "least 50"), (0.001, 0.002, "most 0.002")]
)
def test_memory_outside_the_estimate_is_told(
    tiny_llama: str, tmp_path: Path, low: float, high: float, words: str
):
    bench = bench_for(tiny_llama, tmp_path)
    estimate = Interval(low=low, likely=low, high=high)
    update = {"estimated_memory_gib": estimate, "usable_memory_gib": 100.0}
    job = bench.job.model_copy(update=update)
    seen = looked(dataclasses.replace(bench, job=job))
    [note] = [note for note in seen.notes if note.startswith("Memory: two steps on the longest")]
    told = f"the estimate said at {words} GiB. Training goes on: 100 GiB are usable."
    assert note.endswith(told)
    assert seen.estimated_memory_gib == estimate


def test_a_run_that_outlasts_its_limit_is_told(tiny_llama: str, tmp_path: Path):
    bench = bench_for(tiny_llama, tmp_path, epochs=1000)
    seen = looked(dataclasses.replace(bench, max_hours=1e-4))
    assert [note for note in seen.notes if "the limit of 0.0001 hours will end" in note]


def test_a_loss_that_is_no_number_before_anything_was_learnt(tiny_llama: str, tmp_path: Path):
    import torch

    bench = bench_for(tiny_llama, tmp_path, "full")
    with torch.no_grad():
        bench.model.model.norm.weight.fill_(3e38)
    with pytest.raises(NonFiniteLossError, match="on the longest batch, before anything") as caught:
        looked(bench)
    assert "not the learning rate" in caught.value.hint


def test_a_model_that_trains_nothing_is_told(tiny_llama: str, tmp_path: Path):
    import torch

    from trainers.engines.trl._longest import check_gradients

    layer = torch.nn.Linear(2, 2)
    with pytest.raises(TrainingError, match="No gradient reaches any of the 2 trained tensors"):
        check_gradients(layer, may_be_still=False)
    (layer(torch.ones(1, 2)).sum() * 0).backward()
    check_gradients(layer, may_be_still=True)
    with pytest.raises(NothingToLearnError, match="all 2 trained tensors is zero"):
        check_gradients(layer, may_be_still=False)
    layer.requires_grad_(requires_grad=False)
    with pytest.raises(TrainingError, match="Nothing would be trained"):
        check_gradients(layer, may_be_still=True)


WORTH = """
def letters(prompt, completion, target):
    return float(len(completion))
"""


@pytest.mark.parametrize("algorithm", ["grpo", slow("rloo")])
def test_an_objective_that_draws_its_answers_is_looked_at(
    tiny_llama: str, tmp_path: Path, algorithm: str
):
    (tmp_path / "worth.py").write_text(WORTH)
    options = {"reward": f"{tmp_path / 'worth.py'}:letters", "algorithm": algorithm}
    bench = bench_for(
        tiny_llama,
        tmp_path,
        objective="grpo",
        method_options=options | {"num_generations": 4},
        generated_tokens=5,
        gradient_accumulation_steps=2,
    )
    before, drawn = weights(bench.model), states()
    seen = looked(bench)
    assert unchanged(bench.model, before)
    assert states() == drawn
    assert seen.probed_seconds_per_step > 0
    assert not [note for note in seen.notes if " of 24 " in note]


PAIRED = tuple(s.model_copy(update={"rejected": "No idea."}) for s in training_samples(8))
MARKED = tuple(
    s.model_copy(update={"is_good": i % 2 == 0}) for i, s in enumerate(training_samples(8))
)


@pytest.mark.parametrize(
    ("objective", "samples"),
    [("dpo", PAIRED), slow("orpo", PAIRED), slow("kto", MARKED), ("reward", PAIRED)],
)
def test_every_objective_is_looked_at(
    tiny_llama: str, tmp_path: Path, objective: str, samples: tuple
):
    changes = {"objective": objective, "train_samples": samples, "micro_batch_size": 2}
    bench = bench_for(tiny_llama, tmp_path, gradient_accumulation_steps=2, **changes)
    before = weights(bench.model)
    seen = looked(bench)
    assert unchanged(bench.model, before)
    assert seen.probed_seconds_per_step > 0
    assert seen.rows == 8
    assert not [note for note in seen.notes if " of 8 " in note or " of 16 " in note]
