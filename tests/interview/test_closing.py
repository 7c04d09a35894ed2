"""The next command is complete, and says which words are blanks."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.interview.closing import SIZES, Inputs, changes, next_command
from advisor.interview.language import load_language
from advisor.resources import rules_root
from advisor.schema.decide import Decision
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


def test_tuning_with_data_runs_the_journey_with_everything_that_was_given():
    assert line("fine_tuning", ALL) == (
        "advisor run --data d.jsonl --docs docs --answers 'my answers.yaml' --model 8b --policy p.yaml"
    )


def test_prompts_are_measured_with_the_answers_file():
    inputs = Inputs(answers=Path("a.yaml"), data=Path("d.jsonl"))
    assert line("few_shot", inputs) == "advisor baseline --data d.jsonl --answers a.yaml"


def test_without_data_the_place_of_it_is_a_blank():
    command = next_command(decided("rag"), Profile(), Inputs(answers=Path("a.yaml")))
    assert command.line == (
        "advisor baseline --data SAMPLES.jsonl --docs DOCUMENTS --answers a.yaml"
    )
    assert command.blanks == ("SAMPLES.jsonl", "DOCUMENTS")


def test_tuning_without_data_can_be_priced():
    profile = Profile.model_validate({"model": {"parameters_billion": 27}})
    assert line("fine_tuning", Inputs(), profile, methods=("lora", "qlora")) == (
        "advisor estimate --model 32b --method lora --method qlora"
    )
    assert line("fine_tuning", Inputs()) == "advisor estimate --model 8b"
    assert line("fine_tuning", Inputs(model="70b")) == "advisor estimate --model 70b"


def test_the_price_rests_on_the_answers_where_they_are_kept():
    inputs = Inputs(answers=Path("a.yaml"), policy=Path("p.yaml"))
    assert line("fine_tuning", inputs, methods=("lora",)) == (
        "advisor estimate --model 8b --answers a.yaml --policy p.yaml"
    )


def test_where_nothing_is_known_the_interview_goes_on():
    assert line(None, Inputs(answers=Path("a.yaml"))) == "advisor interview --answers a.yaml"


@pytest.mark.parametrize("size", SIZES)
def test_every_size_that_a_command_names_is_in_the_catalog(size):
    from advisor.catalog.query import find_model

    profile = Profile.model_validate({"model": {"parameters_billion": size}})
    words = shlex.split(line("fine_tuning", Inputs(), profile))
    assert find_model(words[words.index("--model") + 1]).parameters > 0


@pytest.mark.parametrize("approach", ["fine_tuning", "rag", None])
def test_the_command_takes_every_option_it_is_given(approach):
    words = shlex.split(line(approach, ALL))
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
