"""The next command is complete, and says which words are blanks."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.interview.closing import (
    BASICS,
    SIZES,
    Inputs,
    changes,
    left_open,
    next_command,
)
from advisor.interview.language import load_language
from advisor.resources import rules_root
from advisor.schema.decide import Decision, OpenQuestion
from advisor.schema.profile import Profile

ALL = Inputs(
    answers=Path("my answers.yaml"),
    data=Path("d.jsonl"),
    docs=Path("docs"),
    model="8b",
    policy=Path("p.yaml"),
)


def decided(approach, **more):
    return Decision(
        approaches=(), recommended=approach, margin=0, close_call=False, next_step="", **more
    )


def line(approach, inputs, profile=Profile(), **more):  # noqa: B008 - a frozen value
    return next_command(decided(approach, **more), profile, inputs).line


MEASURED = Profile.model_validate({"measured": {"best_score": 0.6}})


@pytest.mark.parametrize("approach", ["fine_tuning", "few_shot", "rag_plus_fine_tuning"])
def test_whatever_is_advised_is_measured_first_with_everything_that_was_given(approach):
    assert line(approach, ALL) == (
        "advisor baseline --data d.jsonl --docs docs --answers 'my answers.yaml' --model 8b"
        " --policy p.yaml"
    )


def test_a_score_that_was_answered_is_not_measured():
    profile = Profile.model_validate({"measured": {"prompted_score": 0.6}})
    assert line("fine_tuning", Inputs(answers=Path("a.yaml")), profile) == (
        "advisor baseline --data SAMPLES.jsonl --answers a.yaml"
    )


@pytest.mark.parametrize(("samples", "needs"), [(0, True), (29, True), (30, False), (None, False)])
def test_too_few_samples_to_measure_are_told(samples, needs):
    profile = Profile.model_validate({"data": {"labelled_samples": samples}})
    assert next_command(decided("few_shot"), profile, Inputs()).needs_rows is needs


def test_nothing_to_be_done_leads_to_the_reasons():
    assert line("none", Inputs(answers=Path("a.yaml"))) == "advisor decide --profile a.yaml -v"


def test_without_data_the_place_of_it_is_a_blank():
    command = next_command(decided("rag"), Profile(), Inputs(answers=Path("a.yaml")))
    assert command.line == (
        "advisor baseline --data SAMPLES.jsonl --docs DOCUMENTS --answers a.yaml"
    )
    assert command.blanks == ("SAMPLES.jsonl", "DOCUMENTS")


def test_tuning_is_priced_once_the_baselines_are_measured():
    profile = MEASURED.model_copy(
        update={"model": Profile.model_validate({"model": {"parameters_billion": 27}}).model}
    )
    assert line("fine_tuning", Inputs(), profile, methods=("lora", "qlora")) == (
        "advisor estimate --model 32b --method lora --method qlora"
    )
    assert line("fine_tuning", Inputs(), MEASURED) == "advisor estimate --model 8b"
    given = Inputs(model="70b")
    assert line("fine_tuning", given, MEASURED) == "advisor estimate --model 70b"


def test_the_price_rests_on_the_answers_where_they_are_kept():
    inputs = Inputs(answers=Path("a.yaml"), policy=Path("p.yaml"))
    assert line("fine_tuning", inputs, MEASURED, methods=("lora",)) == (
        "advisor estimate --model 8b --answers a.yaml --policy p.yaml"
    )


def test_where_nothing_is_known_the_interview_goes_on():
    assert line(None, Inputs(answers=Path("a.yaml"))) == "advisor interview --answers a.yaml"


@pytest.mark.parametrize(
    ("known", "unknown", "edited"),
    [
        ({}, ("task.needs_style", *BASICS), "task.kind"),
        ({"task": {"kind": "chat"}}, BASICS[1:], "data.labelled_samples"),
    ],
)
def test_where_nobody_knows_anything_the_interview_does_not_go_in_circles(known, unknown, edited):
    profile = Profile.model_validate(known | {"unknown": unknown})
    assert line(None, Inputs(answers=Path("a.yaml")), profile) == (
        f"advisor interview --answers a.yaml --edit {edited}"
    )


def test_what_is_left_open_is_told_apart(book):
    questions = [
        OpenQuestion(fact=fact, question="", could_change=could)
        for fact, could in (
            ("task.needs_style", True),
            ("task.kind", True),
            ("knowledge.must_cite", True),
            ("data.quality", False),
        )
    ]
    profile = Profile.model_validate(
        {
            "knowledge": {"in_documents": False},
            "unknown": ["data.quality", "task.kind", "task.target"],
        }
    )
    left = left_open(decided("few_shot", open_questions=tuple(questions)), profile, book)
    assert [fact.id for fact in left.deciding] == ["task.kind"]
    assert [fact.id for fact in left.unknown] == ["data.quality", "task.target"]
    assert [fact.id for fact in left.not_asked] == ["task.needs_style"]


@pytest.mark.parametrize("size", SIZES)
def test_every_size_that_a_command_names_is_in_the_catalog(size):
    from advisor.catalog.query import find_model

    profile = MEASURED.model_copy(
        update={"model": Profile.model_validate({"model": {"parameters_billion": size}}).model}
    )
    words = shlex.split(line("fine_tuning", Inputs(), profile))
    assert find_model(words[words.index("--model") + 1]).parameters > 0


@pytest.mark.parametrize("profile", [Profile(), MEASURED])
@pytest.mark.parametrize("approach", ["fine_tuning", "rag", "none", None])
def test_the_command_takes_every_option_it_is_given(approach, profile):
    words = shlex.split(line(approach, ALL, profile))
    page = CliRunner().invoke(cli, [words[1], "--help"]).output
    assert [word for word in words if word.startswith("--") and word not in page] == []


def test_changes_are_told_in_words(book, english):
    old = Profile.model_validate({"task": {"kind": "chat", "target": 0.8}})
    new = Profile.model_validate({"task": {"kind": "code"}, "data": {"labelled_samples": 7}})
    assert changes(old, new, book, english) == [
        "task: a conversation (chat) → program code written",
        "samples with an answer: don't know → 7 samples",
        "score to be reached: 80 % → don't know",
    ]
    german = load_language(rules_root(), "de")
    assert changes(old, new, book, german)[0] == (
        "Aufgabe: ein Gespräch führen (Chat) → Programmcode schreiben"
    )
