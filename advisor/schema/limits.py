"""The largest amounts a request may hold: far beyond any real plan, far below any overflow."""

from collections.abc import Iterator, Mapping

from advisor.schema.base import Value

LARGEST: Mapping[str, float] = {
    "rank": 65_536,
    "alpha": 1_000_000,
    "batch_size": 1_000_000,
    "grad_accum": 1_000_000,
    "seq_len": 100_000_000,
    "examples": 1_000_000_000_000,
    "tokens": 1_000_000_000_000_000,
    "epochs": 10_000,
    "learning_rate": 100,
    "evaluation_batch_size": 1_000_000,
    "generated_tokens": 100_000_000,
    "gpus": 100_000,
    "nodes": 100_000,
    "budget_usd": 1_000_000_000_000,
    "max_hours": 1_000_000_000,
    "calls_per_month": 1_000_000_000_000,
    "instruction_tokens": 100_000_000,
    "input_tokens": 100_000_000,
    "answer_tokens": 100_000_000,
    "shots_tokens": 100_000_000,
    "passages_tokens": 100_000_000,
    "months": 1200,
    "concurrent_calls": 1_000_000,
    "evaluation_samples": 1_000_000_000,
}
"""By the names of a request and its workload."""


def beyond(asked: Value) -> Iterator[tuple[str, float]]:
    """Names and limits of what was set beyond its limit in a request or a workload."""
    for name in sorted(asked.model_fields_set & LARGEST.keys()):
        value, most = getattr(asked, name), LARGEST[name]
        if value is not None and value > most:
            yield name, most
