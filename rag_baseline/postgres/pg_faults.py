"""What a PostgreSQL server or its client complains of, as errors that name no secret."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from advisor.errors import AdvisorError, InputError, RetrieverError

WHERE = "retriever pgvector"
REFUSED = ("28000", "28P01")
NO_DATABASE = "3D000"
NO_EXTENSION = ("0A000", "58P01")
NO_RIGHT = "42501"
NO_ROOM = ("53100", "53200")
LOST = ("08", "57P")
"""Classes of states after which there is no connection any more."""
LONGEST = 200


@contextlib.contextmanager
def told(doing: str, dsn: str) -> Iterator[None]:
    """Raises what the client library raises as InputError or RetrieverError.

    The original is not chained: its text may repeat the connection string.
    """
    import psycopg  # noqa: PLC0415 - heavy and optional

    try:
        yield
    except psycopg.ProgrammingError as error:
        if doing == "connecting":
            raise _unreadable() from None
        raise _said(error, doing, dsn) from None
    except (psycopg.Error, UnicodeError) as error:
        raise _said(error, doing, dsn) from None


def _unreadable() -> AdvisorError:
    return InputError(
        "The connection string for pgvector cannot be read.",
        hint="Write it as 'host=... port=... dbname=... user=... password=...' or as"
        " postgresql://user:password@host:port/dbname.",
        where=WHERE,
    )


def _said(error: Exception, doing: str, dsn: str) -> AdvisorError:
    state, text = getattr(error, "sqlstate", None), str(error)
    if doing == "connecting":
        return _unconnected(state, text, dsn)
    if state in NO_EXTENSION and "extension" in doing:
        return _fault(
            f"The server at {address(dsn)} has no extension vector.",
            "Install pgvector on the server (https://github.com/pgvector/pgvector).",
        )
    if state == NO_RIGHT:
        return _fault(
            f"The user of the connection may not do this: {doing}.",
            "Let its owner run CREATE EXTENSION vector; the user needs CREATE on the schema.",
        )
    if state in NO_ROOM:
        return _fault(f"The server has no room left: {doing}.", "Free disk or memory there.")
    if state is None or state.startswith(LOST):
        return _fault(
            f"The connection to {address(dsn)} was lost: {doing}.",
            "What was sent stays there; run the command again.",
        )
    return _fault(
        f"PostgreSQL refused ({state}): {doing}. {clean(text, dsn)}",
        "See the server's log.",
    )


def _unconnected(state: str | None, text: str, dsn: str) -> AdvisorError:
    at = address(dsn)
    if state in REFUSED or "authentication failed" in text or "no password supplied" in text:
        return _fault(
            f"The server at {at} refused the credentials.",
            "Mend user and password in the connection string.",
        )
    if state == NO_DATABASE or ("database" in text and "does not exist" in text):
        return _fault(
            f"The database of the connection string does not exist at {at}.",
            "Make it with CREATE DATABASE, or name another.",
        )
    return _fault(
        f"No PostgreSQL server answers at {at}.",
        "Start the server, or mend host and port in the connection string.",
    )


def _fault(message: str, hint: str) -> RetrieverError:
    return RetrieverError(message, hint=hint, where=WHERE)


def address(dsn: str) -> str:
    """Host, port and database of a connection string: all of it that may be shown."""
    known = _parts(dsn)
    host, port = known.get("host") or "the local socket", known.get("port")
    name = known.get("dbname")
    return f"{host}{f':{port}' if port else ''}{f', database {name}' if name else ''}"


def clean(text: str, dsn: str) -> str:
    """The first line of a text without what the connection string hides."""
    line = (text.strip().splitlines() or [""])[0][:LONGEST]
    for secret in (dsn, _parts(dsn).get("password"), _parts(dsn).get("user")):
        if secret:
            line = line.replace(str(secret), "...")
    return line


def _parts(dsn: str) -> dict[str, Any]:
    import psycopg  # noqa: PLC0415 - heavy and optional
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - the same

    try:
        return dict(conninfo_to_dict(dsn))
    except psycopg.Error:
        return {}
