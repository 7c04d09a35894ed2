"""Miniature base models, made once, and the server that one of the retrievers asks."""

import pytest

from tests.fixtures.tiny_encoder import tiny_encoder
from tests.fixtures.tiny_llama import tiny_llama

__all__ = ["served", "tiny_encoder", "tiny_llama"]

DATABASE = "conformance"


@pytest.fixture(scope="session")
def own_database(postgres):
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    return postgres.replace("dbname=postgres", f"dbname={DATABASE}")


@pytest.fixture(autouse=True)
def served(request, monkeypatch):
    """Where pgvector is put to work, it finds a server."""
    chosen = getattr(request.node, "callspec", None)
    if chosen and chosen.params.get("name") == "pgvector" and request.node.get_closest_marker("ml"):
        monkeypatch.setenv("PGVECTOR_DSN", request.getfixturevalue("own_database"))
