"""Faults of data and templates, planted one by one, and told before the first step."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from advisor import registry
from advisor.errors import DatasetError, ModelFolderError, TrainingError
from advisor.schema.evaluation import Message, Sample, ToolCall
from tests.fixtures.tiny_llama import TEMPLATE, make_tiny_llama
from tests.fixtures.training import (
    INSTRUCTION,
    RecordingTools,
    training_job,
    training_samples,
)
from tests.trainers.bench import bench_for, bench_of, looked, with_rows

pytestmark = pytest.mark.ml

WITHOUT_SYSTEM = TEMPLATE.replace("{% for m in messages %}", "{% for m in messages[1:] %}")
REFUSING = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    + TEMPLATE
)
OTHERWISE = TEMPLATE.replace("{{ '<|assistant|>' }}", "{{ '<|assistant|>Well: ' }}")


@pytest.fixture(scope="module")
def bench(tiny_llama: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return bench_for(tiny_llama, tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def rows(bench: Any) -> list[dict[str, Any]]:
    return list(bench.course.dataset)


def masked(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"labels": [-100] * len(row["labels"])}


def test_faultless_rows_pass_and_are_counted(bench: Any, rows: list):
    tools = RecordingTools()
    seen = looked(dataclasses.replace(bench, tools=tools))
    assert seen.rows == 24
    assert seen.left_out == 0
    assert seen.tokens == sum(len(row["input_ids"]) for row in rows)
    assert seen.trained_tokens == sum(sum(x >= 0 for x in row["labels"]) for row in rows)
    assert seen.longest_row == max(len(row["input_ids"]) for row in rows)
    assert not [note for note in seen.notes if " of 24 " in note]
    [told] = tools.of("preflight")
    assert told.message.startswith("24 rows, 232 of 1038 tokens learnt from, longest 44, ")
    assert "GiB in two steps on the longest batch, about " in told.message
    assert told.memory_gib == seen.probed_memory_gib
    assert [event.message for event in tools.of("note")] == list(seen.notes)


def test_all_labels_masked(bench: Any, rows: list):
    broken = with_rows(bench, [masked(row) for row in rows])
    with pytest.raises(DatasetError, match="24 of 24 rows have nothing to learn from") as caught:
        looked(broken)
    assert "cut off" in caught.value.hint


def test_rows_without_a_trained_token_are_left_out_and_counted(bench: Any, rows: list):
    from trainers.engines.trl._audit import swept

    first_only = rows[5] | {"labels": [1] + [-100] * (len(rows[5]["labels"]) - 1)}
    course = with_rows(bench, [*rows[:4], masked(rows[4]), first_only, *rows[6:]]).course
    samples = tuple(s.model_copy(update={"line": i + 1}) for i, s in enumerate(training_samples()))
    job = bench.job.model_copy(update={"train_samples": samples})
    clean = swept(course, job, bench.tokenizer)
    assert list(clean.dataset) == [*rows[:4], *rows[6:]]
    assert len(clean.lengths) == 22
    assert clean.left_out == 2
    assert "2 of 24 rows have nothing to learn from" in clean.notes[-1]
    assert "first: line 5" in clean.notes[-1]
    assert swept(clean, job, bench.tokenizer) is clean


def test_more_than_a_tenth_without_a_trained_token_stops(bench: Any, rows: list):
    from trainers.engines.trl._audit import swept

    broken = with_rows(bench, [*map(masked, rows[:3]), *rows[3:]])
    with pytest.raises(DatasetError, match="3 of 24 rows") as caught:
        swept(broken.course, bench.job, bench.tokenizer)
    assert caught.value.where == "sample s0"


def test_rows_over_the_plans_length(bench: Any, rows: list):
    long = {"input_ids": rows[0]["input_ids"] * 4, "labels": rows[0]["labels"] * 4}
    with pytest.raises(DatasetError, match="3 of 24 rows exceed the plan's 128 tokens"):
        looked(with_rows(bench, [long, long, long, *rows[3:]]))


def test_rows_longer_than_the_model_reads(bench: Any, rows: list):
    long = {"input_ids": rows[0]["input_ids"] * 7, "labels": rows[0]["labels"] * 7}
    plan = bench.job.plan.model_copy(update={"sequence_length": 512})
    job = bench.job.model_copy(update={"plan": plan})
    broken = dataclasses.replace(with_rows(bench, [long] * 4), job=job)
    with pytest.raises(DatasetError, match="longer than the 256 tokens that the model reads"):
        looked(broken)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ids, labels: ([1, *ids], [-100, *labels]), "start token '<s>' twice"),
        (lambda ids, labels: (ids[:-1], labels[:-1]), "do not end with '<|end|>'"),
        (lambda ids, labels: ([*ids, 2], [*labels, 2]), "end token '<|end|>' more than once"),
        (lambda ids, labels: (ids, [*labels[:-1], -100]), "that is masked"),
        (lambda ids, _: (ids, [*[-100] * (len(ids) - 1), 2]), "answers are empty"),
    ],
)
def test_special_tokens_at_the_wrong_place(bench: Any, rows: list, change: Any, words: str):
    changed = [change(row["input_ids"], row["labels"]) for row in rows]
    every = [{"input_ids": ids, "labels": labels} for ids, labels in changed]
    with pytest.raises(DatasetError) as caught:
        looked(with_rows(bench, every))
    assert words in caught.value.message
    assert caught.value.hint
    few = looked(with_rows(bench, [*rows[:-1], every[-1]]))
    assert [note for note in few.notes if words in note and "first: sample s23" in note]


def test_tokens_without_an_embedding(bench: Any, rows: list):
    strange = [*rows[:-1], {"input_ids": [1, 262, 2], "labels": [-100, 262, 2]}]
    with pytest.raises(DatasetError, match=r"the token 262.*embeddings for 262"):
        looked(with_rows(bench, strange))


def test_labels_beside_their_tokens(bench: Any, rows: list):
    shifted = [row | {"labels": [*row["labels"][1:], -100]} for row in rows]
    with pytest.raises(TrainingError, match="labels do not belong to their tokens"):
        looked(with_rows(bench, shifted))


def test_padding_that_is_learnt(bench: Any):
    def build(plan: Any, dataset: Any, folder: Path) -> Any:
        trainer = bench.build(plan, dataset, folder)
        collate = trainer.data_collator

        def careless(rows: list) -> dict:
            batch = collate(rows)
            return batch | {"labels": batch["input_ids"].clone()}

        trainer.data_collator = careless
        return trainer

    with pytest.raises(TrainingError, match="Padding would be learnt"):
        looked(dataclasses.replace(bench, build=build))


def test_a_collator_that_masks_the_end_since_it_is_the_padding(bench: Any):
    def build(plan: Any, dataset: Any, folder: Path) -> Any:
        trainer = bench.build(plan, dataset, folder)
        collate = trainer.data_collator

        def by_token(rows: list) -> dict:
            batch = collate(rows)
            batch["labels"][batch["input_ids"] == bench.tokenizer.eos_token_id] = -100
            return batch

        trainer.data_collator = by_token
        return trainer

    with pytest.raises(DatasetError, match="masked: it is the padding token too"):
        looked(dataclasses.replace(bench, build=build))


def test_a_weight_that_is_no_number(bench: Any):
    turn = Message(role="assistant", content="Hi", weight=float("nan"))
    samples = (
        *training_samples(3),
        Sample(id="x", input="1?", target="2", line=9, history=(turn,)),
    )
    job = bench.job.model_copy(update={"train_samples": samples})
    with pytest.raises(DatasetError, match="the weight nan") as caught:
        looked(dataclasses.replace(bench, job=job))
    assert caught.value.where == "line 9"


@pytest.mark.parametrize("values", [[1.0, float("nan")], [[1.0, 2.0], [float("inf")]]])
def test_a_column_that_holds_no_number(bench: Any, rows: list, values: list):
    broken = with_rows(
        bench, [row | {"margin": value} for row, value in zip(rows[:2], values, strict=True)]
    )
    with pytest.raises(DatasetError, match="column 'margin'") as caught:
        looked(broken)
    assert caught.value.where.startswith("row 2 ")


def test_numbers_of_a_batch_that_are_not_finite():
    import torch

    from trainers.engines.trl._batches import check_batch

    with pytest.raises(DatasetError, match="'ref_logps' holds a value"):
        check_batch({"ref_logps": torch.tensor([1.0, float("nan")])}, 10)


def test_weights_that_are_not_finite(tiny_llama: str, tmp_path: Path):
    import torch

    broken = bench_for(tiny_llama, tmp_path)
    with torch.no_grad():
        broken.model.get_input_embeddings().weight[3, 5] = float("nan")
    with pytest.raises(ModelFolderError, match=r"1 of \d+ weight tensors .*embed_tokens"):
        looked(broken)


def test_a_template_that_drops_the_system_turn(tmp_path: Path):
    model = make_tiny_llama(tmp_path / "model", template=WITHOUT_SYSTEM)
    with pytest.raises(ModelFolderError, match=r"leaves the system turn out: 'Add two\.'"):
        looked(bench_for(str(model), tmp_path))


def test_rows_in_another_form_than_the_question(bench: Any, rows: list):
    role = bench.tokenizer.convert_tokens_to_ids("<|assistant|>")
    closed = [
        {
            "input_ids": [token for token in row["input_ids"] if token != role],
            "labels": [
                label
                for token, label in zip(row["input_ids"], row["labels"], strict=True)
                if token != role
            ],
        }
        for row in rows
    ]
    whole = [row | {"labels": list(row["input_ids"])} for row in rows]
    late = [row | {"labels": _late(row["labels"])} for row in rows]
    for broken, words in (
        (closed, "'It i' instead of '<|assistant|>'"),
        (whole, "the question itself is learnt"),
        (late, "not learnt from its first token, 'It i'"),
    ):
        with pytest.raises(TrainingError, match="24 of 24 rows begin otherwise") as caught:
            looked(with_rows(bench, broken))
        assert words in caught.value.message


def _late(labels: list[int]) -> list[int]:
    """The answer without its first token."""
    first = next(i for i, label in enumerate(labels) if label >= 0)
    return [*labels[:first], -100, *labels[first + 1 :]]


def test_an_open_question_that_is_written_otherwise_is_told(tmp_path: Path):
    model = make_tiny_llama(tmp_path / "model", template=OTHERWISE)
    seen = looked(bench_for(str(model), tmp_path))
    assert [note for note in seen.notes if "otherwise than an open one" in note]


def test_general_rows_have_a_form_of_their_own(tiny_llama: str, tmp_path: Path):
    general = tuple(
        Sample(id=f"s{i}", input=f"What is {i} plus two?" * (i % 2), target=f"It is {i + 2}.")
        for i in range(40)
    )
    job = training_job(tiny_llama, tmp_path, general_share=0.5)
    job = job.model_copy(update={"general_samples": general})
    seen = looked(bench_of(job, tmp_path / "job"))
    assert seen.rows == 48
    assert not [note for note in seen.notes if " of 48 " in note]


def test_rows_that_are_the_same_are_told(bench: Any, rows: list):
    seen = looked(with_rows(bench, [*rows[:20], *rows[:4]]))
    assert "4 of 24 rows are the same as another: each counts as often." in seen.notes


CALL = Message(
    role="assistant", content="", tool_calls=(ToolCall(name="add", arguments='{"a": 1}', id="c"),)
)
RESULT = Message(role="tool", content="3", name="add", call_id="c")
SAMPLES = (
    Sample(id="plain", input="1?", target="2"),
    Sample(id="own", input="1?", target="2", history=(Message(role="system", content="Brief."),)),
    Sample(id="tools", input="1?", target="2", steps=(CALL, RESULT), tools=('{"name": "add"}',)),
)


@pytest.mark.parametrize("template", [TEMPLATE, REFUSING, OTHERWISE, None])
def test_the_prompt_of_the_audit_is_what_the_backend_sends(tmp_path: Path, template: str | None):
    from advisor.builtin.backends.chat_tokens import tokens_of
    from tests.fixtures.training import training_plan
    from trainers.engines.trl._form import asked
    from trainers.engines.trl._model import open_tokenizer

    model = make_tiny_llama(tmp_path / "model", template=template)
    tokenizer = open_tokenizer(training_plan(str(model)))
    builder = registry.prompt_builder("zero_shot")
    builder.fit((), (), (), RecordingTools())
    for sample in SAMPLES:
        ids, text = asked(sample, INSTRUCTION, tokenizer)
        assert ids == tokens_of(builder.build(sample).messages, tokenizer)
        assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("packing", [False, True])
def test_a_packed_batch_is_read_text_by_text(tiny_llama: str, tmp_path: Path, packing: Any):
    from trainers.engines.trl._audit import audited

    found = bench_for(tiny_llama, tmp_path, packing=packing)
    plain = bench_for(tiny_llama, tmp_path).course.dataset
    trainer = found.build(found.job.plan, found.course.dataset, tmp_path)
    texts, notes = audited(found, found.job.plan, trainer)
    assert sorted(text.ids for text in texts) == sorted(plain["input_ids"])
    assert sum(sum(text.trained) for text in texts) == found.course.trained_tokens
    assert notes == ()


def test_of_many_rows_the_longest_the_shortest_and_others_are_read():
    from trainers.engines.trl._audit import AUDITED, spread

    lengths = [(i * 7919) % 5000 + 1 for i in range(5000)]
    found = spread(lengths)
    assert 0.9 * AUDITED <= len(found) <= AUDITED
    assert {lengths.index(5000), lengths.index(1)} <= set(found)
    assert spread([3, 1, 2]) == [0, 1, 2]
