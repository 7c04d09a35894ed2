"""What is made of both models' scores by lm-evaluation-harness; runs without any probe."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from advisor import probes
from advisor.artifacts import RunFolder
from advisor.evaluation import harness
from advisor.evaluation.harness import TaskScores
from advisor.probes import Asked, probed
from advisor.schema.run import RunSettings
from advisor.workspace import Workspace
from tests.fixtures import values as v
from tests.fixtures.house_codes import write_house_codes

pytest.importorskip("scipy")


def space(tmp_path: Path, **changes) -> Workspace:
    data = str(write_house_codes(tmp_path / "data.jsonl"))
    settings = {"data": data, "backend": "echo", "trainer": "dry_run"} | changes
    return Workspace(RunSettings(**settings), RunFolder(tmp_path / "run"))


def scores(task: str, right: float, *, metric: str = "acc", each: float = 1.0) -> TaskScores:
    values = {str(n): each * float(n < right) for n in range(40)}
    return TaskScores(task=task, metric=metric, values=values)


def found(tmp_path, monkeypatch, before, after, tasks) -> dict:
    places = []
    for name in ("base", "tuned"):
        places.append(tmp_path / name)
        places[-1].mkdir()
        (places[-1] / "config.json").write_text("{}")

    def asked(model, tasks, folder, *, device=""):
        return before if model["pretrained"] == str(places[0]) else after

    monkeypatch.setattr(harness, "asked", asked)
    models = [Asked(p.name, "transformers", str(p), {}) for p in places]
    wanted = space(tmp_path, harness_tasks=tasks)
    return {one.probe: one for one in probes._harness(wanted, *models)}


def test_only_shares_are_tested_and_what_is_none_is_shown_in_its_own_unit(tmp_path, monkeypatch):
    before = (scores("calm", 40), scores("text", 40, metric="perplexity", each=12.5))
    after = (scores("calm", 10), scores("text", 40, metric="perplexity", each=99.0))
    told = found(tmp_path, monkeypatch, before, after, ("calm", "text"))
    share, other = told["calm (acc)"], told["text (perplexity)"]
    assert share.p_value < 1e-6
    assert (other.before, other.after, other.n, other.unit) == (12.5, 99.0, 40, "perplexity")
    assert other.p_value is None
    assert "no share from 0 to 1: shown, decides nothing" in other.note


def test_a_task_that_only_one_model_has_scores_of_stands_there(tmp_path, monkeypatch):
    before = (scores("both", 40), scores("first", 40), scores("other", 40))
    after = (scores("both", 40), scores("second", 40), scores("other", 40, metric="f1"))
    tasks = ("both", "first", "second", "other", "none")
    told = found(tmp_path, monkeypatch, before, after, tasks)
    assert "no scores of the tuned model" in told["first"].note
    assert "no scores of the base model" in told["second"].note
    assert "scored by f1" in told["other (acc)"].note
    assert "no scores under this name" in told["none"].note
    assert told["both (acc)"].worse_by == 0


def test_a_score_that_is_no_number_or_missing_is_lost(tmp_path, monkeypatch):
    broken = scores("calm", 40)
    values = dict.fromkeys(list(broken.values)[:20], math.nan)
    after = (broken.model_copy(update={"values": values}),)
    told = found(tmp_path, monkeypatch, (scores("calm", 40),), after, ("calm",))["calm (acc)"]
    assert (told.before, told.after, told.n) == (1.0, 0.0, 40)


def test_a_run_without_any_probe_says_so(tmp_path):
    wanted = space(tmp_path, use_probes=False)
    told = probed(wanted, v.train_result(), v.baselines(), v.evaluation("tuned", 0.9))
    assert [one.note for one in told if one.probe == "beside the task"] == [
        "No probe was asked (--no-probes), and none was named (--probe)."
    ]
