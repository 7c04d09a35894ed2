"""Back room: guesses the encoding of bytes that are not UTF-8."""

from __future__ import annotations

import re

LATIN = ["cp1252", "cp1250", "cp1254", "cp1257"]
COMMON = [
    *LATIN, "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "gb18030", "big5", "cp932", "euc_jp",
    "cp949",
]  # fmt: skip
"""Encodings that people's files really have; rarer ones would only be wrong guesses."""
FEW_LONG_RUNS = 0.2
RARELY_MISSING = 5
"""So many letters come on a byte the encoding does not have, in a file that is a bit damaged."""


def guessed(content: bytes) -> str | None:
    """The likeliest encoding by name, or None; raises ImportError without charset-normalizer.

    Latin scripts mix a few letters beyond ASCII into their words, others write whole words in
    them: that is looked at first, since short texts tell a guesser too little.
    """
    from charset_normalizer import from_bytes  # noqa: PLC0415 - heavy

    runs = re.findall(rb"[\x80-\xff]+", content)
    is_latin = sum(len(run) > 2 for run in runs) < FEW_LONG_RUNS * len(runs)
    best = from_bytes(content, cp_isolation=LATIN if is_latin else COMMON).best()
    western = content.decode(LATIN[0], errors="replace")
    if best is None:
        few = RARELY_MISSING * western.count("\ufffd") <= sum(map(len, runs))
        return LATIN[0] if is_latin and few else None
    same = western == content.decode(best.encoding, errors="replace")
    return LATIN[0] if same else str(best.encoding)
