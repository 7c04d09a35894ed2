"""Every fault planted in the museum is found with its rows, and nothing else; clean data is clean.

An alarm is an error or a warning; notes are none. Of each public set the first 1,200 rows are looked
at, so what those say holds for them alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from advisor.bundled import bundled_settings, task_names
from advisor.data_check.check import check_file
from advisor.formats.documents import read_documents
from advisor.formats.readers import recognise
from advisor.schema.dataset import DataCheck
from tests.fixtures.data_museum import EXHIBITS, Built, Place, build

pytest.importorskip("pyarrow")
pytest.importorskip("py3langid")
pytest.importorskip("rensa")

CLEAN = (
    ("tickets.csv", "tickets", "text_label"),
    ("splits.tsv", "tickets", "split"),
    ("advice.jsonl", "advice", "messages"),
    ("agents.jsonl.gz", "advice", "tools"),
    ("pairs.json", "advice", "preference"),
    ("corpus.parquet", "text", "text"),
)


def checked(built: Built) -> DataCheck:
    documents = read_documents(built.documents) if built.documents else ()
    source = recognise(built.path)
    return check_file(source, sequence_length=built.sequence_length, documents=documents)


def found(check: DataCheck) -> dict[str, set[Place]]:
    """Code -> the places listed under it."""
    places: dict[str, set[Place]] = {}
    for problem in check.problems:
        files = problem.files or ("",) * len(problem.rows)
        places.setdefault(problem.code, set()).update(zip(files, problem.rows, strict=True))
    return places


def alarms(check: DataCheck) -> list[tuple[str, str]]:
    return [(p.code, p.message) for p in check.problems if p.severity != "note"]


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit["file"])
def test_every_planted_fault_is_found_with_its_rows(
    exhibit: dict[str, Any], tmp_path: Path
) -> None:
    built = build(exhibit, tmp_path)
    check = checked(built)
    places = found(check)
    assert {code: places.get(code) for code in built.expected} == built.expected
    assert [code for code, _ in alarms(check) if code not in built.expected] == []
    assert all(p.message and p.hint for p in check.problems if p.code in built.expected)


def test_the_museum_is_as_large_as_promised(tmp_path: Path) -> None:
    built = [build(exhibit, tmp_path) for exhibit in EXHIBITS]
    assert sum(len(one.planted) for one in built) >= 66
    assert len({code for one in built for code in one.expected}) >= 45
    assert len({exhibit["shape"] for exhibit in EXHIBITS}) >= 9
    endings = {Path(exhibit["file"]).suffix for exhibit in EXHIBITS}
    assert endings >= {".jsonl", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".gz", ""}
    encodings = {exhibit.get("encoding", "utf-8") for exhibit in EXHIBITS}
    assert encodings >= {"utf-8", "cp1252", "utf-16", "utf-8-sig"}


@pytest.mark.parametrize(("file", "base", "shape"), CLEAN, ids=[row[0] for row in CLEAN])
def test_no_alarm_on_clean_rows_of_ours(file: str, base: str, shape: str, tmp_path: Path) -> None:
    clean = {"file": file, "base": [base, 240], "shape": shape, "plant": []}
    assert alarms(checked(build(clean, tmp_path))) == []


@pytest.mark.parametrize("name", task_names())
def test_no_alarm_on_the_bundled_tasks(name: str) -> None:
    path = Path(bundled_settings(name).run.data)
    assert alarms(check_file(recognise(path))) == []


def questions(article: Mapping[str, Any], out: list[str]) -> None:
    for paragraph in article["paragraphs"]:
        for asked in paragraph["qas"]:
            if asked["answers"]:
                text = f"{paragraph['context']}\n\n{asked['question']}"
                row = {"input": text, "output": asked["answers"][0]["text"]}
                out.append(json.dumps(row))


PUBLIC = {
    "banking77": ("banking77/test.csv", {}),
    "e2e_nlg": ("e2e_nlg/devset.csv", {"input": "mr", "target": "ref"}),
    "squad_v2_sample": ("squad_v2_sample/dev-sample.json", {}),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_no_alarm_on_public_sets(name: str, shared_folder: Path, tmp_path: Path) -> None:
    relative, mapping = PUBLIC[name]
    path = shared_folder / "data" / relative
    if not path.is_file():
        pytest.skip(f"the public set {name} is not here")
    rows: list[str] = []
    if path.suffix == ".json":
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
            questions(article, rows)
    else:
        rows = path.read_text(encoding="utf-8").splitlines()
    path = tmp_path / f"part{'.jsonl' if path.suffix == '.json' else path.suffix}"
    path.write_text("\n".join(rows[:1200]) + "\n", encoding="utf-8")
    assert alarms(check_file(recognise(path, mapping=mapping))) == []
