import random
from math import comb

import pytest

from advisor.errors import StaleArtifactError
from advisor.evaluation.compare import (
    compare,
    compare_all,
    exact_mcnemar,
    holm,
    items_needed,
    paired_share_interval,
    sign_flip,
)
from advisor.evaluation.stopping import watch_difference
from tests.fixtures import values as make


def system(name, scores, **manifest):
    return make.evaluation(
        name,
        value=sum(scores) / len(scores),
        n=len(scores),
        scores=tuple(make.scored(number, value) for number, value in enumerate(scores)),
        manifest=make.manifest(samples=len(scores), **manifest),
    )


def table(both, only_a, only_b, neither):
    a = [1.0] * (both + only_a) + [0.0] * (only_b + neither)
    b = [1.0] * both + [0.0] * only_a + [1.0] * only_b + [0.0] * neither
    return a, b


def test_an_id_that_stands_twice_is_refused_not_dropped():
    twice = system("rag", [1.0, 0.0, 1.0])
    first = twice.scores[0]
    twice = twice.model_copy(update={"scores": (first, first, first)})
    with pytest.raises(StaleArtifactError, match="more than once, the first is"):
        compare(twice, twice)


def test_the_difference_is_b_minus_a():
    a, b = table(50, 5, 30, 15)
    found = compare(system("rag", a), system("tuned", b))
    assert (found.a, found.b, found.n) == ("rag", "tuned", 100)
    assert found.difference == pytest.approx(0.25)
    assert (found.only_a, found.only_b) == (5, 30)
    assert found.interval.low < 0.25 < found.interval.high
    assert found.test == "exact McNemar"


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (0, 5), (3, 9), (10, 10), (1, 40)])
def test_mcnemar_counts_the_binomial_tail(only_a, only_b):
    n, k = only_a + only_b, min(only_a, only_b)
    expected = min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)
    assert exact_mcnemar(only_a, only_b) == pytest.approx(expected)


def test_newcombes_own_table_gives_newcombes_own_interval():
    # Newcombe, Statistics in Medicine 17 (1998), method 10 on cells 36, 12, 2, 0 at 95 %.
    b, a = table(36, 12, 2, 0)
    found = paired_share_interval(a, b, level=0.95)
    assert found.low == pytest.approx(0.0569, abs=0.0005)
    assert found.high == pytest.approx(0.3404, abs=0.0005)


def test_equal_answers_leave_room_for_chance():
    a, b = table(90, 0, 0, 10)
    found = compare(system("a", a), system("b", b))
    assert found.p_value == 1
    assert found.difference == 0
    assert found.interval.low < 0 < found.interval.high


def test_partial_scores_use_the_permutation_test():
    draw = random.Random(2)
    a = [draw.random() * 0.8 for _ in range(60)]
    b = [min(1.0, value + draw.uniform(0, 0.3)) for value in a]
    found = compare(system("a", a), system("b", b))
    assert found.test == "paired sign-flip permutation"
    assert found.p_value <= 0.001
    assert found.interval.low > 0


def test_the_permutation_test_equals_the_count_of_all_reversals():
    differences = [0.3, -0.1, 0.2, 0.4, 0.05, -0.2, 0.1, 0.3]
    n = len(differences)
    sums = [
        abs(sum(d if mask >> i & 1 else -d for i, d in enumerate(differences)))
        for mask in range(2**n)
    ]
    expected = sum(s >= abs(sum(differences)) - 1e-12 for s in sums) / 2**n
    assert sign_flip(differences, seed=0) == pytest.approx(expected, abs=0.015)
    assert sign_flip(differences, seed=0) == sign_flip(differences, seed=0)


@pytest.mark.parametrize("values", [[0.5] * 30, [0.2, 0.3]])
def test_partial_scores_without_spread_leave_room_for_chance(values):
    found = compare(system("a", values), system("b", values))
    assert found.p_value == 1
    assert found.interval.low < 0 < found.interval.high


def test_holm_against_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


def test_every_pair_is_compared_once_and_corrected():
    a, b = table(50, 5, 18, 27)
    systems = [system("zero_shot", a), system("few_shot", a), system("rag", b)]
    found = compare_all(systems)
    assert [(c.a, c.b) for c in found] == [
        ("zero_shot", "few_shot"), ("zero_shot", "rag"), ("few_shot", "rag"),
    ]  # fmt: skip
    assert found[1].p_value == pytest.approx(3 * exact_mcnemar(5, 18))


@pytest.mark.parametrize("other", [
    system("b", [1.0] * 9),
    system("b", [1.0] * 10, dataset_digest="another"),
    system("b", [1.0] * 10).model_copy(update={"metric": "contains"}),
])  # fmt: skip
def test_other_samples_data_or_metric_are_refused(other):
    with pytest.raises(StaleArtifactError, match="same samples with the same metric"):
        compare(system("a", [1.0] * 10), other)


def test_the_order_of_samples_does_not_matter():
    a, b = table(30, 5, 20, 45)
    one, two = system("a", a), system("b", b)
    assert compare(one, two.model_copy(update={"scores": two.scores[::-1]})) == compare(one, two)


def with_groups(evaluation, size):
    scores = tuple(
        score.model_copy(update={"group": f"d{number // size}"})
        for number, score in enumerate(evaluation.scores)
    )
    return evaluation.model_copy(update={"scores": scores})


def test_samples_of_one_document_are_flipped_together():
    a = [0.0] * 60
    b = [1.0] * 20 + [0.0] * 40
    plain = compare(system("a", a), system("b", b))
    found = compare(with_groups(system("a", a), 10), with_groups(system("b", b), 10))
    assert plain.p_value < 0.001
    assert found.test == "cluster paired sign-flip permutation over 6 groups"
    assert found.p_value == pytest.approx(0.5, abs=0.02)  # 2 of 6 documents: 2 of 4 reversals
    assert found.interval.low < 0 < plain.interval.low
    assert found.items_needed > plain.items_needed


@pytest.mark.parametrize("groups", [5, 20])
def test_clustered_comparisons_keep_their_level_where_plain_ones_do_not(groups):
    plain = clustered = covered = 0
    for seed in range(60):
        draw = random.Random(seed)
        a, b = [], []
        for _ in range(groups):
            lean = draw.choice([-0.5, 0.5])
            for _ in range(10):
                same = draw.random()
                a.append(same)
                b.append(min(1.0, max(0.0, same + lean * draw.random() * min(same, 1 - same))))
        one, two = system("a", a), system("b", b)
        plain += compare(one, two).p_value <= 0.1
        found = compare(with_groups(one, 10), with_groups(two, 10))
        clustered += found.p_value <= 0.1
        covered += found.interval.low <= 0 <= found.interval.high
    assert clustered <= 6 + 6
    assert covered >= 48
    assert plain > 18


def f1(totals):
    return 2 * totals.get("tp", 0) / max(1.0, 2 * totals.get("tp", 0) + totals.get("wrong", 0))


def counted(name, rights):
    scores = tuple(
        make.scored(number, 0.0).model_copy(update={"totals": {"tp": 1.0} if r else {"wrong": 2.0}})
        for number, r in enumerate(rights)
    )
    return system(name, [0.0] * len(rights)).model_copy(update={"scores": scores})


def test_totals_are_swapped_and_drawn_in_pairs():
    a, b = table(50, 5, 30, 15)
    found = compare(counted("a", a), counted("b", b), value_of=f1)
    exact = compare(system("a", a), system("b", b))
    assert found.difference == pytest.approx(0.25)  # here F1 is the share of right answers
    assert found.test == "paired swap permutation of totals"
    assert found.interval.low == pytest.approx(exact.interval.low, abs=0.02)
    assert found.interval.high == pytest.approx(exact.interval.high, abs=0.02)
    assert found.p_value <= 0.002
    assert found.items_needed == pytest.approx(exact.items_needed, rel=0.35)
    none = compare(counted("a", a), counted("b", a), value_of=f1)
    assert (none.difference, none.p_value, none.items_needed) == (0, 1, None)
    assert none.interval.low < 0 < none.interval.high


def test_the_swap_test_keeps_its_level():
    rejected = 0
    for seed in range(60):
        a, b = answers(random.Random(seed), 60, 0.15, 0.15)
        rejected += compare(counted("a", a), counted("b", b), value_of=f1).p_value <= 0.1
    assert rejected <= 6 + 6


def ended(evaluation, count, how):
    return evaluation.model_copy(update={"scores": evaluation.scores[:count], "ended": how})


def test_an_evaluation_that_ran_out_of_money_is_compared_on_what_both_have():
    a, b = table(50, 5, 30, 15)
    draw = random.Random(1)
    order = draw.sample(range(100), 100)
    a, b = [a[at] for at in order], [b[at] for at in order]
    found = compare(system("a", a), ended(system("b", b), 60, "budget"))
    assert (found.n, found.test) == (60, "exact McNemar")
    assert found == compare(
        ended(system("a", a), 60, "budget"), ended(system("b", b), 60, "budget")
    )
    with pytest.raises(StaleArtifactError, match="0 in common"):
        compare(system("a", a), ended(system("b", b), 0, "budget"))


def test_scores_that_decided_their_number_get_a_test_that_is_valid_at_any_end():
    draw = random.Random(1)
    order = draw.sample(range(100), 100)
    a, b = ([side[at] for at in order] for side in table(50, 5, 30, 15))
    found = compare(ended(system("a", a), 60, "decided"), system("b", b))
    fixed = compare(ended(system("a", a), 60, "budget"), system("b", b))
    assert found.test == "betting on differences, valid at any end"
    assert found.n == 60
    assert found.interval.low < fixed.interval.low
    assert found.interval.high > fixed.interval.high
    assert fixed.p_value < found.p_value < 1


def test_what_could_have_ended_early_keeps_half_of_the_error_for_the_end():
    a, b = table(50, 5, 30, 15)
    plain = compare(system("a", a), system("b", b))
    watch = watch_difference(planned=100)
    looked = system("b", b).model_copy(update={"stopping": watch.stopping("Is b better than a?")})
    found = compare(system("a", a), looked)
    assert found.test == plain.test
    assert found.p_value == pytest.approx(2 * plain.p_value)
    wider = paired_share_interval(a, b, level=0.95)
    assert (found.interval.low, found.interval.high) == (wider.low, wider.high)
    assert found.interval.level == 0.9


def test_stopping_where_one_side_looks_bad_does_not_make_the_other_better():
    wrong = 0
    for seed in range(50):
        draw = random.Random(seed)
        a = [float(draw.random() < 0.6) for _ in range(200)]
        b = [float(draw.random() < 0.6) for _ in range(200)]
        total, count = 0.0, 0
        while count < 200 and (count < 20 or total / count > 0.6 - 1.5 * (0.24 / count) ** 0.5):
            total, count = total + a[count], count + 1
        wrong += compare(ended(system("a", a), count, "decided"), system("b", b)).p_value <= 0.1
    assert wrong <= 5 + 4


def test_the_sentence_says_who_is_ahead_and_what_chance_explains():
    a, b = table(50, 5, 30, 15)
    clear = compare(system("rag", a), system("tuned", b))
    assert clear.sentence == (
        "tuned is 25.0 points ahead of RAG on 100 samples (90 % interval +15.8 to +33.6); chance "
        "hardly explains that (p < 0.001)."
    )
    back = compare(system("tuned", b), system("rag", a))
    assert back.sentence == clear.sentence
    a, b = table(50, 10, 14, 26)
    unclear = compare(system("rag", a), system("tuned", b))
    assert unclear.sentence == (
        "tuned is 4.0 points ahead of RAG on 100 samples, but chance may explain it (90 % interval "
        f"-4.2 to +12.1, p = 0.54); about {unclear.items_needed:,} samples would show a difference "
        "of this size in 4 of 5 cases."
    )
    assert unclear.items_needed == items_needed([1.0] * 14 + [-1.0] * 10 + [0.0] * 76)
    equal = compare(system("rag", a), system("tuned", a))
    assert equal.sentence.startswith("RAG and tuned score the same on 100 samples (90 % interval")


def test_the_sentence_calls_systems_as_tables_do():
    a, b = table(50, 5, 30, 15)
    told = compare(system("zero_shot", a), system("rag_few_shot", b)).sentence
    assert told.startswith("RAG + few-shot is 25.0 points ahead of zero-shot on 100 samples")


def test_holm_is_in_the_sentence():
    a, b = table(20, 2, 9, 9)
    c = [1.0 - value for value in a]
    alone = compare(system("a", a), system("b", b))
    among = compare_all([system("a", a), system("b", b), system("c", c)])[0]
    assert "chance hardly explains" in alone.sentence
    assert among.p_value > alone.p_value
    assert f"p = {among.p_value:.2g}" in among.sentence


def test_items_needed_matches_connors_formula():
    # 20 % of samples change, 12 for and 8 against of 100: Connor (1987), alpha 0.10, power 0.8.
    differences = [1.0] * 12 + [-1.0] * 8 + [0.0] * 80
    assert items_needed(differences) == pytest.approx(770, abs=4)
    assert items_needed([-1.0, 0.0]) is None
    assert items_needed([0.0] * 5) is None


def answers(draw, n, only_a, only_b):
    a, b = [], []
    for _ in range(n):
        u = draw.random()
        same = float(draw.random() < 0.6)
        a.append(1.0 if u < only_a else 0.0 if u < only_a + only_b else same)
        b.append(0.0 if u < only_a else 1.0 if u < only_a + only_b else same)
    return a, b


def simulated(n, only_a, only_b, repetitions):
    """Coverage of the interval, and how often the test rejects at 10 %."""
    inside = rejected = 0
    for seed in range(repetitions):
        a, b = answers(random.Random(seed), n, only_a, only_b)
        interval = paired_share_interval(a, b)
        inside += interval.low <= only_b - only_a <= interval.high
        wins_a = sum(x > y for x, y in zip(a, b, strict=True))
        wins_b = sum(y > x for x, y in zip(a, b, strict=True))
        rejected += exact_mcnemar(wins_a, wins_b) <= 0.1
    return inside / repetitions, rejected / repetitions


@pytest.mark.parametrize(("only_a", "only_b"), [(0.1, 0.1), (0.05, 0.3)])
def test_the_interval_covers_and_the_test_keeps_its_level(only_a, only_b):
    coverage, rejected = simulated(100, only_a, only_b, 200)
    assert coverage == pytest.approx(0.9, abs=0.07)
    if only_a == only_b:
        assert rejected <= 0.12
    else:
        assert rejected > 0.95


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "only_a", "only_b"),
    [(50, 0.0, 0.02), (50, 0.02, 0.02), (200, 0.1, 0.1), (200, 0.02, 0.1), (200, 0.02, 0.6)],
)
def test_the_interval_covers_and_the_test_keeps_its_level_full_count(n, only_a, only_b):
    coverage, rejected = simulated(n, only_a, only_b, 2000)
    assert coverage >= 0.88
    if only_a == only_b:
        assert rejected <= 0.105


@pytest.mark.slow
def test_items_needed_gives_the_promised_power():
    only_a, only_b = 0.05, 0.13
    pattern = [1.0] * 13 + [-1.0] * 5 + [0.0] * 82
    _, rejected = simulated(items_needed(pattern), only_a, only_b, 1500)
    assert rejected == pytest.approx(0.8, abs=0.05)
