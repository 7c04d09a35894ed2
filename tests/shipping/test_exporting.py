"""Exports of a finished run: whole or not at all, proved or refused; no model and no GPU."""

from __future__ import annotations

import json
import shutil
import socket
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor import registry
from advisor.artifacts import RunFolder
from advisor.cli.main import cli
from advisor.contracts import PluginInfo
from advisor.errors import (
    BackendError,
    ConsentError,
    InputError,
    MissingArtifactError,
    ModelFolderError,
    PlanError,
    StaleArtifactError,
    StorageError,
    UnknownPluginError,
)
from advisor.kept_settings import load_settings
from advisor.pipeline import Pipeline
from advisor.schema.export import Exported
from advisor.schema.run import RunSettings
from advisor.schema.train import Served
from advisor.schema.verify import Verification
from advisor.shipping.checking import CHECK_LATER, ExportWish
from advisor.shipping.export_record import RECORD, read_record
from advisor.shipping.exporting import export_run, served_name
from advisor.shipping.exporting_folder import export_folder
from advisor.tools import Silence
from advisor.workspace import Workspace
from tests.fixtures.chat_service import chat_service
from tests.fixtures.house_codes import write_house_codes

pytest.importorskip("scipy")


MADE: list[Path] = []
"""The finished run, once there is one: another module asks for it too."""


class Copying:
    """Writes a copy of what was tuned, as it is or with other answers."""

    info = PluginInfo(id="copied", label="a copy", needs=("weights",), options=("answers",))

    def __init__(self):
        self.jobs = []
        self.fails: BaseException | None = None
        self.served = True

    def export(self, job, tools):
        self.jobs.append(job)
        place = Path(job.output_dir) / "model"
        shutil.copytree(job.model, place)
        if self.fails:
            raise self.fails
        memory = place / "dry_run.json"
        if "answers" in job.options:
            told = json.loads(memory.read_text())
            rows = [row | {"target": job.options["answers"]} for row in told["rows"]]
            memory.write_text(json.dumps({"rows": rows}))
        return Exported(
            exporter="copied",
            output_dir=job.output_dir,
            files=("model",),
            served_by=Served(backend="dry_run", model=str(place)) if self.served else None,
            precision="float32",
            notes=(f"It lies in {job.output_dir}.",),
            unchecked=() if self.served else ("No program here opens copies.",),
        )


class Writing:
    """Writes the training down."""

    info = PluginInfo(id="written", label="a recipe", needs=("training",))

    def export(self, job, tools):
        plan = job.train_job.plan
        text = f"{plan.method} {len(job.train_job.train_samples)}"
        (Path(job.output_dir) / "recipe.txt").write_text(text)
        return Exported(exporter="written", output_dir=job.output_dir, files=("recipe.txt",))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A whole dry run with its verification, made once for all modules, and moved since."""
    if MADE:
        return MADE[0]
    place = tmp_path_factory.mktemp("finished")
    answers = place / "answers.yaml"
    answers.write_text("output: {house_format: true, strict_format: true}\n")
    settings = RunSettings(
        name="House codes",
        data=str(write_house_codes(place / "data.jsonl")),
        backend="echo",
        trainer="dry_run",
        target=0.9,
        builders=("zero_shot", "few_shot"),
        methods=("lora",),
        answers=str(answers),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADVISOR_HOME", str(place / "home"))
        Pipeline(Workspace(settings, RunFolder(place / "run"))).run()
    MADE.append((place / "run").rename(place / "moved"))
    return MADE[0]


def judged(folder: RunFolder, verdict: str) -> None:
    found = folder.read("verify", Verification).model_copy(update={"verdict": verdict})
    folder.write(found, folder.origin("verify"))


@pytest.fixture
def run(finished, tmp_path):
    """A copy of it whose model was kept."""
    place = Path(shutil.copytree(finished, tmp_path / "run"))
    judged(RunFolder(place), "keep")
    return place


@pytest.fixture
def copying(monkeypatch):
    known = {"copied": Copying(), "written": Writing()}
    monkeypatch.setattr(registry, "names", lambda _group: tuple(known))
    monkeypatch.setattr(registry, "exporter", lambda name: known[name])
    return known["copied"]


def pipeline(run: Path) -> Pipeline:
    folder = RunFolder(run)
    return Pipeline(Workspace(load_settings(folder), folder))


def wish(to: str = "copied", **told) -> ExportWish:
    return ExportWish(to=to, **told)


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


def replaced(run: Path) -> None:
    """Other weights in the place of those that were verified."""
    memory = next((run / "training").glob("*/final")) / "dry_run.json"
    told = json.loads(memory.read_text())
    rows = [row | {"target": row["target"] + " indeed"} for row in told["rows"]]
    memory.write_text(json.dumps({"rows": rows}))


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


def broken_off(monkeypatch, work, check: str = "exporting.certified") -> None:
    """Something that is interrupted while its export is checked."""

    def stopped(*_told, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"advisor.{check}", stopped)
        with pytest.raises(KeyboardInterrupt):
            work()


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


def test_a_recipe_is_written_before_anything_is_trained_or_proved(run, copying):
    (run / "7-verify.json").unlink()
    (run / "6-train.json").unlink()
    record = export_run(pipeline(run), wish("written"))
    assert record.agreement is None
    text = (run / "exports" / "written" / "recipe.txt").read_text()
    assert text.startswith("lora ")
    assert int(text.split()[1]) > 0


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


def lookup(run: Path):
    """What the tuned model says, as a server would."""
    model = next((run / "training").glob("*/final"))
    session = registry.backend("dry_run").open(str(model), {})
    return lambda _model, prompt: session.generate([prompt], max_new_tokens=64)[0].text


@pytest.mark.parametrize(("is_right", "code"), [(True, 0), (False, 5)])
def test_a_running_server_is_checked_by_the_command(run, copying, is_right, code):
    copying.served = False  # nothing here opens it, which the first record says
    words = ["export", "--run-dir", str(run), "--to", "copied", "--json"]
    made = CliRunner().invoke(cli, [*words, "--no-check"])
    assert made.exit_code == 0, made.output
    said = lookup(run)
    answer = said if is_right else lambda model, prompt: said(model, prompt)[::-1]
    with chat_service(answer) as (url, asked):
        told = CliRunner().invoke(cli, [*words, "--check-at", url, "--check", "10"])
    assert told.exit_code == code, told.output
    found = json.loads(told.stdout)["agreement"]
    assert found["verdict"] == ("same" if is_right else "different")
    assert set(asked) == {"house-codes"}
    assert found["asked_agreement"] == 0.9
    assert url.removeprefix("http://").removesuffix("/v1") in found["exported"]
    assert json.loads((run / "exports/copied/export.json").read_text())["agreement"] == found
    assert "No program here opens copies" in made.stdout
    assert "No program here opens copies" not in told.stdout
    assert "No program here" not in (run / "exports/copied/README.md").read_text()


def test_a_server_elsewhere_is_asked_with_leave_only(run, copying):
    words = ["export", "--run-dir", str(run), "--to", "copied", "--json"]
    assert CliRunner().invoke(cli, [*words, "--no-check"]).exit_code == 0
    told = CliRunner().invoke(cli, [*words, "--check-at", "http://models.example/v1"])
    assert told.exit_code != 0
    with pytest.raises(ConsentError, match=r"models\.example"):
        export_run(pipeline(run), wish(check_at="http://models.example/v1"))


@pytest.mark.parametrize(
    "address", ["localhost:8000", "http://", "ftp://127.0.0.1/v1", "http://[1"]
)
def test_what_is_no_address_is_told(run, copying, address):
    export_run(pipeline(run), wish(check=0))
    with pytest.raises(InputError, match="address"):
        export_run(pipeline(run), wish(check_at=address))


def test_a_server_that_is_not_there_is_told_at_once_and_the_record_stays(run, copying, monkeypatch):
    from trainers.engines.dry_run import DryRunSession

    before = export_run(pipeline(run), wish(check=3))
    monkeypatch.setattr(DryRunSession, "generate", None)  # the run's own model is not asked
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    began = time.monotonic()
    with pytest.raises(BackendError, match="No service answers") as told:
        export_run(pipeline(run), wish(check_at=address))
    assert time.monotonic() - began < 2
    assert told.value.hint == "Start it, or check --check-at."
    assert read_record(run / "exports" / "copied").agreement == before.agreement


def test_a_server_is_checked_after_an_export_only(run, copying):
    with pytest.raises(MissingArtifactError, match="no export as copied"):
        export_run(pipeline(run), wish(check_at="http://127.0.0.1:9/v1"))


def test_the_command_shows_the_verdict_and_leaves_with_its_code(run, copying):
    words = ["export", "--run-dir", str(run), "--to", "copied"]
    told = CliRunner().invoke(cli, [*words, "--option", "answers=no", "--check", "20"])
    assert told.exit_code == 5
    assert "do not ship it" in told.stdout
    assert "0 of 20" in told.stdout
    wrong = CliRunner().invoke(cli, [*words, "--no-check", "--check", "3"])
    assert wrong.exit_code == 2
