from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import DatasetError, ModelFolderError, PlanError
from advisor.schema.evaluation import Message, Sample
from tests.fixtures.kinds import asked, job_of, said
from tests.fixtures.training import RecordingTools, prompt
from trainers.engines.small_model import SmallModelTrainer
from trainers.engines.small_model.choices import choice_of, is_encoder, labels_of
from trainers.engines.small_model.texts import is_conversation, prompt_text, sample_text


def test_a_prompt_is_read_as_its_sample_was_learnt():
    sample = said("pear", "now")
    assert prompt_text(asked(sample)) == sample_text(sample)
    assert sample_text(sample) == "user: I have a pear\nassistant: And?\nuser: Sort it now"


def test_a_single_question_is_read_as_it_stands():
    sample = Sample(id="a", input="Where is it?", target="x")
    assert sample_text(sample) == "Where is it?" == prompt_text(prompt("Where is it?"))


def test_a_system_turn_of_the_row_is_not_read():
    own = Sample(id="a", input="hi", target="x", history=(Message(role="system", content="Be."),))
    assert sample_text(own) == "hi"
    assert not is_conversation([own])
    assert is_conversation([own, said("ox", "now")])


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (["same"] * 20, "one target"),
        ([f"It is {n}." for n in range(20)], "targets are no labels: 20 of 20"),
        ([f"{'long words ' * 10}{n % 2}" for n in range(20)], "texts to be written: 20 of 20"),
    ],
)
def test_targets_that_are_no_labels_are_refused(tmp_path, targets, told):
    rows = tuple(Sample(id=str(n), input=f"i{n}", target=t) for n, t in enumerate(targets))
    job = job_of("nowhere", tmp_path, train_samples=rows, method_options={"way": "head"})
    with pytest.raises(DatasetError, match=told) as caught:
        SmallModelTrainer().train(job, RecordingTools())
    assert "sft" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_labels_are_told_apart_without_blanks_around_them():
    rows = [Sample(id=str(n), input="i", target=t) for n, t in enumerate([" a", "a", "b ", "b"])]
    assert labels_of(rows) == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"objective": "sft"}, "objective is 'sft'"),
        ({"method": "ia3"}, "method 'ia3'"),
        ({"gpus": 2, "strategy": "ddp"}, "2 GPUs"),
        ({"method_options": {"way": "magic"}}, "'way' is 'magic'"),
        ({"method_options": {"penalty": -1}}, "'penalty' is -1"),
        ({"method_options": {"encoder": "/no/such/folder"}}, "no encoder in '/no/such/folder'"),
    ],
)
def test_plans_that_it_cannot_follow_are_refused(tmp_path, changes, told):
    method = changes.pop("method", "full")
    with pytest.raises(PlanError, match=told) as caught:
        SmallModelTrainer().train(job_of("x", tmp_path, method, **changes), RecordingTools())
    assert caught.value.hint


def test_a_model_that_writes_is_no_encoder(tmp_path):
    for name, expected in (("BertModel", True), ("LlamaForCausalLM", False)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"architectures": [name]}))
        assert is_encoder(folder) is expected
    assert not is_encoder(tmp_path)


def test_the_objective_warns_of_rare_and_twofold_labels():
    rows = [
        Sample(id=str(n), input="i", target=t) for n, t in enumerate(["Yes"] * 9 + ["yes", "no"])
    ]
    found = registry.objective("classification").obstacles(rows)
    assert {o.severity for o in found} == {"warns"}
    assert found[0].message == "2 of 3 labels have fewer than 8 samples, 2 of them one only."
    assert found[1].message == "1 labels are written in several ways, such as 'yes'."


def test_a_folder_of_another_kind_is_told(tmp_path):
    (tmp_path / "classifier.json").write_text("{}")
    with pytest.raises(ModelFolderError, match="does not hold what the trainer small_model writes"):
        registry.backend("small_model").open(str(tmp_path), {})


@pytest.mark.ml
def test_a_language_model_is_tuned_beside_not_instead(
    tmp_path, tiny_llama, monkeypatch, tiny_encoder
):
    from trainers.engines.small_model import choices

    monkeypatch.setattr(choices, "packaged_encoder", lambda: Path(tiny_encoder))
    choice = choice_of(job_of(tiny_llama, tmp_path).plan)
    assert choice.encoder == Path(tiny_encoder)
    assert choice.note.endswith("writes text; tuned was the packaged encoder instead.")
