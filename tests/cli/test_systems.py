"""Naming systems to measure and their options on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from advisor.cli.main import cli
from tests.fixtures.embedding_server import embedding_server

COLOURS = ("red", "red", "green")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [
        {"prompt": f"Which lamp burns at crossing {n}, please?", "completion": COLOURS[n % 3]}
        for n in range(90)
    ]
    path = tmp_path / "lamps.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def baseline(data: Path, *words: str) -> Result:
    run_dir = ["--run-dir", str(data.parent / "run")]
    return CliRunner().invoke(cli, ["baseline", "--data", str(data), *run_dir, *words, "--json"])


def test_systems_without_a_model_open_none(data: Path):
    result = baseline(data, "--builders", "majority", "--metric", "accuracy")
    assert result.exit_code == 0, result.stderr
    (found,) = json.loads(result.stdout)["evaluations"]
    assert (found["builder"], found["asks_model"], found["usage"]["usd"]) == ("majority", False, 0)
    assert 0.4 < found["value"] < 0.95


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--builders", "majorty"), "Did you mean 'majority'"),
        (("--builders", "majority,nonsense"), "without a language model"),
        (("--builder-option", "shots=8"), "does not say whose option it is"),
        (("--builder-option", "few_shots.shots=8"), "does not say whose option it is"),
        (("--builder-option", "few_shot.shots"), "is not KEY=VALUE"),
        (("--builders", "few_shot", "--builder-option", "few_shot.shot=8"), "shot"),
        (("--retriever", "fais"), "Did you mean 'faiss'"),
        (("--retriever-option", "kind=exact"), "without --retriever"),
        (("--embedder-base-url", "http://user:pass@host/v1"), "--embedder-base-url"),
        (("--builders", "rag"), "needs documents"),
    ],
)
def test_what_cannot_be_measured_is_told_before_any_work(data: Path, words, expected: str):
    result = baseline(data, *words)
    assert result.exit_code == 1, result.stdout
    told = json.loads(result.stdout)["error"]
    assert expected in f"{told['message']} {told['hint']}"
    assert not (data.parent / "run" / "4-baseline.json").exists()


def test_a_system_that_cannot_work_here_is_left_out_and_told(data: Path):
    result = baseline(data, "--builders", "majority,extractive_copy", "--metric", "accuracy")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert [e["builder"] for e in told["evaluations"]] == ["majority"]
    assert any(w.startswith("extractive_copy was left out: ") for w in told["warnings"])


def test_vectors_that_cost_money_need_consent(data: Path):
    served = ("--embedder", "embed-large", "--embedder-base-url", "https://vectors.example/v1")
    result = baseline(data, "--builders", "majority", *served)
    assert result.exit_code == 1
    told = json.loads(result.stdout)["error"]
    assert told["type"] == "ConsentError"
    assert "Embedding by embed-large costs an unknown price" in told["message"]
    assert "--yes" in told["hint"]


@pytest.mark.parametrize(
    "words",
    [
        ("--builder-option", "rag.rerank=https://ranks.example/v1#order-1"),
        ("--builder-option", "rag_few_shot.rerank=https://ranks.example/v1#order-1"),
        ("--retriever", "hybrid", "--retriever-option", "rerank=https://ranks.example/v1#order-1"),
    ],
)
def test_reranking_that_costs_money_needs_consent(data: Path, words):
    docs = data.parent / "docs"
    docs.mkdir()
    (docs / "lamp.md").write_text("# Lamp\n\nIt is red.\n")
    search = ["docs", "search", str(docs), "lamp", *words, "--json"]
    for result in (
        baseline(data, "--builders", "majority", *words),
        CliRunner().invoke(cli, search),
    ):
        assert result.exit_code == 1
        told = json.loads(result.stdout)["error"]
        assert told["type"] == "ConsentError"
        assert "Reranking by order-1 at ranks.example" in told["message"]
        assert "--yes" in told["hint"]


def test_reranking_on_this_machine_is_free(data: Path):
    here = ("--builder-option", "rag.rerank=http://127.0.0.1:9/v1#small")
    result = baseline(data, "--builders", "majority", "--metric", "accuracy", *here)
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("place", ["https://u:hush@h.example/v1#m", "https://h/v1?key=hush#m"])
def test_a_rerankers_address_with_a_secret_is_refused_before_anything_is_kept(
    data: Path, place: str
):
    given = ("--builder-option", f"rag.rerank={place}")
    result = baseline(data, "--builders", "majority", "--yes", *given)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["type"] == "InputError"
    assert "hush" not in result.output
    kept = data.parent / "run"
    assert not any("hush" in path.read_text() for path in kept.rglob("*") if path.is_file())


@pytest.mark.ml
def test_what_embedding_asked_a_service_is_told_once(data: Path, monkeypatch):
    monkeypatch.delenv("EMBEDDER_API_KEY", raising=False)
    with embedding_server() as server:
        served = ("--embedder", "letters", "--embedder-base-url", server.base_url)
        words = ("--builders", "nearest_neighbour", "--metric", "accuracy", *served)
        first = baseline(data, *words)
        assert first.exit_code == 0, first.stderr
        told = [w for w in json.loads(first.stdout)["warnings"] if w.startswith("Embedding asked")]
        calls, texts = len(server.bodies), server.texts.total()
        assert len(told) == 1
        assert f"service {calls:,} times for {texts:,} texts, " in told[0]
        assert "tokens" in told[0]
        again = baseline(data, *words, "--seed", "0", "--limit", "10")
        assert len(server.bodies) == calls
        assert "Embedding asked" not in again.stdout
        assert again.exit_code == 0, again.stderr


def test_systems_measured_before_in_the_folder_are_kept(data: Path):
    first = baseline(data, "--builders", "majority", "--metric", "accuracy")
    assert first.exit_code == 0, first.stderr
    result = CliRunner().invoke(
        cli,
        [
            "baseline",
            "--run-dir",
            str(data.parent / "run"),
            "--builders",
            "nearest_word,",
            "--json",
        ],
    )
    assert result.exit_code == 1  # no such system: nothing is lost
    more = CliRunner().invoke(
        cli,
        [
            "baseline",
            "--run-dir",
            str(data.parent / "run"),
            "--builders",
            "zero_shot",
            "--backend",
            "transformers",
            "--json",
        ],
    )
    assert more.exit_code == 0, more.stderr
    assert [e["builder"] for e in json.loads(more.stdout)["evaluations"]] == [
        "zero_shot",
        "majority",
    ]
    assert "kept: majority" in more.stderr
    gate = CliRunner().invoke(
        cli, ["gate", "--run-dir", str(data.parent / "run"), "--target", "0.3"]
    )
    assert gate.exit_code == 4
