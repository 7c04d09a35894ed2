"""Mends what went wrong with a text on its way: wrong decoding, invisible signs, stray space."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WINDOWS = "cp1252"
_UNDEFINED = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
"""Bytes without a letter in Windows-1252, which programs pass through as they are."""


def _letter(byte: int) -> str:
    return chr(byte) if byte in _UNDEFINED else bytes([byte]).decode(_WINDOWS)


_BYTE_OF = {_letter(byte): byte for byte in range(0x80, 0x100)}
_LETTERS = {byte: letter for letter, byte in _BYTE_OF.items()}


def _one_of(bytes_: Iterable[int]) -> str:
    return "[" + "".join(re.escape(_LETTERS[byte]) for byte in bytes_) + "]"


_NEXT = _one_of(range(0x80, 0xC0))
_QUOTES = {0x82, 0x84, 0x85, 0x8B, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x9B, 0xAB, 0xBB}
"""Quotes and dashes: behind a capital letter they are what they look like."""
_PLAIN_NEXT = _one_of(byte for byte in range(0x80, 0xC0) if byte not in _QUOTES)
_UNMEASURED_NEXT = _one_of(
    byte
    for byte in range(0x80, 0xC0)
    if byte not in _QUOTES and byte not in b"\xb0\xb1\xb2\xb3\xb9"
)
"""Behind a lonely Å such signs tell of square ångströms."""
_MOJIBAKE = re.compile(
    rf"[ÂÃ]{_PLAIN_NEXT}|(?<![A-ZÀ-Þ])Ã{_NEXT}|(?<![A-ZÀ-Þ])Ä{_PLAIN_NEXT}"
    rf"|(?<![A-ZÀ-Þ])Å{_UNMEASURED_NEXT}|(?<=[a-zß-ÿ])Å[¹²³±]"
    rf"|â{_one_of((0x80, 0x81, 0x82, 0x84, 0x86, 0x88, 0x94, 0x96, 0x98, 0x99, 0x9C))}{_NEXT}"
    rf"|ï¬{_NEXT}|ï»¿|ðŸ{_NEXT}{_NEXT}|(?:[ÐÑÎÏ]{_NEXT}){{3,}}"
)
"""UTF-8 read as Windows-1252, where the result is a letter, a sign or an emoji people write."""
_CONTROL = dict.fromkeys([*(code for code in range(0x20) if chr(code) not in "\t\n\r"), 0x7F])
_HIDDEN = dict.fromkeys(
    (0xFEFF, 0x200B, 0x2060, 0x180E, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)
"""Byte order mark, zero-width space, word joiner, Mongolian separator, turns of the reading
direction. The joiners U+200C and U+200D and the marks U+200E and U+200F stay: Persian, Indic
scripts, emoji, Arabic and Hebrew are written with them."""
_INVISIBLE = _CONTROL | _HIDDEN
_ANY_INVISIBLE = re.compile(f"[{''.join(map(re.escape, map(chr, _INVISIBLE)))}]")
_LATE: dict[int, str | None] = {
    code: _letter(code) for code in range(0x80, 0xA0) if code not in _UNDEFINED
}
_LATE |= dict.fromkeys(_UNDEFINED)
"""Controls U+0080 to U+009F: Windows-1252 read as Latin-1."""
_SPACES = {0xA0: " ", 0x202F: " ", 0x2028: "\n", 0x2029: "\n"}
_ENDS = re.compile(r"\r\n?")
_FIRST_LINES = re.compile(r"\A(?:[ \t]*\n)+")
REPLACED = "\ufffd"
"""What stands for letters that are lost."""


def decoded(text: str) -> str:
    """The text with letters that were decoded wrongly put right; U+FFFD stays, it says nothing.

    Each round makes the text shorter or takes a control out of it, so the rounds end.
    """
    while not text.isascii():
        better = _MOJIBAKE.sub(_decoded_again, text).translate(_LATE)
        if better == text:
            break
        text = better
    return text


def _decoded_again(found: re.Match[str]) -> str:
    try:
        return bytes(_BYTE_OF[letter] for letter in found[0]).decode("utf-8")
    except UnicodeDecodeError:
        return found[0]


def visible(text: str) -> str:
    """The text without control characters and without signs of no width."""
    return text.translate(_INVISIBLE) if _ANY_INVISIBLE.search(text) else text


def tidied(text: str) -> str:
    """One kind of line end and of space, nothing behind the last letter, no empty first line.

    Space in front of the first word stays: it indents code, and some completions begin with it.
    """
    even = _ENDS.sub("\n", text) if "\r" in text else text
    even = even if even.isascii() else even.translate(_SPACES)
    return _FIRST_LINES.sub("", even).rstrip()


def mended(text: str) -> tuple[str, tuple[str, ...]]:
    """The mended text and the codes of what was mended; mending it again changes nothing."""
    legible = visible(decoded(text))
    while (again := decoded(legible)) != legible:  # taking a sign out can bring two parts together
        legible = visible(again)
    clean = tidied(legible)
    codes = ("odd_encoding",) if legible != text else ()
    return clean, (*codes, "white_space") if clean != legible else codes
