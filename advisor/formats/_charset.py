"""Back room: guesses the encoding of bytes that are not UTF-8."""

from __future__ import annotations

COMMON = [
    "cp1252", "iso8859_15", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r",
    "gb18030", "big5", "cp932", "euc_jp", "cp949", "utf_16_le", "utf_16_be",
]  # fmt: skip
"""Encodings that people's files really have; rarer ones would only be wrong guesses."""


def guessed(content: bytes) -> str | None:
    """The likeliest encoding by name, or None; raises ImportError without charset-normalizer."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - heavy

    best = from_bytes(content, cp_isolation=COMMON).best()
    if best is None:
        return None
    western = content.decode(COMMON[0], errors="ignore")
    same = western == content.decode(best.encoding, errors="replace")
    return COMMON[0] if same else str(best.encoding)
