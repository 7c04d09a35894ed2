"""Only what was kept is exported, or for a reason that is told; no model and no GPU."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from advisor.artifacts import RunFolder
from advisor.cli.main import cli
from advisor.errors import (
    ConsentError,
    MissingArtifactError,
    StaleArtifactError,
)
from advisor.schema.verify import Verification
from advisor.shipping.export_record import read_record
from advisor.shipping.exporting import export_run
from tests.fixtures.finished_runs import (
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


@pytest.mark.parametrize("verdict", ["discard", "inconclusive"])
def test_a_model_that_was_not_kept_is_exported_for_a_reason_only(run, copying, verdict):
    judged(RunFolder(run), verdict)
    with pytest.raises(ConsentError, match=f"says {verdict}") as told:
        export_run(pipeline(run), wish())
    assert "--anyway" in told.value.hint
    assert not copying.jobs
    assert not (run / "exports").exists()
    record = export_run(pipeline(run), wish(anyway="a comparison for the board"))
    reason = f"Exported although the verification says {verdict}: a comparison for the board"
    assert record.warnings[0] == reason
    assert record.verification == verdict
    card = (run / "exports" / "copied" / "README.md").read_text()
    assert "a comparison for the board" in card


def test_a_model_that_was_never_verified_is_exported_for_a_reason_only(run, copying):
    (run / "7-verify.json").unlink()
    with pytest.raises(MissingArtifactError, match="Nothing proves"):
        export_run(pipeline(run), wish())
    record = export_run(pipeline(run), wish(anyway="to look at it"))
    assert record.warnings[0] == "Exported although it was never verified: to look at it"
    assert record.agreement.verdict == "same"


def test_a_stale_verification_is_none(run, copying):
    folder = RunFolder(run)
    origin = folder.origin("verify").model_copy(update={"made_from": {"train": "another"}})
    folder.write(folder.read("verify", Verification), origin)
    with pytest.raises(StaleArtifactError, match="its verification is stale") as told:
        export_run(pipeline(run), wish(check=4))
    assert "advisor verify" in told.value.hint
    assert not copying.jobs
    record = export_run(pipeline(run), wish(check=4, anyway="to look at it"))
    assert record.verification == ""
    assert record.anyway == "to look at it"
    assert record.warnings[0] == "Exported although its verification is stale: to look at it"


@pytest.mark.parametrize("knows_files", [True, False])
def test_weights_that_were_replaced_after_verification_are_not_shipped(run, copying, knows_files):
    folder = RunFolder(run)
    if not knows_files:  # an earlier version told the digest of the session alone
        origin = folder.origin("verify")
        inputs = {key: one for key, one in origin.inputs.items() if key != "weights"}
        kept = folder.read("verify", Verification)
        folder.write(kept, origin.model_copy(update={"inputs": inputs}))
    export_run(pipeline(run), wish(check=2))
    replaced(run)
    asked = [
        wish(out=run / "new"),
        wish(out=run / "new", check=0),
        wish("card"),
        wish(check_at="http://127.0.0.1:9/v1"),
        wish("", check_folder=run / "exports" / "copied" / "model"),
    ]
    for one in asked:
        with pytest.raises(StaleArtifactError, match="not those that were verified"):
            export_run(pipeline(run), one)
    assert len(copying.jobs) == 1
    record = export_run(pipeline(run), wish(out=run / "new", check=3, anyway="a try"))
    assert record.verification == ""
    assert "its weights are not those that were verified: a try" in record.warnings[0]


@pytest.mark.parametrize("verdict", ["keep", "discard", "inconclusive"])
def test_a_recipe_says_what_was_found_of_the_model_trained_by_it(run, copying, verdict):
    judged(RunFolder(run), verdict)
    told = CliRunner().invoke(cli, ["export", "--run-dir", str(run), "--to", "written"])
    assert told.exit_code == 0, told.output
    kept = read_record(run / "exports" / "written")
    said = " ".join(told.output.split())
    assert kept.verification == verdict
    if verdict == "keep":
        assert kept.warnings == ()
        assert "was not kept" not in said
    else:
        assert f"was not kept: its verification says {verdict}." in kept.warnings[0]
        assert f"was not kept: its verification says {verdict}." in said
