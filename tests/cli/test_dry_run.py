"""`train --dry-run` changes nothing, refuses what training would, and says what is not used."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from advisor.artifacts import digest_of_tree
from advisor.cli.tuning_options import file_values
from advisor.render.plan import show_plan
from advisor.schema.estimate import PlanPreview
from tests.cli.test_train_options import advisor, data, planned, started

__all__ = ["data"]
DRY = ("--dry-run", "--json")


def test_a_run_stays_as_it_is_and_the_command_holds_every_flag(data):
    run = str(data.parent / "run")
    planned(advisor(*started(data, "--override-gate", "for a test", "--json")))
    before = digest_of_tree(Path(run))
    words = ("train", "--run-dir", run, "--rank", "4", "--set", "schedule=cosine")
    found = planned(advisor(*words, *DRY))
    assert (found["plan"]["rank"], found["plan"]["schedule"]) == (4, "cosine")
    assert digest_of_tree(Path(run)) == before
    assert found["command"] == f"advisor train --run-dir {run} --rank 4 --set schedule=cosine"


def test_an_error_names_the_run_and_not_the_copy(tmp_path):
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    result = advisor("train", "--run-dir", str(tmp_path), *DRY)
    assert result.exit_code == 1, result.output
    assert json.loads(result.stdout)["error"]["where"].startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--trainer", "trl", "--report-to", "foo"), "tracker 'foo'"),
        (("--general-data", "/no/such/file.jsonl"), "/no/such/file.jsonl"),
    ],
)
def test_what_training_would_refuse_is_refused_before_the_preview(data, words, told):
    result = advisor(*started(data, *words, *DRY))
    assert result.exit_code == 1, result.output
    assert told in json.loads(result.stdout)["error"]["message"]


def test_values_without_use_are_told_and_usual_ones_stand_in_one_line(data):
    file = data.parent / "plan.yaml"
    file.write_text("lora_dropout: 0.1\noutput_dir: out\nadam_beta2: 0.95\n", encoding="utf-8")
    words = ("--method", "full", "--rank", "64", "--plan", str(file))
    found = planned(advisor(*started(data, *words, *DRY)))
    assert [line for line in found["warnings"] if "is not used" in line] == [
        "dropout 0.1 (--plan plan.yaml) is not used: full cannot take it.",
        "rank 64 (--rank) is not used: full cannot take it.",
    ]
    assert [line.partition(" ")[0] for line in found["left_aside"]] == ["output_dir", "adam_beta2"]
    console = Console(width=300, record=True, file=io.StringIO())
    show_plan(console, PlanPreview.model_validate_json(json.dumps(_bare(found))))
    lines = console.export_text().splitlines()
    (usual,) = (line for line in lines if line.startswith("Nothing speaks for another value"))
    assert "matmul_bits 16" in usual
    assert not any(line.strip().startswith("matmul_bits  ") for line in lines)
    trained = advisor(*started(data, *words, "--override-gate", "for a test"))
    assert "rank 64 (--rank) is not used: full cannot take it." in trained.stderr


def test_too_few_general_rows_are_told_before_training(data):
    general = data.parent / "general.jsonl"
    rows = [{"prompt": f"Say {n}.", "completion": f"{n}"} for n in range(20)]
    general.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ("--general-data", str(general), "--set", "general_share=0.5", *DRY)
    told = [
        line for line in planned(advisor(*started(data, *words)))["warnings"] if "General" in line
    ]
    assert len(told) == 1
    assert "instead of the 50 % that the plan asks for" in told[0]
    assert "16 may be mixed in" in told[0]


def _bare(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name in PlanPreview.model_fields}


def test_gpus_and_their_strategy_have_flags(data):
    words = ("--gpu", "h100", "--gpus", "2", "--strategy", "ddp")
    plan = planned(advisor(*started(data, *words, *DRY)))["plan"]
    assert (plan["gpus"], plan["strategy"], plan["reasons"]["strategy"]) == (2, "ddp", "--strategy")


@pytest.mark.parametrize(
    ("sets", "rank"),
    [
        (("rank=auto", "rank=4"), 4),
        (("rank=4", "rank=auto"), "auto"),
        (("rank=8", "lora_r=auto", "lora_rank=4"), 4),
    ],
)
def test_the_later_of_auto_and_a_value_wins(sets, rank):
    assert file_values(None, sets)["plan"] == {"rank": rank}
