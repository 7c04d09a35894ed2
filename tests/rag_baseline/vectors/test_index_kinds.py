import pytest

from advisor.errors import InputError
from rag_baseline.vectors import index_kinds
from rag_baseline.vectors.approximate import cells_for, code_bytes
from rag_baseline.vectors.index_kinds import EXACT_UP_TO, FEWEST, WHOLE_UP_TO, IndexOptions


@pytest.mark.parametrize(
    ("passages", "kind"),
    [
        (1, "exact"),
        (EXACT_UP_TO, "exact"),
        (EXACT_UP_TO + 1, "ivf"),
        (WHOLE_UP_TO, "ivf"),
        (WHOLE_UP_TO + 1, "ivfpq"),
        (1_000_000, "ivfpq"),
    ],
)
def test_the_number_of_passages_chooses(monkeypatch, passages, kind):
    monkeypatch.setattr(index_kinds, "_memory_bytes", lambda: 16 * 2**30)
    assert IndexOptions().kind_for(passages, 384) == kind


def test_little_memory_chooses_quantisation_earlier(monkeypatch):
    monkeypatch.setattr(index_kinds, "_memory_bytes", lambda: 2**29)
    assert IndexOptions().kind_for(100_000, 384) == "ivfpq"


@pytest.mark.parametrize("kind", ["exact", "hnsw", "ivf", "ivfpq"])
def test_a_kind_that_is_asked_for_is_built_unless_passages_are_few(kind):
    options = IndexOptions.of({"kind": kind, "recall": "0.9"})
    assert options.recall == 0.9
    assert options.kind_for(FEWEST, 384) == kind
    assert options.kind_for(FEWEST - 1, 384) == "exact"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "flat"}, "kind='flat'"),
        ({"recall": "high"}, "recall='high'"),
        ({"recall": "0"}, "recall='0'"),
        ({"recall": "1.1"}, "recall='1.1'"),
        ({"kinds": "exact"}, "no option 'kinds'"),
    ],
)
def test_wrong_options_are_told(options, words):
    with pytest.raises(InputError, match=words):
        IndexOptions.of(options)


def test_cells_and_codes_follow_the_size():
    assert [cells_for(count) for count in (1024, 100_000, 1_000_000)] == [32, 512, 2048]
    assert code_bytes(1) == 1
    assert code_bytes(384) == 48
    assert code_bytes(37) == 1
