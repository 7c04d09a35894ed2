"""What a run takes from the decision: builders, methods, settings, shots in training prompts."""

from __future__ import annotations

import pytest

from advisor.artifacts import RunFolder
from advisor.pipeline import Pipeline
from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook
from advisor.schema.rule import Rule, Rulebook
from advisor.schema.run import RunSettings
from advisor.training_set import training_samples
from advisor.workspace import Workspace
from tests.fixtures.house_codes import write_house_codes

pytest.importorskip("scipy")


def default(rule_id: str, **settings: object) -> Rule:
    return Rule.model_validate(
        {
            "id": rule_id,
            "title": rule_id,
            "kind": "default",
            "since": "2026-11-26",
            "when": {"fact": "data.labelled_samples", "op": "at_least", "value": 1},
            "then": [{"effect": "set", "key": k, "value": v} for k, v in settings.items()],
            "order": 1,
            "why": "because",
            "evidence": "opinion",
        }
    )


def book_with(*rules: Rule) -> Rulebook:
    book = load_rulebook(rules_root())
    digest = "+".join((book.digest, *(rule.id for rule in rules)))
    return book.model_copy(update={"rules": (*book.rules, *rules), "digest": digest})


@pytest.fixture
def make(tmp_path):
    data = write_house_codes(tmp_path / "data.jsonl")
    answers = tmp_path / "answers.yaml"
    answers.write_text("output: {house_format: true, strict_format: true}\n")

    def pipeline(*rules: Rule, **changes: object) -> Pipeline:
        settings = RunSettings(
            **{
                "data": str(data),
                "backend": "echo",
                "trainer": "dry_run",
                "target": 0.9,
                "answers": str(answers),
            }
            | changes
        )
        space = Workspace(settings, RunFolder(tmp_path / "run"))
        space.rulebook = book_with(*rules)
        return Pipeline(space)

    return pipeline


def test_the_decision_names_the_builders(make):
    found = make().baseline()
    assert [e.builder for e in found.evaluations] == [
        "zero_shot",
        "few_shot",
        "few_shot_similar",
    ]
    assert not any("RAG" in warning for warning in found.warnings)


def test_documents_bring_retrieval_in(make, tmp_path):
    answers = tmp_path / "with.yaml"
    answers.write_text("knowledge: {in_documents: true}\n")
    pipeline = make(answers=str(answers))
    assert pipeline.decide().builders == (
        "zero_shot",
        "few_shot",
        "few_shot_similar",
        "rag",
        "rag_few_shot",
    )
    assert any("--docs" in warning for warning in pipeline.baseline().warnings)


def test_named_builders_win(make):
    found = make(builders=("zero_shot",)).baseline()
    assert [e.builder for e in found.evaluations] == ["zero_shot"]


def test_the_decision_names_the_methods_and_their_order(make):
    pipeline = make(default("some-method", method="vera"))
    assert pipeline.decide().methods[0] == "vera"
    estimate = pipeline.estimate()
    assert estimate.options[estimate.recommended].method == "vera"
    assert make(methods=("full",)).estimate().options[0].method == "full"


def test_settings_of_rules_reach_the_plan_of_a_model_of_ordinary_size(make):
    pipeline = make(default("many-epochs", epochs=7), model="7b", gpu="h100")
    plan = pipeline.estimate().options[0].plan
    assert (plan.epochs, plan.reasons["epochs"]) == (7.0, "rule many-epochs")
    assert pipeline.estimate({"epochs": 2.0}).options[0].plan.epochs == 2.0


def test_the_catalog_tells_the_size_of_the_model(make, tmp_path):
    answers = tmp_path / "other.yaml"
    answers.write_text("model: {parameters_billion: 70}\n")
    profile = make(model="7b", answers=str(answers)).profile()
    assert 6 < profile.model.parameters_billion < 9
    assert profile.provenance["model.parameters_billion"] == "catalog"
    assert any("70.0 was answered" in note for note in profile.notes)


SHOTS = default("show-shots", train_on_shots=True)


def test_training_prompts_hold_the_shots_of_the_few_shot_prompt(make):
    pipeline = make(SHOTS)
    space = pipeline.workspace
    builder = space.builders(("few_shot",))["few_shot"]
    builder.fit([s for s in space.samples if s.split == "train"], (), (), space.tools())
    behind = training_samples(space, pipeline.decide())
    assert [s.id for s in behind] == [s.id for s in space.samples]
    for sample, plain in zip(behind, space.samples, strict=True):
        assert sample.input == plain.input
        assert sample.history == builder.build(plain).messages[:-1]
        assert all(turn.content != plain.input for turn in sample.history)


def test_what_is_trained_behind_shots_is_verified_behind_them(make):
    make(SHOTS).run()
    pipeline = make(SHOTS)
    proof = pipeline.verify()
    assert proof.tuned.manifest.settings["few_shot.shots"] == 4
    (note,) = [n for n in pipeline.train().notes if "show-shots" in n]
    assert note.startswith("Trained and verified behind")
    assert pipeline.made == []


def test_without_the_rule_neither_has_shots(make):
    pipeline = make()
    pipeline.run()
    assert "few_shot.shots" not in pipeline.verify().tuned.manifest.settings
    assert training_samples(pipeline.workspace, pipeline.decide()) == pipeline.workspace.samples


def test_shots_that_the_model_cannot_read_are_left_out_and_told(make, monkeypatch):
    monkeypatch.setattr("advisor.training_set.longest_sequence", lambda _space: 64)
    pipeline = make(SHOTS)
    pipeline.run()
    (note,) = [n for n in pipeline.train().notes if "show-shots" in n]
    assert "trained without" in note
    assert "few_shot.shots" not in pipeline.verify().tuned.manifest.settings
