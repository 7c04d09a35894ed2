"""Rows that cannot be used, gathered by kind without keeping them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from advisor.data_check.lines import counted
from advisor.data_check.looks import ROWS_LISTED
from advisor.schema.dataset import Fault, Problem


class Faults:
    """Faulty rows so far; of each kind the first ones are listed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: list[Fault] = []
        """A few, for an error where nothing is usable."""
        self.numbered: Literal["line", "row"] = "line"
        self._listed: dict[str, list[Fault]] = {}

    def see(self, fault: Fault) -> None:
        """Take one faulty row."""
        self.counts[fault.code] += 1
        if len(self.first) < 20:
            self.first.append(fault)
        held = self._listed.setdefault(fault.code, [])
        if not held:
            held.append(fault)
        elif len(held) < ROWS_LISTED:
            held.append(
                Fault.model_construct(code="", line=fault.line, message="", file=fault.file)
            )

    def problems(self) -> Iterator[Problem]:
        """One problem for each kind of faulty row, told by its first row."""
        for code, found in self._listed.items():
            first, count = found[0], self.counts[code]
            place = f"{self.numbered} {first.line}"
            where = f"{first.file}, {place}" if first.file else place
            yield Problem(
                code=code,
                severity="error",
                rows=tuple(fault.line for fault in found),
                message=f"{counted(count, 'unusable row')}; {where}: {first.message}.",
                hint=first.hint,
                files=tuple(fault.file for fault in found) if first.file else (),
                count=count if count > len(found) else None,
            )
