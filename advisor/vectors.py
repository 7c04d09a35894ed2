"""Vectors kept by what they were made from: whole shards in a folder, found again by content.

A shard is two `.npy` files of one name: sorted keys (16 bytes, a digest of the text) and float32
rows. Rows are written first and keys last, each beside its place and then renamed, so that a shard
is there whole or not at all. Nobody changes a shard; many small ones become a larger one, and only
then are the small ones deleted. Texts are never stored.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = "1"
MANIFEST = "manifest.json"
LOCK = "merging"
KEYS = ".keys.npy"
ROWS = ".rows.npy"
KEY_TYPE = "S16"
FEW = 64
"""So many shards of one size become one of the next, which holds up to as many times more."""
BLOCK = 4096
"""Rows in memory at once while shards are merged."""
LEFT_SECONDS = 3600.0
"""After so long a file without its other half is nobody's work any more."""
IN_MEMORY = 200_000
"""Rows that are remembered where no folder can be used."""
NORM = (0.9, 1.1)
"""Lengths of a row between which it is believed; a row of zeros is believed too."""


class Place(NamedTuple):
    """Where vectors are, one entry a key."""

    shard: Any
    """-1 where nothing is kept."""
    row: Any


class _Shard(NamedTuple):
    keys: Any
    rows: Any


class VectorStore:
    """The kept vectors of one embedder; other processes may use the same folder at once.

    Keys are in memory, 24 bytes each; rows stay on the disk. Without a folder rows are remembered
    up to a limit. Raises OSError where the folder cannot be made or written.
    """

    def __init__(self, folder: Path | None, identity: dict[str, str]) -> None:
        self.folder = folder
        self.skipped: list[str] = []
        """Names of what was met in the folder and is no whole shard of this embedder."""
        self.dimension = 0
        self._shards: list[_Shard] = []
        self._numbers: dict[str, int] = {}
        self._parts: list[tuple[Any, Place]] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _introduce(folder, {"format": FORMAT, **identity})
            _sweep(folder)
            self.refresh()

    def __len__(self) -> int:
        return sum(len(keys) for keys, _ in self._parts)

    def refresh(self) -> bool:
        """Take in shards that have appeared since; whether there were any."""
        if self.folder is None:
            return False
        found = shard_names(self.folder)
        if not found.issuperset(self._numbers):  # merged meanwhile
            self._shards, self._numbers, self._parts = [], {}, []
        fresh = sorted(found - self._numbers.keys() - set(self.skipped))
        taken = [self._take(self.folder, name) for name in fresh]
        return any(taken)

    def find(self, keys: Any) -> Place:
        """Where each of these keys is."""
        import numpy as np  # noqa: PLC0415 - heavy, wanted only when something is embedded

        place = Place(np.full(len(keys), -1, dtype="int32"), np.zeros(len(keys), dtype="int32"))
        for known, where in self._parts:
            wanted = np.flatnonzero(place.shard < 0)
            at = np.minimum(np.searchsorted(known, keys[wanted]), len(known) - 1)
            is_hit = known[at] == keys[wanted]
            place.shard[wanted[is_hit]] = where.shard[at[is_hit]]
            place.row[wanted[is_hit]] = where.row[at[is_hit]]
        return place

    def rows(self, place: Place, out: Any) -> Any:
        """Copy rows into `out`; the mask of those that are absent or cannot be believed.

        A row that a failing disk has changed is mostly no unit vector any more.
        """
        import numpy as np  # noqa: PLC0415 - heavy

        lost = place.shard < 0
        for number in np.unique(place.shard[~lost]):
            chosen = np.flatnonzero(place.shard == number)
            rows = self._shards[number].rows[place.row[chosen]]
            out[chosen] = rows
            lengths = np.linalg.norm(rows, axis=1)
            is_sound = ((lengths > NORM[0]) & (lengths < NORM[1])) | (lengths == 0)
            lost[chosen[~is_sound]] = True
        return lost

    def add(self, keys: Any, rows: Any) -> None:
        """Keep rows; they are on the disk, whole, when this returns. Raises OSError."""
        import numpy as np  # noqa: PLC0415 - heavy

        order = np.argsort(keys)
        keys, rows = keys[order], np.ascontiguousarray(rows[order], dtype="float32")
        if self.folder is None:
            if len(self) + len(keys) <= IN_MEMORY:
                self._hold(f"memory-{len(self._shards)}", keys, rows)
            return
        name = _write(self.folder, keys, [rows], rows.shape[1])
        self._take(self.folder, name)
        self._merge(self.folder)

    def _take(self, folder: Path, name: str) -> bool:
        """Open one shard; False where it has gone meanwhile or cannot be used."""
        import numpy as np  # noqa: PLC0415 - heavy

        try:
            keys = np.load(folder / (name + KEYS), allow_pickle=False)
            rows = np.load(folder / (name + ROWS), mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            if (folder / (name + KEYS)).exists():  # else it became part of a larger one
                self.skipped.append(name)
            return False
        except (OSError, ValueError, EOFError):
            self.skipped.append(name)
            return False
        if not self._is_shard(keys, rows):
            self.skipped.append(name)
            return False
        self._hold(name, keys, rows)
        return True

    def _is_shard(self, keys: Any, rows: Any) -> bool:
        is_typed = keys.dtype == KEY_TYPE and rows.dtype == "float32"
        is_shaped = keys.ndim == 1 and rows.ndim == 2 and len(keys) == len(rows) > 0
        return is_typed and is_shaped and self.dimension in (0, rows.shape[1])

    def _hold(self, name: str, keys: Any, rows: Any) -> None:
        """Make a shard findable; parts grow like a binary counter, so that few are to be asked."""
        import numpy as np  # noqa: PLC0415 - heavy

        number = len(self._shards)
        self._numbers[name] = number
        self._shards.append(_Shard(keys, rows))
        self.dimension = int(rows.shape[1])
        where = Place(np.full(len(keys), number, "int32"), np.arange(len(keys), dtype="int32"))
        part = (keys, where)
        while self._parts and len(self._parts[-1][0]) <= 2 * len(part[0]):
            part = _merged(self._parts.pop(), part)
        self._parts.append(part)

    def _merge(self, folder: Path) -> None:
        """Make one shard of many small ones, unless another process is doing so."""
        levels: dict[int, list[str]] = {}
        for name, number in self._numbers.items():
            levels.setdefault(_level(len(self._shards[number].keys)), []).append(name)
        crowded = next((names for _, names in sorted(levels.items()) if len(names) >= FEW), None)
        if crowded is None:
            return
        with _alone(folder) as is_alone:
            if is_alone and shard_names(folder).issuperset(crowded):
                self._unite(folder, crowded)
        self.refresh()

    def _unite(self, folder: Path, names: list[str]) -> None:
        """Write one shard of many, a block of rows at a time, and delete them."""
        import numpy as np  # noqa: PLC0415 - heavy

        numbers = [self._numbers[name] for name in names]
        held = [self._shards[number].keys for number in numbers]
        keys, first = np.unique(np.concatenate(held), return_index=True)
        shard = np.repeat(np.array(numbers, "int32"), [len(one) for one in held])[first]
        row = np.concatenate([np.arange(len(one), dtype="int32") for one in held])[first]
        _write(folder, keys, self._blocks(Place(shard, row)), self.dimension)
        for end in (KEYS, ROWS):
            for name in names:
                (folder / (name + end)).unlink(missing_ok=True)

    def _blocks(self, place: Place) -> Iterator[Any]:
        import numpy as np  # noqa: PLC0415 - heavy

        for start in range(0, len(place.row), BLOCK):
            part = Place(place.shard[start : start + BLOCK], place.row[start : start + BLOCK])
            out: Any = np.empty((len(part.row), self.dimension), dtype="float32")
            self.rows(part, out)
            yield out


def shard_names(folder: Path) -> set[str]:
    """The shards of a folder."""
    return {path.name.removesuffix(KEYS) for path in folder.glob(f"*{KEYS}")}


def _level(rows: int) -> int:
    """Which size a shard is of."""
    level, limit = 0, FEW * FEW
    while rows >= limit:
        level, limit = level + 1, limit * FEW
    return level


def _merged(one: tuple[Any, Place], other: tuple[Any, Place]) -> tuple[Any, Place]:
    import numpy as np  # noqa: PLC0415 - heavy

    keys = np.concatenate([one[0], other[0]])
    order = np.argsort(keys, kind="stable")
    shard, row = (np.concatenate([a, b])[order] for a, b in zip(one[1], other[1], strict=True))
    return keys[order], Place(shard, row)


def _write(folder: Path, keys: Any, blocks: Iterable[Any], dimension: int) -> str:
    """A new shard; its name."""
    import numpy as np  # noqa: PLC0415 - heavy

    name = f"{time.time_ns():x}-{os.getpid():x}-{secrets.token_hex(4)}"
    told = {"descr": "<f4", "fortran_order": False, "shape": (len(keys), dimension)}
    with _written(folder / (name + ROWS)) as stream:
        np.lib.format.write_array_header_1_0(stream, told)
        for block in blocks:
            stream.write(block.astype("<f4", copy=False).tobytes())
    with _written(folder / (name + KEYS)) as stream:
        np.save(stream, keys, allow_pickle=False)
    return name


def _introduce(folder: Path, identity: dict[str, str]) -> None:
    """Say in a manifest whose vectors these are."""
    path = folder / MANIFEST
    text = json.dumps(identity, indent=1, sort_keys=True)
    try:
        is_told = path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        is_told = False
    if not is_told:
        with _written(path) as stream:
            stream.write(text.encode())


def _sweep(folder: Path) -> None:
    """Delete what killed processes left half-written, once nobody can still be writing it."""
    whole = shard_names(folder)
    before = time.time() - LEFT_SECONDS
    for path in folder.iterdir():
        is_part = path.name.startswith(".") or path.name.endswith(ROWS)
        if is_part and path.name.removesuffix(ROWS) not in whole:
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()


@contextlib.contextmanager
def _written(path: Path) -> Iterator[Any]:
    """A file, the owner's alone, that comes to its name once it is whole and on the disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        held = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(held, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether this process may merge; the system gives the lock back when a process dies."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system; without it nobody merges
    except ImportError:
        yield False
        return
    held = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(held)
