"""Single values of a row as texts, and why a row cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.secrets import masked

Fields = Mapping[str, object]
Keys = tuple[tuple[str, ...], ...]
"""For each part of a row the names it may have, the likeliest first."""

LOOKED_AT = 2_000
"""Letters of a value that are searched for secrets before it is shown cut."""


class RowError(Exception):
    """Why one row cannot be used; becomes a `Fault` once the line is known."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def pick(fields: Fields, names: Sequence[str]) -> tuple[str, object]:
    """Name and value of the first of these fields that the row has; of empty ones the first."""
    for name in names:
        if name in fields:
            return name, fields[name]
    raise RowError("missing_field", f"no field {'|'.join(names)}")


def reach(value: object, path: str) -> object:
    """What stands at a path such as `answers.text.0` inside a value; None where nothing does."""
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = next((v for key, v in value.items() if str(key).strip().lower() == step), None)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def shown(value: object) -> str:
    """A value out of the data as a message may hold it: quoted, cut to 40 letters, no secrets."""
    is_text = isinstance(value, str)
    text = repr(masked(str(value)[:LOOKED_AT])[:50]) if is_text else masked(repr(value)[:LOOKED_AT])
    return text if len(text) <= 40 else text[:37] + "..."


def text_of(name: str, value: object) -> str:
    """The value when it is a text that can be written as UTF-8; raises RowError."""
    if not isinstance(value, str):
        hint = "Write numbers, labels and nested values as text in quotes."
        raise RowError("not_text", f"'{name}' must be text, got {shown(value)}", hint)
    if value.isascii():
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        hint = "Write the letter itself, or both halves of its escape."
        raise RowError("not_utf8", f"'{name}' holds half of a surrogate pair", hint) from None
    return value


def filled(name: str, value: object, *, code: str) -> str:
    """The text when it is more than white space; raises RowError."""
    text = text_of(name, value)
    if not text or text.isspace():
        raise RowError(code, f"'{name}' is empty", "Fill it in or delete the row.")
    return text
