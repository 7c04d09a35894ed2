"""The user's file of measured runs: written whole, listed, removed, switched off."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor import calibration, market
from advisor.catalog import query
from advisor.cli.main import cli
from advisor.errors import AdvisorWarning, PlanError, StorageError
from advisor.schema.calibration import CalibrationRecord
from advisor.schema.estimate import EstimateRequest
from advisor.schema.machine import MachineFacts
from advisor.schema.train import Served, TrainResult
from tests.fixtures.training import training_plan


def record(measured=2.0, **changes):
    base = CalibrationRecord(
        id="",
        date="2026-11-26",
        machine="CPU of this machine (16 GiB)",
        model="tiny",
        plan=training_plan("tiny"),
        tier="process",
        estimated_gib=2.0,
        measured_gib=measured,
    )
    return calibration.identified(base.model_copy(update=changes))


def test_the_file_lies_under_the_home_that_tests_are_given():
    assert str(calibration.file()).startswith(os.environ["ADVISOR_HOME"])


def test_records_come_back_in_order_and_each_once():
    first, second = record(1.0), record(3.0)
    assert [calibration.add(one) for one in (first, second, first)] == [True, True, False]
    assert calibration.records() == (first, second)


def test_a_line_that_cannot_be_read_costs_only_itself():
    calibration.add(record(1.0))
    with calibration.file().open("a") as stream:
        stream.write("{half a li\n")
    calibration.add(record(3.0))
    assert [one.measured_gib for one in calibration.records()] == [1.0, 3.0]


def test_runs_that_end_together_do_not_mix():
    wanted = [record(1.0 + i / 8) for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(calibration.add, wanted))
    assert sorted(one.id for one in calibration.records()) == sorted(one.id for one in wanted)


def test_one_or_all_can_be_removed():
    first, second = record(1.0), record(3.0)
    calibration.add(first)
    calibration.add(second)
    assert calibration.remove(first.id) == 1
    assert calibration.records() == (second,)
    with pytest.raises(PlanError, match="no calibration record 'nope'"):
        calibration.remove("nope")
    assert calibration.remove("all") == 1
    assert not calibration.file().exists()


def test_switched_off_nothing_is_written_or_read(monkeypatch):
    calibration.add(record(1.0))
    monkeypatch.setenv(calibration.SWITCH, "off")
    assert not calibration.add(record(3.0))
    assert calibration.records() == ()


def test_a_folder_that_cannot_be_made_is_told(monkeypatch, tmp_path: Path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADVISOR_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"calibration\.jsonl cannot be written"):
        calibration.add(record())


def test_the_command_lists_and_removes():
    kept = record(1.5)
    calibration.add(kept)
    listed = CliRunner().invoke(cli, ["calibration", "list", "--json"])
    assert json.loads(listed.stdout)["records"][0]["id"] == kept.id
    assert kept.id in CliRunner().invoke(cli, ["calibration", "list"]).stdout
    removed = CliRunner().invoke(cli, ["calibration", "remove", "all", "--json"])
    assert json.loads(removed.stdout)["removed"] == 1
    assert calibration.records() == ()


MACHINE = MachineFacts(cpu_cores=4, memory_gib=16.0)


def local_option():
    request = EstimateRequest(methods=("lora",), examples=100, as_of="2026-11-26", machine=MACHINE)
    return market.estimated(request, model=query.find_model("tiny"), gpus=("local",)).options[0]


def finished(peak):
    return TrainResult(
        trainer="trl",
        method="lora",
        objective="sft",
        output_dir="",
        served_by=Served(backend="echo", model=""),
        loss=(),
        steps=1,
        trainable_parameters=1,
        peak_memory_gib=peak,
        memory_tier="process",
        tokens_per_second=120.0,
        wall_seconds=1.0,
        train_samples=1,
        versions={},
        seed=0,
    )


def test_a_finished_run_corrects_the_next_estimate_for_this_machine():
    before = local_option()
    market.remember(before, finished(before.memory.process_gib.likely * 1.2), MACHINE)
    after = local_option()
    ratio = after.memory.process_gib.likely / before.memory.process_gib.likely
    assert ratio == pytest.approx(1.2**0.25)
    assert after.memory.allocated_gib == before.memory.allocated_gib
    assert before.tokens_per_second is None
    assert after.tokens_per_second.likely == pytest.approx(120.0)
    assert any("advisor calibration list" in text for text in after.assumptions)
    calibration.remove("all")
    assert local_option() == before


def test_a_run_whose_memory_is_unknown_is_not_recorded():
    market.remember(local_option(), finished(None), MACHINE)
    assert calibration.records() == ()


def test_a_record_that_cannot_be_written_is_told_and_costs_no_run(monkeypatch, tmp_path: Path):
    option = local_option()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADVISOR_HOME", str(tmp_path / "file"))
    with pytest.warns(AdvisorWarning, match=r"calibration\.jsonl"):
        market.remember(option, finished(1.0), MACHINE)
