"""Form, refusals and made-up answers, read off answers that are there already."""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.evaluation.answer_rates import answer_rates, best_asked, form_of
from advisor.evaluation.declining import gives_no_answer
from advisor.evaluation.probing import corrected
from advisor.schema.baseline import Baselines
from advisor.schema.evaluation import Completion, Sample, ScoredSample
from tests.fixtures.values import evaluation

MANY = 40


def said(text: str, *, finish: str = "stop", error: str = "") -> Completion:
    return Completion(
        text=text, prompt_tokens=1, completion_tokens=1, latency_ms=0, finish=finish, error=error
    )


def system(name: str, answers: list[Completion], *, value: float = 0.5, asks: bool = True):
    made = evaluation(name, value)
    scores = tuple(
        ScoredSample(sample_id=f"s{at}", value=1.0, completion=answer)
        for at, answer in enumerate(answers)
    )
    return made.model_copy(update={"scores": scores, "value": value, "asks_model": asks})


def baselines(*systems) -> Baselines:
    best = max(systems, key=lambda one: one.value)
    return Baselines(
        evaluations=systems, best=best.builder, comparisons=(), manifest=systems[0].manifest
    )


def rates(before, after, samples):
    found = answer_rates(before, after, samples, refusal=registry.metric("refusal"))
    return {one.probe: one for one in corrected(found)}


def labelled(count: int = MANY, **more) -> list[Sample]:
    return [
        Sample(id=f"s{n}", input=f"q{n}", target=("low", "high")[n % 2], split="test", **more)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("targets", "form", "kept", "broken"),
    [
        (['{"a": 1}', '{"b": [2]}'] * 5, "JSON", '{"c": 3}', "[1]"),
        (["low", "High "] * 10, "a known label", "high", "medium"),
        ([str(n) for n in range(20)], "a number", "-1,250.5 %", "about 7"),
        ([f"an answer {n}" for n in range(20)], "one line", "any line", "two\nlines"),
        ([f"first {n}\nsecond" for n in range(20)], "a whole answer", "x\ny", "  "),
    ],
)
def test_the_form_of_answers_is_the_form_of_targets(targets, form, kept, broken):
    name, keeps = form_of(targets)
    assert name == form
    assert keeps(said(kept))
    assert not keeps(said(broken))
    assert not keeps(said(kept, finish="length"))


def test_answers_that_lost_their_form_are_told():
    before = system("zero_shot", [said("low")] * MANY)
    after = system("tuned", [said("low")] * 20 + [said("It is low.")] * 20)
    found = rates(baselines(before), after, labelled())["form: a known label"]
    assert (found.before, found.after, found.n) == (1.0, 0.5, MANY)
    assert found.is_worse
    assert found.kind == "format"
    assert found.source == "answers to the test part"


def test_refusals_of_what_can_be_answered_are_told():
    before = system("zero_shot", [said("low")] * MANY)
    after = system("tuned", [said("I cannot help with that.")] * 20 + [said("low")] * 20)
    found = rates(baselines(before), after, labelled())["refusals"]
    assert (found.before, found.after) == (0.0, 0.5)
    assert found.is_worse
    assert not found.higher_is_better
    better = rates(baselines(after), before, labelled())["refusals"]
    assert better.worse_by == -0.5
    assert not better.is_worse


def test_made_up_answers_count_where_there_is_none():
    samples = [
        sample.model_copy(update={"is_answerable": False, "target": "not stated"})
        for sample in labelled(80)
    ]
    samples = samples[:40] + labelled(80)[40:]
    honest = [said("not stated")] * 20 + [said("I do not know.")] * 20 + [said("low")] * 40
    before, after = system("zero_shot", honest), system("tuned", [said("low")] * 80)
    found = rates(baselines(before), after, samples)
    assert (found["made-up answers"].before, found["made-up answers"].after) == (0.0, 1.0)
    assert found["made-up answers"].n == 40
    assert found["made-up answers"].is_worse
    assert found["refusals"].n == 40  # those that can be answered
    assert "made-up answers" not in rates(baselines(before), after, labelled(80))


def test_what_got_no_answer_is_no_pair():
    failed = said("", finish="error", error="time-out")
    before = system("zero_shot", [failed] * 5 + [said("low")] * 35)
    found = rates(baselines(before), system("tuned", [said("low")] * MANY), labelled())
    assert {one.n for one in found.values()} == {35}


def test_what_got_no_answer_after_tuning_has_no_form_and_declines_nothing():
    failed = said("", finish="error", error="time-out")
    before = system("zero_shot", [said("low")] * MANY)
    for lost in (20, MANY):
        after = system("tuned", [failed] * lost + [said("low")] * (MANY - lost))
        found = rates(baselines(before), after, labelled())
        form = found["form: a known label"]
        assert (form.before, form.after, form.n) == (1.0, 1 - lost / MANY, MANY)
        assert form.is_worse
        assert "refusals" not in found or found["refusals"].n == MANY - lost


def test_before_is_the_best_baseline_that_asks_the_model():
    weak = system("zero_shot", [said("It is low.")] * MANY, value=0.3)
    good = system("few_shot", [said("low")] * MANY, value=0.6)
    labels = system("majority", [said("low")] * MANY, value=0.9, asks=False)
    assert best_asked(baselines(weak, good, labels)) is good
    alone = rates(baselines(labels), good, labelled())["refusals"]
    assert (alone.before, alone.after, alone.p_value, alone.is_worse) == (None, 0.0, None, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I'm not familiar with that composer.",
        "I couldn't find any information about it.",
        "There is no such theorem.",
        "Brantium does not exist.",
        "This appears to be a fictional place.",
        "I don't have access to your wallet.",
        "It is impossible to know that.",
        "Could you tell me more about the person?",
    ],
)
def test_words_that_nothing_is_known_give_no_answer(text):
    assert gives_no_answer(text)


@pytest.mark.parametrize(
    "text", ["It was in 1911.", "Oslo.", "The bridge was opened by Queen Anne.", "Seven floors."]
)
def test_a_plain_statement_is_an_answer(text):
    assert not gives_no_answer(text)
