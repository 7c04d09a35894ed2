"""What the colours and strokes of a chart mean, below it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from advisor.render.safe import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDS_LIMIT = 60


def legend(items: Iterable[tuple[str, str]]) -> str:
    """A list of colour samples, each given by its class, and their words; nothing for none."""
    told = "".join(
        f'<li><span class="swatch {kind}"></span>{escape(safe_text(words, WORDS_LIMIT))}</li>'
        for kind, words in items
    )
    return f'<ul class="legend">{told}</ul>' if told else ""
