"""Bytes to text, in whatever encoding a file of a user is, with the guess told."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from advisor.errors import CorpusError, MissingExtraError
from rag_baseline.readers._charset import likeliest
from rag_baseline.readers.source import clean, control_characters, counted

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; that of UTF-32 begins with that of UTF-16 and so is tried first."""
HEAD = 4096
PLAIN = 0.75
"""Share of ASCII from which bytes between zeros are a text in single bytes with zeros among it."""
FEW = 4
"""Control characters that any text may hold by accident."""
TOO_MANY = 0.05
"""Share of control characters from which content counts as no text."""
RARE = 0.1
"""Share of wrong among letters beyond ASCII up to which UTF-8 is damaged, not another encoding."""
LOOKED_AT = 1 << 20
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and what there is to say of how it came about."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


def decoded(content: bytes, name: str, *, declared: str = "") -> Decoded:
    """The text of the bytes, cleaned; `declared` is the encoding that the content itself names.

    Raises CorpusError for what is no text, MissingExtraError where the encoding must be guessed.
    """
    encoding = _marked(content) or _wide(content[:HEAD])
    if encoding:
        text = content.decode(encoding, errors="replace")
    else:
        text, encoding = _unmarked(content, name, declared)
    text = text.removeprefix("\ufeff")
    dropped = control_characters(text[:LOOKED_AT])
    if dropped > FEW and dropped > TOO_MANY * len(text[:LOOKED_AT]):
        raise CorpusError(
            f"{name} holds no text: much of it are control characters.",
            hint="Take it out, or name it after what it is.",
            where=name,
        )
    kept = clean(text)
    lost = kept.count("\ufffd")
    told = (
        f"{name} is not UTF-8; it is read as {encoding}." if encoding != "utf-8" else "",
        f"{name}: {counted(dropped, 'control character')} left out." if dropped else "",
        f"{name}: {counted(lost, 'sign')} could not be decoded, shown as \ufffd." if lost else "",
    )
    return Decoded(kept, encoding, tuple(note for note in told if note))


def _marked(content: bytes) -> str:
    return next((name for mark, name in MARKS if content.startswith(mark)), "")


def _wide(head: bytes) -> str:
    """UTF-16 without a mark: of every two bytes of Latin letters one is zero.

    Pairs without a zero are signs of other scripts, and few of those are two ASCII bytes.
    """
    pairs = len(head) // 2
    if pairs < 4:
        return ""
    whole = [pair for pair in zip(head[0::2], head[1::2], strict=False) if all(pair)]
    plain = sum(_is_plain(one) and _is_plain(other) for one, other in whole)
    if len(whole) > pairs // 20 + 1 and plain >= PLAIN * len(whole):
        return ""
    first, second = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if second > pairs // 3 and first < pairs // 20 + 1:
        return "utf-16-le"
    return "utf-16-be" if first > pairs // 3 and second < pairs // 20 + 1 else ""


def _is_plain(byte: int) -> bool:
    return 0x20 <= byte < 0x7F or byte in b"\t\n\r"


def _unmarked(content: bytes, name: str, declared: str) -> tuple[str, str]:
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if declared:
        try:
            return content.decode(declared), declared
        except (LookupError, UnicodeDecodeError):
            pass
    damaged = content.decode("utf-8", errors="replace")
    wrong = damaged.count("\ufffd")
    if wrong <= RARE * sum(1 for _ in _BEYOND_ASCII.finditer(damaged)):
        return damaged, "utf-8"
    try:
        guess = likeliest(content)
    except ImportError:
        raise MissingExtraError(f"Reading {name}, which is not UTF-8,", "docs") from None
    return content.decode(guess, errors="replace"), guess
