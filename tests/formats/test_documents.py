"""Documents from files and folders: which are looked at, what each is, and what is told."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from advisor.errors import CorpusError, MissingExtraError
from advisor.formats import documents as room
from advisor.formats import listing as walk
from advisor.formats.documents import read_corpus, read_documents, written_name
from advisor.registry import readers
from advisor.schema.dataset import ReadDocuments
from tests.fixtures.odd_documents import BROKEN, CSV, DISGUISED, HTML, PDF, READ, put, zipped


def test_a_folder_is_read_recursively_in_a_stable_order(tmp_path: Path) -> None:
    put(tmp_path, {"b/one.md": b"# One", "a.TXT": b"\xef\xbb\xbfsecond\r\nline", "c.md": b"third"})
    for given in (None, readers()):
        documents = read_documents(tmp_path, given)
        assert [d.name for d in documents] == ["a.TXT", "b/one.md", "c.md"]
        assert documents[0].text == "second\nline"


def test_every_document_says_kind_folder_and_title(tmp_path: Path) -> None:
    put(tmp_path, {"b/c/one.md": b"# One\ntext", "x.csv": CSV.encode(), "two.html": HTML.encode()})
    told = {d.name: d.metadata for d in read_documents(tmp_path, readers())}
    assert told["b/c/one.md"] == {"kind": "markdown", "folder": "b/c", "title": "One"}
    assert told["two.html"] == {"kind": "html", "folder": "", "title": "Prices & parts"}
    assert told["x.csv#1"] | {"note": ""} == {
        "name": "Oil; blue",
        "note": "",
        "price": "3",
        "kind": "csv",
        "folder": "",
        "title": "x",
    }


def test_no_document_sets_what_the_reading_says_of_it(tmp_path: Path) -> None:
    text = b"---\nkind: secret\nfolder: /etc\ndocument: other.md\nauthor: Ann\n---\ntext"
    (document,) = read_documents(put(tmp_path, {"a.md": text}), readers())
    assert document.metadata == {
        "kind": "markdown",
        "folder": "",
        "title": "a",
        "author": "Ann",
        "own_kind": "secret",
        "own_folder": "/etc",
        "own_document": "other.md",
    }


def test_one_file_is_a_corpus(tmp_path: Path) -> None:
    put(tmp_path, {"only.md": b"text"})
    assert [(d.name, d.text) for d in read_documents(tmp_path / "only.md")] == [("only.md", "text")]


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    put(tmp_path, {"keep.md": b"text", "blank.txt": b" \n", ".git/note.md": b"hidden"})
    put(tmp_path, {"inner/a.png": b"\x89PNG\r\n", "~$keep.docx": b"lock", "pack.zip": zipped({})})
    (tmp_path / "linked").symlink_to(tmp_path / "inner")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nothing.md")
    (tmp_path / "round.md").symlink_to(tmp_path / "round.md")
    os.mkfifo(tmp_path / "pipe.txt")
    corpus = read_corpus(tmp_path, readers())
    assert [d.name for d in corpus.documents] == ["keep.md"]
    assert corpus.notes == (
        "Left out, a linked folder: linked/.",
        "Left out, hidden: .git/, ~$keep.docx.",
        "Left out, no regular file: gone.md, pipe.txt, round.md.",
        "Left out, a picture without text to read: inner/a.png.",
        "Left out, an archive, and archives are not opened: pack.zip.",
        "Left out, empty: blank.txt.",
    )


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path, {"secret.md": b"secret", "docs/a.md": b"text", "docs/b/c.md": b"text"})
    folder = tmp_path / "docs"
    (folder / "up.md").symlink_to(tmp_path / "secret.md")
    (folder / "out").symlink_to(tmp_path)
    (folder / "etc.md").symlink_to("/etc/hostname")
    (folder / "same.md").symlink_to("a.md")
    corpus = read_corpus(folder / "b" / "..", readers())
    assert [d.name for d in corpus.documents] == ["a.md", "b/c.md", "same.md"]
    (note,) = corpus.notes
    assert note == "Left out, a link that leads out of the folder: etc.md, out/, up.md."


def test_a_broken_file_does_not_end_the_reading(tmp_path: Path) -> None:
    put(tmp_path, {"good.md": b"text", **{name: content for name, (content, _) in BROKEN.items()}})
    corpus = read_corpus(tmp_path, readers())
    assert [d.name for d in corpus.documents] == ["good.md"]
    told = "\n".join(corpus.notes)
    assert "Left out: cut.pdf is broken" in told
    assert "Left out, an archive, and archives are not opened: pack.zip, plain_zip.docx" in told
    assert f"{len([n for n in corpus.notes if n.startswith('Left out: ')]) - 1}" == "10"
    assert "more that cannot be read." in told


def test_many_remarks_are_few_lines(tmp_path: Path) -> None:
    put(tmp_path, {f"{n}.txt": "größer als früher".encode("latin-1") for n in range(60)})
    corpus = read_corpus(tmp_path, readers())
    assert len(corpus.documents) == 60
    assert len(corpus.notes) == room.REMARKS_SHOWN + 1
    assert corpus.notes[-1] == "20 further remarks."


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_read_is_told(name: str, tmp_path: Path) -> None:
    content, words = BROKEN[name]
    put(tmp_path, {name: content})
    with pytest.raises(CorpusError) as caught:
        read_corpus(tmp_path / name, readers())
    assert words in caught.value.message
    assert name in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", READ)
def test_odd_files_are_read(name: str, tmp_path: Path) -> None:
    content, text = READ[name]
    put(tmp_path, {name: content})
    (document,) = read_documents(tmp_path / name, readers())
    assert document.text == text
    assert document.name == name


@pytest.mark.parametrize("name", DISGUISED)
def test_what_a_file_is_counts_more_than_its_name(name: str, tmp_path: Path) -> None:
    content, kind, words = DISGUISED[name]
    put(tmp_path, {name: content})
    corpus = read_corpus(tmp_path / name, readers())
    assert corpus.documents[0].metadata["kind"] == kind
    assert corpus.notes[0].startswith(f"{name} {words}")


def test_missing_empty_undecodable_and_other_kinds(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no file or folder"):
        read_documents(tmp_path / "nope")
    with pytest.raises(CorpusError, match="holds no text"):
        read_documents(tmp_path)
    put(tmp_path, {"blank.md": b"  ", "latin.md": "good\nbäd".encode("latin-1"), "a.xyz": b"words"})
    for given in (None, readers()):
        with pytest.raises(CorpusError, match=r"blank\.md is empty"):
            read_documents(tmp_path / "blank.md", given)
        with pytest.raises(CorpusError, match="not a kind of document"):
            read_documents(tmp_path / "a.xyz", given)
    with pytest.raises(CorpusError, match=r"not UTF-8 \(line 2\)"):
        read_documents(tmp_path / "latin.md")
    with pytest.raises(CorpusError, match="File name too long"):
        read_documents(tmp_path / ("x" * 300))
    with pytest.raises(CorpusError, match="no file or folder"):
        read_documents(Path("/dev/null"))


def test_a_folder_of_broken_files_says_why(tmp_path: Path) -> None:
    put(tmp_path, {"a.pdf": b"%PDF-1.4", "b.zip": zipped({})})
    with pytest.raises(CorpusError, match=r"holds no text to read\. .*archive.*a\.pdf is broken"):
        read_documents(tmp_path, readers())


class NotInstalled:
    info = readers()[".pdf"].info
    suffixes = (".pdf",)

    def read(self, path: Path, name: str) -> ReadDocuments:
        raise MissingExtraError(f"Reading {name}", "docs")


def test_a_missing_library_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    put(tmp_path, {"a.pdf": PDF})
    given = {**readers(), ".pdf": NotInstalled()}
    with pytest.raises(MissingExtraError, match="extra packages"):
        read_corpus(tmp_path, given)
    put(tmp_path, {"b.md": b"text"})
    corpus = read_corpus(tmp_path, given)
    assert len(corpus.documents) == 1
    assert "finetune-advisor[docs]" in corpus.notes[0]


def test_odd_names_are_kept_apart_and_can_be_stored(tmp_path: Path) -> None:
    names = [
        "a b.md",
        "..c.md.md",
        "größe 日本.md",
        "x\ny.md",
        "tab\t[bold]\x1b[31m.md",
        "n" * 200 + ".md",
    ]
    put(tmp_path, {name: b"text" for name in names if not name.startswith(".")})
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md"))).write_bytes(b"text")
    found = [d.name for d in read_documents(tmp_path, readers())]
    assert sorted(found) == sorted(
        [
            "a b.md",
            "größe 日本.md",
            "x%0Ay.md",
            "tab%09[bold]%1B[31m.md",
            "n" * 200 + ".md",
            "caf%E9.md",
        ]
    )
    for name in found:
        name.encode()
    assert written_name("plain/name.md") == "plain/name.md"


def test_names_of_parts_and_of_files_do_not_meet(tmp_path: Path) -> None:
    put(tmp_path, {"a.csv": b"h\nrow\n", "a.csv#1": PDF})
    names = [d.name for d in read_documents(tmp_path, readers())]
    assert names == ["a.csv#1", "a.csv#1~"]


def test_what_may_not_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, {"a.md": b"text", "locked.md": b"text", "shut/b.md": b"text"})
    real_open, real_scan = Path.open, os.scandir

    def refuse(self: Path, *args: object, **more: object) -> object:
        if self.name == "locked.md":
            raise PermissionError(13, "Permission denied", str(self))
        return real_open(self, *args, **more)  # type: ignore[arg-type]

    def scan(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return real_scan(path)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(walk.os, "scandir", scan)
    corpus = read_corpus(tmp_path, readers())
    assert [d.name for d in corpus.documents] == ["a.md"]
    assert corpus.notes == (
        "Left out, a folder that cannot be opened: shut/.",
        "Left out: locked.md cannot be read: Permission denied. Check its permissions.",
    )


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_folder_of_many_small_files_is_quick(count: int, tmp_path: Path) -> None:
    """10,000 files took half a second of CPU time; the bound leaves room for a busy machine."""
    for number in range(count):
        place = tmp_path / f"part {number % 20}"
        place.mkdir(exist_ok=True)
        (place / f"{number}.md").write_bytes(b"# Title\n\nSome words.\n")
    given = readers()
    began = time.process_time()
    corpus = read_corpus(tmp_path, given)
    assert time.process_time() - began < 4 * count / 10_000 + 0.5
    assert len(corpus.documents) == count
    assert corpus.notes == ()
