"""What every retriever promises of indexing anew, of updates and of filters."""

import itertools
import random

import pytest

from advisor import registry
from advisor.contracts import Configurable, Equipped, Filtering, Updating
from advisor.errors import CorpusError, InputError
from advisor.schema.evaluation import Passage
from tests.fixtures.bench import Tools
from tests.fixtures.embedders import LetterEmbedder

pytestmark = pytest.mark.ml
NAMES = registry.names("advisor.retrievers")
every_retriever = pytest.mark.parametrize("name", NAMES)
WORDS = ["pump", "valve", "oil", "noise", "cold", "warm", "sieve", "month", "gear", "hose"]
SECRET = "Zanzibar-4711"
table = itertools.count()


def made(name, folder, embedder=None):
    """A retriever with an embedder that counts letters and a place of its own."""
    retriever = registry.retriever(name)
    if name == "pgvector":
        retriever = retriever.configured({"table": f"updating_{next(table)}"})
    tools = Tools(folder, embedder=embedder or LetterEmbedder())
    return retriever.equipped(tools) if isinstance(retriever, Equipped) else retriever


def documents(*names, seed=0, count=6):
    draw = random.Random(seed)
    return [
        Passage(
            id=f"{name}#{at}",
            document=name,
            text=" ".join(draw.sample(WORDS, 4)),
            start=0,
            end=1,
            metadata={"kind": "even" if at % 2 == 0 else "odd"},
        )
        for name in names
        for at in range(count)
    ]


def ids(hits):
    return [hit.passage.id for hit in hits]


def scores(hits):
    return [(hit.passage, pytest.approx(hit.score, abs=1e-5)) for hit in hits]


@every_retriever
def test_an_empty_corpus_is_told(name, tmp_path):
    retriever = made(name, tmp_path)
    assert retriever.search("oil", 3) == []
    with pytest.raises(CorpusError, match="no passage"):
        retriever.index([])


@every_retriever
def test_asking_for_none_or_for_more_than_there_are(name, tmp_path):
    retriever = made(name, tmp_path)
    retriever.index(documents("a"))
    assert retriever.search("oil", 0) == []
    assert 0 < len(retriever.search(" ".join(WORDS), 1000)) <= 6


@every_retriever
def test_indexing_again_replaces(name, tmp_path):
    retriever = made(name, tmp_path)
    retriever.index(documents("a", "b"))
    retriever.index(documents("b", "c", seed=1))
    fresh = made(name, tmp_path / "other")
    fresh.index(documents("b", "c", seed=1))
    for query in WORDS:
        assert scores(retriever.search(query, 12)) == scores(fresh.search(query, 12))


@every_retriever
def test_what_is_embedded_or_kept_once_is_not_made_again(name, tmp_path):
    embedder = LetterEmbedder()
    retriever = made(name, tmp_path, embedder)
    if not isinstance(retriever, Equipped):
        pytest.skip("it takes nothing from the run")
    retriever.index(documents("a", "b"))
    first = sum(embedder.calls)
    retriever.index(documents("a", "b"))
    assert sum(embedder.calls) == first


@every_retriever
def test_the_cache_holds_no_text(name, tmp_path):
    retriever = made(name, tmp_path)
    secret = Passage(id="s#1", document="s", text=f"The code is {SECRET}", start=0, end=9)
    retriever.index([*documents("a"), secret])
    retriever.search(SECRET, 1)
    for path in (p for p in tmp_path.rglob("*") if p.is_file()):
        content = path.read_bytes().lower()
        assert not any(part.encode() in content for part in SECRET.lower().split("-"))


@every_retriever
def test_added_and_removed_passages_are_like_a_fresh_index(name, tmp_path):
    retriever = made(name, tmp_path)
    if not isinstance(retriever, Updating):
        pytest.skip("it does not update")
    retriever.index(documents("a", "b"))
    retriever.add(documents("c", seed=2))
    assert retriever.remove("a") == 6
    assert retriever.remove("a") == 0
    assert retriever.remove("never there") == 0
    fresh = made(name, tmp_path / "other")
    fresh.index([p for p in documents("a", "b") if p.document == "b"] + documents("c", seed=2))
    for query in WORDS:
        hits = retriever.search(query, 20)
        assert "a" not in {hit.passage.document for hit in hits}
        assert scores(hits) == scores(fresh.search(query, 20))


@every_retriever
def test_a_passage_whose_id_is_there_replaces_it(name, tmp_path):
    retriever = made(name, tmp_path)
    if not isinstance(retriever, Updating):
        pytest.skip("it does not update")
    retriever.index(documents("a"))
    changed = documents("a")[2].model_copy(update={"text": "hose hose oil hose"})
    retriever.add([changed])
    found = retriever.search("hose", 10)
    assert len(found) == len(set(ids(found)))
    assert changed in [hit.passage for hit in found]


@every_retriever
def test_a_filter_lets_matching_passages_through_only(name, tmp_path):
    retriever = made(name, tmp_path)
    if not isinstance(retriever, Filtering):
        pytest.skip("it does not filter")
    corpus = documents("a", "b", "c")
    retriever.index(corpus)
    query = " ".join(WORDS)
    everything = ids(retriever.search(query, 18))
    for where in ({"document": "b"}, {"kind": "odd"}, {"document": "c", "kind": "even"}):
        allowed = {
            p.id for p in corpus if where.items() <= {"document": p.document, **p.metadata}.items()
        }
        found = ids(retriever.search_where(query, 18, where))
        assert set(found) == allowed & set(everything)
        assert len(retriever.search_where(query, 2, where)) == min(2, len(found))
    assert retriever.search_where(query, 3, {"document": "z"}) == []
    assert retriever.search_where(query, 3, {"colour": "odd"}) == []


@every_retriever
def test_an_unknown_option_is_refused(name):
    retriever = registry.retriever(name)
    if not isinstance(retriever, Configurable):
        pytest.skip("it has no options")
    with pytest.raises(InputError, match="no_such_option"):
        retriever.configured({"no_such_option": "1"})


@every_retriever
def test_those_that_compare_everything_find_what_comparing_by_hand_finds(name, tmp_path):
    retriever = made(name, tmp_path)
    corpus = documents("a", "b", "c", count=20)
    retriever.index(corpus)
    if getattr(retriever, "settings", {}).get("kind") != "exact":
        pytest.skip("it does not say that it is exact")
    vectors = LetterEmbedder().embed([p.text for p in corpus])
    for query in WORDS:
        (asked,) = LetterEmbedder().embed([query])
        products = [round(sum(map(float.__mul__, asked, row)), 5) for row in vectors]
        order = sorted(range(len(corpus)), key=lambda at: (-products[at], at))
        assert ids(retriever.search(query, 10)) == [corpus[at].id for at in order[:10]]
