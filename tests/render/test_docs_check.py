"""The check of documents on terminals of every kind."""

from __future__ import annotations

import pytest

from advisor.data_check.docs_check import check_documents
from advisor.render.docs_check import duration, show_docs_check
from advisor.schema.dataset import Corpus
from advisor.schema.evaluation import Document
from tests.fixtures.odd_documents import HOSTILE
from tests.fixtures.screens import screen


def corpus(*texts: str, notes: tuple[str, ...] = ()) -> Corpus:
    documents = tuple(
        Document(name=f"[b]doc\x1b[1m{n}.md", text=text, metadata={"kind": "markdown"})
        for n, text in enumerate(texts)
    )
    return Corpus(path="docs", documents=documents, notes=notes)


@pytest.mark.parametrize("width", [40, 80, 100])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_it_fits_and_is_inert(width: int, encoding: str) -> None:
    check = check_documents(corpus("Words.", HOSTILE, notes=(f"Left out: {HOSTILE}",)))
    shown = screen(show_docs_check, check, encoding=encoding, width=width)
    assert max(map(len, shown.splitlines())) <= width
    assert "\x1b" not in shown
    assert "injected_instructions_in_document" in "".join(shown.split())
    assert "markdown" in shown


def test_nothing_wrong_is_said() -> None:
    shown = screen(show_docs_check, check_documents(corpus("Words.")))
    assert "No problem found." in shown
    assert "about 1 s (20 passages a second, assumed)" in shown


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "1 s"), (3.2, "3 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
