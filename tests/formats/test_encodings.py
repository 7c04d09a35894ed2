"""Files in other encodings are read as they are meant, and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.formats import encoding
from advisor.formats.readers import read_dataset

ROWS = [{"input": f"in {n}", "output": f"out {n}"} for n in range(300)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


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


def test_zeros_among_ascii_are_no_utf16(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", b"in\0out\0" * 40)
    assert encoding.find_encoding(path, "")[0] == "utf-8"
