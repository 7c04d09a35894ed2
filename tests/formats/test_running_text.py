"""Running text is read as rows to be continued: one file, or a folder that holds nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.formats.readers import read_dataset
from advisor.formats.running_text import PIECE_LETTERS

PARAGRAPH = "When the printer jams, then the hardware team comes; nobody else does.\n"


def test_a_text_with_commas_is_no_table(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text(f"{PARAGRAPH}\n{PARAGRAPH}", encoding="utf-8")
    [sample] = read_dataset(path).samples
    assert sample.input == ""
    assert sample.target == f"{PARAGRAPH}\n{PARAGRAPH}".strip()


def test_a_long_text_is_parted_between_paragraphs_and_nothing_is_lost(tmp_path: Path):
    path = tmp_path / "book.md"
    whole = "\n".join(f"{n}. {PARAGRAPH}" for n in range(2000))
    path.write_text(whole, encoding="utf-8")
    samples = read_dataset(path).samples
    assert 5 < len(samples) < 12
    assert all(len(sample.target) < PIECE_LETTERS + 200 for sample in samples)
    assert "\n\n".join(sample.target for sample in samples).split() == whole.split()
    lines = whole.splitlines()
    assert all(lines[s.line - 1] == s.target.splitlines()[0] for s in samples)


def test_a_folder_of_texts_is_read_where_it_holds_no_rows(tmp_path: Path):
    for name in ("a.txt", "b.md"):
        (tmp_path / name).write_text(PARAGRAPH, encoding="utf-8")
    assert [s.file for s in read_dataset(tmp_path).samples] == ["a.txt", "b.md"]
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n', encoding="utf-8")
    [sample] = read_dataset(tmp_path).samples
    assert (sample.input, sample.target) == ("a", "b")


@pytest.mark.parametrize(
    "text", ["question,answer\nWhat?,This.\n", '{"prompt": "What?", "completion": "This."}\n']
)
def test_rows_in_a_file_that_is_called_text_stay_rows(tmp_path: Path, text: str):
    path = tmp_path / "rows.txt"
    path.write_text(text, encoding="utf-8")
    [sample] = read_dataset(path).samples
    assert (sample.input, sample.target) == ("What?", "This.")
