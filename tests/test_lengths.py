from __future__ import annotations

import pytest

from advisor.catalog.query import find_model
from advisor.errors import DatasetError
from advisor.lengths import measured_lengths
from advisor.resources import bundled_tasks_root

TICKETS = bundled_tasks_root() / "tickets" / "data.jsonl"


def test_without_a_tokenizer_lengths_are_an_interval():
    found = measured_lengths(TICKETS, find_model("7b"), limit=512, batch_size=4)
    assert found.samples == 480
    assert not found.is_exact
    assert found.longest.low < found.longest.likely < found.longest.high


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(DatasetError):
        measured_lengths(tmp_path / "none.jsonl", find_model("7b"), limit=512, batch_size=4)


@pytest.mark.ml
def test_the_models_own_tokenizer_counts_exactly():
    found = measured_lengths(TICKETS, find_model("tiny"), limit=512, batch_size=4)
    assert found.is_exact
    assert found.longest.low == found.longest.high == 100
