"""Row shapes beyond question and answer: tools, weights, preferences, marks, plain text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.errors import DatasetError
from advisor.formats.readers import read_dataset, recognise
from advisor.schema.evaluation import Message, ToolCall


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Bonn"}'},
}
CALLED = Message(
    role="assistant",
    content="",
    tool_calls=(ToolCall(name="weather", arguments='{"city": "Bonn"}', id="c1"),),
)
ASKED = [user("Weather?"), assistant(None, tool_calls=[CALL])]
RESULT = {"role": "tool", "content": "12", "tool_call_id": "c1", "name": "weather"}


def read(folder: Path, *rows: object, name: str = "data.jsonl", **settings):
    path = folder / name
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return read_dataset(path, **settings)


def only(folder: Path, row: object):
    return read(folder, row).samples[0]


def test_calls_and_results_between_question_and_answer_are_steps(tmp_path: Path) -> None:
    sample = only(tmp_path, {"messages": [*ASKED, RESULT, assistant("12 degrees")], "tools": TOOLS})
    assert (sample.input, sample.target) == ("Weather?", "12 degrees")
    assert sample.steps == (
        CALLED,
        Message(role="tool", content="12", name="weather", call_id="c1"),
    )
    assert [json.loads(tool) for tool in sample.tools] == TOOLS


@pytest.mark.parametrize("tools", [TOOLS, json.dumps(TOOLS), [json.dumps(TOOLS[0])]])
def test_a_call_is_a_target_as_json_and_tools_may_be_json_text(tmp_path: Path, tools) -> None:
    sample = only(tmp_path, {"messages": ASKED, "tools": tools})
    assert json.loads(sample.target) == [{"name": "weather", "arguments": {"city": "Bonn"}}]
    assert sample.steps == ()
    assert [json.loads(tool) for tool in sample.tools] == TOOLS


def test_the_older_function_call_and_arguments_that_are_no_text(tmp_path: Path) -> None:
    call = {"name": "weather", "arguments": {"city": "Bonn", "day": None}}
    sample = only(
        tmp_path, {"messages": [user("Weather?"), assistant("Look:", function_call=call)]}
    )
    text, _, calls = sample.target.partition("\n\n")
    assert text == "Look:"
    assert json.loads(calls) == [{"name": "weather", "arguments": {"city": "Bonn"}}]


def test_sharegpt_calls_observations_and_pairs(tmp_path: Path) -> None:
    turns = [
        {"from": "human", "value": "Weather?"},
        {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Bonn"}}'},
        {"from": "observation", "value": "12"},
        {"from": "gpt", "value": "12 degrees"},
    ]
    row = {"conversations": turns, "system": "Be brief.", "tools": json.dumps(TOOLS)}
    sample = only(tmp_path, row)
    assert [turn.role for turn in sample.steps] == ["assistant", "tool"]
    assert sample.steps[0].tool_calls[0].name == "weather"
    assert sample.history == (Message(role="system", content="Be brief."),)
    pairs = [{"human": "Hi", "assistant": "Hello"}, {"human": "2+2?", "assistant": "4"}]
    swift = only(tmp_path, {"conversation": pairs})
    assert (swift.input, swift.target, len(swift.history)) == ("2+2?", "4", 2)


def test_an_answer_of_weight_0_is_no_target_and_weights_are_kept(tmp_path: Path) -> None:
    turns = [user("a"), assistant("b", weight=1), user("c"), assistant("d", weight=0)]
    sample = only(tmp_path, {"messages": turns})
    assert (sample.input, sample.target) == ("a", "b")
    longer = only(tmp_path, {"messages": [*turns, user("e"), assistant("f")]})
    assert longer.target == "f"
    assert [turn.weight for turn in longer.history] == [None, 1.0, None, 0.0]


def test_developer_turns_and_texts_in_parts(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]
    turns = [{"role": "developer", "content": "Be brief."}, user(parts), assistant("ok")]
    sample = only(tmp_path, {"messages": turns})
    assert sample.input == "One.\n\nTwo."
    assert sample.history[0].role == "developer"


GOOD, BAD = [assistant("good")], [assistant("bad")]
PREFERENCES = {
    "texts": {"prompt": "q", "chosen": "good", "rejected": "bad"},
    "messages": {"prompt": [user("q")], "chosen": GOOD, "rejected": BAD},
    "whole conversations": {"chosen": [user("q"), *GOOD], "rejected": [user("q"), *BAD]},
    "openai": {
        "input": {"messages": [user("q")], "tools": TOOLS},
        "preferred_output": GOOD,
        "non_preferred_output": BAD,
    },
    "llama-factory alpaca": {"instruction": "q", "input": "", "chosen": "good", "rejected": "bad"},
    "llama-factory sharegpt": {
        "conversations": [{"from": "human", "value": "q"}],
        "chosen": {"from": "gpt", "value": "good"},
        "rejected": {"from": "gpt", "value": "bad"},
    },
    "ms-swift": {"query": "q", "response": "good", "rejected_response": "bad"},
    "ms-swift messages": {"messages": [user("q"), *GOOD], "rejected_response": "bad"},
    "one text": {
        "chosen": "\n\nHuman: q\n\nAssistant: good",
        "rejected": "\n\nHuman: q\n\nAssistant: bad",
    },
}


@pytest.mark.parametrize("name", PREFERENCES)
def test_preferences_of_every_convention(name: str, tmp_path: Path) -> None:
    dataset = read(tmp_path, PREFERENCES[name])
    sample = dataset.samples[0]
    assert (dataset.format, dataset.kind) == ("jsonl/preference", "preference")
    assert (sample.input, sample.target, sample.rejected) == ("q", "good", "bad")


MARKED = {
    "trl": {"prompt": "q", "completion": "a", "label": False},
    "trl messages": {"prompt": [user("q")], "completion": [assistant("a")], "label": False},
    "llama-factory": {"instruction": "q", "input": "", "output": "a", "kto_tag": False},
    "ms-swift": {"messages": [user("q"), assistant("a")], "label": False},
}


@pytest.mark.parametrize("name", MARKED)
def test_marked_answers_of_every_convention(name: str, tmp_path: Path) -> None:
    dataset = read(tmp_path, MARKED[name])
    sample = dataset.samples[0]
    assert dataset.kind == "unpaired"
    assert (sample.input, sample.target, sample.is_good) == ("q", "a", False)


def test_a_mark_that_is_none_is_a_fault(tmp_path: Path) -> None:
    rows = [MARKED["trl"], {**MARKED["trl"], "label": "perhaps"}, {**MARKED["trl"], "label": 1}]
    dataset = read(tmp_path, *rows, keep_faulty=True)
    assert [sample.is_good for sample in dataset.samples] == [False, True]
    assert dataset.faults[0].code == "not_a_mark"


def test_marks_in_a_table_are_words(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("prompt,completion,label\nq,a,True\nq,b,false\n")
    assert [s.is_good for s in read_dataset(path).samples] == [True, False]


def test_plain_text_has_no_input(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"text": "Once upon a time."})
    assert (dataset.format, dataset.kind) == ("jsonl/text", "text")
    assert (dataset.samples[0].input, dataset.samples[0].target) == ("", "Once upon a time.")


def test_labels_that_are_numbers_become_texts_and_it_is_told(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"text": "a", "label": 1}, {"text": "b", "label": True})
    assert [sample.target for sample in dataset.samples] == ["1", "true"]
    assert dataset.notes == ("Targets that are numbers are read as text (2 of 2 rows).",)


def test_alpaca_with_history_and_system(tmp_path: Path) -> None:
    row = {"instruction": "q", "input": "", "output": "a", "system": "S", "history": [["b", "c"]]}
    sample = only(tmp_path, row)
    assert [turn.content for turn in sample.history] == ["S", "b", "c"]
    dolly = only(tmp_path, {"instruction": "q", "context": "k", "response": "a"})
    assert (dolly.input, dolly.target) == ("q\n\nk", "a")
    with pytest.raises(DatasetError, match=r"history\[1\] must be a pair"):
        only(tmp_path, {**row, "history": [["b"]]})


def test_when_two_shapes_fit_the_order_decides_and_the_other_is_told(tmp_path: Path) -> None:
    row = {
        "messages": [user("q"), assistant("a")],
        "prompt": "q",
        "chosen": "a",
        "rejected": "b",
    }
    dataset = read(tmp_path, row)
    assert dataset.format == "jsonl/messages"
    asked = "preference fits too: --map input=prompt,target=chosen,rejected=rejected."
    assert asked in dataset.notes[0]
    mapping = {"input": "prompt", "target": "chosen", "rejected": "rejected"}
    assert read(tmp_path, row, mapping=mapping).samples[0].rejected == "b"


def test_columns_beside_the_row_are_read_and_told(tmp_path: Path) -> None:
    row = {
        "question": "q",
        "answer": "a",
        "user_id": 5,
        "conversation_id": "c",
        "doc_id": "manual.pdf",
        "created_at": "2024-01-02T03:04:05+02:00",
        "license": "MIT",
        "generated_by": "model-x",
    }
    other = {**row, "created_at": 1704157445, "generated_by": None, "doc_id": "word " * 99}
    dataset = read(tmp_path, row, other)
    first, second = dataset.samples
    assert (first.group, first.document, first.synthetic_by) == ("5", "manual.pdf", "model-x")
    assert first.time == second.time == "2024-01-02T01:04:05+00:00"
    assert second.synthetic_by == ""
    assert second.document.startswith("text ")
    assert len(second.document) < 30
    assert dataset.licence == "MIT"
    said = " ".join(dataset.notes)
    for name in ("user_id", "doc_id", "created_at", "generated_by", "conversation_id"):
        assert f"'{name}'" in said
    assert dataset.mapping["group"] == "user_id"


def test_several_licences_and_dates_that_are_none_are_told(tmp_path: Path) -> None:
    rows = [{"input": "a", "output": "b", "date": "soon", "licence": name} for name in "xxy"]
    dataset = read(tmp_path, *rows)
    assert dataset.licence == ""
    assert "The rows have several licences: x (2), y (1)." in dataset.notes
    assert "'date' is no ISO date in 3 rows; they count as undated." in dataset.notes
    assert {sample.time for sample in dataset.samples} == {""}


@pytest.mark.parametrize(
    ("value", "author"),
    [(True, "unnamed model"), ("yes", "unnamed model"), ("gpt", "gpt"), (False, ""), ("human", "")],
)
def test_who_wrote_a_row(value, author: str, tmp_path: Path) -> None:
    row = {"input": "a", "output": "b", "synthetic": value}
    assert only(tmp_path, row).synthetic_by == author


def test_text_and_document_of_a_summary_are_input_not_group(tmp_path: Path) -> None:
    sample = only(tmp_path, {"article": "long", "summary": "short"})
    assert (sample.input, sample.target) == ("long", "short")


def test_recognising_reads_no_more_than_the_head(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"input": "a", "output": "b"}\n' * 60 + "nope\n")
    source = recognise(path)
    assert (source.format, source.kind, source.files) == ("jsonl/input_output", "answers", (path,))
    assert source.mapping == {"input": "input", "target": "output"}


def test_samples_are_what_validation_would_make_of_them(tmp_path: Path) -> None:
    rows = [
        {"messages": [user("q"), assistant("a")], "id": "x", "split": "test", "user_id": 1},
        {"messages": [*ASKED, RESULT, assistant("b")], "tools": TOOLS},
        {"messages": [assistant("c"), user("q"), assistant("d")], "created_at": "2024-01-02"},
    ]
    for sample in read(tmp_path, *rows).samples:
        again = type(sample).model_validate(sample.model_dump())
        assert again == sample
        assert again.model_dump_json() == sample.model_dump_json()
        assert hash(again) == hash(sample)
        assert sample.model_copy(update={"split": "dev"}).split == "dev"
        given = sample.model_dump(exclude_unset=True)
        assert type(sample)(**given) == sample
