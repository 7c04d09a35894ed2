"""Back room: what a page shows, as Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rag_baseline.readers._hidden import is_hidden
from rag_baseline.readers.headings import first_heading
from rag_baseline.readers.source import as_title, clean, counted

UNSEEN = (
    "script", "style", "noscript", "template", "iframe", "frame", "object", "embed", "applet",
    "svg", "math", "canvas", "audio", "video", "nav", "head", "select", "button", "input",
    "textarea",
)  # fmt: skip
AS_TEXT = ["a", "b", "strong", "i", "em", "u", "s", "del", "sub", "sup", "mark", "img"]
"""Marks around words that would part them from the words of a question."""
CELLS = frozenset({"td", "th"})
BLOCKS = (
    "p", "div", "ul", "ol", "dl", "table", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6",
    "section", "article", "form", "hr",
)  # fmt: skip
ENDS: dict[str, frozenset[str]] = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "td": CELLS,
    "th": CELLS,
    "tr": CELLS | {"tr"},
    **dict.fromkeys(("thead", "tbody", "tfoot"), CELLS | {"tr", "thead", "tbody", "tfoot"}),
    **dict.fromkeys(BLOCKS, frozenset({"p"})),
}
"""Which open tags a tag ends that nobody closed: authors of HTML may leave those ends out."""
OUTER = frozenset({"ul", "ol", "dl", "table", "body", "html", "blockquote", "div"})
DEPTH = 16
_LONG_GAP = re.compile(r"[^\S\n]{200,}")
_TALL_GAP = re.compile(r"(?:[^\S\n]*\n){20,}")
_TAG = re.compile(r"<[^>]*>")
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Page:
    """A page's text and title, and what was left out of it."""

    text: str
    title: str
    notes: tuple[str, ...] = ()


def page_of(html: str) -> Page:
    """What a reader of the page sees; raises ImportError without the libraries."""
    import warnings  # noqa: PLC0415 - with the library

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        soup = _soup(_tamed(html))
    named = as_title(soup.title.get_text()) if soup.title else ""
    hidden = _strip(soup)
    text = _as_markdown(soup)
    lines = clean(text.replace("\u00a0", " ")).split("\n")
    text = _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")
    notes = (f"{counted(hidden, 'hidden part')} left out.",) if hidden else ()
    return Page(text, first_heading(text) or named, notes)


def _tamed(html: str) -> str:
    """The page without what makes parsers look through all of it again and again.

    Comments go, one that is never closed with all behind it, as browsers do; what stands behind
    the last > holds no tag; gaps of hundreds of blanks or lines become shorter.
    """
    pieces: list[str] = []
    start = 0
    while (begin := html.find("<!--", start)) >= 0:
        pieces.append(html[start:begin])
        end = html.find("-->", begin + 4)
        start = len(html) if end < 0 else end + 3
    pieces.append(html[start:])
    html = "".join(pieces)
    last = html.rfind(">") + 1
    html = html[:last] + html[last:].replace("<", "&lt;")
    html = html.replace("<![CDATA[", "").replace("]]>", "").replace("<![", "<!")
    return _TALL_GAP.sub("\n" * 20, _LONG_GAP.sub(" " * 200, html))


def _soup(html: str) -> Any:
    """The page as a tree, tags ended where their authors left that out."""
    from bs4 import BeautifulSoup  # noqa: PLC0415 - heavy
    from bs4.element import PreformattedString  # noqa: PLC0415 - heavy
    from bs4.exceptions import ParserRejectedMarkup  # noqa: PLC0415 - heavy

    class Soup(BeautifulSoup):  # type: ignore[misc]
        def handle_starttag(self, name: str, *rest: Any, **more: Any) -> Any:
            while ended := _ended(name, self.tagStack):
                self.handle_endtag(ended)
            return super().handle_starttag(name, *rest, **more)

        def endData(self, containerClass: Any = None) -> None:  # noqa: N802, N803 - the library's
            if containerClass is not None and issubclass(containerClass, PreformattedString):
                self.current_data: list[str] = []  # a comment, a declaration
            super().endData(containerClass)

    try:
        return Soup(html, "html.parser")
    except ParserRejectedMarkup:
        return BeautifulSoup(_TAG.sub(" ", html).replace("<", "&lt;"), "html.parser")


def _ended(name: str, is_open: list[Any]) -> str:
    """The open tag that a new one ends; empty for none."""
    ends = ENDS.get(name)
    if ends is None:
        return ""
    for tag in reversed(is_open[-DEPTH:]):
        if tag.name in ends:
            return str(tag.name)
        if tag.name in OUTER or (tag.name in CELLS and "tr" not in ends and not ends & CELLS):
            break
    return ""


def _strip(soup: Any) -> int:
    """Empty what nobody reads; how many parts with text are hidden from readers.

    Parts are emptied where they stand: taking one out looks for it among all its neighbours.
    """
    for part in soup.find_all([*UNSEEN]):
        _empty(part)
    for part in soup.find_all(attrs={"role": "navigation"}):
        _empty(part)
    hidden = 0
    for part in soup.find_all(is_hidden):
        if not part.decomposed:
            hidden += bool(part.get_text(strip=True) or (part.name == "img" and part.get("alt")))
            _empty(part)
    for image in soup.find_all("img"):
        told = str(image.get("alt") or "")
        _empty(image)
        image.string = f"{_gap(image.previous_sibling, -1)}{told}{_gap(image.next_sibling, 0)}"
    for link in soup.find_all("a", string="\u2191"):
        _empty(link)  # from a note back to where it is called
    return hidden


def _gap(beside: Any, at: int) -> str:
    """A blank between a picture's words and text that touches it."""
    return " " if isinstance(beside, str) and beside and not beside[at].isspace() else ""


def _empty(part: Any) -> None:
    if not part.decomposed:
        part.clear(decompose=True)
        part.name, part.attrs = "span", {}


def _as_markdown(soup: Any) -> str:
    """Markdown; bare text where the nesting is deeper than the converter can go."""
    from markdownify import MarkdownConverter  # noqa: PLC0415 - heavy

    converter = MarkdownConverter(
        heading_style="ATX",
        bullets="-",
        strip=AS_TEXT,
        escape_asterisks=False,
        escape_underscores=False,
        table_infer_header=True,
    )
    try:
        return str(converter.convert_soup(soup))
    except RecursionError:
        return str(soup.get_text("\n", strip=True))
