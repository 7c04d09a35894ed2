"""What lies beside the stages' documents: data check, exports, combinations, votes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from advisor import beside as room
from advisor.artifacts import RunFolder, document
from advisor.beside import all_sources, beside, check_data, data_summary, reviewed
from advisor.data_check import kept
from advisor.pipeline import Pipeline
from advisor.reviewing import Wish, add_vote, open_sitting
from advisor.schema.baseline import Baselines
from advisor.schema.review import ReviewVote
from advisor.schema.run import RunSettings
from advisor.schema.verify import Verification
from advisor.standing import samples
from advisor.workspace import Workspace
from tests.fixtures import proofs
from tests.fixtures.house_codes import write_house_codes

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run to the end on the echo backend, and its settings."""
    root = tmp_path_factory.mktemp("beside")
    answers = root / "answers.yaml"
    answers.write_text("output: {house_format: true, strict_format: true}\n")
    settings = RunSettings(
        name="codes", data=str(write_house_codes(root / "data.jsonl")), backend="echo",
        trainer="dry_run", target=0.9, builders=("zero_shot", "few_shot"), methods=("lora",),
        answers=str(answers), usd_per_hour=2.0,
    )  # fmt: skip
    Pipeline(Workspace(settings, RunFolder(root / "run"))).run()
    return settings, root / "run"


@pytest.fixture
def space(finished, tmp_path):
    """The same run in a folder of its own."""
    settings, folder = finished
    place = shutil.copytree(folder, tmp_path / "run")
    data = shutil.copy(settings.data, tmp_path / "data.jsonl")
    return Workspace(settings.model_copy(update={"data": str(data)}), RunFolder(place))


def test_the_rows_of_larger_data_are_checked_while_baselines_are_measured(space, monkeypatch):
    (space.folder.path / kept.FILE).unlink()
    check_data(space)
    assert not (space.folder.path / kept.FILE).exists(), "small data waits for the report"
    monkeypatch.setattr(kept, "QUICK_ROWS", 10)
    check_data(space)
    assert (space.folder.path / kept.FILE).is_file()
    monkeypatch.setattr(room, "keep_check", None)
    found = data_summary(space)
    assert found is not None
    assert found.usable_rows == found.rows == len(space.dataset.samples)
    assert found.checked_on
    assert found.problems is not None
    assert found.splits["test"] == sum(s.split == "test" for s in space.samples)
    assert found.leaked_samples == 0
    assert found.split_by


def test_small_data_without_a_kept_check_is_checked_for_the_report(space):
    (space.folder.path / kept.FILE).unlink()
    found = data_summary(space)
    assert found is not None
    assert (found.unchecked, found.contradictions) == ("", 0)
    assert (space.folder.path / kept.FILE).is_file()


def test_large_data_without_a_kept_check_says_how_it_is_checked(space, monkeypatch):
    (space.folder.path / kept.FILE).unlink()
    monkeypatch.setattr(kept, "QUICK_ROWS", 10)
    found = data_summary(space)
    assert found is not None
    assert "`advisor data check" in found.unchecked
    assert (found.problems, found.contradictions, found.checked_on) == (None, None, "")
    assert found.splits["test"] > 0
    assert not (space.folder.path / kept.FILE).exists()


def test_a_check_of_other_data_or_by_another_version_is_not_taken(space):
    digest = space.dataset.digest
    assert kept.kept_check(space.folder.path, digest) is not None
    assert kept.kept_check(space.folder.path, "another") is None
    file = space.folder.path / kept.FILE
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"advisor_version": "0.0.0"}))
    assert kept.kept_check(space.folder.path, digest) is None
    file.write_text("[1")
    assert kept.kept_check(space.folder.path, digest) is None


def test_data_that_changed_since_keeps_the_check_of_what_was_measured(space, tmp_path):
    (tmp_path / "data.jsonl").write_text('{"prompt": "a", "completion": "b"}\n' * 9)
    found = data_summary(space)
    assert found is not None
    assert found.rows > 9
    (space.folder.path / kept.FILE).unlink()
    bare = data_summary(Workspace(space.settings, space.folder))
    assert bare is not None
    assert bare.rows is None
    assert "no longer" in bare.unchecked


def test_a_run_without_data_has_no_summary(space):
    settings = space.settings.model_copy(update={"data": None})
    assert data_summary(Workspace(settings, space.folder)) is None


def test_a_report_does_not_split_the_data_anew(space, monkeypatch):
    def refuse(_space):
        pytest.fail("the data was split")

    monkeypatch.setattr(Workspace, "_split", property(refuse))
    report = Pipeline(space).report()
    assert report.failures
    assert all(failure.input is not None for failure in report.failures)


def test_records_of_exports_and_combinations_are_found_and_broken_ones_left_out(space):
    for name, text in (("a", json.dumps(document(proofs.exported()))), ("b", "{"), ("c", "[]")):
        place = space.folder.path / "exports" / name
        place.mkdir(parents=True)
        (place / "export.json").write_text(text)
    (space.folder.path / "both").mkdir()
    told = json.dumps(document(proofs.combined()))
    (space.folder.path / "both" / "combine.json").write_text(told)
    found = beside(space)
    assert found.exports == (proofs.exported(),)
    assert found.combinations == (proofs.combined(),)
    assert found.usd_per_hour == 2.0
    assert set(found.dates) >= {"profile", "baseline", "verify"}


def test_votes_are_told_when_all_planned_pairs_are_judged(space):
    assert reviewed(space) is None
    folder = space.folder
    known = (folder.read("baseline", Baselines), folder.read("verify", Verification))
    asked = {"seed": space.settings.seed, "wish": Wish(pairs=3)}
    sitting = open_sitting(folder.path, *known, samples(space), **asked)
    for count, pair in enumerate(sitting.pairs, start=1):
        vote = ReviewVote(sample_id=pair.sample_id, vote="tuned")
        add_vote(folder.path, sitting, pair, vote)
        found = reviewed(space)
        assert (found.judged, found.planned, found.is_finished) == (count, 3, count == 3)
        assert len(found.votes) == (3 if count == 3 else 0)
    assert found.tuned == 3


def test_votes_whose_pairs_are_gone_are_counted_and_told(space):
    folder = space.folder
    known = (folder.read("baseline", Baselines), folder.read("verify", Verification))
    sitting = open_sitting(folder.path, *known, samples(space), seed=space.settings.seed)
    for pair in sitting.pairs[:3]:
        given = ReviewVote(sample_id=pair.sample_id, vote="tuned")
        add_vote(folder.path, sitting, pair, given)
    gone = Workspace(space.settings, RunFolder(folder.path))
    Path(space.settings.data).unlink()
    assert "3 votes lie in review.jsonl" in reviewed(gone).warnings[0]
    folder.file("verify").unlink()
    told = reviewed(space)
    assert told.votes == ()
    assert "3 votes lie in review.jsonl" in told.warnings[0]
    assert "no longer in the run folder" in told.warnings[0]


def test_figures_of_the_catalog_can_name_their_sources(space):
    found = {source.id: source for source in all_sources(space)}
    assert found["storage-prices"].url.startswith("https://")
    assert any(source.id in found for source in space.rulebook.sources)
