"""Tokens of texts, and of the many pieces of one block that a splitter asks about."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


class TokenCounter:
    """Counts by a `tokenizers.Tokenizer`.

    A splitter asks for the size of each piece of a block some ten times over; once the block is
    opened here that is a look at where its tokens begin, wrong by a token where a piece begins or
    ends inside one.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._block = ""
        self._starts: list[int] = []

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, exactly."""
        plain = [encodable(text) for text in texts]
        return [
            len(encoding.ids)
            for encoding in self._tokenizer.encode_batch(plain, add_special_tokens=False)
        ]

    def open(self, block: str) -> None:
        """Look at a block whose pieces will be asked about."""
        self._block = block
        encoding = self._tokenizer.encode(block, add_special_tokens=False)
        self._starts = [start for start, _ in encoding.offsets]

    def size(self, piece: str) -> int:
        """Tokens of a piece of the opened block. The same text elsewhere in it counts the same."""
        start = self._block.find(piece)
        if start < 0:
            return self.counts([piece])[0]
        return bisect_left(self._starts, start + len(piece)) - bisect_left(self._starts, start)


def encodable(text: str) -> str:
    """The same with half characters, which no library takes, replaced one for one."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
