import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from advisor.errors import (
    BackendAuthError,
    BackendError,
    BackendResponseError,
    InputError,
    ModelFolderError,
)
from advisor.schema.evaluation import Hit, Passage
from rag_baseline.combined.hybrid import HybridRetriever
from rag_baseline.combined.rerank import reranked, reranker
from rag_baseline.combined.rerank_service import KEY
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
        status = 200
        answer = None

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            Handler.asked = self.path, self.headers.get("Authorization"), body
            found = [
                {"index": at, "relevance_score": float(len(text))}
                for at, text in enumerate(body["documents"])
            ]
            answer = Handler.answer or json.dumps({"results": found[::-1]})
            self.send_response(Handler.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

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
    assert (body["model"], body["query"], body["documents"]) == ("small", "which oil", list(TEXTS))


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


@pytest.mark.parametrize("place", ["https://host/v1", "https://user:word@host/v1#m", "http://#m"])
def test_an_address_without_model_or_with_a_password_is_refused(place):
    with pytest.raises(InputError) as raised:
        reranker(place)
    assert "word" not in raised.value.message
