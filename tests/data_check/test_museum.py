"""Every fault planted in the museum is found with its rows, and nothing else; clean data is clean."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.data_museum import EXHIBITS, build


def test_the_museum_is_as_large_as_promised(tmp_path: Path) -> None:
    built = [build(exhibit, tmp_path) for exhibit in EXHIBITS]
    assert sum(len(one.planted) for one in built) >= 66
    assert len({exhibit["shape"] for exhibit in EXHIBITS}) >= 9
    endings = {"".join(Path(exhibit["file"]).suffixes[-1:]) for exhibit in EXHIBITS}
    assert endings >= {".jsonl", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".gz", ""}
