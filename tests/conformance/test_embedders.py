from math import sqrt

import pytest

from advisor import registry
from advisor.contracts import Arraying, Asymmetric, Embedder, PluginInfo, Windowed
from tests.fixtures.embedding_server import embedding_server

NAMES = registry.names("advisor.embedders")
every_embedder = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def server(monkeypatch):
    """What embeds elsewhere finds a server on this machine where its variables say."""
    with embedding_server() as found:
        monkeypatch.setenv("OPENAI_BASE_URL", found.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "none-needed")
        yield found


def test_ours_are_registered():
    assert {"sentence_transformers", "openai"} <= set(NAMES)


@every_embedder
def test_it_says_who_it_is(name):
    embedder = registry.embedder(name)
    assert isinstance(embedder, Embedder)
    assert isinstance(embedder.info, PluginInfo)
    assert embedder.info.id == name


@every_embedder
def test_nothing_gives_nothing(name):
    assert registry.embedder(name).embed([]) == []


@pytest.mark.ml
@every_embedder
def test_one_unit_vector_per_text_in_order(name):
    texts = [
        "The sieve is clean.",
        "Blue oil.",
        "The sieve is clean.",
        "x " * 2000,
        "",
        "half \ud83d",
    ]
    vectors = registry.embedder(name).embed(texts)
    assert len(vectors) == len(texts)
    assert len({len(vector) for vector in vectors}) == 1
    for vector in vectors:
        assert sqrt(sum(x * x for x in vector)) == pytest.approx(1, abs=1e-4)
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-5)


@pytest.mark.ml
@every_embedder
def test_nearer_meaning_has_the_larger_product(name):
    asked, near, far = registry.embedder(name).embed(
        [
            "How often is the sieve cleaned?",
            "The sieve is washed every week.",
            "Blue oil costs 3 euros.",
        ]
    )

    def product(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert product(asked, near) > product(asked, far)


@pytest.mark.ml
@every_embedder
def test_a_text_has_the_same_vector_alone_and_among_others(name):
    embedder = registry.embedder(name)
    alone = embedder.embed(["Blue oil."])[0]
    among = embedder.embed(["Blue oil.", "A much longer text that pads the batch. " * 10])[0]
    assert alone == pytest.approx(among, abs=1e-5)


@pytest.mark.ml
@every_embedder
def test_arrays_hold_what_lists_hold(name):
    embedder = registry.embedder(name)
    texts = ["Blue oil.", "A sieve."]
    ways = [embedder.array] if isinstance(embedder, Arraying) else []
    if isinstance(embedder, Asymmetric):
        ways.append(embedder.array_queries)
    for way in ways:
        assert way(texts).dtype == "float32"
        assert way(texts).shape == (2, len(embedder.embed(texts)[0]))
    for row, vector in zip(embedder.array(texts), embedder.embed(texts), strict=True):
        assert row.tolist() == pytest.approx(vector, abs=1e-5)


@pytest.mark.ml
@every_embedder
def test_what_tells_its_window_counts_longer_texts_higher(name):
    embedder = registry.embedder(name)
    if not isinstance(embedder, Windowed):
        pytest.skip("it does not say how much it reads")
    assert embedder.max_tokens is None or embedder.max_tokens > 0
    short, long = embedder.token_counts(["Blue oil.", "Blue oil. " * 20])
    assert 0 < short < long


@pytest.mark.ml
@every_embedder
def test_its_digest_stays(name):
    digests = {getattr(registry.embedder(name), "digest", "") for _ in range(2)}
    assert len(digests) == 1
    assert all(digests)
