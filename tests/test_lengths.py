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


def test_fields_can_be_named_by_hand(tmp_path):
    file = tmp_path / "fremd.jsonl"
    rows = [
        f'{{"nummer": "{i}", "frage": "Was ist {i}?", "antwort": "Zahl {i}"}}' for i in range(9)
    ]
    file.write_text("\n".join(rows), encoding="utf-8")
    model = find_model("7b")
    with pytest.raises(DatasetError):
        measured_lengths(file, model, limit=512, batch_size=4)
    mapping = {"input": "frage", "target": "antwort"}
    assert measured_lengths(file, model, limit=512, batch_size=4, mapping=mapping).samples == 9


@pytest.mark.ml
def test_the_models_own_tokenizer_counts_exactly():
    found = measured_lengths(TICKETS, find_model("tiny"), limit=512, batch_size=4)
    assert found.is_exact
    assert found.longest.low == found.longest.high == 100
