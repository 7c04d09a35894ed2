"""A thousand profiles are decided while a person blinks; what a decision costs is told."""

import time

from advisor.rulebook.engine import rank
from tests.fixtures.profiles import BOOK, random_profiles

MOST_SECONDS = 6.0
"""About twice what a quiet machine needs, so that a busy one passes too."""


def test_a_thousand_profiles_are_ranked(capsys):
    profiles = random_profiles(1000)
    rank(profiles[0], BOOK)
    start = time.process_time()
    decisions = [rank(profile, BOOK) for profile in profiles]
    spent = time.process_time() - start
    with capsys.disabled():
        print(f"\n1,000 random profiles: {spent:.2f} s, {len(BOOK.rules)} rules")  # noqa: T201
    assert spent <= MOST_SECONDS
    assert len({decision.recommended for decision in decisions}) > 5
