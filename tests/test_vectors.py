"""Vectors on the disk: whole shards, found by key, merged, shared, and never text."""

from __future__ import annotations

import json
import os

import pytest

from advisor import vectors
from advisor.vectors import KEYS, MANIFEST, ROWS, VectorStore, shard_names

np = pytest.importorskip("numpy")
WHO = {"embedder": "e", "digest": "d"}


def rows_of(numbers, dimension=4):
    """A unit vector for each number."""
    found = np.zeros((len(numbers), dimension), dtype="float32")
    found[:, 0], found[:, 1] = np.cos(numbers), np.sin(numbers)
    return found


def keys_of(numbers):
    return np.array([b"%016d" % number for number in numbers], dtype="S16")


def add(store, numbers):
    store.add(keys_of(numbers), rows_of(numbers))


def found(store, numbers):
    """The numbers that are found with the right vector."""
    out = np.zeros((len(numbers), 4), dtype="float32")
    lost = store.rows(store.find(keys_of(numbers)), out)
    assert np.allclose(out[~lost], rows_of(numbers)[~lost])
    return [number for number, is_lost in zip(numbers, lost, strict=True) if not is_lost]


def test_what_was_added_is_found_again_in_any_order(tmp_path):
    store = VectorStore(tmp_path / "v", WHO)
    assert (len(store), store.dimension) == (0, 0)
    add(store, [5, 3, 9])
    add(store, [7])
    assert found(store, [9, 1, 7, 5, 3, 8]) == [9, 7, 5, 3]
    again = VectorStore(tmp_path / "v", WHO)
    assert (len(again), again.dimension) == (4, 4)
    assert found(again, [7, 2, 3]) == [7, 3]


def test_keys_that_end_in_zeros_are_keys_like_others(tmp_path):
    store = VectorStore(tmp_path, WHO)
    keys = np.frombuffer(b"a" * 15 + b"\0" + b"a" * 14 + b"\0\0", dtype="S16")
    store.add(keys, rows_of([1, 2]))
    assert VectorStore(tmp_path, WHO).find(keys).shard.tolist() == [0, 0]
    assert VectorStore(tmp_path, WHO).find(keys[:1][:, None].ravel()).row.tolist() == [1]


def test_the_folder_says_whose_vectors_it_holds_and_is_the_owners(tmp_path):
    folder = tmp_path / "v"
    add(VectorStore(folder, WHO), [1])
    assert json.loads((folder / MANIFEST).read_text()) == {"format": "1", **WHO}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_many_small_shards_become_one(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "FEW", 4)
    monkeypatch.setattr(vectors, "BLOCK", 3)
    store = VectorStore(tmp_path, WHO)
    reader = VectorStore(tmp_path, WHO)
    for number in range(50):
        add(store, [number, number + 1])  # one of the two is there already
        if number == 10:
            reader.refresh()
    assert len(shard_names(tmp_path)) < 8
    assert len(list(tmp_path.glob(f"*{ROWS}"))) == len(shard_names(tmp_path))
    assert found(store, list(range(51))) == list(range(51))
    assert found(reader, list(range(8))) == list(range(8))  # from files that are gone by now
    assert reader.refresh()
    assert found(reader, list(range(51))) == list(range(51))
    assert found(VectorStore(tmp_path, WHO), list(range(51))) == list(range(51))


def test_while_another_process_merges_nobody_else_does(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(vectors, "FEW", 2)
    store = VectorStore(tmp_path, WHO)
    with (tmp_path / vectors.LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for number in range(5):
            add(store, [number])
        assert len(shard_names(tmp_path)) == 5
    add(store, [5])
    assert len(shard_names(tmp_path)) == 1
    assert found(store, list(range(6))) == list(range(6))


def spoil(folder, how):
    [name] = shard_names(folder)
    keys, rows = folder / (name + KEYS), folder / (name + ROWS)
    if how == "cut rows":
        rows.write_bytes(rows.read_bytes()[:-5])
    elif how == "no rows":
        rows.unlink()
    elif how == "empty keys":
        keys.write_bytes(b"")
    elif how == "no array":
        keys.write_bytes(b"nothing of the kind")
    elif how == "objects":
        np.save(keys, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif how == "other length":
        np.save(rows, np.zeros((7, 4), dtype="float32"))
    elif how == "other type":
        np.save(rows, np.zeros((2, 4)))


@pytest.mark.parametrize(
    "how",
    ["cut rows", "no rows", "empty keys", "no array", "objects", "other length", "other type"],
)
def test_a_damaged_shard_is_passed_over_and_told(tmp_path, how):
    add(VectorStore(tmp_path, WHO), [1, 2])
    spoil(tmp_path, how)
    store = VectorStore(tmp_path, WHO)
    assert len(store.skipped) == 1
    assert found(store, [1, 2]) == []
    add(store, [1])
    assert found(store, [1, 2]) == [1]
    assert len(store.skipped) == 1


def test_a_shard_of_another_dimension_is_passed_over(tmp_path):
    add(VectorStore(tmp_path, WHO), [1])
    foreign = VectorStore(tmp_path / "other", WHO)
    foreign.add(keys_of([2]), rows_of([2], dimension=7))
    for path in (tmp_path / "other").glob("*.npy"):
        path.rename(tmp_path / f"z{path.name}")
    store = VectorStore(tmp_path, WHO)
    assert len(store.skipped) == 1
    assert found(store, [1, 2]) == [1]


def test_a_row_that_is_no_unit_vector_any_more_is_lost(tmp_path):
    add(VectorStore(tmp_path, WHO), [1, 2])
    [path] = tmp_path.glob(f"*{ROWS}")
    data = bytearray(path.read_bytes())
    data[-16:-12] = np.array([4000.0], dtype="<f4").tobytes()
    path.write_bytes(data)
    assert found(VectorStore(tmp_path, WHO), [1, 2]) == [1]


def test_without_a_folder_rows_are_remembered_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(vectors, "IN_MEMORY", 3)
    store = VectorStore(None, WHO)
    add(store, [1, 2])
    add(store, [3, 4])
    add(store, [5])
    assert found(store, [1, 2, 3, 4, 5]) == [1, 2, 5]
    assert not store.refresh()


def test_what_is_half_written_is_not_seen_and_not_left(tmp_path, monkeypatch):
    store = VectorStore(tmp_path, WHO)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vectors.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        add(store, [1])
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST]


def test_what_a_killed_process_left_goes_after_a_while(tmp_path):
    add(VectorStore(tmp_path, WHO), [1])
    left = [tmp_path / f"left{ROWS}", tmp_path / f".left{KEYS}.7.ab"]
    for path in left:
        path.write_bytes(b"half")
    VectorStore(tmp_path, WHO)
    assert all(path.exists() for path in left)
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    assert found(VectorStore(tmp_path, WHO), [1]) == [1]
    assert not any(path.exists() for path in left)
