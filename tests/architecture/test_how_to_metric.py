"""The page on metrics names every metric, its options as they are, and a function that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from advisor import registry
from advisor.schema.evaluation import Completion, Prompt, Sample

ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \|.*\|([^|]*)\|$", re.MULTILINE)
NAMED_ELSEWHERE = {"bleu", "chrf"}
"""Their options are sacrebleu's, and the page says so."""


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "choose-a-metric.md").read_text(encoding="utf-8")


def section(page: str) -> str:
    return page.split("## What each one does")[1].partition("\n## ")[0]


def test_every_metric_of_ours_is_described_with_its_options(page: str):
    told: dict[str, set[str]] = {}
    for names, options in ROW.findall(section(page)):
        for name in re.findall(r"`(\w+)`", names):
            told[name] = set(re.findall(r"`(\w+)`", options))
    ours = {
        n
        for n in registry.names("advisor.metrics")
        if registry.owner("advisor.metrics", n) == "finetune-advisor"
    }
    assert set(told) == ours
    for name in ours - NAMED_ELSEWHERE:
        assert told[name] | {"model"} == {*registry.metric(name).info.options, "model"}, name


def test_the_signature_shown_is_the_real_one(page: str):
    assert registry.metric("bleu").signature in page


def test_the_function_shown_is_a_metric(page: str, tmp_path: Path):
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code
    file = tmp_path / "my_metric.py"
    file.write_text(code[1], encoding="utf-8")
    metric = registry.configured_metric("python", {"function": f"{file}:score"})
    answer = Completion(text="57 dB.", prompt_tokens=0, completion_tokens=0, latency_ms=0)
    found = metric.score(
        Prompt(sample_id="s", messages=()), answer, Sample(id="s", input="", target="57 dB")
    )
    assert found.value == 1
