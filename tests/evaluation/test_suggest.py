"""Which metric the targets call for, and which chosen one is warned of."""

import csv
import json

import pytest

from advisor import registry
from advisor.evaluation.suggest import FITTING, OURS, misfit, suggest_metric, target_kind
from advisor.resources import bundled_tasks_root
from advisor.schema.evaluation import Sample

TEXT = "The pump was installed in hall three and delivers water to the northern part of the town."


def samples(targets):
    return [Sample(id=str(n), input=f"q{n}", target=target) for n, target in enumerate(targets)]


@pytest.mark.parametrize(
    ("targets", "kind", "metric"),
    [
        (["refund", "card lost", "other"] * 10, "labels", "accuracy"),
        (["spam"] * 27 + ["ham"] * 3, "labels", "macro_f1"),
        (["1", "2", "3", "4", "5"] * 8, "labels", "accuracy"),
        ([json.dumps({"city": f"c{n}"}) for n in range(20)], "json", "json_fields"),
        ([json.dumps({"ok": True})] * 20, "json", "json_fields"),
        ([f"{n}.5 dB" for n in range(20)], "numbers", "numeric"),
        ([f"$1,{n:03}.00" for n in range(20)], "numbers", "numeric"),
        ([f"{n} %" for n in range(20)], "numbers", "numeric"),
        ([f"the {n}th of May in hall {n}" for n in range(20)], "spans", "token_f1"),
        ([f"{TEXT} {n}" for n in range(20)], "text", "rougeL"),
        ([f"水泵安装在第三大厅并向城市北部供水{n}" for n in range(20)], "text", "rougeL"),
        (["yes", "no"], "spans", "token_f1"),
    ],
)
def test_the_metric_follows_the_targets(targets, kind, metric):
    found = suggest_metric(samples(targets))
    assert target_kind(samples(targets)) == kind
    assert found.metric == metric
    assert found.reason.endswith(".")


def test_labels_come_with_the_suggestion_and_the_metric_takes_them():
    found = suggest_metric(samples(["a, b", "c", "d"] * 5))
    metric = registry.configured_metric(found.metric, found.options)
    assert "labels:3-" in metric.signature


@pytest.mark.parametrize(
    ("metric", "targets", "better"),
    [
        ("exact_match", [f"{TEXT} {n}" for n in range(20)], "rougeL"),
        ("exact_match", [json.dumps({"a": n}) for n in range(20)], "json_fields"),
        ("bleu", ["spam", "ham"] * 10, "accuracy"),
        ("numeric", [f"word {n} word" for n in range(20)], "token_f1"),
        ("json_fields", [f"{TEXT} {n}" for n in range(20)], "rougeL"),
    ],
)
def test_a_metric_that_cannot_tell_is_warned_of(metric, targets, better):
    sentence = misfit(metric, samples(targets))
    assert sentence.startswith(f"{metric} does not suit this data")
    assert sentence.endswith(f"--metric {better}.")


def test_nothing_is_said_of_a_fitting_or_foreign_metric_or_without_targets():
    assert misfit("accuracy", samples(["spam", "ham"] * 10)) == ""
    assert misfit("somebody_elses", samples([TEXT] * 20)) == ""
    assert misfit("exact_match", []) == ""
    assert misfit("groundedness", samples(["spam", "ham"] * 10)) == ""
    assert suggest_metric([]).metric == "token_f1"


def test_what_is_suggested_fits_and_is_installed():
    names = set(registry.names("advisor.metrics"))
    assert names >= OURS
    for kind, fitting in FITTING.items():
        assert fitting, kind


def test_the_bundled_tasks_are_not_warned_of():
    files = sorted(bundled_tasks_root().glob("*/data.jsonl"))
    assert files
    for file in files:
        rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        assert misfit("exact_match", samples([row["completion"] for row in rows])) == "", file


def test_banking77_is_labels(shared_folder):
    with (shared_folder / "data/banking77/test.csv").open(encoding="utf-8") as stream:
        targets = [row["category"] for row in csv.DictReader(stream)]
    found = suggest_metric(samples(targets))
    assert found.metric == "accuracy"
    assert "77 labels" in found.reason
