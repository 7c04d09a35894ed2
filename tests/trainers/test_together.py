"""Two processes train as one does: same losses, same end, and none is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from advisor import registry
from advisor.errors import TrainingError
from advisor.schema.train import TrainEvent, TrainResult
from tests.fixtures.training import RecordingTools, training_job, training_samples
from tests.trainers.looking import newest_complete
from trainers.engines.ledger import Ledger
from trainers.engines.trl.together import WORKER

pytestmark = pytest.mark.ml
NEAR = 2e-4
"""Sums in another order differ in the last digits of float32, which twelve steps carry on."""


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch, root: Path):
    monkeypatch.setenv("PYTHONPATH", str(root))


def job(base: str, folder: Path, method: str = "lora", **changes):
    several = {"gpus": 2, "strategy": "ddp", "micro_batch_size": 2, "dropout": 0.0}
    dev = training_samples(6)
    return training_job(base, folder, method, resume=True, dev_samples=dev, **several | changes)


def train(base: str, folder: Path, method: str = "lora", tools=None, **changes) -> TrainResult:
    tools = tools or RecordingTools()
    return registry.trainer("trl").train(job(base, folder, method, **changes), tools)


def alone(base: str, folder: Path, method: str = "lora") -> TrainResult:
    """One process that gathers two micro-batches: as many samples a step."""
    one = {"gpus": 1, "strategy": "single", "gradient_accumulation_steps": 2}
    return train(base, folder, method, **one)


def curve(result: TrainResult) -> list[float]:
    return [point.loss for point in result.loss]


def weights(result: TrainResult) -> dict:
    from safetensors.torch import load_file

    [file] = Path(result.served_by.model).glob("*model.safetensors")
    return load_file(file)


def assert_same(one: TrainResult, other: TrainResult) -> None:
    assert curve(one) == pytest.approx(curve(other), abs=NEAR)
    assert one.dev_loss_before == pytest.approx(other.dev_loss_before, abs=NEAR)
    assert one.dev_loss_after == pytest.approx(other.dev_loss_after, abs=NEAR)
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert float((values - theirs[name]).abs().max()) < 50 * NEAR, name


def workers() -> list[psutil.Process]:
    """Processes of ours that train."""
    found = psutil.Process().children(recursive=True)
    return [p for p in found if p.is_running() and WORKER in _words(p) and "-u" in _words(p)]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_two_processes_train_as_one_does(tiny_llama: str, tmp_path: Path):
    tools = RecordingTools()
    together = train(tiny_llama, tmp_path / "two", tools=tools)
    assert together.processes == 2
    assert_same(together, alone(tiny_llama, tmp_path / "one"))
    assert [event.step for event in tools.of("step")] == list(range(1, 13))
    assert [len(tools.of(kind)) for kind in ("preflight", "start", "end")] == [1, 1, 1]
    assert workers() == []
    assert train(tiny_llama, tmp_path / "two") == together  # it is not trained again


def test_the_samples_that_processes_were_handed_do_not_stay_when_they_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    def failing(_plan, file: Path, *_rest):
        seen.append("What is 3" in file.read_text())
        raise TrainingError("No process could be started.")

    monkeypatch.setattr("trainers.engines.trl.together._Processes", failing)
    with pytest.raises(TrainingError, match="No process"):
        train("tiny", tmp_path)
    assert seen == [True]
    assert [place.name for place in tmp_path.glob("*/processes-*")] == []


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_shards_train_as_a_whole_model_does(tiny_llama: str, tmp_path: Path, method: str):
    parted = train(tiny_llama, tmp_path / "two", method, strategy="fsdp")
    assert parted.processes == 2
    assert_same(parted, alone(tiny_llama, tmp_path / "one", method))


@pytest.mark.slow
def test_each_process_holds_half_of_a_sharded_model(root: Path, tiny_llama: str):
    script = root / "tests" / "trainers" / "parted.py"
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*run, str(script), tiny_llama], capture_output=True, text=True, check=True
    )
    kind, held, total = done.stdout.split()[-3:]
    assert kind == "DTensor"
    assert int(held) == pytest.approx(int(total) / 2, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "strategy"), [("lora", "ddp"), ("full", "fsdp")])
def test_stopped_and_continued_they_end_where_an_unbroken_run_does(
    tiny_llama: str, tmp_path: Path, method: str, strategy: str
):
    whole = train(tiny_llama, tmp_path / "whole", method, strategy=strategy)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_llama, tmp_path / "cut", method, RecordingTools(stop_at=5), strategy=strategy)
    assert workers() == []
    tools = RecordingTools()
    result = train(tiny_llama, tmp_path / "cut", method, tools, strategy=strategy)
    assert result.resumed_from_step == 5
    assert tools.of("step")[0].step == 6
    assert_same(result, whole)


class Murderer(RecordingTools):
    """Kills the second process at step 4."""

    def emit(self, event: TrainEvent) -> None:
        super().emit(event)
        if event.kind == "step" and event.step == 4:
            [second] = [p for p in workers() if p.environ().get("RANK") == "1"]
            second.kill()


@pytest.mark.slow
def test_a_process_that_dies_is_told(tiny_llama: str, tmp_path: Path):
    with pytest.raises(TrainingError, match="Process 2 of 2 ended by SIGKILL") as told:
        train(tiny_llama, tmp_path / "out", tools=Murderer())
    assert "continues from the last checkpoint" in told.value.hint
    assert workers() == []
    assert train(tiny_llama, tmp_path / "out").steps == 12


@pytest.mark.slow
def test_what_all_refuse_is_told_as_in_one_process(tiny_llama: str, tmp_path: Path):
    from advisor.errors import PlanError

    with pytest.raises(PlanError):
        train(tiny_llama, tmp_path / "out", optimizer="no_such_optimizer")
    assert workers() == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_no_process_outlives_the_command(
    root: Path, tiny_llama: str, tmp_path: Path, number: int, code: int
):
    script = root / "tests" / "trainers" / "several.py"
    command = subprocess.Popen([sys.executable, str(script), tiny_llama, str(tmp_path / "out")])
    folder = Ledger(job(tiny_llama, tmp_path / "out", epochs=200), "trl").folder
    try:
        deadline = time.monotonic() + 90
        while newest_complete(folder) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        assert newest_complete(folder) is not None
        family = psutil.Process(command.pid).children(recursive=True)
        assert len(family) >= 3
        os.kill(command.pid, number)
        assert command.wait(timeout=60) == code
        _, left = psutil.wait_procs(family, timeout=20)
        assert left == []
    finally:
        command.kill()


@pytest.mark.slow
def test_two_machines_meet_and_the_first_one_writes(root: Path, tiny_llama: str, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = root / "tests" / "trainers" / "machine.py"
    machines = []
    for node in (0, 1):
        meeting = {"ADVISOR_RDZV_ENDPOINT": f"127.0.0.1:{port}", "ADVISOR_NODE_RANK": str(node)}
        words = [sys.executable, str(script), tiny_llama, str(tmp_path / "out")]
        machines.append(subprocess.Popen(words, env=os.environ | meeting, stdout=subprocess.PIPE))
    told = [json.loads(machine.communicate(timeout=170)[0]) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0]
    assert told[0] == told[1]
    result = TrainResult.model_validate(told[0])
    assert result.processes == 2
    assert_same(result, alone(tiny_llama, tmp_path / "one"))
