from __future__ import annotations

import io

import pytest

from advisor.render.progress import (
    LiveProgress,
    Meter,
    PlainProgress,
    TrainingLine,
    make_emitter,
    make_progress,
)
from advisor.render.terminal import make_console
from advisor.schema.train import TrainEvent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(stream: io.StringIO, clock: Clock) -> PlainProgress:
    return PlainProgress(make_console(stream, color=False), clock)


def test_off_a_terminal_there_is_a_line_at_each_end_and_one_every_ten_seconds(
    line: PlainProgress, stream: io.StringIO, clock: Clock
) -> None:
    line.start("few_shot", 100)
    for _ in range(100):
        clock.now += 0.25
        line.advance()
    line.finish()
    assert stream.getvalue().splitlines() == [
        "few_shot: 100 to do",
        "few_shot: 40/100, 15 s left, 4.0/s",
        "few_shot: 80/100, 5.0 s left, 4.0/s",
        "few_shot: 100 in 25 s",
    ]


def test_unfinished_work_says_how_far_it_came(
    line: PlainProgress, stream: io.StringIO, clock: Clock
) -> None:
    line.start("rag", 10)
    line.advance(3)
    clock.now = 2
    line.finish()
    line.finish()
    assert stream.getvalue().splitlines()[1:] == ["rag: 3 of 10 in 2.0 s"]


def test_starting_anew_closes_what_was_open(line: PlainProgress, stream: io.StringIO) -> None:
    line.start("a", 1)
    line.start("b", 1)
    assert "a: 0 of 1" in stream.getvalue()


def test_advancing_without_a_start_is_harmless(line: PlainProgress, stream: io.StringIO) -> None:
    line.advance()
    assert stream.getvalue() == ""


def test_work_of_an_earlier_run_does_not_count_into_the_rate(clock: Clock) -> None:
    meter = Meter("training", 100, clock, done=50)
    meter.done, clock.now = 60, 10.0
    assert meter.rate == 1.0
    assert meter.pace() == "40 s left, 1.0/s"


def left(meter: Meter) -> float:
    assert meter.rate is not None
    return (meter.total - meter.done) / meter.rate


def test_a_slow_start_does_not_mislead(clock: Clock) -> None:
    meter = Meter("zero_shot", 1000, clock)
    clock.now = 20.0  # a model is loaded
    for done in range(1, 101):
        clock.now += 0.1
        meter.done = done
    assert left(meter) == pytest.approx(90, rel=0.02)


def test_answers_from_a_cache_do_not_mislead_for_long(clock: Clock) -> None:
    meter = Meter("zero_shot", 1000, clock)
    for done in range(1, 501):
        clock.now += 0.001
        meter.done = done
    for done in range(501, 851):
        clock.now += 0.1
        meter.done = done
    assert left(meter) == pytest.approx(15, rel=0.02)


def test_a_change_of_pace_is_followed(clock: Clock) -> None:
    meter = Meter("zero_shot", 2000, clock)
    for done in range(1, 1001):
        clock.now += 0.01 if done < 500 else 0.1
        meter.done = done
    assert left(meter) == pytest.approx(100, rel=0.02)


def test_slow_items_are_averaged_over_a_few(clock: Clock) -> None:
    meter = Meter("training", 20, clock)
    for done in range(1, 11):
        clock.now += 70 if done % 2 else 50
        meter.done = done
    assert left(meter) == pytest.approx(600, rel=0.1)


def test_a_slow_rate_is_told_in_seconds_per_item(clock: Clock) -> None:
    meter = Meter("x", 3, clock)
    meter.done, clock.now = 1, 4.0
    assert meter.pace() == "8.0 s left, 4.0 s each"


def test_silent_prints_nothing(stream: io.StringIO) -> None:
    console = make_console(stream, color=False)
    progress = make_progress(console, silent=True)
    progress.start("x", 2)
    progress.advance()
    progress.finish()
    make_emitter(console, silent=True)(TrainEvent(kind="note", message="hello"))
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar_and_keeps_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = make_progress(make_console(stream, color=True), silent=False)
    assert isinstance(progress, LiveProgress)
    progress.start("zero_shot [bold]", 2)
    progress.advance(2)
    progress.finish()
    out = stream.getvalue()
    assert "2/2" in out
    assert "zero_shot [bold]: 2 in " in out.splitlines()[-1]
    assert out.rindex("\x1b[?25h") > out.rindex("\x1b[?25l"), "the cursor must come back"


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_dumb_terminal_gets_lines(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    progress = make_progress(make_console(Terminal(), color=True), silent=False)
    assert isinstance(progress, PlainProgress)


def test_training_shows_loss_rate_memory_and_remaining_time(
    line: PlainProgress, stream: io.StringIO, clock: Clock
) -> None:
    emit = TrainingLine(line)
    emit(TrainEvent(kind="start", total_steps=40))
    emit(TrainEvent(kind="resume", step=10, total_steps=40, message="continues at step 10"))
    for step in (20, 30):
        clock.now += 12
        emit(TrainEvent(
            kind="step", step=step, total_steps=40, loss=1.2345, tokens_per_second=3456,
            memory_gib=0.91,
        ))  # fmt: skip
    emit(TrainEvent(kind="end", step=40, total_steps=40))
    lines = stream.getvalue().splitlines()
    assert "continues at step 10" in lines
    assert "training: 20/40, 24 s left, loss 1.234, 3.5k tok/s, 0.9 GiB" in lines
    assert lines[-1] == "training: 30 of 40 in 24 s, keeping the model included"


def test_what_an_event_did_not_measure_is_left_out(
    line: PlainProgress, stream: io.StringIO, clock: Clock
) -> None:
    emit = TrainingLine(line)
    emit(TrainEvent(kind="step", step=1, total_steps=9))
    clock.now = 11
    emit(TrainEvent(kind="step", step=2, total_steps=9))
    assert "loss" not in stream.getvalue()
    assert "GiB" not in stream.getvalue()


def test_the_remaining_time_and_the_cost_are_the_runs_own_and_looks_get_a_line(
    line: PlainProgress, stream: io.StringIO, clock: Clock
) -> None:
    emit = TrainingLine(line)
    emit(TrainEvent(kind="start", total_steps=40))
    emit(TrainEvent(kind="evaluation", step=10, total_steps=40, dev_loss=1.5, score=0.25))
    clock.now += 12
    emit(
        TrainEvent(kind="step", step=20, total_steps=40, loss=1.0, remaining_seconds=90, usd=0.256)
    )
    out = stream.getvalue()
    assert "step 10: dev loss 1.500, metric 0.250" in out
    assert "training: 20/40, 1 min 30 s left, loss 1.000, 0.26 USD" in out
