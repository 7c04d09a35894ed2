import json
import os
import sqlite3
import subprocess
import sys
import threading

import pytest

from advisor.errors import InputError, StorageError
from advisor.evaluation.cache import CompletionCache, opened, place
from advisor.schema.evaluation import Completion


def said(text: str) -> Completion:
    return Completion(text=text, prompt_tokens=3, completion_tokens=1, latency_ms=2.5, usd=0.25)


@pytest.fixture
def cache(tmp_path):
    return CompletionCache(tmp_path / "deep" / "completions.sqlite")


def test_what_was_put_is_known_again_and_nothing_else(cache):
    cache.put("a", said("yes"), backend="openai", model="m")
    cache.put("b", said("no"), backend="openai", model="m")
    assert cache.known(["a", "c"]) == {"a": said("yes")}
    assert CompletionCache(cache.path).known(["b"]) == {"b": said("no")}


def test_more_keys_than_sqlite_takes_at_once(cache):
    for number in range(3):
        cache.put(str(number), said("x"), backend="b", model="m")
    assert set(cache.known([str(number) for number in range(2500)])) == {"0", "1", "2"}


def test_it_is_a_write_ahead_log_of_json(cache):
    cache.put("a", said("ü"), backend="b", model="m")
    base = sqlite3.connect(cache.path)
    assert base.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    [(value,)] = base.execute("SELECT value FROM completions").fetchall()
    assert json.loads(value)["text"] == "ü"
    assert cache.path.stat().st_mode & 0o077 == 0


def test_a_record_of_another_version_counts_as_absent(cache):
    cache.put("a", said("x"), backend="b", model="m")
    sqlite3.connect(cache.path, isolation_level=None).execute(
        'UPDATE completions SET value = \'{"text": "x", "strange": 1}\''
    )
    assert cache.known(["a"]) == {}


def test_two_writers_do_not_lose_each_others_answers(cache):
    def write(start):
        own = CompletionCache(cache.path)
        for number in range(start, start + 40):
            own.put(str(number), said(str(number)), backend="b", model="m")
        own.close()

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.summary().completions == 80


def test_clearing_by_model_and_age_and_all(cache):
    for key, model in (("a", "m"), ("b", "n"), ("c", "n")):
        cache.put(key, said(key), backend="b", model=model)
    assert cache.summary().models == {"m": 1, "n": 2}
    assert cache.clear(model="m") == 1
    assert cache.clear(older_than_days=1) == 0
    assert cache.clear() == 2
    assert cache.summary().completions == 0
    with pytest.raises(InputError, match="before the calendar begins"):
        cache.clear(older_than_days=1e9)


def test_an_export_taken_in_elsewhere_is_the_same(cache, tmp_path):
    cache.put("a", said("x"), backend="b", model="m")
    other = CompletionCache(tmp_path / "other.sqlite")
    assert other.add(cache.records()) == 1
    assert list(other.records()) == list(cache.records())


def test_a_file_that_is_no_cache_is_told_and_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("this is no database, and long enough to be looked at as one " * 40)
    other = tmp_path / "accounts.db"
    base = sqlite3.connect(other)
    base.execute("CREATE TABLE accounts (id INTEGER)")
    base.commit()
    base.close()
    for path in (text, other):
        path.chmod(0o644)
        before = path.read_bytes()
        with pytest.raises(StorageError, match="is no cache of completions") as caught:
            CompletionCache(path)
        assert "elete" not in f"{caught.value.message} {caught.value.hint}"
        assert path.read_bytes() == before
        assert path.stat().st_mode & 0o777 == 0o644


def test_only_the_own_file_may_be_deleted_when_it_is_broken(tmp_path, monkeypatch):
    monkeypatch.delenv("ADVISOR_CACHE", raising=False)
    own = place()
    for path, says in ((own, True), (tmp_path / "mine.sqlite", False)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"SQLite format 3\0" + b"broken " * 400)
        with pytest.raises(StorageError, match="cannot be used") as caught:
            CompletionCache(path)
        assert ("Delete it" in caught.value.hint) is says
    own.unlink()


@pytest.mark.parametrize("is_old", [False, True])
def test_nobody_else_reads_answers_while_they_are_written(tmp_path, is_old):
    path = tmp_path / "completions.sqlite"
    before = os.umask(0o022)
    try:
        if is_old:
            CompletionCache(path).close()
            path.chmod(0o644)
        cache = CompletionCache(path)
        cache.put("a", said("private"), backend="b", model="m")
        files = sorted(tmp_path.iterdir())
        assert [file.name.removeprefix(path.name) for file in files] == ["", "-shm", "-wal"]
        assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    finally:
        os.umask(before)


def test_the_environment_names_it_or_switches_it_off(monkeypatch, tmp_path):
    monkeypatch.setenv("ADVISOR_CACHE", "OFF")
    assert place() is None
    assert opened() is None
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "mine.sqlite"))
    assert place() == tmp_path / "mine.sqlite"
    monkeypatch.delenv("ADVISOR_CACHE")
    assert place() == tmp_path / "advisor-home" / "cache" / "completions.sqlite"


def test_a_second_cache_in_one_process_leaves_the_first_ones_locks_alone(cache):
    cache.put("a", said("yes"), backend="b", model="m")
    CompletionCache(cache.path).close()
    other = (
        "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]);"
        "base.execute('SELECT * FROM completions'); base.close()"
    )
    subprocess.run([sys.executable, "-c", other, str(cache.path)], check=True)
    # A process that thinks itself the last one takes the log away under the first one's hands.
    assert cache.path.with_name(f"{cache.path.name}-wal").exists()
    cache.put("b", said("no"), backend="b", model="m")
    assert set(CompletionCache(cache.path).known(["a", "b"])) == {"a", "b"}
