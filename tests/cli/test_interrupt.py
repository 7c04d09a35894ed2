"""The first signal asks training to come to a safe end, the second ends it at once."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from advisor.cli.errors import Interrupted
from advisor.cli.interrupt import interruptible
from advisor.cli.main import cli
from advisor.errors import ModelFolderError
from advisor.schema.train import TrainEvent
from advisor.tools import ignore_event
from advisor.training_log import TrainingLog

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def work(*, is_training: bool) -> SimpleNamespace:
    return SimpleNamespace(is_training=is_training, is_stopping=False, log=None)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@BOTH
def test_outside_of_training_one_signal_is_enough(number: signal.Signals):
    for what in (None, work(is_training=False)):
        with pytest.raises(Interrupted) as told, interruptible("advisor train", what):
            send(number)
        assert told.value.resume == "advisor train"


@BOTH
def test_training_is_asked_first(number: signal.Signals, capfd: pytest.CaptureFixture[str]):
    training = work(is_training=True)

    def train() -> None:
        with interruptible("advisor train", training):
            send(number)
            assert training.is_stopping
            raise KeyboardInterrupt  # what the trainer does once its checkpoint is written

    with pytest.raises(Interrupted):
        train()
    assert "a checkpoint is written" in capfd.readouterr().err


@BOTH
def test_a_second_signal_ends_it_at_once(number: signal.Signals):
    training = work(is_training=True)
    reached = []

    def train() -> None:
        with interruptible("advisor train", training):
            send(number)
            reached.append("the first")
            send(signal.SIGTERM)
            reached.append("the second")

    with pytest.raises(Interrupted):
        train()
    assert reached == ["the first"]


def test_what_handled_signals_before_does_so_again():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interruptible("x"):
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(
    ("events", "early", "kept"),
    [
        ((), True, "No step of the training is saved."),
        ((TrainEvent(kind="start", total_steps=9),), False, "No step of the training is saved."),
        ((TrainEvent(kind="step", step=4), TrainEvent(kind="checkpoint", step=5)), False, "Step 5"),
        ((TrainEvent(kind="resume", step=3),), False, "Step 3 is saved."),
    ],
)
def test_what_is_saved_is_told(events, early, kept: str, tmp_path, capfd):
    training = work(is_training=True)
    training.log = TrainingLog(tmp_path / "train.jsonl", ignore_event)
    for event in events:
        training.log(event)
    training.log.close()

    def train(*words: str) -> None:
        with interruptible("advisor train", training):
            send(signal.SIGINT)
            raise KeyboardInterrupt(*words)

    with pytest.raises(Interrupted) as told:
        train()
    assert told.value.kept.startswith(kept)
    assert ("Training has not begun" in capfd.readouterr().err) == early
    training.is_stopping = False
    with pytest.raises(Interrupted) as told:
        train("job 7 goes on there")
    assert told.value.kept == "Job 7 goes on there."


SWALLOWING = """
import os, signal
try:
    os.kill(os.getpid(), signal.{number})
except KeyboardInterrupt as stop:
    {then}
"""
BECOMES_AN_ERROR = "raise ImportError('cannot import LlamaConfig') from stop"


@pytest.fixture
def lazily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Imports a module in the midst of which a signal comes, which it turns into something else."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def imported(number: signal.Signals, then: str) -> None:
        name = f"lazy_{number.name.lower()}_{len(then)}"
        text = SWALLOWING.format(number=number.name, then=then)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        importlib.import_module(name)

    return imported


@BOTH
@pytest.mark.parametrize("then", [BECOMES_AN_ERROR, "pass", "raise SystemExit(0)"])
def test_what_a_library_makes_of_the_signal_is_an_interruption_all_the_same(number, then, lazily):
    for what in (None, work(is_training=False)):
        with pytest.raises(Interrupted) as told, interruptible("advisor export", what):
            lazily(number, then)
        assert told.value.resume == "advisor export"
        sys.modules.pop(f"lazy_{number.name.lower()}_{len(then)}", None)


def test_training_that_begins_after_a_swallowed_signal_stops_at_once(lazily):
    what = work(is_training=False)
    with pytest.raises(Interrupted), interruptible("advisor run", what):
        lazily(signal.SIGINT, "pass")
    assert what.is_stopping


def test_training_that_comes_to_its_end_when_asked_to_stop_has_ended():
    training = work(is_training=True)
    with interruptible("advisor train", training):
        send(signal.SIGINT)
    assert training.is_stopping


def test_without_a_signal_an_error_stays_what_it_is():
    with pytest.raises(ImportError), interruptible("advisor export"):
        raise ImportError


def test_a_command_that_is_interrupted_while_it_imports_says_so(tmp_path, lazily, monkeypatch):
    def exporting(*_: object) -> None:
        try:
            lazily(signal.SIGINT, BECOMES_AN_ERROR)
        except ImportError as error:
            message = f"The weights cannot be read: {error}."
            raise ModelFolderError(message, hint="Save the model again.") from error

    monkeypatch.setattr("advisor.cli.export.exported", exporting)
    words = ["export", str(tmp_path), "--to", "merged", "--out", str(tmp_path / "out"), "--json"]
    monkeypatch.setattr(sys, "argv", ["advisor", *words])
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 130, result.output
    error = json.loads(result.stdout)["error"]
    assert (error["type"], error["hint"]) == ("Interrupted", shlex.join(["advisor", *words]))
