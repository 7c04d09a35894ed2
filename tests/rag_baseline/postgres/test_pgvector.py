"""Retrieval by a real PostgreSQL server: what is sent, what stays secret, what goes wrong."""

import traceback

import pytest

from advisor.contracts import Configurable, Equipped, Filtering, Updating
from advisor.errors import AdvisorError, CorpusError, InputError, RetrieverError
from advisor.schema.evaluation import Passage
from rag_baseline.postgres import pgvector as face
from rag_baseline.postgres.pg_faults import address, clean
from rag_baseline.postgres.pgvector import PgvectorRetriever
from tests.fixtures.bench import Tools
from tests.fixtures.embedders import LetterEmbedder
from tests.fixtures.postgres import PASSWORD

pytestmark = pytest.mark.ml
TEXTS = ("blue oil", "warm water", "twelve months", "twelve months", "air in the line")


def passages(texts=TEXTS, **changes):
    return [
        Passage(
            id=f"{number}",
            document=f"{number % 2}.md",
            text=text,
            start=0,
            end=len(text),
            metadata={"kind": "manual" if number < 3 else "law"},
        ).model_copy(update=changes)
        for number, text in enumerate(texts)
    ]


@pytest.fixture
def dsn(postgres, monkeypatch):
    """The server with an empty database's tables."""
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS advisor_passages")
    monkeypatch.setenv("PGVECTOR_DSN", postgres)
    return postgres


def rows(dsn, what="*"):
    import psycopg

    with psycopg.connect(dsn) as connection:
        return connection.execute(f"SELECT {what} FROM advisor_passages ORDER BY id").fetchall()


def ids(hits):
    return [hit.passage.id for hit in hits]


def counts(retriever):
    return tuple(retriever.report[name] for name in ("sent", "changed", "removed"))


def test_it_offers_what_a_retriever_may(tmp_path):
    retriever = PgvectorRetriever(LetterEmbedder())
    for contract in (Configurable, Equipped, Filtering, Updating):
        assert isinstance(retriever, contract)
    assert retriever.search("x", 3) == []
    assert retriever.remove("0.md") == 0
    with pytest.raises(CorpusError, match="no passage to index"):
        retriever.index([])
    assert retriever.equipped(Tools(tmp_path)).report == {}


def test_only_what_is_new_or_changed_is_sent(dsn):
    embedder = LetterEmbedder()
    retriever = PgvectorRetriever(embedder)
    retriever.index(passages())
    assert counts(retriever) == (5, 0, 0)
    again = PgvectorRetriever(embedder)
    embedder.calls.clear()
    again.index(passages())
    assert (counts(again), embedder.calls) == ((0, 0, 0), [])
    again.index(passages(metadata={"kind": "law"}))
    assert (counts(again), embedder.calls) == ((0, 3, 0), [])
    again.index([*passages()[:2], *passages(("another text",), id="new")])
    assert (counts(again), embedder.calls) == ((1, 2, 3), [1])
    again.add(passages(("blue paint",), id="0"))
    assert (counts(again), len(rows(dsn))) == ((1, 0, 1), 3)
    assert ids(again.search("blue paint", 1)) == ["0"]
    assert again.remove("0.md") == 2
    assert ids(again.search("blue oil", 9)) == ["1"]
    assert again.remove("0.md") == 0


def test_hits_filters_and_ties(dsn):
    retriever = PgvectorRetriever(LetterEmbedder())
    retriever.index(passages())
    assert ids(retriever.search("months twelve", 2)) == ["2", "3"]
    assert ids(retriever.search("months twelve", 99))[:2] == ["2", "3"]
    assert ids(retriever.search_where("months", 9, {"kind": "law"})) == ["3", "4"]
    assert ids(retriever.search_where("months", 1, {"kind": "law", "document": "0.md"})) == ["4"]
    assert retriever.search_where("months", 9, {"kind": "poem"}) == []
    assert retriever.search("months", 0) == []
    retriever.prepare(["months", "months"])
    prepared = retriever.search("months", 5)
    retriever.prepare([])
    assert retriever.search("months", 5) == prepared


def test_many_ties_are_all_looked_at(dsn):
    retriever = PgvectorRetriever(LetterEmbedder())
    retriever.index(passages(["same words"] * 60)[::-1])
    assert ids(retriever.search("words", 3)) == ["59", "58", "57"]


@pytest.mark.parametrize("distance", ["inner_product", "cosine"])
def test_an_hnsw_index_finds_the_same(dsn, distance):
    plain = PgvectorRetriever(LetterEmbedder())
    texts = [f"{n:b}".replace("0", "ab").replace("1", "xyz") + f" number {n}" for n in range(300)]
    plain.index(passages(texts))
    options = {"kind": "hnsw", "distance": distance}
    indexed = PgvectorRetriever(LetterEmbedder()).configured(options)
    indexed.index(passages(texts))
    assert (indexed.settings["kind"], plain.settings["kind"]) == ("hnsw", "exact")
    for query in ("number 7", "xyzab number 21", ""):
        assert ids(indexed.search(query, 10)) == ids(plain.search(query, 10))
        assert ids(indexed.search_where(query, 5, {"kind": "manual"})) == ids(
            plain.search_where(query, 5, {"kind": "manual"})
        )
    exact = PgvectorRetriever(LetterEmbedder()).configured({"kind": "exact"})
    exact.index(passages(texts))
    assert exact.settings["kind"] == "exact"
    fresh = PgvectorRetriever(LetterEmbedder()).configured(options)
    fresh.index(passages(texts))
    assert fresh.settings["kind"] == "hnsw"


@pytest.mark.parametrize(("version", "kind"), [((0, 4, 4), "exact"), ((0, 7, 0), "hnsw")])
def test_an_older_extension_does_what_it_can(dsn, version, kind):
    retriever = PgvectorRetriever(LetterEmbedder()).configured({"kind": "hnsw"})
    retriever._opened().version = version
    retriever.index(passages())
    assert retriever.report["kind"] == kind
    assert len(retriever.report["notes"]) == (kind == "exact")
    assert ids(retriever.search("twelve months", 2)) == ["2", "3"]
    assert ids(retriever.search_where("months", 9, {"kind": "law"})) == ["3", "4"]


def test_two_that_share_a_table_find_their_own(dsn):
    first, second = (PgvectorRetriever(LetterEmbedder()) for _ in range(2))
    first.index(passages())
    second.index(passages(("blue ink", "red ink"), document="ink.md"))
    assert ids(first.search("twelve months", 2)) == ["2", "3"]
    assert ids(second.search("red ink", 1)) == ["1"]


def test_what_was_sent_before_a_stop_is_not_sent_again(dsn, monkeypatch):
    monkeypatch.setattr(face, "SLICE", 2)
    embedder = LetterEmbedder()
    plain = embedder.embed
    monkeypatch.setattr(
        embedder, "embed", lambda texts: plain(texts) if len(embedder.calls) < 2 else 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        PgvectorRetriever(embedder).index(passages())
    again = PgvectorRetriever(LetterEmbedder())
    again.index(passages())
    assert counts(again) == (1, 0, 0)
    assert ids(again.search("air in the line", 1)) == ["4"]


def test_no_text_is_kept_unless_it_is_asked_for(dsn):
    retriever = PgvectorRetriever(LetterEmbedder())
    retriever.index(passages())
    kept = str(rows(dsn))
    assert "months" not in kept
    assert "manual" not in kept
    storing = PgvectorRetriever(LetterEmbedder()).configured({"store_text": "yes"})
    storing.index(passages())
    assert counts(storing) == (0, 5, 0)
    assert rows(dsn, "body, metadata")[2] == ("twelve months", {"kind": "manual"})
    assert ids(storing.search_where("months", 9, {"kind": "law"})) == ["3", "4"]


def test_odd_text_is_kept_and_found(dsn):
    odd = "nul \x00 and half \ud800"
    storing = PgvectorRetriever(LetterEmbedder()).configured({"store_text": "yes"})
    storing.index(passages(("plain", odd), document=odd, metadata={odd: odd}))
    assert len(storing.search_where(odd, 9, {"document": odd, odd: odd})) == 2
    assert storing.search_where("x", 9, {"document": odd.replace("\x00", "\ufffd")}) == []


def test_vectors_of_another_embedder_are_not_mixed(dsn):
    PgvectorRetriever(LetterEmbedder()).index(passages())

    class Shorter(LetterEmbedder):
        def embed(self, texts):
            return [vector[:9] for vector in super().embed(texts)]

    said = "advisor_passages holds vectors of 36 numbers by letters letters-1; this run"
    with pytest.raises(RetrieverError, match=f"{said} embeds with letters letters-2") as told:
        PgvectorRetriever(LetterEmbedder("letters-2")).index(passages())
    assert "rebuild=yes" in told.value.hint
    with pytest.raises(RetrieverError, match=f"{said}'s have 9"):
        PgvectorRetriever(Shorter()).index(passages(("quite new",)))
    anew = PgvectorRetriever(LetterEmbedder("letters-2")).configured({"rebuild": "yes"})
    anew.index(passages())
    assert counts(anew) == (5, 0, 0)


def test_a_table_of_somebody_else_is_left_alone(dsn):
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE advisor_passages (id text)")
        with pytest.raises(RetrieverError, match="was not made by advisor"):
            PgvectorRetriever(LetterEmbedder()).configured({"rebuild": "yes"}).index(passages())
        connection.execute("DROP TABLE advisor_passages")


@pytest.fixture
def bare(postgres):
    """A database without the extension, and a user with a password who may do nothing there."""
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bare")
        connection.execute("DROP ROLE IF EXISTS guarded")
        connection.execute(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("CREATE DATABASE bare")
    return postgres.replace("dbname=postgres", "dbname=bare")


FAULTS = {
    "down": ("host=/nowhere dbname=x", "No PostgreSQL server answers at /nowhere, database x"),
    "password": ("{guarded} password=wrong" + PASSWORD, "refused the credentials"),
    "database": ("{bare} dbname=absent", "database of the connection string does not exist"),
    "right": ("{guarded} password=" + PASSWORD, "may not do this: looking for the extension"),
    "extension": (
        "{bare} options='-c extension_control_path=/nowhere'",
        "has no extension vector",
    ),
    "unreadable": ("host=/x " + PASSWORD, "connection string for pgvector cannot be read"),
    "empty": (" ", "environment variable MY_DSN holds no connection string"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_is_told_without_the_secret(fault, bare, monkeypatch):
    text, sentence = FAULTS[fault]
    guarded = bare.replace("user=postgres", "user=guarded")
    monkeypatch.setenv("MY_DSN", text.format(bare=bare, guarded=guarded))
    retriever = PgvectorRetriever(LetterEmbedder()).configured({"dsn_env": "MY_DSN"})
    with pytest.raises(AdvisorError, match=sentence) as told:
        retriever.index(passages())
    assert isinstance(told.value, RetrieverError | InputError)
    assert told.value.hint
    whole = "".join(traceback.format_exception(told.value)) + str(vars(told.value))
    assert PASSWORD not in whole + str(retriever.settings) + repr(retriever)


def test_a_server_that_goes_away_is_told(dsn):
    import psycopg

    retriever = PgvectorRetriever(LetterEmbedder())
    retriever.index(passages())
    process = retriever._table._connection.info.backend_pid
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 2000)", [process])
    with pytest.raises(RetrieverError, match="was lost"):
        retriever.search("months", 1)
    retriever.index(passages())
    assert ids(retriever.search("twelve months", 1)) == ["2"]


def test_only_the_address_of_a_connection_string_is_shown():
    dsn = f"postgresql://anna:{PASSWORD}@db.example:5433/docs"
    assert address(dsn) == "db.example:5433, database docs"
    assert clean(f"no {PASSWORD} for anna\nmore", dsn) == "no ... for ..."
    assert address("no dsn") == "the local socket"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"table": "a; DROP TABLE b"}, "a table's name"),
        ({"dsn_env": "postgres://x"}, "name of an environment variable"),
        ({"distance": "far"}, "one of inner_product, cosine"),
        ({"tabel": "x"}, "Did you mean 'table'"),
    ],
)
def test_wrong_options_are_told(options, sentence):
    with pytest.raises(InputError, match=sentence):
        PgvectorRetriever(LetterEmbedder()).configured(options)
