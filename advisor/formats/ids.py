"""Which ids have been seen, in little memory: the ids of millions of rows fit beside them."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from advisor.formats.values import RowError, shown

GENERATED = "row-"
"""How ids begin that the file does not give."""

SMALLEST = 1 << 12
LOAD = 0.6
MASK = (1 << 64) - 1
LINE_BITS = 32
LINE_MASK = (1 << LINE_BITS) - 1


class Seen:
    """Numbers by name; only a hash of the name is kept (64 bits, so two never meet in practice)."""

    def __init__(self) -> None:
        self._hashes = array("Q", bytes(8 * SMALLEST))
        self._numbers = array("Q", bytes(8 * SMALLEST))
        self._count = 0

    def add(self, name: str, number: int) -> int | None:
        """Keep the number of a new name and return None; else the number kept earlier."""
        hashes = self._hashes
        key = hash(name) & MASK or 1
        last = len(hashes) - 1
        slot = key & last
        while held := hashes[slot]:
            if held == key:
                return self._numbers[slot]
            slot = (slot + 1) & last
        hashes[slot] = key
        self._numbers[slot] = number
        self._count += 1
        if self._count > LOAD * last:
            self._grow()
        return None

    def __contains__(self, name: str) -> bool:
        return self._hashes[self._slot(hash(name) & MASK or 1)] != 0

    def _slot(self, key: int) -> int:
        hashes, last = self._hashes, len(self._hashes) - 1
        slot = key & last
        while hashes[slot] and hashes[slot] != key:
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        old = zip(self._hashes, self._numbers, strict=True)
        size = 2 * len(self._hashes)
        self._hashes, self._numbers = array("Q", bytes(8 * size)), array("Q", bytes(8 * size))
        for key, number in old:
            if key:
                slot = self._slot(key)
                self._hashes[slot], self._numbers[slot] = key, number


class Ids:
    """Ids of rows as far as they were read: each is given once."""

    def __init__(self, numbered: str = "line") -> None:
        self._numbered = numbered
        """What the lines of `place_of` count: lines or rows."""
        self.told_apart = 0
        """Ids that got their file's name because another file has them too."""
        self._seen = Seen()
        self._starts, self._ends = array("Q"), array("Q")
        """Stretches of rows without an id of their own."""
        self._has_likeness = False
        """Whether the file itself gives ids that look like generated ones."""

    def generated(self, row: int) -> str:
        """The id of a row that has none of its own."""
        ends = self._ends
        if ends and ends[-1] == row - 1:
            ends[-1] = row
        else:
            self._starts.append(row)
            ends.append(row)
        name = f"{GENERATED}{row}"
        while self._has_likeness and name in self._seen:
            name += "+"
        return name

    def own(self, name: str, place: int, *, first: int, file: str) -> str:
        """The id a row has, with its file's name where an earlier file has it too.

        `place` is a `place_of`, `first` the number of the first row of the same file. Raises
        RowError.
        """
        if name.startswith(GENERATED):
            self._has_likeness = True
            self._refuse_generated(name)
        earlier = self._seen.add(name, place)
        if earlier is None:
            return name
        if earlier >> LINE_BITS < first:
            name = f"{file}:{name}"
            earlier = self._seen.add(name, place)
            self.told_apart += earlier is None
        if earlier is not None:
            where = self._place(earlier, place)
            message = f"the id {shown(name)} stands already {where}"
            raise RowError("duplicate_id", message, ID_HINT)
        return name

    def _place(self, earlier: int, place: int) -> str:
        line = earlier & LINE_MASK
        if self._numbered == "row":
            return f"in row {line}"
        which = f" (row {earlier >> LINE_BITS})" if line == place & LINE_MASK else ""
        return f"on line {line}{which}"

    def _refuse_generated(self, name: str) -> None:
        digits = name.removeprefix(GENERATED)
        row = int(digits) if digits.isdecimal() and len(digits) < 10 else 0
        place = bisect_right(self._starts, row) - 1
        if place >= 0 and row <= self._ends[place]:
            message = (
                f"the id {shown(name)} is the one that row {row} gets, which has no id of its own"
            )
            raise RowError("duplicate_id", message, ID_HINT)


ID_HINT = "Give every row an id of its own that no other row has, or none of them."


def place_of(row: int, line: int) -> int:
    """Where a row stands, as one number: its number in the source, and its line in the file."""
    return row << LINE_BITS | line
