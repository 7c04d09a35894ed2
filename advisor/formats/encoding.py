"""Which encoding a text file is in, by its byte order mark or by what its bytes can be."""

from __future__ import annotations

import codecs
from pathlib import Path

from advisor.formats._charset import guessed
from advisor.formats.opening import UTF8, Compression, open_bytes

MARKS = {
    codecs.BOM_UTF8: UTF8,
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""In the order in which they are tried: the mark of UTF-32 begins with that of UTF-16."""
PLAIN = 0.75
"""Share of ASCII from which bytes between zeros are a text in single bytes with zeros among it."""
SCAN_BYTES = 1 << 26
"""How far a file is searched for its first letters beyond ASCII."""
CHUNK = 1 << 20
FEWEST_LINES = 3
"""Lines that must be wrong before a file counts as another encoding, not as damaged."""
RARELY = 20
"""So many wrong lines come on one that happens to be right UTF-8."""
SAMPLE_BYTES = 1 << 16
NO_LIBRARY = (
    "Many lines are not UTF-8. The extra `data` recognises other encodings:"
    " pip install 'finetune-advisor[data]'."
)


def find_encoding(path: Path, compression: Compression) -> tuple[str, str]:
    """The encoding, and a note where it is not UTF-8.

    A file with single wrong bytes is UTF-8: its wrong rows are faults of their own.
    """
    with open_bytes(path, compression) as stream:
        head = stream.read(4096)
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return name, "" if name == UTF8 else _note(name)
    if wide := _wide(head):
        return wide, _note(wide)
    wrong = _wrong_lines(path, compression)
    if not wrong:
        return UTF8, ""
    try:
        name = guessed(b"".join(wrong)[:SAMPLE_BYTES]) or UTF8
    except ImportError:
        return UTF8, NO_LIBRARY
    return name, "" if name == UTF8 else _note(name)


def _note(name: str) -> str:
    return f"The file is not UTF-8; it is read as {name}."


def _wide(head: bytes) -> str:
    """UTF-16 without a mark shows by its zero bytes: Latin letters have one each.

    Pairs without a zero are signs of other scripts, and few of those are two ASCII bytes.
    """
    half = len(head) // 2
    if half < 2:
        return ""
    whole = [pair for pair in zip(head[0::2], head[1::2], strict=False) if all(pair)]
    plain = sum(_is_plain(one) and _is_plain(other) for one, other in whole)
    if len(whole) > half // 20 + 1 and plain >= PLAIN * len(whole):
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > half // 3 and even < half // 20 + 1:
        return "utf-16-le"
    return "utf-16-be" if even > half // 3 and odd < half // 20 + 1 else ""


def _is_plain(byte: int) -> bool:
    return 0x20 <= byte < 0x7F or byte in b"\t\n\r"


def _wrong_lines(path: Path, compression: Compression) -> list[bytes]:
    """Lines that speak for another encoding; none when the file is UTF-8, damaged or not."""
    wrong: list[bytes] = []
    right = 0
    with open_bytes(path, compression) as stream:
        for _ in range(SCAN_BYTES // CHUNK):
            chunk = stream.read(CHUNK) + stream.readline(CHUNK)
            if not chunk:
                break
            if chunk.isascii():
                continue
            lines = [line for line in chunk.split(b"\n") if not line.isascii()]
            bad = [line for line in lines if not _is_utf8(line)]
            right += len(lines) - len(bad)
            wrong += bad
            if right or len(wrong) > FEWEST_LINES:
                break
    enough = len(wrong) >= FEWEST_LINES and right * RARELY < len(wrong)
    return wrong if enough else []


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode(UTF8)
    except UnicodeDecodeError:
        return False
    return True
