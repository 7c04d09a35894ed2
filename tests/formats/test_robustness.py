"""Whatever is written comes back equal; whatever is broken comes back as faults, never a crash."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from advisor.errors import DatasetError
from advisor.formats.readers import read_dataset

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), min_size=1, max_size=30
).filter(lambda text: text.strip() != "")
ROWS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6)
NAMES = ("prompt", "completion")
QUICK = settings(max_examples=15, deadline=None)


def as_lines(rows):
    return "\n".join(json.dumps(dict(zip(NAMES, row, strict=True))) for row in rows)


def as_array(rows):
    return json.dumps(
        [dict(zip(NAMES, r, strict=True)) for r in rows], ensure_ascii=False, indent=1
    )


def as_columns(rows):
    return json.dumps({NAMES[0]: [r[0] for r in rows], NAMES[1]: [r[1] for r in rows]})


def as_object(rows):
    return json.dumps({"n": len(rows), "rows": [dict(zip(NAMES, r, strict=True)) for r in rows]})


def as_table(rows, delimiter=","):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([NAMES, *rows])
    return buffer.getvalue()


def as_tabs(rows):
    return as_table(rows, "\t")


def as_semicolons(rows):
    return as_table(rows, ";")


def as_chat(rows):
    return "\r\n".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": asked},
                    {"role": "assistant", "content": answer},
                ]
            }
        )
        for asked, answer in rows
    )


WRITERS = {
    "x.jsonl": as_lines,
    "y.jsonl": as_chat,
    "x.json": as_array,
    "y.json": as_columns,
    "z.json": as_object,
    "x.csv": as_table,
    "x.tsv": as_tabs,
    "y.csv": as_semicolons,
}


@pytest.mark.parametrize("name", WRITERS)
def test_rows_come_back_as_they_were_written(name: str) -> None:
    @QUICK
    @given(ROWS)
    @example([("\ufeff", "\u2028x")])
    @example([("{", "["), ("\\", '"'), ('",', "\\u00e9")])
    def comes_back(rows) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(WRITERS[name](rows).encode())
            samples = read_dataset(path).samples
            assert [(s.input, s.target) for s in samples] == rows
            packed = path.with_name(path.name + ".gz")
            packed.write_bytes(gzip.compress(path.read_bytes()))
            assert read_dataset(packed).samples == samples

    comes_back()


def test_columnar_rows_come_back() -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    @QUICK
    @given(ROWS)
    def comes_back(rows) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.parquet"
            columns = [dict(zip(NAMES, row, strict=True)) for row in rows]
            parquet.write_table(arrow.Table.from_pylist(columns), path)
            assert [(s.input, s.target) for s in read_dataset(path).samples] == rows

    comes_back()


def survives(path: Path) -> None:
    """Reading ends in samples and faults that name their place, or in one error that does."""
    try:
        kept = read_dataset(path, keep_faulty=True)
    except DatasetError as error:
        if not (error.message and error.where):
            raise
        return
    assert kept.rows == len(kept.samples) + len(kept.faults)
    assert all(fault.message and fault.line for fault in kept.faults)


NAMES_OF_NOISE = st.sampled_from(["x.jsonl", "x.json", "x.csv", "x.parquet", "x.gz", "x"])
STARTS = st.sampled_from([b"", b"[", b"{", b"PAR1", b"ARROW1\x00\x00", b"\xff\xff\xff\xff", b"\xff\xfe", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b'{"data": [', b'[{"a":', b"input,output\n"])  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(NAMES_OF_NOISE, STARTS, st.binary(max_size=300))
def test_noise_never_crashes(name: str, start: bytes, noise: bytes) -> None:
    pytest.importorskip("pyarrow")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(start + noise)
        survives(path)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [
        "messages",
        "prompt",
        "completion",
        "chosen",
        "rejected",
        "label",
        "text",
        "input",
        "output",
        "tools",
        "system",
        "id",
        "split",
        "history",
        "instruction",
        "time",
        "group",
        "licence",
        "synthetic",
        "document",
        "preferred_output",
        "non_preferred_output",
        "conversations",
    ]
)
TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system", "x"]) | JSON_VALUES},
    optional={
        "content": JSON_VALUES,
        "tool_calls": JSON_VALUES,
        "function_call": JSON_VALUES,
        "weight": JSON_VALUES,
    },
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.dictionaries(FIELDS, JSON_VALUES | st.lists(TURN, max_size=3), max_size=5), max_size=4
    )
)
def test_strange_values_in_known_fields_never_crash(rows) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows))
        survives(path)


@pytest.mark.parametrize("name", [*WRITERS, "x.parquet", "x.arrow"])
def test_a_file_cut_or_flipped_anywhere_never_crashes(name: str, tmp_path: Path) -> None:
    rows = [(f"question {n} é", f"answer {n}") for n in range(40)]
    path = tmp_path / name
    if name in WRITERS:
        whole = WRITERS[name](rows).encode()
    else:
        arrow = pytest.importorskip("pyarrow")
        from pyarrow import feather, parquet

        table = arrow.Table.from_pylist([dict(zip(NAMES, row, strict=True)) for row in rows])
        write = parquet.write_table if name == "x.parquet" else feather.write_feather
        write(table, str(path))
        whole = path.read_bytes()
    dice = random.Random(0)
    for _ in range(25):
        path.write_bytes(whole[: dice.randrange(len(whole))])
        survives(path)
        flipped = bytearray(whole)
        flipped[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        path.write_bytes(flipped)
        survives(path)
