"""The order of the stages, on the echo backend and the dry-run trainer: no model, no GPU."""

from __future__ import annotations

import json
import time

import pytest

from advisor import registry, test_ledger
from advisor.artifacts import STAGES, RunFolder
from advisor.errors import (
    ArtifactError,
    ConsentError,
    DatasetError,
    MissingArtifactError,
    TrainingError,
)
from advisor.kept_settings import ALWAYS_WRITTEN, load_settings, save_settings
from advisor.pipeline import Pipeline
from advisor.render.advice_grids import plan_of
from advisor.schema.gate import GateVerdict
from advisor.schema.run import SETTINGS_FILE, RunSettings
from advisor.shipping.paperwork import card_facts
from advisor.workspace import Workspace
from tests.fixtures.house_codes import write_house_codes

pytest.importorskip("scipy")


@pytest.fixture
def data(tmp_path):
    return write_house_codes(tmp_path / "data.jsonl")


@pytest.fixture
def answers(tmp_path):
    path = tmp_path / "answers.yaml"
    path.write_text("output: {house_format: true, strict_format: true}\n")
    return path


@pytest.fixture
def make(data, answers, tmp_path):
    def pipeline(**changes):
        settings = RunSettings(
            **{
                "name": "codes",
                "data": str(data),
                "backend": "echo",
                "trainer": "dry_run",
                "target": 0.9,
                "builders": ("zero_shot", "few_shot"),
                "methods": ("lora",),
                "answers": str(answers),
            }
            | changes
        )
        return Pipeline(Workspace(settings, RunFolder(tmp_path / "run")))

    return pipeline


def test_a_whole_run_leaves_every_document(make):
    pipeline = make()
    report = pipeline.run()
    assert report.gate.verdict == "train"
    assert report.verification is not None
    assert sorted(pipeline.made) == sorted(STAGES)
    for name in ("report.md", "report.html", "run.json"):
        assert (pipeline.folder.path / name).stat().st_size > 0


def test_the_tuned_models_look_at_the_test_part_is_counted(make):
    pipeline = make()
    pipeline.run()
    record = pipeline.workspace.split_record
    assert test_ledger.uses(record.test_digest) == 3  # two baselines and the tuned model
    again = make()
    again.run()
    assert test_ledger.uses(record.test_digest) == 3


def test_a_second_run_makes_nothing_anew(make):
    make().run()
    again = make()
    again.run()
    assert again.made == []


def test_another_target_judges_again_and_measures_nothing(make):
    make().run()
    again = make(target=0.0)
    report = again.run()
    assert "baseline" not in again.made
    assert "gate" in again.made
    assert report.gate.verdict == "stop"
    assert report.verification is None


def test_a_run_that_overrides_the_gate_trains_and_says_so(make):
    pipeline = make(target=0.0, gate_override="to see what it brings")
    report = pipeline.run()
    assert report.gate.verdict == "stop"
    assert report.verification is not None
    assert any("although the gate says stop: to see" in n for n in report.training.notes)


def test_the_profile_names_the_metric_in_use(make):
    told = make().profile()
    assert told.task.metric == "exact_match"
    assert told.provenance["task.metric"] == "settings"
    named = make(metric="token_f1").profile()
    assert named.task.metric == "token_f1"
    assert named.provenance["task.metric"] == "asked"


def test_regate_estimates_first_where_nothing_was_estimated(make):
    pipeline = make()
    pipeline.baseline()
    assert not pipeline.folder.has("estimate")
    assert pipeline.regate().verdict == "train"
    assert pipeline.made[-2:] == ["estimate", "gate"]


def test_regate_without_baselines_is_an_error(make):
    pipeline = make()
    pipeline.profile()
    with pytest.raises(MissingArtifactError, match=r"4-baseline\.json"):
        pipeline.regate()
    assert not pipeline.folder.has("estimate")


def test_regate_from_documents_alone(make):
    first = make()
    first.run()
    first.workspace.samples = None  # nothing but the documents may be touched
    assert first.regate(target=0.0).verdict == "stop"
    assert first.folder.read("gate", GateVerdict).target == 0.0
    assert first.folder.freshness("verify") == "stale"


def test_changed_data_makes_later_documents_stale(make, data):
    make().run()
    lines = data.read_text().splitlines()
    data.write_text("\n".join([*lines[:250], *lines[251:]]) + "\n")
    changed = make()
    changed.profile()
    assert changed.folder.freshness("baseline") == "stale"
    assert changed.folder.freshness("gate") == "stale"


def test_no_consent_no_training(make):
    pipeline = make()
    report = pipeline.run(lambda _verdict, _option: False)
    assert report.gate.verdict == "train"
    assert not pipeline.folder.has("train")


def test_a_trainer_that_spends_money_needs_consent(make, monkeypatch):
    pipeline = make()
    trainer = pipeline.workspace.trainer
    info = trainer.info.model_copy(update={"spends_money": True})
    monkeypatch.setattr(type(trainer), "info", info)
    with pytest.raises(ConsentError, match="spends money"):
        pipeline.run()
    assert not pipeline.folder.has("train")


def test_without_data_nothing_is_measured(make):
    with pytest.raises(DatasetError, match="No data was given"):
        make(data=None).baseline()


def test_settings_come_back_from_the_folder(make):
    pipeline = make()
    save_settings(pipeline.settings, pipeline.folder)
    assert load_settings(pipeline.folder) == pipeline.settings


def test_settings_that_are_not_all_there_are_damaged(make):
    pipeline = make()
    save_settings(pipeline.settings, pipeline.folder)
    path = pipeline.folder.path / SETTINGS_FILE
    kept = json.loads(path.read_text())
    for lost in ALWAYS_WRITTEN:
        path.write_text(json.dumps({k: v for k, v in kept.items() if k != lost}))
        with pytest.raises(ArtifactError, match=f"does not say {lost}"):
            load_settings(pipeline.folder)
    added_since = ("harness_path", "tolerate_for", "probes", "general_data")
    path.write_text(json.dumps({k: v for k, v in kept.items() if k not in added_since}))
    assert load_settings(pipeline.folder) == pipeline.settings


def test_a_folder_without_settings_is_no_run(tmp_path):
    with pytest.raises(MissingArtifactError, match="not a run folder"):
        load_settings(RunFolder(tmp_path))


def test_verification_before_training_names_what_is_missing(make):
    pipeline = make()
    pipeline.gate()
    with pytest.raises(MissingArtifactError, match=r"6-train\.json"):
        pipeline.verify()


def test_training_is_made_again_only_where_it_is_to_begin_anew(make):
    make().run()
    log = make().folder.path / "train.jsonl"
    told = []
    for resume in (True, False, True):
        pipeline = make()
        before = log.read_text().count('"kind":"step"')
        pipeline.train(resume=resume)
        told.append((pipeline.made, log.read_text().count('"kind":"step"') > before))
    assert told == [([], False), (["train"], True), ([], False)]


def test_training_stops_at_the_time_limit(make, monkeypatch):
    pipeline = make(max_hours=1.0)
    pipeline.gate()

    def endless(job, tools):
        assert tools.should_stop() is False
        monkeypatch.setattr(time, "monotonic", lambda: tools.began + 3601.0)
        assert tools.should_stop() is True
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline.workspace.trainer, "train", endless, raising=False)
    with pytest.raises(TrainingError, match="limit of 1 hours"):
        pipeline.train()
    assert not pipeline.folder.has("train")


def test_a_backend_that_spends_money_needs_consent(make, monkeypatch):
    backend = registry.backend("echo")
    info = backend.info.model_copy(update={"spends_money": True})
    monkeypatch.setattr(type(backend), "info", info)
    with pytest.raises(ConsentError, match="A price is unknown, so 120 calls for tiny"):
        make().baseline()
    paying = Pipeline(make().workspace, may_spend=True).baseline()
    assert paying.evaluations[0].usage.usd is None


def test_a_finished_training_is_not_asked_for_again(make):
    make().run()
    asked = []
    make().run(lambda _verdict, _option: asked.append(1) or False)
    assert asked == []


def test_a_changed_price_list_makes_the_estimate_anew(make):
    make().run()
    again = make()
    again.workspace.catalog_digest = "another"
    again.run()
    assert "estimate" in again.made
    assert "baseline" not in again.made


def test_a_failure_that_has_passed_is_asked_again_by_the_same_command(make, monkeypatch):
    session = type(registry.backend("echo").open("tiny", {}))
    answer = session._answer
    lost = {"text": "", "finish": "error", "error": "connection refused", "may_pass": True}

    def down(self, prompt, max_new_tokens):
        done = answer(self, prompt, max_new_tokens)
        is_down = "word245?" in prompt.messages[-1].content
        return done.model_copy(update=lost) if is_down else done

    monkeypatch.setattr(session, "_answer", down)
    assert any(e.failures for e in make().baseline().evaluations)
    monkeypatch.setattr(session, "_answer", answer)
    again = make()
    assert not any(e.failures for e in again.baseline().evaluations)
    assert again.made == ["baseline"]


def test_answers_marked_as_bad_are_left_out_and_told(tmp_path):
    rows = [
        {"prompt": f"What is {n}?", "completion": f"It is {n}.", "label": n % 4 != 0}
        for n in range(80)
    ]
    data = tmp_path / "marked.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    space = Workspace(RunSettings(name="x", data=str(data)), RunFolder(tmp_path / "run"))
    assert len(space.samples) == 60
    assert all(sample.is_good for sample in space.samples)
    assert any(note.startswith("20 of 80 answers are marked as bad") for note in space.notes)


def test_what_was_trained_stays_what_it_was_when_another_plan_is_estimated(make):
    pipeline = make()
    first = pipeline.run()
    assert first.training.plan == pipeline.plan()
    assert first.verification.estimate_vs_measured
    rank = first.training.plan.rank
    again = make()
    again.estimate({"rank": 4 * rank})
    assert again.plan().rank == 4 * rank
    report = again.report()
    assert plan_of(report).rank == rank
    assert card_facts(again.workspace, None).plan["rank"] == rank
    (again.folder.path / "7-verify.json").unlink()
    assert again.verify().estimate_vs_measured == ()
