"""The option --map: which field serves as which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.errors import DatasetError, InputError
from advisor.formats.mapping import parse_mapping
from advisor.formats.readers import read_dataset


def test_words_and_fields_are_trimmed_and_lower_case() -> None:
    assert parse_mapping(" Input = Frage ,target=antwort,") == {
        "input": "frage",
        "target": "antwort",
    }
    assert parse_mapping("") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("inptu=a", "does not know the word 'inptu'. Did you mean 'input'?"),
        ("foo", "'foo' in --map is not WORD=FIELD"),
        ("input=", "'input=' in --map is not WORD=FIELD"),
        ("input=a,input=b", "says twice what 'input' is: a and b"),
    ],
)
def test_a_mapping_that_is_none_is_told(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_mapping(text)
    assert words in caught.value.message
    assert caught.value.hint


TABLE = "Frage;Antwort;Kunde\nq;a;k\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    return path


def test_the_users_fields_are_read(table: Path) -> None:
    dataset = read_dataset(table, mapping=parse_mapping("input=Frage,target=Antwort,group=kunde"))
    sample = dataset.samples[0]
    assert (sample.input, sample.target, sample.group) == ("q", "a", "k")
    assert dataset.mapping == {"input": "frage", "target": "antwort", "group": "kunde"}
    assert dataset.notes == ()


def test_without_it_the_fields_are_unknown_and_the_option_is_shown(table: Path) -> None:
    with pytest.raises(DatasetError, match=r"fields of t\.csv are not known") as caught:
        read_dataset(table)
    assert "--map input=frage,target=antwort" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("input=frage", "says nothing of target"),
        ("input=fragen,target=antwort", "has the field 'fragen'. Did you mean 'frage'?"),
        ("input=frage,messages=antwort", "no kind of row has input and messages together"),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_told(text: str, words: str, table: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        read_dataset(table, mapping=parse_mapping(text))
    assert words in caught.value.message
    assert "'frage'" in caught.value.hint


def row(folder: Path, fields: object, mapping: str):
    path = folder / "x.jsonl"
    path.write_text(json.dumps(fields))
    return read_dataset(path, mapping=parse_mapping(mapping))


def test_a_mapped_number_is_a_target(tmp_path: Path) -> None:
    dataset = row(tmp_path, {"input": "a", "output": 3.5}, "target=output")
    assert dataset.samples[0].target == "3.5"


def test_a_field_inside_a_field(tmp_path: Path) -> None:
    fields = {"question": "q", "answers": {"Text": ["a", "b"]}}
    dataset = row(tmp_path, fields, "input=question,target=answers.text.0")
    assert (dataset.samples[0].target, dataset.notes) == ("a", ())


def test_words_choose_among_shapes(tmp_path: Path) -> None:
    fields = {"question": "q", "answer": "a", "text": "t", "topic": "l", "dialog": [
        {"role": "user", "content": "u"}, {"role": "assistant", "content": "v"}]}  # fmt: skip
    assert row(tmp_path, fields, "").format == "jsonl/question_answer"
    assert row(tmp_path, fields, "text=text,label=topic").samples[0].target == "l"
    assert row(tmp_path, fields, "text=answer").format == "jsonl/text"
    assert row(tmp_path, fields, "messages=dialog").samples[0].target == "v"
    assert row(tmp_path, fields, "input=text,target=answer").samples[0].input == "t"
    marked = row(tmp_path, {"q": "q", "a": "a", "ok": 1}, "input=q,target=a,label=ok")
    assert marked.samples[0].is_good is True
