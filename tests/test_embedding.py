"""The run's embedder: nothing is embedded twice, whatever happens in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from advisor import embedding, registry
from advisor.contracts import Arraying, Asymmetric, Embedder, PluginInfo, Windowed
from advisor.embedding import KeptEmbedder, run_embedder, vectors_root
from advisor.errors import AdvisorError, InputError, PluginContractError
from advisor.schema.evaluation import Document
from advisor.vectors import shard_names
from rag_baseline.chunking.chunk import Passages
from tests.fixtures.bench import Silence
from tests.fixtures.embedders import LetterEmbedder

np = pytest.importorskip("numpy")
pytest.importorskip("semantic_text_splitter")


def letters(texts):
    return np.array(LetterEmbedder().embed(texts), dtype="float32")


def kept(folder, **more):
    inner = LetterEmbedder()
    return KeptEmbedder(inner, folder, **more), inner.calls


def texts(count, start=0):
    return [f"text {number} {'abc' * (number % 7)}" for number in range(start, start + count)]


class TwoWays(LetterEmbedder):
    """Reads a question otherwise than a passage, and says how much it reads."""

    max_tokens = 5
    tokenizer = None

    def array(self, texts: Sequence[str]):
        return np.array(self.embed(texts), dtype="float32")

    def array_queries(self, texts: Sequence[str]):
        return self.array([f"query zzz {text}" for text in texts])

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def test_every_text_is_embedded_once_in_order_and_twins_too(tmp_path):
    one, calls = kept(tmp_path)
    asked = [*texts(300), "", *texts(5)]
    assert np.array_equal(one.array(asked), letters(asked))
    assert sum(calls) == 301
    assert one.embed(texts(3)) == letters(texts(3)).tolist()
    assert sum(calls) == 301
    assert one.embed([]) == []
    assert one.array([]).shape[0] == 0
    again, calls = kept(tmp_path)
    assert np.array_equal(again.array([*texts(400)]), letters(texts(400)))
    assert sum(calls) == 100


def test_it_is_an_embedder_with_all_that_is_offered_beside_that(tmp_path):
    one, _ = kept(tmp_path)
    two = KeptEmbedder(TwoWays(), tmp_path)
    for embedder in (one, two):
        assert isinstance(embedder, Embedder)
        assert isinstance(embedder, Arraying)
        assert isinstance(embedder, Asymmetric)
        assert isinstance(embedder, Windowed)
    assert (one.info.id, one.digest) == ("letters", "letters-1")
    assert (one.max_tokens, one.tokenizer, one.cuts(["x " * 999])) == (None, None, False)
    assert one.token_counts(["seven tokens", ""]) == [4, 0]
    assert (two.max_tokens, two.token_counts(["one two"])) == (5, [2])
    assert two.cuts(["one two three four five six"])
    assert not two.cuts(["one two"])
    with pytest.raises(AttributeError):
        _ = one.nothing_of_the_kind


def test_questions_and_passages_are_kept_apart_where_they_are_read_apart(tmp_path):
    two = KeptEmbedder(TwoWays("two"), tmp_path)
    passage, query = two.array(["oil"]), two.array_queries(["oil"])
    assert not np.allclose(passage, query)
    assert np.allclose(two.array_queries(["oil"]), query)
    assert two.inner.calls == [1, 1]
    one, calls = kept(tmp_path)
    assert np.array_equal(one.array_queries(["oil"]), one.array(["oil"]))
    assert calls == [1]


def test_another_model_finds_nothing_of_this_one(tmp_path):
    kept(tmp_path)[0].array(texts(40))
    other = LetterEmbedder("letters-2")
    KeptEmbedder(other, tmp_path).array(texts(40))
    assert other.calls == [40]
    assert len(list(tmp_path.iterdir())) == 2


def test_long_texts_come_first_and_the_line_tells_how_far_it_is(tmp_path):
    line = Silence()
    seen: list[int] = []

    class Watching(LetterEmbedder):
        def embed(self, texts):
            seen.extend(map(len, texts))
            return super().embed(texts)

    one = KeptEmbedder(Watching(), tmp_path, line)
    one.array(texts(200))
    assert not line.label  # few: nobody would read it
    one.array(texts(900))
    assert (line.total, line.done, line.finished) == (700, 700, True)
    assert seen[200:] == sorted(seen[200:], reverse=True)


def test_what_is_prepared_is_there_without_being_held(tmp_path):
    one, calls = kept(tmp_path)
    one.prepare(texts(100))
    one.prepare([*texts(101), "text 100 abcabc"])
    assert sum(calls) == 101
    assert np.array_equal(one.array(texts(100)), letters(texts(100)))
    assert sum(calls) == 101


def test_thousands_of_single_questions_leave_few_files(tmp_path):
    one, calls = kept(tmp_path)
    for number in range(2100):
        one.embed([f"question {number}"])
    one.close()
    assert sum(calls) == 2100
    assert sum(1 for _ in tmp_path.rglob("*.npy")) < 130
    again, calls = kept(tmp_path)
    again.array([f"question {number}" for number in range(2100)])
    assert calls == []


def test_what_waits_is_written_after_a_moment_and_when_the_embedder_goes(tmp_path, monkeypatch):
    one, _ = kept(tmp_path)
    one.embed(["a"])
    assert one.embed(["a"]) == letters(["a"]).tolist()
    [folder] = tmp_path.iterdir()
    assert shard_names(folder) == set()
    monkeypatch.setattr(embedding, "MOMENT_SECONDS", -1.0)
    one.embed(["b"])
    assert len(shard_names(folder)) == 1
    monkeypatch.setattr(embedding, "MOMENT_SECONDS", 1e9)
    one.embed(["c"])
    assert len(shard_names(folder)) == 1
    del one
    assert len(shard_names(folder)) == 2


def test_two_at_once_share_a_folder(tmp_path):
    one, calls = kept(tmp_path)
    two, others = kept(tmp_path)
    one.array(texts(50))
    two.array(texts(100))
    one.array(texts(100))
    assert (sum(calls), sum(others)) == (50, 50)


def test_the_first_vectors_of_all_may_come_from_another_process(tmp_path):
    one, calls = kept(tmp_path)
    assert one.array([]).shape == (0, 0)
    kept(tmp_path)[0].array(texts(50))
    assert np.array_equal(one.array(texts(60)), letters(texts(60)))
    assert calls == [10]


def test_a_slice_grows_where_embedding_is_quick_and_shrinks_where_slow(tmp_path, monkeypatch):
    one, calls = kept(tmp_path)
    one.array(texts(1000))
    assert calls == [128, 256, 512, 104]
    monkeypatch.setattr(embedding, "QUICK_SECONDS", -1.0)
    monkeypatch.setattr(embedding, "SLOW_SECONDS", -1.0)
    slow, calls = kept(tmp_path / "slow")
    slow.array(texts(300))
    assert calls == [128, 64, 32, 32, 32, 12]


def test_no_text_is_on_the_disk(tmp_path):
    one, _ = kept(tmp_path)
    one.array([f"SECRET-{number}" for number in range(100)])
    one.embed(["SECRET-alone"])
    one.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert not any(b"SECRET" in path.read_bytes() for path in files)


def test_damage_is_told_once_and_mended(tmp_path):
    kept(tmp_path)[0].array(texts(50))
    [rows] = tmp_path.rglob("*.rows.npy")
    rows.write_bytes(rows.read_bytes()[:-9])
    told: list[str] = []
    one, calls = kept(tmp_path, say=told.append)
    assert np.array_equal(one.array(texts(50)), letters(texts(50)))
    one.array(texts(60))
    assert sum(calls) == 60
    assert len(told) == 1
    assert "1 files of kept vectors are damaged" in told[0]
    assert one.notes == tuple(told)


def test_single_rows_that_are_damaged_are_made_again(tmp_path):
    kept(tmp_path)[0].array(texts(50))
    [rows] = tmp_path.rglob("*.rows.npy")
    data = bytearray(rows.read_bytes())
    data[-144:] = b"\xff" * 144
    rows.write_bytes(data)
    one, calls = kept(tmp_path)
    assert np.array_equal(one.array(texts(50)), letters(texts(50)))
    assert calls == [1]
    assert "1 kept vectors are damaged" in one.notes[0]


def test_a_folder_that_cannot_be_used_stops_nothing_and_is_told_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    one, calls = kept(tmp_path / "file")
    for _ in range(2):
        assert np.array_equal(one.array(texts(200)), letters(texts(200)))
    assert sum(calls) == 200  # remembered by this process
    assert len(one.notes) == 1
    assert "cannot be kept" in one.notes[0]


def test_a_disk_that_fills_up_stops_nothing_and_is_told_once(tmp_path, monkeypatch):
    one, calls = kept(tmp_path)
    one.array(texts(40))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("advisor.vectors.os.fsync", full)
    for count in (80, 300, 300):
        assert np.array_equal(one.array(texts(count)), letters(texts(count)))
    assert sum(calls) == 300
    assert ["No space left" in note for note in one.notes] == [True]


def test_without_a_folder_or_a_digest_nothing_is_kept(tmp_path):
    for embedder, folder in ((LetterEmbedder(), None), (LetterEmbedder(""), tmp_path)):
        one = KeptEmbedder(embedder, folder)
        for _ in range(2):
            assert np.array_equal(one.array(texts(50)), letters(texts(50)))
        assert embedder.calls == [50]
    assert list(tmp_path.iterdir()) == []


class Wrong:
    info = PluginInfo(id="wrong", label="gives what is no vector")
    digest = "w"

    def __init__(self, give):
        self.give = give

    def embed(self, texts):
        return self.give(len(texts))


@pytest.mark.parametrize(
    "give",
    [lambda n: [[1.0]] * (n + 1), lambda n: [[float("nan")]] * n, lambda n: [1.0] * n],
)
def test_what_is_no_vector_is_refused_and_not_kept(tmp_path, give):
    with pytest.raises(PluginContractError, match="The embedder wrong gave"):
        KeptEmbedder(Wrong(give), tmp_path).array(texts(3))
    assert list(tmp_path.rglob("*.npy")) == []


def test_vectors_are_kept_beside_the_completions(monkeypatch, tmp_path):
    assert vectors_root() == tmp_path / "advisor-home" / "cache" / "vectors"
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "mine.sqlite"))
    assert vectors_root() == tmp_path / "mine.sqlite.vectors"
    monkeypatch.setenv("ADVISOR_CACHE", "off")
    assert vectors_root() is None


def test_a_run_names_its_embedder(tmp_path):
    packaged = run_embedder(None, None, tmp_path)
    assert packaged.info.id == "sentence_transformers"
    (tmp_path / "model").mkdir()
    mine = run_embedder(str(tmp_path / "model"), None, tmp_path)
    assert mine.inner.model == str(tmp_path / "model")
    served = run_embedder("nomic", "http://localhost:1234/v1", tmp_path)
    assert (served.info.id, served.inner.model) == ("openai", "nomic")
    assert run_embedder("sentence_transformers", None, None).info.id == "sentence_transformers"


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("no/such/folder", None, "no folder 'no/such/folder'"),
        ("", None, "no folder ''"),
        (None, "http://localhost/v1", "which model embeds"),
        ("openai", None, "which model embeds, nor where"),
    ],
)
def test_nonsense_is_refused_with_a_way_out(name, url, words):
    with pytest.raises(InputError, match=words) as caught:
        run_embedder(name, url, None)
    assert caught.value.hint


def test_an_address_that_is_none_is_refused_at_the_first_text():
    with pytest.raises(AdvisorError, match="no address"):
        run_embedder("m", "localhost:80", None).embed(["x"])


def real_passages(root, count):
    """Passages of this project's own rules and pages, each once."""
    paths = [*sorted((root / "rules").rglob("*.yaml")), *sorted((root / "docs").rglob("*.md"))]
    documents = [Document(name=path.name, text=path.read_text()) for path in paths]
    found = dict.fromkeys(passage.text for passage in Passages(documents, tokens=100, overlap=0))
    return list(found)[:count]


def killed(command, root, log, lines):
    """Start, and kill once the log has so many lines; whether it was killed in time."""
    process = subprocess.Popen(command, cwd=root)
    while process.poll() is None:
        if log.exists() and log.read_text().count("\n") >= lines:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    return process.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("name", "count", "size"),
    [
        ("letters", 640, 32),
        pytest.param("letters", 3000, 64, marks=pytest.mark.slow),
        pytest.param("sentence_transformers", 3000, 128, marks=[pytest.mark.slow, pytest.mark.ml]),
    ],
)
def test_a_kill_costs_no_more_than_the_slice_in_work(root, tmp_path, name, count, size):
    passages = real_passages(root, count)
    assert len(passages) == count
    (tmp_path / "passages.json").write_text(json.dumps(passages))
    log, folder = tmp_path / "log", tmp_path / "vectors"
    command = [sys.executable, "-m", "tests.fixtures.embed_slowly"]
    command += [str(folder), str(log), str(tmp_path / "passages.json"), str(size), name]
    inner = LetterEmbedder() if name == "letters" else registry.embedder(name)
    slices = -(-count // size)
    finished: list[str] = []
    for kill in (1, 2, 3):
        assert killed(command, root, log, kill * slices // 5)
        keeper = KeptEmbedder(inner, folder)._keeper
        calls = [json.loads(line) for line in log.read_text().splitlines()]
        finished = list({text for call in calls for text in call})
        # All that was told as embedded is on the disk, but for the slice that was being written.
        assert len(keeper.missing(embedding._keys(finished, embedding.PASSAGE))) <= size
    subprocess.run(command, cwd=root, check=True)
    done = Counter(text for line in log.read_text().splitlines() for text in json.loads(line))
    assert set(done) == set(passages)
    assert done.total() <= count + 3 * size
    assert len(finished) < count
    if name == "letters":
        assert np.array_equal(
            KeptEmbedder(LetterEmbedder(), folder).array(passages), letters(passages)
        )
