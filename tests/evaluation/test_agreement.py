"""Kappa against scikit-learn and statsmodels, corrected rates by simulation, and the rule of trust."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.evaluation.agreement import (
    RULE,
    _kappas,
    agreement,
    corrected_rate,
    crossings,
    kappa,
    share,
    table_of,
    verdict,
)

LEVELS = ("1", "2", "3", "4")
ROWS = st.lists(
    st.tuples(st.sampled_from(LEVELS), st.sampled_from(LEVELS)), min_size=5, max_size=40
)


def table(rows):
    human, judge = zip(*rows, strict=True)
    return table_of(human, judge, LEVELS)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, is_weighted=st.booleans())
def test_kappa_is_scikit_learns_and_statsmodels(rows, is_weighted):
    from sklearn.metrics import cohen_kappa_score
    from statsmodels.stats.inter_rater import cohens_kappa

    if len({word for row in rows for word in row}) < 2:  # the library gives NaN and warns
        assert kappa(table(rows)).value is None
        return
    found = kappa(table(rows), is_weighted=is_weighted)
    human, judge = zip(*rows, strict=True)
    weights = "quadratic" if is_weighted else None
    theirs = cohen_kappa_score(human, judge, labels=list(LEVELS), weights=weights)
    assert found.value == pytest.approx(theirs)
    [ours] = _kappas(np.asarray([table(rows)], dtype=float), is_weighted=is_weighted)
    assert ours == pytest.approx(theirs)
    if not is_weighted:
        other = cohens_kappa(np.asarray(table(rows), dtype=float), return_results=False)
        assert found.value == pytest.approx(float(other))
    assert found.interval.low <= found.value <= found.interval.high


def test_kappas_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(5)
    cells = np.array([0.4, 0.08, 0.07, 0.45])
    [truth] = _kappas(cells.reshape(1, 2, 2) * 1e6, is_weighted=False)
    hits = 0
    for _ in range(150):
        drawn = rng.multinomial(120, cells).reshape(2, 2)
        interval = kappa(drawn.tolist(), seed=int(rng.integers(1e6))).interval
        hits += interval.low <= truth <= interval.high
    assert 0.82 <= hits / 150 <= 0.97


def test_perfect_agreement_on_few_rows_is_no_certainty():
    few, many = kappa([[4, 0], [0, 4]]), kappa([[200, 0], [0, 200]])
    assert few.value == many.value == 1
    assert few.interval.low < 0.6
    assert many.interval.low > 0.95


def test_one_verdict_throughout_says_nothing_of_skill():
    found = kappa([[0, 0], [0, 30]])
    assert found.value is None
    assert found.note
    trusted, sentence = verdict(share(30, 30), found, unreadable_share=0)
    assert trusted == "unknown"
    assert "skill cannot be told from habit" in sentence


def test_agreement_and_chance():
    found, by_chance = agreement([[30, 10], [20, 40]])
    assert found.value == pytest.approx(0.7)
    assert by_chance == pytest.approx((40 * 50 + 60 * 50) / 100**2)
    assert {(c.human, c.judge, c.count) for c in crossings([[1, 0], [2, 3]], ("n", "y"))} == {
        ("n", "n", 1),
        ("y", "n", 2),
        ("y", "y", 3),
    }


def test_rogan_and_gladen_give_the_true_rate_back():
    # 1,000 rows, 30 % good, sensitivity 0.9, specificity 0.8: 0.27 + 0.14 are called good.
    found = corrected_rate(410, 1000, table=[[80, 20], [10, 90]])
    assert found.judged == pytest.approx(0.41)
    assert found.corrected.value == pytest.approx(0.3)
    assert found.corrected.interval.low < 0.3 < found.corrected.interval.high


def test_the_labelled_rows_own_rate_is_corrected_to_what_people_said():
    (tn, fp), (fn, tp) = counts = [[37, 5], [9, 61]]
    n = tn + fp + fn + tp
    found = corrected_rate(fp + tp, n, table=counts)
    assert found.corrected.value == pytest.approx((fn + tp) / n)


def test_the_corrected_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(11)
    truth, sensitivity, specificity, hits = 0.35, 0.85, 0.9, 0
    for _ in range(400):
        good = rng.binomial(100, 0.5)
        tp, tn = rng.binomial(good, sensitivity), rng.binomial(100 - good, specificity)
        rate = truth * sensitivity + (1 - truth) * (1 - specificity)
        seen = rng.binomial(400, rate)
        found = corrected_rate(
            int(seen), 400, table=[[int(tn), int(100 - good - tn)], [int(good - tp), int(tp)]]
        ).corrected.interval
        hits += found.low <= truth <= found.high
    assert 0.85 <= hits / 400 <= 0.96


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([[5, 15], [15, 5]], "no better than chance"),
        ([[0, 0], [3, 10]], "only one kind of answer"),
    ],
)
def test_a_judge_without_skill_corrects_nothing(counts, words):
    found = corrected_rate(10, 20, table=counts).corrected
    assert found.value is None
    assert words in found.note


@pytest.mark.parametrize(
    ("counts", "more", "trusted", "words"),
    [
        ([[95, 5], [5, 95]], {}, "yes", "it may stand in for people on rows like these"),
        ([[60, 40], [40, 60]], {}, "no", "it may not stand in for people; another rubric"),
        ([[9, 1], [1, 9]], {}, "unknown", "too few rows"),
        ([[95, 5], [5, 95]], {"unreadable_share": 0.2}, "no", "20% of its verdicts cannot be read"),
        ([[95, 5], [5, 95]], {"consistency": share(30, 100)}, "no", "only 30% of its verdicts"),
        ([[95, 5], [5, 95]], {"consistency": share(90, 100)}, "yes", "may stand in"),
    ],
)
def test_the_rule_of_trust(counts, more, trusted, words):
    found, _ = agreement(counts)
    told = verdict(found, kappa(counts), **({"unreadable_share": 0.0} | more))
    assert told[0] == trusted
    assert words in told[1]
    assert "Landis and Koch" in RULE


def test_a_poor_judge_is_hardly_ever_trusted_and_a_good_one_is():
    rng = np.random.default_rng(3)

    def trusted(truth, rows):
        wrong = (1 - truth) / 4
        cells = [0.5 - wrong, wrong, wrong, 0.5 - wrong]
        tables = rng.multinomial(rows, cells, size=60).reshape(-1, 2, 2).tolist()
        return sum(kappa(t).interval.low >= 0.6 for t in tables) / 60

    assert trusted(0.45, 100) <= 0.05
    assert trusted(0.6, 100) <= 0.15
    assert trusted(0.9, 100) >= 0.95


def test_how_many_more_rows_would_tell_is_said():
    counts = [[26, 4], [5, 25]]
    found, _ = agreement(counts)
    _, sentence = verdict(found, kappa(counts), unreadable_share=0)
    assert "about " in sentence
    assert "labelled rows would, if its kappa stays as it is" in sentence


def test_nothing_compared_is_unknown_unless_the_judge_itself_is_in_the_way():
    nothing = share(0, 0)
    assert verdict(nothing, nothing, unreadable_share=0)[0] == "unknown"
    assert verdict(nothing, nothing, unreadable_share=1)[0] == "no"
    assert verdict(nothing, nothing, unreadable_share=0, consistency=share(0, 20))[0] == "no"
