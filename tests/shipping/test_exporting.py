"""Exports of a finished run: whole or not at all, proved or refused; no model and no GPU."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.artifacts import RunFolder, write_text
from advisor.cli.main import cli
from advisor.errors import (
    InputError,
    ModelFolderError,
    PlanError,
    StaleArtifactError,
    StorageError,
    UnknownPluginError,
)
from advisor.evaluation.runner import measure
from advisor.kept_settings import load_settings
from advisor.shipping.checking import CHECK_LATER
from advisor.shipping.export_record import RECORD, read_record
from advisor.shipping.exporting import export_run, served_name
from advisor.shipping.exporting_folder import export_folder
from advisor.tools import Silence
from tests.fixtures.finished_runs import (
    copying,
    finished,
    pipeline,
    run,
    wish,
)

__all__ = ["copying", "finished", "run"]

pytest.importorskip("scipy")


def test_an_export_is_asked_what_the_model_was_evaluated_on_and_is_the_same(run, copying):
    record = export_run(pipeline(run), wish(check=12))
    found = record.agreement
    assert (found.verdict, found.n, found.equal) == ("same", 12, 12)
    assert found.reference_score == found.exported_score
    assert found.same_prompts is None  # this backend does not tell how it reads
    assert record.verification == "keep"
    assert record.warnings[0].startswith("With 12 of 12 answers equal, up to 22.1 % of all")
    goal = run / "exports" / "copied"
    notes = {"exported": record.exported.model_copy(update={"notes": ("It lies in ..",)})}
    assert read_record(goal) == record.model_copy(update=notes)
    assert str(run) not in (goal / RECORD).read_text()
    assert record.exported.served_by.model == str(goal / "model")
    assert record.exported.notes == (f"It lies in {goal}.",)
    assert "README.md" in record.exported.files
    assert copying.jobs[0].name == "house-codes"
    assert [p.name for p in goal.parent.iterdir()] == ["copied"]


def test_what_the_verification_has_bought_is_not_asked_again(run, finished, copying, monkeypatch):
    from trainers.engines.dry_run import DryRunSession

    asked = []
    whole = DryRunSession.generate

    def generate(session, prompts, *, max_new_tokens):
        asked.extend(prompts)
        return whole(session, prompts, max_new_tokens=max_new_tokens)

    monkeypatch.setattr(DryRunSession, "generate", generate)
    monkeypatch.setenv("ADVISOR_HOME", str(finished.parent / "home"))
    for asking in ("first", "again"):
        record = export_run(pipeline(run), wish(check=12, out=run / asking))
        assert record.agreement.n == 12
        assert len(asked) == 12  # of the export alone, each time anew
        asked.clear()


def test_an_export_that_answers_otherwise_is_different(run, copying):
    record = export_run(pipeline(run), wish(options={"answers": "no"}))
    found = record.agreement
    assert found.verdict == "different"
    assert found.equal == 0
    assert "0 of" in found.problems[0]
    assert len(found.differing) == 10
    assert read_record(run / "exports" / "copied").agreement.verdict == "different"


def test_an_export_that_nothing_here_opens_is_unchecked_and_says_so(run, copying):
    copying.served = False
    record = export_run(pipeline(run), wish())
    assert record.agreement.verdict == "unchecked"
    assert record.warnings == ("No program here opens copies.",)


def test_data_that_has_changed_is_told_before_anything_is_asked(run, copying):
    data = Path(load_settings(RunFolder(run)).data)
    kept = data.read_bytes()
    data.write_bytes(kept + kept.splitlines(keepends=True)[0])
    try:
        with pytest.raises(StaleArtifactError, match="changed after"):
            export_run(pipeline(run), wish())
        assert not copying.jobs
        record = export_run(pipeline(run), wish(check=0))
        assert record.agreement is None
        assert "--no-check" in record.warnings[0]
    finally:
        data.write_bytes(kept)


def test_a_run_folder_that_takes_no_scores_is_told_and_the_export_stands(
    run, copying, monkeypatch, tmp_path
):
    """As one on a read-only disk: nothing that was made and asked is lost, or done again."""

    def writes(path, text, **told):
        if path.is_relative_to(run):
            raise StorageError(f"Cannot write {path.name}: Read-only file system.")
        write_text(path, text, **told)

    monkeypatch.setattr("advisor.shipping.paperwork.write_text", writes)
    words = ["export", "--run-dir", str(run), "--to", "copied", "--check", "5"]
    told = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "out")])
    assert told.exit_code == 0, told.output
    record = read_record(tmp_path / "out")
    assert record.agreement.verdict == "same"
    assert "README.md" in record.exported.files
    assert CHECK_LATER not in record.warnings
    sentence = "not written into the run folder (Cannot write results.json: Read-only file system)"
    assert sentence in record.warnings[-1]
    assert sentence in " ".join(told.output.split())
    assert sentence in " ".join((tmp_path / "out" / "README.md").read_text().split())
    assert not (run / "results").exists()


def silent(evaluation):
    """The same evaluation without a single answer."""
    failed = {"text": "", "finish": "error", "error": "out of memory\x1b"}
    scores = tuple(
        one.model_copy(update={"completion": one.completion.model_copy(update=failed)})
        for one in evaluation.scores
    )
    return evaluation.model_copy(update={"scores": scores})


def test_where_the_evaluated_model_answers_nothing_nothing_is_the_same(run, copying, monkeypatch):
    monkeypatch.setattr("advisor.shipping.certifying.measure", lambda *told: silent(measure(*told)))
    words = ["export", "--run-dir", str(run), "--to", "copied", "--check", "7"]
    told = CliRunner().invoke(cli, words)
    assert told.exit_code == 0, told.output
    found = read_record(run / "exports" / "copied").agreement
    assert (found.verdict, found.n, found.worse_by) == ("unchecked", 0, None)
    assert found.problems[0].startswith("None of the 7 samples got an answer from the evaluated")
    assert r"out of memory\x1b" in found.problems[0]
    said = " ".join(told.output.split())
    assert "Nothing was compared, so nothing proves" in said
    assert "is what was evaluated, within" not in said


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_half_written_is_left(run, copying, fault):
    copying.fails = fault
    asked = StorageError if isinstance(fault, OSError) else KeyboardInterrupt
    with pytest.raises(asked):
        export_run(pipeline(run), wish())
    assert list((run / "exports").iterdir()) == []


def test_a_folder_that_holds_something_is_refused(run, copying, tmp_path):
    goal = tmp_path / "mine"
    goal.mkdir()
    (goal / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match="holds something"):
        export_run(pipeline(run), wish(out=goal))
    assert [path.name for path in goal.iterdir()] == ["notes.txt"]
    (goal / "notes.txt").unlink()
    export_run(pipeline(run), wish(out=goal, check=2))
    assert (goal / RECORD).is_file()
    with pytest.raises(StorageError, match="holds something"):
        export_run(pipeline(run), wish(out=goal))


def test_a_recipe_is_written_before_anything_is_trained_or_proved(run, copying):
    (run / "7-verify.json").unlink()
    (run / "6-train.json").unlink()
    record = export_run(pipeline(run), wish("written"))
    assert record.agreement is None
    text = (run / "exports" / "written" / "recipe.txt").read_text()
    assert text.startswith("lora ")
    assert int(text.split()[1]) > 0


def test_an_option_that_is_wrong_is_told_before_anything_else(run, copying, monkeypatch, tmp_path):
    def check(job):
        if "answers" in job.options:
            raise PlanError("no such answers")

    monkeypatch.setattr(copying, "check", check, raising=False)
    (tmp_path / "mine").touch()
    (run / "7-verify.json").unlink()  # nor is the model looked at
    with pytest.raises(PlanError, match="no such answers"):
        export_run(pipeline(run), wish(out=tmp_path, options={"answers": "no"}))
    model = next((run / "training").glob("*/final"))
    with pytest.raises(PlanError, match="no such answers"):
        export_folder(model, wish(options={"answers": "no"}), tmp_path, progress=Silence())
    with pytest.raises(StorageError, match="holds something"):
        export_run(pipeline(run), wish(out=tmp_path, anyway="a try"))
    assert not copying.jobs


def test_the_papers_alone(run, copying):
    record = export_run(pipeline(run), wish("card"))
    assert record.agreement is None
    assert {p.name for p in (run / "exports" / "card").iterdir()} == {RECORD, "README.md"}


def test_what_there_is_not_is_told_with_what_there_is(run, copying):
    with pytest.raises(UnknownPluginError, match="Did you mean 'copied'") as told:
        export_run(pipeline(run), wish("copyed"))
    assert told.value.hint == "There is: card, copied, written."
    with pytest.raises(PlanError, match="no option 'size'"):
        export_run(pipeline(run), wish(options={"size": "4"}))
    shutil.rmtree(next((run / "training").glob("*/final")))
    with pytest.raises(ModelFolderError, match="not there"):
        export_run(pipeline(run), wish())


def test_names_that_can_be_served():
    assert served_name("House codes (v2)") == "house-codes-v2"
    assert served_name("???") == "tuned"
    assert served_name("a-b.c_1", told=True) == "a-b.c_1"
    with pytest.raises(InputError, match="no name"):
        served_name("House codes", told=True)


def test_the_command_shows_the_verdict_and_leaves_with_its_code(run, copying):
    words = ["export", "--run-dir", str(run), "--to", "copied"]
    told = CliRunner().invoke(cli, [*words, "--option", "answers=no", "--check", "20"])
    assert told.exit_code == 5
    assert "do not ship it" in told.stdout
    assert "0 of 20" in told.stdout
    wrong = CliRunner().invoke(cli, [*words, "--no-check", "--check", "3"])
    assert wrong.exit_code == 2
