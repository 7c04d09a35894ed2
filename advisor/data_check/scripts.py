"""Which scripts a text is written in: what its length in tokens depends on."""

from __future__ import annotations

from collections.abc import Mapping

SCRIPTS = ("word", "letter", "digit", "mark", "accented", "alphabet", "ideograph", "other")
"""`word`: starts of words in ASCII letters; `letter`: ASCII letters; `digit`; `mark`: ASCII
punctuation and line breaks; `accented`: Latin letters beyond ASCII; `alphabet`: Greek to Thai;
`ideograph`: Chinese, Japanese, Korean; `other`: symbols and emoji. Spaces count as nothing: they
join the word that follows."""
_LATIN_END = 0x0250
_ALPHABETS_END = 0x1100
_LATIN_MORE = range(0x1E00, 0x2000)
_IDEOGRAPHS = (range(0x1100, 0x1200), range(0x2E80, 0xD7B0), range(0xF900, 0xFB00))
_WIDE = range(0x20000, 0x32000)

KINDS = ("english", "marked", "other")
_COMMON = frozenset(
    "the of and to a in is it that for on with as was be by this are from or".split()  # noqa: SIM905
)
_ENGLISH_SHARE = 0.12
_MARKED_SHARE = 0.15


def kind_of(text: str, counts: Mapping[str, int]) -> str:
    """`marked` for code and tables, `english` for English prose, `other` for the rest."""
    characters = sum(counts.values()) - counts["word"]
    if counts["mark"] > _MARKED_SHARE * max(characters, 1):
        return "marked"
    words = text.lower().split()
    common = sum(word in _COMMON for word in words)
    return "english" if common > _ENGLISH_SHARE * max(len(words), 1) else "other"


def _beyond_ascii(code: int) -> str:
    if code < 0xC0:
        return "other"
    if code < _LATIN_END or code in _LATIN_MORE:
        return "accented"
    if code < _ALPHABETS_END:
        return "alphabet"
    if code in _WIDE or any(code in block for block in _IDEOGRAPHS):
        return "ideograph"
    return "other"


def characters_by_script(text: str) -> dict[str, int]:
    """Characters of each of `SCRIPTS` in a text, and starts of words."""
    counts = dict.fromkeys(SCRIPTS, 0)
    in_word = False
    for character in text:
        if character.isascii():
            if character.isalpha():
                counts["letter"] += 1
                counts["word"] += not in_word
                in_word = True
                continue
            in_word = False
            if character.isdigit():
                counts["digit"] += 1
            elif character != " ":
                counts["mark"] += 1
            continue
        kind = _beyond_ascii(ord(character))
        in_word = kind == "accented"
        counts[kind] += 1
    return counts
