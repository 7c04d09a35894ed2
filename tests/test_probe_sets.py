"""Which samples a run asks beside its task, and what is refused before any work."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner

from advisor.artifacts import RunFolder
from advisor.cli.main import cli
from advisor.errors import DatasetError, InputError, MissingProgramError, UnknownPluginError
from advisor.evaluation import harness
from advisor.evaluation.declining import gives_no_answer
from advisor.evaluation.probing import prompt_of
from advisor.kept_settings import load_settings
from advisor.probe_sets import MOST_ASKED, metric_of, parsed, probes_of
from advisor.probes import check_probes, probe_inputs
from advisor.schema.evaluation import Completion
from advisor.schema.run import RunSettings
from advisor.workspace import Workspace
from tests.fixtures.house_codes import write_house_codes

FEWEST = {"task": 60, "instruction": 48, "refusal": 32, "hallucination": 32, "loss": 32}


def space(tmp_path: Path, **changes) -> Workspace:
    data = write_house_codes(tmp_path / "data.jsonl")
    settings = {"data": str(data), "backend": "echo", "trainer": "dry_run"} | changes
    return Workspace(RunSettings(**settings), RunFolder(tmp_path / "run"))


def written(tmp_path: Path, rows: list[dict], name: str = "own.jsonl") -> str:
    file = tmp_path / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def short(count: int) -> list[dict]:
    return [{"prompt": f"Own question {n}?", "completion": f"word {n}"} for n in range(count)]


def by_name(probes) -> dict:
    return {probe.name: probe for probe in probes}


def test_any_model_is_asked_all_that_ships_for_it(tmp_path):
    found = probes_of(space(tmp_path, model="8b"))
    assert {probe.kind for probe in found} == set(FEWEST)
    for probe in found:
        assert len(probe.samples) >= FEWEST[probe.kind], probe.name
        assert len({(s.input, s.target) for s in probe.samples}) == len(probe.samples)
        assert (metric_of(probe) is None) is (probe.kind == "loss")
        assert probe.allowed == (0.1 if probe.kind == "loss" else 0.05)
        is_bad = probe.kind in ("loss", "refusal", "hallucination")
        assert probe.higher_is_better is not is_bad


def test_the_embedded_model_is_asked_its_own_kinds_alone(tmp_path):
    found = probes_of(space(tmp_path))
    assert [(probe.kind, len(probe.samples)) for probe in found] == [("task", 96), ("loss", 96)]


def test_references_of_packaged_questions_are_right_by_their_own_metric(tmp_path):
    for probe in probes_of(space(tmp_path, model="8b")):
        metric = metric_of(probe)
        for sample in probe.samples if metric else ():
            said = Completion(
                text=sample.target, prompt_tokens=0, completion_tokens=0, latency_ms=0
            )
            value = metric.score(prompt_of(sample), said, sample).value
            if probe.kind == "task":
                said = said.model_copy(update={"text": f"I think it is {sample.target}."})
                assert metric.score(prompt_of(sample), said, sample).value == 1
            elif probe.kind == "refusal":
                assert value == 0, sample.target
            elif probe.kind == "hallucination":
                assert gives_no_answer(sample.target)


def test_without_probes_only_those_named_are_asked(tmp_path):
    assert probes_of(space(tmp_path, use_probes=False)) == ()
    own = written(tmp_path, short(30))
    assert [p.name for p in probes_of(space(tmp_path, use_probes=False, probes=(own,)))] == [
        "own, loss",
        "own",
    ]


def test_a_file_of_short_answers_is_asked_for_loss_and_answers(tmp_path):
    own = written(tmp_path, short(MOST_ASKED + 40))
    found = by_name(probes_of(space(tmp_path, probes=(own,))))
    assert len(found["own"].samples) == MOST_ASKED
    assert found["own"].metric == "normalised_match"
    assert f"first {MOST_ASKED} rows of {MOST_ASKED + 40}" in found["own"].source
    texts = written(tmp_path, [{"text": f"Text {n}."} for n in range(5)], "texts.jsonl")
    assert [p.kind for p in probes_of(space(tmp_path, use_probes=False, probes=(texts,)))] == [
        "loss"
    ]


def test_a_metric_can_be_named_with_its_options(tmp_path):
    file = written(tmp_path, [{"prompt": f"q{n}", "completion": f"{n}"} for n in range(30)])
    chosen = {"probes": (f"{file}=numeric", f"{file}=loss"), "use_probes": False}
    told = space(tmp_path, metric_options={"numeric.absolute": "0.5", "other": "x"}, **chosen)
    number, loss = probes_of(told)
    assert (number.name, number.metric_options) == ("own (numeric)", {"absolute": "0.5"})
    assert "0.5" in metric_of(number).signature
    assert loss.kind == "loss"


def test_a_name_may_hold_an_equals_sign(tmp_path):
    file = written(tmp_path, short(3), "a=b.jsonl")
    assert parsed(file) == (Path(file), "")
    assert parsed(f"{file}=contains") == (Path(file), "contains")


def test_what_the_task_asks_is_no_probe(tmp_path):
    task = [{"prompt": f"Code of  WORD{n}?", "completion": "x"} for n in range(10)]
    found = probes_of(
        space(tmp_path, use_probes=False, probes=(written(tmp_path, task + short(2)),))
    )
    assert len(found[0].samples) == 2
    assert "10 rows that the task asks left out" in found[0].source
    with pytest.raises(DatasetError, match="holds no row"):
        probes_of(space(tmp_path, probes=(written(tmp_path, task),)))


def test_what_general_data_holds_out_is_asked(tmp_path):
    general = written(tmp_path, short(100), "general.jsonl")
    found = by_name(probes_of(space(tmp_path, general_data=general)))
    assert len(found["general data"].samples) == 20
    assert found["general data, loss"].samples == found["general data"].samples


@pytest.mark.parametrize(
    ("metric", "error", "told"),
    [
        ("instrctions", UnknownPluginError, "Did you mean 'instructions'"),
        ("macro_f1", InputError, "no mean of single answers"),
        ("judge", InputError, "asks a judge"),
        ("latency_ms", InputError, "counts in ms"),
        ("citations", InputError, "needs passages"),
    ],
)
def test_a_metric_that_cannot_score_single_answers_is_refused(tmp_path, metric, error, told):
    own = written(tmp_path, short(5))
    with pytest.raises(error, match=told):
        check_probes(space(tmp_path, probes=(f"{own}={metric}",)))


def test_a_check_that_is_not_known_is_refused_with_its_row(tmp_path):
    rows = [{"prompt": "Be short.", "completion": json.dumps({"words_at_mots": 3})}]
    own = written(tmp_path, [{"prompt": "a", "completion": '{"json": true}'}, *rows])
    with pytest.raises(DatasetError, match="did you mean words_at_most") as caught:
        check_probes(space(tmp_path, probes=(f"{own}=instructions",)))
    assert caught.value.where == f"{own}:2"


def test_texts_cannot_be_scored_by_a_metric(tmp_path):
    own = written(tmp_path, [{"text": f"Text {n}."} for n in range(5)])
    with pytest.raises(DatasetError, match="asks nothing"):
        check_probes(space(tmp_path, probes=(f"{own}=contains",)))


def test_a_missing_harness_is_told_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setenv(harness.NAMED_BY, str(tmp_path / "no-lm-eval"))
    with pytest.raises(MissingProgramError, match="no-lm-eval is not there") as caught:
        check_probes(space(tmp_path, harness_tasks=("arc_easy",)))
    assert "pip install" in caught.value.hint
    with pytest.raises(InputError, match="is no folder"):
        check_probes(space(tmp_path, harness_path=str(tmp_path / "nowhere")))


def test_what_decides_the_probes_stands_in_the_verifications_inputs(tmp_path):
    own = written(tmp_path, short(30))
    plain, named = (probe_inputs(space(tmp_path, probes=p)) for p in ((), (own,)))
    assert plain != named
    written(tmp_path, short(31))
    assert probe_inputs(space(tmp_path, probes=(own,))) != named
    assert probe_inputs(space(tmp_path, use_probes=False)) != plain


def advisor(*words: str):
    with mock.patch.object(sys, "argv", ["advisor", *words]):
        return CliRunner().invoke(cli, list(words))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--probe", "missing.jsonl"), "missing.jsonl"),
        (("--probe", "own.jsonl=no_such_metric"), "no_such_metric"),
        (("--harness-path", "nowhere"), "is no folder"),
        (("--tolerate", "sk-" + "a1B2" * 12), "looks like a key"),
    ],
)
def test_run_refuses_a_wrong_probe_before_it_measures(tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, short(5))
    data = write_house_codes(tmp_path / "data.jsonl")
    given = ("--data", str(data), "--backend", "echo", "--trainer", "dry_run")
    found = advisor("run", *given, "--run-dir", "run", *words)
    assert found.exit_code == 1
    assert told in found.output
    assert not (tmp_path / "run" / "4-baseline.json").exists()


def test_settings_of_probes_are_kept_and_a_verification_rests_on_them(tmp_path, monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.chdir(tmp_path)
    written(tmp_path, short(5))
    data, run = write_house_codes(tmp_path / "data.jsonl"), tmp_path / "run"
    (tmp_path / "answers.yaml").write_text("output: {house_format: true, strict_format: true}\n")
    given = ["--backend", "echo", "--trainer", "dry_run", "--builders", "zero_shot", "--yes"]
    given += ["--method", "lora", "--target", "0.9", "--answers", "answers.yaml", "--json"]
    advisor("run", "--data", str(data), "--run-dir", str(run), *given, "--no-probes")
    assert (run / "7-verify.json").is_file()
    kept = load_settings(RunFolder(run))
    assert (kept.use_probes, kept.probes) == (False, ())
    before = json.loads((run / "7-verify.json").read_text())
    found = advisor(
        "verify",
        "--run-dir",
        str(run),
        "--probe",
        "own.jsonl=contains",
        "--tolerate",
        "a try",
        "--json",
    )
    after = json.loads(found.stdout)
    assert load_settings(RunFolder(run)).probes == (f"{tmp_path / 'own.jsonl'}=contains",)
    assert (before["tolerated"], after["tolerated"]) == ("", "a try")
    assert before["artifact"]["inputs"]["probes"] != after["artifact"]["inputs"]["probes"]
    notes = {one["probe"]: one["note"] for one in after["probes"]}
    assert "Nothing was trained" in notes["beside the task"]  # the dry run trains nothing
    assert notes["refusals"] == ""
