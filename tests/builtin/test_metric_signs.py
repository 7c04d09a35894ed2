"""Signs that end a word are part of it, and an idle 'no' is no label."""

from __future__ import annotations

import pytest

from advisor.builtin.metrics.labels import given_label
from advisor.builtin.metrics.normalise import squad_normalised
from advisor.builtin.metrics.token_f1 import shared_words_f1
from advisor.evaluation.suggest import misfit
from advisor.schema.evaluation import Sample


def test_languages_with_signs_are_told_apart() -> None:
    assert len({squad_normalised(text) for text in ("C", "C#", "C++")}) == 3
    assert squad_normalised("C++.") == squad_normalised("c++")
    assert squad_normalised("#1 a+b, 5 %") == "1 ab 5"
    assert shared_words_f1("C#", "C++") == shared_words_f1("C", "C++") == 0
    assert shared_words_f1("It is C++.", "it is C++") == 1


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("Yes, it is no problem", "yes"),
        ("Yes, no doubt about it.", "yes"),
        ("No, there is no need.", "no"),
        ("Yes and no", None),
        ("Yes, but no.", None),
        ("Well, yes or no", None),
    ],
)
def test_an_idle_no_is_no_label(answer: str, label: str | None) -> None:
    assert given_label(answer, "yes", ("yes", "no")) == label


def test_a_judge_suits_every_target() -> None:
    labels = [Sample(id=str(n), input="q", target=("yes", "no")[n % 2]) for n in range(20)]
    assert misfit("judge", labels) == ""
    assert misfit("bleu", labels)
