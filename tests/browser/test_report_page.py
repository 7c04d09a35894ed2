"""The report in a real Chromium: read, narrow, dark, printed, by keyboard, and under attack."""

from __future__ import annotations

import io
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pytest

from advisor.render.html import to_html
from tests.fixtures.poison import EVIL
from tests.fixtures.report_kinds import KINDS, chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

sync_api = pytest.importorskip("playwright.sync_api")
PROGRAM = chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed here")

OFTEN = {"discarded", "hostile"}
"""The fullest page and the most dangerous one; the others are looked at in the full run."""
PHONE, DESK = 390, 1200
OURS = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "nav", "section", "a", "h1",
    "h2", "h3", "h4", "p", "ul", "ol", "li", "table", "caption", "thead", "tbody", "tr", "th", "td",
    "div", "span", "strong", "em", "code", "pre", "details", "summary", "figure", "figcaption",
    "svg", "g", "path", "rect", "circle", "text", "dl", "dt", "dd", "br", "wbr",
}  # fmt: skip
"""Every element that the report is made of; another one came out of the data."""
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("reports")

    def write(kind: str) -> Path:
        path: Path = folder / f"{kind.replace(' ', '-')}.html"
        if not path.exists():
            path.write_text(to_html(KINDS[kind]()), encoding="utf-8")
        return path

    return write


class Opened:
    """A page with everything that it asked for, said or tried."""

    def __init__(self, browser: Any, path: Path, **how: Any) -> None:
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.goto(path.as_uri())

    def _dialog(self, dialog: Any) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def see(self, script: str) -> Any:
        return self.page.evaluate(script)

    def set(self, width: int, scheme: str) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)


WIDER = """() => [...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll') && !e.closest('pre') && !e.closest('svg')
    && !e.classList.contains('skip') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 100))"""
HIDDEN = """() => [...document.querySelectorAll('section, figure, table, h1, h2, h3')]
  .filter(e => !e.closest('details:not([open])') && e.getBoundingClientRect().height < 8)
  .map(e => e.outerHTML.slice(0, 100))"""
CUT = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(t => {
    const own = t.getBoundingClientRect();
    return own.left < box.left - 4 || own.right > box.right + 4 || own.bottom > box.bottom + 4;
  }).map(t => t.textContent);
})"""
OVERLAPPING = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
  const words = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  return words.flatMap(([a, p], i) => words.slice(i + 1)
    .filter(([b, q]) => p.left < q.right - 1 && q.left < p.right - 1
      && p.top < q.bottom - 3 && q.top < p.bottom - 3)
    .map(([b]) => a + ' / ' + b));
})"""


def violations(found: Any) -> list[str]:
    """Each with its gravity and the first place: none at all is wanted, grave or not."""
    return [
        f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:120]}"
        for each in found.response["violations"]
    ]


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind in OFTEN else pytest.mark.slow) for kind in KINDS],
)
def test_every_report_loads_nothing_runs_nothing_and_fits(
    kind: str, browser: Any, written: Callable[[str], Path]
) -> None:
    path = written(kind)
    with Opened(browser, path, viewport={"width": PHONE, "height": 900}) as opened:
        assert opened.asked == [path.as_uri()]
        assert opened.said == []
        assert opened.see("window.hacked") is None
        tags = set(opened.see("[...document.querySelectorAll('*')].map(e => e.localName)"))
        assert tags <= OURS
        attributes = opened.see(
            "[...new Set([...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()))]"
        )
        assert not [
            name for name in attributes if name.startswith("on") or name in {"src", "style"}
        ]
        for address in opened.see("[...document.links].map(a => a.getAttribute('href'))"):
            assert address.startswith(("#", "https://"))
            assert urlsplit(address).hostname != EVIL or '"' not in address
        assert opened.see(HIDDEN) == []
        for width in (PHONE, DESK):
            opened.set(width, "light")
            assert opened.see("document.documentElement.scrollWidth") <= width
            assert opened.see(WIDER) == []
            assert opened.see(CUT) == []
        assert opened.asked == [path.as_uri()]


BEYOND = """() => [...document.querySelectorAll('td, th[scope="row"]')]
  .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth)
  .map(e => e.textContent.slice(0, 40))"""


@pytest.mark.parametrize("kind", ["discarded", pytest.param("priced", marks=pytest.mark.slow)])
def test_on_a_phone_no_cell_lies_beyond_the_edge(
    kind: str, browser: Any, written: Callable[[str], Path]
) -> None:
    with Opened(browser, written(kind)) as opened:
        opened.see("() => document.querySelectorAll('details').forEach(d => d.open = true)")
        opened.set(PHONE, "light")
        assert opened.see(BEYOND) == []
        spoken = opened.page.locator(".stacks").first.aria_snapshot()
        assert "- columnheader" in spoken
        assert "- rowheader" in spoken


@pytest.mark.parametrize("kind", ["discarded", pytest.param("priced", marks=pytest.mark.slow)])
def test_words_in_charts_do_not_run_into_each_other(
    kind: str, browser: Any, written: Callable[[str], Path]
) -> None:
    with Opened(browser, written(kind)) as opened:
        for width in (PHONE, DESK):
            opened.set(width, "light")
            assert opened.see(OVERLAPPING) == []


@pytest.mark.parametrize(
    ("kind", "width", "scheme"),
    [
        ("stopped at the gate", PHONE, "dark"),
        *(
            pytest.param(kind, width, scheme, marks=pytest.mark.slow)
            for kind in ("advice only", "stopped at the gate", "priced", "unknown everywhere",
                         "discarded")
            for width, scheme in ((PHONE, "light"), (DESK, "dark"))
        ),
    ],
)  # fmt: skip
def test_an_accessibility_checker_finds_nothing_in_light_and_dark_wide_and_narrow(
    kind: str, width: int, scheme: str, browser: Any, written: Callable[[str], Path]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with Opened(browser, written(kind)) as opened:
        opened.set(width, scheme)
        assert violations(axe.run(opened.page)) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["discarded", "priced"])
def test_with_all_details_open_contrast_suffices_in_every_scheme_and_width(
    kind: str, browser: Any, written: Callable[[str], Path]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with Opened(browser, written(kind)) as opened:
        opened.see("() => document.querySelectorAll('details').forEach(d => d.open = true)")
        for width, scheme in product((PHONE, DESK), ("light", "dark")):
            opened.set(width, scheme)
            assert violations(axe.run(opened.page, options=CONTRAST)) == []


FOCUSED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const style = getComputedStyle(e);
  return [e.localName + ':' + (e.getAttribute('aria-label') || e.textContent).slice(0, 40),
    style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
}"""
STOPS = """() => [...document.querySelectorAll('a[href], summary, [tabindex="0"]')]
  .filter(e => e.localName === 'summary' ? !e.parentElement.parentElement.closest('details:not([open])')
    : !e.closest('details:not([open])'))
  .map(e => e.localName + ':' + (e.getAttribute('aria-label') || e.textContent).slice(0, 40))"""


@pytest.mark.parametrize(
    "kind", ["stopped at the gate", pytest.param("discarded", marks=pytest.mark.slow)]
)
def test_the_keyboard_reaches_everything_shows_where_it_is_and_opens_details(
    kind: str, browser: Any, written: Callable[[str], Path]
) -> None:
    with Opened(browser, written(kind), viewport={"width": PHONE, "height": 900}) as opened:
        wanted = opened.see(STOPS)
        assert {each.partition(":")[0] for each in wanted} == {"a", "summary", "div", "pre"}
        reached: list[str] = []
        for _ in wanted:
            opened.page.keyboard.press("Tab")
            found = opened.see(FOCUSED)
            assert found is not None
            assert found[1], f"the focus on {found[0]} cannot be seen"
            reached.append(found[0])
        assert reached == wanted
        opened.page.locator("summary").first.focus()
        opened.page.keyboard.press("Enter")
        assert opened.see("document.querySelector('details').open") is True


def test_the_first_link_appears_on_focus_and_skips_the_contents(
    browser: Any, written: Callable[[str], Path]
) -> None:
    with Opened(browser, written("stopped at the gate")) as opened:
        skip = opened.page.locator(".skip")
        assert skip.bounding_box()["x"] < 0
        opened.page.keyboard.press("Tab")
        assert skip.bounding_box()["x"] >= 0
        opened.page.keyboard.press("Enter")
        assert opened.page.url.endswith("#decision")


def test_headings_come_in_order_and_the_language_is_told(
    browser: Any, written: Callable[[str], Path]
) -> None:
    with Opened(browser, written("discarded")) as opened:
        levels = opened.see(
            "[...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.localName[1])"
        )
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(below <= above + 1 for above, below in pairwise(levels))
        assert opened.see("document.documentElement.lang") == "en"


def test_dark_and_light_differ_and_nothing_moves(
    browser: Any, written: Callable[[str], Path]
) -> None:
    with Opened(browser, written("kept"), reduced_motion="reduce") as opened:
        papers = []
        for scheme in ("light", "dark"):
            opened.set(DESK, scheme)
            papers.append(opened.see("getComputedStyle(document.body).backgroundColor"))
        assert papers == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]
        assert opened.see("document.getAnimations().length") == 0


def test_forced_colours_keep_bars_and_lines(browser: Any, written: Callable[[str], Path]) -> None:
    with Opened(browser, written("kept"), forced_colors="active") as opened:
        paper = opened.see("getComputedStyle(document.body).backgroundColor")
        strokes = opened.see("""[...document.querySelectorAll('svg .bar path, svg .goal path')]
            .map(e => getComputedStyle(e).stroke)""")
        assert len(strokes) > 4
        assert paper not in strokes


@pytest.mark.slow
def test_on_paper_every_detail_is_printed_and_no_table_is_cut(
    browser: Any, written: Callable[[str], Path]
) -> None:
    pypdf = pytest.importorskip("pypdf")
    with Opened(browser, written("discarded")) as opened:
        opened.page.emulate_media(media="print")
        opened.page.set_viewport_size({"width": 680, "height": 900})
        assert opened.see("document.documentElement.scrollWidth") <= 680
        inside = opened.see("""[...document.querySelectorAll('details')].map(d =>
            d.querySelector('td, li, p').textContent.trim().split(/\\s+/)[0])""")
        printed = opened.page.pdf(format="A4", print_background=True)
        pages = pypdf.PdfReader(io.BytesIO(printed)).pages
        told = " ".join(page.extract_text() for page in pages)
        assert len(inside) > 2
        assert [word for word in inside if word not in told] == []
        assert "Skip the contents" not in told
