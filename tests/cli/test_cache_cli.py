"""`advisor cache` knows completions and vectors."""

from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.embedding import KeptEmbedder, vectors_root
from advisor.evaluation.cache import opened
from advisor.kept_vectors import clear_indexes, clear_vectors, kept_indexes, kept_vectors
from advisor.schema.evaluation import Completion
from tests.fixtures.embedders import LetterEmbedder

pytest.importorskip("numpy")


@pytest.fixture
def filled():
    """One completion, and the vectors of 140 texts by two embedders."""
    answer = Completion(text="x", prompt_tokens=1, completion_tokens=1, latency_ms=1.0)
    opened().put("a", answer, backend="b", model="m")
    for digest, count in (("letters-1", 100), ("other", 40)):
        KeptEmbedder(LetterEmbedder(digest), vectors_root()).array(list(map(str, range(count))))


def ran(*words: str):
    """Exit code and what is told."""
    result = CliRunner().invoke(cli, ["cache", *words, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_what_is_kept_is_shown(filled):
    _, told = ran("show")
    assert told["completions"] == 1
    assert told["vectors"] == 140
    assert told["embedders"] == {"letters letters-": 100, "letters other": 40}
    assert told["vectors_bytes"] > 140 * 36 * 4
    assert told["vectors_path"] == str(vectors_root())
    assert "letters other" in CliRunner().invoke(cli, ["cache", "show"]).stdout


def test_everything_goes_only_when_agreed(filled):
    code, told = ran("clear")
    assert code == 1
    assert "1 completions, 140 vectors and 0 indexes" in told["error"]["message"]
    _, told = ran("clear", "--yes")
    assert (told["deleted"], told["deleted_vectors"]) == (1, 140)
    assert list(vectors_root().iterdir()) == []


def test_vectors_go_alone_and_by_age_and_never_by_model(filled):
    _, told = ran("clear", "--model", "m")
    assert (told["deleted"], told["deleted_vectors"]) == (1, 0)
    _, told = ran("clear", "--older-than-days", "1")
    assert (told["deleted"], told["deleted_vectors"]) == (0, 0)
    assert ran("clear", "--vectors", "--model", "m")[0] == 1
    code, told = ran("clear", "--vectors")
    assert code == 1
    assert "lose 140 vectors and 0 indexes" in told["error"]["message"]
    _, told = ran("clear", "--vectors", "--yes")
    assert told["deleted_vectors"] == 140


def test_what_is_not_ours_is_left_alone(tmp_path):
    for name, text in (("mine", "{}"), ("other", "no json"), ("third", '{"format": "0"}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text)
        (tmp_path / name / "a.keys.npy").write_bytes(b"x")
    assert kept_vectors(tmp_path) == ({}, 0)
    assert clear_vectors(tmp_path) == 0
    assert len(list(tmp_path.rglob("a.keys.npy"))) == 3
    assert kept_vectors(tmp_path / "nowhere") == ({}, 0)


def test_a_file_of_ones_own_beside_the_vectors_stays(tmp_path):
    KeptEmbedder(LetterEmbedder(), tmp_path).array(list(map(str, range(40))))
    [folder] = tmp_path.iterdir()
    (folder / "notes.txt").write_text("mine")
    assert clear_vectors(tmp_path) == 40
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


@pytest.fixture
def searched(tmp_path):
    """What `docs search` leaves: a word index and an index of vectors."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "pump.md").write_text("# Pump\n\nIt is filled with 3 litres of blue oil.\n")
    result = CliRunner().invoke(cli, ["docs", "search", str(docs), "oil", "--json"])
    assert result.exit_code == 0, result.output
    return vectors_root() / "cache"


@pytest.mark.ml
def test_indexes_of_searches_are_counted_and_cleared_with_the_vectors(searched):
    kinds = {path.name.partition("-")[0] for path in searched.iterdir()}
    assert kinds == {"index", "bm25"}
    _, told = ran("show")
    size = sum(path.stat().st_size for path in searched.rglob("*") if path.is_file())
    assert (told["indexes"], told["indexes_bytes"]) == (2, size)
    assert "searched documents: 2" in CliRunner().invoke(cli, ["cache", "show"]).stdout
    assert ran("clear", "--vectors", "--older-than-days", "1")[1]["deleted_indexes"] == 0
    assert ran("clear", "--model", "m")[1]["deleted_indexes"] == 0
    code, told = ran("clear", "--vectors")
    assert code == 1
    assert "2 indexes" in told["error"]["message"]
    assert ran("clear", "--vectors", "--yes")[1]["deleted_indexes"] == 2
    assert list(searched.iterdir()) == []
    assert ran("show")[1]["indexes"] == 0


def test_an_index_of_others_and_files_of_ones_own_stay(tmp_path):
    cache = tmp_path / "cache"
    ours, other, named, fresh, left = (
        cache / name
        for name in (
            f"index-{'a' * 16}",
            f"bm25-{'b' * 16}",
            "index-mine",
            f".index-{'c' * 16}.host.1",
            f".bm25-{'d' * 16}.2",
        )
    )
    manifest = {"format": 3, "files": {"keys.npy": "", "../../notes.txt": ""}}
    for folder in (ours, other, named, fresh, left):
        folder.mkdir(parents=True)
        (folder / "keys.npy").write_bytes(b"x")
        (folder / "manifest.json").write_text(json.dumps(manifest if folder != other else {}))
    (ours / "mine.txt").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    os.utime(left, (1, 1))
    assert kept_indexes(tmp_path).indexes == 2
    assert clear_indexes(tmp_path) == 2
    assert [path.name for path in ours.iterdir()] == ["mine.txt"]
    assert (tmp_path / "notes.txt").exists()
    assert not left.exists()
    assert all((folder / "keys.npy").exists() for folder in (other, named, fresh))
    assert kept_indexes(tmp_path / "nowhere") == (0, 0)
