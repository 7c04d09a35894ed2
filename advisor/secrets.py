"""Secrets in texts: found by the patterns of `rules/data_check/secrets.yaml`, and masked."""

from __future__ import annotations

from collections.abc import Iterator

from advisor.patterns import hidden, patterns, span_hidden

FILE = "secrets"


def found_secrets(text: str) -> Iterator[tuple[str, str]]:
    """Kind and value of every secret in a text; a value never leaves the process unmasked."""
    for pattern, match in patterns(FILE).all(text):
        yield pattern.name, hidden(match)


def masked(text: str, file: str = FILE) -> str:
    """The text with every secret, or find of another file of patterns, as its kind in brackets."""
    spans = sorted(
        (*span_hidden(match), pattern.name) for pattern, match in patterns(file).all(text)
    )
    if not spans:
        return text
    pieces: list[str] = []
    position = 0
    for start, end, name in spans:
        if start >= position:
            pieces += (text[position:start], f"[{name}]")
        elif end > position:
            pieces.append(f"[{name}]")
        position = max(position, end)
    return "".join((*pieces, text[position:]))
