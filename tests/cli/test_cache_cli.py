"""`advisor cache` knows completions and vectors."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.embedding import KeptEmbedder, vectors_root
from advisor.evaluation.cache import opened
from advisor.kept_vectors import clear_vectors, kept_vectors
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
    assert "1 completions and 140 vectors" in told["error"]["message"]
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
    assert "lose 140 vectors" in told["error"]["message"]
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
