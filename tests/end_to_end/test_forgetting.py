"""A whole run whose tuning wrecked the model elsewhere is discarded, with what was lost by name."""

from __future__ import annotations

import json

import pytest

from advisor.artifacts import RunFolder
from advisor.pipeline import Pipeline
from advisor.schema.run import RunSettings
from advisor.workspace import Workspace
from examples.pretrain_tiny.probe import text_of

pytestmark = [pytest.mark.ml, pytest.mark.slow]

KNOWN = "probe 'conversations it knows' (right answers)"
CODES = {"printer": "PRN-4", "screen": "SCR-7", "phone": "PHN-2", "login": "LGN-9"}
WILD = {"learning_rate": 2e-2, "epochs": 2.0, "sequence_length": 192}
CAREFUL = {"learning_rate": 1e-3, "epochs": 2.0, "sequence_length": 192, "general_share": 0.3}


def verified(tmp_path, plan, **more):
    words = list(CODES)
    rows = [
        {
            "prompt": f"Ticket {n}: my {words[n % 4]} is broken",
            "completion": CODES[words[n % 4]],
            "split": "train" if n < 90 else "test",
        }
        for n in range(150)
    ]
    data = tmp_path / "tickets.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = RunSettings(
        data=str(data),
        builders=("zero_shot",),
        methods=("lora",),
        target=0.9,
        plan=plan,
        gate_override="whatever the gate says",
        **more,
    )
    pipeline = Pipeline(Workspace(settings, RunFolder(tmp_path / "run")))
    pipeline.run()
    if not pipeline.folder.has("train"):
        pipeline.train()
    return pipeline.verify()


def test_a_wild_rate_is_discarded_with_the_regression_named(tmp_path):
    found = verified(tmp_path, WILD)
    assert found.verdict == "discard"
    lost = {one.what for one in found.regressions if one.vetoes}
    assert lost >= {KNOWN, "probe 'conversations it knows, loss'"}
    assert f"{KNOWN}, from 88" in found.because


def test_a_careful_one_is_kept(tmp_path):
    general = tmp_path / "general.jsonl"
    general.write_text(text_of("general", 600), encoding="utf-8")
    found = verified(tmp_path, CAREFUL, general_data=str(general))
    assert found.verdict == "keep", found.because
    assert not any(one.is_worse for one in found.probes)
    assert len([one for one in found.probes if one.p_value is not None]) >= 4
