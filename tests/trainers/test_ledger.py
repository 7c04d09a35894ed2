"""The digest of a job changes with everything the weights depend on, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import StorageError, TrainingError
from advisor.schema.evaluation import Sample
from tests.fixtures.training import RecordingTools, training_job
from trainers.engines import ledger
from trainers.engines.ledger import Ledger, Progress, job_digest, write_whole
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
    ]
    digests = {job_digest(j, "trl") for j in (job, *others)} | {job_digest(job, "dry_run")}
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    digests.add(job_digest(job, "trl"))
    assert len(digests) == 8


def test_what_does_not_change_the_weights_does_not_change_the_digest(base: Path, tmp_path: Path):
    job = training_job(str(base), tmp_path / "out")
    told = job.plan.model_copy(update={"reasons": {"rank": "lora-rank"}})
    for other in (
        job.model_copy(update={"output_dir": "elsewhere", "resume": True}),
        job.model_copy(update={"plan": told}),
        job.model_copy(update={"dev_samples": job.train_samples[:2]}),
    ):
        assert job_digest(other, "trl") == job_digest(job, "trl")


@pytest.mark.parametrize("content", ["", "{", '{"job": 3}', '{"job": "another"}'])
def test_a_broken_or_foreign_progress_file_means_a_fresh_start(tmp_path: Path, content: str):
    book = Ledger(training_job("tiny", tmp_path / "out"), "trl")
    (book.folder / "checkpoint-3").mkdir(parents=True)
    (book.folder / "progress.json").write_text(content)
    assert book.begin(resume=True) == Progress(job=book.digest)
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
