from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.errors import DatasetError
from advisor.general import MOST_PROBED, general_data, packaged_probe
from advisor.resources import probe_root
from advisor.schema.evaluation import Sample
from examples.pretrain_tiny.probe import ROWS, SEED, text_of


def written(folder: Path, rows: list[dict]) -> str:
    file = folder / "general.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def rows(count: int, **more) -> list[dict]:
    return [{"prompt": f"question {n}", "completion": f"answer {n}"} | more for n in range(count)]


def asked(samples: tuple[Sample, ...]) -> set[str]:
    return {sample.input for sample in samples}


def test_a_file_is_parted_into_probe_and_rest(tmp_path):
    found = general_data(written(tmp_path, rows(100)), model="8b")
    assert len(found.probe) == 20
    assert len(found.mixed) == 80
    assert not asked(found.probe) & asked(found.mixed)
    assert found.notes == ("Of the general data 20 rows are a probe and 80 may be mixed in.",)


def test_neither_order_nor_more_rows_move_a_row_into_the_probe_of_another_part(tmp_path):
    forward = general_data(written(tmp_path, rows(100)), model="8b")
    backward = general_data(written(tmp_path, rows(100)[::-1]), model="8b")
    assert asked(forward.probe) == asked(backward.probe)


def test_a_probe_stays_short(tmp_path):
    found = general_data(written(tmp_path, rows(1000)), model="8b")
    assert len(found.probe) == MOST_PROBED
    assert len(found.mixed) == 800


def test_what_belongs_together_stays_together(tmp_path):
    grouped = [row | {"group": f"g{n // 10}"} for n, row in enumerate(rows(100))]
    found = general_data(written(tmp_path, grouped), model="8b")
    assert {s.group for s in found.probe}
    assert not {s.group for s in found.probe} & {s.group for s in found.mixed}


def test_questions_of_the_task_are_left_out(tmp_path):
    task = [Sample(id="t", input=" QUESTION  7", target="other", split="test")]
    found = general_data(written(tmp_path, rows(30)), model="8b", beside=task)
    assert "question 7" not in asked(found.probe) | asked(found.mixed)
    assert len(found.probe) + len(found.mixed) == 29
    assert "1 rows of the general data ask what the task asks; they are left out." in found.notes


def test_texts_serve_too(tmp_path):
    found = general_data(written(tmp_path, [{"text": f"Text {n}."} for n in range(20)]), model="x")
    assert len(found.probe) == 4
    assert len(found.mixed) == 16


@pytest.mark.parametrize("count", [1, 9])
def test_too_few_rows_are_told(tmp_path, count):
    with pytest.raises(DatasetError, match=f"holds {count} usable rows; at least 10") as caught:
        general_data(written(tmp_path, rows(count)), model="8b")
    assert caught.value.hint


def test_one_group_alone_is_told(tmp_path):
    with pytest.raises(DatasetError, match="belong to one group"):
        general_data(written(tmp_path, rows(20, group="same")), model="8b")


def test_without_a_file_there_is_a_probe_and_nothing_to_mix():
    for model in ("tiny", "8b", "some/model"):
        found = general_data(None, model=model)
        assert found.mixed == ()
        assert 32 <= len(found.probe) <= MOST_PROBED
        assert "--general-data" in found.notes[0]
    assert packaged_probe("tiny").probe != packaged_probe("8b").probe


def test_the_probe_of_the_embedded_model_is_of_its_own_kinds():
    assert (probe_root() / "tiny.jsonl").read_text() == text_of(SEED, ROWS)


def test_the_packaged_texts_are_all_answered_or_plain():
    for sample in packaged_probe("8b").probe:
        assert sample.target.strip()
