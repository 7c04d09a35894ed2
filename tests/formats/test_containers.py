"""Files of every kind: compressed, columnar, objects, folders, other encodings."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pytest

from advisor.errors import DatasetError, MissingExtraError
from advisor.formats import _arrow
from advisor.formats.readers import read_dataset, recognise, stream

ROWS = [{"input": f"in {n}", "output": f"out {n}"} for n in range(300)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def targets(path: Path) -> list[str]:
    return [sample.target for sample in read_dataset(path).samples]


WANTED = [row["output"] for row in ROWS]


@pytest.mark.parametrize("ending", PACKERS)
def test_compressed_rows_are_read(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.jsonl.{ending}"
    path.write_bytes(PACKERS[ending](LINES.encode()))
    assert read_dataset(path).format == f"jsonl.{ending}/input_output"
    assert targets(path) == WANTED
    table = tmp_path / f"x.csv.{ending}"
    table.write_bytes(PACKERS[ending](b"input;output\na;b\n"))
    assert targets(table) == ["b"]


@pytest.mark.parametrize("ending", PACKERS)
def test_a_compressed_file_that_ends_early_is_told(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.jsonl.{ending}"
    whole = PACKERS[ending](LINES.encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="is damaged"):
        read_dataset(path)


def test_damage_behind_the_head_ends_the_rows_with_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(LINES.encode()))
    source = recognise(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-6])
    *_, last = stream(source)
    assert (last.code, last.line) == ("broken_file", 301)


@pytest.fixture
def arrow():
    return pytest.importorskip("pyarrow")


def write_columnar(arrow, path: Path, table) -> None:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        parquet.write_table(table, path, row_group_size=128)
    else:
        new = arrow.ipc.new_stream if path.stem == "stream" else arrow.ipc.new_file
        with new(path, table.schema) as writer:
            writer.write_table(table)


COLUMNAR = ["rows.parquet", "file.arrow", "stream.arrow"]


@pytest.mark.parametrize("name", COLUMNAR)
def test_columnar_files_are_read_with_row_numbers(name: str, arrow, tmp_path: Path) -> None:
    rows = [row | {"picture": {"bytes": b"x"}, "raw": b"y", "n": 1} for row in ROWS]
    write_columnar(arrow, tmp_path / name, arrow.Table.from_pylist(rows))
    dataset = read_dataset(tmp_path / name)
    container = "parquet" if "parquet" in name else "arrow"
    assert dataset.format == f"{container}/input_output"
    assert [sample.target for sample in dataset.samples] == WANTED
    assert [sample.line for sample in dataset.samples] == list(range(1, 301))
    assert dataset.notes == ("The field 'n' is not used (in 300 of 300 rows).",)


@pytest.mark.parametrize("name", COLUMNAR)
def test_a_columnar_file_that_ends_early_is_told(name: str, arrow, tmp_path: Path) -> None:
    path = tmp_path / name
    write_columnar(arrow, path, arrow.Table.from_pylist(ROWS))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="cannot be read: damaged"):
        read_dataset(path)


def test_padded_turns_and_named_labels_of_columnar_files(arrow, tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "q", "tool_calls": None},
        {"role": "assistant", "content": "a", "tool_calls": [{"function": {"name": "f"}}]},
    ]
    path = tmp_path / "m.parquet"
    write_columnar(arrow, path, arrow.Table.from_pylist([{"messages": turns}]))
    assert read_dataset(path).samples[0].target == 'a\n\n[{"name": "f", "arguments": {}}]'
    table = arrow.Table.from_pylist([{"text": "t", "label": 1}])
    named = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["neg", "pos"]}}}}
    path = tmp_path / "l.parquet"
    marked = table.replace_schema_metadata({"huggingface": json.dumps(named)})
    write_columnar(arrow, path, marked)
    assert targets(path) == ["pos"]
    write_columnar(arrow, path, table.replace_schema_metadata({"huggingface": "no JSON"}))
    assert targets(path) == ["1"]


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingExtraError, match="needs extra packages") as caught:
        read_dataset(tmp_path / "x.parquet")
    assert "[data]" in caught.value.hint
    assert _arrow.CONTINUATION == b"\xff\xff\xff\xff"


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_rows_in_a_list_of_an_object(tmp_path: Path) -> None:
    text = '{"version": [1, 2], "data": [\n{"question": "q", "answer": "a"},\n\n{"question": "r", "answer": "b"}\n], "end": {"x": []}}'
    dataset = read_dataset(write(tmp_path, "x.json", text))
    assert [(s.target, s.line) for s in dataset.samples] == [("a", 2), ("b", 4)]
    assert "Rows are read from the list 'data'" in dataset.notes[0]


def test_lists_named_like_splits(tmp_path: Path) -> None:
    row = {"question": "q", "answer": "a"}
    content = {"train": [row, row], "validation": [row], "test": [row]}
    dataset = read_dataset(write(tmp_path, "x.json", json.dumps(content)))
    assert [sample.split for sample in dataset.samples] == ["train", "train", "dev", "test"]


def test_columns_as_lists_are_told(tmp_path: Path) -> None:
    content = json.dumps({"question": ["q", "r"], "answer": ["a", "b"]})
    dataset = read_dataset(write(tmp_path, "x.json", content))
    assert [sample.target for sample in dataset.samples] == ["a", "b"]
    assert "columns are lists" in dataset.notes[0]


@pytest.mark.parametrize("cut", [0, 1, 40, 130])
def test_rows_are_whole_wherever_the_pieces_are_cut(cut: int, tmp_path: Path, monkeypatch) -> None:
    rows = [
        {"input": 'a\\"é\U0001f600' * 3, "output": f"{n}\u2028", "x": [1.5e3, None, -7]}
        for n in range(40)
    ]
    text = json.dumps(rows, ensure_ascii=False, indent=cut % 3 or None)
    monkeypatch.setattr("advisor.formats.json_file.CHUNK", cut + 7)
    dataset = read_dataset(write(tmp_path, "x.json", text))
    assert [s.target for s in dataset.samples] == [row["output"] for row in rows]
    assert [s.input for s in dataset.samples] == [row["input"] for row in rows]
    if cut % 3:
        assert [s.line for s in dataset.samples] == [
            n for n, line in enumerate(text.split("\n"), 1) if line.strip() == "{"
        ]
    else:
        assert [s.line for s in dataset.samples] == list(range(1, 41))


def test_a_fault_in_a_long_array_has_its_line_and_column(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("advisor.formats.json_file.CHUNK", 64)
    good = ",\n".join(json.dumps(row) for row in ROWS[:50])
    kept = read_dataset(write(tmp_path, "x.json", f"[{good},\n  oops]"), keep_faulty=True)
    assert len(kept.samples) == 50
    assert (kept.faults[0].line, kept.faults[0].code) == (51, "broken_json")
    assert "column 3" in kept.faults[0].message


def test_an_open_quote_never_makes_a_whole_file_one_row(tmp_path: Path, monkeypatch) -> None:
    for module in ("rows", "json_file", "table"):
        monkeypatch.setattr(f"advisor.formats.{module}.LONGEST_ROW", 2000)
    long = json.dumps({"input": "x" * 5000, "output": "b"})
    kept = read_dataset(write(tmp_path, "x.jsonl", f"{LINES}{long}\n{LINES}"), keep_faulty=True)
    assert (len(kept.samples), [f.code for f in kept.faults]) == (600, ["too_long"])
    assert kept.faults[0].line == 301
    rows = LINES.strip().replace("\n", ",\n")
    kept = read_dataset(write(tmp_path, "x.json", f'[{rows},"{"x" * 300_000}'), keep_faulty=True)
    assert (len(kept.samples), kept.faults[0].line) == (300, 300)
    kept = read_dataset(
        write(tmp_path, "x.csv", f'input,output\na,b\nc,"{LINES}'), keep_faulty=True
    )
    assert (len(kept.samples), kept.faults[0].code) == (1, "broken_table")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04....", "a ZIP archive or a spreadsheet"),
        (b"\x28\xb5\x2f\xfd....", "compressed with Zstandard"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"%PDF-1.7", "a PDF document"),
    ],
)
def test_foreign_kinds_are_named(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=words) as caught:
        read_dataset(write(tmp_path, "x.bin", content))
    assert caught.value.hint


def test_a_conversation_as_json_in_a_cell(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    cell = json.dumps(turns).replace('"', '""')
    dataset = read_dataset(
        write(tmp_path, "x.csv", f'id,messages\n1,"{cell}"\n2,[oops\n'), keep_faulty=True
    )
    assert (dataset.format, dataset.samples[0].target) == ("csv/messages", "a")
    assert dataset.faults[0].code == "not_a_list"


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_a_long_first_row_with_a_list_of_its_own_is_a_row(name: str, tmp_path: Path) -> None:
    row = {"input": "a", "meta": [{"n": n} for n in range(20_000)], "output": "b"}
    dataset = read_dataset(write(tmp_path, name, f"{json.dumps(row)}\n" * 2))
    assert (dataset.format, dataset.rows) == ("jsonl/input_output", 2)


def test_a_long_object_on_one_line_is_no_row(tmp_path: Path) -> None:
    content = json.dumps({"n": 1, "data": ROWS * 10})
    assert len(content) > 1 << 16
    dataset = read_dataset(write(tmp_path, "x.json", content))
    assert (dataset.format, dataset.rows) == ("json/input_output", 3000)


def test_a_subfolder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch) -> None:
    import os

    write(tmp_path, "a.jsonl", LINES)

    def walk(root, onerror):
        onerror(PermissionError(13, "Permission denied", f"{root}/secret"))

    monkeypatch.setattr(os, "walk", walk)
    with pytest.raises(DatasetError, match="secret cannot be read: Permission denied"):
        read_dataset(tmp_path)
