import random

import pytest

from advisor.evaluation.detectable import by_groups, detectable_gain, independent
from advisor.evaluation.differences import exact_mcnemar
from advisor.evaluation.intervals import alike_within_groups
from advisor.evaluation.sentences import detectable_sentence


def power(n, gain, discordance, *, repetitions):
    """How often the exact test sees a gain at 5 %, two-sided, by simulation."""
    better = (discordance + gain) / 2
    seen = 0
    for seed in range(repetitions):
        draw = random.Random(seed)
        drawn = [draw.random() for _ in range(n)]
        only_b = sum(u < better for u in drawn)
        only_a = sum(better <= u < discordance for u in drawn)
        seen += only_b > only_a and exact_mcnemar(only_a, only_b) <= 0.05
    return seen / repetitions


@pytest.mark.parametrize(("n", "score"), [(60, 0.5), (200, 0.8)])
def test_the_detectable_gain_is_seen_in_four_of_five_runs(n, score):
    gain = detectable_gain(n, baseline=score)
    assert power(n, gain, independent(score, gain), repetitions=150) == pytest.approx(0.8, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("n", [40, 120, 500])
@pytest.mark.parametrize("discordance", [0.15, 0.3, 0.5])
def test_the_detectable_gain_is_seen_full_count(n, discordance):
    gain = detectable_gain(n, discordance=discordance)
    found = power(n, gain, max(gain, discordance), repetitions=2000)
    assert 0.77 <= found <= 0.93  # few samples: the exact test steps, and the gain errs upwards


def test_large_samples_agree_with_the_power_of_two_proportions():
    # Two systems that err independently differ as two independent samples do (Cohen's h, arcsine).
    smp = pytest.importorskip("statsmodels.stats.power")
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    gain = detectable_gain(2000, baseline=0.7)
    effect = proportion.proportion_effectsize(0.7 + gain, 0.7)
    found = smp.NormalIndPower().power(effect, 2000, alpha=0.05)
    assert found == pytest.approx(0.8, abs=0.03)


def test_more_samples_and_more_agreement_show_less():
    gains = [detectable_gain(n) for n in (20, 50, 120, 500, 5000)]
    assert gains == sorted(gains, reverse=True)
    assert detectable_gain(200, discordance=0.1) < detectable_gain(200, discordance=0.4)
    assert detectable_gain(200, baseline=0.9) < detectable_gain(200, baseline=0.5)
    assert detectable_gain(200) == detectable_gain(200, baseline=0.5)
    assert detectable_gain(0) == 1.0


def test_what_can_be_seen_is_said_in_one_sentence():
    assert detectable_sentence(120, 0.0907) == (
        "With 120 test samples a gain below 9.1 points would most likely not be seen."
    )


def test_groups_are_the_worst_case_before_and_measured_likeness_the_case_after():
    groups = [f"d{at // 8}" for at in range(240)]
    assert by_groups(None) is None
    assert by_groups(groups) == detectable_gain(30)
    draw = random.Random(5)
    alike = [float(draw.random() < 0.5) for _ in range(30)]
    wholly = [value for value in alike for _ in range(8)]
    singly = [float(draw.random() < 0.5) for _ in range(240)]
    assert alike_within_groups(wholly, groups) == pytest.approx(8 * 30 / 29)
    assert alike_within_groups(singly, groups) < 2
    assert alike_within_groups(singly, None) == 1
    mixed = [(a + b) / 2 for a, b in zip(wholly, singly, strict=True)]
    assert 2 < alike_within_groups(mixed, groups) < 7  # graded scores too
    assert alike_within_groups([1.0] * 240, groups) == pytest.approx(8)
