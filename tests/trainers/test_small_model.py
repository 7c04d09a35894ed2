from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from advisor import registry
from advisor.errors import DatasetError, ModelFolderError, NonFiniteLossError, PlanError
from advisor.schema.evaluation import Message, Prompt, Sample
from tests.fixtures.training import RecordingTools, labelled_samples, prompt, training_job
from trainers.engines.ledger import Ledger
from trainers.engines.small_model import SmallModelTrainer
from trainers.engines.small_model.choices import choice_of, is_encoder, labels_of
from trainers.engines.small_model.texts import is_conversation, prompt_text, sample_text

LABELS = ("fruit", "tool", "beast")
WORDS = (
    ("apple", "pear", "plum", "cherry"),
    ("saw", "drill", "axe", "rake"),
    ("cat", "ox", "bee", "elk"),
)
ENDINGS = ("please", "now", "thanks", "again", "soon")


def said(word: str, ending: str) -> Sample:
    """A conversation whose last turn tells nothing: the label hangs on the first."""
    label = next(n for n, words in enumerate(WORDS) if word in words)
    turns = (
        Message(role="user", content=f"I have a {word}"),
        Message(role="assistant", content="And?"),
    )
    return Sample(
        id=f"{word}-{ending}", input=f"Sort it {ending}", target=LABELS[label], history=turns
    )


def conversations() -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Known words with known endings to learn from, in pairs that were not seen to ask about."""
    every = [said(word, e) for word, e in itertools.product(sum(WORDS, ()), ENDINGS)]
    return tuple(every[n] for n in range(60) if n % 5), tuple(every[n] for n in range(0, 60, 5))


def job_of(base: str, folder: Path, method: str = "full", **changes):
    train, held = conversations()
    usual = {
        "objective": "classification",
        "train_samples": train,
        "dev_samples": held,
        "learning_rate": 3e-3,
        "micro_batch_size": 8,
        "epochs": 6,
        "evaluations": 2,
    }
    return training_job(base, folder, method, **usual | changes)


def asked(sample: Sample) -> Prompt:
    system = Message(role="system", content="Name the kind.")
    last = Message(role="user", content=sample.input)
    return Prompt(sample_id=sample.id, messages=(system, *sample.history, last))


# What is read, and what is refused: no library is needed.


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


# Training, on an encoder of a few thousand weights.


@pytest.fixture(scope="module")
def whole(tiny_encoder, tmp_path_factory):
    tools = RecordingTools()
    job = job_of(tiny_encoder, tmp_path_factory.mktemp("whole"))
    return SmallModelTrainer().train(job, tools), tools


def answers(model: str, samples) -> list[str]:
    with registry.backend("small_model").open(model, {}) as session:
        return [c.text for c in session.generate([asked(s) for s in samples], max_new_tokens=1)]


def right(result, samples) -> int:
    found = answers(result.served_by.model, samples)
    return sum(text == sample.target for text, sample in zip(found, samples, strict=True))


@pytest.mark.ml
def test_a_label_that_hangs_on_an_earlier_turn_is_learnt(whole):
    result, _ = whole
    _, held = conversations()
    assert right(result, held) >= 9  # of 12; by the last turn alone 4
    assert result.loss[-1].loss < result.loss[0].loss
    assert result.dev_loss_after <= result.dev_loss_before


@pytest.mark.ml
def test_every_look_is_told_and_the_best_is_kept(whole):
    result, tools = whole
    assert [point.step for point in result.evaluations] == [0, 18, 36]
    assert [event.score for event in tools.of("evaluation")] == [
        p.score for p in result.evaluations
    ]
    best = max(result.evaluations, key=lambda p: (p.score, -p.loss))
    assert result.kept_step == best.step
    assert result.kept_by == f"the best accuracy on the dev part, {best.score:.3f}"
    assert result.metric == "accuracy"


@pytest.mark.ml
def test_plain_libraries_open_what_was_kept(whole):
    import numpy as np
    from safetensors.numpy import load_file
    from sentence_transformers import SentenceTransformer

    folder = Path(whole[0].served_by.model)
    _, held = conversations()
    vectors = SentenceTransformer(str(folder)).encode([sample_text(s) for s in held])
    head = load_file(folder / "head.safetensors")
    labels = json.loads((folder / "classifier.json").read_text())["labels"]
    found = [labels[n] for n in np.argmax(vectors @ head["weight"].T + head["bias"], axis=1)]
    assert found == answers(str(folder), held)
    assert {p.suffix for p in folder.rglob("*") if p.is_file()} <= {".json", ".safetensors", ".txt"}


@pytest.mark.ml
def test_how_sure_it_is_can_be_asked(whole):
    _, held = conversations()
    with registry.backend("small_model").open(whole[0].served_by.model, {}) as session:
        rows = session.probabilities([asked(s) for s in held])
        assert all(sum(row) == pytest.approx(1) for row in rows)
        assert [session.labels[row.index(max(row))] for row in rows] == answers(
            whole[0].served_by.model, held
        )
        assert session.probabilities([]) == []


@pytest.mark.ml
@pytest.mark.parametrize("way", ["contrastive", "head"])
def test_the_other_ways_learn_too(tiny_encoder, tmp_path, way):
    job = job_of(tiny_encoder, tmp_path, method_options={"way": way})
    result = SmallModelTrainer().train(job, RecordingTools())
    train, held = conversations()
    assert right(result, held) >= 9 if way == "contrastive" else right(result, train) >= 30
    assert result.steps == (0 if way == "head" else 36)
    if way == "contrastive":
        assert result.loss[-1].loss < result.loss[0].loss


@pytest.mark.ml
@pytest.mark.parametrize(
    ("method", "changed"),
    [
        ("full", ("embeddings", "layer.0", "layer.1")),
        ("freeze", ("layer.1",)),
        ("lora", ("layer.0", "layer.1")),
    ],
)
def test_only_what_the_method_trains_changes(tiny_encoder, tmp_path, method, changed):
    from safetensors.torch import load_file

    options = {"layers": 1} if method == "freeze" else {}
    job = job_of(
        tiny_encoder,
        tmp_path,
        method,
        epochs=1,
        method_options=options,
        choose_checkpoint_by="last",
    )
    result = SmallModelTrainer().train(job, RecordingTools())
    before = load_file(Path(tiny_encoder) / "model.safetensors")
    after = load_file(Path(result.served_by.model) / "model.safetensors")
    assert before.keys() == after.keys()
    moved = {name for name, tensor in before.items() if not tensor.equal(after[name])}
    parts = ("embeddings", "layer.0", "layer.1")
    assert {part for part in parts if any(part in name for name in moved)} == set(changed)
    head = 3 * 32 + 3
    if method == "full":
        assert result.trainable_parameters == head + sum(t.numel() for t in before.values())
    assert result.kept_step is None


@pytest.mark.ml
def test_training_ends_when_nothing_gets_better(tiny_encoder, tmp_path):
    _, held = conversations()
    turned = tuple(
        s.model_copy(update={"target": LABELS[(LABELS.index(s.target) + 1) % 3]}) for s in held
    )
    job = job_of(
        tiny_encoder, tmp_path, dev_samples=turned, evaluations=36, early_stopping_patience=3
    )
    result = SmallModelTrainer().train(job, RecordingTools())
    assert result.ended_early == "3 looks at the dev part without a better value"
    assert result.steps < 36
    assert result.kept_step < result.steps


@pytest.mark.ml
def test_the_runs_metric_chooses_where_there_is_one(tiny_encoder, tmp_path):
    seen = []

    def values(samples, texts):
        seen.append(list(texts))
        return [0.25] * len(texts)

    scoring = SimpleNamespace(metric="mine", higher_is_better=True, values=values)
    tools = RecordingTools(scoring=scoring)
    result = SmallModelTrainer().train(job_of(tiny_encoder, tmp_path, epochs=1), tools)
    assert result.metric == "mine"
    assert {point.score for point in result.evaluations} == {0.25}
    assert len(seen) == 3
    assert set(seen[0]) <= set(LABELS)


@pytest.mark.ml
def test_a_learning_rate_out_of_bounds_is_told(tiny_encoder, tmp_path):
    job = job_of(tiny_encoder, tmp_path, learning_rate=1e30, epochs=1)
    with pytest.raises(NonFiniteLossError, match=r"at step [23]") as caught:
        SmallModelTrainer().train(job, RecordingTools())
    assert "1e+29" in caught.value.hint


@pytest.mark.ml
def test_an_unknown_schedule_is_told(tiny_encoder, tmp_path):
    with pytest.raises(PlanError, match="schedule 'wavy'"):
        SmallModelTrainer().train(job_of(tiny_encoder, tmp_path, schedule="wavy"), RecordingTools())


@pytest.mark.ml
def test_a_checkpoint_that_is_broken_is_not_believed(tiny_encoder, tmp_path, whole):
    job = job_of(tiny_encoder, tmp_path, resume=True)
    with pytest.raises(KeyboardInterrupt):
        SmallModelTrainer().train(job, RecordingTools(stop_at=5))
    own = Ledger(job, "small_model").folder
    tensors = own / "checkpoint-5" / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-100])
    (own / "checkpoint-7.partial").mkdir()
    tools = RecordingTools()
    result = SmallModelTrainer().train(job, tools)
    assert tools.events[0].kind == "start"
    assert result.resumed_from_step is None
    assert result.loss == whole[0].loss
    assert {p.name for p in own.iterdir()} == {"final", "result.json"}


@pytest.mark.ml
def test_an_interrupted_run_keeps_its_best_look(tiny_encoder, tmp_path, whole):
    job = job_of(tiny_encoder, tmp_path, resume=True)
    with pytest.raises(KeyboardInterrupt):
        SmallModelTrainer().train(job, RecordingTools(stop_at=15))
    result = SmallModelTrainer().train(job, RecordingTools())
    assert result.resumed_from_step == 15
    assert result.restored == (
        "weights",
        "optimizer",
        "schedule",
        "random state",
        "place in the data",
    )
    assert result.evaluations == whole[0].evaluations
    assert result.kept_step == whole[0].kept_step
    assert result.loss == whole[0].loss


@pytest.mark.ml
def test_rows_grouped_by_length_are_each_seen_once():
    from trainers.engines.small_model._steps import Batches

    lengths = [n * 7 % 50 for n in range(103)]
    plan = job_of("x", Path("o"), length_grouping=True, epochs=1).plan
    batches = Batches(plan, lengths)
    found = [batches.of(step)[0] for step in range(1, batches.total + 1)]
    assert sorted(n for batch in found for n in batch) == list(range(103))
    spread = [max(lengths[n] for n in b) - min(lengths[n] for n in b) for b in found]
    assert sum(spread) / len(spread) < 10


@pytest.mark.ml
def test_rows_are_as_long_as_the_encoder_reads_them(tiny_encoder, tmp_path):
    plan = job_of(tiny_encoder, tmp_path).plan
    rows = [Sample(id="a", input="abc", target="x"), said("ox", "now")]
    text = len(sample_text(rows[1]))
    assert SmallModelTrainer().row_lengths(rows, plan, "Sort.") == [5, text + 2]


@pytest.mark.ml
def test_a_long_conversation_keeps_its_end(tiny_encoder, tmp_path):
    rows = tuple(
        s.model_copy(
            update={"history": (Message(role="user", content="word " * 40),), "input": s.input}
        )
        for s in labelled_samples()
    )
    job = job_of(tiny_encoder, tmp_path, train_samples=rows, dev_samples=(), epochs=1)
    tools = RecordingTools()
    result = SmallModelTrainer().train(job, tools)
    assert result.notes == ("24 training samples are longer than 128 tokens and are cut there.",)
    assert answers(result.served_by.model, rows[:4]) == answers(result.served_by.model, rows[:4])
    facts = json.loads((Path(result.served_by.model) / "classifier.json").read_text())
    assert facts["keep_end"] is True
    assert facts["longest"] == 128
    longer = rows[0].model_copy(update={"history": (Message(role="user", content="other " * 60),)})
    assert answers(result.served_by.model, [longer])


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
