"""A whole run whose tuning wrecked the model elsewhere is discarded, with what was lost by name."""

from __future__ import annotations

import pytest

from advisor.artifacts import RunFolder
from advisor.bundled import bundled_settings
from advisor.pipeline import Pipeline
from advisor.workspace import Workspace
from examples.pretrain_tiny.probe import text_of

pytestmark = [pytest.mark.ml, pytest.mark.slow]

WILD = {"learning_rate": 4e-3, "epochs": 6, "rank": 16}
CAREFUL = {"learning_rate": 1e-3, "epochs": 4, "rank": 16, "general_share": 0.6}


def verified(tmp_path, plan, **more):
    changes = {"plan": plan, "methods": ("lora",), "builders": ("zero_shot",)} | more
    settings = bundled_settings("tickets").run.model_copy(update=changes)
    return Pipeline(Workspace(settings, RunFolder(tmp_path / "run"))).run().verification


def test_a_wild_rate_is_discarded_with_the_regression_named(tmp_path):
    found = verified(tmp_path, WILD)
    assert found.verdict == "discard"
    assert found.comparisons[0].difference > 0.8  # on its task it is far better
    lost = {one.what for one in found.regressions if one.vetoes}
    assert lost >= {"probe own kinds (task)", "probe own kinds, loss (loss)"}
    assert "got worse elsewhere: probe own kinds (task) went from 88" in found.because


def test_a_careful_one_is_kept(tmp_path):
    general = tmp_path / "general.jsonl"
    general.write_text(text_of("general", 600), encoding="utf-8")
    found = verified(tmp_path, CAREFUL, general_data=str(general))
    assert found.verdict == "keep", found.because
    assert not any(one.is_worse for one in found.probes)
    assert len([one for one in found.probes if one.p_value is not None]) >= 4
