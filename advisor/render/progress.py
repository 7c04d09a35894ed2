"""Live progress with rate and remaining time: a bar on a terminal, a calm line elsewhere."""

from __future__ import annotations

import atexit
import time
from collections import deque
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress

from advisor.render.terminal import only_ascii, safe_text
from advisor.schema.train import TrainEvent
from advisor.units import short_count, short_duration

if TYPE_CHECKING:
    from rich.console import Console

    from advisor.contracts import Clock, Emit, Progress

QUIET_SECONDS = 10.0
"""Least time between two lines where a bar cannot be drawn."""
RATE_SECONDS = 30.0
"""The rate is measured over about so long."""
MARK_SECONDS = 0.5
"""Between two marks from which a rate can be taken."""
LEAST_MARKS = 5
LABEL_WIDTH = 30
KEPT = ", keeping the model included"


class Meter:
    """How far a piece of work is, how fast it goes, and how long it will still take.

    The rate is that of the last half minute (or of the last few items, where they are slow), so
    that neither a slow start nor what was found in a cache misleads about what is left.
    """

    def __init__(self, label: str, total: int, clock: Clock, done: int = 0) -> None:
        self.label = safe_text(label, LABEL_WIDTH)
        self.total = max(total, 0)
        self._clock = clock
        self._done = done
        self._started = clock()
        self._base = done  # what was taken over from an earlier run says nothing about the rate
        self._marks: deque[tuple[float, int]] = deque()

    @property
    def done(self) -> int:
        """Items done so far, those of an earlier run included."""
        return self._done

    @done.setter
    def done(self, count: int) -> None:
        self._done = count
        now = self._clock()
        if not self._marks and count > self._base:
            self._marks.append((now, count))
        elif self._marks and now - self._marks[-1][0] >= MARK_SECONDS:
            self._marks.append((now, count))
            while len(self._marks) > LEAST_MARKS and now - self._marks[0][0] > RATE_SECONDS:
                self._marks.popleft()

    @property
    def seconds(self) -> float:
        """Seconds since the work began."""
        return self._clock() - self._started

    @property
    def rate(self) -> float | None:
        """Items per second; None before anything is done."""
        since, before = self._marks[0] if self._marks else (0.0, 0)
        if self.done <= before or self._clock() <= since:  # a first part tells by its own time
            since, before = self._started, self._base
        fresh, seconds = self.done - before, self._clock() - since
        return fresh / seconds if fresh > 0 and seconds > 0 else None

    def pace(self, note: str = "", left: float | None = None) -> str:
        """Rate (or `note` in its place) and remaining time; no time before anything is done.

        Seconds that are `left` are those of somebody who knows better.
        """
        if self.rate is None:
            return note
        left = max(self.total - self.done, 0) / self.rate if left is None else left
        rate = f"{self.rate:.1f}/s" if self.rate >= 1 else f"{1 / self.rate:.1f} s each"
        remaining = f"{short_duration(left)} left" if left else ""
        return ", ".join(part for part in (remaining, note or rate) if part)

    @property
    def ending(self) -> str:
        """The line that stays on the screen."""
        count = f"{self.done}" if self.done == self.total else f"{self.done} of {self.total}"
        return f"{self.label}: {count} in {short_duration(self.seconds)}"


class SilentProgress:
    """Nobody watches."""

    def start(self, label: str, total: int, done: int = 0) -> None:
        """Nothing."""

    def advance(self, count: int = 1) -> None:
        """Nothing."""

    def finish(self, more: str = "") -> None:
        """Nothing."""

    def show(self, done: int, note: str = "", left: float | None = None) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""


class PlainProgress:
    """A line at the start, one at the end, and at most one every ten seconds between."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._meter: Meter | None = None
        self._spoke = 0.0

    def start(self, label: str, total: int, done: int = 0) -> None:
        """Begin `total` items of work, `done` of them already; close what was still open."""
        self.finish()
        self._meter = Meter(label, total, self._clock, done)
        self._spoke = self._clock()
        self.say(f"{self._meter.label}: {total} to do")

    def advance(self, count: int = 1) -> None:
        """So many items more are done."""
        if self._meter is not None:
            self.show(self._meter.done + count)

    def show(self, done: int, note: str = "", left: float | None = None) -> None:
        """So many items are done in all; `note` stands in place of the rate."""
        meter = self._meter
        if meter is None:
            return
        meter.done = done
        if self._clock() - self._spoke < QUIET_SECONDS or done >= meter.total:
            return
        self._spoke = self._clock()
        self.say(f"{meter.label}: {done}/{meter.total}, {meter.pace(note, left)}")

    def finish(self, more: str = "") -> None:
        """Close the piece of work with one line and `more`; harmless when none is open."""
        if self._meter is not None:
            self.say(f"{self._meter.ending}{more}")
        self._meter = None

    def say(self, text: str) -> None:
        """One line of prose."""
        self._console.print(safe_text(text), soft_wrap=True)


class LiveProgress:
    """A bar that redraws itself; one line stays when the work is done."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._meter: Meter | None = None
        self._bar: RichProgress | None = None

    def start(self, label: str, total: int, done: int = 0) -> None:
        """Begin `total` items of work, `done` of them already; close what was still open."""
        self.finish()
        self._meter = Meter(label, total, self._clock, done)
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[note]}", markup=False, style="dim"),
            console=self._console,
            transient=True,
            refresh_per_second=4,
        )
        atexit.register(self.finish)  # an error on the way must not leave the cursor hidden
        self._bar.start()
        self._bar.add_task(self._meter.label, total=max(total, 1), completed=done, note="")

    def advance(self, count: int = 1) -> None:
        """So many items more are done."""
        if self._meter is not None:
            self.show(self._meter.done + count)

    def show(self, done: int, note: str = "", left: float | None = None) -> None:
        """So many items are done in all; `note` stands in place of the rate."""
        if self._meter is None or self._bar is None:
            return
        self._meter.done = done
        self._bar.update(self._bar.task_ids[0], completed=done, note=self._meter.pace(note, left))

    def finish(self, more: str = "") -> None:
        """Take the bar away and leave one line and `more`; harmless when none is open."""
        meter, self._meter = self._meter, None
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            atexit.unregister(self.finish)
        if meter is not None:
            self.say(f"{meter.ending}{more}")

    def say(self, text: str) -> None:
        """One line of prose, above the bar where there is one."""
        self._console.print(safe_text(text), soft_wrap=True)


def make_progress(console: Console, *, silent: bool) -> Progress:
    """A bar on a terminal, plain lines elsewhere, nothing when silent."""
    return _line(console, silent=silent)


def _line(console: Console, *, silent: bool) -> SilentProgress | PlainProgress | LiveProgress:
    if silent:
        return SilentProgress()
    if console.is_terminal and not console.is_dumb_terminal and not only_ascii(console):
        return LiveProgress(console)
    return PlainProgress(console)


def make_emitter(console: Console, *, silent: bool) -> Emit:
    """Receives training events and shows step, loss, tokens per second, memory, remaining time."""
    return TrainingLine(_line(console, silent=silent))


class TrainingLine:
    """Training as one line of progress."""

    def __init__(self, line: SilentProgress | PlainProgress | LiveProgress) -> None:
        self._line = line
        self._open = False

    def __call__(self, event: TrainEvent) -> None:
        """Show one event."""
        if event.message and event.kind in ("note", "resume"):
            self._line.say(event.message)
        if event.kind == "evaluation":
            self._line.say(_look(event))
        if event.kind == "end":
            self._open = False
            self._line.finish(KEPT)
        elif event.total_steps:
            self._begin(event)
            self._line.show(event.step, _numbers(event), left=event.remaining_seconds)

    def _begin(self, event: TrainEvent) -> None:
        """Open the line at the first event that knows the number of steps."""
        if not self._open:
            self._open = True
            self._line.start("training", event.total_steps, event.step)


def _numbers(event: TrainEvent) -> str:
    """What an event measured, in a few words; what it did not measure is left out."""
    parts = []
    if event.loss is not None:
        parts.append(f"loss {event.loss:.3f}")
    if event.tokens_per_second is not None:
        parts.append(f"{short_count(event.tokens_per_second)} tok/s")
    if event.memory_gib is not None:
        parts.append(f"{event.memory_gib:.1f} GiB")
    if event.usd is not None:
        parts.append(f"{event.usd:.2f} USD")
    return ", ".join(parts)


def _look(event: TrainEvent) -> str:
    """What a look at the dev split showed."""
    seen = {"dev loss": event.dev_loss, "metric": event.score}
    told = [f"{name} {value:.3f}" for name, value in seen.items() if value is not None]
    return f"step {event.step}: {', '.join(told)}"
