"""The table of passages on a PostgreSQL server: what is sent to it and what it is asked."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from advisor.errors import InputError, MissingExtraError, RetrieverError
from advisor.schema.evaluation import Passage
from rag_baseline.postgres.pg_faults import told
from rag_baseline.postgres.pg_rows import COLUMNS, FORMAT, Rows, storable
from rag_baseline.vectors.shelf import DOCUMENT
from rag_baseline.vectors.vector_libraries import numpy

if TYPE_CHECKING:
    from rag_baseline.postgres.pgvector import PgvectorOptions

SECONDS = 10
"""To wait for a connection."""
WIDEST_INDEXED = 2000
"""Numbers per vector that an HNSW index takes."""
EFFORT = 120
"""Candidates an HNSW index looks at, at least (`hnsw.ef_search`): measured for a recall of 0.97 at
10 (benchmarks/results/retrieval_pgvector.json)."""
OPERATORS = {
    "inner_product": ("<#>", "vector_ip_ops"),
    "cosine": ("<=>", "vector_cosine_ops"),
}
HAS_HNSW, ITERATES = (0, 5), (0, 8)
"""Versions of pgvector from which on there is an HNSW index, and one that looks further by itself
where a filter leaves too little."""
BUILD_MEMORY = "256MB"


def opened(options: PgvectorOptions, embedder: str) -> Table:
    """A connection and the table behind it, where there is one already.

    Raises InputError without a connection string, MissingExtraError, RetrieverError where the
    server refuses or the table is not ours or holds vectors of another embedder.
    """
    try:
        import psycopg  # noqa: PLC0415 - heavy and optional
        from pgvector.psycopg import register_vector  # noqa: PLC0415 - the same
    except ImportError as error:
        raise MissingExtraError("Retrieval by pgvector", "pgvector") from error
    text = os.environ.get(options.dsn_env, "").strip()
    if not text:
        raise InputError(
            f"The environment variable {options.dsn_env} holds no connection string.",
            hint=f"export {options.dsn_env}='host=... dbname=... user=... password=...', or name"
            " another variable with --retriever-option dsn_env=NAME.",
            where="retriever pgvector",
        )
    with told("connecting", text):
        connection = psycopg.connect(text, autocommit=True, connect_timeout=SECONDS)
    try:
        with told("looking for the extension vector", text):
            connection.execute("SET client_min_messages = warning")
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            register_vector(connection)
        table = Table(connection, options, text)
        table.look(embedder)
    except BaseException:
        connection.close()
        raise
    return table


class Table:
    """One row a passage; what made the vectors stands in the table's comment."""

    def __init__(self, connection: Any, options: PgvectorOptions, dsn: str) -> None:
        from psycopg import sql  # noqa: PLC0415 - heavy and optional

        self._connection = connection
        self._options = options
        self._dsn = dsn
        self._sql = sql
        self._table = sql.Identifier(*options.table.split("."))
        self._index = f"{options.table.rsplit('.', 1)[-1]}_{options.distance[:2]}"
        self.rows = Rows(is_text_stored=options.store_text)
        self._dimensions = 0
        self._made: dict[str, Any] = {}
        self.version: tuple[int, ...] = ()
        """The server's pgvector."""
        self.is_indexed = False
        self.notes: list[str] = []

    @property
    def is_open(self) -> bool:
        """Whether the connection still holds, as far as is known."""
        return not self._connection.closed

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def look(self, embedder: str) -> None:
        """Take up a table that is there; raises RetrieverError for one that cannot be used."""
        said = self._ask("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        self.version = tuple(int(part) for part in re.findall(r"\d+", said[0][0]))
        with self._telling("looking at the table"):
            row = self._connection.execute(
                "SELECT obj_description(to_regclass(%s), 'pg_class'), to_regclass(%s) IS NOT NULL",
                [self._quoted, self._quoted],
            ).fetchone()
        comment, is_there = row
        if not is_there:
            return
        made = _read(comment)
        if made is None:
            raise RetrieverError(
                f"The table {self._options.table} was not made by advisor, so it is left alone.",
                hint="Name another: --retriever-option table=NAME.",
                where="retriever pgvector",
            )
        if self._options.rebuild:
            self._run("DROP TABLE {table}")
            return
        if made["embedder"] != embedder:
            raise self._other(made, f"this run embeds with {embedder}")
        self._made = made
        self._dimensions = int(made["dimensions"])
        self.is_indexed = self._has_index()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else of us changes the table meanwhile."""
        self._ask("SELECT pg_advisory_lock(hashtext(%s))", [self._quoted])
        try:
            yield
        finally:
            if not self._connection.closed:
                self._ask("SELECT pg_advisory_unlock(hashtext(%s))", [self._quoted])

    def held(self) -> tuple[Any, Any]:
        """Keys of the passages that are there, and the marks of what else is known of them."""
        np = numpy()
        rows = self._ask("SELECT key, mark FROM {table}") if self._dimensions else []
        pairs = np.asarray(rows, dtype="int64").reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    @property
    def content(self) -> str:
        """The stamp of what the table holds now; empty while somebody changes it."""
        rows = self._ask("SELECT obj_description(to_regclass(%s), 'pg_class')", [self._quoted])
        made = _read(rows[0][0])
        return str(made.get("content", "")) if made else ""

    def stamp(self, content: str) -> None:
        """Write down what the table holds."""
        if self._made:
            self._made = {**self._made, "content": content}
            self._run("COMMENT ON TABLE {table} IS " + self._literal(json.dumps(self._made)))

    def send(self, keys: Any, passages: Sequence[Passage], vectors: Any, embedder: str) -> None:
        """Write new rows in one transaction; makes the table where there is none."""
        if not self._dimensions:
            self._make(int(vectors.shape[1]), embedder)
        if vectors.shape[1] != self._dimensions:
            made = {"embedder": embedder, "dimensions": self._dimensions}
            raise self._other(made, f"this run's have {vectors.shape[1]}")
        statement = self._of(f"COPY {{table}} ({COLUMNS}, embedding) FROM STDIN (FORMAT BINARY)")
        kinds = ["int8", "int8", "text", "text", "jsonb", "int8", "int8", "text", "vector"]
        with (
            self._telling("sending passages"),
            self._connection.transaction(),
            self._connection.cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            copy.set_types(kinds)
            for key, passage, vector in zip(keys, passages, vectors, strict=True):
                copy.write_row((int(key), *self.rows.values(passage), vector))

    def change(self, rows: Sequence[tuple[int, Passage]]) -> None:
        """Write anew what is known of passages beside their vectors."""
        if not rows:
            return
        names = [name.strip() for name in COLUMNS.split(",")][1:]
        assigned = ", ".join(f"{name} = %s" for name in names)
        statement = self._of(
            f"UPDATE {{table}} SET {assigned} WHERE key = %s"  # noqa: S608 - our own words
        )
        with (
            self._telling("changing passages"),
            self._connection.transaction(),
            self._connection.cursor() as cursor,
        ):
            cursor.executemany(
                statement, [(*self.rows.values(passage), key) for key, passage in rows]
            )

    def remove(self, keys: Any) -> None:
        """Take rows out."""
        if len(keys):
            self._run("DELETE FROM {table} WHERE key = ANY(%s)", [[int(key) for key in keys]])

    def searchable(self, kind: str, few: int) -> str:
        """The kind of search that now holds; makes an HNSW index where it pays."""
        rows = self._ask("SELECT count(*) FROM {table}")[0][0]
        self._run("ANALYZE {table}")
        self.is_indexed = self._has_index()
        wanted = kind == "hnsw" or (kind == "auto" and rows > few)
        if wanted and self._dimensions > WIDEST_INDEXED:
            self.notes = [f"vectors of {self._dimensions} numbers cannot be indexed by HNSW"]
        elif wanted and self.version < HAS_HNSW:
            self.notes = ["the server's pgvector is older than 0.5 and has no HNSW index"]
        elif wanted and not self.is_indexed:
            self._run(f"SET maintenance_work_mem = '{BUILD_MEMORY}'")
            self._run(
                "CREATE INDEX {index} ON {table} USING hnsw (embedding "
                + OPERATORS[self._options.distance][1]
                + ")"
            )
            self.is_indexed = True
        self.is_indexed = self.is_indexed and kind != "exact"
        return "hnsw" if self.is_indexed else "exact"

    def nearest(
        self, vector: Any, limit: int, where: Mapping[str, str], *, is_exact: bool
    ) -> tuple[Any, Any]:
        """Keys and vectors of the nearest rows, nearest first."""
        np = numpy()
        conditions, values = self._conditions(where)
        operator = OPERATORS[self._options.distance][0]
        statement = self._of(
            f"SELECT key, embedding FROM {{table}} {conditions}"  # noqa: S608 - our own words
            f" ORDER BY embedding {operator} %s LIMIT %s"
        )
        way = _way(limit, self.version, is_exact=is_exact)
        with self._telling("searching"), self._connection.transaction():
            self._connection.execute(way)
            cursor = self._connection.cursor(binary=True)
            rows = cursor.execute(statement, [*values, vector, limit]).fetchall()
        keys = np.asarray([row[0] for row in rows], dtype="int64")
        vectors = np.asarray([_numbers(row[1]) for row in rows], dtype="float32")
        return keys, vectors.reshape(len(rows), -1 if rows else self._dimensions)

    def _conditions(self, where: Mapping[str, str]) -> tuple[str, list[Any]]:
        parts, values = [], list[Any]()
        rest = {name: value for name, value in where.items() if name != DOCUMENT}
        if DOCUMENT in where:
            parts.append("document = %s")
            values.append(storable(where[DOCUMENT]))
        if rest:
            parts.append("metadata @> %s")
            values.append(self.rows.metadata(rest))
        return (f"WHERE {' AND '.join(parts)}" if parts else ""), values

    def _make(self, dimensions: int, embedder: str) -> None:
        made = {"advisor": FORMAT, "embedder": embedder, "dimensions": dimensions}
        with self._telling("making the table"), self._connection.transaction():
            self._connection.execute(
                self._of(
                    "CREATE TABLE {table} (key bigint PRIMARY KEY, mark bigint NOT NULL,"
                    " id text NOT NULL, document text NOT NULL, metadata jsonb NOT NULL,"
                    " start_at bigint NOT NULL, end_at bigint NOT NULL, body text,"
                    f" embedding vector({dimensions}) NOT NULL)"
                )
            )
        self._dimensions, self._made = dimensions, made
        self.stamp("")

    def _has_index(self) -> bool:
        found = self._ask(
            "SELECT 1 FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
            " WHERE indrelid = to_regclass(%s) AND indisvalid AND relname = %s",
            [self._quoted, self._index],
        )
        return bool(found)

    def _other(self, made: Mapping[str, Any], own: str) -> RetrieverError:
        return RetrieverError(
            f"The table {self._options.table} holds vectors of {made['dimensions']} numbers by"
            f" {made['embedder']}; {own}.",
            hint="Name another table (--retriever-option table=NAME), or replace this one"
            " (--retriever-option rebuild=yes).",
            where="retriever pgvector",
        )

    @property
    def _quoted(self) -> str:
        return ".".join(f'"{part}"' for part in self._options.table.split("."))

    def _of(self, text: str) -> Any:
        index = self._sql.Identifier(self._index)
        return self._sql.SQL(text).format(table=self._table, index=index)

    def _run(self, text: str, values: Sequence[Any] = ()) -> None:
        with self._telling("changing the table"):
            self._connection.execute(self._of(text), values or None)

    def _ask(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._telling("asking the table"):
            rows: list[Any] = self._connection.execute(self._of(text), values or None).fetchall()
        return rows

    def _literal(self, text: str) -> str:
        """A text as it stands in a statement; braces are doubled, for `_of` reads them."""
        quoted = str(self._sql.Literal(text).as_string(self._connection))
        return quoted.replace("{", "{{").replace("}", "}}")

    def _telling(self, doing: str) -> contextlib.AbstractContextManager[None]:
        return told(doing, self._dsn)


def _way(limit: int, version: tuple[int, ...], *, is_exact: bool) -> str:
    """Settings of one search: every vector, or the index with enough candidates."""
    if is_exact:
        return "SET LOCAL enable_indexscan = off"
    further = "SET LOCAL hnsw.iterative_scan = strict_order;" if version >= ITERATES else ""
    return (
        f"SET LOCAL hnsw.ef_search = {max(limit, EFFORT)}; {further} SET LOCAL enable_seqscan = off"
    )


def _numbers(vector: Any) -> Any:
    """The numbers of a vector, whatever the client library wraps them in."""
    return vector.to_numpy() if hasattr(vector, "to_numpy") else vector


def _read(comment: str | None) -> dict[str, Any] | None:
    try:
        made = json.loads(comment or "")
    except ValueError:
        return None
    return made if isinstance(made, dict) and made.get("advisor") == FORMAT else None
