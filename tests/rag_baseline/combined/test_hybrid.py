import pytest

from advisor.contracts import Configurable, Equipped, Filtering, Retriever, Updating
from advisor.errors import CorpusError, InputError
from advisor.schema.evaluation import Passage
from rag_baseline.combined.hybrid import HybridRetriever
from rag_baseline.vectors.index import FaissRetriever
from rag_baseline.words.bm25 import Bm25Retriever
from tests.fixtures.bench import Tools
from tests.fixtures.embedders import LetterEmbedder

pytestmark = pytest.mark.ml

SECRET = "sk-live-4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c"
TEXTS = {
    "oil": "The pump is filled with blue oil.",
    "sieve": "Clean the sieve with warm water.",
    "part": "Order the gasket as K88966.",
    "other": "Order the gasket as K68898, not as any other part.",
    "noise": "A humming noise means that air is in the line.",
}


def passage(name, text, **metadata):
    return Passage(
        id=name, document=f"{name}.md", text=text, start=0, end=len(text), metadata=metadata
    )


PASSAGES = [passage(name, text) for name, text in TEXTS.items()]


@pytest.fixture
def tools(tmp_path):
    return Tools(cache_dir=tmp_path)


def indexed(tools, passages=PASSAGES, **options):
    retriever = HybridRetriever().configured(options).equipped(tools)
    retriever.index(passages)
    return retriever


def ids(hits):
    return [hit.passage.id for hit in hits]


@pytest.mark.parametrize("fusion", ["scores", "rrf"])
def test_a_code_that_only_words_can_tell_apart_is_found_first(tools, fusion):
    assert ids(indexed(tools, fusion=fusion).search("K88966", 2))[0] == "part"


def test_what_shares_no_word_is_found_by_meaning(tools):
    found = indexed(tools).search("humming-noise-airline", 5)
    assert len(found) == 5
    assert ids(indexed(tools).search("nise huming", 1)) == ["noise"]


def test_the_weight_goes_from_words_alone_to_meaning_alone(tools):
    dense, words = FaissRetriever().equipped(tools), Bm25Retriever()
    dense.index(PASSAGES)
    words.index(PASSAGES)
    query = "order the gasket"
    meaning = ids(indexed(tools, weight="1").search(query, 5))
    assert meaning == ids(dense.search(query, 5))
    by_words = ids(indexed(tools, weight="0").search(query, 5))
    assert by_words[: len(words.search(query, 5))] == ids(words.search(query, 5))


def test_a_hit_of_meaning_has_its_words_counted_however_deep_they_rank(tools):
    shallow = indexed(tools, depth="1").search("gasket as K88966, order", 1)[0]
    deep = indexed(tools, depth="100").search("gasket as K88966, order", 1)[0]
    assert shallow.passage == deep.passage


def test_ties_keep_the_order_of_indexing(tools):
    twice = [passage(f"p{at}", "warm water") for at in range(6)]
    for fusion in ("scores", "rrf"):
        found = indexed(tools, [*PASSAGES, *twice], fusion=fusion).search("warm water", 6)
        assert ids(found) == [f"p{at}" for at in range(6)]
        assert len({hit.score for hit in found}) == 1


def test_it_offers_what_a_retriever_may_offer(tools):
    retriever = indexed(tools)
    for contract in (Retriever, Configurable, Equipped, Filtering, Updating):
        assert isinstance(retriever, contract)


def test_only_matching_metadata_is_searched(tools):
    some = [passage("a", "blue oil", kind="manual"), passage("b", "blue oil", kind="news")]
    retriever = indexed(tools, some)
    assert ids(retriever.search_where("oil", 5, {"kind": "news"})) == ["b"]
    assert ids(retriever.search_where("oil", 5, {"document": "a.md"})) == ["a"]
    assert retriever.search_where("oil", 5, {"kind": "other"}) == []


def test_an_updated_index_finds_what_a_new_one_finds(tools):
    retriever = indexed(tools)
    retriever.add([passage("new", "Red paint for the pump."), passage("oil", "It takes red oil.")])
    assert retriever.remove("noise.md") == 1
    left = [PASSAGES[1], PASSAGES[2], PASSAGES[3]]
    fresh = indexed(
        tools,
        [*left, passage("new", "Red paint for the pump."), passage("oil", "It takes red oil.")],
    )
    for query in ("red oil", "pump", "K88966"):
        assert retriever.search(query, 5) == fresh.search(query, 5)


def test_prepared_questions_are_embedded_once(tools):
    retriever = indexed(tools)
    before = len(tools.embedder.calls)
    retriever.prepare(["oil", "water"])
    together = [retriever.search("oil", 2), retriever.search("water", 2)]
    assert len(tools.embedder.calls) == before + 1
    assert retriever.search_many(["oil", "water"], 2) == together


def test_nothing_stored_holds_a_text(tools):
    retriever = indexed(tools, [*PASSAGES, passage("key", f"The key is {SECRET}.")])
    assert ids(retriever.search(SECRET, 1)) == ["key"]
    files = [path for path in tools.cache_dir.rglob("*") if path.is_file()]
    assert files
    stored = b"".join(path.read_bytes() for path in files).lower()
    assert SECRET[-12:].encode() not in stored
    assert b"gasket" not in stored


def test_the_digest_changes_with_what_decides_the_hits(tools):
    digests = {
        indexed(tools).digest,
        indexed(tools, fusion="rrf").digest,
        indexed(tools, b="0.5").digest,
        indexed(tools, PASSAGES[:2]).digest,
        indexed(Tools(tools.cache_dir, embedder=LetterEmbedder("letters-2"))).digest,
    }
    assert len(digests) == 5
    assert indexed(tools).settings["fusion"] == "scores"
    assert indexed(tools).settings["words_language"] == "english"


@pytest.mark.parametrize(
    "options",
    [
        {"fusion": "sum"},
        {"weight": "2"},
        {"depth": "0"},
        {"kind": "tree"},
        {"language": "klingon"},
        {"size": "3"},
        {"rerank": "no/such/folder"},
        {"rerank_depth": "0"},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(InputError):
        HybridRetriever().configured(options)


def test_options_of_the_parts_are_passed_on():
    retriever = HybridRetriever().configured({"kind": "exact", "language": "none", "depth": "7"})
    assert retriever.settings["words_language"] == "none"
    assert retriever.settings["depth"] == 7


def test_nothing_to_index_is_an_error(tools):
    with pytest.raises(CorpusError):
        indexed(tools, [])
    assert HybridRetriever().search("oil", 3) == []
