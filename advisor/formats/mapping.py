"""Which field of the user's file serves as which: the option `--map`."""

from __future__ import annotations

import difflib

from advisor.errors import InputError

WORDS = (
    "input",
    "target",
    "rejected",
    "system",
    "id",
    "split",
    "group",
    "document",
    "time",
    "label",
    "text",
    "messages",
)
"""What a field may serve as."""
ROW_WORDS = frozenset(("input", "target", "rejected", "label", "text", "messages"))
"""Those that are parts of a row's shape; the others stand beside it."""


def parse_mapping(text: str) -> dict[str, str]:
    """`input=frage,target=antwort` as words to field names, the fields trimmed and lower-case.

    Raises InputError for a pair that is none, an unknown word, or one given twice.
    """
    mapping: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        word, equals, name = (part.strip().lower() for part in pair.partition("="))
        if not (word and equals and name):
            raise InputError(
                f"'{pair}' in --map is not WORD=FIELD.",
                hint="Write --map input=frage,target=antwort.",
            )
        if word not in WORDS:
            raise _unknown(word)
        if word in mapping:
            raise InputError(
                f"--map says twice what '{word}' is: {mapping[word]} and {name}.",
                hint="Name one field for each word.",
            )
        mapping[word] = name
    return mapping


def _unknown(word: str) -> InputError:
    close = difflib.get_close_matches(word, WORDS, n=1, cutoff=0.6)
    guess = f" Did you mean '{close[0]}'?" if close else ""
    return InputError(
        f"--map does not know the word '{word}'.{guess}",
        hint=f"Words: {', '.join(WORDS)}; the file's own name stands behind the equals sign.",
    )
