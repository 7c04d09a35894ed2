import json
import os
import random

import pytest

from advisor.errors import CorpusError, MissingExtraError, StorageError
from advisor.schema.evaluation import Passage
from rag_baseline.vectors import approximate, dense, file_state, index_kinds, ranking, vector_store
from rag_baseline.vectors.index import FaissRetriever
from tests.fixtures.bench import Silence
from tests.fixtures.embedders import LetterEmbedder

pytestmark = pytest.mark.ml


def passages(*texts):
    return [
        Passage(id=f"p{number}", document="d", text=text, start=0, end=len(text))
        for number, text in enumerate(texts)
    ]


def sentences(count, seed=0):
    draw = random.Random(seed)
    words = ["pump", "valve", "oil", "noise", "cold", "warm", "sieve", "month", "x7", "q9"]
    return [" ".join(draw.choices(words, k=6)) for _ in range(count)]


def test_at_most_k_hits_best_first():
    found = FaissRetriever(LetterEmbedder())
    found.index(passages(*sentences(10)))
    hits = found.search("pump oil noise", 4)
    assert len(hits) == 4
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert len(found.search("pump", 99)) == 10
    assert found.search("pump", 0) == []


def test_an_index_before_indexing_finds_nothing():
    assert FaissRetriever(LetterEmbedder()).search("pump", 3) == []


def test_no_passage_is_told():
    with pytest.raises(CorpusError, match="no passage"):
        FaissRetriever(LetterEmbedder()).index([])


def test_a_stored_index_is_not_embedded_again(tmp_path):
    texts = passages(*sentences(30))
    first = LetterEmbedder()
    made = FaissRetriever(first, cache_dir=tmp_path)
    made.index(texts)
    assert first.calls == [30]
    second = LetterEmbedder()
    again = FaissRetriever(second, cache_dir=tmp_path)
    again.index(texts)
    assert second.calls == []
    assert again.search("warm oil", 5) == made.search("warm oil", 5)


def test_many_passages_are_embedded_with_signs_of_life():
    embedder, line = LetterEmbedder(), Silence()
    found = FaissRetriever(embedder, progress=line)
    found.index(passages(*sentences(300)))
    assert embedder.calls == [128, 128, 44]
    assert (line.total, line.done, line.finished) == (300, 300, True)
    whole = FaissRetriever(LetterEmbedder())
    whole.index(passages(*sentences(300)))
    assert found.search("warm oil", 5) == whole.search("warm oil", 5)


def test_another_model_embeds_anew_and_fewer_passages_nothing(tmp_path):
    texts = passages(*sentences(5))
    FaissRetriever(LetterEmbedder(), cache_dir=tmp_path).index(texts)
    for embedder, what, calls in (
        (LetterEmbedder("letters-2"), texts, [5]),
        (LetterEmbedder(), texts[:4], []),
        (LetterEmbedder(), passages(*sentences(5, seed=1)), [5]),
    ):
        FaissRetriever(embedder, cache_dir=tmp_path).index(what)
        assert embedder.calls == calls
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("file", ["manifest.json", "vectors-0.npy", "keys.npy"])
@pytest.mark.parametrize("damage", ["missing", "cut", "garbage"])
def test_a_damaged_index_is_made_again(tmp_path, file, damage):
    texts = passages(*sentences(12))
    FaissRetriever(LetterEmbedder(), cache_dir=tmp_path).index(texts)
    (folder,) = tmp_path.iterdir()
    path = folder / file
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.write_bytes(b"[1]\n")
    embedder = LetterEmbedder()
    again = FaissRetriever(embedder, cache_dir=tmp_path)
    again.index(texts)
    assert embedder.calls == [12]
    assert len(again.search("oil", 3)) == 3
    assert sorted(p.name for p in folder.iterdir()) == [
        "keys.npy",
        "manifest.json",
        "vectors-0.npy",
    ]
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]


def test_no_text_of_a_document_is_stored(tmp_path):
    FaissRetriever(LetterEmbedder(), cache_dir=tmp_path).index(passages("a very private word"))
    (folder,) = tmp_path.iterdir()
    assert not any(b"private" in path.read_bytes() for path in folder.iterdir())


def test_prepared_queries_are_embedded_together():
    embedder = LetterEmbedder()
    found = FaissRetriever(embedder)
    found.index(passages(*sentences(5)))
    found.prepare(["oil", "pump", "oil"])
    assert found.search("oil", 2)
    assert found.search("pump", 2)
    assert embedder.calls == [5, 2]


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="index cannot be stored"):
        FaissRetriever(LetterEmbedder(), cache_dir=tmp_path / "file").index(passages("a b"))


def test_an_embedder_that_does_not_say_what_it_is_keeps_nothing(tmp_path):
    FaissRetriever(LetterEmbedder(""), cache_dir=tmp_path).index(passages("a b"))
    assert not list(tmp_path.iterdir())


def test_a_damaged_index_is_told(tmp_path):
    texts = passages(*sentences(5))
    retriever = FaissRetriever(LetterEmbedder(), cache_dir=tmp_path)
    retriever.index(texts)
    assert retriever.report["notes"] == []
    (retriever.folder / "manifest.json").write_text("{")
    again = FaissRetriever(LetterEmbedder(), cache_dir=tmp_path)
    again.index(texts)
    assert "damaged" in again.report["notes"][0]


FILLED = passages(*sentences(1500))


def overwritten(path):
    """The middle of a file is something else from now on; the times that it had."""
    times = path.stat()
    with path.open("r+b") as stream:
        stream.seek(times.st_size // 2 - 5000)
        stream.write(b"\x00\x00\x40\x40" * 2500)
    return times.st_atime_ns, times.st_mtime_ns


@pytest.mark.parametrize("seen", ["opening", "large", "time kept", "while open"])
def test_bytes_overwritten_in_the_middle_are_seen_and_told(tmp_path, monkeypatch, seen):
    good = FaissRetriever(LetterEmbedder())
    good.index(FILLED)
    first = FaissRetriever(LetterEmbedder(), tmp_path)
    first.index(FILLED)
    path = first.folder / "vectors-0.npy"
    if seen in ("large", "time kept"):
        monkeypatch.setattr(file_state, "TRUSTED", 0)
    again = FaissRetriever(LetterEmbedder(), tmp_path)
    if seen == "while open":
        again.index(FILLED)
    times = overwritten(path)
    if seen == "time kept":
        os.utime(path, ns=times)
    if seen != "while open":
        again.index(FILLED)
    assert again.search("warm oil", 5) == good.search("warm oil", 5)
    assert "damaged" in again.notes[0]
    last = FaissRetriever(LetterEmbedder(), tmp_path)
    last.index(FILLED)
    assert last.notes == ()
    assert last.search("warm oil", 5) == good.search("warm oil", 5)


def test_an_embedder_of_other_lengths_is_not_taken_for_damage(tmp_path):
    class Long(LetterEmbedder):
        def embed(self, texts):
            return [[3 * number for number in vector] for vector in super().embed(texts)]

    for _ in range(2):
        found = FaissRetriever(Long(), tmp_path)
        found.index(passages(*sentences(20)))
        assert len(found.search("oil", 3)) == 3
        assert found.notes == ()


def test_a_manifest_says_how_the_index_was_made(tmp_path):
    retriever = FaissRetriever(LetterEmbedder(), cache_dir=tmp_path)
    retriever.index(passages(*sentences(5)))
    manifest = json.loads((retriever.folder / "manifest.json").read_text())
    assert manifest["embedder"] == "letters letters-1"
    assert (manifest["kind"], manifest["recall_at_10"], manifest["passages"]) == ("exact", 1, 5)
    assert retriever.settings["index"] == manifest["digest"] == retriever.digest


def test_without_faiss_search_is_exact_and_other_kinds_are_refused(monkeypatch):
    for room in (approximate, dense, vector_store):
        monkeypatch.setattr(room, "has_faiss", lambda: False)
    monkeypatch.setattr(index_kinds, "FEWEST", 5)
    monkeypatch.setattr(index_kinds, "EXACT_UP_TO", 5)
    found = FaissRetriever(LetterEmbedder())
    found.index(passages(*sentences(30)))
    assert found.report["kind"] == "exact"
    monkeypatch.undo()
    whole = FaissRetriever(LetterEmbedder())
    whole.index(passages(*sentences(30)))
    assert found.search("warm oil", 5) == whole.search("warm oil", 5)
    monkeypatch.setattr(approximate, "has_faiss", lambda: False)
    monkeypatch.setattr(index_kinds, "FEWEST", 5)
    with pytest.raises(MissingExtraError, match="hnsw"):
        FaissRetriever(LetterEmbedder()).configured({"kind": "hnsw"}).index(
            passages(*sentences(30))
        )


def test_a_large_part_of_an_approximate_index_is_filtered_by_faiss(monkeypatch):
    monkeypatch.setattr(index_kinds, "FEWEST", 100)
    monkeypatch.setattr(ranking, "FEW", 50)
    texts = [
        p.model_copy(update={"metadata": {"half": str(at % 2)}})
        for at, p in enumerate(passages(*sentences(600)))
    ]
    for kind in ("hnsw", "ivf"):
        found = FaissRetriever(LetterEmbedder()).configured({"kind": kind, "recall": "0.99"})
        found.index(texts)
        exact = FaissRetriever(LetterEmbedder())
        exact.index(texts)
        hits = found.search_where("warm oil x7", 10, {"half": "1"})
        assert {hit.passage.metadata["half"] for hit in hits} == {"1"}
        true = exact.search_where("warm oil x7", 10, {"half": "1"})
        assert [hit.score for hit in hits[:5]] == [hit.score for hit in true[:5]]


def test_a_recall_that_is_not_reached_is_told(monkeypatch):
    monkeypatch.setattr(index_kinds, "FEWEST", 100)
    monkeypatch.setattr(approximate.Approximate, "efforts", lambda _: [1])
    found = FaissRetriever(LetterEmbedder()).configured({"kind": "ivf", "recall": "1.0"})
    found.index(passages(*sentences(600)))
    assert found.report["recall_at_10"] < 1
    assert found.settings["recall_at_10"] == found.report["recall_at_10"]
    assert found.notes == tuple(found.report["notes"])
    assert "the stated recall 1 was not reached" in found.report["notes"][0]
