"""Documents come, change and go: the index follows, and finds what a fresh one would find."""

import os
import random
import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.embedding import KeptEmbedder
from advisor.schema.evaluation import Passage
from rag_baseline.vectors import index_folder, index_kinds
from rag_baseline.vectors.index import FaissRetriever
from rag_baseline.words import word_folder
from rag_baseline.words.bm25 import Bm25Retriever
from tests.fixtures.embedders import LetterEmbedder

pytestmark = pytest.mark.ml
WORDS = ["pump", "valve", "oil", "noise", "cold", "warm", "sieve", "month", "x7", "q9", "gear"]


def passage(document, number, text, **metadata):
    return Passage(
        id=f"{document}#{number}",
        document=document,
        text=text,
        start=0,
        end=len(text),
        metadata=metadata,
    )


def document(name, count, seed):
    draw = random.Random(f"{name} {seed}")
    return [passage(name, at, " ".join(draw.choices(WORDS, k=5))) for at in range(count)]


def found(retriever, query="warm oil", k=7):
    return [(hit.passage.id, hit.passage.text, hit.score) for hit in retriever.search(query, k)]


def by_hand(passages, query, k):
    (asked,) = LetterEmbedder().embed([query])
    scores = [
        round(sum(a * b for a, b in zip(asked, vector, strict=True)), 5)
        for vector in LetterEmbedder().embed([p.text for p in passages])
    ]
    order = sorted(range(len(passages)), key=lambda at: (-scores[at], at))[:k]
    return [passages[at].id for at in order]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["index", "add", "remove", "reopen"]),
        st.sampled_from("abc"),
        st.integers(1, 6),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(steps=STEPS)
def test_any_order_of_updates_finds_what_comparing_everything_finds(steps):
    with tempfile.TemporaryDirectory() as folder:
        held: list[Passage] = []
        retriever = FaissRetriever(LetterEmbedder(), Path(folder))
        for what, name, count, seed in steps:
            fresh = document(name, count, seed)
            if what == "index":
                held = fresh
                retriever.index(held)
            elif what == "add":
                ids = {p.id for p in fresh}
                held = [p for p in held if p.id not in ids] + fresh
                retriever.add(fresh)
            elif what == "remove":
                gone = [p for p in held if p.document == name]
                held = [p for p in held if p.document != name]
                assert retriever.remove(name) == len(gone)
            elif held:
                retriever = FaissRetriever(LetterEmbedder(), Path(folder))
                retriever.index(held)
            assert [hit[0] for hit in found(retriever)] == by_hand(held, "warm oil", 7)
            if held:
                fresh_one = FaissRetriever(LetterEmbedder())
                fresh_one.index(held)
                assert found(retriever) == found(fresh_one)
                assert retriever.digest == fresh_one.digest


def test_only_new_texts_are_embedded_and_ids_stay(tmp_path):
    corpus = [*document("a", 10, 0), *document("b", 10, 0), *document("c", 10, 0)]
    FaissRetriever(LetterEmbedder(), tmp_path).index(corpus)
    changed = [*document("a", 10, 0), *document("b", 10, 1), *document("d", 2, 0)]
    embedder = LetterEmbedder()
    again = FaissRetriever(embedder, tmp_path)
    again.index(changed)
    fresh = [p for p in changed if p.text not in {q.text for q in corpus if q.id == p.id}]
    assert embedder.calls == [len(fresh)]
    whole = FaissRetriever(LetterEmbedder())
    whole.index(changed)
    assert found(again, k=22) == found(whole, k=22)
    assert {hit[0] for hit in found(again, k=22)} == {p.id for p in changed}


def test_what_was_added_and_removed_is_there_after_opening_again(tmp_path):
    retriever = FaissRetriever(LetterEmbedder(), tmp_path)
    retriever.index([*document("a", 20, 0), *document("b", 5, 0)])
    retriever.add(document("c", 3, 0))
    assert retriever.remove("b") == 5
    assert retriever.remove("b") == 0
    embedder = LetterEmbedder()
    again = FaissRetriever(embedder, tmp_path)
    again.index([*document("a", 20, 0), *document("c", 3, 0)])
    assert embedder.calls == []
    assert found(again, k=30) == found(retriever, k=30)
    assert len(found(again, k=30)) == 23


def test_rows_of_removed_passages_go_once_they_are_many(tmp_path):
    retriever = FaissRetriever(LetterEmbedder(), tmp_path)
    retriever.index([*document("a", 20, 0), *document("b", 4, 0), *document("c", 20, 0)])
    retriever.remove("b")
    assert retriever.report["rows"] == 44
    retriever.remove("c")
    assert retriever.report["rows"] == 20
    assert len(list(retriever.folder.glob("vectors-*.npy"))) == 1


def test_a_removed_document_is_never_found_again():
    retriever = FaissRetriever(LetterEmbedder())
    corpus = [*document("a", 20, 0), *document("b", 20, 0)]
    retriever.index(corpus)
    retriever.remove("b")
    for p in corpus:
        assert {hit.passage.document for hit in retriever.search(p.text, 40)} == {"a"}
    retriever.remove("a")
    assert retriever.search("oil", 3) == []
    retriever.add(document("b", 2, 1))
    assert len(retriever.search("oil", 3)) == 2


def test_a_passage_with_a_heading_is_found_by_it():
    plain, headed = passage("a", 1, "zzz"), passage("b", 1, "zzz")
    headed = headed.model_copy(update={"heading": "Warranty"})
    retriever = FaissRetriever(LetterEmbedder())
    retriever.index([plain, headed])
    assert retriever.search("warranty", 1)[0].passage == headed


def test_a_filter_sees_matching_passages_only():
    corpus = [
        passage("a", at, " ".join(random.Random(at).choices(WORDS, k=4)), kind=f"k{at % 3}")
        for at in range(30)
    ]
    corpus += [passage("b", at, "oil", kind="k1") for at in range(3)]
    retriever = FaissRetriever(LetterEmbedder())
    retriever.index(corpus)
    for where in ({"kind": "k1"}, {"document": "b"}, {"document": "a", "kind": "k1"}, {}):
        keep = [
            p
            for p in corpus
            if all({"document": p.document, **p.metadata}.get(k) == v for k, v in where.items())
        ]
        hits = retriever.search_where("oil", 5, where)
        assert [hit.passage.id for hit in hits] == by_hand(keep, "oil", 5)
    assert retriever.search_where("oil", 5, {"kind": "none"}) == []
    assert retriever.search_where("oil", 5, {"colour": "k1"}) == []
    retriever.remove("b")
    assert retriever.search_where("oil", 5, {"document": "b"}) == []


class Lazy(Sequence):
    """Makes passages when asked and counts how many of them are alive."""

    def __init__(self, count):
        self.count, self.asked = count, 0

    def __len__(self):
        return self.count

    def __getitem__(self, at):
        if not 0 <= at < self.count:
            raise IndexError
        self.asked += 1
        return passage(f"d{at % 7}", at, f"word {at:05} {WORDS[at % 11]}")


def test_a_lazy_sequence_is_not_copied():
    lazy = Lazy(400)
    retriever = FaissRetriever(LetterEmbedder())
    retriever.index(lazy)
    assert lazy.asked <= 2 * 400 + 1
    before = lazy.asked
    retriever.search("gear 12", 5)
    assert lazy.asked - before == 5


def test_the_last_of_two_passages_with_one_id_stays():
    retriever = FaissRetriever(LetterEmbedder())
    retriever.index([passage("a", 1, "oil"), passage("a", 2, "gear"), passage("a", 1, "cold")])
    assert {hit.passage.text for hit in retriever.search("oil", 5)} == {"gear", "cold"}


@pytest.mark.parametrize("kind", ["hnsw", "ivf", "ivfpq"])
def test_approximate_kinds_follow_updates(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(index_kinds, "FEWEST", 500)
    corpus = [p for n in range(60) for p in document(f"d{n}", 20, n)]
    retriever = FaissRetriever(LetterEmbedder(), tmp_path).configured({"kind": kind})
    retriever.index(corpus)
    facts = retriever.report
    assert facts["kind"] == kind
    assert facts["recall_at_10"] >= facts["recall_stated"] == 0.98
    assert facts["effort"] in facts["parameters"].values()
    retriever.add(document("new", 30, 5))
    assert retriever.remove("d7") == 20
    assert retriever.report["trained_on"] == 1200
    assert retriever.report["rows"] == 1230
    held = [*[p for p in corpus if p.document != "d7"], *document("new", 30, 5)]
    embedder = LetterEmbedder()
    again = FaissRetriever(embedder, tmp_path).configured({"kind": kind})
    again.index(held)
    assert embedder.calls == []
    asked = [p.text for p in held[::40]]
    exact = FaissRetriever(LetterEmbedder()).configured({"kind": "exact"})
    exact.index(held)
    for one, other, true in zip(
        retriever.search_many(asked, 10),
        again.search_many(asked, 10),
        exact.search_many(asked, 10),
        strict=True,
    ):
        assert one == other
        assert one[0] == true[0]
        assert not any(hit.passage.document == "d7" for hit in one)
    assert len(again.search("oil", 5000)) == len(held)
    again.add(document("more", 10, 1))
    assert again.search(document("more", 10, 1)[3].text, 1)[0].score == pytest.approx(1, abs=1e-3)
    hits = again.search_where("oil gear", 5, {"document": "new"})
    assert hits == exact.search_where("oil gear", 5, {"document": "new"})


class Mortal(LetterEmbedder):
    """Writes down what it embeds; kills its process at the call it is told."""

    def __init__(self, log, last_call):
        super().__init__()
        self.log, self.left = log, last_call

    def embed(self, texts):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        vectors = super().embed(texts)
        with self.log.open("a") as stream:
            stream.writelines(f"{text}\n" for text in texts)
        return vectors


def build_and_die(folder, texts, last_call):
    """Index in a child that is killed in the midst; the signal it died of."""
    child = os.fork()
    if not child:
        try:
            kept = KeptEmbedder(Mortal(folder / "log", last_call), folder / "vectors")
            FaissRetriever(kept, folder / "index").index(texts)
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def test_a_build_that_was_killed_three_times_repeats_no_finished_shard(tmp_path):
    texts = [passage("d", at, f"{WORDS[at % 11]} {at:04}") for at in range(1500)]
    for last_call in (2, 3, 2):
        assert build_and_die(tmp_path, texts, last_call) == signal.SIGKILL
        assert not list((tmp_path / "index").glob("index-*"))
    kept = KeptEmbedder(Mortal(tmp_path / "log", 99), tmp_path / "vectors")
    retriever = FaissRetriever(kept, tmp_path / "index")
    retriever.index(texts)
    embedded = (tmp_path / "log").read_text().splitlines()
    assert sorted(embedded) == sorted(p.text for p in texts)
    assert [path.name for path in (tmp_path / "index").iterdir()] == [retriever.folder.name]
    whole = FaissRetriever(LetterEmbedder())
    whole.index(texts)
    assert found(retriever) == found(whole)


def build_many(folder, first):
    """Index overlapping corpora one after the other, in a child that shares the folder."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        index_folder.KEPT = word_folder.KEPT = 1
        for at in range(first, first + 12):
            corpus = [p for n in range(at % 5 + 1) for p in document(f"d{n}", 40, 0)]
            for retriever in (FaissRetriever(LetterEmbedder(), folder), Bm25Retriever(folder)):
                retriever.index(corpus)
                assert len(retriever.search("warm oil", 7)) == 7
        status = 0
    finally:
        os._exit(status)


def test_three_processes_share_one_folder(tmp_path):
    children = [build_many(tmp_path, first) for first in range(3)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert len(list(tmp_path.glob("index-*"))) == len(list(tmp_path.glob("bm25-*"))) == 1
    assert not list(tmp_path.glob(".*"))


def test_a_whole_index_of_the_same_digest_is_never_replaced(tmp_path, monkeypatch):
    corpus = document("a", 20, 0)
    first = FaissRetriever(LetterEmbedder(), tmp_path)
    first.index(corpus)
    made = (first.folder / "manifest.json").stat().st_ino
    late = FaissRetriever(LetterEmbedder(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(index_folder.IndexFolder, "opened", lambda *_: None)
        late.index(corpus)
    assert (first.folder / "manifest.json").stat().st_ino == made
    assert found(late) == found(first)


def test_many_small_additions_become_one_piece_and_keep_what_was_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(index_kinds, "FEWEST", 300)
    retriever = FaissRetriever(LetterEmbedder(), tmp_path).configured({"kind": "ivf"})
    retriever.index([p for n in range(20) for p in document(f"d{n}", 20, n)])
    held = [p for n in range(20) for p in document(f"d{n}", 20, n)]
    for n in range(12):
        retriever.add(document(f"new{n}", 2, n))
        held += document(f"new{n}", 2, n)
    assert retriever.report["trained_on"] == 400
    assert retriever.report["pieces"] <= 9
    embedder = LetterEmbedder()
    again = FaissRetriever(embedder, tmp_path).configured({"kind": "ivf"})
    again.index(held)
    assert embedder.calls == []
    assert found(again, k=20) == found(retriever, k=20)
    assert len(list(tmp_path.iterdir())) == 8


def test_an_index_whose_files_went_while_it_was_open_is_built_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(index_kinds, "FEWEST", 300)
    corpus = [p for n in range(20) for p in document(f"d{n}", 20, n)]
    retriever = FaissRetriever(LetterEmbedder(), tmp_path).configured({"kind": "ivf"})
    retriever.index(corpus)
    shutil.rmtree(retriever.folder)
    retriever.add(document("new", 3, 1))
    fresh = FaissRetriever(LetterEmbedder()).configured({"kind": "exact"})
    fresh.index([*corpus, *document("new", 3, 1)])
    assert found(retriever, k=1) == found(fresh, k=1)
    assert retriever.report["recall_at_10"] >= 0.98
