"""Conditions that can never hold are found; those that can are left alone."""

import pytest

from advisor.rulebook.impossible import impossible
from advisor.schema.rule import Condition
from tests.fixtures.rulebooks import VOCABULARY, compare

BY_ID = {each.id: each for each in VOCABULARY}
MANY, SCORE = "data.labelled_samples", "measured.prompted_score"
STYLE = compare("task.needs_style", "is", True)  # noqa: FBT003 - the fact's value
PLAIN = compare("task.needs_style", "is", False)  # noqa: FBT003


def faults(when):
    return list(impossible(Condition.model_validate(when), BY_ID))


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"any": []}, "`any` of nothing"),
        ({"all": [STYLE, {"any": []}]}, "`any` of nothing"),
        ({"none": [{"all": []}]}, "always holds"),
        (compare(SCORE, "at_least", 95), "not at 95"),
        ({"any": [compare(SCORE, "at_most", 1.01)]}, "not at 1.01"),
        (compare(MANY, "between", [9, 8]), "nothing lies between 9 and 8"),
        (compare(MANY, "in", []), "`in` of nothing"),
        ({"all": [compare(MANY, "at_least", 9), compare(MANY, "at_most", 8)]}, "no value"),
        (
            {"all": [compare(MANY, "at_least", 9), {"all": [compare(MANY, "is", 8)]}]},
            "no value",
        ),
        ({"all": [STYLE, PLAIN]}, "no value"),
        ({"none": [{"all": [STYLE, PLAIN]}]}, "no value"),
        (
            {"all": [compare("task.kind", "in", ["chat"]), compare("task.kind", "is_not", "chat")]},
            "no value",
        ),
    ],
)
def test_what_can_never_hold_is_told(when, words):
    (told,) = faults(when)
    assert words in told


@pytest.mark.parametrize(
    "when",
    [
        STYLE,
        {"all": []},
        {"none": []},
        {"any": [STYLE, PLAIN]},
        {"all": [compare(MANY, "at_least", 8), compare(MANY, "at_most", 8)]},
        {"all": [compare(MANY, "between", [5, 9]), compare(MANY, "in", [4, 9])]},
        {"all": [compare("task.kind", "is_not", "chat"), compare("task.kind", "is_not", "code")]},
        {"all": [compare(MANY, "at_least", 9), {"any": [compare(MANY, "at_most", 8), STYLE]}]},
        compare(SCORE, "between", [0, 1]),
    ],
)
def test_what_can_hold_is_left_alone(when):
    assert faults(when) == []
