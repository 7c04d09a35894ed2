"""Every container and row shape, and every way a row can be wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from advisor.errors import DatasetError
from advisor.formats.layout import BY_ROW
from advisor.formats.readers import read_dataset
from advisor.formats.shapes import SHAPES
from advisor.schema.evaluation import Message

FORMATS = Path(__file__).parent.parent / "fixtures" / "formats"
EXPECTED = {
    "prompt_completion.jsonl": "jsonl/prompt_completion",
    "prompt_completion_messages.jsonl": "jsonl/prompt_completion",
    "input_output.json": "json/input_output",
    "input_target.tsv": "tsv/input_output",
    "input_answer.csv": "csv/input_output",
    "alpaca.json": "json/alpaca",
    "preference.jsonl": "jsonl/preference",
    "messages.jsonl": "jsonl/messages",
    "sharegpt.jsonl": "jsonl/sharegpt",
    "question_answer.csv": "csv/question_answer",
    "text_label.csv": "csv/text_label",
    "text_category.tsv": "tsv/text_label",
    "unpaired.jsonl": "jsonl/unpaired",
    "query_response.jsonl": "jsonl/query_response",
    "query_label.csv": "csv/query_label",
    "text.jsonl": "jsonl/text",
}


def write(folder: Path, text: str | bytes, name: str = "data.jsonl") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_fixture_is_listed_and_every_shape_has_one() -> None:
    assert {path.name for path in FORMATS.iterdir()} == set(EXPECTED)
    assert {name.partition("/")[2] for name in EXPECTED.values()} == {s.name for s in SHAPES}


@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - {"text.jsonl"}))
def test_two_samples_come_out_of_every_format(name: str) -> None:
    dataset = read_dataset(FORMATS / name)
    assert dataset.format == EXPECTED[name]
    assert dataset.rows == 2
    assert [sample.target for sample in dataset.samples] == ["green", "white"]
    assert "grass" in dataset.samples[0].input
    assert "snow" in dataset.samples[1].input
    assert dataset.notes == ((BY_ROW,) if name == "alpaca.json" else ())


def test_a_preference_row_keeps_the_worse_answer() -> None:
    first, second = read_dataset(FORMATS / "preference.jsonl").samples
    assert first.rejected.startswith("It depends")
    assert second.rejected == "blue"
    assert read_dataset(FORMATS / "alpaca.json").samples[0].rejected is None


def test_ids_splits_and_lines_are_read() -> None:
    first, second = read_dataset(FORMATS / "prompt_completion.jsonl").samples
    assert (first.id, first.split, first.line) == ("g", "train", 1)
    assert (second.id, second.split, second.line) == ("7", "dev", 3)


def test_a_row_over_two_lines_has_the_line_it_starts_on() -> None:
    assert [s.line for s in read_dataset(FORMATS / "text_label.csv").samples] == [2, 3]
    assert [s.line for s in read_dataset(FORMATS / "input_output.json").samples] == [2, 3]


def test_the_last_assistant_turn_is_the_target_and_earlier_turns_are_history() -> None:
    sample = read_dataset(FORMATS / "messages.jsonl").samples[0]
    assert sample.input == "Colour of grass?"
    assert sample.history == (
        Message(role="system", content="One word."),
        Message(role="user", content="Hello"),
        Message(role="assistant", content="Hi"),
    )


def test_alpaca_joins_instruction_and_input() -> None:
    first, second = read_dataset(FORMATS / "alpaca.json").samples
    assert first.input == "Name the colour.\n\ngrass"
    assert second.input == "Colour of snow?"


def test_byte_order_mark_and_blank_lines_are_accepted(tmp_path: Path) -> None:
    row = '{"input": "a", "output": "b"}\n'
    bom = b"\xef\xbb\xbf"
    assert read_dataset(write(tmp_path, bom + f"\n{row}\n".encode())).samples[0].line == 2
    table = write(tmp_path, bom + b"input,output\r\n\r\na,b\r\n", "t.csv")
    assert read_dataset(table).samples[0].input == "a"
    array = write(tmp_path, bom + f"[{row}]".encode(), "a.json")
    assert read_dataset(array).samples[0].target == "b"


def test_json_lines_under_another_ending_and_arrays_under_jsonl(tmp_path: Path) -> None:
    row = '{"input": "a", "output": "b"}'
    assert read_dataset(write(tmp_path, f"{row}\n", "x.json")).format == "jsonl/input_output"
    assert read_dataset(write(tmp_path, f"[{row}]", "x.jsonl")).format == "json/input_output"
    assert read_dataset(write(tmp_path, "input\toutput\na\tb\n", "x.dat")).format.startswith("tsv")


def test_a_line_of_megabytes_is_one_row(tmp_path: Path) -> None:
    text = "word " * 1_000_000
    row = json.dumps({"input": text, "output": "b"})
    assert len(read_dataset(write(tmp_path, row)).samples[0].input) == len(text)
    table = f'input,output\n"{text}",b\n'
    assert len(read_dataset(write(tmp_path, table, "x.csv")).samples[0].input) == len(text)


def test_the_digest_follows_the_bytes(tmp_path: Path) -> None:
    one = read_dataset(write(tmp_path, '{"input": "a", "output": "b"}')).digest
    other = read_dataset(write(tmp_path, '{"input": "a", "output": "c"}')).digest
    assert len(one) == 16
    assert one != other


def test_an_unused_field_is_named_with_a_guess(tmp_path: Path) -> None:
    path = write(tmp_path, '{"input": "a", "output": "b", "splt": "test", "n": 1}\n')
    assert read_dataset(path).notes == (
        "The field 'n' is not used (in 1 of 1 rows).",
        "The field 'splt' is not used (in 1 of 1 rows); did you mean 'split'?",
    )


def test_what_generate_writes_is_known(tmp_path: Path) -> None:
    own = '"synthetic": true, "generated_by": "m", "generated_from": ["a"], "generated_at": "2026-11-26"'
    path = write(tmp_path, f'{{"input": "a", "output": "b", {own}}}\n')
    read = read_dataset(path)
    assert [note for note in read.notes if "not used" in note] == []
    assert read.samples[0].synthetic_by == "m"


GOOD = '{"input": "a", "output": "b"}\n'
BAD_ROWS = {
    "broken JSON: Expecting": '{"input": "a", "output": \n',
    "a row must be an object": '["a", "b"]\n',
    "no field 'output|target|answer', found 'input'": '{"input": "a"}\n',
    "(for 'outptu', did you mean 'output'?)": '{"input": "a", "outptu": "b"}\n',
    "'input' is empty": '{"input": "  ", "output": "b"}\n',
    "'output' is empty": '{"input": "a", "output": ""}\n',
    "'output' must be text, got 3": '{"input": "a", "output": 3}\n',
    "'output' must be text, got None": '{"input": "a", "output": null}\n',
    "half of a surrogate pair": '{"input": "\\ud800", "output": "b"}\n',
    "unknown split 'trian' (did you mean 'train'?)": '{"input": "a", "output": "b", "split": "trian"}\n',
    "'id' must be text": '{"input": "a", "output": "b", "id": 1.5}\n',
    "broken JSON": "[" * 100_000 + "\n",
    "Exceeds the limit": '{"input": "a", "output": ' + "9" * 5000 + "}\n",
}


@pytest.mark.parametrize("words", BAD_ROWS)
def test_a_faulty_row_is_named_with_its_line(words: str, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + BAD_ROWS[words] + GOOD)
    with pytest.raises(DatasetError) as caught:
        read_dataset(path)
    assert words in caught.value.message
    assert caught.value.where == f"{path}:2"
    assert caught.value.hint
    kept = read_dataset(path, keep_faulty=True)
    assert (len(kept.samples), kept.rows, kept.faults[0].line) == (2, 3, 2)


BAD_TURNS = {
    "no assistant turn": [{"role": "user", "content": "a"}],
    "no user turn before": [{"role": "assistant", "content": "a"}],
    "unknown role 'narrator'": [{"role": "narrator", "content": "a"}],
    "no assistant turn to learn from": [{"role": "tool", "content": "a"}],
    "(each has weight 0)": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "weight": 0},
    ],
    "weight must be 0 or 1, got 7": [{"role": "assistant", "content": "a", "weight": 7}],
    "has a call without a name": [{"role": "assistant", "tool_calls": [{"function": {}}]}],
    "tool_calls must be a list": [{"role": "assistant", "tool_calls": "f"}],
    "part of type 'image_url'": [{"role": "user", "content": [{"type": "image_url"}]}],
    "must have 'role' and 'content'": [{"role": "user"}],
    "messages[1].content' must be text": [{"role": "user", "content": ["a"]}],
}


@pytest.mark.parametrize("words", BAD_TURNS)
def test_a_conversation_that_teaches_nothing_is_named(words: str, tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps({"messages": BAD_TURNS[words]}))
    with pytest.raises(DatasetError, match="line 1") as caught:
        read_dataset(path)
    assert words in caught.value.message


def test_several_faults_are_told_together(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "nope\n" * 7)
    with pytest.raises(DatasetError) as caught:
        read_dataset(path)
    message = caught.value.message
    assert "7 of 8 rows" in message
    assert "line 2:" in message
    assert "line 6:" in message
    assert "line 7:" not in message
    assert message.endswith("and 2 more.")


def test_two_rows_with_one_id(tmp_path: Path) -> None:
    row = '{"input": "a", "output": "b", "id": "x"}\n'
    with pytest.raises(DatasetError, match="the id 'x' stands already on line 1"):
        read_dataset(write(tmp_path, row + row))


def test_rows_of_an_array_on_one_line_have_ids_of_their_own(tmp_path: Path) -> None:
    rows = [{"input": f"in {n}", "output": f"out {n}"} for n in range(300)]
    path = tmp_path / "dumped.json"
    with path.open("w") as stream:
        json.dump(rows, stream)
    samples = read_dataset(path).samples
    assert [s.line for s in samples] == list(range(1, 301))
    assert [s.id for s in samples] == [f"row-{n}" for n in range(1, 301)]


def test_two_rows_of_one_line_with_one_id(tmp_path: Path) -> None:
    rows = [{"input": f"in {n}", "output": "o", "id": "x"} for n in range(2)]
    with pytest.raises(DatasetError, match="row 2: the id 'x' stands already in row 1"):
        read_dataset(write(tmp_path, json.dumps(rows), "one.json"))


@pytest.mark.parametrize("form", ["[{}]", '{{"version": [1], "data": [{}]}}', "\n[\n{}\n]"])
def test_rows_that_share_a_line_are_numbered(form: str, tmp_path: Path) -> None:
    rows = [{"input": f"in {n}", "output": "o"} for n in range(9)]
    rows[6]["output"] = ""
    path = write(tmp_path, form.format(json.dumps(rows)[1:-1]), "one.json")
    read = read_dataset(path, keep_faulty=True)
    assert [fault.line for fault in read.faults] == [7]
    assert BY_ROW in read.notes[0]
    with pytest.raises(DatasetError, match="row 7: 'output' is empty") as caught:
        read_dataset(path)
    assert caught.value.where == f"{path}, row 7"


def test_rows_on_lines_of_their_own_keep_their_lines(tmp_path: Path) -> None:
    rows = [{"input": f"in {n}", "output": "o" if n else ""} for n in range(9)]
    for indent, line in ((2, 2), (None, 1)):
        text = json.dumps(rows, indent=indent).replace("}, {", "},\n{")
        read = read_dataset(write(tmp_path, text, "one.json"), keep_faulty=True)
        assert [fault.line for fault in read.faults] == [line]
        assert read.notes == ()


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    row = GOOD.encode()
    latin = '{"input": "é", "output": "b"}\n'.encode("latin-1")
    for name, content in {
        "x.jsonl": row + latin,
        "x.json": b"[" + row.strip() + b",\n" + latin + b"]",
        "x.csv": "input,output\né,b\n".encode("latin-1"),
    }.items():
        path = write(tmp_path, content, name)
        with pytest.raises(DatasetError, match="not UTF-8") as caught:
            read_dataset(path)
        assert caught.value.where == f"{path}:2"


BROKEN_FILES = {
    "data.jsonl is empty": ("", "data.jsonl"),
    "t.csv is empty": ("\n \n", "t.csv"),
    "has no rows": ("input,output\n", "t.csv"),
    "a.json has no rows": ("[]", "a.json"),
    "one JSON object, not a list": ('{\n "data": []\n}', "a.json"),
    "fields of data.jsonl are not known: 'x'": ('{"x": 1}\n', "data.jsonl"),
    "For 'promt', did you mean 'prompt'?": ('{"promt": "a", "answer": "b"}\n', "data.jsonl"),
    "the number of cells is 3, of columns in the header 2": ("input,output\na,b,c\nd,e\n", "t.csv"),
    "two columns 'input'": ("input,Input,output\na,b,c\n", "t.csv"),
    "unexpected end of data": ('input,output\na,b\n"c,d\n', "t.csv"),
    "Expecting ',' or ']'": ('[{"input": "a", "output": "b"}\n{}]', "a.json"),
    "Expecting a row after ','": ('[{"input": "a", "output": "b"},]', "a.json"),
    "text after the closing bracket": ('[{"input": "a", "output": "b"}] x', "a.json"),
    "not a data file": ("just some words\n", "notes.rst"),
}


@pytest.mark.parametrize("words", BROKEN_FILES)
def test_a_broken_file_is_told(words: str, tmp_path: Path) -> None:
    content, name = BROKEN_FILES[words]
    path = write(tmp_path, content, name)
    with pytest.raises(DatasetError) as caught:
        read_dataset(path)
    assert words in caught.value.message
    assert str(path) in caught.value.where
    assert caught.value.hint


def test_an_unterminated_array_keeps_the_rows_before(tmp_path: Path) -> None:
    path = write(tmp_path, f"[{GOOD},\n{GOOD}", "a.json")
    kept = read_dataset(path, keep_faulty=True)
    assert len(kept.samples) == 2
    assert kept.faults[0].code == "broken_json"


def test_nothing_out_of_the_data_moves_the_cursor(tmp_path: Path) -> None:
    escape = "\\u001b[2J"
    rows = [
        f'{{"input": "a", "output": "b", "split": "{escape}"}}',
        f'{{"input": "a", "outpu{escape}": "b"}}',
        f'{{"input": "a", "output": "b", "id": "{escape}", "no{escape}": "x"}}',
    ]
    path = write(tmp_path, "\n".join([*rows, rows[2]]))
    kept = read_dataset(path, keep_faulty=True)
    assert [fault.line for fault in kept.faults] == [1, 2, 4]
    said = " ".join([*(fault.message for fault in kept.faults), *kept.notes])
    assert "\x1b" not in said
    assert "[2J" in said


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="is a pipe"):
        read_dataset(tmp_path / "pipe")


def test_good_rows_after_many_broken_ones_are_found(tmp_path: Path) -> None:
    kept = read_dataset(write(tmp_path, "nope\n" * 120 + GOOD), keep_faulty=True)
    assert (len(kept.samples), len(kept.faults), kept.rows) == (1, 120, 121)
    with pytest.raises(DatasetError, match=r"no usable row \(60 of 60 rows\)"):
        read_dataset(write(tmp_path, "nope\n" * 60), keep_faulty=True)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "tickets.jsonl")
    with pytest.raises(DatasetError, match=r"Did you mean .*tickets\.jsonl"):
        read_dataset(tmp_path / "ticket.jsonl")
    (tmp_path / "texts").mkdir()
    with pytest.raises(DatasetError, match="holds no data file"):
        read_dataset(tmp_path / "texts")
    with pytest.raises(DatasetError, match="There is no file"):
        read_dataset(tmp_path / "no" / "such" / "file.jsonl")
    with pytest.raises(DatasetError, match="cannot be read: File name too long"):
        read_dataset(tmp_path / ("x" * 300))
