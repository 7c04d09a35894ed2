"""The train stage hands over what belongs together and refuses the rest before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import DatasetError, PlanError, PluginError, StorageError
from advisor.stages.train import check_trains, train
from tests.fixtures.training import RecordingTools, training_job


def test_delegates_to_the_trainer(tmp_path: Path):
    tools = RecordingTools()
    job = training_job("tiny", tmp_path / "deep" / "out")
    result = train(job, trainer=registry.trainer("dry_run"), tools=tools)
    assert result.trainer == "dry_run"
    assert len(tools.of("step")) == result.steps


def test_a_pair_the_trainer_does_not_take_is_told(tmp_path: Path):
    job = training_job("tiny", tmp_path / "out", objective="dpo")
    with pytest.raises(PluginError, match="'dry_run' does not take dpo with lora") as caught:
        train(job, trainer=registry.trainer("dry_run"), tools=RecordingTools())
    assert "sft with lora" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_no_samples_is_told(tmp_path: Path):
    job = training_job("tiny", tmp_path / "out", train_samples=())
    with pytest.raises(DatasetError):
        train(job, trainer=registry.trainer("dry_run"), tools=RecordingTools())


def test_an_unwritable_folder_is_told_before_training(tmp_path: Path):
    (tmp_path / "file").touch()
    tools = RecordingTools()
    with pytest.raises(StorageError, match="cannot be written"):
        train(
            training_job("tiny", tmp_path / "file" / "out"),
            trainer=registry.trainer("dry_run"),
            tools=tools,
        )
    assert tools.events == []


def test_a_method_that_can_only_be_estimated_is_told_before_training(tmp_path: Path):
    job = training_job("tiny", tmp_path / "out", method="galore")
    with pytest.raises(PlanError, match="'galore' can be estimated, but the trainer 'trl'") as told:
        train(job, trainer=registry.trainer("trl"), tools=RecordingTools())
    assert "lora" in told.value.hint
    assert "lisa" not in told.value.hint
    assert not (tmp_path / "out").exists()
    check_trains(registry.trainer("trl").info, "lora")
