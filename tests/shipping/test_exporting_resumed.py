"""Exports that were broken off are gone on with; folders of models are asked their run's task."""

from __future__ import annotations

import pytest

from advisor.artifacts import RunFolder
from advisor.errors import (
    ConsentError,
    StorageError,
)
from advisor.shipping.checking import CHECK_LATER
from advisor.shipping.export_record import read_record
from advisor.shipping.exporting import export_run
from advisor.shipping.exporting_folder import export_folder
from advisor.tools import Silence
from tests.fixtures.finished_runs import (
    broken_off,
    copying,
    finished,
    judged,
    pipeline,
    replaced,
    run,
    wish,
)

__all__ = ["copying", "finished", "run"]

pytest.importorskip("scipy")


def test_a_check_that_was_broken_off_is_gone_on_with(run, copying, monkeypatch):
    broken_off(monkeypatch, lambda: export_run(pipeline(run), wish()))
    goal = run / "exports" / "copied"
    assert read_record(goal).warnings == (CHECK_LATER,)
    record = export_run(pipeline(run), wish(check=60))
    assert len(copying.jobs) == 1
    assert record.agreement.verdict == "same"
    assert CHECK_LATER not in record.warnings


def test_what_was_broken_off_is_gone_on_with_only_where_it_is_what_is_asked(
    run, copying, monkeypatch
):
    other = {"answers": "no"}
    broken_off(monkeypatch, lambda: export_run(pipeline(run), wish(options=other)))
    with pytest.raises(StorageError, match="made with answers=no than asked now"):
        export_run(pipeline(run), wish())
    with pytest.raises(StorageError, match="made otherwise"):
        export_run(pipeline(run), wish(options=other, name="another"))
    judged(RunFolder(run), "discard")
    with pytest.raises(ConsentError, match="says discard"):
        export_run(pipeline(run), wish(options=other))
    judged(RunFolder(run), "keep")
    replaced(run)
    with pytest.raises(StorageError, match="from another model"):
        export_run(pipeline(run), wish(options=other, anyway="a try"))
    assert len(copying.jobs) == 1


def test_a_folder_s_export_that_was_broken_off_is_gone_on_with(run, copying, monkeypatch, tmp_path):
    model, goal = next((run / "training").glob("*/final")), tmp_path / "out"

    def work():
        return export_folder(model, wish(check=7), goal, progress=Silence())

    broken_off(monkeypatch, work, "exporting_folder.certified_on")
    assert read_record(goal).warnings == (CHECK_LATER,)
    assert work().agreement.n == 7
    assert CHECK_LATER not in read_record(goal).warnings
    assert len(copying.jobs) == 1
    with pytest.raises(StorageError, match="holds something"):
        work()


def test_a_model_s_folder_in_a_run_is_asked_what_the_run_asks(run, copying, tmp_path, monkeypatch):
    from trainers.engines.dry_run import DryRunSession

    asked = []
    whole = DryRunSession.generate

    def generate(session, prompts, *, max_new_tokens):
        asked.extend(prompts)
        return whole(session, prompts, max_new_tokens=max_new_tokens)

    monkeypatch.setattr(DryRunSession, "generate", generate)
    model = next((run / "training").glob("*/final"))
    judged(RunFolder(run), "discard")
    record = export_folder(model, wish(check=9), tmp_path / "out", progress=Silence())
    found, settings = record.agreement, pipeline(run).workspace
    assert (found.verdict, found.n, found.metric) == ("same", 9, settings.metric_name)
    assert found.reference_score == found.exported_score
    tests = {one.id for one in settings.samples if one.split == "test"}
    assert asked
    for prompt in asked:
        assert prompt.sample_id in tests
        assert prompt.messages[0].content == settings.instruction
    assert copying.jobs[0].instruction == settings.instruction
    assert copying.jobs[0].max_new_tokens == settings.settings.max_new_tokens
    assert record.warnings[0] == "It is the model of the run run: the verification says discard."
    other = export_folder(
        model,
        wish(check=9, options={"answers": "no"}, instruction="Mine."),
        tmp_path / "no",
        progress=Silence(),
    )
    assert other.agreement.verdict == "different"
    assert copying.jobs[1].instruction == "Mine."
