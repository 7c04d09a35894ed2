import random

import pytest

from rag_baseline.prompting.abstaining import FEWEST, dividing


def test_two_kinds_apart_are_parted_midway():
    assert dividing([0.8, 0.9] * 5, [0.1, 0.2] * 5) == pytest.approx(0.5)


def test_few_samples_equal_ones_and_chance_give_no_threshold():
    draw = random.Random(1)
    both = [[draw.random() for _ in range(80)] for _ in range(2)]
    assert dividing(*both) is None
    assert dividing([0.9] * (FEWEST - 1), [0.1] * 9) is None
    assert dividing([0.5] * 9, [0.5] * 9) is None


def test_the_wrong_way_round_is_no_threshold():
    assert dividing([0.1, 0.2] * 5, [0.8, 0.9] * 5) is None


def test_no_more_than_a_tenth_of_the_answerable_is_doubted():
    answerable = [0.5 + at / 100 for at in range(40)]
    unanswerable = [0.1] * 30 + [0.7] * 30
    found = dividing(answerable, unanswerable)
    assert sum(value < found for value in answerable) <= 4
    assert sum(value < found for value in unanswerable) == 30
