"""What each reader makes of its kind of file."""

from __future__ import annotations

import contextlib
import csv
import resource
import sys
import time
import warnings
from pathlib import Path

import pytest

from advisor import registry
from advisor.errors import CorpusError, MissingExtraError
from advisor.schema.dataset import ReadDocuments
from rag_baseline.readers import _archive, table
from rag_baseline.readers.headings import first_heading
from rag_baseline.readers.pdf import runs
from tests.fixtures.odd_documents import (
    CSV,
    FOOTNOTE,
    HTML,
    PDF,
    READ,
    docx,
    paragraph,
    pdf,
    put,
    zipped,
)

READERS = registry.readers()


def read(folder: Path, name: str, content: bytes) -> ReadDocuments:
    put(folder, {name: content})
    return READERS[Path(name).suffix.lower()].read(folder / name, name)


def test_every_kind_has_its_reader() -> None:
    assert set(READERS) >= {
        ".txt",
        ".log",
        ".rst",
        ".md",
        ".html",
        ".htm",
        ".xhtml",
        ".pdf",
        ".docx",
        ".csv",
        ".tsv",
    }
    assert {r.info.id for r in READERS.values()} == {
        "text",
        "markdown",
        "html",
        "pdf",
        "docx",
        "csv",
    }


@pytest.mark.parametrize("name", READ)
def test_the_encoding_is_told_where_it_is_not_utf8(name: str, tmp_path: Path) -> None:
    content, _ = READ[name]
    told = " ".join(read(tmp_path, name, content).notes)
    odd = {
        "utf16.txt": "utf-16.",
        "utf16be.txt": "utf-16-be",
        "utf32.log": "utf-32",
        "sjis.txt": "cp932",
    }
    odd |= {
        "latin.txt": "cp1252",
        "quotes.txt": "cp1252",
        "russian.txt": "cp1251",
        "polish.txt": "cp1250",
    }
    odd |= {"meta.htm": "cp932", "strict.xhtml": "cp1252"}
    assert ("is not UTF-8" in told) == (name in odd)
    assert f"read as {odd[name]}" in told if name in odd else True
    assert ("could not be decoded" in told) == (name == "damaged.txt")
    assert ("control character" in told) == (name in ("nul.txt", "escape.log"))


def test_front_matter_is_metadata(tmp_path: Path) -> None:
    (document,) = read(tmp_path, "page.md", READ["page.md"][0]).documents
    assert document.metadata == {"title": "The pump", "tags": "oil, blue", "date": "2026-01-02"}
    found = read(tmp_path, "odd.md", b"---\na: [b\n---\ntext")
    assert found.documents[0].text == "---\na: [b\n---\ntext"
    assert found.notes == ("odd.md: the front matter is no YAML and stays in the text.",)
    bomb = b"---\na: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b]\ndate: 2026-99-99x\n---\ntext"
    assert read(tmp_path, "bomb.md", bomb).documents[0].metadata == {
        "a": "x, x, x",
        "date": "2026-99-99x",
    }
    assert (
        read(tmp_path, "bomb.md", bomb).documents[0].text == "a: x, x, x\ndate: 2026-99-99x\n\ntext"
    )
    kept = b"---\nversion: 1.10\nmail:\n- {to: a@b.c}\nnone:\nlong: >\n  two\n  lines\n---\n"
    (alone,) = read(tmp_path, "kept.md", kept).documents
    assert alone.text == "version: 1.10\nmail.to: a@b.c\nlong: two lines\n\n"
    impossible = read(tmp_path, "date.md", b"---\ndate: 2026-99-99\n---\ntext")
    assert "no YAML" in impossible.notes[0]


def test_a_page_without_what_nobody_reads(tmp_path: Path) -> None:
    found = read(tmp_path, "page.html", HTML.encode())
    (document,) = found.documents
    for word in ("script", "color", "Home", "comment", "frame", "Ignore"):
        assert word not in document.text
    assert found.notes == ("page.html: 1 hidden part left out.",)
    assert document.metadata == {"title": "Prices & parts"}
    assert read(tmp_path, "t.html", b"<title>Only &amp; title</title><p>x").documents[
        0
    ].metadata == {"title": "Only & title"}
    assert read(tmp_path, "empty.html", b"<html><script>x</script></html>").documents == ()


HIDING = (
    'style="display: none !important"',
    'style="visibility:hidden"',
    'style="font-size:0"',
    'style="FONT-SIZE: 1px"',
    'style="font: 0/0 a"',
    'style="opacity:0"',
    'style="color:#fff"',
    'style="color: white; background-color: #FFFFFF"',
    'style="color:rgb(0, 0, 0);background:#010101"',
    'style="color:transparent"',
    'style="position:absolute;left:-9999px"',
    'style="height:0;overflow:hidden"',
    'aria-hidden="true"',
    "hidden",
)


@pytest.mark.parametrize("how", HIDING)
def test_a_part_that_its_attributes_hide_is_left_out(how: str, tmp_path: Path) -> None:
    page = f"<body><p>Seen.</p><div><p {how}>Secret order <b>within</b></p></div><p>End.</p>"
    found = read(tmp_path, "page.html", page.encode())
    assert found.documents[0].text == "Seen.\n\nEnd."
    assert found.notes == ("page.html: 1 hidden part left out.",)


def test_words_of_a_hidden_picture_are_left_out(tmp_path: Path) -> None:
    page = b'<p>Seen <img alt="a pump"></p><p><img style="display:none" alt="order"></p>'
    found = read(tmp_path, "page.html", page)
    assert found.documents[0].text == "Seen a pump"
    assert found.notes == ("page.html: 1 hidden part left out.",)


@pytest.mark.parametrize(
    "page",
    [
        '<body aria-hidden="true"><p>Pump</p>',
        '<div class="hero"><h1 style="color:white">Pump</h1></div>',
        '<table><tr bgcolor="navy"><td style="color:#fff">Pump</td></tr></table>',
        '<div style="background:url(a.png)"><p style="color:white">Pump</p></div>',
        '<p style="color:black;font-size:0.8em;opacity:0.6;text-indent:2em">Pump</p>',
        '<p style="font:12px/1.5 serif;overflow:hidden;height:20px">Pump</p>',
        '<span class="katex-html" aria-hidden="true">Pump</span>',
        '<p aria-hidden="false" style=";;color:;:x;font-size:huge">Pump</p>',
    ],
)
def test_what_is_seen_is_read(page: str, tmp_path: Path) -> None:
    found = read(tmp_path, "page.html", page.encode())
    assert "Pump" in found.documents[0].text
    assert found.notes == ()


@pytest.mark.parametrize("content", [b"abc\0def\0" * 40, b"a line\0nother line\0" * 40])
def test_zeros_among_ascii_are_no_utf16(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no text"):
        read(tmp_path, "nul.txt", content)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_mixed_scripts_in_utf16_are_read(encoding: str, tmp_path: Path) -> None:
    text = "Pump P-200 \u306f\u9752\u3044\u3002 Filter K9 \u3092\u6e05\u6383\u3002 \u0424\u0438\u043b\u044c\u0442\u0440 oil 5 l."
    found = read(tmp_path, "mixed.txt", text.encode(encoding))
    assert found.documents[0].text == text


@pytest.mark.parametrize(
    "mark", ["<div>", "<p>a", "<ul><li>", "<table><tr><td>", "<b>", "<blockquote>"]
)
def test_deep_and_unclosed_pages_are_read(mark: str, tmp_path: Path) -> None:
    (document,) = read(tmp_path, "deep.html", (mark * 3000 + "inner words").encode()).documents
    assert "inner words" in document.text


HARD = {
    "gap": "<pre>" + ("x" + " " * 50_000) * 5 + "y</pre>",
    "lines": "<pre>x" + " \n" * 50_000 + "y</pre>",
    "comments": "<!--" * 30_000 + ">",
    "sections": "<![CDATA[" * 30_000 + "<![x" * 30_000 + ">",
    "ends": "</" * 50_000,
    "quotes": "<a href='" * 30_000,
    "unseen": "<textarea>" * 10_000 + "<svg>" * 10_000,
    "pictures": "<img alt=x>" * 5_000,
}


@pytest.mark.parametrize("name", HARD)
def test_hostile_pages_cost_little(name: str, tmp_path: Path) -> None:
    """Each took a parser minutes: it looked through all that follows, again and again."""
    began = time.process_time()
    found = read(tmp_path, "a.html", f"<p>Words before.</p>{HARD[name]}".encode())
    assert time.process_time() - began < 3
    assert "Words before." in found.documents[0].text


def test_a_word_file_as_markdown(tmp_path: Path) -> None:
    lists = '<w:p><w:pPr><w:pStyle w:val="ListParagraph"/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>first</w:t></w:r></w:p>'
    body = paragraph("A &amp; B &lt;tag&gt;", "Heading2", FOOTNOTE) + lists + paragraph("")
    (document,) = read(tmp_path, "a.docx", docx(body, footnote="Said [so].")).documents
    assert document.text.startswith("## A & B <tag>[1]")
    assert "first" in document.text
    assert document.text.endswith("1. Said [so].")
    assert read(tmp_path, "none.docx", docx(paragraph(" "))).documents == ()


def test_a_word_file_opens_nothing_beyond_itself(tmp_path: Path) -> None:
    """Its own map of styles is not used, embedded files are told, pictures are left out."""
    more = {"mammoth/style-map": b"p => h1", "word/embeddings/a.xlsx": zipped({"x": b"x"})}
    found = read(tmp_path, "a.docx", docx(paragraph("Words."), more=more))
    assert found.documents[0].text == "Words."
    assert found.notes == ("a.docx: 1 embedded file not opened.",)


def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_archive, "LARGEST_PART", 1 << 20)
    many = zipped({"word/document.xml": b"<x/>", **{f"p{n}": b"" for n in range(10_001)}})
    for name, content in (
        ("ratio.docx", docx(paragraph("x"), more={"word/a.bin": b"\x00" * 8_000_000})),
        ("text.docx", docx(paragraph("x"), more={"word/a.xml": bytes(range(256)) * 5_000})),
        ("many.docx", many),
    ):
        began = time.process_time()
        with pytest.raises(CorpusError, match="would unpack to"):
            read(tmp_path, name, content)
        assert time.process_time() - began < 1


def test_pages_of_a_pdf_and_where_they_begin(tmp_path: Path) -> None:
    (document,) = read(tmp_path, "a.pdf", PDF).documents
    assert document.metadata == {"pages": "2", "page_starts": "0 27", "title": "Manual of pump 7"}
    assert document.text[27:].startswith("over the page.")
    (untitled,) = read(tmp_path, "b.pdf", pdf(["x"], title="report_final.docx")).documents
    assert untitled.metadata == {"pages": "1", "page_starts": "0"}


def test_scans_are_told_by_page(tmp_path: Path) -> None:
    found = read(tmp_path, "a.pdf", pdf(["a", None, None, "", "b", None]))
    assert found.notes == (
        "a.pdf: 4 of 6 pages have no text: 2-4, 6; scans among them (2-3, 6) need OCR.",
    )
    with pytest.raises(CorpusError, match="its page is a picture without text, which needs OCR"):
        read(tmp_path, "b.pdf", pdf([None]))
    assert (
        runs([1, 2, 3, 5, *range(7, 40, 2)]) == "1-3, 5, 7, 9, 11, 13, 15, 17, 19, 21, and 9 more"
    )


def test_a_page_of_endless_drawing_is_left_out(tmp_path: Path) -> None:
    """5 MB of commands pack into a few KB; to follow them takes a minute."""
    lines = "\n".join(["x"] * 350_000)
    found = read(tmp_path, "a.pdf", pdf(["First.", lines, "Last."]))
    assert found.documents[0].text.split() == ["First.", "Last."]
    assert "a.pdf: 1 broken page left out: 2." in found.notes


def test_a_pdf_cut_anywhere_is_read_or_told(tmp_path: Path) -> None:
    for length in range(0, len(PDF), 97):
        with contextlib.suppress(CorpusError):
            found = read(tmp_path, "a.pdf", PDF[:length])
            assert "Pump 7 is blue" in found.documents[0].text


def test_rows_of_a_table(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", CSV.encode())
    assert [d.name for d in found.documents] == ["a.csv#1", "a.csv#2", "a.csv#4"]
    assert found.documents[0].text == 'name: Oil; blue\nnote: line one\nline "two"\nprice: 3'
    assert found.documents[2].text == "name: Grease\nnote: x\nprice: 4\ncolumn 4: extra"
    assert found.documents[1].metadata == {"name": "Sieve", "price": "12"}
    assert found.notes == ("a.csv: 1 row with more cells than there are headings.",)


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("a.csv", "Anna,3,Berlin\nBob,4,Rom\n", ["column 1: Anna\ncolumn 2: 3\ncolumn 3: Berlin", "column 1: Bob\ncolumn 2: 4\ncolumn 3: Rom"]),
        ("a.tsv", "a\tb\nx, y\tz\n", ["a: x, y\nb: z"]),
        ("a.csv", "a|b\n1,5|2\n", ["a: 1,5\nb: 2"]),
        ("a.csv", "a,a\n1,2\n", ["column 1: a\ncolumn 2: a", "column 1: 1\ncolumn 2: 2"]),
        ("a.csv", "a,,c\r\n1,2,3\r\n\r\n4,5,6", ["a: 1\ncolumn 2: 2\nc: 3", "a: 4\ncolumn 2: 5\nc: 6"]),
        ("a.csv", "Title\nOne\n", ["Title: One"]),
        ("a.csv", "h1,h2\n", []),
        ("a.csv", "", []),
    ],
)  # fmt: skip
def test_delimiters_and_headings(name: str, content: str, texts: list[str], tmp_path: Path) -> None:
    found = read(tmp_path, name, content.encode())
    assert [document.text for document in found.documents] == texts
    assert any("no headings" in note for note in found.notes) == any(
        "column 1:" in t for t in texts
    )


def test_a_long_cell_is_text_and_no_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (document,) = read(
        tmp_path, "a.csv", f"title,body\nHead,{'word ' * 60_000}\n".encode()
    ).documents
    assert document.metadata == {"title": "Head"}
    assert len(document.text) > 250_000
    monkeypatch.setattr(table, "LONGEST_CELL", 1 << 18)
    before = csv.field_size_limit(1 << 17)
    with pytest.raises(CorpusError, match="broken from line 3 on: field larger"):
        read(tmp_path, "b.csv", b'a,b\n1,2\n3,"' + b"x,y\n" * 100_000)
    csv.field_size_limit(before)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("\n## Two ##\n# One", "Two"),
        ("Head\n====\ntext", "Head"),
        ("```\n# code\n```\n# Real", "Real"),
        ("#tag\n#!shell\nno heading", ""),
        ("| a |\n| --- |\n- item\n---\n", ""),
        ("# " + "x" * 500, "x" * 200),
        ("#" * 50_000 + "\n" + " " * 50_000 + "# x", ""),
    ],
)
def test_the_first_heading(text: str, title: str) -> None:
    assert first_heading(text) == title


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("a.html", "bs4"),
        ("a.html", "markdownify"),
        ("a.docx", "mammoth"),
        ("a.pdf", "pypdf"),
        ("a.txt", "charset_normalizer"),
    ],
)
def test_a_missing_library_is_told(
    name: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {
        ".html": HTML.encode(),
        ".docx": docx(paragraph("x")),
        ".pdf": PDF,
        ".txt": "größer".encode("latin-1"),
    }
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=f"Reading {name}") as caught:
        read(tmp_path, name, content[Path(name).suffix])
    assert "finetune-advisor[docs]" in caught.value.hint


@pytest.mark.parametrize("megabytes", [5, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_large_text_costs_little(megabytes: int, encoding: str, tmp_path: Path) -> None:
    """50 MB took 0.3 s (Latin-1: 1.1 s) and twice its size; bounds leave room for a busy machine."""
    line = "Das Öl für die Pumpe wird jede Woche geprüft.\n"
    content = (line * (megabytes * 1_000_000 // len(line))).encode(encoding)
    path = put(tmp_path, {"large.txt": content}) / "large.txt"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    (document,) = READERS[".txt"].read(path, "large.txt").documents
    assert time.process_time() - began < 0.1 * megabytes + 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 6 * megabytes + 20
    assert len(document.text) == len(content.decode(encoding))


@pytest.mark.parametrize(
    "name", ["a.txt", "a.md", "a.csv", pytest.param("a.html", marks=pytest.mark.slow)]
)
def test_one_line_of_ten_megabytes(name: str, tmp_path: Path) -> None:
    began = time.process_time()
    (document,) = read(tmp_path, name, b"word " * 2_000_000).documents
    assert time.process_time() - began < 4
    assert len(document.text) > 9_999_990


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    for name in ("a.txt", "a.docx"):
        with (tmp_path / name).open("wb") as stream:
            stream.write(b"PK\x03\x04")
            stream.truncate((1 << 29) + 1)  # a hole: takes no room
        with pytest.raises(CorpusError, match="larger than 512 MiB"):
            READERS[Path(name).suffix].read(tmp_path / name, name)


def test_nothing_is_said_beside_the_result(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Libraries that warn and log would speak into `--json` and progress lines."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, (content, _) in READ.items():
            read(tmp_path, name, content)
    assert capfd.readouterr() == ("", "")
