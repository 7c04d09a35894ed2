"""What an attacker may write into data, answers and names does no harm wherever it is shown."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from advisor.cli.main import cli
from advisor.render.grid import Grid
from advisor.render.html import to_html
from advisor.render.html_parts import esc, prose, together
from advisor.render.markdown import to_markdown
from advisor.render.markdown_parts import CELL_LIMIT, escape, paragraph, table
from advisor.render.markdown_parts import prose as markdown_prose
from advisor.render.report import show_report
from advisor.render.safe import safe_text
from advisor.render.terminal import make_console, plain
from tests.fixtures.poison import EVIL, HOSTILE, MEGABYTE, poisoned
from tests.fixtures.report_kinds import KINDS, discarded_report
from tests.fixtures.screens import screen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

ATTACKED = ("hostile", "hostile prices", "a megabyte in every text")
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TEXTS = st.one_of(
    st.text(),
    st.sampled_from(HOSTILE),
    st.text(alphabet="<>&\"'`\\[](){}*_~|#!-+=:/. \n\t\x1b\x9b\u202e\u0301ahtps1"),
)


def tokens(markdown: str) -> Iterator[Token]:
    for token in MARKDOWN.parse(markdown):
        yield token
        yield from token.children or ()


@pytest.mark.parametrize("kind", ATTACKED[:2])
def test_markdown_holds_no_html_no_picture_and_no_link_from_data(kind: str) -> None:
    written = to_markdown(KINDS[kind]())
    for token in tokens(written):
        assert token.type not in {"html_block", "html_inline", "image", "link_open"}, token.content
        assert EVIL not in str(token.attrs)
    as_code = sum(
        token.content.count(f"://{EVIL}")
        for token in tokens(written)
        if token.type in {"code_inline", "fence"}
    )
    bare = len(re.findall(rf"(?<!\\)://{EVIL}", written)) - as_code
    assert bare == 0, "a bare address is a link to many readers"
    assert not set(written) - {"\n"} & set(map(chr, [*range(32), *range(0x7F, 0xA0)]))


def test_markdown_keeps_its_headings_and_tables_whatever_the_data_say() -> None:
    def shape(markdown: str) -> tuple[list[str], list[int]]:
        found = [*tokens(markdown)]
        heads = [token.tag for token in found if token.type == "heading_open"]
        widths: list[int] = []
        for token in found:
            if token.type == "tr_open":
                widths.append(0)
            elif token.type in {"th_open", "td_open"}:
                widths[-1] += 1
        return heads, sorted(widths)

    report = discarded_report()
    calm, attacked = (shape(to_markdown(poisoned(report, t))) for t in (("calm text",), HOSTILE))
    assert attacked[0] == calm[0]
    assert len(attacked[1]) > 20
    assert 1 not in attacked[1]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("kind", ATTACKED)
def test_the_terminal_shows_only_letters_that_stay_in_their_line(kind: str, encoding: str) -> None:
    shown = screen(show_report, KINDS[kind](), encoding=encoding)
    assert all(letter == "\n" or letter.isprintable() or letter == "\u00a0" for letter in shown)
    assert max(cell_len(line) for line in shown.splitlines()) <= 80
    assert len(shown) < 100_000


def test_with_colours_the_terminal_gets_colours_and_nothing_else() -> None:
    raw = io.BytesIO()
    console = make_console(io.TextIOWrapper(raw, encoding="utf-8", write_through=True), color=True)
    console._force_terminal = True
    console.width = 80
    report = poisoned(discarded_report(), ("[bold red]rich[/bold red] [/]", "\x1b[8mgone\x9b31m"))
    show_report(console, report)
    shown = COLOUR.sub("", raw.getvalue().decode())
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "[bold red]rich[/bold red] [/]" in shown, "markup in data is text"


@pytest.mark.parametrize("kind", ATTACKED)
def test_pages_are_bounded_whatever_the_length_of_a_line(kind: str) -> None:
    report = KINDS[kind]()
    sizes = [len(to_html(report)), len(to_markdown(report))]
    assert max(sizes) < 2_000_000


class Elements(HTMLParser):
    """Elements, attribute values and text of a piece of HTML."""

    def __init__(self, piece: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str | None] = []
        self.text = ""
        self.feed(piece)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(TEXTS)
def test_any_text_in_html_is_that_text_and_nothing_more(text: str) -> None:
    found = Elements(f'<p title="{esc(text)}">{esc(text)}</p>')
    assert found.tags == ["p"]
    assert found.values == [safe_text(text)]
    assert found.text == safe_text(text)
    assert Elements(together(text)).text.replace("\u00a0", " ") == safe_text(text).replace(
        "\u00a0", " "
    )
    assert set(Elements(prose(text)).tags) <= {"code"}


@given(TEXTS)
def test_any_text_in_markdown_is_that_text_and_nothing_more(text: str) -> None:
    wanted = " ".join(safe_text(text).split(" "))
    for written in (escape(f"x{text}"), paragraph(f"x{text}")):
        (opened, inline, closed) = MARKDOWN.parse(written)
        assert (opened.type, closed.type) == ("paragraph_open", "paragraph_close")
        assert {child.type for child in inline.children or ()} <= {"text", "text_special"}
        assert "".join(child.content for child in inline.children or ()) == safe_text(f"x{text}")
    kinds = [token.type for token in MARKDOWN.parse(paragraph(text))]
    assert kinds == (["paragraph_open", "inline", "paragraph_close"] if wanted else [])
    for token in tokens(markdown_prose(text)):
        assert token.type in {
            "paragraph_open", "inline", "paragraph_close", "text", "text_special", "code_inline",
        }  # fmt: skip


@given(TEXTS, TEXTS)
def test_any_text_in_a_table_of_markdown_stays_in_its_cell(one: str, other: str) -> None:
    grid = Grid(("a", "b", "c"), ((one, other, "end"), ("x", "y", "z")))
    found = [*tokens("\n".join(table(grid)))]
    cells = [
        "".join(child.content for child in (token.children or ()))
        for opened, token in pairwise(found)
        if opened.type == "td_open"
    ]
    assert cells == [safe_text(one, CELL_LIMIT), safe_text(other, CELL_LIMIT), "end", "x", "y", "z"]


@given(TEXTS)
@settings(max_examples=60)
def test_any_text_on_a_terminal_is_printable_and_fits(text: str) -> None:
    shown = screen(lambda console: console.print(plain(text)))
    assert all(letter == "\n" or letter.isprintable() or letter.isspace() for letter in shown)
    assert "\x1b" not in shown
    assert all(cell_len(line) <= 80 for line in shown.splitlines())


def _hostile_file(folder: Path) -> Path:
    rows: list[dict[str, Any]] = [
        {"prompt": text, "completion": other, text[:40]: text}
        for text, other in zip(HOSTILE, HOSTILE[::-1], strict=True)
    ]
    rows += [{"prompt": text, "completion": "a"} for text in MEGABYTE[1:2]]
    path = folder / "data \u202e<b>[red].jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_hostile_file_is_checked_without_harm(tmp_path: Path) -> None:
    path, page = _hostile_file(tmp_path), tmp_path / "check.html"
    ran = CliRunner().invoke(cli, ["data", "check", str(path), "--html", str(page), "--yes"])
    assert ran.exception is None or isinstance(ran.exception, SystemExit)
    told = ran.output
    assert all(letter == "\n" or letter.isprintable() or letter == "\u00a0" for letter in told)
    written = page.read_text(encoding="utf-8")
    assert len(written) < 1_000_000
    assert not {"script", "img", "svg:script", "iframe", "b"} & set(Elements(written).tags)
