"""What no plan can be: more than a request may hold, than a machine has, than a model has."""

from __future__ import annotations

from advisor.errors import PlanError
from advisor.schema.catalog import ModelCard
from advisor.schema.estimate import EstimateRequest
from advisor.schema.limits import beyond

MOST_TOGETHER = 72
"""GPUs that share their links in the largest machine there is, a rack of GB200 NVL72."""


def check_machines(request: EstimateRequest) -> None:
    """Raises PlanError for GPUs that cannot stand in so many machines."""
    if request.nodes > request.gpus or request.gpus % request.nodes:
        raise PlanError(
            f"{request.gpus} GPUs do not stand in {request.nodes} equal nodes.",
            hint="--gpus counts the devices of all nodes together.",
        )
    if request.gpus > MOST_TOGETHER * request.nodes:
        raise PlanError(
            f"{request.gpus // request.nodes} GPUs do not stand in one machine.",
            hint=f"At most {MOST_TOGETHER} share their links; say how many machines with --nodes.",
        )


def check_against(model: ModelCard, request: EstimateRequest, strategy: str) -> None:
    """Raises PlanError for more than the model has."""
    longest = model.max_sequence_length
    if longest and request.generated_tokens and request.generated_tokens > longest:
        raise PlanError(
            f"--generated-tokens {request.generated_tokens} is more than {model.id} holds "
            f"({longest} tokens).",
            hint=f"Give --generated-tokens {longest} or less.",
        )
    if strategy == "layer_split" and request.gpus > model.layers:
        raise PlanError(
            f"The {model.layers} layers of {model.id} cannot be split over {request.gpus} GPUs.",
            hint=f"Give --gpus {model.layers} or less, or --strategy fsdp.",
        )


def check_amounts(request: EstimateRequest) -> None:
    """Raises PlanError for more than any plan needs."""
    for name, most in (*beyond(request), *beyond(request.workload)):
        raise PlanError(
            f"--{name.replace('_', '-')} is more than any plan needs.",
            hint=f"Give {most:,.0f} or less.",
        )
