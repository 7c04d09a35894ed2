from __future__ import annotations

import re
from itertools import pairwise

import pytest

from advisor.render.blocks import Bullets, Chart, Code, Heading, Links, Section, Table, Text
from advisor.render.grid import Grid
from advisor.render.html import to_html
from advisor.render.html_blocks import html_section
from advisor.render.markdown import to_markdown
from advisor.render.markdown_blocks import markdown_section
from advisor.render.measured_grids import checks_grid, comparisons_grid
from advisor.render.probe_words import probe_words
from advisor.render.proof_words import calm_sentence
from advisor.render.regression_words import change_ends, segment_words
from advisor.render.sections.costs import costs, costs_grid
from advisor.render.sections.dataset import data_grid
from advisor.render.sections.failures import failures_grid
from advisor.render.sections.provenance import figures_grid
from advisor.render.sections.shipping import exports_grid
from advisor.render.sections.training import looks_grid, losses
from advisor.render.sections.verification import probes_grid, segments_grid
from advisor.schema.base import ConfidenceInterval
from advisor.schema.probe import OF_TEST_PART
from advisor.schema.report import Report
from advisor.schema.review import Review
from tests.fixtures import proofs
from tests.fixtures import values as v
from tests.fixtures.estimates import break_even, serving
from tests.fixtures.reports import REPORTS, full_report, proved_report, stopped_report

PAGES = pytest.mark.parametrize("page", [to_html, to_markdown])
BAD = v.HOSTILE


def test_each_block_is_escaped_on_both_pages():
    made = Section(
        BAD,
        (
            Text(BAD), Heading(BAD), Table(Grid((BAD,), ((BAD,),)), BAD), Bullets((BAD,)),
            Code((BAD, "```"), "bash"), Links(((BAD, "javascript:alert(1)", BAD),)),
        ),
    )  # fmt: skip
    html, markdown = html_section(made), "\n".join(markdown_section(made))
    for text in (html, markdown):
        assert not set(text) & {"\x1b", "\x00", "\u202e"}
        assert "](<javascript" not in text
    assert "<script" not in html
    assert "javascript:" not in html
    outside_code = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    assert "<script" not in outside_code
    assert markdown.count("```") == 2


def test_a_section_without_blocks_leaves_nothing():
    assert html_section(Section("x", ())) == html_section(None) == ""
    assert [*markdown_section(Section("x", ()))] == [*markdown_section(None)] == []


def test_a_chart_stands_on_the_page_and_not_in_markdown():
    made = Section("x", (Chart("A curve", lambda: "<svg></svg>"),))
    assert "<figcaption>A curve</figcaption><svg></svg>" in html_section(made)
    assert [*markdown_section(made)] == ["## x", ""]


def test_a_table_folds_where_a_page_can_fold():
    made = Section("x", (Table(Grid(("a",), (("b",),)), "Details", is_folded=True),))
    assert "<details><summary>Details</summary>" in html_section(made)
    assert "Details:" in [*markdown_section(made)]


def test_headings_never_jump_a_level_and_ids_are_never_shared():
    for name in ("proved", "priced"):
        page = to_html(REPORTS[name]())
        levels = [int(level) for level in re.findall(r"<h(\d)", page)]
        assert all(b - a <= 1 for a, b in pairwise(levels)), name
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids)), name


def test_every_table_of_the_proof_has_a_caption():
    page = to_html(REPORTS["proved"]())
    part = page[page.index("<h2>Verification") : page.index("<h2>Gate")]
    assert part.count("<table") == part.count("<caption>") >= 6


def test_parts_of_the_samples_stand_worst_first_and_small_ones_cannot_veto():
    fine = proofs.segment("fine", difference=0.1, is_worse=False, p_value=1.0)
    small = proofs.segment("small", n=9, p_value=None, interval=None, is_worse=False)
    grid = segments_grid(proofs.vetoed(segments=(fine, small, proofs.segment("bad"))))
    assert [row[0] for row in grid.rows] == ["label: bad", "label: fine", "label: small"]
    assert grid.rows[0][4:] == ("-30.0 points", "-45.0 to -15.0", "0.002", "yes")
    assert grid.rows[1][7] == "no"
    assert grid.rows[2][5:] == ("unknown", "too few to veto", "not tested")
    assert grid.headers[0] == "Segment"
    assert grid.headers[5] == "95 % interval"


def test_a_label_whose_f1_rose_says_why_it_is_not_worse():
    made_good = proofs.segment("yes", is_worse=False, baseline_f1=0.4, tuned_f1=0.6)
    fell = proofs.segment("no", baseline_f1=0.6, tuned_f1=0.4)
    rows = segments_grid(proofs.vetoed(segments=(made_good, fell))).rows
    assert {row[0]: row[7] for row in rows} == {"label: yes": "no, F1 rose", "label: no": "yes"}


def test_the_segment_that_vetoes_is_in_the_chart_however_many_there_are():
    calm = {"is_worse": False, "difference": 0.0, "p_value": 1.0}
    many = tuple(proofs.segment(f"calm {at}", **calm) for at in range(40))
    found = proofs.vetoed(segments=(*many, proofs.segment("the worst")))
    page = to_html(proved_report(verification=found))
    chart = page[page.index("Tuned minus best baseline on segments") :].partition("</svg>")[0]
    assert "the worst" in chart
    assert "calm 39" not in chart


def test_a_probe_shows_before_after_and_which_change_is_allowed():
    loss, unknown = probes_grid(proofs.vetoed()).rows
    assert loss == ("general text", "64", "0.085 nats", "1.1 nats",
                    "+1.01 nats (+0.90 to +1.13)", "+0.1 nats", "< 0.001", "yes")  # fmt: skip
    assert unknown[2:] == (
        "90.0 %", "unknown", "unknown", "+10 points", "not tested", "not tested",
    )  # fmt: skip


def test_a_change_points_the_way_its_figures_go():
    fell = {"unit": "", "before": 0.9, "after": 0.8, "worse_by": 0.1, "allowed": 0.05}
    right = proofs.probe("q", kind="task", higher_is_better=True, **fell)
    refused = proofs.probe("r", kind="refusal", **fell | {"before": 0.1, "after": 0.2})
    asked = proofs.vetoed(probes=(
        right.model_copy(update={"interval": proofs.span(0.02, 0.2)}),
        refused.model_copy(update={"interval": proofs.span(0.02, 0.2)}),
    ))  # fmt: skip
    told = [row[4:6] for row in probes_grid(asked).rows]
    assert told == [
        ("-10.0 points (-20.0 to -2.0)", "-5 points"),
        ("+10.0 points (+2.0 to +20.0)", "+5 points"),
    ]


@PAGES
def test_a_probe_on_the_floor_has_nothing_to_lose(page):
    floor = proofs.probe("mine", unit="", kind="task", higher_is_better=True, before=0.0,
                         after=0.0, worse_by=0.0, p_value=None, is_worse=False,
                         nothing_to_lose=True)  # fmt: skip
    found = proofs.vetoed("keep", probes=(floor,), segments=(), regressions=())
    assert probes_grid(found).rows[0][6:] == ("not tested", "nothing to lose")
    assert "Forgetting was not measured" in page(proved_report(verification=found))


def test_a_probe_of_few_items_is_not_called_fine():
    few = proofs.probe("few", unit="", before=0.9, after=0.1, n=12, p_value=None, is_worse=False)
    grid = probes_grid(proofs.vetoed(probes=(few,)))
    assert grid.rows[0][5:] == ("+10 points", "not tested", "not tested")
    assert grid.headers[4:] == ("Change (95 % interval)", "Allowed", "p", "Worse")
    found = proofs.vetoed("keep", probes=(few,), segments=(), regressions=())
    assert calm_sentence(found) == "What got worse is unknown: 0 of 1 probes could be tested."


def test_words_for_what_got_worse_are_in_its_own_unit():
    assert segment_words(proofs.segment()) == (
        "label refund: 80.0 % to 50.0 % (-30.0 points, n = 60)"
    )
    assert probe_words(proofs.probe()) == "general text: 0.085 to 1.1 nats per token"
    assert probe_words(proofs.probe(after=None)) == "general text: 0.085 to unknown"
    assert change_ends(proofs.regression("x", kind="failures", before=0, after=7), ()) == ("0", "7")
    assert change_ends(proofs.regression("x", before=0.9, after=0.4), ()) == ("90.0 %", "40.0 %")
    both = (proofs.probe("own", unit=""), proofs.probe("own, loss"))
    lost = proofs.regression("probe 'own, loss'", before=0.09, after=0.9)
    assert change_ends(lost, both) == ("0.090", "0.90 nats per token")
    twice = (proofs.probe("own"), proofs.probe("own", kind="task", unit=""))
    lost = proofs.regression("probe 'own' (right answers)", before=0.9, after=0.3)
    assert change_ends(lost, twice) == ("90.0 %", "30.0 %")


@PAGES
def test_without_parts_and_probes_the_page_says_that_it_does_not_know(page):
    text = page(full_report())
    assert "Differences on segments of the samples: unknown" in text
    assert "Forgetting was not measured" in text


@PAGES
def test_answers_to_the_test_part_are_no_measure_of_forgetting(page):
    own = proofs.probe("refusals", kind="refusal", unit="", source=OF_TEST_PART, is_worse=False)
    named = proofs.probe("mine", is_worse=False)
    unmeasured = proofs.probe("json", before=None, worse_by=None, p_value=None, is_worse=False)
    for probes, is_told in (((own,), True), ((own, unmeasured), True), ((own, named), False)):
        made = proofs.vetoed(verdict="keep", probes=probes, segments=(), regressions=())
        text = page(proved_report(verification=made))
        assert ("Forgetting was not measured" in text) is is_told
        assert "Nothing that was tested got worse beyond chance" in text


def test_columns_name_the_level_of_their_intervals():
    known = v.verification().comparisons
    wide = known[0].model_copy(update={"interval": proofs.span(-0.1, 0.1)})
    assert comparisons_grid((wide,)).headers[2] == "95 % interval"
    both = (
        wide,
        wide.model_copy(update={"interval": ConfidenceInterval(low=0, high=1, level=0.9)}),
    )
    assert comparisons_grid(both).headers[2] == "90 % and 95 % interval"


@PAGES
def test_no_interval_is_told_without_its_level(page):
    text = page(proved_report()).replace("\xa0", " ").replace("\\", "")
    assert "Score (90 % interval)" in text
    assert re.search(r"\bInterval\b", text) is None
    kept = page(full_report()).replace("\xa0", " ")
    assert re.search(r"points smaller, for then its \d+ % interval would hold 0", kept)


@PAGES
def test_the_proof_is_told_with_its_error_rates_and_what_is_tolerated(page):
    made = proofs.vetoed(verdict="keep", tolerated="those are routed elsewhere", regressions=())
    text = page(proved_report(verification=made))
    assert "those are routed elsewhere" in text
    assert "beyond chance: 1 of 2 segments and 1 of 2 probes were tested." in text
    assert "False alarms, in runs in which nothing differs" in text


@PAGES
def test_how_many_estimates_held_is_told(page):
    assert "1 of 1 quantities that can be compared lie inside" in page(full_report())


def test_a_machine_of_ones_own_does_not_train_for_free():
    free = v.verification().estimate_vs_measured[1].model_copy(
        update={"estimated_low": 0.0, "estimated_likely": 0.0, "estimated_high": 0.0,
                "measured": 0.0, "inside": True}
    )  # fmt: skip
    grid = checks_grid(v.verification(estimate_vs_measured=(free,)))
    assert grid.rows == (("cost", "own machine, not priced", "own machine, not priced", "unknown"),)


def test_answers_stand_side_by_side_with_their_scores():
    grid = failures_grid(list(full_report().failures)[:1])
    assert grid.headers == ("Sample", "Asked", "Wanted", "RAG", "Score", "Tuned", "Score")
    assert grid.rows[0][3:] == ("an answer", "0.00", "an answer", "0.00")


def test_what_the_data_check_did_not_look_at_is_unknown():
    grid = dict(data_grid(proofs.data_summary(rows=None, near_duplicate_rows=None)).rows)
    assert grid["usable rows"] == grid["nearly repeated inputs"] == "unknown"
    assert grid["samples of each part"].startswith("train 480, dev 60, test 240")
    assert grid["equal inputs with different targets"] == "2"


@PAGES
def test_data_that_was_not_checked_says_why(page):
    found = proofs.data_summary(problems=None, unchecked="5,000 rows are too many.")
    text = page(proved_report(beside=proofs.beside(data=found)))
    assert "The rows were not checked: 5,000 rows are too many." in text
    assert "found no problem" not in text


def test_unknown_costs_are_unknown_and_the_sum_says_what_it_leaves_out():
    grid = costs_grid(full_report())
    assert {row[1] for row in grid.rows} == {"unknown"}
    made = costs(proved_report())
    assert made is not None
    assert any(
        isinstance(b, Text) and b.line.startswith("The sum leaves out 2 of 5") for b in made.blocks
    )


@PAGES
def test_break_even_of_the_estimate_stands_beside_the_measured(page):
    prompted = serving(approach="prompting", model="gpt-4.1")
    estimate = v.estimate(
        options=(v.option(serving=serving(model="ours")),),
        serving=(serving(model="another"), prompted),
        break_even=(break_even(assumed=("1,000 calls a month",)),),
    )
    text = page(full_report(estimate=estimate))
    start = text.index("A thousand answers, as estimated")
    part = text[start : text.index("When tuning pays back", start)]
    assert part.index("ours") < part.index("gpt-4.1")
    assert "another" not in part[: part.index("gpt-4.1")]
    assert "from 143 calls a month (100 to 900)" in text
    assert "Assumed: 1,000 calls a month" in text


def test_curves_hold_train_and_dev_loss_and_mark_the_kept_step():
    training = REPORTS["proved"]().training
    assert training is not None
    assert losses(training)["dev"] == [(0, 3.1), (30, 0.4), (60, 0.5)]
    assert [row[3] for row in looks_grid(training).rows] == ["", "yes", ""]
    page = to_html(REPORTS["proved"]())
    assert "kept: step 30" in page
    assert "Exact match on the dev part by step" in page


def test_two_ends_of_the_dev_loss_are_drawn_where_nothing_is_known_between():
    training = v.train_result(dev_loss_before=4.8, dev_loss_after=0.1, kept_step=None)
    assert losses(training)["dev, before and after only"] == [(0, 4.8), (60, 0.1)]


def test_an_export_shows_how_far_it_is_what_was_evaluated():
    first, recipe = exports_grid(
        (proofs.exported(), proofs.exported("axolotl", agreement=None))
    ).rows
    assert first[3:8] == (
        "97 of 100 (97.0 %)",
        "90.0 % to 88.0 %",
        "different",
        "unknown",
        "different",
    )
    assert recipe[3] == "holds no weights"


@PAGES
def test_snippets_say_whether_they_were_run(page):
    assert "(not run here)" in page(REPORTS["proved"]()).replace("\\", "")


@PAGES
def test_peoples_preference_is_told_with_its_interval(page):
    text = page(proved_report(beside=proofs.beside(review=proofs.reviewed())))
    plain_text = text.replace("\\", "").replace("\xa0", " ")
    assert (
        "People prefer the tuned model. The tuned model's answer is preferred in 88.9 % of 9"
        in (plain_text.replace("&#x27;", "'"))
    )
    assert "95 % interval" in plain_text
    assert "sign test p 0.039" in plain_text
    assert "9 of 9 pairs, 1 reviewer" in plain_text


@PAGES
def test_a_review_that_goes_on_tells_no_winner(page):
    going = Review(baseline="rag", seed=0, planned=40, judged=12, reviewers=1)
    text = page(proved_report(beside=proofs.beside(review=going)))
    assert "Not finished yet. 12 of 40 pairs are judged." in text
    assert "tuned model better" not in text


@PAGES
def test_votes_that_are_on_nobody_knows_what_are_told(page):
    lost = Review(baseline="", seed=0, planned=0, warnings=("3 votes lie somewhere.",))
    text = page(proved_report(beside=proofs.beside(review=lost)))
    assert "3 votes lie somewhere." in text
    assert "tuned model better" not in text


def test_figures_name_kind_source_and_day():
    rows = {row[0]: row[1:] for row in figures_grid(REPORTS["proved"]()).rows}
    assert rows["price of l4-24gb at somecloud"] == (
        "from a table",
        "somecloud-prices",
        "2026-11-20",
    )
    assert rows["probe general text"][1] == "ships with the package, n = 64"


@PAGES
def test_the_whole_can_be_made_again_elsewhere(page):
    assert "again/run.json" in page(REPORTS["full"]()) or "run.json again/" in page(
        REPORTS["full"]()
    )


def test_nothing_is_said_of_what_is_not_there():
    made: Report = stopped_report()
    for page in (to_html(made), to_markdown(made)):
        for title in ("What ships", "Human check", "Estimate against measured"):
            assert title not in page
