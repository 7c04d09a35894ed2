from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from advisor import registry
from advisor.errors import NonFiniteLossError, PlanError
from advisor.schema.evaluation import Message, Sample
from tests.fixtures.kinds import LABELS, asked, conversations, job_of, said
from tests.fixtures.training import RecordingTools, labelled_samples
from trainers.engines.ledger import Ledger
from trainers.engines.small_model import SmallModelTrainer
from trainers.engines.small_model.texts import sample_text


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
def test_a_label_begins_as_the_direction_of_its_rows():
    import torch

    from trainers.engines.small_model._encoder import Classifier

    vectors = torch.tensor([[3.0, 0.0], [0.0, 3.0], [0.0, 3.0], [1.8, 2.4]])
    classifier = Classifier(None, torch.zeros(3, 2), torch.ones(3), LABELS)
    classifier.start_head(vectors, [0, 1, 1, 2])
    expected = 16 * torch.tensor([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8], [0.0, 1.0, 0.8], [0.6, 0.8, 1]])
    assert classifier.logits(vectors).allclose(expected)


@pytest.mark.ml
def test_the_head_that_learns_is_softer_than_the_regression(whole):
    result, _ = whole
    assert result.loss[0].loss > 0.1  # by the regression, which fits its own rows, next to nothing
    assert result.loss[-1].loss < result.loss[0].loss


@pytest.mark.ml
def test_texts_of_one_label_are_drawn_together(tiny_encoder, tmp_path):
    options = {"way": "contrastive"}
    job = job_of(tiny_encoder, tmp_path, method_options=options, epochs=3, evaluations=1)
    result = SmallModelTrainer().train(job, RecordingTools())
    _, held = conversations()
    assert right(result, held) >= 9
    assert result.steps == 18
    assert result.loss[-1].loss < result.loss[0].loss


@pytest.mark.ml
def test_the_regression_alone_takes_no_step(tiny_encoder, tmp_path):
    job = job_of(tiny_encoder, tmp_path, method_options={"way": "head"})
    result = SmallModelTrainer().train(job, RecordingTools())
    train, _ = conversations()
    assert right(result, train) >= 30
    assert result.steps == 0


def parts_moved(base: str, model: str) -> set[str]:
    """Parts of the encoder whose weights are not those of the base any more."""
    from safetensors.torch import load_file

    before = load_file(Path(base) / "model.safetensors")
    after = load_file(Path(model) / "model.safetensors")
    assert before.keys() == after.keys()
    moved = {name for name, tensor in before.items() if not tensor.equal(after[name])}
    parts = ("embeddings", "layer.0", "layer.1")
    return {part for part in parts if any(part in name for name in moved)}


@pytest.mark.ml
def test_every_weight_is_trained_by_the_method_full(whole, tiny_encoder):
    from safetensors.torch import load_file

    result, _ = whole
    assert result.kept_step > 0
    assert parts_moved(tiny_encoder, result.served_by.model) == {"embeddings", "layer.0", "layer.1"}
    base = load_file(Path(tiny_encoder) / "model.safetensors")
    head = 3 * 32 + 3
    assert result.trainable_parameters == head + sum(t.numel() for t in base.values())


@pytest.mark.ml
@pytest.mark.parametrize(
    ("method", "options", "changed"),
    [("freeze", {"layers": 1}, {"layer.1"}), ("lora", {}, {"layer.0", "layer.1"})],
)
def test_only_what_the_method_trains_changes(tiny_encoder, tmp_path, method, options, changed):
    few = {"epochs": 1, "method_options": options, "choose_checkpoint_by": "last"}
    job = job_of(tiny_encoder, tmp_path, method, dev_samples=(), micro_batch_size=24, **few)
    result = SmallModelTrainer().train(job, RecordingTools())
    assert parts_moved(tiny_encoder, result.served_by.model) == changed
    assert result.kept_step is None


@pytest.mark.ml
def test_training_ends_when_nothing_gets_better(tiny_encoder, tmp_path):
    _, held = conversations()
    turned = tuple(
        s.model_copy(update={"target": LABELS[(LABELS.index(s.target) + 1) % 3]}) for s in held
    )
    job = job_of(
        tiny_encoder, tmp_path, dev_samples=turned, evaluations=12, early_stopping_patience=2
    )
    result = SmallModelTrainer().train(job, RecordingTools())
    assert result.ended_early == "2 looks at the dev part without a better value"
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
def test_a_checkpoint_that_is_broken_is_not_believed(tiny_encoder, tmp_path):
    job = job_of(tiny_encoder, tmp_path, resume=True, epochs=2, evaluations=1)
    first = RecordingTools(stop_at=5)
    with pytest.raises(KeyboardInterrupt):
        SmallModelTrainer().train(job, first)
    own = Ledger(job, "small_model").folder
    tensors = own / "checkpoint-5" / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-100])
    (own / "checkpoint-7.partial").mkdir()
    tools = RecordingTools()
    result = SmallModelTrainer().train(job, tools)
    assert tools.events[0].kind == "start"
    assert result.resumed_from_step is None
    assert [point.step for point in result.loss] == list(range(1, 13))
    assert [point.loss for point in result.loss[:5]] == [e.loss for e in first.of("step")]
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
