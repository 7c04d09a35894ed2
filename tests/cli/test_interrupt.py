"""The first signal asks training to come to a safe end, the second ends it at once."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import pytest

from advisor.cli.errors import Interrupted
from advisor.cli.interrupt import interruptible
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

    def train() -> None:
        with interruptible("advisor train", training):
            send(number)
            send(signal.SIGTERM)
            pytest.fail("still there")

    with pytest.raises(Interrupted):
        train()


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
