"""The vectors that the dense index is measured with, and what was measured."""

import json

import numpy as np
import pytest

from benchmarks.retrieval.measure_vectors import RESULT
from benchmarks.retrieval.vector_runs import nearest_rows
from benchmarks.retrieval.vectors import BLOCK, Corpus, Numbered


def corpus(size):
    real = np.random.default_rng(1).standard_normal((300, 16)).astype("float32")
    return Corpus(real / np.linalg.norm(real, axis=1, keepdims=True), size)


def test_copies_are_unit_vectors_near_their_originals_and_the_real_ones_are_untouched():
    made = corpus(BLOCK + 200)
    vectors = np.concatenate(list(made.blocks()))
    assert vectors.shape == (BLOCK + 200, 16)
    assert (vectors[:300] == made.real).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    cosines = (vectors * made.real[np.arange(len(vectors)) % 300]).sum(axis=1)
    assert 0.8 < cosines[300:].min() < cosines[300:].max() < 0.9999


def test_rows_are_those_of_the_blocks_also_in_a_larger_corpus():
    wanted = np.array([5, BLOCK + 3, 299, BLOCK - 1])
    vectors = np.concatenate(list(corpus(BLOCK + 200).blocks()))
    assert (corpus(BLOCK + 200).rows(wanted) == vectors[wanted]).all()
    assert (corpus(BLOCK + 900).rows(wanted) == vectors[wanted]).all()


def test_true_neighbours_are_those_of_a_whole_comparison():
    made = corpus(2 * BLOCK)
    queries = made.rows(np.array([1, 400, 5000]))
    whole = queries @ np.concatenate(list(made.blocks())).T
    for found, scores in zip(nearest_rows(made, queries, 10), whole, strict=True):
        assert set(found) == set(np.argsort(-scores)[:10])


def test_passages_are_made_when_asked_for():
    passages = Numbered(10, 5)
    assert [p.text for p in passages] == [f"{number:09}" for number in range(10, 15)]
    with pytest.raises(IndexError):
        passages[5]


@pytest.mark.parametrize("part", ["real_alone", "hundred_thousand"])
def test_what_was_measured_keeps_what_is_promised(part):
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    kinds = result[part]["kinds"]
    assert result["real_vectors"] >= 5000
    chosen = kinds.get("auto", kinds["exact"])
    assert chosen["recall_of_real_queries"] >= 0.97
    assert chosen["search_cpu_ms"]["p95"] <= 20
    for kind in ("exact", "ivf", "ivfpq"):
        assert kinds[kind]["recall_of_real_queries"] >= 0.97
        assert kinds[kind]["removed_found"] == 0 < kinds[kind]["added_found"]


def test_a_million_vectors_are_searched_in_little_memory():
    (found,) = json.loads(RESULT.read_text(encoding="utf-8"))["million"]["kinds"].values()
    assert found["recall_of_real_queries"] >= 0.97
    assert found["search_cpu_ms"]["p95"] <= 20
    assert found["build_memory_mib"] <= 500
    assert found["search_memory_mib"] <= 150
