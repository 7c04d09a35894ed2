"""Every event of training is a line with time and money, also after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.errors import StorageError
from advisor.schema.train import TrainEvent
from advisor.tools import ignore_event
from advisor.training_log import TrainingLog, spent_on, spent_usd, training_log


def read_log(path: Path) -> list[TrainEvent]:
    return [TrainEvent.model_validate_json(line) for line in path.read_bytes().splitlines()]


class Hours:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now * 3600


def test_events_are_kept_and_passed_on_with_time_and_money(tmp_path: Path):
    path, clock, shown = tmp_path / "run" / "train.jsonl", Hours(), []
    log = TrainingLog(path, shown.append, 2.0, clock=clock)
    clock.now = 1  # loading took an hour
    log(TrainEvent(kind="start", total_steps=10))
    clock.now = 2
    log(TrainEvent(kind="step", step=4, total_steps=10, loss=1.5))
    clock.now = 3
    log(TrainEvent(kind="evaluation", step=4, total_steps=10, dev_loss=1.25, score=0.5))
    log(TrainEvent(kind="end", step=10, total_steps=10))
    assert shown == read_log(path)
    start, step, look, end = shown
    assert (start.elapsed_seconds, start.usd, start.remaining_seconds) == (3600, 2.0, None)
    assert (step.elapsed_seconds, step.usd, step.remaining_seconds) == (7200, 4.0, 5400)
    assert (look.dev_loss, look.score, look.remaining_seconds) == (1.25, 0.5, 10800)
    assert end.remaining_seconds == 0


def test_money_adds_up_over_sessions_and_the_pace_is_this_ones(tmp_path: Path):
    path, clock, shown = tmp_path / "train.jsonl", Hours(), []
    first = TrainingLog(path, shown.append, 3.0, clock=clock)
    clock.now = 2
    first(TrainEvent(kind="step", step=4, total_steps=10))
    again = Hours()
    second = training_log(path, shown.append, 3.0)
    second._clock, second._began = again, 0.0
    second(TrainEvent(kind="resume", step=4, total_steps=10))
    again.now = 1
    second(TrainEvent(kind="step", step=6, total_steps=10))
    assert second.usd_before == 6.0
    assert shown[-1].usd == 9.0
    assert shown[-1].remaining_seconds == 7200
    assert spent_usd(path) == 9.0
    assert len(read_log(path)) == 3


def test_money_is_told_apart_by_what_was_trained(tmp_path: Path):
    path = tmp_path / "train.jsonl"
    for job, hours in (("first", 2), ("second", 1), ("first", 3)):
        clock = Hours()
        log = TrainingLog(path, ignore_event, 2.0, job=job, clock=clock)
        log(TrainEvent(kind="note"))  # before anything begins, it may load for long
        clock.now = hours
        log(TrainEvent(kind="step", step=1, total_steps=2))
    assert (spent_on(path, "first"), spent_on(path, "second")) == (10.0, 2.0)
    assert spent_on(path, "third") == spent_on(tmp_path / "none", "first") == 0.0
    assert spent_usd(path) == 12.0


def test_without_a_price_nothing_is_said_of_money(tmp_path: Path):
    shown: list[TrainEvent] = []
    training_log(tmp_path / "train.jsonl", shown.append)(TrainEvent(kind="start"))
    assert shown[0].usd is None
    assert spent_usd(tmp_path / "train.jsonl") == spent_usd(tmp_path / "none") == 0.0


@pytest.mark.parametrize("half", [b'{"kind":"st', b"", b"\x00" * 70_000])
def test_half_a_line_of_a_killed_run_is_cut_off(tmp_path: Path, half: bytes):
    path = tmp_path / "train.jsonl"
    training_log(path, ignore_event)(TrainEvent(kind="start"))
    with path.open("ab") as stream:
        stream.write(half)
    training_log(path, ignore_event)(TrainEvent(kind="end"))
    lines = path.read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["start", "end"]


def test_a_file_that_is_only_half_a_line_is_emptied(tmp_path: Path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"kind"')
    training_log(path, ignore_event)
    assert path.read_bytes() == b""


def test_a_full_disk_ends_no_training(tmp_path: Path):
    shown: list[TrainEvent] = []
    path = tmp_path / "place"
    log = training_log(path / "train.jsonl", shown.append)
    path.write_text("a file where the folder should be")
    log(TrainEvent(kind="start"))
    assert len(shown) == 1


def test_a_log_that_cannot_be_read_is_told(tmp_path: Path):
    path = tmp_path / "train.jsonl"
    path.write_text("{}\n")

    def refused(*_args, **_named):
        raise PermissionError(13, "Permission denied")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", refused)
        with pytest.raises(StorageError, match="Permission denied"):
            training_log(path, ignore_event)
