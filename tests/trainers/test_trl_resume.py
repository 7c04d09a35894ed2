"""Killed and continued, training ends in the very numbers of an unbroken run."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from advisor import registry
from advisor.cli.errors import Interrupted
from advisor.cli.interrupt import interruptible
from advisor.errors import DivergedError
from advisor.schema.evaluation import Sample
from advisor.schema.train import TrainEvent, TrainResult
from tests.fixtures.training import training_plan
from tests.trainers.looking import Looking, looking_job, newest_complete
from trainers.engines.ledger import Ledger
from trainers.engines.trl._restore import restorable
from trainers.engines.trl.checkpoints import is_complete, mark_complete

pytestmark = pytest.mark.ml
PAIRS = tuple(
    Sample(id=f"p{i}", input=f"Say {i}", target="yes yes", rejected="no") for i in range(12)
)
SCRIPT = Path(__file__).with_name("interrupted.py")


def weights(folder: Path) -> bytes:
    [file] = folder.glob("*/final/*model.safetensors")
    return file.read_bytes()


def home(base: str, folder: Path, method: str = "lora", **changes) -> Path:
    return Ledger(looking_job(base, folder, method, **changes), "trl").folder


def train(base: str, folder: Path, method: str = "lora", **changes) -> TrainResult:
    """Train with four looks; `tools` of another kind may be given."""
    tools = changes.pop("tools", None) or Looking(stop_at=changes.pop("stop_at", None))
    return registry.trainer("trl").train(looking_job(base, folder, method, **changes), tools)


def kill(root: Path, base: str, folder: Path, method: str, steps: tuple[int, ...]) -> None:
    """Train as often as there are steps, killed at each."""
    told = ",".join(map(str, steps))
    command = [sys.executable, str(SCRIPT), base, str(folder), method, told]
    outcome = subprocess.run(
        command, cwd=root, env=None, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr[-2000:]
    assert outcome.stdout == outcome.stderr == ""


def same(result: TrainResult, expected: TrainResult) -> bool:
    """Whether a run that was interrupted tells what an unbroken one tells."""
    fields = ("loss", "evaluations", "kept_step", "kept_by", "dev_loss_before", "dev_loss_after")
    return all(getattr(result, name) == getattr(expected, name) for name in fields)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch, root: Path):
    monkeypatch.setenv("PYTHONPATH", str(root))


@pytest.fixture(scope="module")
def unbroken(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """Result and weights of LoRA, never interrupted."""
    place = tmp_path_factory.mktemp("unbroken")
    return train(tiny_llama, place), weights(place)


@pytest.fixture(scope="module")
def stopped(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run stopped at step 5 that saved whenever it could; to be copied."""
    place = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainers.engines.trl._watch.SAVING_SHARE", 1e9)
        with pytest.raises(KeyboardInterrupt):
            train(tiny_llama, place, stop_at=5)
    assert names(home(tiny_llama, place)) == ["checkpoint-3", "checkpoint-5"]
    return place


def test_a_killed_run_ends_where_an_unbroken_one_does(
    root: Path, tiny_llama: str, unbroken, tmp_path: Path
):
    steps = tuple(random.SystemRandom().sample(range(2, 12), 2))
    folder = tmp_path / "out"
    kill(root, tiny_llama, folder, "lora", tuple(sorted(steps)))
    left = newest_complete(home(tiny_llama, folder))
    assert left is not None, steps
    before = json.loads((home(tiny_llama, folder) / "progress.json").read_text())
    result = train(tiny_llama, folder)
    expected, expected_weights = unbroken
    assert result.resumed_from_step == int(left.name.removeprefix("checkpoint-"))
    assert same(result, expected), steps
    assert weights(folder) == expected_weights
    assert result.dev_loss_before is not None
    assert result.wall_seconds > before["wall_seconds"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("seed", range(2))
def test_however_often_it_is_killed(
    root: Path, tiny_llama: str, tmp_path: Path, method: str, seed: int
):
    draw = random.Random(seed)
    steps = sorted(draw.randrange(1, 13) for _ in range(5))
    kill(root, tiny_llama, tmp_path / "out", method, tuple(steps))
    result = train(tiny_llama, tmp_path / "out", method)
    expected = train(tiny_llama, tmp_path / "unbroken", method)
    assert same(result, expected), steps
    assert weights(tmp_path / "out") == weights(tmp_path / "unbroken")


@pytest.mark.parametrize(
    "damage", ["no marker", *(pytest.param(d, marks=pytest.mark.slow) for d in ("cut", "empty"))]
)
def test_a_half_written_newest_checkpoint_is_passed_over(
    tiny_llama: str, unbroken, stopped: Path, tmp_path: Path, damage: str
):
    folder = shutil.copytree(stopped, tmp_path / "out")
    whole = home(tiny_llama, folder) / "checkpoint-5"
    broken = home(tiny_llama, folder) / "checkpoint-9"
    if damage == "empty":
        broken.mkdir()
    else:
        shutil.copytree(whole, broken)
        (broken / "adapter_model.safetensors").write_bytes(b"half")
        if damage == "no marker":
            (broken / "complete.json").unlink()
    assert is_complete(whole)
    assert not is_complete(broken)
    result = train(tiny_llama, folder)
    expected, expected_weights = unbroken
    assert result.resumed_from_step == 5
    assert result.loss == expected.loss
    assert weights(folder) == expected_weights


@pytest.fixture
def saving_often(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("trainers.engines.trl._watch.SAVING_SHARE", 1e9)


def names(place: Path) -> list[str]:
    return sorted(folder.name for folder in place.glob("checkpoint-*"))


def flip(file: Path) -> None:
    """Turn one bit in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.usefixtures("saving_often")
def test_the_newest_and_the_best_checkpoint_are_kept(tiny_llama: str, tmp_path: Path):
    tools = Looking((0.0, 0.9, 0.1, 0.1, 0.1), stop_at=8)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_llama, tmp_path, tools=tools)
    assert names(home(tiny_llama, tmp_path)) == ["checkpoint-3", "checkpoint-8"]
    result = train(tiny_llama, tmp_path, tools=Looking((0.1, 0.1)))
    assert result.kept_step == 3
    assert result.dev_loss_after == result.evaluations[1].loss


def test_a_damaged_newest_checkpoint_is_passed_over_and_told(
    tiny_llama: str, unbroken, stopped: Path, tmp_path: Path
):
    folder = shutil.copytree(stopped, tmp_path / "out")
    place, plan = home(tiny_llama, folder), training_plan(tiny_llama)
    for name in ("rng_state.pth", "scheduler.pt", "trainer_state.json", "watch.json"):
        copy = shutil.copytree(place, tmp_path / name)
        flip(copy / "checkpoint-5" / name)
        assert restorable(copy, place.name, plan).step == 3
    flip(place / "checkpoint-5" / "optimizer.pt")
    tools = Looking()
    result = train(tiny_llama, folder, tools=tools)
    told = "checkpoint-5 was passed over: optimizer.pt has changed since it was written."
    assert told in result.notes
    assert result.resumed_from_step == 3
    assert same(result, unbroken[0])
    [resumed] = tools.of("resume")
    assert resumed.message == f"Resumed at step 3 with {', '.join(result.restored)}."
    assert "the optimizer's state (28 tensors)" in resumed.message
    assert "the place in the data (epoch 0.50, 12 rows seen)" in resumed.message


def test_what_was_seen_of_a_fault_is_remembered(tiny_llama: str, stopped: Path, tmp_path: Path):
    folder = shutil.copytree(stopped, tmp_path / "out")
    file = home(tiny_llama, folder) / "checkpoint-5" / "watch.json"
    memory = json.loads(file.read_text())
    assert len(memory["faults"]["losses"]) == len(memory["faults"]["norms"]) == 5
    memory["faults"] |= {"losses": [500.0] * 5, "first": 2.0}
    file.write_text(json.dumps(memory))
    mark_complete(file.parent)
    job = looking_job(tiny_llama, folder, "lora").model_copy(
        update={"resume": True, "usual_learning_rate": 1e-9}
    )
    with pytest.raises(DivergedError, match="from 2 to 500 by step 7") as told:
        registry.trainer("trl").train(job, Looking())
    assert "--learning-rate 1e-09, the recipe's" in told.value.hint


def test_states_that_do_not_belong_to_the_step_are_noticed(
    tiny_llama: str, stopped: Path, tmp_path: Path
):
    import torch

    folder = shutil.copytree(stopped, tmp_path / "out")
    place, plan = home(tiny_llama, folder), training_plan(tiny_llama)
    schedule = place / "checkpoint-5" / "scheduler.pt"
    torch.save(torch.load(schedule) | {"last_epoch": 9}, schedule)
    mark_complete(schedule.parent)
    optimizer = place / "checkpoint-3" / "optimizer.pt"
    states = torch.load(optimizer)
    states["param_groups"][0]["params"].pop()
    torch.save(states, optimizer)
    mark_complete(optimizer.parent)
    assert restorable(place, place.name, plan).passed_over == (
        "checkpoint-5 was passed over: scheduler.pt stands at step 9.",
        "checkpoint-3 was passed over: optimizer.pt is of 27 tensors, not 28.",
    )


def test_a_checkpoint_of_another_batch_size_or_job_is_no_use(
    tiny_llama: str, stopped: Path, tmp_path: Path
):
    place = home(tiny_llama, shutil.copytree(stopped, tmp_path / "out"))
    plan = training_plan(tiny_llama)
    other = training_plan(tiny_llama, micro_batch_size=3)
    smaller = training_plan(tiny_llama, micro_batch_size=2, gradient_accumulation_steps=2)
    whole = shutil.copytree(place, tmp_path / "copy")
    assert restorable(whole, place.name, smaller).step == 5
    found = restorable(whole, place.name, other)
    assert found.folder is None
    assert "another batch size" in found.passed_over[0]
    assert "another job" in restorable(place, "else", plan).passed_over[0]


def test_stopped_where_a_look_is_due_it_is_made_when_training_goes_on_and_time_adds_up(
    tiny_llama: str, unbroken, tmp_path: Path
):
    with pytest.raises(KeyboardInterrupt):
        train(tiny_llama, tmp_path, stop_at=6)
    memory = json.loads((home(tiny_llama, tmp_path) / "checkpoint-6" / "watch.json").read_text())
    assert [point["step"] for point in memory["points"]] == [0, 3]
    file = home(tiny_llama, tmp_path) / "progress.json"
    progress = json.loads(file.read_text())
    longer = {name: progress[name] + 1000 for name in ("wall_seconds", "steps_seconds")}
    file.write_text(json.dumps(progress | longer))
    result = train(tiny_llama, tmp_path)
    assert 1000 < result.wall_seconds < 1100
    assert result.tokens_per_second is not None
    assert result.tokens_per_second < 5
    assert same(result, unbroken[0])
    assert [point.step for point in result.evaluations] == [0, 3, 6, 9, 12]


def test_a_look_that_ends_training_ends_it_as_well_where_training_went_on(
    tiny_llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("trainers.engines.trl._settings.LOSS_POINTS", 2)
    script, patience = (0.0, 0.9, 0.7, 0.6), {"early_stopping_patience": 2}
    expected = train(tiny_llama, tmp_path / "unbroken", tools=Looking(script), **patience)
    assert [point.step for point in expected.loss] == [6, 9]
    with pytest.raises(KeyboardInterrupt):
        train(tiny_llama, tmp_path / "out", tools=Looking(script, stop_at=9), **patience)
    result = train(tiny_llama, tmp_path / "out", tools=Looking(script[-1:]), **patience)
    assert (result.resumed_from_step, result.steps) == (9, 9)
    assert result.ended_early == expected.ended_early
    assert same(result, expected)


def test_a_signal_ends_training_at_a_checkpoint(tiny_llama: str, unbroken, tmp_path: Path):
    work = SimpleNamespace(is_training=True, is_stopping=False, log=None)

    class Asked(Looking):
        def emit(self, event: TrainEvent) -> None:
            if event.kind == "step" and event.step == 4:
                os.kill(os.getpid(), signal.SIGTERM)

        def should_stop(self) -> bool:
            return work.is_stopping

    with pytest.raises(Interrupted) as told, interruptible("advisor train", work):
        train(tiny_llama, tmp_path, tools=Asked())
    assert told.value.resume == "advisor train"
    assert newest_complete(home(tiny_llama, tmp_path)).name == "checkpoint-5"
    result = train(tiny_llama, tmp_path)
    assert result.resumed_from_step == 5
    assert same(result, unbroken[0])


@pytest.mark.slow
def test_losses_between_two_log_lines_are_not_lost(tiny_llama: str, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("trainers.engines.trl._settings.LOSS_POINTS", 4)
    expected = train(tiny_llama, tmp_path / "unbroken")
    assert [point.step for point in expected.loss] == [3, 6, 9, 12]
    with pytest.raises(KeyboardInterrupt):
        train(tiny_llama, tmp_path / "out", stop_at=5)
    assert same(train(tiny_llama, tmp_path / "out"), expected)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["dpo", "kto", "orpo", "reward", "cpt", "grpo"])
def test_whatever_is_learnt_goes_on_where_it_stopped(
    tiny_llama: str, tmp_path: Path, objective: str
):
    reward = tmp_path / "worth.py"
    reward.write_text(
        "def worth(prompt, completion, target):\n    return len(set(completion)) / 40\n"
    )
    changes = {
        "objective": objective,
        "train_samples": PAIRS,
        "dev_samples": PAIRS[:4],
    }
    if objective == "grpo":  # what is drawn at once is learnt from in two steps
        options = {"reward": f"{reward}:worth"}
        changes |= {"method_options": options, "generated_tokens": 8, "sequence_length": 64}
    expected = train(tiny_llama, tmp_path / "unbroken", **changes)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_llama, tmp_path / "out", stop_at=3, **changes)
    result = train(tiny_llama, tmp_path / "out", **changes)
    assert result.resumed_from_step == (4 if objective == "grpo" else 3)
    assert same(result, expected)
