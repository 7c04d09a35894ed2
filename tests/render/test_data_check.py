from __future__ import annotations

import pytest

from advisor.render.charts_counts import counts_chart, histogram_chart
from advisor.render.data_check import show_data_check
from advisor.render.data_check_grids import onward
from advisor.render.html_data_check import to_html
from advisor.render.markdown_data_check import to_markdown
from advisor.schema.dataset import (
    Contradictions,
    DataCheck,
    Histogram,
    Leakage,
    Problem,
    Quantiles,
    Repeats,
    SplitCounts,
    TokenLengths,
    Usefulness,
)
from tests.fixtures import values as v
from tests.fixtures.screens import screen
from tests.render.test_html import Tree

SPREAD = Quantiles(smallest=3, p50=40, p95=210, largest=1234)


def made(hostile: str = "") -> DataCheck:
    """A check with everything a check can hold; `hostile` stands wherever data does."""
    problems = (
        Problem(code="broken_json", severity="error", rows=tuple(range(35, 47)),
                message=f"12 unusable rows; line 35: broken JSON{hostile}.", hint="Look for a comma."),
        Problem(code="leakage", severity="error", rows=(4, 9), files=("a.jsonl", "b.jsonl"),
                message="2 of 5 test rows asking what a train row asks.", hint=f"Remove them.{hostile}"),
        Problem(code="near_duplicates", severity="warning", rows=tuple(range(1, 10_001)), count=25_000,
                message="25000 rows nearly repeating an earlier one."),
        Problem(code="few_rows", severity="note", rows=(), message="Few rows."),
    )  # fmt: skip
    return DataCheck(
        path=f"data{hostile}.jsonl",
        format="jsonl/messages",
        rows=30_012,
        usable_rows=30_000,
        problems=problems,
        token_lengths=TokenLengths(
            estimated_from="characters / 4", input=SPREAD, target=SPREAD, total=SPREAD
        ),
        splits=SplitCounts(given={"train": 20, "test": 5}, used=None),
        duplicates=Repeats(rows=3, share=0.1, groups=2),
        leakage=Leakage(test_rows=5, leaked_rows=2, share=0.4),
        contradictions=Contradictions(inputs=0, rows=0),
        notes=(f"The field 'note' is not used.{hostile}",),
        encoding="latin-1",
        near_duplicates=Repeats(rows=25_000, share=0.8, groups=9),
        labels={f"label {n}{hostile}": 40 - n for n in range(20)},
        languages={"en": 900, "de": 90, "fr": 10},
        histograms=(
            Histogram(
                name="target_length",
                unit="tokens",
                edges=(0, 16, 32, 64, 128, 256, 512, 1024, 2048),
                counts=(5, 120, 900, 300, 40, 0, 2, 1),
            ),
        ),
        usefulness=Usefulness(
            score=71.4, remaining=21_000, parts={"near_duplicates": 9000, "x": 0}
        ),
        looked_at={"near_duplicates": 10_000},
        sequence_length=1024,
    )


def bare() -> DataCheck:
    """A check of a file in which nothing is wrong and little was looked at."""
    everything = made()
    gone = {"problems": (), "histograms": (), "labels": None, "usefulness": None, "notes": (),
            "languages": {}, "token_lengths": None, "near_duplicates": None}  # fmt: skip
    return everything.model_copy(update=gone)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize(
    "check", [made(), made(v.HOSTILE), bare()], ids=["full", "hostile", "bare"]
)
def test_every_line_fits_and_moves_no_cursor(check: DataCheck, width: int, encoding: str) -> None:
    out = screen(show_data_check, check, width=width, encoding=encoding)
    assert max(map(len, out.splitlines())) <= width
    assert not set(out) & {"\x1b", "\x00", "\u202e"}
    flat = " ".join(out.split())
    assert "30,000 of 30,012" in flat
    for problem in check.problems:
        assert problem.code in flat


def test_the_screen_tells_rows_bars_labels_and_usefulness() -> None:
    out = screen(show_data_check, made())
    flat = " ".join(out.split())
    assert "line 35, 36, 37, 38, 39, 40, 41, 42 and 4 more" in flat
    assert "line a.jsonl:4, b.jsonl:9" in flat
    assert "and 24,992 more" in flat
    assert "2 errors, 1 warning, 1 note" in flat
    assert "Usefulness 71 of 100: 21,000 of 30,012 rows remain" in flat
    assert "Lost: near duplicates 9,000." in flat
    assert "the 12 commonest (8 more with 196 rows)" in flat
    assert "en 90 %, de 9 %, fr 1 %" in flat
    assert "jsonl/messages, latin-1" in flat
    longest = next(line for line in out.splitlines() if line.rstrip().endswith(" 900"))
    shorter = next(line for line in out.splitlines() if line.rstrip().endswith(" 300"))
    assert longest.count("█") > 2 * shorter.count("█") > 0
    assert "advisor data fix data.jsonl --out clean-data.jsonl" in flat
    assert "No problem found." in screen(show_data_check, bare())
    lengths = made().token_lengths
    assert lengths is not None
    exact = lengths.model_copy(update={"estimated_from": "counted by the tokenizer of x/y"})
    counted = made().model_copy(update={"token_lengths": exact})
    assert "Tokens per row, counted by the tokenizer of x/y" in screen(show_data_check, counted)


@pytest.mark.parametrize(
    "check", [made(), made(v.HOSTILE), bare()], ids=["full", "hostile", "bare"]
)
def test_the_page_is_whole_loads_nothing_and_names_its_parts(check: DataCheck) -> None:
    page = to_html(check)
    tree = Tree(page)
    assert tree.open == []
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in tree.tags}
    for tag, attributes in tree.tags:
        assert not [name for name in attributes if name == "src" or name.startswith("on")]
        assert str(attributes.get("href", "#")).startswith("#")
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
        if tag == "th":
            assert attributes["scope"] in {"row", "col"}
    assert "default-src 'none'" in page
    assert "@media print" in page
    assert not set(page) & {"\x1b", "\x00", "\u202e"}
    assert ("<svg" in page) == bool(check.histograms)


@pytest.mark.parametrize(
    ("path", "out"),
    [("a/b.csv", "a/clean-b.csv"), ("set", "clean-set.jsonl"), (".", "../clean-data.jsonl")],
)
def test_the_way_on_names_another_place(path: str, out: str) -> None:
    told = onward(made().model_copy(update={"path": path, "format": "csv/pairs"}))
    assert told == f"A cleaned copy: advisor data fix {path} --out {out}"


@pytest.mark.parametrize(
    ("path", "container", "out"),
    [
        ("a.json", "json", "clean-a.json"),
        ("a.json", "jsonl", "clean-a.json"),
        ("a.json.gz", "json.gz", "clean-a.json.gz"),
        ("a.csv", "jsonl", "clean-a.jsonl"),
        ("a.txt", "csv", "clean-a.jsonl"),
        ("a.parquet", "parquet", "clean-a.parquet"),
    ],
)
def test_the_way_on_can_be_gone(path: str, container: str, out: str) -> None:
    how = {"path": path, "format": f"{container}/pairs", "mapping": {"input": "a b", "target": "c"}}
    told = onward(made().model_copy(update=how))
    assert told == f"A cleaned copy: advisor data fix {path} --map 'input=a b,target=c' --out {out}"


def test_the_page_lists_every_row_it_was_given_up_to_a_limit() -> None:
    text = "".join(Tree(to_html(made())).text)
    assert "35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46" in text
    assert "500 and 24,500 more" in text
    assert "a.jsonl:4, b.jsonl:9" in text
    assert "No problem found." in "".join(Tree(to_html(bare())).text)


def test_charts_speak_and_draw_what_was_counted() -> None:
    chart = histogram_chart(made().histograms[0])
    assert "Target length, tokens: 0\u201316 5, 16\u201332 120" in chart
    assert chart.count("<rect") == 8
    assert histogram_chart(Histogram(name="x", unit="", edges=(0, 1), counts=(0,))) == ""
    assert "<b>" not in counts_chart("Rows by label", [("<b>", 2)])
    assert counts_chart("Rows by label", []) == ""


@pytest.mark.parametrize(
    "check", [made(), made(v.HOSTILE), bare()], ids=["full", "hostile", "bare"]
)
def test_markdown_escapes_and_tells_the_same(check: DataCheck) -> None:
    told = to_markdown(check)
    assert "<script" not in told
    assert "30,000 of 30,012" in told
    for problem in check.problems:
        assert f"`{problem.code}`" in told
