"""Causes of failures and retrieval scores on every page."""

import io

import pytest

from advisor.render.advice_grids import WORTH
from advisor.render.diagnosis_grids import (
    causes_grid,
    examples_grid,
    levers,
    retrieval_grid,
    retrieval_remarks,
    system_name,
)
from advisor.render.evaluation import show_baselines
from advisor.render.html import to_html
from advisor.render.markdown import to_markdown
from advisor.render.terminal import make_console
from advisor.rulebook.handover import builders_worth_measuring
from advisor.schema.diagnosis import (
    CAUSE_WORDS,
    Cause,
    CauseCount,
    Diagnosis,
    FailedSample,
    RetrievalScores,
)
from tests.fixtures import values as make
from tests.fixtures.reports import stopped_report

SENTENCE = "31 of 65 failures: the fact stands in a document but was not among the 3 shown."


def failed(cause="not_retrieved", text="9 litres", **changes):
    base = {
        "sample_id": "s7", "cause": cause, "input": "How much oil?", "expected": "3 litres",
        "got": text, "because": "a document holds the reference", "where": "pump.md",
    }  # fmt: skip
    return FailedSample(**base | changes)


def diagnosis(**changes):
    base = {
        "failures": 65,
        "n": 200,
        "causes": (
            CauseCount(cause="not_retrieved", count=31, share=31 / 65),
            CauseCount(cause="ignored", count=20, share=20 / 65),
            CauseCount(cause="wrong", count=14, share=14 / 65),
        ),
        "examples": (failed(), failed("ignored"), failed("wrong", where="")),
        "lever": "passages",
        "sentence": SENTENCE,
    }
    return Diagnosis(**base | changes)


def retrieval(**changes):
    base = {
        "n": 180, "without": 20, "judged_by": "document", "shown": 3, "mrr": 0.7, "ndcg": 0.75,
        "recall": {1: 0.6, 3: 0.8, 5: 0.9}, "recall_interval": make.confidence(0.8),
    }  # fmt: skip
    return RetrievalScores(**base | changes)


def baselines(**changes):
    """Three systems: the best retrieves, one asks no language model."""
    found = (
        make.evaluation("zero_shot", 0.3, diagnosis=diagnosis(sentence="140 of 140 failures: no.")),
        make.evaluation("embedding_classifier", 0.5, asks_model=False),
        make.evaluation("rag", 0.675, diagnosis=diagnosis(), retrieval=retrieval()),
    )
    return make.baselines(evaluations=found, best="rag", **changes)


def shown(found):
    stream = io.StringIO()
    show_baselines(make_console(stream, color=False), found)
    return stream.getvalue()


def test_the_terminal_shows_causes_an_example_of_each_and_the_lever():
    text = shown(baselines())
    for words in (
        "fact in a document, not shown",
        "RAG, 65 failures",
        'wanted "3 litres", got "9 litres" (pump.md)',
        "Recall 3",
        "80.0 %",
        "0.700",
        "20 samples without a passage",
        "embedding classifier*",
        "* no language model",
    ):
        assert words in text, words
    assert "Failures of RAG: 31 of 65 failures" in text
    assert max(map(len, text.splitlines())) <= 80


def test_without_a_diagnosis_nothing_is_said_of_failures():
    text = shown(make.baselines())
    assert "Failures of" not in text
    assert "Recall" not in text
    assert "no language model" not in text


def test_every_cause_has_words():
    assert set(CAUSE_WORDS) == set(Cause.__args__)


def test_shares_and_counts_are_those_of_the_diagnosis():
    grid = causes_grid(diagnosis())
    assert grid.rows[0] == ("fact in a document, not shown", "31", "48 %")
    assert [row[1] for row in examples_grid(diagnosis()).rows] == ["s7"] * 3


def test_the_best_system_comes_first():
    assert [line.split(":")[0] for line in levers(baselines())] == ["RAG", "zero-shot"]


def test_recall_by_depth():
    grid = retrieval_grid(baselines().evaluations)
    assert grid.headers == (
        "Retrieval", "Shown", "Recall 1", "Recall 3", "Recall 5", "MRR", "nDCG", "n",
    )  # fmt: skip
    assert grid.rows == (("RAG", "3", "60.0 %", "80.0 %", "90.0 %", "0.700", "0.750", "180"),)
    (told,) = retrieval_remarks(baselines().evaluations)
    assert "recall at the 3 shown is 7" in told
    assert "(90 % interval)" in told


@pytest.mark.parametrize(
    ("asks", "name"), [(True, "majority"), (False, "majority (no language model)")]
)
def test_what_asks_no_model_says_so(asks, name):
    assert system_name(make.evaluation("majority", asks_model=asks)) == name


@pytest.mark.parametrize("page", [to_html, to_markdown])
def test_reports_hold_causes_examples_lever_and_recall(page):
    text = page(stopped_report(baselines=baselines())).replace("\u00a0", " ")
    for words in (
        "Why answers failed",
        "31 of 65 failures",
        "passage shown, ignored",
        "How much oil?",
        "Recall 5",
        "140 of 140 failures",
        "(no language model)",
    ):
        assert words in text, words


def test_the_html_report_draws_a_bar_for_each_cause():
    text = to_html(stopped_report(baselines=baselines()))
    start = text.index("<h2>Why answers failed")
    chart = text[start : text.index("</svg>", start)]
    assert chart.count("bar k0") == 3


@pytest.mark.parametrize("page", [to_html, to_markdown])
def test_retrieval_is_shown_where_nothing_failed(page):
    found = make.evaluation("rag", 1.0, retrieval=retrieval())
    only = make.baselines(evaluations=(found,), best="rag", comparisons=())
    text = page(stopped_report(baselines=only))
    assert "Recall 3" in text
    assert "Why answers failed" not in text


@pytest.mark.parametrize("page", [to_html, to_markdown, None])
def test_hostile_text_stays_text(page):
    bad = make.HOSTILE
    told = failed(text=bad, input=bad, expected=bad, because=bad, where=bad, sample_id=bad)
    evil = diagnosis(sentence=bad, examples=(told,))
    found = make.evaluation("rag", 0.5, diagnosis=evil, retrieval=retrieval())
    only = make.baselines(evaluations=(found,), best="rag", comparisons=())
    text = shown(only) if page is None else page(stopped_report(baselines=only))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert page is not to_html or "<script>" not in text


@pytest.mark.parametrize("page", [to_html, to_markdown])
def test_what_is_worth_measuring_says_why(page):
    named = make.decision(builders=("zero_shot", "few_shot_similar", "own_plugin"))
    text = page(stopped_report(decision=named, gate=None)).replace("\u00a0", " ")
    assert "similar few-shot" in text
    assert "worth five times as many random ones" in text
    assert "own plugin" in text


def test_every_builder_worth_measuring_has_a_reason():
    facts = {
        "data.train_samples": 100, "data.classes": 3, "data.answer_in_input_share": 1.0,
        "knowledge.in_documents": True, "knowledge.document_characters": 9,
    }  # fmt: skip
    assert set(builders_worth_measuring(facts, ["prompt_optimisation"])) == set(WORTH)
