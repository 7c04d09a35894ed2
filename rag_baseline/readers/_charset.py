"""Back room: the likeliest encoding of a text that is not UTF-8."""

from __future__ import annotations

import re

SAMPLE_BYTES = 1 << 16
WESTERN = ("cp1252", "cp1250", "cp1254", "cp1257")
"""One byte a letter, Latin letters: a Western text is ASCII with a few others."""
OTHERS = (
    "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256",
)  # fmt: skip
SHARE_OF_WESTERN = 0.3
"""Of all letters on lines that have any beyond ASCII; other scripts write whole words in them."""
_PLAIN = re.compile(rb"[A-Za-z]")
_BEYOND = re.compile(rb"[\x80-\xff]")


def likeliest(content: bytes) -> str:
    """Name of the encoding; raises ImportError without charset-normalizer."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - heavy

    sample = _telling_lines(content)
    beyond = len(_BEYOND.findall(sample))
    letters = beyond + len(_PLAIN.findall(sample))
    is_western = beyond <= 2 or beyond < SHARE_OF_WESTERN * letters
    candidates = [*WESTERN] if is_western else [*OTHERS, *WESTERN]
    best = from_bytes(sample, cp_isolation=candidates).best()
    if best is None:
        return WESTERN[0]
    plain = sample.decode(WESTERN[0], errors="replace")
    return WESTERN[0] if plain == sample.decode(best.encoding, "replace") else str(best.encoding)


def _telling_lines(content: bytes) -> bytes:
    """Lines with letters beyond ASCII, up to the size of a sample; the others tell nothing."""
    kept: list[bytes] = []
    size = position = 0
    while size < SAMPLE_BYTES:
        found = _BEYOND.search(content, position)
        if found is None:
            break
        start = max(content.rfind(b"\n", 0, found.start()) + 1, found.start() - 1024)
        end = content.find(b"\n", found.start(), found.start() + SAMPLE_BYTES)
        position = end + 1 if end >= 0 else found.start() + SAMPLE_BYTES
        kept.append(content[start:position])
        size += position - start
    return b"".join(kept)[: 2 * SAMPLE_BYTES]
