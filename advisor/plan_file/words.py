"""Words of configurations: switches, names from a table, and the slots that meanings fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Slots = Iterator[tuple[str, Any]]
ASIDE = "aside"
PLAN, OPTION = "plan.", "option."
SCALARS = (bool, int, float, str)

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


def block(value: Any) -> dict[str, Any]:
    """A set of `name: value`; raises ValueError for anything else."""
    if not isinstance(value, dict):
        msg = "a set of `name: value` is expected"
        raise ValueError(msg)  # noqa: TRY004 - told with its line like every other fault
    return {str(name): inner for name, inner in value.items()}


def is_same(value: Any, usual: list[Any]) -> bool:
    """Whether a value says what is done anyhow; nothing at all always does."""
    if value in ({}, [], "") or str(value).strip().lower() == "none":
        return True
    return any(_plain(value) == _plain(known) for known in usual)


def _plain(value: Any) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value).strip().lower()


def as_slot(slot: str) -> Callable[[Any], Slots]:
    """A meaning that hands the value to a slot."""

    def meaning(value: Any) -> Slots:
        if not isinstance(value, SCALARS):
            msg = "one name or number is expected"
            raise ValueError(msg)  # noqa: TRY004 - told with its line like every other fault
        yield slot, str(value) if not isinstance(value, bool | int | float) else value

    return meaning
