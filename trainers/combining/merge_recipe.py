"""A combination of whole models in mergekit's words."""

from __future__ import annotations

from typing import Any

from advisor.schema.combine import CombineJob
from trainers.combining.ways import density_of

METHODS = {
    "linear": "linear",
    "slerp": "slerp",
    "ties": "ties",
    "dare": "dare_linear",
    "dare_ties": "dare_ties",
}
"""Ours -> mergekit's."""
ON_BASE = ("ties", "dare", "dare_ties")
"""Ways that add up changes, and so need the model that all parts were tuned from."""


def merge_recipe(job: CombineJob, *, dtype: str) -> dict[str, Any]:
    """The settings as mergekit-yaml reads them; sums are formed in float32.

    `slerp` goes from the first model to the second as far as the second's share of the weights.
    """
    recipe: dict[str, Any] = {"merge_method": METHODS[job.how]}
    if job.how == "slerp":
        recipe["models"] = [{"model": model} for model in job.models]
        recipe["base_model"] = job.models[0]
        recipe["parameters"] = {"t": job.weights[1] / sum(job.weights)}
    else:
        density, _ = density_of(job)
        told = {} if density is None else {"density": density}
        recipe["models"] = [
            {"model": model, "parameters": {"weight": weight, **told}}
            for model, weight in zip(job.models, job.weights, strict=True)
        ]
    if job.how in ON_BASE:
        recipe["base_model"] = job.base
    return recipe | {"dtype": "float32", "out_dtype": dtype}
