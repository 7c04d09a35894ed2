from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.embedding import vectors_root

PUMP = "# Pump\n\n## Filling\n\nThe pump is filled with 3 litres of blue oil.\n"
SIEVE = "# Sieve\n\n## Cleaning\n\nClean the sieve every 40 hours with warm water.\n"


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "my docs"
    folder.mkdir()
    (folder / "pump.md").write_text(PUMP)
    (folder / "sieve.md").write_text(SIEVE)
    return folder


def search(*words):
    return CliRunner().invoke(cli, ["docs", "search", *map(str, words), "--json"])


@pytest.mark.ml
def test_the_passage_that_answers_comes_first_and_its_offsets_point_at_it(docs):
    result = search(docs, "How much oil goes into the pump?", "-k", 2)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    first = told["found"][0]
    assert (first["rank"], first["document"]) == (1, "pump.md")
    assert PUMP[first["start"] : first["end"]] == first["text"]
    assert [f["rank"] for f in told["found"]] == list(range(1, len(told["found"]) + 1))
    assert told["documents"] == 2


@pytest.mark.ml
def test_one_kind_of_search_can_be_asked_for(docs):
    result = search(docs, "oil", "-k", 1, "--builder-option", "rag.search=bm25")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["found"][0]["document"] == "pump.md"


@pytest.mark.ml
def test_an_index_that_was_damaged_is_told(docs):
    assert json.loads(search(docs, "oil").stdout)["notes"] == []
    for path in (vectors_root() / "cache").glob("index-*/vectors-0.npy"):
        path.write_bytes(b"x" * path.stat().st_size)
    told = json.loads(search(docs, "oil").stdout)
    assert "it was built anew" in told["notes"][-1]
    assert told["found"][0]["document"] == "pump.md"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("nowhere", "oil"), "There is no file or folder"),
        (("{docs}", "oil", "--builder-option", "rag.search=fuzzy"), "fuzzy"),
        (("{docs}", "oil", "--embedder", "no-such-model"), "no-such-model"),
        (("{docs}", "oil", "--builder-option", "few_shot.shots=3"), "says nothing here"),
        (("{docs}", "oil", "--builder-option", "where.kind=pdf"), "whose option"),
    ],
)
def test_mistakes_are_told(docs, words, expected):
    result = search(*(word.format(docs=docs) for word in words))
    assert result.exit_code == 1, result.stdout
    assert expected in json.loads(result.stdout)["error"]["message"]


@pytest.mark.ml
def test_with_the_cache_off_nothing_is_left_anywhere(docs, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("ADVISOR_CACHE", "off")
    assert search(docs, "oil").exit_code == 0
    assert list(here.iterdir()) == []
