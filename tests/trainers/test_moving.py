"""16-bit weights that each step leaves as they are, and those that do move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advisor import registry
from tests.fixtures.training import RecordingTools, training_job
from tests.trainers.bench import bench_for
from trainers.engines.trl.quiet import quiet

pytestmark = pytest.mark.ml


def still(base: str, folder: Path, **changes: Any) -> tuple[float | None, list[str]]:
    """The share of weights that two steps leave as they are, and what is said of it."""
    from trainers.engines.trl._moving import Moving

    said: list[str] = []
    plan = {"epochs": 0.3, "learning_rate": 1e-5, "schedule": "constant", "warmup_share": 0.0}
    bench = bench_for(base, folder, changes.pop("method", "full"), **plan | changes)
    moving = Moving(said.append)
    with quiet():
        trainer = bench.build(bench.job.plan, bench.course.dataset, folder / "run")
        trainer.add_callback(moving)
        trainer.train()
    return moving.still, said


def test_steps_that_are_rounded_away_are_told_once(tiny_llama: str, tmp_path: Path):
    share, said = still(tiny_llama, tmp_path, precision="bfloat16")
    assert share > 0.5
    [note] = said
    assert "bit for bit" in note
    assert "--trained-precision float32" in note


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "bfloat16", "trained_precision": "float32", "compute_precision": "bfloat16"},
        {"precision": "bfloat16", "learning_rate": 1e-2},
        {"precision": "bfloat16", "method": "lora"},
    ],
)
def test_weights_that_move_are_not_spoken_of(
    tiny_llama: str, tmp_path: Path, changes: dict[str, Any]
):
    share, said = still(tiny_llama, tmp_path, **changes)
    assert share is None or share < 0.5
    assert said == []


def test_a_run_tells_it(tiny_llama: str, tmp_path: Path):
    changes = {"precision": "bfloat16", "learning_rate": 1e-5, "epochs": 1}
    tools = RecordingTools()
    job = training_job(tiny_llama, tmp_path / "out", "full", **changes)
    result = registry.trainer("trl").train(job, tools)
    [note] = [note for note in result.notes if "bit for bit" in note]
    assert note in [event.message for event in tools.of("note")]
