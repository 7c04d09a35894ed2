"""Documents from files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.errors import CorpusError
from advisor.formats.documents import read_corpus, read_documents


def test_a_folder_is_read_recursively_in_a_stable_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.md").write_text("# One", encoding="utf-8")
    (tmp_path / "a.TXT").write_bytes(b"\xef\xbb\xbfsecond\r\nline")
    (tmp_path / "c.md").write_text("third", encoding="utf-8")
    documents = read_documents(tmp_path)
    assert [d.name for d in documents] == ["a.TXT", "b/one.md", "c.md"]
    assert documents[0].text == "second\nline"


def test_one_file_is_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "only.md"
    path.write_text("text", encoding="utf-8")
    assert [(d.name, d.text) for d in read_documents(path)] == [("only.md", "text")]


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    (tmp_path / "keep.md").write_text("text", encoding="utf-8")
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    (tmp_path / "blank.txt").write_text(" \n", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "note.md").write_text("hidden", encoding="utf-8")
    (tmp_path / "inner").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "inner")
    corpus = read_corpus(tmp_path)
    assert [d.name for d in corpus.documents] == ["keep.md"]
    assert corpus.notes == (
        "Left out, not text, hidden or linked: .git/, linked/, scan.pdf.",
        "Left out, empty: blank.txt.",
    )


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("text", encoding="utf-8")
    (folder / "b.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(CorpusError, match="leads out of the folder"):
        read_documents(folder)
    (folder / "b.md").unlink()
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(CorpusError, match="leads out of the folder"):
        read_documents(folder)
    (folder / "out").unlink()
    (folder / "b.md").symlink_to(folder / "a.md")
    assert len(read_documents(folder)) == 2


def test_missing_empty_undecodable_and_other_kinds(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no file or folder"):
        read_documents(tmp_path / "nope")
    with pytest.raises(CorpusError, match="holds no text"):
        read_documents(tmp_path)
    blank = tmp_path / "blank.md"
    blank.write_text("  ", encoding="utf-8")
    with pytest.raises(CorpusError, match="is empty"):
        read_documents(blank)
    latin = tmp_path / "latin.md"
    latin.write_bytes("good\nbäd".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"not UTF-8 \(line 2\)"):
        read_documents(latin)
    page = tmp_path / "page.html"
    page.write_text("<p>text</p>", encoding="utf-8")
    with pytest.raises(CorpusError, match="not a kind of document"):
        read_documents(page)
