import pytest

from rag_baseline.vectors import recall
from rag_baseline.vectors.recall import Recall, settle_effort

pytestmark = pytest.mark.ml


class Searching:
    """An approximate search whose recall is known for every effort."""

    def __init__(self, found):
        self.found, self.effort, self.asked = found, 0, []

    def efforts(self):
        return sorted(self.found)


def settled(found, stated, monkeypatch, error=0.0):
    search = Searching(found)

    def measured(*_):
        search.asked.append(search.effort)
        return Recall(found[search.effort], error)

    class Nothing:
        store = rows = None

    monkeypatch.setattr(recall, "probes", lambda *_: None)
    monkeypatch.setattr(recall, "exact_nearest", lambda *_: None)
    monkeypatch.setattr(recall, "recall_of", measured)
    return settle_effort(search, Nothing(), stated), search


def test_the_least_effort_that_reaches_what_is_stated_is_set(monkeypatch):
    reached, search = settled({1: 0.5, 2: 0.97, 4: 0.985, 8: 1.0}, 0.98, monkeypatch)
    assert (reached, search.effort) == (0.985, 4)


def test_what_is_reached_by_luck_alone_is_not_enough(monkeypatch):
    found = {1: 0.5, 2: 0.97, 4: 0.985, 8: 0.995}
    reached, search = settled(found, 0.98, monkeypatch, error=0.006)
    assert (reached, search.effort) == (0.995, 8)


def test_effort_that_brings_nothing_is_not_spent(monkeypatch):
    found = {1: 0.5, 2: 0.8, 4: 0.9, **{8 * n: 0.9001 for n in range(1, 20)}}
    reached, search = settled(found, 0.98, monkeypatch)
    assert (reached, search.effort) == (0.9, 4)
    assert len(search.asked) < 10


def test_probes_are_unit_vectors_among_the_passages():
    import numpy as np

    from rag_baseline.vectors.vector_store import VectorStore

    rows = np.random.default_rng(3).standard_normal((500, 64)).astype("float32")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    drawn = recall.probes(VectorStore([rows]), np.arange(400))
    assert drawn.shape == (256, 64)
    assert np.linalg.norm(drawn, axis=1) == pytest.approx(1, abs=1e-5)
    nearest = (drawn @ rows[:400].T).max(axis=1)
    assert 0.5 < np.median(nearest) < 0.85
    assert (drawn == recall.probes(VectorStore([rows]), np.arange(400))).all()
