"""Every completion ever bought or computed, kept by content, so that none is made twice.

One SQLite file (write-ahead log, JSON values) in the user's cache folder; `ADVISOR_CACHE` names
another file, or `off`. It holds answers and never prompts: a key is a digest of everything that
decides an answer, so neither a document nor an API key can be read out of it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from advisor.errors import InputError, StorageError
from advisor.resources import user_cache_root
from advisor.schema.cache import CacheRecord, CacheSummary
from advisor.schema.evaluation import Completion

SWITCH = "ADVISOR_CACHE"
OFF = ("off", "0", "no", "false")
FILE = "completions.sqlite"
TABLE = "completions"
WAIT_SECONDS = 30
KEYS_AT_ONCE = 500
"""SQLite takes at most 999 values in one question on old systems."""
OTHER_FILE = "Name another file with ADVISOR_CACHE."
MAGIC = b"SQLite format 3\0"
_TAKEN: set[tuple[int, int]] = set()
"""Device and inode of files that this process has looked into. Closing any descriptor of a file
gives up every lock that the process holds on it (POSIX), SQLite's among them: a second look beside
an open cache would let another process write in between, and break the file."""


def place() -> Path | None:
    """Where completions are kept; None when switched off."""
    named = os.environ.get(SWITCH, "")
    if named.lower() in OFF:
        return None
    return Path(named).expanduser() if named else user_cache_root() / FILE


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


class CompletionCache:
    """The cache, opened; one per process, safe beside other processes.

    Raises StorageError when the file cannot be opened or is no cache.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._take()
            self._base = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing; a power cut may lose the last answers, no more.
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(
                "CREATE TABLE IF NOT EXISTS completions (key TEXT PRIMARY KEY, backend TEXT,"
                " model TEXT, made_at TEXT, value TEXT) WITHOUT ROWID"
            )

    def close(self) -> None:
        """Give the file back."""
        self._base.close()

    def _take(self) -> None:
        """Make the file, or see that it is a cache, and let nobody else read it.

        SQLite gives its log and its index the rights that the file has when they are made. Raises
        StorageError and leaves alone what is no cache.
        """
        if not self.path.exists() or _identity(self.path) not in _TAKEN:
            self._look()
        for file in (self.path, *(Path(f"{self.path}{end}") for end in ("-wal", "-shm"))):
            if file.exists():
                file.chmod(0o600)
        _TAKEN.add(_identity(self.path))

    def _look(self) -> None:
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        with self.path.open("rb") as stream:
            start = stream.read(len(MAGIC))
        if start and (start != MAGIC or not self._is_ours()):
            raise StorageError(
                "The file that ADVISOR_CACHE names is no cache of completions; it was left alone.",
                hint=OTHER_FILE,
                where=str(self.path),
            )

    def _is_ours(self) -> bool:
        """Whether the database has our table, or none yet."""
        base = sqlite3.connect(self.path, timeout=WAIT_SECONDS)
        try:
            tables = base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        finally:
            base.close()
        return not tables or (TABLE,) in tables

    def known(self, keys: Sequence[str]) -> dict[str, Completion]:
        """The kept completions among these keys; one that cannot be read counts as absent."""
        found: dict[str, Completion] = {}
        with self._told():
            for start in range(0, len(keys), KEYS_AT_ONCE):
                asked = keys[start : start + KEYS_AT_ONCE]
                marks = ",".join("?" * len(asked))
                rows = self._base.execute(
                    f"SELECT key, value FROM completions WHERE key IN ({marks})",  # noqa: S608
                    asked,
                )
                found |= {key: c for key, value in rows if (c := _read(value)) is not None}
        return found

    def put(self, key: str, completion: Completion, *, backend: str, model: str) -> None:
        """Keep one completion; it is safe against a kill when this returns."""
        record = CacheRecord(
            key=key,
            backend=backend,
            model=model,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            completion=completion,
        )
        self.add([record])

    def add(self, records: Iterable[CacheRecord]) -> int:
        """Keep these completions, in the place of older ones of the same key; how many."""
        rows = [(r.key, r.backend, r.model, r.made_at, _written(r.completion)) for r in records]
        with self._told():
            self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany("INSERT OR REPLACE INTO completions VALUES (?,?,?,?,?)", rows)
            self._base.execute("COMMIT")
        return len(rows)

    def records(self) -> Iterator[CacheRecord]:
        """Everything that is kept, by key."""
        with self._told():
            rows = self._base.execute(
                "SELECT key, backend, model, made_at, value FROM completions ORDER BY key"
            )
            for key, backend, model, made_at, value in rows:
                completion = _read(value)
                if completion is not None:
                    yield CacheRecord(
                        key=key,
                        backend=backend,
                        model=model,
                        made_at=made_at,
                        completion=completion,
                    )

    def summary(self) -> CacheSummary:
        """How much is kept, and of which models."""
        with self._told():
            rows = self._base.execute(
                "SELECT model, COUNT(*), MIN(made_at), MAX(made_at) FROM completions"
                " GROUP BY model ORDER BY model"
            ).fetchall()
        return CacheSummary(
            path=str(self.path),
            completions=sum(count for _, count, _, _ in rows),
            bytes=self.path.stat().st_size,
            models={model: count for model, count, _, _ in rows},
            oldest=min((oldest for _, _, oldest, _ in rows), default=""),
            newest=max((newest for _, _, _, newest in rows), default=""),
        )

    def clear(self, *, model: str | None = None, older_than_days: float | None = None) -> int:
        """Delete completions, of one model or older than so many days where that is given."""
        tests, values = ["1 = 1"], []
        if model is not None:
            tests.append("model = ?")
            values.append(model)
        if older_than_days is not None:
            try:
                before = datetime.now(UTC) - timedelta(days=older_than_days)
            except OverflowError:
                raise InputError(
                    f"{older_than_days:g} days reach before the calendar begins.",
                    hint="Give fewer days.",
                ) from None
            tests.append("made_at < ?")
            values.append(before.isoformat(timespec="seconds"))
        with self._told():
            gone = self._base.execute(
                f"DELETE FROM completions WHERE {' AND '.join(tests)}",  # noqa: S608
                values,
            ).rowcount
            self._base.execute("VACUUM")
            self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            busy = "locked" in str(error)
            raise StorageError(
                f"The cache of completions cannot be used: {error}.",
                hint="Another process holds it; try again." if busy else self._way_out(),
                where=str(self.path),
            ) from error
        except OSError as error:
            raise StorageError(
                f"The cache of completions cannot be opened: {error.strerror or error}.",
                hint=OTHER_FILE,
                where=str(self.path),
            ) from error

    def _way_out(self) -> str:
        """What to do about a file that cannot be read: only our own may be deleted."""
        is_own = self.path == user_cache_root() / FILE
        return f"Delete it: answers are then made again. Or: {OTHER_FILE}" if is_own else OTHER_FILE


def opened() -> CompletionCache | None:
    """The user's cache; None when switched off."""
    path = place()
    return CompletionCache(path) if path else None


def _written(completion: Completion) -> str:
    return json.dumps(
        completion.model_dump(mode="json", exclude={"cached"}, exclude_defaults=True),
        ensure_ascii=False,
    )


def _read(value: str) -> Completion | None:
    try:
        return Completion.model_validate_json(value)
    except ValidationError:
        return None
