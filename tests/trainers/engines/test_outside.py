"""Programs of other projects, played by a stand-in: the real ones are not installed here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from advisor import registry
from advisor.errors import (
    DatasetError,
    MissingProgramError,
    NonFiniteLossError,
    OutOfMemoryError,
    PlanError,
    TrainingError,
)
from advisor.schema.train import TrainJob
from tests.fixtures.standin_engine import small_adapter, standin
from tests.fixtures.training import (
    RecordingTools,
    prompt,
    training_job,
    training_plan,
    training_samples,
)
from trainers.engines.ledger import Ledger
from trainers.engines.outside.child import Child
from trainers.engines.outside.devices import visible_to
from trainers.engines.outside.log_lines import Logged, logged
from trainers.engines.trl.quiet import quiet

PROGRAMS = {"axolotl": "axolotl", "llamafactory": "llamafactory-cli"}


@pytest.fixture(params=PROGRAMS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def installed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    standin(tmp_path / "bin", PROGRAMS[name])
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STANDIN_MODEL", str(small_adapter(tmp_path / "adapter")))
    return name


def a_job(folder: Path, **changes):
    return training_job("tiny", folder, **changes)


def test_it_is_run_listened_to_and_taken_over(installed: str, tmp_path: Path):
    tools = RecordingTools()
    job = a_job(tmp_path / "out")
    result = registry.trainer(installed).train(job, tools)
    own = Ledger(job, installed).folder
    assert [event.kind for event in tools.events if event.kind != "note"] == [
        "start", *["step"] * 6, "evaluation", *["step"] * 6, "evaluation", "end",
    ]  # fmt: skip
    assert [event.step for event in tools.of("step")] == list(range(1, 13))
    assert tools.of("step")[0].learning_rate == 1e-5
    assert tools.of("step")[0].gradient_norm == 0.5
    assert [point.loss for point in result.loss] == pytest.approx(
        [2.0 - 0.1 * step for step in range(1, 13)]
    )
    assert result.steps == 12
    assert result.trainable_parameters == 6
    assert result.dev_loss_after == 1.8
    assert 0.001 < (result.peak_memory_gib or 0) < 64
    assert result.served_by.backend == "transformers"
    assert {p.name for p in Path(result.served_by.model).iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "trainer_state.json",
    }  # fmt: skip
    assert {p.name for p in own.iterdir()} == {"final", "recipe", "result.json"}
    assert not (own / "recipe" / "trained").exists()
    assert "Loading the base" in (own / "recipe" / "log.txt").read_text()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{'loss': '5.575', 'grad_norm': '0.4848', 'learning_rate': '0', 'epoch': '0.1'}",
         Logged(5.575, 0.0, 0.4848)),
        ("{'loss': 5.575, 'grad_norm': 0.48, 'learning_rate': 1e-05, 'epoch': 0.1}",
         Logged(5.575, 1e-05, 0.48)),
        ("50%|##  | 1/2 [00:00<00:00]{'eval_loss': '5.5', 'eval_runtime': '0.07'}",
         Logged(dev_loss=5.5)),
        ("{'train_runtime': '1.991', 'train_loss': '5.521', 'epoch': '2'}", None),
        ("{'task': {'name': 'Causal Language Modeling'}}", None),
        ("loading configuration file config.json", None),
    ],
)  # fmt: skip
def test_lines_of_the_real_trainers_are_read(line: str, told: Logged | None):
    assert logged(line) == told


def test_a_finished_job_is_not_run_again(installed: str, tmp_path: Path, monkeypatch):
    job = a_job(tmp_path / "out", resume=True)
    result = registry.trainer(installed).train(job, RecordingTools())
    monkeypatch.setenv("STANDIN", "fail")
    assert registry.trainer(installed).train(job, RecordingTools()) == result


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["shell", "nohup"])
def interrupt(request: pytest.FixtureRequest) -> Iterator[None]:
    """What this process does at SIGINT; one started in the background ignores it."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupt")
def test_it_is_stopped_gently_and_goes_on_from_a_whole_checkpoint(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    began = time.monotonic()
    monkeypatch.setenv("STANDIN", "slow")
    trainer, tools = registry.trainer(installed), StopAfter(5)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(a_job(tmp_path / "out"), tools)
    assert time.monotonic() - began < 30, "the stand-in sleeps 60 s unless SIGINT reaches it"
    assert tools.events[-1].kind == "checkpoint"
    assert tools.events[-1].step == 3
    trained = Ledger(a_job(tmp_path / "out"), installed).folder / "recipe" / "trained"
    (trained / "checkpoint-6").mkdir()
    (trained / "checkpoint-6" / "adapter_config.json").write_text("{}")  # half-written
    monkeypatch.setenv("STANDIN", "train")
    tools = RecordingTools()
    result = trainer.train(a_job(tmp_path / "out", resume=True), tools)
    assert result.resumed_from_step == 3
    assert tools.events[0].kind == "resume"
    assert [event.step for event in tools.of("step")] == list(range(4, 13))
    assert [point.step for point in result.loss] == list(range(1, 13))


class StopAfter(RecordingTools):
    """Asks to stop once so many steps have been told."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps

    def should_stop(self) -> bool:
        return len(self.of("step")) >= self._steps


def asked(job: TrainJob, name: str) -> dict:
    return json.loads((Ledger(job, name).folder / "recipe" / "asked.json").read_text())


@pytest.mark.parametrize(("gpus", "shown"), [(1, "4"), (2, "4,5")])
def test_it_sees_as_many_gpus_as_planned_and_starts_as_many_processes(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int, shown: str
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    job = a_job(tmp_path / "out", gpus=gpus, strategy="ddp" if gpus > 1 else "single")
    registry.trainer(installed).train(job, RecordingTools())
    told = asked(job, installed)
    assert told["environment"]["CUDA_VISIBLE_DEVICES"] == shown
    if installed == "axolotl":
        assert told["argv"][3:] == ["--num-processes", str(gpus)]
    else:
        assert told["environment"]["NPROC_PER_NODE"] == str(gpus)
        assert ("FORCE_TORCHRUN" in told["environment"]) == (gpus > 1)


def test_fewer_gpus_than_planned_and_several_nodes_are_refused(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4")
    for changes, words in (
        ({"gpus": 2, "strategy": "ddp"}, "has 2 GPUs, and CUDA_VISIBLE_DEVICES shows 1"),
        ({"nodes": 2, "strategy": "ddp"}, "has 2 nodes"),
    ):
        with pytest.raises(PlanError, match=words):
            registry.trainer(installed).train(a_job(tmp_path / "out", **changes), RecordingTools())


def test_all_gpus_hidden_stay_hidden(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_to(training_plan("tiny")) == {}
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert visible_to(training_plan("tiny", gpus=3)) == {"CUDA_VISIBLE_DEVICES": "0,1,2"}


STUBBORN = ("sh", "-c", "trap '' INT; echo $$; while :; do sleep 0.05; done")
STARTER = """
import sys
from collections.abc import Iterator
from pathlib import Path
from trainers.engines.outside.child import Child
Child(sys.argv[1:], Path(), Path("log.txt")).run(print, lambda: False)
"""


def is_running(number: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{number}/stat").read_text().rpartition(")")[2][:3]
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux who is running")
def test_a_killed_starter_takes_the_program_with_it(tmp_path: Path):
    program = (
        sys.executable,
        "-c",
        "import os, time; print(os.getpid(), flush=True); time.sleep(60)",
    )
    root = Path(__file__).parents[3]
    starter = subprocess.Popen(
        [sys.executable, "-u", "-c", STARTER, *program], cwd=tmp_path, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)}, text=True,
    )  # fmt: skip
    with starter:
        number = int(starter.stdout.readline())
        assert is_running(number)
        starter.kill()
    ends = time.monotonic() + 5
    while is_running(number) and time.monotonic() < ends:
        time.sleep(0.02)
    assert not is_running(number)


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path):
    def hear(_line: str) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Child(STUBBORN, tmp_path, tmp_path / "log.txt").run(hear, lambda: False)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ("fail", TrainingError, "ended with code 3: ValueError: the column 'messages' is missing"),
        ("oom", OutOfMemoryError, "ran out of memory"),
        ("nothing", TrainingError, "left neither an adapter nor a model"),
        ("nan", NonFiniteLossError, "no number after step 3"),
    ],
)
def test_its_faults_are_told(
    installed: str, tmp_path: Path, monkeypatch, behaviour: str, kind: type, words: str
):
    monkeypatch.setenv("STANDIN", behaviour)
    with pytest.raises(kind, match=words) as told:
        registry.trainer(installed).train(a_job(tmp_path / "out"), RecordingTools())
    assert not isinstance(told.value, kind) or told.value.hint
    assert not (Ledger(a_job(tmp_path / "out"), installed).folder / "final").exists()


def test_a_model_in_checkpoints_only_is_found(installed: str, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("STANDIN", "checkpoints")
    result = registry.trainer(installed).train(a_job(tmp_path / "out"), RecordingTools())
    assert result.trainable_parameters == 6
    assert result.steps == 12


def test_absent_it_writes_everything_and_says_the_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "")
    job = a_job(tmp_path / "out")
    with pytest.raises(MissingProgramError, match="is not installed here") as told:
        registry.trainer(name).train(job, RecordingTools())
    folder = Ledger(job, name).folder / "recipe"
    assert f"cd {folder} && {PROGRAMS[name]} train {name}.yaml" in told.value.hint
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {folder.parent.name}
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    assert [row["messages"][-1]["content"] for row in rows] == [
        sample.target for sample in training_samples()
    ]
    assert yaml.safe_load((folder / f"{name}.yaml").read_text())["output_dir"] == "trained"
    assert (folder / "NOTES.txt").is_file()


def test_the_list_of_plugins_says_which_program_is_missing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from advisor.cli.plugins import plugin_entry

    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("UNSLOTH_PYTHON", raising=False)
    for one in (name, "unsloth"):
        entry = plugin_entry("advisor.trainers", one, set())
        assert not entry.ready
        assert "its own environment: pip install" in entry.problem
    standin(tmp_path / "bin", PROGRAMS[name])
    entry = plugin_entry("advisor.trainers", name, set())
    assert (entry.ready, entry.problem) == (True, "")


def test_what_it_cannot_do_is_refused_before_anything_is_written(name: str, tmp_path: Path):
    for changes, kind, words in (
        ({"method": "prefix"}, PlanError, "has no 'sft' by 'prefix'"),
        ({"rank": None}, PlanError, "needs a rank"),
        ({"train_samples": ()}, DatasetError, "no training samples"),
        ({"objective": "dpo"}, DatasetError, "no rejected answer, which 'dpo' learns from"),
    ):
        with pytest.raises(kind, match=words):
            registry.trainer(name).train(a_job(tmp_path / "out", **changes), RecordingTools())
    assert not (tmp_path / "out").exists()


def test_unsloth_absent_is_written_down_and_present_asks_for_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("UNSLOTH_PYTHON", raising=False)
    job = a_job(tmp_path / "out")
    with pytest.raises(MissingProgramError, match="Unsloth is not installed here") as told:
        registry.trainer("unsloth").train(job, RecordingTools())
    assert "python train.py" in told.value.hint
    folder = Ledger(job, "unsloth").folder / "recipe"
    assert {"unsloth.yaml", "train.py", "train.jsonl"} <= {p.name for p in folder.iterdir()}
    several = a_job(tmp_path / "out", gpus=2, strategy="ddp")
    with pytest.raises(PlanError, match="trains on one GPU, and the plan has 2"):
        registry.trainer("unsloth").train(several, RecordingTools())
    monkeypatch.setenv("UNSLOTH_PYTHON", sys.executable)
    with pytest.raises(PlanError, match="no NVIDIA GPU is seen here"):
        registry.trainer("unsloth").train(job, RecordingTools())


@pytest.mark.ml
def test_an_adapter_made_by_peft_is_opened_by_the_backend(
    tiny_llama: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with quiet():
        base = AutoModelForCausalLM.from_pretrained(tiny_llama)
        adapted = get_peft_model(base, LoraConfig(r=4, target_modules="all-linear"))
        adapted.save_pretrained(tmp_path / "adapter")
    standin(tmp_path / "bin", "axolotl")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STANDIN_MODEL", str(tmp_path / "adapter"))
    job = training_job(tiny_llama, tmp_path / "out")
    result = registry.trainer("axolotl").train(job, RecordingTools())
    assert result.trainable_parameters == adapted.get_nb_trainable_parameters()[0]
    backend = registry.backend(result.served_by.backend)
    with backend.open(result.served_by.model, {}) as session:
        [answer] = session.generate([prompt("What is 7 plus two?")], max_new_tokens=4)
    assert answer.completion_tokens > 0
