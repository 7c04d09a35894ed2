"""What a person is told before and after training: the data's parts, the result, the way on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from advisor.artifacts import RunFolder
from advisor.cli.screen import Screen
from advisor.interview.closing import NextCommand
from advisor.pipeline import Pipeline
from advisor.schema.train import TrainResult
from advisor.tuning import UNANSWERING


def tell_data(screen: Screen, pipeline: Pipeline) -> None:
    """How the samples are parted, and what the decision warns of."""
    parts = Counter(sample.split for sample in pipeline.workspace.samples)
    held = f"{parts['train']} to train on, {parts['dev']} dev, {parts['test']} test held back"
    screen.note(f"{parts.total()} samples: {held}.")
    for warning in pipeline.decide().warnings:
        screen.note(f"Warning: {warning}")


def show_result(screen: Screen, pipeline: Pipeline, result: TrainResult) -> None:
    """What came of training, and the commands that show whether it helped."""
    from advisor.render.decision import show_command  # noqa: PLC0415 - rich is slow to load
    from advisor.render.training import show_training  # noqa: PLC0415 - rich is slow to load

    show_training(screen.console, result)
    if result.objective not in UNANSWERING:
        for onward in after_training(pipeline.folder.path):
            show_command(screen.console, onward.line)


def after_training(run_dir: Path) -> tuple[NextCommand, ...]:
    """The baselines where they are missing, then the proof against them."""
    is_measured = RunFolder(run_dir).freshness("baseline") == "fresh"
    steps = ("verify",) if is_measured else ("baseline", "verify")
    return tuple(NextCommand(("advisor", step, "--run-dir", str(run_dir))) for step in steps)
