"""Tasks of lm-evaluation-harness: what its program is asked, and what is read of its answer."""

from __future__ import annotations

import json
import math
import shutil
import stat
import sys
from pathlib import Path

import pytest

from advisor.errors import BackendResponseError, InputError, MissingProgramError
from advisor.evaluation import harness

FIXTURE = Path(__file__).parents[1] / "fixtures" / "harness"
ROWS = [
    {"doc_id": n, "filter": "none", "metrics": ["acc"], "acc": float(n % 2), "arguments": "x"}
    for n in range(4)
]


def program(folder: Path, body: str) -> str:
    """A program that stands in for lm_eval where only its manners are looked at."""
    file = folder / "lm_eval"
    file.write_text(
        f"#!{sys.executable}\nimport json, os, pathlib, sys\nargs = sys.argv[1:]\n{body}"
    )
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


WRITES = """
place = pathlib.Path(args[args.index("--output_path") + 1]) / "model"
place.mkdir()
(place / "results_2026-11-26T10-00-00.0.json").write_text(json.dumps(
    {"higher_is_better": {"my_task": {"acc": False}}}))
rows = json.loads(os.environ["ROWS"])
(place / "samples_my_task_2026-11-26T10-00-00.0.jsonl").write_text(
    "".join(json.dumps(row) + chr(10) for row in rows))
pathlib.Path(os.environ["SEEN"]).write_text(json.dumps([args, os.environ.get("HF_HUB_OFFLINE")]))
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    monkeypatch.setenv(harness.NAMED_BY, program(tmp_path, WRITES))
    monkeypatch.setenv("SEEN", str(tmp_path / "seen.json"))
    monkeypatch.setenv("ROWS", json.dumps(ROWS))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    return tmp_path / "seen.json"


def test_scores_are_read_document_by_document(stand_in):
    (found,) = harness.asked(
        {"pretrained": "base", "peft": "adapter"}, ["my_task"], "tasks", device="cpu"
    )
    assert (found.task, found.metric, found.higher_is_better) == ("my_task", "acc", False)
    assert found.values == {"0": 0.0, "1": 1.0, "2": 0.0, "3": 1.0}
    words, offline = json.loads(stand_in.read_text())
    told = " ".join(words)
    assert "--model hf --model_args pretrained=base,peft=adapter --tasks my_task" in told
    assert "--include_path tasks" in told
    assert "--log_samples" in told
    assert "--device cpu" in told
    assert offline == "1"


def test_the_first_filter_counts_and_a_metric_with_numbers(stand_in, monkeypatch):
    rows = [row | {"metrics": ["text", "acc"], "text": "a"} for row in ROWS]
    second = [row | {"filter": "other", "acc": 9.0} for row in rows]
    monkeypatch.setenv("ROWS", json.dumps(rows + second))
    (found,) = harness.asked({"pretrained": "base"}, ["my_task"], None)
    assert found.metric == "acc"
    assert max(found.values.values()) == 1


def test_a_task_without_a_number_for_each_document_cannot_be_paired(stand_in, monkeypatch):
    monkeypatch.setenv("ROWS", json.dumps([{"doc_id": 0, "filter": "none", "metrics": ["acc"]}]))
    with pytest.raises(BackendResponseError, match="no scores of my_task that can be paired"):
        harness.asked({"pretrained": "base"}, ["my_task"], None)


BREAKS = """
place = pathlib.Path(args[args.index("--output_path") + 1]) / "model"
place.mkdir()
results, samples = json.loads(os.environ["ROWS"])
(place / "results_1.json").write_text(results)
(place / "samples_my_task_1.jsonl").write_text(samples)
"""
RIGHT = '{"doc_id": 0, "acc": 1.0, "metrics": ["acc"]}'


@pytest.mark.parametrize(
    ("results", "samples"),
    [
        ("{broken", RIGHT),
        ("[]", RIGHT),
        ("{}", "nonsense"),
        ("{}", "[1]"),
        ("{}", "[" * 5000),
        ("{}", '{"acc": 1.0, "metrics": ["acc"]}'),
        ("{}", '{"doc_id": 0, "acc": 1.0, "metrics": [["acc"]]}'),
    ],
)
def test_files_that_cannot_be_read_are_told(tmp_path, monkeypatch, results, samples):
    monkeypatch.setenv(harness.NAMED_BY, program(tmp_path, BREAKS))
    monkeypatch.setenv("ROWS", json.dumps([results, samples]))
    with pytest.raises(BackendResponseError, match="lm-evaluation-harness wrote"):
        harness.asked({"pretrained": "base"}, ["my_task"], None)


def test_a_number_too_large_for_a_float_is_no_finite_one(stand_in, monkeypatch):
    row = f'{{"doc_id": 0, "acc": 1{"0" * 400}, "metrics": ["acc"]}}'
    monkeypatch.setenv("ROWS", f"[{row}]")
    (found,) = harness.asked({"pretrained": "base"}, ["my_task"], None)
    assert found.values == {"0": math.inf}


def test_a_metric_of_shares_goes_before_one_that_is_none(stand_in, monkeypatch):
    rows = [row | {"metrics": ["perplexity", "acc"], "perplexity": 12.5} for row in ROWS]
    monkeypatch.setenv("ROWS", json.dumps(rows))
    (found,) = harness.asked({"pretrained": "base"}, ["my_task"], None)
    assert found.metric == "acc"
    monkeypatch.setenv("ROWS", json.dumps([row | {"metrics": ["perplexity"]} for row in rows]))
    (found,) = harness.asked({"pretrained": "base"}, ["my_task"], None)
    assert (found.metric, harness.are_shares(found)) == ("perplexity", False)


def test_a_program_that_is_none_or_does_not_end_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv(harness.NAMED_BY, program(tmp_path, "import time\ntime.sleep(60)"))
    monkeypatch.setenv(harness.LIMIT, "0.00001")
    with pytest.raises(BackendResponseError, match="did not end within 1e-05 hours"):
        harness.asked({"pretrained": "base"}, ["my_task"], None)
    for wrong in ("soon", "0", "-1", "nan", "inf", "1e300"):
        monkeypatch.setenv(harness.LIMIT, wrong)
        with pytest.raises(InputError, match="no number of hours"):
            harness.asked({"pretrained": "base"}, ["my_task"], None)
    monkeypatch.delenv(harness.LIMIT)
    (tmp_path / "lm_eval").write_bytes(b"\x00not a program")
    with pytest.raises(BackendResponseError, match="cannot be started"):
        harness.asked({"pretrained": "base"}, ["my_task"], None)


def test_a_place_with_a_comma_is_refused(stand_in):
    with pytest.raises(InputError, match="comma"):
        harness.asked({"pretrained": "a,b"}, ["my_task"], None)


def test_a_harness_that_fails_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setenv(harness.NAMED_BY, program(tmp_path, "sys.exit('no such thing: my_task')"))
    with pytest.raises(BackendResponseError, match="no such thing: my_task"):
        harness.asked({"pretrained": "base"}, ["my_task"], None)
    with pytest.raises(InputError, match="does not know the tasks my_task"):
        harness.check_tasks(["my_task"], None)


def test_without_the_program_the_way_to_it_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(harness.NAMED_BY, raising=False)
    with pytest.raises(MissingProgramError, match="lm_eval is not there") as caught:
        harness.program()
    assert harness.NAMED_BY in caught.value.hint


@pytest.mark.slow
@pytest.mark.ml
def test_the_real_harness_asks_the_embedded_model(tmp_path, monkeypatch):
    import os

    from advisor.resources import embedded_model_root

    if not shutil.which(os.environ.get(harness.NAMED_BY) or harness.PROGRAM):
        pytest.skip(
            f"lm_eval is not installed: put it on the PATH or name it with {harness.NAMED_BY}"
        )
    monkeypatch.setenv("HOME", str(tmp_path))
    text = (FIXTURE / "own_kinds.yaml").read_text().replace("FOLDER", str(FIXTURE))
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "own_kinds.yaml").write_text(text)
    harness.check_tasks(["own_kinds"], str(tmp_path / "tasks"))
    (found,) = harness.asked(
        {"pretrained": str(embedded_model_root())}, ["own_kinds"], str(tmp_path / "tasks")
    )
    assert (found.task, found.metric, len(found.values)) == ("own_kinds", "exact_match", 40)
    assert sum(found.values.values()) == pytest.approx(35, abs=2)
