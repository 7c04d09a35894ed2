"""The shot search with the embedded model, which cannot write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor import registry
from advisor.builtin.prompting import search as searching
from advisor.builtin.prompting.optimisation import PromptOptimisationBuilder
from advisor.evaluation.under_test import UnderTest
from advisor.resources import embedded_model_root
from advisor.schema.evaluation import Sample
from tests.fixtures.bench import Tools, bench

pytestmark = pytest.mark.ml
INSTRUCTION = "Answer."
"""Not what the model was made for: shots have to tell it what is wanted."""


@pytest.fixture
def samples(root: Path) -> list[Sample]:
    lines = (root / "advisor/builtin/tasks/fields/data.jsonl").read_text(encoding="utf-8")
    rows = map(json.loads, lines.splitlines())
    return [
        Sample(id=row["id"], input=row["prompt"], target=row["completion"], split=row["split"])
        for row in rows
    ]


def test_shots_are_searched_though_it_cannot_write(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(searching, "WRITTEN_TOKENS", 24)
    train = [s for s in samples if s.split == "train"][:24]
    dev = [s for s in samples if s.split == "dev"][:12]
    with registry.backend("transformers").open(str(embedded_model_root()), {}) as session:
        desk = bench(session, tmp_path, max_new_tokens=12)
        builder = PromptOptimisationBuilder(calls=48)
        calls = builder.calls_wanted(train, dev)

        def search():
            model = UnderTest(desk, calls=calls)
            builder.fit(train, dev, [], Tools(tmp_path, instruction=INSTRUCTION, model=model))
            return model, builder.trace, builder.build(samples[-1])

        model, trace, prompt = search()
        again, trace_again, prompt_again = search()
    assert model.usage.calls <= calls == 48
    assert again.usage.usd == 0
    assert (trace, prompt) == (trace_again, prompt_again)
    start, *others = trace
    assert start.score < 0.8
    assert any(row.shots and row.score > start.score for row in others)
    assert "Chosen: " in builder.story[1]
    assert prompt.shots
