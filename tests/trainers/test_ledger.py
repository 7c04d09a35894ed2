"""The digest of a job changes with everything the weights depend on, and with nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import StorageError, TrainingError
from advisor.schema.evaluation import Sample
from tests.fixtures.training import RecordingTools, training_job
from trainers.engines import ledger
from trainers.engines.identity import job_digest, unwatched
from trainers.engines.ledger import Ledger, Progress, write_whole
from trainers.engines.lock import alone_in


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(3_000_000))
    return folder


def test_what_changes_the_weights_changes_the_digest(base: Path, tmp_path: Path):
    job = training_job(str(base), tmp_path / "out")
    other_sample = (Sample(id="s0", input="What?", target="That."), *job.train_samples[1:])
    others = [
        job.model_copy(update={"plan": job.plan.model_copy(update={"seed": 5})}),
        job.model_copy(update={"plan": job.plan.model_copy(update={"learning_rate": 1e-9})}),
        job.model_copy(update={"instruction": "Another."}),
        job.model_copy(update={"train_samples": other_sample}),
        job.model_copy(update={"train_samples": job.train_samples[::-1]}),
        job.model_copy(update={"dev_samples": job.train_samples[:2]}),  # the best look is kept
        job.model_copy(update={"probe_samples": job.train_samples[:2]}),
        job.model_copy(update={"metric_digest": "another metric"}),
    ]
    digests = {job_digest(j, "trl") for j in (job, *others)} | {job_digest(job, "dry_run")}
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    digests.add(job_digest(job, "trl"))
    assert len(digests) == 11


def test_what_an_option_names_counts_by_its_content(base: Path, tmp_path: Path):
    reward = tmp_path / "worth.py"
    reward.write_text("def worth(*told): return 1.0\n")
    model = tmp_path / "run" / "training" / "0123" / "final"
    model.mkdir(parents=True)
    (model / "base.json").write_text(json.dumps({"model": str(base)}))
    jobs = [
        training_job(str(base), tmp_path / "out", method_options={"reward": named})
        for named in (f"{reward}:worth", str(tmp_path / "run"), "metric")
    ]
    before = [job_digest(job, "trl") for job in jobs]
    reward.write_text("def worth(*told): return 2.0\n")
    (model / "model.safetensors").write_bytes(b"other weights")
    after = [job_digest(job, "trl") for job in jobs]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True]


@pytest.mark.parametrize(
    "named", [("adapter_config.json", "base_model_name_or_path"), ("base.json", "model")]
)
def test_an_adapter_as_base_counts_with_what_it_stands_on(
    base: Path, tmp_path: Path, named: tuple[str, str]
):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / named[0]).write_text(json.dumps({named[1]: str(base)}))
    job = training_job(str(adapter), tmp_path / "out")
    before = job_digest(job, "trl")
    (base / "model.safetensors").write_bytes(b"other weights")
    assert job_digest(job, "trl") != before


def test_a_metric_is_no_part_of_a_job_that_nobody_watches(tmp_path: Path):
    job = training_job("tiny", tmp_path / "out")
    scored = job.model_copy(update={"metric_digest": "f1", "probe_samples": job.train_samples[:2]})
    assert job_digest(unwatched(scored), "trl") == job_digest(job, "trl")


def test_what_does_not_change_the_weights_does_not_change_the_digest(base: Path, tmp_path: Path):
    job = training_job(str(base), tmp_path / "out")
    told = job.plan.model_copy(update={"reasons": {"rank": "lora-rank"}})
    for other in (
        job.model_copy(update={"output_dir": "elsewhere", "resume": True}),
        job.model_copy(update={"plan": told}),
        job.model_copy(update={"report_to": ("tensorboard",), "max_hours": 3.0}),
    ):
        assert job_digest(other, "trl") == job_digest(job, "trl")


@pytest.mark.parametrize("content", ["", "{", '{"job": 3}', '{"job": "another"}'])
def test_a_broken_or_foreign_progress_file_means_a_fresh_start(tmp_path: Path, content: str):
    book = Ledger(training_job("tiny", tmp_path / "out"), "trl")
    (book.folder / "checkpoint-3").mkdir(parents=True)
    (book.folder / "progress.json").write_text(content)
    assert book.begin(resume=True) == Progress(job=book.digest, identity=book.identity)
    assert not (book.folder / "checkpoint-3").exists()


def test_a_job_leaves_the_finished_result_of_another_alone(tmp_path: Path):
    first, second = (
        training_job("tiny", tmp_path / "out", epochs=epochs, resume=True) for epochs in (1, 2)
    )
    trainer = registry.trainer("dry_run")
    before = trainer.train(first, RecordingTools())
    other = trainer.train(second, RecordingTools())
    assert other.served_by.model != before.served_by.model
    again = RecordingTools()
    assert trainer.train(first, again) == before
    assert again.of("step") == []


def test_a_finished_job_begins_anew_where_that_is_asked_for(tmp_path: Path):
    job, trainer = training_job("tiny", tmp_path / "out"), registry.trainer("dry_run")
    told = []
    for resume in (True, True, False, True):
        tools = RecordingTools()
        trainer.train(job.model_copy(update={"resume": resume}), tools)
        told.append(len(tools.of("step")))
    assert told == [12, 0, 12, 0]


def test_what_a_changed_job_leaves_behind_is_told(tmp_path: Path):
    trainer, out = registry.trainer("dry_run"), tmp_path / "out"
    first = training_job("tiny", out, resume=True)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(first, RecordingTools(stop_at=5))
    tools = RecordingTools()
    changed = {"train_samples": first.train_samples[:-1], "learning_rate": 0.5}
    trainer.train(training_job("tiny", out, resume=True, **changed), tools)
    [left] = [event.message for event in tools.of("note")]
    assert left == (
        "Training begins anew: the one that was left at step 5 differs (learning_rate 0.01, now"
        f" 0.5, other training samples). It lies in {Ledger(first, 'dry_run').folder}: run with"
        " its settings to go on from there, or delete that folder."
    )
    assert "What is" not in (Ledger(first, "dry_run").folder / "progress.json").read_text()
    goes_on = RecordingTools()
    assert trainer.train(first, goes_on).resumed_from_step == 5
    assert goes_on.of("note") == []


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path):
    job = training_job("tiny", tmp_path / "out")
    with (
        alone_in(tmp_path / "out"),
        pytest.raises(TrainingError, match="Another process is training") as caught,
    ):
        registry.trainer("dry_run").train(job, RecordingTools())
    assert caught.value.where == str(tmp_path / "out")
    assert registry.trainer("dry_run").train(job, RecordingTools()).steps == 12


def test_without_resume_an_interrupted_run_starts_afresh(tmp_path: Path):
    book = Ledger(training_job("tiny", tmp_path / "out"), "trl")
    book.save(Progress(job=book.digest, wall_seconds=9, step=4))
    assert book.begin(resume=True).wall_seconds == 9
    assert book.begin(resume=False).wall_seconds == 0


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "progress.json"
    write_whole(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger.os, "fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["progress.json"]
