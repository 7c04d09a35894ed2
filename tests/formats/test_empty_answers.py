"""Rows without an answer: SQuAD 2.0 and its likes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.data_check.written import json_lines
from advisor.errors import DatasetError
from advisor.formats.columns import NO_ANSWER
from advisor.formats.readers import read_dataset


def read(folder: Path, *rows: object, **settings):
    path = folder / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return read_dataset(path, **settings).samples


PLAIN = {"question": "Where?", "answer": "Bonn"}


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ({"is_impossible": True}, False),
        ({"is_impossible": False}, True),
        ({"is_answerable": False}, False),
        ({"answerable": "yes"}, True),
        ({"has_answer": 0}, False),
        ({"unanswerable": "No"}, True),
        ({"answerable": "perhaps"}, None),
        ({"answerable": None}, None),
    ],
)
def test_a_field_says_whether_there_is_an_answer(tmp_path: Path, mark, expected) -> None:
    (sample,) = read(tmp_path, PLAIN | mark)
    assert sample.is_answerable is expected
    assert sample.target == "Bonn"


@pytest.mark.parametrize("empty", ["", " ", None, []])
def test_a_row_that_says_so_may_lack_its_answer(tmp_path: Path, empty) -> None:
    first, second = read(
        tmp_path,
        {**PLAIN, "is_impossible": False},
        {"question": "When?", "answer": empty, "is_impossible": True},
    )
    assert (first.is_answerable, second.is_answerable) == (True, False)
    assert (second.input, second.target) == ("When?", NO_ANSWER)


def test_an_empty_list_of_answers_says_so(tmp_path: Path) -> None:
    rows = [
        {"question": "Where?", "answers": {"text": ["Bonn"], "answer_start": [3]}},
        {"question": "When?", "answers": {"text": [], "answer_start": []}},
    ]
    mapping = {"input": "question", "target": "answers.text.0"}
    first, second = read(tmp_path, *rows, mapping=mapping)
    assert (first.target, first.is_answerable) == ("Bonn", None)
    assert (second.target, second.is_answerable) == (NO_ANSWER, False)


@pytest.mark.parametrize("mark", [{}, {"is_impossible": False}, {"answerable": True}])
def test_an_answer_that_is_missing_is_a_fault_all_the_same(tmp_path: Path, mark) -> None:
    with pytest.raises(DatasetError, match="'answer' is empty"):
        read(tmp_path, PLAIN, {"question": "When?", "answer": "", **mark})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    samples = read(
        tmp_path,
        {**PLAIN, "answerable": True},
        {"question": "When?", "answer": "", "answerable": 0},
    )
    path = tmp_path / "written.jsonl"
    path.write_text(json_lines(samples), encoding="utf-8")
    again = read_dataset(path).samples
    assert [(s.target, s.is_answerable) for s in again] == [
        (s.target, s.is_answerable) for s in samples
    ]
