"""The prompt builders on the command line, against a service that answers over HTTP."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli.main import cli
from advisor.schema.evaluation import Prompt
from tests.fixtures.chat_service import chat_service
from tests.fixtures.codes import finds_the_rule, orders, right_with_hint

pytest.importorskip("openai")
pytest.importorskip("numpy")


def served(model: str, prompt: Prompt) -> str:
    """The small model answers, the large one writes."""
    return finds_the_rule(prompt) if model == "large" else right_with_hint(prompt)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [
        {"id": s.id, "prompt": s.input, "completion": s.target, "split": part}
        for part, some in (
            ("train", orders(40)),
            ("dev", orders(20, start=500)),
            ("test", orders(40, start=800)),
        )
        for s in some
    ]
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def baseline(data: Path, address: str, *words: str) -> dict:
    told = CliRunner().invoke(
        cli,
        ["baseline", "--data", str(data), "--model", "small", "--backend", "openai",
         "--base-url", address, "--instruction", "Answer the question.", "--metric", "exact_match",
         "--run-dir", str(data.parent / "run"), "--json", *words],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def test_a_prompt_is_optimised_with_another_model_writing(data: Path) -> None:
    words = (
        "--builders", "zero_shot,prompt_optimisation", "--reflection-model", "large",
        "--builder-option", "prompt_optimisation.calls=60",
        "--builder-option", "prompt_optimisation.shots=no",
    )  # fmt: skip
    with chat_service(served) as (address, asked):
        told = baseline(data, address, *words)
        counts = Counter(asked)
        again = baseline(data, address, *words)
        assert Counter(asked) == counts
    found = {e["builder"]: e for e in told["evaluations"]}
    assert found["zero_shot"]["value"] == 0
    assert found["prompt_optimisation"]["value"] == 1
    assert found["prompt_optimisation"]["approach"] == "prompt_optimisation"
    assert told["best"] == "prompt_optimisation"
    assert counts["large"] == 1
    assert counts.total() - 80 <= 60
    assert found["prompt_optimisation"]["fitting"]["completion_tokens"] > 0
    assert [e["value"] for e in again["evaluations"]] == [0, 1]


def test_gepa_does_the_same_behind_the_same_contract(data: Path) -> None:
    pytest.importorskip("gepa")
    words = ("--builders", "gepa", "--builder-option", "gepa.calls=60")
    with chat_service(lambda _, prompt: finds_the_rule(prompt) if len(prompt.messages) == 1
                      else right_with_hint(prompt)) as (address, asked):  # fmt: skip
        [found] = baseline(data, address, *words)["evaluations"]
    assert found["value"] == 1
    assert len(asked) - 40 <= 60
