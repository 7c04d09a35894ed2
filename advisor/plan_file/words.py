"""Words of configurations: switches, names from a table, and the slots that meanings fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Slots = Iterator[tuple[str, Any]]
ASIDE = "aside"

TRUE, FALSE = {"true", "yes", "on"}, {"false", "no", "off"}


def is_true(value: Any) -> bool:
    """A switch, however it is written; raises ValueError for anything else."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in TRUE or word == "1":
        return True
    if word in FALSE or word == "0":
        return False
    msg = f"true or false is expected, not {value!r}"
    raise ValueError(msg)


def one_of(table: dict[str, str], value: Any, what: str) -> str:
    """What a word of the table stands for; raises ValueError for others."""
    word = str(value).strip().lower()
    if word in table:
        return table[word]
    msg = f"{value!r} is no {what} that is known here: {', '.join(table)}"
    raise ValueError(msg)


def as_slot(slot: str) -> Callable[[Any], Slots]:
    """A meaning that hands the value to a slot."""

    def meaning(value: Any) -> Slots:
        yield slot, str(value) if not isinstance(value, bool | int | float) else value

    return meaning
