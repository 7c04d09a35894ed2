"""Records of Every Eval Ever: what an evaluation is called, and how its scores are described."""

from __future__ import annotations

import pytest

from advisor.exporters.every_eval_ever import aggregate, record_id, sample_lines
from advisor.exporters.measured import Subject
from tests.fixtures import values as v

SUBJECT = Subject(
    task="tickets",
    model="tickets-tuned",
    base="tiny",
    backend="transformers",
    made_at=1_764_115_200.0,
    versions={"advisor": "0.1.0", "transformers": "5.0.0"},
)


def test_a_copy_of_a_run_has_the_same_ids_and_another_run_others():
    found, later = v.evaluation(), SUBJECT._replace(made_at=SUBJECT.made_at + 3600)
    first, copied = aggregate(found, SUBJECT), aggregate(found, later)
    assert first["evaluation_id"] == copied["evaluation_id"]
    assert first["evaluation_timestamp"] == "1764115200"
    assert copied["evaluation_timestamp"] == "1764118800"
    others = (
        aggregate(v.evaluation(value=0.5), SUBJECT),
        aggregate(v.evaluation("few_shot"), SUBJECT),
        aggregate(found, SUBJECT._replace(task="manuals")),
        aggregate(found, SUBJECT._replace(model="other")),
    )
    ids = {first["evaluation_id"], *(other["evaluation_id"] for other in others)}
    assert len(ids) == 1 + len(others)


def test_lines_and_results_name_the_record_they_belong_to():
    found = v.evaluation(n=4)
    record = aggregate(found, SUBJECT)
    lines = list(sample_lines(found, SUBJECT, v.samples(4)))
    assert lines
    assert {line["evaluation_id"] for line in lines} == {record["evaluation_id"]}
    assert record["evaluation_id"].endswith(record_id(found, SUBJECT))
    (result,) = record["evaluation_results"]
    assert result["evaluation_result_id"].startswith(record["evaluation_id"])


@pytest.mark.parametrize(("is_binary", "told"), [(True, "binary"), (False, "continuous")])
def test_scores_of_yes_or_no_are_told_as_such(is_binary, told):
    record = aggregate(v.evaluation(), SUBJECT._replace(is_binary=is_binary))
    (result,) = record["evaluation_results"]
    assert result["metric_config"]["score_type"] == told
