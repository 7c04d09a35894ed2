import pytest

from advisor import registry
from advisor.contracts import PluginInfo, Retriever
from advisor.schema.evaluation import Passage

NAMES = registry.names("advisor.retrievers")
every_retriever = pytest.mark.parametrize("name", NAMES)
TEXTS = [
    "The pump is filled with blue oil.",
    "Clean the sieve with warm water.",
    "The warranty lasts twelve months.",
    "The warranty lasts twelve months.",
    "Noise means air in the line.",
]


@pytest.fixture(scope="module")
def indexed():
    """Each retriever once over the texts: loading an embedding model takes seconds."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = registry.retriever(name)
            made[name].index(
                [
                    Passage(id=str(number), document="d", text=text, start=0, end=len(text))
                    for number, text in enumerate(TEXTS)
                ]
            )
        return made[name]

    return get


def test_ours_are_registered():
    assert "faiss" in NAMES


@every_retriever
def test_it_says_who_it_is(name):
    retriever = registry.retriever(name)
    assert isinstance(retriever, Retriever)
    assert isinstance(retriever.info, PluginInfo)
    assert retriever.info.id == name


@pytest.mark.ml
@every_retriever
@pytest.mark.parametrize("k", [1, 3, 5, 50])
def test_at_most_k_hits_best_first_each_once(name, k, indexed):
    hits = indexed(name).search("How long is the warranty?", k)
    assert 0 < len(hits) <= min(k, len(TEXTS))
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len({hit.passage.id for hit in hits}) == len(hits)


@pytest.mark.ml
@every_retriever
def test_the_fitting_passage_is_found_and_ties_keep_their_order(name, indexed):
    hits = indexed(name).search("How long is the warranty?", 2)
    assert [hit.passage.id for hit in hits] == ["2", "3"]
    assert hits[0].score == hits[1].score


@pytest.mark.ml
@every_retriever
def test_asking_twice_gives_the_same(name, indexed):
    retriever = indexed(name)
    assert retriever.search("blue oil", 4) == retriever.search("blue oil", 4)


@pytest.mark.ml
@every_retriever
@pytest.mark.parametrize("query", ["", " ", "?" * 5000, "\x00"])
def test_odd_queries_do_not_raise(name, query, indexed):
    assert len(indexed(name).search(query, 2)) <= 2
