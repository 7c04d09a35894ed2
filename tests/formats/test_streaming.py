"""Files larger than memory: read row by row, whatever they are in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.formats.readers import recognise, stream
from advisor.schema.evaluation import Sample

READ = """
import resource, sys
from pathlib import Path
from advisor.formats.readers import recognise, stream
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
small = recognise(Path(sys.argv[1]))
for _ in stream(small):
    pass
before = peak()
rows = sum(1 for _ in stream(recognise(Path(sys.argv[2]))))
print(rows, peak() - before)
"""
"""Reads a small file first, so that what libraries take at their first use is not counted."""


def write_rows(path: Path, megabytes: float) -> int:
    """Rows with ids of their own, until the file has the size; how many there are."""
    count = 0
    filling = "word " * 150
    size = 0
    with path.open("w", encoding="utf-8") as out:
        if path.suffix == ".json":
            out.write("[\n")
        if path.suffix == ".csv":
            out.write("id,input,output\n")
        while size < megabytes * 2**20:
            count += 1
            if path.suffix == ".csv":
                line = f'n{count},"{filling}{count}",answer {count}'
            else:
                row = {"id": f"n{count}", "input": f"{filling}{count}", "output": f"answer {count}"}
                line = json.dumps(row)
            comma = ",\n" if path.suffix == ".json" and count > 1 else ""
            out.write(f"{comma}{line}" + ("" if path.suffix == ".json" else "\n"))
            size += len(line)
        if path.suffix == ".json":
            out.write("\n]")
    return count


def growth(small: Path, large: Path) -> tuple[int, float]:
    """Rows of the large file, and the MiB that reading it takes beyond reading the small one."""
    command = [sys.executable, "-c", READ, str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, megabytes = done.stdout.split()
    return int(rows), float(megabytes)


def grown(folder: Path, name: str, megabytes: float) -> tuple[int, int, float]:
    small, large = folder / f"small{name}", folder / f"large{name}"
    write_rows(small, 0.05)
    count = write_rows(large, megabytes)
    return (count, *growth(small, large))


def test_lines_take_no_memory_that_grows_with_the_file(tmp_path: Path) -> None:
    count, rows, megabytes = grown(tmp_path, ".jsonl", 12)
    assert rows == count
    assert megabytes < 6


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".jsonl", ".json", ".csv"])
def test_sixty_megabytes_take_no_more(ending: str, tmp_path: Path) -> None:
    count, rows, megabytes = grown(tmp_path, ending, 60)
    assert rows == count
    assert megabytes < 12


@pytest.mark.slow
@pytest.mark.parametrize("name", [".parquet", ".arrow", ".jsonl.gz"])
def test_packed_files_take_no_more(name: str, tmp_path: Path) -> None:
    import gzip
    import shutil

    lines = tmp_path / "x.jsonl"
    for size, megabytes in (("small", 0.05), ("large", 60)):
        count = write_rows(lines, megabytes)
        path = tmp_path / f"{size}{name}"
        if name.endswith("gz"):
            with lines.open("rb") as plain, gzip.open(path, "wb", 1) as packed:
                shutil.copyfileobj(plain, packed)
            continue
        arrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        table = arrow.Table.from_pylist(list(map(json.loads, lines.read_text().splitlines())))
        if name == ".parquet":
            parquet.write_table(table, path, row_group_size=5000, compression="zstd")
        else:
            with arrow.ipc.new_file(path, table.schema) as writer:
                writer.write_table(table, max_chunksize=1000)
    rows, megabytes = growth(tmp_path / f"small{name}", tmp_path / f"large{name}")
    assert rows == count
    # A mapped file counts as memory while it is looked at, though the system may take it back.
    assert megabytes < (75 if name == ".arrow" else 30)


def test_a_source_streams_as_often_as_wanted(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    count = write_rows(path, 0.05)
    source = recognise(path)
    for _ in range(2):
        reading = stream(source)
        items = list(reading)
        assert all(isinstance(item, Sample) for item in items)
        assert len(items) == reading.rows == count
