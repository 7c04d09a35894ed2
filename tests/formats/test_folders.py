"""A folder is one set: its files, their names, and ids that meet."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from advisor.errors import DatasetError
from advisor.formats.readers import read_dataset

ROWS = [{"input": f"in {n}", "output": f"out {n}"} for n in range(300)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_folder_of_files_is_one_set_and_names_tell_the_split(tmp_path: Path) -> None:
    write(tmp_path, "train/part-0.jsonl", LINES)
    write(tmp_path, "train/part-1.jsonl", LINES)
    write(tmp_path, "validation.jsonl", '{"input": "v", "output": "w", "split": "test"}\n')
    write(tmp_path, "test-00000-of-00001.jsonl.gz", gzip.compress(LINES.encode()))
    write(tmp_path, "README.md", "Read me.")
    write(tmp_path, "empty.jsonl", "")
    write(tmp_path, ".hidden.jsonl", "nope")
    write(tmp_path, "state.json", "{}")
    dataset = read_dataset(tmp_path)
    assert dataset.rows == 901
    assert {(s.file, s.split) for s in dataset.samples} == {
        ("train/part-0.jsonl", "train"),
        ("train/part-1.jsonl", "train"),
        ("test-00000-of-00001.jsonl.gz", "test"),
        ("validation.jsonl", "test"),
    }
    assert len({sample.id for sample in dataset.samples}) == 901
    said = " ".join(dataset.notes)
    for words in (
        "4 files are read",
        "names tell the split",
        "README.md",
        "Left out, as they are empty: empty",
    ):
        assert words in said
    assert "hidden" not in said


def test_the_same_id_in_two_files_is_told_apart_and_twice_in_one_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", '{"id": 1, "input": "a", "output": "b"}\n')
    write(tmp_path, "b.jsonl", '{"id": 1, "input": "a", "output": "b"}\n' * 2)
    kept = read_dataset(tmp_path, keep_faulty=True)
    assert [sample.id for sample in kept.samples] == ["1", "b.jsonl:1"]
    assert [(f.file, f.line, f.code) for f in kept.faults] == [("b.jsonl", 2, "duplicate_id")]
    assert "Ids that stand in several files got the file's name before them (1)." in kept.notes
    with pytest.raises(DatasetError, match=r"b\.jsonl, line 2") as caught:
        read_dataset(tmp_path)
    assert caught.value.where.endswith("b.jsonl:2")


def test_the_digest_of_a_folder_follows_names_and_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", LINES)
    first = read_dataset(tmp_path).digest
    assert first != read_dataset(path).digest
    path.rename(tmp_path / "b.jsonl")
    assert read_dataset(tmp_path).digest != first


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("b.csv", "input,output\na,b\n", "several kinds: 1 jsonl, 1 csv"),
        ("b.jsonl", '{"text": "t", "label": "l"}', "b.jsonl is text_label, but a.jsonl is"),
        ("b.jsonl", '{"x": "t"}', "fields of b.jsonl are not known"),
    ],
)
def test_a_mixed_folder_is_refused(name: str, text: str, words: str, tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", LINES)
    write(tmp_path, name, text)
    with pytest.raises(DatasetError) as caught:
        read_dataset(tmp_path)
    assert words in caught.value.message


def test_ids_that_look_generated_never_meet_generated_ones(tmp_path: Path) -> None:
    given = ["row-3", None, None, "row-2", "row-9"]
    rows = [{"input": "a", "output": "b", "id": name} for name in given]
    path = write(tmp_path, "x.jsonl", "\n".join(map(json.dumps, rows)))
    kept = read_dataset(path, keep_faulty=True)
    assert [sample.id for sample in kept.samples] == ["row-3", "row-2", "row-3+", "row-9"]
    assert kept.faults[0].message == (
        "the id 'row-2' is the one that row 2 gets, which has no id of its own"
    )


def test_many_ids_are_kept_apart(tmp_path: Path) -> None:
    rows = [{"input": "a", "output": "b", "id": f"x{n}"} for n in range(9000)]
    path = write(tmp_path, "x.jsonl", "\n".join(map(json.dumps, [*rows, rows[8000]])))
    kept = read_dataset(path, keep_faulty=True)
    assert len(kept.samples) == 9000
    assert kept.faults[0].message == "the id 'x8000' stands already on line 8001"
