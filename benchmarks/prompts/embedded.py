"""The prompt builders with the embedded model, told too little; scores on the test part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor import registry
from advisor.embedding import KeptEmbedder
from advisor.evaluation.bench import Bench, EvaluationSettings
from advisor.evaluation.cache import CompletionCache
from advisor.evaluation.purse import Purse
from advisor.evaluation.runner import evaluate
from advisor.evaluation.under_test import UnderTest
from advisor.resources import embedded_model_root
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Sample
from advisor.schema.purse import TokenPrice
from advisor.tools import Silence, Tools

BUILDERS = ("zero_shot", "few_shot", "few_shot_random", "few_shot_similar", "prompt_optimisation")
CALLS = 200
LONGEST = 12
FREE = TokenPrice(
    prompt_usd_per_million=0,
    completion_usd_per_million=0,
    provenance=Provenance(kind="computed"),
)


def measure(samples: Sequence[Sample], instructions: Sequence[str], folder: Path) -> dict[str, Any]:
    """Scores of every builder under each instruction, and what the search says of itself."""
    embedder = KeptEmbedder(registry.embedder("sentence_transformers"), folder)
    parts = {name: [s for s in samples if s.split == name] for name in ("train", "dev", "test")}
    found: dict[str, Any] = {}
    with registry.backend("transformers").open(str(embedded_model_root()), {}) as session:
        bench = Bench(
            session=session,
            metric=registry.metric("exact_match"),
            settings=EvaluationSettings(
                dataset_digest="fields", backend="transformers", model="tiny",
                max_new_tokens=LONGEST,
            ),
            progress=Silence(),
            cache=CompletionCache(folder / "completions.sqlite"),
            purse=Purse(FREE),
        )  # fmt: skip
        for instruction in instructions:
            found[instruction] = {}
            for name in BUILDERS:
                model = UnderTest(bench, calls=CALLS)
                tools = Tools(0, instruction, folder, embedder=embedder, model=model)
                builder = registry.prompt_builder(name)
                builder.fit(parts["train"], parts["dev"], [], tools)
                scored = evaluate(bench, name, builder, parts["test"])
                found[instruction][name] = {
                    "value": round(scored.value, 3),
                    "low": round(scored.interval.low, 3),
                    "high": round(scored.interval.high, 3),
                    "n": scored.n,
                    "calls_before": model.usage.calls if model.usage else 0,
                    "story": list(getattr(builder, "story", ())),
                }
    return found
