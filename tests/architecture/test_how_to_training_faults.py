"""The page on faults quotes sentences that the trainer really says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

QUOTED = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def said(root: Path) -> Iterator[str]:
    """Every text in the trainer's source, with a sign where a figure stands."""
    for file in sorted((root / "trainers" / "engines").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                yield "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_quoted_sentence_is_in_the_source(root: Path) -> None:
    page = (root / "docs" / "how-to" / "training-faults.md").read_text(encoding="utf-8")
    quoted = QUOTED.findall(page)
    assert len(quoted) > 25
    texts = [re.sub(r"['(]*…['s)]*", "…", text) for text in said(root)]
    lacking = [q for q in quoted if not any(_holds(text, q) for text in texts)]
    assert lacking == []


def _holds(text: str, quoted: str) -> bool:
    """Whether the pieces of a quoted sentence stand in a text in this order."""
    at = 0
    for piece in (part.strip(" ':.,") for part in quoted.replace("nan", "…").split("…")):
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True
