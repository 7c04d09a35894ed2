"""A model tuned on shuffled targets does not ship, and the reason says so."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from advisor.artifacts import RunFolder
from advisor.bundled import bundled_settings
from advisor.pipeline import Pipeline
from advisor.workspace import Workspace

pytestmark = [pytest.mark.ml, pytest.mark.slow]

TRAINED = 120
TESTED = 60


def shuffled(source: Path, goal: Path) -> None:
    """The data with the targets of its train samples exchanged; test and dev samples stay."""
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    train = [row for row in rows if row["split"] == "train"][:TRAINED]
    targets = [row["completion"] for row in train]
    random.Random(1).shuffle(targets)
    for row, target in zip(train, targets, strict=True):
        row["completion"] = target
    kept = [*train, *(row for row in rows if row["split"] != "train")]
    goal.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")


def test_a_model_tuned_on_shuffled_targets_is_discarded(tmp_path):
    settings = bundled_settings("fields").run
    data = tmp_path / "data.jsonl"
    shuffled(Path(settings.data), data)
    changes = {
        "data": str(data),
        "builders": ("zero_shot",),
        "methods": ("lora",),
        "limit": TESTED,
        "use_probes": False,
    }
    space = Workspace(settings.model_copy(update=changes), RunFolder(tmp_path / "run"))
    pipeline = Pipeline(space)
    pipeline.gate()
    pipeline.train()
    found = pipeline.verify()
    assert found.verdict == "discard"
    assert "not better" in found.because
    assert found.tuned.value < 0.5
    assert next(r.kind for r in found.regressions if r.vetoes) == "baseline"
