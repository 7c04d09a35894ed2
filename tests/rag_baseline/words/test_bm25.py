import json
import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.errors import CorpusError, InputError, StorageError
from advisor.schema.evaluation import Passage
from rag_baseline.words.bm25 import Bm25Retriever
from rag_baseline.words.postings import Postings, TermRows, Weights
from rag_baseline.words.terms import Terms
from rag_baseline.words.word_folder import KEPT, MANIFEST
from tests.fixtures.bench import Tools

pytestmark = pytest.mark.ml

SECRET = "sk-live-4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c"
TEXTS = {
    "oil": "The pump PX-200 is filled with blue oil.",
    "sieve": "Clean the sieve of the pump with warm water.",
    "part": "The gasket has the part number K88966.",
    "noise": "A humming noise means that air is in the line.",
}


def passage(name, text, document="", **metadata):
    return Passage(
        id=name,
        document=document or f"{name}.md",
        text=text,
        start=0,
        end=len(text),
        metadata=metadata,
    )


PASSAGES = [passage(name, text) for name, text in TEXTS.items()]


def indexed(passages=PASSAGES, cache=None, **options):
    retriever = Bm25Retriever(cache).configured(options)
    retriever.index(passages)
    return retriever


def ids(hits):
    return [hit.passage.id for hit in hits]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("K88966", "part"),
        ("gasket 88966", "part"),
        ("px 200", "oil"),
        ("PX200?", "oil"),
        ("humming noises", "noise"),
        ("cleaned sieves", "sieve"),
    ],
)
def test_words_and_codes_are_found(query, found):
    assert ids(indexed().search(query, 3))[0] == found


def test_what_shares_no_term_is_not_found():
    assert indexed().search("zebra", 5) == []
    assert ids(indexed().search("sieve zebra", 5)) == ["sieve"]
    assert indexed().search("sieve", 0) == []


def test_scores_are_those_of_the_formula():
    texts = ["blue oil oil", "blue water", "warm water in a long passage of many words"]
    retriever = indexed([passage(str(at), text) for at, text in enumerate(texts)], language="none")
    bags = [Counter(Terms().of(text)) for text in texts]
    mean = sum(bag.total() for bag in bags) / len(bags)

    def value(bag):
        total = 0.0
        for term in ("oil", "water"):
            holding = sum(term in other for other in bags)
            inverse = math.log(1 + (len(bags) - holding + 0.5) / (holding + 0.5))
            longer = 1.2 * (0.25 + 0.75 * bag.total() / mean)
            total += inverse * bag[term] / (bag[term] + longer)
        return total

    for hit in retriever.search("oil water", 3):
        assert hit.score == pytest.approx(value(bags[int(hit.passage.id)]), rel=1e-5)


def test_ties_keep_the_order_of_indexing_whatever_k():
    many = [passage(f"p{at:02}", "warm water") for at in range(40)]
    for k in (1, 7, 40):
        assert ids(indexed(many).search("water", k)) == [f"p{at:02}" for at in range(k)]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcde"), max_size=6), min_size=1, max_size=12),
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3),
    st.integers(1, 12),
)
def test_the_best_are_those_of_a_full_sort(bags, query, k):
    passages = [passage(str(at), " ".join(bag)) for at, bag in enumerate(bags)]
    retriever = indexed(passages, language="none")
    whole = retriever.search(" ".join(query), len(passages))
    assert retriever.search(" ".join(query), k) == whole[:k]
    assert whole == sorted(whole, key=lambda hit: (-hit.score, int(hit.passage.id)))
    assert {int(hit.passage.id) for hit in whole} == {
        at for at, bag in enumerate(bags) if set(bag) & set(query)
    }


def test_headings_are_searched():
    under = passage("x", "It takes three litres.").model_copy(update={"heading": "Filling"})
    assert ids(indexed([*PASSAGES, under]).search("filling litres", 1)) == ["x"]


def test_only_matching_metadata_is_searched():
    some = [passage("a", "blue oil", kind="manual"), passage("b", "blue oil", kind="news")]
    retriever = indexed(some)
    assert ids(retriever.search_where("oil", 5, {"kind": "news"})) == ["b"]
    assert ids(retriever.search_where("oil", 5, {"document": "a.md", "kind": "manual"})) == ["a"]
    assert retriever.search_where("oil", 5, {"kind": "other"}) == []


def test_an_updated_index_finds_what_a_new_one_finds():
    retriever = indexed()
    retriever.add([passage("oil", "The pump takes red oil now."), passage("new", "Red paint.")])
    assert retriever.remove("noise.md") == 1
    assert retriever.remove("noise.md") == 0
    fresh = indexed(
        [
            *PASSAGES[1:3],
            passage("oil", "The pump takes red oil now."),
            passage("new", "Red paint."),
        ]
    )
    for query in ("red oil", "pump", "humming air", "K88966"):
        assert retriever.search(query, 5) == fresh.search(query, 5)
    retriever.add([])
    assert ids(retriever.search("paint", 2)) == ["new"]


def test_passages_may_come_first_by_adding_and_all_may_go():
    retriever = Bm25Retriever()
    assert retriever.search("oil", 3) == []
    assert retriever.remove("oil.md") == 0
    retriever.add(PASSAGES)
    assert ids(retriever.search("oil", 1)) == ["oil"]
    for name in TEXTS:
        retriever.remove(f"{name}.md")
    assert retriever.search("oil", 3) == []


def test_texts_without_a_word_can_be_indexed(tmp_path):
    assert indexed([passage("dots", "...")], tmp_path).search("oil", 3) == []
    assert indexed([passage("dots", "...")], tmp_path).search("oil", 3) == []


def test_nothing_to_index_is_an_error():
    with pytest.raises(CorpusError, match="no passage"):
        indexed([])


def test_the_stored_index_is_found_again_and_gives_the_same(tmp_path, monkeypatch):
    first = indexed(cache=tmp_path)
    monkeypatch.setattr("rag_baseline.words.bm25.TermRows", None)
    again = indexed(cache=tmp_path)
    for query in ("blue oil", "pump", "K88966"):
        assert again.search(query, 4) == first.search(query, 4)
    assert again.digest == first.digest


@pytest.mark.parametrize("damage", ["cut", "manifest", "gone", "flipped"])
def test_a_damaged_index_is_made_again(tmp_path, damage):
    first = indexed(cache=tmp_path)
    scores = first.folder / "scores.npy"
    if damage == "cut":
        scores.write_bytes(scores.read_bytes()[:-4])
    elif damage == "flipped":
        held = bytearray(scores.read_bytes())
        held[-1] ^= 1
        scores.write_bytes(bytes(held))
    elif damage == "gone":
        scores.unlink()
    else:
        (first.folder / MANIFEST).write_text("[]")
    assert indexed(cache=tmp_path).search("oil", 3) == first.search("oil", 3)


def test_stored_files_hold_no_word_and_no_pickle(tmp_path):
    secret = passage("key", f"The key is {SECRET}, keep it secret.")
    folder = indexed([*PASSAGES, secret], tmp_path).folder
    stored = b"".join(path.read_bytes() for path in folder.iterdir()).lower()
    for word in (SECRET, SECRET[-12:], "sieve", "gasket", "k88966", "secret"):
        assert word.lower().encode() not in stored
    assert {path.suffix for path in folder.iterdir()} == {".npy", ".json"}
    assert b"pickle" not in stored


def test_another_option_or_text_is_another_index(tmp_path):
    digests = {
        indexed(cache=tmp_path).digest,
        indexed(cache=tmp_path, k1="2").digest,
        indexed(cache=tmp_path, language="none").digest,
        indexed(PASSAGES[:3], tmp_path).digest,
    }
    assert len(digests) == 4
    assert len(list(tmp_path.glob("bm25-*"))) == 4


def test_only_the_last_indexes_stay(tmp_path):
    for at in range(KEPT + 2):
        newest = indexed([passage("p", f"text {at}")], tmp_path)
    assert len(list(tmp_path.iterdir())) == KEPT
    assert newest.folder.is_dir()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="word index"):
        indexed(cache=tmp_path / "file")


@pytest.mark.parametrize(
    "options", [{"k1": "-1"}, {"b": "2"}, {"b": "x"}, {"language": "klingon"}, {"size": "3"}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(InputError):
        Bm25Retriever().configured(options)


def test_it_says_what_decides_its_hits(tmp_path):
    retriever = Bm25Retriever().equipped(Tools(cache_dir=tmp_path))
    retriever.index(PASSAGES)
    assert retriever.settings | {"index": ""} == {
        "retriever": "bm25",
        "index": "",
        "k1": 1.2,
        "b": 0.75,
        "language": "english",
    }
    assert json.loads((retriever.folder / MANIFEST).read_text())["passages"] == len(PASSAGES)


def test_many_questions_at_once_give_what_each_gives():
    retriever = indexed()
    queries = ["oil", "pump", ""]
    assert retriever.search_many(queries, 2) == [retriever.search(query, 2) for query in queries]


def test_an_index_too_large_to_keep_its_terms_is_updated_all_the_same(monkeypatch):
    monkeypatch.setattr("rag_baseline.words.bm25.ROWS_KEPT", 2)
    retriever = indexed()
    retriever.search("oil", 1)
    assert retriever._rows is None
    retriever.add([passage("new", "Red paint.")])
    assert ids(retriever.search("paint", 1)) == ["new"]
    assert retriever.remove("oil.md") == 1
    assert retriever.search("oil", 1) == []


GERMAN = "Die Pumpe ist mit dem blauen Öl gefüllt und das Sieb wird mit Wasser gereinigt."
ENGLISH = "The pump is filled with the blue oil and the sieve is cleaned with warm water."


def test_the_language_follows_what_is_added_and_removed():
    old = [passage(f"g{at}", f"{GERMAN} {at}", "g.md") for at in range(5)]
    new = [passage(f"e{at}", f"{ENGLISH} {at}", "e.md") for at in range(200)]
    retriever = indexed(old)
    assert retriever.language == "german"
    retriever.search("Pumpe", 1)
    retriever.add(new)
    fresh = indexed([*old, *new])
    assert fresh.language == retriever.language == "english"
    assert retriever.digest == fresh.digest
    for query in ("cleaning sieves", "gereinigte Siebe", "17"):
        assert retriever.search(query, 9) == fresh.search(query, 9)
    retriever.remove("e.md")
    assert retriever.language == "german"
    assert retriever.search("gereinigte Siebe", 9) == indexed(old).search("gereinigte Siebe", 9)


def test_blocks_give_the_scores_of_the_library_to_the_bit(monkeypatch):
    bm25s = pytest.importorskip("bm25s")
    draw = random.Random(0)
    texts = [" ".join(draw.choices([*"abcdefghij"], k=draw.randrange(12))) for _ in range(101)]
    monkeypatch.setattr("rag_baseline.words.postings.BLOCK", 7)
    monkeypatch.setattr("rag_baseline.words.postings.WORDS_KEPT", 4)
    rows = TermRows(Terms())
    rows.add(texts[:50])
    rows.add(texts[50:])
    assert len(rows.blocks) > 10
    ours = Postings.of(rows, Weights(1.2, 0.75))
    numbers = {name: at for at, name in enumerate(rows._numbers)}
    whole = [[numbers[word] for word in text.split()] for text in texts]
    model = bm25s.BM25(k1=1.2, b=0.75)
    made = model.build_index_from_ids(range(len(numbers)), whole, show_progress=False)
    for column, name in ((ours._starts, "indptr"), (ours._passages, "indices")):
        assert column.tolist() == made[name].tolist()
    assert ours._scores.tobytes() == made["data"].tobytes()


def test_kept_blocks_are_those_of_the_passages_that_stay(monkeypatch):
    monkeypatch.setattr("rag_baseline.words.postings.BLOCK", 3)
    texts = [f"w{at} common" for at in range(10)]
    rows, fresh = TermRows(Terms()), TermRows(Terms())
    rows.add(texts)
    rows.keep([at not in (3, 4, 5, 9) for at in range(10)])
    fresh.add([texts[at] for at in (0, 1, 2, 6, 7, 8)])
    weights = Weights(1.2, 0.75)
    assert len(rows) == 6
    for query in (["common"], ["w7"], ["w4"]):
        asked = [Postings.of(one, weights).score(query).tolist() for one in (rows, fresh)]
        assert asked[0] == asked[1]
