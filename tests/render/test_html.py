from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from advisor.render.grid import Grid
from advisor.render.html import to_html
from advisor.render.html_parts import is_wide, link, prose, table, together
from advisor.schema.report import Report
from tests.fixtures import values as v
from tests.fixtures.reports import REPORTS, stopped_report

VOID = {"meta", "br", "wbr", "hr", "img", "input", "link"}


class Tree(HTMLParser):
    """Balance of tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(params=REPORTS)
def page(request: pytest.FixtureRequest) -> str:
    made: Report = REPORTS[request.param]()
    return to_html(made)


def test_tags_are_balanced(page: str) -> None:
    assert Tree(page).open == []


def test_the_page_loads_and_runs_nothing(page: str) -> None:
    tree = Tree(page)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in tree.tags}
    for tag, attributes in tree.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert "href" not in attributes or (
            tag == "a" and str(attributes["href"]).startswith(("https://", "#"))
        )
    assert "@import" not in page
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_no_escape_sequence_or_bidi_mark_gets_through(page: str) -> None:
    assert not set(page) & {"\x1b", "\x00", "\u202e"}


def test_a_script_in_the_data_is_shown_as_text() -> None:
    page = to_html(REPORTS["hostile"]())
    assert "<script" not in page
    assert "<script>alert(1)</script>" in "".join(Tree(page).text)
    assert "javascript:" not in page


def test_every_chart_is_described_and_every_table_names_its_columns(page: str) -> None:
    tree = Tree(page)
    for tag, attributes in tree.tags:
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden")
        if tag == "th":
            assert attributes.get("scope") in ("row", "col")


def test_sections_come_in_the_readers_order() -> None:
    page = to_html(REPORTS["proved"]())
    order = ["Discard the tuned model", "<nav", "<h2>Decision", "<h2>What would change the verdict",
             "<h2>Estimate against measured", "<h2>Scores", "<h2>Verification",
             "<h2>Failures side by side", "<h2>Gate", "<h2>Data", "<h2>Cost so far and break-even",
             "<h2>Estimate<", "<h2>Training", "<h2>Human check", "<h2>What ships", "<h2>Warnings",
             "<h2>Provenance", "<h2>How to reproduce"]  # fmt: skip
    places = [page.index(mark, page.index("<body>")) for mark in order]
    assert places == sorted(places)


def test_stages_that_did_not_run_have_no_section() -> None:
    page = to_html(REPORTS["early"]())
    assert "<svg" not in page
    for heading in ("Estimate", "Scores", "Gate", "Training", "Verification", "Failures", "Data",
                    "Cost so far", "Human check", "What ships", "What would"):  # fmt: skip
        assert f"<h2>{heading}" not in page


def test_what_is_unknown_is_called_unknown() -> None:
    page = to_html(REPORTS["full"]())
    assert page.count('class="unknown"') == 5
    assert re.search(r'>cost</th><td[^>]* class="unknown number"[^>]*>unknown</td>', page)


def test_light_dark_phone_and_paper_are_provided_for() -> None:
    page = to_html(REPORTS["early"]())
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert "@media print" in page


def test_rows_that_are_wider_than_a_phone_are_stacked_behind_their_headers() -> None:
    wide = Grid(
        ("Segment", "Difference", "90 % interval", "Note"),
        (("label: refund", "-30.0 points", "-45.0 to -15.0", "<b>few</b>"), ("x", "1", "2", "")),
        right=(1,),
    )
    assert is_wide(wide)
    page = table(wide, "Segments")
    assert '<table class="stacks">' in page
    assert '<th scope="row">label: refund</th><td class="number" data-head="Difference">' in page
    assert '<td class="empty" data-head="Note"></td>' in page
    assert "<b>" not in page
    values = Grid(("What", "Value"), (("x" * 90, "y" * 90),))
    for narrow in (values, Grid(("a", "b", "c"), (("1", "2", "3"),))):
        assert not is_wide(narrow)
        assert "data-head" not in table(narrow)


def test_a_word_without_an_end_may_part() -> None:
    grid = Grid(("a", "b"), (("x" * 60, "&" * 60),))
    page = table(grid)
    assert f"{'x' * 24}<wbr>{'x' * 24}<wbr>{'x' * 12}</th>" in page
    assert "&amp;" * 60 in page


def test_an_address_that_is_no_web_page_is_no_link() -> None:
    assert link("javascript:alert(1)", "x") == "x"
    assert link('https://a"onclick="b', "x") == "x"
    assert link("https://a.org/b?c=d&e=f", "x").startswith('<a href="https://a.org/b?c=d&amp;e=f"')


def test_a_number_stays_with_its_unit() -> None:
    assert (
        together("83.5 % of 2.7 GiB, n = 200") == "83.5\u00a0% of 2.7\u00a0GiB, n\u00a0=\u00a0200"
    )
    assert together("12 small things") == "12 small things"


def test_commands_in_our_own_prose_are_code_and_escaped() -> None:
    assert prose("Run `a <b>` & go") == "Run <code>a &lt;b&gt;</code> &amp; go"


def test_a_rule_is_told_once_with_everything_it_moves() -> None:
    page = to_html(REPORTS["full"]())
    assert page.count("A model cannot know what it has not read") == 1
    assert "favour RAG (strong); oppose fine-tuning (weak)" in page


def test_the_estimate_tells_plan_money_and_checks_in_the_readers_order() -> None:
    page = to_html(REPORTS["priced"]())
    order = ["<h2>Estimate", "Recommended</th>", "<svg", "Memory at the peak by term",
             "Height of each phase", "Token lengths of the data", "The simulated step beside",
             "The largest that fits", "Recommended option", "What the hours are made of",
             "Beyond training", "What the whole plan costs", "What answering costs",
             "When tuning pays back", "Hosted tuning of the same tokens"]  # fmt: skip
    places = [page.index(mark, page.index("<h2>Estimate")) for mark in order]
    assert places == sorted(places)
    assert "Nobody said how many calls there are." in page
    assert "All GPUs" not in page, "there is one GPU only"


def test_several_gpus_get_a_matrix() -> None:
    found = v.estimate(options=(v.option(), v.option(gpu="h100", method="full", fits=False)))
    page = to_html(stopped_report(estimate=found))
    assert "All GPUs against all methods" in page
    assert ">fits, 12\u00a0%, $1.00</td>" in page


def test_the_contents_lead_to_every_section_and_can_be_skipped() -> None:
    tree = Tree(to_html(REPORTS["full"]()))
    anchors = [attributes["id"] for tag, attributes in tree.tags if tag == "section"]
    links = [
        str(attributes["href"])[1:]
        for tag, attributes in tree.tags
        if tag == "a" and str(attributes["href"]).startswith("#")
    ]
    assert links[0] == anchors[0], "the first link skips the contents"
    assert links[1:] == anchors


def test_no_two_elements_share_an_id(page: str) -> None:
    ids = [attributes["id"] for _, attributes in Tree(page).tags if "id" in attributes]
    assert len(ids) == len(set(ids))
