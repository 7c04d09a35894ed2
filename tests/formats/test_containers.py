"""Files of every kind: compressed, columnar, objects, folders, other encodings."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pytest

from advisor.errors import DatasetError, MissingExtraError
from advisor.formats import _arrow, encoding
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


GERMAN = [
    {"input": "Größe?", "output": "groß"},
    {"input": "Wo liegt Köln?", "output": "hier"},
    {"input": "Fußgänger", "output": "Bär"},
    {"input": "Tür: 5 €", "output": "auf"},
]


def german(name: str) -> str:
    if name.endswith(".csv"):
        return "input;output\r\n" + "".join(f"{r['input']};{r['output']}\r\n" for r in GERMAN)
    if name.endswith(".json"):
        return json.dumps(GERMAN, ensure_ascii=False, indent=1)
    return "\r\n".join(json.dumps(row, ensure_ascii=False) for row in GERMAN)


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_other_encodings_are_read_and_told(name: str, codec: str, tmp_path: Path) -> None:
    if codec == "cp1252":
        pytest.importorskip("charset_normalizer")
    dataset = read_dataset(write(tmp_path, name, german(name).encode(codec)))
    assert [s.target for s in dataset.samples] == [row["output"] for row in GERMAN]
    assert dataset.encoding == codec.removesuffix("-sig")
    told = [note for note in dataset.notes if "not UTF-8" in note]
    assert told == (
        [] if codec.startswith("utf-8") else [f"The file is not UTF-8; it is read as {codec}."]
    )


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Příliš žluťoučký kůň úpěl ďábelské ódy", "cp1250"),
        ("Привет, как дела? Это обычный текст", "cp1251"),
        ("これは日本語の文章です。よろしくお願いします", "cp932"),
        ("这是一个简体中文的句子用于测试编码", "gb18030"),
    ],
)
def test_encodings_of_other_scripts(text: str, codec: str, tmp_path: Path) -> None:
    pytest.importorskip("charset_normalizer")
    content = "".join(f'{{"input": "{text}", "output": "{n}"}}\n' for n in range(6))
    dataset = read_dataset(write(tmp_path, "x.jsonl", content.encode(codec)))
    assert (dataset.encoding, dataset.samples[0].input) == (codec, text)


def test_single_wrong_bytes_in_a_utf8_file_are_faults_of_their_rows(tmp_path: Path) -> None:
    right = json.dumps({"input": "Größe", "output": "b"}, ensure_ascii=False).encode() + b"\n"
    wrong = right.decode().encode("latin-1")
    content = right * 30 + wrong + right * 30
    kept = read_dataset(write(tmp_path, "x.jsonl", content), keep_faulty=True)
    assert (kept.encoding, len(kept.samples)) == ("utf-8", 60)
    assert [(fault.code, fault.line) for fault in kept.faults] == [("not_utf8", 31)]


def test_bytes_that_the_encoding_lacks_are_faults_of_their_rows(tmp_path: Path) -> None:
    pytest.importorskip("charset_normalizer")
    for name in ("x.jsonl", "x.csv"):
        content = german(name).encode("cp1252").replace("Köln".encode("cp1252"), b"K\x81ln")
        kept = read_dataset(write(tmp_path, name, content), keep_faulty=True)
        assert [fault.code for fault in kept.faults] == ["not_decoded"]
        assert len(kept.samples) == 3


def test_without_the_library_wrong_rows_stay_faults_and_the_extra_is_named(
    tmp_path: Path, monkeypatch
) -> None:
    def absent(content: bytes) -> str:
        raise ImportError(len(content))

    monkeypatch.setattr(encoding, "guessed", absent)
    path = write(tmp_path, "x.jsonl", (german("x.jsonl") + "\n" + LINES).encode("cp1252"))
    kept = read_dataset(path, keep_faulty=True)
    assert {fault.code for fault in kept.faults} == {"not_utf8"}
    assert "finetune-advisor[data]" in kept.notes[0]


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
    for words in ("4 files are read", "names tell the split", "README.md", "Empty files: empty"):
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
