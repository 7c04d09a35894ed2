"""Embeddings from a server: batched, in order, retried, and refused where they are no vectors."""

from __future__ import annotations

from itertools import chain

import pytest

from advisor import registry
from advisor.contracts import Arraying, Configurable
from advisor.errors import (
    AdvisorError,
    BackendAuthError,
    BackendError,
    BackendQuotaError,
    BackendResponseError,
    BackendTimeoutError,
    InputError,
)
from tests.fixtures.chaos import KEY
from tests.fixtures.embedders import LetterEmbedder
from tests.fixtures.embedding_server import Behave, always, embedding_server, first

for library in ("numpy", "openai", "tenacity"):
    pytest.importorskip(library)

TEXTS = ["blue oil", "a sieve", "water", "blue oil", "x"]


def embedder(url: str, **options: str):
    told = {"base_url": url, "model": "letters", "first_wait_seconds": "0.01"} | options
    return registry.embedder("openai").configured(told)


def embedded(behave: Behave, **options: str):
    with embedding_server(behave) as server:
        return embedder(server.base_url, **options).embed(TEXTS), server


def failure(behave: Behave, **options: str) -> AdvisorError:
    with pytest.raises(AdvisorError) as caught:
        embedded(behave, attempts="2", **options)
    return caught.value


def close(found, wanted) -> bool:
    pairs = zip(chain(*found), chain(*wanted), strict=True)
    return all(abs(a - b) < 1e-6 for a, b in pairs)


RIGHT = LetterEmbedder().embed(TEXTS)


def test_it_can_be_configured_and_gives_arrays():
    assert isinstance(registry.embedder("openai"), Configurable)
    assert isinstance(registry.embedder("openai"), Arraying)
    assert registry.embedder("openai").info.spends_money


def test_texts_come_in_batches_and_vectors_in_order():
    found, server = embedded(always("shuffled"), batch="2", concurrency="3")
    assert close(found, RIGHT)
    assert sorted(len(body["input"]) for body in server.bodies) == [1, 2, 2]
    assert {(b["model"], b["encoding_format"]) for b in server.bodies} == {("letters", "float")}
    assert server.keys == {"none"}


def test_a_call_carries_no_more_text_than_a_server_takes():
    with embedding_server() as server:
        embedder(server.base_url).array(["a" * 150_000, "b" * 150_000, "", "c"])
    assert sorted(sorted(map(len, b["input"])) for b in server.bodies) == [
        [1, 1, 150_000],
        [150_000],
    ]


def test_dimensions_are_asked_for_and_used_tokens_counted():
    with embedding_server() as server:
        one = embedder(server.base_url, dimensions="36", concurrency="1")
        assert one.usage == {}
        one.embed(TEXTS)
        one.embed(["two words"])
    assert [body["dimensions"] for body in server.bodies] == [36, 36]
    assert one.usage == {"calls": 2, "texts": 6, "tokens": 10}


@pytest.mark.parametrize(
    "behaviour", ["429", "429_date", "429_ms", "500", "503", "cut", "too_few", "nan"]
)
def test_what_may_pass_is_asked_again(behaviour: str):
    found, server = embedded(first(behaviour, 2))
    assert close(found, RIGHT)
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("too_few", "4 vectors for 5 texts"),
        ("too_many", "6 vectors for 5 texts"),
        ("twice", "5 vectors for 5 texts"),
        ("nan", "no numbers"),
        ("zeros", "a vector of zeros"),
        ("ragged", "no answer"),
        ("words", "no answer"),
        ("cut", "no answer"),
        ("500", "The service failed"),
    ],
)
def test_what_is_no_answer_is_refused(behaviour: str, words: str):
    error = failure(always(behaviour))
    assert type(error) is BackendResponseError
    assert words in error.message
    assert "run again" in error.hint


def test_vectors_of_another_length_are_refused():
    with embedding_server(lambda nth: "shorter" if nth else "good") as server:
        one = embedder(server.base_url, attempts="1")
        one.embed(TEXTS)
        with pytest.raises(BackendResponseError, match="5 numbers after some of 36"):
            one.embed(TEXTS)


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ("401", BackendAuthError, "refused the key"),
        ("402", BackendQuotaError, "nothing left to spend"),
        ("insufficient_quota", BackendQuotaError, "nothing left to spend"),
        ("404", BackendError, "has no model 'letters' that embeds"),
        ("too_long", BackendError, "reads no text of this length"),
    ],
)
def test_what_will_not_pass_is_told_at_once(behaviour: str, kind: type, words: str):
    with embedding_server(always(behaviour)) as server:
        with pytest.raises(kind, match=words) as caught:
            embedder(server.base_url).embed(TEXTS)
        assert len(server.bodies) == 1
    assert caught.value.hint


def test_a_server_that_is_slow_or_away_is_told():
    error = failure(always("hang"), timeout_seconds="0.1")
    assert type(error) is BackendTimeoutError
    with pytest.raises(BackendError, match="could not be reached") as caught:
        embedder("http://127.0.0.1:9/v1", attempts="1").embed(["x"])
    assert "--embedder-base-url" in caught.value.hint


@pytest.mark.parametrize("behaviour", ["401", "key_echo_500", "key_echo_text"])
def test_no_key_is_in_any_error(behaviour: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBEDDER_API_KEY", KEY)
    with embedding_server(always(behaviour)) as server:
        one = embedder(server.base_url, attempts="2")
        with pytest.raises(BackendError) as caught:
            one.embed(TEXTS)
        assert server.keys == {KEY}
    error = caught.value
    told = repr([error.message, error.hint, error.where, error.__cause__, error.__context__, one])
    assert KEY not in told
    assert KEY[4:16] not in told


def test_whose_key_goes_where(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("EMBEDDER_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "for-openai")
    with pytest.raises(BackendAuthError, match="stays with") as caught:
        embedder("https://embed.example.com/v1").embed(["x"])
    assert "Set EMBEDDER_API_KEY to" in caught.value.hint
    with embedding_server() as server:
        embedder(server.base_url).embed(["x"])
        monkeypatch.setenv("EMBEDDER_API_KEY", "of-the-embedder")
        embedder(server.base_url).embed(["x"])
    assert server.keys == {"for-openai", "of-the-embedder"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modle": "x"}, "no option 'modle'"),
        ({"batch": "0"}, "batch is '0'"),
        ({"dimensions": "many"}, "dimensions is 'many'"),
    ],
)
def test_options_it_cannot_use_are_refused(options: dict[str, str], words: str):
    with pytest.raises(InputError, match=words):
        registry.embedder("openai").configured(options)


def test_the_digest_knows_server_model_and_dimensions_but_no_key(monkeypatch):
    base = embedder("https://a.example/v1").digest
    monkeypatch.setenv("EMBEDDER_API_KEY", KEY)
    assert embedder("https://user:word@a.example/v1/").digest == base
    others = {
        embedder("https://b.example/v1").digest,
        embedder("https://a.example/v1", model="other").digest,
        embedder("https://a.example/v1", dimensions="64").digest,
    }
    assert len(others | {base}) == 4


def test_nothing_is_asked_for_nothing():
    assert registry.embedder("openai").embed([]) == []
