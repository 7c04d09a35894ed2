"""When nothing can be recommended: the plan closest to the wish that would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from advisor.contracts import Method
from advisor.schema.catalog import Gpu
from advisor.schema.estimate import EstimateRequest, Option
from advisor.schema.plan import Plan
from advisor.stages.estimate.candidate import Candidate, Inquiry, make_candidate
from advisor.stages.estimate.memory.fit import process_interval

SHORTEST_SEQUENCE = 128
DEVICE_COUNTS = (2, 4, 8, 16)


def nearest_plan(
    inquiry: Inquiry, found: Sequence[Candidate], gpus: Sequence[Gpu], methods: Mapping[str, Method]
) -> str:
    """In words: the plan closest to the wish that would do."""
    dear = next((c.option for c in found if c.option.fits is not False and not c.is_blocked), None)
    if dear is not None:
        return f"{dear.method} on {dear.gpu} fits but breaks a limit: {_price_and_time(dear)}."
    changed = (
        make_candidate(replace(inquiry, request=smaller), gpu, methods[name])
        for smaller in _smaller(inquiry.request, found[0].option.plan)
        for gpu in gpus
        for name in inquiry.request.methods
    )
    would_do = _first_fitting(changed)
    if would_do is not None:
        return would_do
    least = min(found, key=lambda c: process_interval(c.option.memory).likely).option
    gib = process_interval(least.memory).likely
    return (
        f"The least any of these plans needs is {gib:.1f} GiB per device ({least.method});"
        f" choose a larger GPU, more of them, or a smaller model."
    )


def _price_and_time(option: Option) -> str:
    parts = []
    if option.cost_usd is not None:
        parts.append(f"about ${option.cost_usd.likely:.2f}")
    if option.time_hours is not None:
        parts.append(f"about {option.time_hours.likely:.1f} hours")
    return ", ".join(parts) or "cost and time unknown"


def _smaller(request: EstimateRequest, plan: Plan) -> list[EstimateRequest]:
    """Requests that need less per device: batch 1, shorter sequences, then more devices."""
    found = [request.model_copy(update={"batch_size": 1, "gradient_checkpointing": True})]
    length = plan.sequence_length // 2
    while length >= SHORTEST_SEQUENCE:
        found.append(found[0].model_copy(update={"seq_len": length}))
        length //= 2
    if not plan.gpu.startswith("local"):
        found += [
            found[0].model_copy(update={"gpus": count, "strategy": "fsdp"})
            for count in DEVICE_COUNTS
            if count > request.gpus
        ]
    return found


def _would_fit(option: Option) -> str:
    plan = option.plan
    process = process_interval(option.memory).likely
    card_gib = option.usable_gib or process + option.headroom_gib
    devices = f"{plan.gpus} x {plan.gpu} ({plan.strategy})" if plan.gpus > 1 else plan.gpu
    return (
        f"{option.method} on {devices} with batch {plan.micro_batch_size} and "
        f"{plan.sequence_length} tokens would fit: {process:.1f} of {card_gib:.1f} GiB."
    )


def _first_fitting(candidates: Iterable[Candidate]) -> str | None:
    for candidate in candidates:
        option = candidate.option
        if option.fits is True and not candidate.is_blocked:
            return _would_fit(option)
    return None
