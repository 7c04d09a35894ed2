"""Killed and continued, training ends in the very numbers of an unbroken run."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from advisor import registry
from advisor.schema.train import TrainResult
from tests.fixtures.training import RecordingTools, training_job, training_samples
from trainers.engines.ledger import Ledger
from trainers.engines.trl.checkpoints import is_complete, newest_complete

pytestmark = pytest.mark.ml
SCRIPT = Path(__file__).with_name("interrupted.py")


def weights(folder: Path) -> bytes:
    [file] = folder.glob("*/final/*model.safetensors")
    return file.read_bytes()


def home(base: str, folder: Path) -> Path:
    return Ledger(training_job(base, folder, dev_samples=training_samples(6)), "trl").folder


def train(base: str, folder: Path, method: str = "lora", **changes) -> TrainResult:
    job = training_job(base, folder, method, resume=True, dev_samples=training_samples(6))
    return registry.trainer("trl").train(job, RecordingTools(**changes))


def kill(root: Path, base: str, folder: Path, method: str, step: int) -> None:
    command = [sys.executable, str(SCRIPT), base, str(folder), method, str(step)]
    outcome = subprocess.run(
        command, cwd=root, env=None, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == -signal.SIGKILL, outcome.stderr[-2000:]
    assert outcome.stdout == outcome.stderr == ""


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch, root: Path):
    monkeypatch.setenv("PYTHONPATH", str(root))


@pytest.fixture(scope="module")
def unbroken(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple]:
    place = tmp_path_factory.mktemp("unbroken")
    results = {m: train(tiny_llama, place / m, m) for m in ("lora", "full")}
    return {m: (result, weights(place / m)) for m, result in results.items()}


def test_a_killed_run_ends_where_an_unbroken_one_does(
    root: Path, tiny_llama: str, unbroken, tmp_path: Path
):
    folder = tmp_path / "out"
    kill(root, tiny_llama, folder, "lora", 8)
    left = newest_complete(home(tiny_llama, folder))
    assert left is not None
    before = json.loads((home(tiny_llama, folder) / "progress.json").read_text())
    result = train(tiny_llama, folder)
    expected, expected_weights = unbroken["lora"]
    assert result.resumed_from_step == int(left.name.removeprefix("checkpoint-"))
    assert result.loss == expected.loss
    assert weights(folder) == expected_weights
    assert result.dev_loss_before == expected.dev_loss_before is not None
    assert result.dev_loss_after == expected.dev_loss_after is not None
    assert result.wall_seconds > before["wall_seconds"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("steps", [(1,), (4, 7, 7, 11), (12,)])
def test_however_often_it_is_killed(
    root: Path, tiny_llama: str, unbroken, tmp_path: Path, method: str, steps: tuple[int, ...]
):
    for step in steps:
        kill(root, tiny_llama, tmp_path / "out", method, step)
    result = train(tiny_llama, tmp_path / "out", method)
    expected, expected_weights = unbroken[method]
    assert result.loss == expected.loss
    assert weights(tmp_path / "out") == expected_weights


@pytest.mark.parametrize("damage", ["no marker", "cut file", "empty folder"])
def test_a_half_written_newest_checkpoint_is_passed_over(
    tiny_llama: str, unbroken, tmp_path: Path, damage: str
):
    folder = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train(tiny_llama, folder, stop_at=5)
    whole = home(tiny_llama, folder) / "checkpoint-5"
    broken = home(tiny_llama, folder) / "checkpoint-9"
    if damage == "empty folder":
        broken.mkdir()
    else:
        shutil.copytree(whole, broken)
        (broken / "adapter_model.safetensors").write_bytes(b"half")
        if damage == "no marker":
            (broken / "complete.json").unlink()
    assert is_complete(whole)
    assert not is_complete(broken)
    result = train(tiny_llama, folder)
    expected, expected_weights = unbroken["lora"]
    assert result.resumed_from_step == 5
    assert result.loss == expected.loss
    assert weights(folder) == expected_weights


def test_time_is_summed_over_interruptions(tiny_llama: str, tmp_path: Path):
    folder = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train(tiny_llama, folder, stop_at=5)
    file = home(tiny_llama, folder) / "progress.json"
    progress = json.loads(file.read_text())
    progress["wall_seconds"] += 1000
    progress["steps_seconds"] += 1000
    file.write_text(json.dumps(progress))
    result = train(tiny_llama, folder)
    assert 1000 < result.wall_seconds < 1100
    assert result.tokens_per_second is not None
    assert result.tokens_per_second < 5
