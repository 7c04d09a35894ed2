"""Forgetting is seen: an adapter tuned at a rate that wrecks the model, and a careful one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from advisor import registry
from advisor.artifacts import RunFolder
from advisor.evaluation import harness
from advisor.evaluation.harness import TaskScores
from advisor.probes import probed
from advisor.resources import embedded_model_root, probe_root
from advisor.schema.run import RunSettings
from advisor.schema.train import TrainResult
from advisor.stages.verify.regressions import regressions
from advisor.workspace import Workspace
from tests.fixtures import values as v
from tests.fixtures.house_codes import write_house_codes
from tests.fixtures.training import RecordingTools, training_job, training_samples

pytestmark = pytest.mark.ml

ITEMS = 32
RATES = {"wrecked": 5e-2, "careful": 1e-4}


def short_rows(folder: Path) -> Path:
    """Those of the packaged conversations that are answered fastest."""
    rows = (probe_root() / "tiny.jsonl").read_text(encoding="utf-8").splitlines()
    file = folder / "kinds.jsonl"
    file.write_text("\n".join(sorted(rows, key=len)[:ITEMS]) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> dict[str, TrainResult]:
    """The same few steps of LoRA on the embedded model, at two learning rates."""
    from trainers.engines.trl import TrlTrainer

    base = str(embedded_model_root())
    return {
        name: TrlTrainer().train(
            training_job(
                base,
                tmp_path_factory.mktemp(name),
                learning_rate=rate,
                rank=16,
                train_samples=training_samples(12),
            ),
            RecordingTools(),
        )
        for name, rate in RATES.items()
    }


@pytest.fixture
def space(tmp_path) -> Workspace:
    kinds = short_rows(tmp_path)
    settings = RunSettings(
        data=str(write_house_codes(tmp_path / "data.jsonl")),
        probes=(f"{kinds}=exact_match", f"{kinds}=loss"),
        use_probes=False,
        batch_size=32,
        max_new_tokens=16,
    )
    return Workspace(settings, RunFolder(tmp_path / "run"))


def test_what_a_wild_rate_wrecked_is_named_and_a_careful_one_kept(trained, space, monkeypatch):
    opened: Counter[str] = Counter()
    backend = type(registry.backend("transformers"))
    plain = backend.open

    def counted(self, model, settings):
        opened["base" if model == str(embedded_model_root()) else "tuned"] += 1
        return plain(self, model, settings)

    monkeypatch.setattr(backend, "open", counted)
    tuned, rivals = v.evaluation("tuned", 0.9), v.baselines()
    found = {
        name: {one.kind: one for one in probed(space, result, rivals, tuned) if one.n == ITEMS}
        for name, result in trained.items()
    }
    assert opened == {"base": 1, "tuned": 2}  # what the base answered is kept
    for kind in ("task", "loss"):
        assert found["wrecked"][kind].is_worse
        assert not found["careful"][kind].is_worse
        assert found["careful"][kind].before == found["wrecked"][kind].before
    assert found["wrecked"]["task"].worse_by > 0.3
    assert found["wrecked"]["loss"].interval.low > 0.5
    assert found["careful"]["loss"].worse_by < 0.1
    named = regressions(
        (),
        rivals,
        tuned,
        segments=(),
        probes=tuple(found["wrecked"].values()),
        is_tolerated=False,
    )
    assert {one.what for one in named if one.vetoes} == {
        "probe 'kinds (exact_match)' (right answers)",
        "probe 'kinds, loss'",
    }


def test_what_cannot_be_asked_stands_there_with_the_reason(trained, space):
    rivals, tuned = v.baselines(), v.evaluation("tuned", 0.9)
    reward = trained["careful"].model_copy(update={"objective": "reward"})
    nothing = trained["careful"].model_copy(update={"trainable_parameters": 0})
    served = trained["careful"].served_by.model_copy(update={"backend": "openai"})
    paid = trained["careful"].model_copy(update={"served_by": served})
    for result, told in (
        (reward, "reward model"),
        (nothing, "Nothing was trained"),
        (paid, "nobody agreed"),
    ):
        (found,) = (
            one for one in probed(space, result, rivals, tuned) if one.probe == "beside the task"
        )
        assert told in found.note
        assert (found.before, found.after, found.is_worse) == (None, None, False)


def test_tasks_of_the_harness_are_paired_and_the_bases_scores_kept(trained, space, monkeypatch):
    asked: list[dict[str, str]] = []

    def scores(model, tasks, folder, *, device=""):
        asked.append(dict(model))
        right = 10 if "peft" in model else 35
        values = {str(n): float(n < right) for n in range(40)}
        return (TaskScores(task=tasks[0], metric="exact_match", values=values),)

    monkeypatch.setattr(harness, "asked", scores)
    chosen = space.settings.model_copy(update={"probes": (), "harness_tasks": ("own_kinds",)})
    wanted = Workspace(chosen, space.folder)
    for _ in range(2):
        found = probed(wanted, trained["careful"], v.baselines(), v.evaluation("tuned", 0.9))
        (one,) = (found for found in found if found.kind == "harness")
        assert (one.probe, one.before, one.after, one.n) == (
            "own_kinds (exact_match)",
            35 / 40,
            10 / 40,
            40,
        )
        assert one.is_worse
    base, adapter = str(embedded_model_root()), trained["careful"].served_by.model
    tuned = {"pretrained": base, "peft": adapter}
    assert asked == [{"pretrained": base}, tuned, tuned]
