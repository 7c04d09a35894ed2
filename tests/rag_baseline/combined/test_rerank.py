import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from advisor.errors import (
    BackendAuthError,
    BackendError,
    BackendResponseError,
    BackendTimeoutError,
    InputError,
    ModelFolderError,
)
from advisor.schema.evaluation import Hit, Passage, Sample
from rag_baseline.combined import rerank_service
from rag_baseline.combined.hybrid import HybridRetriever
from rag_baseline.combined.rerank import KeptScores, reranked, reranked_first, reranker
from rag_baseline.combined.rerank_service import KEY, ServiceReranker
from rag_baseline.prompting.builder import RagBuilder, RagFewShotBuilder
from tests.fixtures.bench import Tools

TEXTS = ("blue oil", "warm water", "blue oil", "a humming noise")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def hits(texts=TEXTS):
    return [
        Hit(
            passage=Passage(id=str(at), document="d", text=text, start=0, end=len(text)),
            score=1 - at / 10,
        )
        for at, text in enumerate(texts)
    ]


def ids(found):
    return [hit.passage.id for hit in found]


class ByLength:
    """Longer texts first."""

    digest = "length"

    def scores(self, query, texts):
        return [float(len(text)) for text in texts]


def test_hits_get_the_models_scores_and_ties_stay_as_they_were():
    found = reranked(ByLength(), "q", hits())
    assert ids(found) == ["3", "1", "0", "2"]
    assert found[0].score == len(TEXTS[3])
    assert reranked(ByLength(), "q", []) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A real cross-encoder, made here, with weights drawn at random."""
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    place = tmp_path_factory.mktemp("cross_encoder")
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{c}" for c in LETTERS)]
    (place / "vocab.txt").write_text("\n".join(tokens))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        initializer_range=1.0,
        num_labels=1,
    )
    BertForSequenceClassification(config).save_pretrained(place)
    BertTokenizerFast(vocab=str(place / "vocab.txt")).save_pretrained(place)
    return place


@pytest.mark.ml
def test_a_cross_encoder_orders_by_its_own_scores(folder):
    model = reranker(str(folder))
    scores = model.scores("which oil", TEXTS)
    assert len(set(scores)) == 3
    assert scores[0] == scores[2]
    best = ids(reranked(model, "which oil", hits()))
    assert best == [str(at) for at in sorted(range(4), key=lambda at: -scores[at])]
    assert model.scores("which oil", TEXTS) == scores


@pytest.mark.ml
def test_the_hybrid_retriever_reranks_where_it_is_told_to(folder, tmp_path):
    passages = [hit.passage for hit in hits(("blue oil", "warm water", "a humming noise"))]
    plain = HybridRetriever().equipped(Tools(tmp_path))
    model = HybridRetriever().configured({"rerank": str(folder)}).equipped(Tools(tmp_path))
    for retriever in (plain, model):
        retriever.index(passages)
    scores = reranker(str(folder)).scores("oil", [p.text for p in passages])
    assert [hit.score for hit in model.search("oil", 3)] == sorted(scores, reverse=True)
    assert model.digest != plain.digest
    assert model.settings["rerank"] == reranker(str(folder)).digest
    assert str(folder) not in str(model.settings)


@pytest.mark.ml
def test_pickled_weights_and_other_models_are_refused(folder, tmp_path):
    import shutil

    import torch

    other = shutil.copytree(folder, tmp_path / "other")
    weights = other / "model.safetensors"
    weights.unlink()
    torch.save({}, other / "pytorch_model.bin")
    with pytest.raises(ModelFolderError, match="No reranking model"):
        reranker(str(other)).scores("q", ["text"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFolderError, match=r"config.json is missing"):
        reranker(str(tmp_path / "empty")).scores("q", ["text"])


def test_a_folder_that_is_not_there_is_told():
    with pytest.raises(InputError, match="no/such"):
        reranker("no/such")


@pytest.fixture
def service():
    """A server that speaks /rerank and remembers what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        asked = None
        times = 0
        status = 200
        location = None
        drips = False
        answer = None

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            Handler.asked = self.path, self.headers.get("Authorization"), body
            Handler.times += 1
            found = [
                {"index": at, "relevance_score": float(len(text))}
                for at, text in enumerate(body["documents"])
            ]
            answer = Handler.answer or json.dumps({"results": found[::-1]})
            self.send_response(Handler.status)
            self.send_header("Content-Length", str(len(answer)))
            if Handler.location:
                self.send_header("Location", Handler.location)
            self.end_headers()
            if not Handler.drips:
                self.wfile.write(answer.encode())
                return
            with contextlib.suppress(OSError):
                for letter in answer:
                    self.wfile.write(letter.encode())
                    time.sleep(0.01)

        def do_GET(self):
            Handler.asked = self.path, self.headers.get("Authorization"), None
            self.send_error(404)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Handler.url = f"http://127.0.0.1:{server.server_port}/v1#small"
    yield Handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_is_asked_once_for_all_texts(service, monkeypatch):
    monkeypatch.setenv(KEY, "key-1")
    assert ids(reranked(reranker(service.url), "which oil", hits())) == ["3", "1", "0", "2"]
    path, authorization, body = service.asked
    assert (path, authorization) == ("/v1/rerank", "Bearer key-1")
    assert (body["model"], body["query"], body["documents"]) == (
        "small",
        "which oil",
        ["blue oil", "warm water", "a humming noise"],
    )


@pytest.mark.parametrize(("status", "kind"), [(401, BackendAuthError), (500, BackendResponseError)])
def test_a_refusal_is_told_without_the_key(service, monkeypatch, status, kind):
    monkeypatch.setenv(KEY, "key-1")
    service.status = status
    with pytest.raises(kind, match=str(status)) as raised:
        reranker(service.url).scores("q", ["text"])
    assert "key-1" not in f"{raised.value.message} {raised.value.hint} {raised.value.where}"


@pytest.mark.parametrize(
    "answer",
    ["no json", "[]", '{"results": []}', '{"results": [{"index": 0}]}',
     '{"results": [{"index": 0, "relevance_score": NaN}]}'],
)  # fmt: skip
def test_an_unusable_answer_is_told(service, answer):
    service.answer = answer
    with pytest.raises(BackendResponseError, match="cannot be used"):
        reranker(service.url).scores("q", ["text"])


def test_a_service_that_is_not_there_is_told():
    with pytest.raises(BackendError, match="cannot be reached"):
        reranker("http://127.0.0.1:9/v1#small").scores("q", ["text"])


@pytest.mark.parametrize(
    "place",
    [
        "https://host/v1",
        "http://#m",
        "https://user:word@host/v1#m",
        "https://word@host/v1#m",
        "https://host/v1?key=word#m",
        "ftp://user:word@host/v1#m",
        "file:///word#m",
        "http://host:word/v1#m",
        "http://[word/v1#m",
        "https://host/wo\nrd#m",
    ],
)
def test_an_address_that_holds_a_secret_or_is_none_is_refused_before_anything_is_kept(place):
    for configure, key in ((HybridRetriever().configured, "rerank"), (reranker, None)):
        with pytest.raises(InputError, match="address") as raised:
            configure({key: place} if key else place)
        assert "word" not in f"{raised.value.message} {raised.value.where}"
    for builder in (RagBuilder(), RagFewShotBuilder()):
        with pytest.raises(InputError) as raised:
            builder.configured({"rerank": place})
        assert "word" not in f"{raised.value.message} {raised.value.where}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_so_that_the_key_stays(service, monkeypatch, status):
    monkeypatch.setenv(KEY, "key-1")
    service.status = status
    service.location = service.url.partition("#")[0] + "/elsewhere"
    with pytest.raises(BackendResponseError, match="not followed"):
        reranker(service.url).scores("q", ["text"])
    assert service.asked[0] == "/v1/rerank"
    assert service.times == 1


def test_an_answer_that_drips_ends_in_time(service, monkeypatch):
    monkeypatch.setattr(rerank_service, "SECONDS", 0.1)
    service.drips, service.answer = True, "x" * 100
    with pytest.raises(BackendTimeoutError):
        ServiceReranker.of(service.url).scores("q", ["text"])


def test_an_answer_without_end_is_not_read_to_it(service, monkeypatch):
    monkeypatch.setattr(rerank_service, "LARGEST", 10)
    service.answer = json.dumps({"results": [{"index": 0, "relevance_score": 1.0}]})
    with pytest.raises(BackendResponseError, match="too long"):
        ServiceReranker.of(service.url).scores("q", ["text"])


def test_a_key_with_a_line_break_is_told_without_it(service, monkeypatch):
    monkeypatch.setenv(KEY, "key-1\nHost: other")
    with pytest.raises(BackendAuthError) as raised:
        reranker(service.url).scores("q", ["text"])
    assert "key-1" not in f"{raised.value.message} {raised.value.hint}"
    assert raised.value.__cause__ is None


class Counting(ByLength):
    """Remembers what it was asked."""

    told = "length"

    def __init__(self):
        self.asked = []

    def scores(self, query, texts):
        self.asked.append((query, list(texts)))
        return super().scores(query, texts)


def test_a_pair_is_paid_for_once():
    inner = Counting()
    model = KeptScores(inner)
    first = reranked(model, "q", hits())
    assert reranked(model, "q", hits()) == first == reranked(ByLength(), "q", hits())
    assert [len(texts) for _, texts in inner.asked] == [3]
    reranked(model, "q", hits(("blue oil", "new")))
    reranked(model, "other", hits(("blue oil",)))
    assert inner.asked[1:] == [("q", ["new"]), ("other", ["blue oil"])]


def test_a_deeper_look_asks_for_nothing_more():
    inner = Counting()
    model = KeptScores(inner)
    few, many = (reranked_first(model, "q", hits()[:k], 3) for k in (3, 4))
    assert ids(many) == [*ids(few), "3"]
    assert len(inner.asked) == 1


@pytest.mark.ml
def test_the_prompt_and_the_retrieval_scores_pay_once(service, tmp_path):
    from tests.fixtures.bench import DOCUMENTS

    builder = RagBuilder().configured({"rerank": service.url, "search": "bm25", "sweep": "off"})
    builder.fit((), (), DOCUMENTS, Tools(tmp_path))
    sample = Sample(id="1", input="how much oil?", target="3 litres")
    shown = builder.build(sample).passages
    assert service.times == 1
    assert tuple(hit.passage.id for hit in builder.hits(sample, 50))[: len(shown)] == shown
    assert service.times == 1
    told = json.dumps(builder.settings)
    assert "http" not in told
    assert builder.settings["rerank"] == f"small {reranker(service.url).digest}"
    hybrid = HybridRetriever().configured({"rerank": service.url})
    assert hybrid.settings["rerank"] == builder.settings["rerank"]
