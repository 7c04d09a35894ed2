from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog.tokenisation import tokenisation
from advisor.data_check.scripts import SCRIPTS, characters_by_script, kind_of
from advisor.data_check.sequences import counted_tokens, padding_share, sequence_lengths
from advisor.schema.base import Interval, Provenance
from advisor.schema.evaluation import Sample

MADE_UP = Provenance(kind="assumed")
COUNTS = st.lists(st.integers(min_value=1, max_value=5000), min_size=1, max_size=60)
PROSE = (
    "The engine of the ship was repaired in the harbour, and by the end of the week it was as good "
    "as new; the captain thanked the crew for that and for the patience with which they had waited."
)


def test_scripts_are_told_apart():
    assert characters_by_script("ab c1, é Ж 漢 ☃") == {
        "word": 2,
        "letter": 3,
        "digit": 1,
        "mark": 1,
        "accented": 1,
        "alphabet": 1,
        "ideograph": 1,
        "other": 1,
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [(PROSE, "english"), ("x = f(a[0], b={'k': 1})", "marked"), ("Der Hund schläft noch", "other")],
)
def test_kinds_of_text(text, kind):
    assert kind_of(text, characters_by_script(text)) == kind


@pytest.mark.parametrize("vocabulary", [32_000, 151_936])
def test_english_prose_takes_about_a_quarter_more_tokens_than_words(vocabulary):
    figures = tokenisation(vocabulary)
    assert set(figures.tokens_per_character) == set(SCRIPTS)
    counts, ratio = counted_tokens([Sample(id="a", input=PROSE, target="")], "", figures)
    words = len(PROSE.split())
    assert 1.0 < counts[0] / words < 1.7
    assert ratio.low < 1.0 < ratio.high


def test_exact_counts_have_no_spread_and_are_cut():
    found = sequence_lengths([10, 20, 300], limit=100, batch_size=1, provenance=MADE_UP)
    assert found.is_exact
    assert found.longest == Interval(low=300, likely=300, high=300)
    assert found.truncated_samples == 1
    assert found.processed.likely == 130
    assert found.packed_sequences == 2
    assert found.padding_share == 0.0


def test_a_rate_gives_intervals():
    ratio = Interval(low=0.8, likely=1.0, high=1.5)
    found = sequence_lengths([10, 80], limit=100, batch_size=2, ratio=ratio, provenance=MADE_UP)
    assert not found.is_exact
    assert (found.longest.low, found.longest.high) == (64, 120)
    assert found.processed.high == 115
    assert found.padding_share == pytest.approx(1 - 90 / 160)


@given(counts=COUNTS, batch=st.integers(min_value=1, max_value=16))
def test_padding_is_a_share_and_grows_from_nothing(counts, batch):
    share = padding_share(counts, batch)
    assert 0.0 <= share < 1.0
    assert padding_share([7] * len(counts), batch) == pytest.approx(0.0)


@given(counts=COUNTS, limit=st.integers(min_value=1, max_value=5000))
def test_quantiles_are_ordered(counts, limit):
    found = sequence_lengths(counts, limit=limit, batch_size=4, provenance=MADE_UP)
    assert found.median.likely <= found.percentile_99.likely <= found.longest.likely
    assert found.processed.likely <= min(found.total.likely, limit * len(counts))
    assert found.packed_sequences * found.packed_length >= found.processed.likely
