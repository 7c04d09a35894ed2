import random
import sys

import pytest

from advisor.errors import MissingExtraError
from rag_baseline.vectors import vector_store
from rag_baseline.vectors.ranking import Ranking
from rag_baseline.vectors.vector_libraries import has_faiss, numpy
from rag_baseline.vectors.vector_store import VectorStore, matrix, opened, written

pytestmark = pytest.mark.ml
both_engines = pytest.mark.parametrize("engine", ["faiss", "numpy"])


@pytest.fixture
def engine(request, monkeypatch):
    """FAISS, or what is done where it is not installed."""
    if request.param == "numpy":
        monkeypatch.setattr(vector_store, "has_faiss", lambda: False)
    return request.param


both_engines = pytest.mark.parametrize("engine", ["faiss", "numpy"], indirect=True)


def unit_vectors(count, size, seed=0):
    import numpy as np

    draw = np.random.default_rng(seed)
    rows = draw.standard_normal((count, size)).astype("float32")
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ranking(vectors):
    import numpy as np

    return Ranking.over(VectorStore([vectors]), np.arange(len(vectors)))


def by_hand(query, vectors, k):
    products = [
        sum(float(a) * float(b) for a, b in zip(query, row, strict=True)) for row in vectors
    ]
    return sorted(range(len(vectors)), key=lambda at: -products[at])[:k]


@both_engines
def test_search_equals_a_ranking_by_hand(engine):
    vectors = unit_vectors(300, 24)
    queries = unit_vectors(20, 24, seed=1)
    found = ranking(vectors).best(queries, 10)
    for query, hits in zip(queries, found, strict=True):
        assert [at for at, _ in hits] == by_hand(query, vectors, 10)
        assert hits[0][1] == pytest.approx(float(query @ vectors[hits[0][0]]), abs=1e-5)


@both_engines
@pytest.mark.parametrize("copies", [3, 60])
def test_ties_keep_the_order_of_indexing(engine, copies):
    import numpy as np

    vectors = unit_vectors(50, 16)
    vectors = np.concatenate([vectors[1:], np.repeat(vectors[:1], copies, axis=0)])
    (found,) = ranking(vectors).best(vectors[-1:], 3)
    assert [at for at, _ in found] == [49, 50, 51]
    assert len({score for _, score in found}) == 1


@both_engines
def test_pieces_are_searched_like_one(engine):
    vectors, queries = unit_vectors(90, 8), unit_vectors(5, 8, seed=4)
    pieces = VectorStore([vectors[:1], vectors[1:50], vectors[50:]])
    assert (
        pieces.nearest(queries, 7).tolist() == VectorStore([vectors]).nearest(queries, 7).tolist()
    )
    assert (pieces.take([89, 0, 1, 60]) == vectors[[89, 0, 1, 60]]).all()
    assert (matrix(block for _, block in pieces.blocks()) == vectors).all()


def test_fewer_vectors_than_asked_for_are_told_by_minus_one():
    vectors = unit_vectors(3, 8)
    assert VectorStore([vectors]).nearest(vectors[:1], 5)[0].tolist()[3:] == [-1, -1]
    assert VectorStore().nearest(vectors[:1], 2).tolist() == [[-1, -1]]


def test_half_precision_ranks_nearly_alike():
    vectors, queries = unit_vectors(400, 32), unit_vectors(20, 32, seed=2)
    half = VectorStore([vectors.astype("float16")])
    assert half.is_rounded
    assert half.bytes == 400 * 32 * 2
    one = VectorStore([vectors]).nearest(queries, 10).tolist()
    other = half.nearest(queries, 10).tolist()
    shared = [len(set(a) & set(b)) for a, b in zip(one, other, strict=True)]
    assert sum(shared) >= 0.98 * 200


def test_small_pieces_in_memory_are_joined(tmp_path):
    vectors = unit_vectors(30, 8)
    store = VectorStore()
    for at in range(30):
        store = store.with_piece(vectors[at : at + 1])
    assert len(store.pieces) == 1
    mapped = written(tmp_path / "v.npy", [vectors], 30, "float32")
    assert len(store.with_piece(mapped).pieces) == 2


def test_slices_are_written_as_one_mapped_file(tmp_path):
    vectors = unit_vectors(25, 8)
    found = written(
        tmp_path / "v.npy", (vectors[at : at + 10] for at in (0, 10, 20)), 25, "float32"
    )
    assert (found == vectors).all()
    assert (opened(tmp_path / "v.npy") == vectors).all()


def test_objects_that_could_run_code_are_refused(tmp_path):
    import numpy as np

    np.save(tmp_path / "v.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        opened(tmp_path / "v.npy")


def test_without_numpy_the_pip_line_is_told(monkeypatch):
    assert has_faiss()
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(MissingExtraError) as caught:
        numpy()
    assert "finetune-advisor[rag]" in caught.value.hint


def test_rows_nobody_stands_for_are_never_found():
    import numpy as np

    vectors = unit_vectors(40, 8)
    draw = random.Random(1)
    for _ in range(20):
        rows = np.array(draw.sample(range(40), draw.randint(1, 12)))
        (found,) = Ranking.over(VectorStore([vectors]), rows).best(vectors[:1], 5)
        alive = by_hand(vectors[0], vectors[rows], 5)
        assert [at for at, _ in found] == alive
