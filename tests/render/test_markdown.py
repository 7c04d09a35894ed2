from __future__ import annotations

import re

import pytest

from advisor.render.grid import Grid
from advisor.render.markdown import to_markdown
from advisor.render.markdown_parts import code, escape, paragraph, prose, table
from advisor.schema.decide import Setting
from advisor.schema.report import Report
from tests.fixtures import values as v
from tests.fixtures.reports import REPORTS, early_report, stopped_report


def cells(line: str) -> int:
    """Cells of a table line; an escaped bar splits nothing."""
    return len(re.split(r"(?<!\\)\|", line.strip())) - 2


@pytest.fixture(params=REPORTS)
def report(request: pytest.FixtureRequest) -> Report:
    return REPORTS[request.param]()


def test_every_table_has_as_many_cells_in_each_row(report: Report) -> None:
    lines = to_markdown(report).splitlines()
    tables = 0
    for number, line in enumerate(lines):
        if re.fullmatch(r"\|( -+:? \|)+", line):
            tables += 1
            width = cells(line)
            assert cells(lines[number - 1]) == width
            for row in lines[number + 1 :]:
                if not row.startswith("|"):
                    break
                assert cells(row) == width, row
    assert tables >= 2


def test_no_html_escape_sequence_or_bidi_mark_gets_through(report: Report) -> None:
    text = to_markdown(report)
    outside_code = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    assert "<script" not in outside_code
    assert not set(text) & {"\x1b", "\x00", "\u202e"}


def test_only_our_own_headings_are_headings(report: Report) -> None:
    outside_code = re.sub(r"^```.*?^```", "", to_markdown(report), flags=re.DOTALL | re.MULTILINE)
    headings = [line for line in outside_code.splitlines() if re.match(r"#+ ", line)]
    known = {"Decision", "Profile", "What would change the verdict", "Estimate against measured",
             "Estimate", "Scores", "Gate", "Training", "Verification", "Failures side by side",
             "Data", "Cost so far and break-even", "Break-even", "Human check", "What ships",
             "Warnings", "Provenance", "How to reproduce"}  # fmt: skip
    assert headings[0].startswith("# ")
    for heading in headings[1:]:
        title = heading.lstrip("# ")
        assert title in known or title.startswith(("Recommended option: ", "Export "))


def test_the_verdict_comes_first_and_the_sections_in_order() -> None:
    text = to_markdown(REPORTS["proved"]())
    order = ["**Discard the tuned model", "## Decision", "## What would change the verdict",
             "## Estimate against measured", "## Scores", "## Verification",
             "## Failures side by side", "## Gate", "## Data", "## Cost so far and break-even",
             "## Estimate\n", "## Training", "## Human check", "## What ships", "## Warnings",
             "## Provenance", "## How to reproduce"]  # fmt: skip
    places = [text.index(heading) for heading in order]
    assert places == sorted(places)


def test_stages_that_did_not_run_have_no_section() -> None:
    text = to_markdown(REPORTS["early"]())
    for heading in ("Estimate", "Scores", "Gate", "Training", "Verification", "Failures", "Data",
                    "Cost so far", "Human check", "What ships", "What would"):  # fmt: skip
        assert f"## {heading}" not in text


def test_what_is_unknown_is_called_unknown() -> None:
    text = to_markdown(REPORTS["full"]())
    row = next(line for line in text.splitlines() if line.startswith("| full on"))
    assert row.endswith("| unknown | unknown |")
    assert "| cost | unknown | unknown | unknown |" in text
    assert "| unknown | Cost within budget | unknown |" in text


def test_a_known_source_is_linked_and_an_unsafe_address_is_not() -> None:
    assert "](<https://arxiv.org/abs/2005.11401>)" in to_markdown(REPORTS["full"]())
    assert "javascript:" not in to_markdown(REPORTS["hostile"]())


def test_markdown_in_data_stays_text() -> None:
    assert escape("*a* [b](c) `d` | <e> _f_ snake_case") == (
        r"\*a\* \[b\](c) \`d\` \| &lt;e&gt; \_f\_ snake_case"
    )
    assert paragraph("1. item") == r"1\. item"
    assert paragraph("- item") == r"\- item"
    assert paragraph("# head") == r"\# head"
    assert code("a `b`") == "`a 'b'`"


def test_commands_in_our_own_prose_stay_code() -> None:
    assert prose("Run `advisor run` *now*") == r"Run `advisor run` \*now\*"
    assert prose("one ` alone") == r"one \` alone"
    assert prose("- `a`") == r"\- `a`"


def test_a_rule_is_told_once_with_everything_it_moves() -> None:
    text = to_markdown(REPORTS["full"]())
    assert text.count("A model cannot know what it has not read") == 1
    assert "favour RAG (strong); oppose fine-tuning (weak)" in text


def test_numbers_stand_flush_right() -> None:
    grid = Grid(("a", "b"), (("x", "1"),), right=(1,))
    assert table(grid) == ["| a | b |", "| --- | ---: |", "| x | 1 |", ""]


def test_an_empty_table_is_left_out() -> None:
    assert table(Grid(("a",), ())) == []


def test_failures_are_shown_with_what_was_asked_and_wanted() -> None:
    text = to_markdown(REPORTS["full"]())
    assert "| Sample | Asked | Wanted | RAG | Score | Tuned | Score |" in text
    told = r"\| s19\d \| question 19\d \| answer 19\d \| an answer \| 0.00 \| an answer \| 0.00 \|"
    assert len(re.findall(told, text)) == 5


def test_failures_without_the_samples_at_hand_say_unknown() -> None:
    text = to_markdown(stopped_report(samples=()))
    assert "| Sample | Asked | Wanted | RAG | Score |" in text
    assert len(re.findall(r"\| s1\d\d \| unknown \| unknown \| an answer \| 0.00 \|", text)) == 8


def test_options_beyond_the_first_ten_are_counted() -> None:
    text = to_markdown(stopped_report(estimate=v.estimate(options=(v.option(),) * 13)))
    assert "3 more options stand in `3-estimate.json`." in text
    assert text.count("| LoRA on l4-24gb |") == 10


def test_when_nothing_fits_the_nearest_plan_is_named() -> None:
    estimate = v.estimate(recommended=None, nearest="QLoRA with rank 8 on a 48 GiB card")
    text = to_markdown(stopped_report(estimate=estimate))
    assert "No option fits." in text
    assert "QLoRA with rank 8" in text


def test_the_estimate_tells_plan_money_and_checks() -> None:
    text = to_markdown(REPORTS["priced"]())
    assert "| Recommended | LoRA on l4-24gb from somecloud: fits, 99 %;" in text
    assert "| GiB | LoRA | QLoRA | full |\n| --- | ---: | ---: | ---: |\n| weights | 1.20 |" in text
    assert "| backward | &gt; 2.00 | - | - |" in text
    for caption in ("Token lengths of the data:", "The largest that fits:",
                    "What the hours are made of:", "When tuning pays back:"):  # fmt: skip
        assert caption in text
    assert "| never |" in text
    assert "- Break-even compares money alone." in text


def test_what_rules_fill_stands_beside_what_the_plan_has() -> None:
    settings = (
        Setting(key="evaluations", value=5, rule_id="looks", because={}),
        Setting(key="lora.rank", value=16, rule_id="ranks", because={}),
    )
    decision = v.decision(settings=settings)
    plan = v.plan(evaluations=0, rank=8, reasons={"rank": "--rank"})
    estimate = v.estimate(options=(v.option(plan=plan),))
    text = to_markdown(early_report(decision=decision, estimate=estimate))
    assert "| Setting | Value | Rule | Because | In the plan |" in text
    assert "| evaluations | 5 | looks |  | 0 |" in text
    assert "| 8 (--rank) |" in text
    assert "In the plan" not in to_markdown(early_report(decision=decision))
