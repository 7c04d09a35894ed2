"""Texts to the terms that a word index counts: words, codes and numbers of any script."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from advisor.errors import MissingExtraError

AUTO = "auto"
NONE = "none"
SAMPLED = 2000
"""Texts looked at to tell their language; evenly spaced."""
FEWEST = 0.12
"""Share of a language's stop words among all words from which a text looks like that language."""

STOP_WORDS = {
    "danish": "STOPWORDS_DANISH",
    "dutch": "STOPWORDS_DUTCH",
    "english": "STOPWORDS_EN_PLUS",
    "french": "STOPWORDS_FRENCH",
    "german": "STOPWORDS_GERMAN",
    "italian": "STOPWORDS_ITALIAN",
    "norwegian": "STOPWORDS_NORWEGIAN",
    "portuguese": "STOPWORDS_PORTUGUESE",
    "russian": "STOPWORDS_RUSSIAN",
    "spanish": "STOPWORDS_SPANISH",
    "swedish": "STOPWORDS_SWEDISH",
    "turkish": "STOPWORDS_TURKISH",
}
"""Languages that can be told from a text, with the name of their list in bm25s."""

# Scripts written without spaces between words: Thai to Myanmar, Khmer, kana, Han, Hangul.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_SMALLEST_PART = 2
_HUMPS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_RUNS = re.compile(r"\d+|[^\W\d_]+")
_DECIMAL = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+[.,]\d+")
_UNSPACED_START = re.compile(f"[{_UNSPACED}]")
_SIGNED = re.compile(r"(?:\+\+|#)$")  # C++, C#, F#
# Unicode's Default_Ignorable_Code_Point: soft hyphens, blanks without width, joiners, tags. A
# non-joiner between Arabic letters parts what the script writes as two and stays a border.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200d-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]+"
)
_NON_JOINERS = re.compile("(?<![\u0620-\u07ff\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc])\u200c+")
_JOINTS = re.compile(r"[-./:_,@#&+\u2010-\u2014]+")


class Terms:
    """Terms of texts, the same for passages and queries.

    A word gives its stem in the language, or itself. What is joined by hyphens, dots or the like
    (`PX-200`, `config.yaml`), mixes letters and digits (`K88966`) or words by capitals
    (`getUserName`) gives the whole, joints left out, and its parts. A number with a point or comma
    stays whole. Scripts without spaces give pairs of neighbouring characters.
    """

    def __init__(self, language: str = NONE) -> None:
        self.language = language
        self._stem = _stemmer(language)
        self._stops = _stop_words(language)

    def of(self, text: str) -> list[str]:
        """Every term of a text, in order, stop words included."""
        return [term for word in words(text) for term in self.of_word(word)]

    def asked(self, query: str) -> list[str]:
        """Terms of a query without stop words, unless it is made of nothing else."""
        asked = words(query)
        telling = [word for word in asked if word.casefold() not in self._stops]
        return [term for word in telling or asked for term in self.of_word(word)]

    def of_word(self, word: str) -> tuple[str, ...]:
        """The terms that one word gives."""
        if _UNSPACED_START.match(word):
            return tuple(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        if word.isalpha() and (word.islower() or word[1:].islower()):
            return (self._stemmed(word.casefold()),)
        if _DECIMAL.fullmatch(word):
            return (_thousands(word),)
        parts = _parts(word)
        whole = word if _SIGNED.search(word) else _JOINTS.sub("", word)
        if len(parts) < 2:
            return (self._stemmed(whole.casefold()),)
        kept = (part for part in parts if len(part) >= _SMALLEST_PART or part.isdigit())
        return (_bare(whole.casefold()), *(self._stemmed(part.casefold()) for part in kept))

    def _stemmed(self, word: str) -> str:
        stem = self._stem(word) if self._stem else word
        return stem if stem.isascii() else _bare(stem)


def words(text: str) -> list[str]:
    """What stands between spaces and punctuation, in compatibility form, in order.

    What nobody sees in a word does not part it.
    """
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
        if "\u200c" in text:
            text = _NON_JOINERS.sub("", text)
        text = unicodedata.normalize("NFKC", text)
    return [found for found in _pattern().findall(text) if found]


def language_of(texts: Sequence[str]) -> str:
    """The language whose stop words make up most of the texts' words; `none` where none does."""
    step = max(1, len(texts) // SAMPLED)
    seen = Counter(word.casefold() for text in texts[::step] for word in words(text[:2000]))
    total = sum(seen.values())
    shares = {
        language: sum(seen[word] for word in _stop_words(language)) for language in STOP_WORDS
    }
    best = max(shares, key=lambda language: (shares[language], language == "english"))
    return best if total and shares[best] / total >= FEWEST else NONE


def language(name: str) -> str:
    """Reader of an option that names a language; raises ValueError for one without a stemmer."""
    known = (AUTO, NONE, *_library("Stemmer").algorithms())
    if name not in known:
        msg = f"it must be one of {', '.join(known)}"
        raise ValueError(msg)
    return name


def _parts(word: str) -> list[str]:
    cut = _HUMPS if word.isascii() else _RUNS
    return [part for piece in _JOINTS.split(word) for part in cut.findall(piece)]


def _thousands(number: str) -> str:
    """`1,234.5` as `1234.5`; a decimal comma as a point."""
    whole = re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", number)
    return number.replace(",", "") if whole else number.replace(",", ".")


def _bare(word: str) -> str:
    """Without the accents of Latin, Greek and Cyrillic; marks of other scripts stay."""
    split = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(c for c in split if not "\u0300" <= c <= "\u036f"))


@cache
def _pattern() -> re.Pattern[str]:
    """Runs of unspaced script; else letters, digits and marks with single joints inside.

    Marks stand in it because the class of letters has none, and Indic words would fall apart.
    """
    letter = f"[^\\W_{_UNSPACED}]|[{_marks()}]"
    word = f"(?:{letter})+"
    joined = f"{word}(?:[-./:_,@#&+\u2010-\u2014]{word})*(?:\\+\\+|#)?"
    possessive = "(?:['\u2019]s\\b)?"
    return re.compile(f"([{_UNSPACED}]+|{joined}){possessive}")


@cache
def _marks() -> str:
    """Combining marks of the Basic Multilingual Plane as ranges of a character class."""
    ranges: list[list[int]] = []
    for code in range(0x300, min(0xFFFF, sys.maxunicode)):
        if unicodedata.category(chr(code)).startswith("M"):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)


@cache
def _stop_words(language: str) -> frozenset[str]:
    name = STOP_WORDS.get(language)
    listed: Iterable[str] = getattr(_library("bm25s.stopwords"), name) if name else ()
    return frozenset(word for phrase in listed for word in words(phrase.casefold()))


def _stemmer(language: str) -> Callable[[str], str] | None:
    if language in {NONE, AUTO}:
        return None
    stem: Callable[[str], str] = _library("Stemmer").Stemmer(language).stemWord
    return stem


def _library(name: str) -> Any:
    try:
        if name == "Stemmer":
            import Stemmer  # noqa: PLC0415 - optional

            return Stemmer
        from bm25s import stopwords  # noqa: PLC0415 - optional
    except ImportError as error:
        raise MissingExtraError("Word search (BM25)", "rag") from error
    return stopwords
