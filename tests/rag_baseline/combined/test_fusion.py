import pytest

from advisor.schema.evaluation import Hit, Passage
from rag_baseline.combined.fusion import RANK_CONSTANT, Part, by_rank, by_score


def hits(**scores):
    return [
        Hit(passage=Passage(id=name, document="d", text=name, start=0, end=1), score=score)
        for name, score in scores.items()
    ]


def told(found):
    return {hit.passage.id: hit.score for hit in found}


def test_ranks_are_summed_by_weight():
    parts = (Part(hits(a=0.9, b=0.5), 0.5), Part(hits(b=7.0, c=3.0), 0.5))
    found = told(by_rank(parts))
    assert list(found) == ["b", "a", "c"]
    assert found["b"] == pytest.approx(0.5 / (RANK_CONSTANT + 2) + 0.5 / (RANK_CONSTANT + 1))


def test_equal_scores_share_a_rank_so_that_they_tie_again():
    found = told(by_rank((Part(hits(a=0.9, b=0.9, c=0.1), 1.0), Part(hits(a=2.0, b=2.0), 1.0))))
    assert found["a"] == found["b"] > found["c"]
    assert found["c"] == pytest.approx(1 / (RANK_CONSTANT + 3))


def test_scores_are_stretched_from_floor_to_best():
    dense = Part(hits(a=0.8, b=0.6, c=0.4), 0.4)
    words = Part(hits(b=10.0, a=5.0), 0.6, floor=0)
    found = told(by_score((dense, words)))
    assert found == pytest.approx({"b": 0.4 * 0.5 + 0.6, "a": 0.4 + 0.3, "c": 0.0})
    assert list(found) == ["b", "a", "c"]


def test_the_only_hit_of_a_part_counts_in_full():
    found = told(by_score((Part(hits(a=0.8, b=0.7, c=0.6), 0.4), Part(hits(c=2.0), 0.6, floor=0))))
    assert next(iter(found)) == "c"
    assert told(by_score((Part(hits(a=0.3), 0.4),))) == {"a": 0.4}


@pytest.mark.parametrize("fuse", [by_rank, by_score])
def test_empty_parts_change_nothing(fuse):
    alone = fuse((Part(hits(a=0.8, b=0.7), 0.4),))
    assert fuse((Part(hits(a=0.8, b=0.7), 0.4), Part([], 0.6, floor=0))) == alone
    assert fuse((Part([], 0.4), Part([], 0.6))) == []
