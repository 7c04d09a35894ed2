import pytest

from advisor.errors import ConsentError
from advisor.evaluation.consent import agreed
from advisor.schema.base import Interval
from advisor.schema.purse import Bill


def bill(likely=1.0, *, cap=None, calls=10, known=True):
    expected = Interval(low=likely / 2, likely=likely, high=2 * likely) if known else None
    return Bill(price=None, calls_planned=calls, calls_cached=0, expected_usd=expected, cap_usd=cap)


def told(asked, *, may_spend=False):
    said = []
    agreed(asked, "m", may_spend=may_spend, say=said.append)
    return said


def test_what_is_free_or_not_asked_needs_no_word():
    assert told(bill(0.0)) == []
    assert told(bill(calls=0, known=False)) == []


def test_a_cap_above_the_likely_price_is_consent():
    (sentence,) = told(bill(1.0, cap=1.5))
    assert "10 calls for m: about 1.00 dollars, at most 2.00 dollars" in sentence


def test_what_the_samples_can_show_is_told_with_its_worst_case():
    asked = bill(1.0, cap=1.5).model_copy(update={"detectable": 0.081})
    assert told(asked)[0].endswith("; the test samples show a gain from 8 points on.")
    grouped = asked.model_copy(update={"detectable_by_groups": 0.23})
    assert told(grouped)[0].endswith(
        "from 8 points on, from 23 at worst, since some share a document or group and may be alike."
    )


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (bill(1.0), "nobody agreed to that"),
        (bill(1.0, cap=0.5), "more than --budget-usd 0.5"),
        (bill(known=False), "may cost anything"),
        (bill(known=False, cap=100), "may cost anything"),
    ],
)
def test_without_consent_it_is_refused_and_with_yes_it_is_told(asked, words):
    with pytest.raises(ConsentError, match=words):
        told(asked)
    assert len(told(asked, may_spend=True)) == 1


def test_a_cap_on_an_unknown_price_cannot_hold_and_says_so():
    assert "the cap of 5 dollars cannot hold" in told(bill(known=False, cap=5), may_spend=True)[0]
