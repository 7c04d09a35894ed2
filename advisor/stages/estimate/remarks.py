"""What was assumed for an option, and what stands in its way, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.schema.base import Interval, UsdInterval
from advisor.schema.catalog import Gpu, Offer
from advisor.schema.estimate import EstimateRequest
from advisor.schema.money import Money
from advisor.schema.plan import Obstacle, Plan
from advisor.schema.tiers import ErrorBand
from advisor.stages.estimate.memory.tiers import allocated_error
from advisor.stages.estimate.memory.work import Work
from advisor.stages.estimate.money.cost import billed_gpus, is_stale
from advisor.stages.estimate.plan.advised import set_by_rules
from advisor.units import gib_from_bytes

TOO_LARGE_FOR_A_PROCESSOR = 1_000_000_000
"""Parameters; the rules draw the line there too (local-without-a-card)."""
TOO_LARGE = "A model of a billion parameters or more does not train on a processor in useful time"
_LOSSES = {
    "stock": "from all logits in several passes",
    "fused": "from all logits by one kernel",
    "chunked": "tile by tile",
    "fused_linear": "without ever holding the logits",
}


def assumptions(work: Work) -> tuple[str, ...]:
    """What the numbers rest on that the user did not say."""
    plan, stack, errors = work.plan, work.stack, allocated_error(work)
    notes = [
        f"Software: {stack.title}; loss computed {_LOSSES[plan.loss_head]}.",
        _spread_note(errors),
    ]
    if plan.tokens is None:
        notes.append(
            f"Every sample is counted as a full sequence of {plan.sequence_length} tokens."
        )
    if plan.reasons.get("examples", "").startswith("recipe"):
        notes.append(f"{plan.examples} samples assumed; give --examples, --tokens or data.")
    advised = set_by_rules(plan)
    if advised:
        notes.append(f"Set for this data and model: {', '.join(advised)}.")
    if plan.offload in ("optimizer", "weights"):
        notes.append(
            f"About {gib_from_bytes(_offloaded_bytes(work)):.0f} GiB of main memory hold what is "
            "offloaded, all devices together."
        )
    return tuple(notes)


def _offloaded_bytes(work: Work) -> float:
    """States and gradients that the processor steps with; with `weights` the weights too."""
    foot = work.footprint
    kept = foot.optimizer_bytes + foot.gradient_bytes
    if work.plan.offload == "weights":
        kept += foot.base_weight_bytes + foot.adapter_weight_bytes
    return kept


def billing_note(offer: Offer | None, money: Money | None) -> tuple[str, ...]:
    """Why the high cost can be more than hours x price."""
    if offer is None or money is None or offer.kind == "own":
        return ()
    if offer.provider in money.billing_seconds:
        return ()
    return (f"How {offer.provider} bills is unknown: the high cost counts every started hour.",)


def warnings(
    request: EstimateRequest,
    gpu: Gpu,
    *,
    offer: Offer | None,
    price: UsdInterval | None,
    time: Interval | None,
    parameters: int,
) -> tuple[str, ...]:
    """What the user should know before believing or renting."""
    return (
        *_price_warnings(offer, request, gpu),
        *_time_warnings(gpu, time, parameters),
        *_limit_warnings(request, price, time),
    )


_NO_FLASH = ("Volta", "Turing", "Pascal")
"""Architectures for which FlashAttention 2 has no kernels."""


def kernel_warnings(plan: Plan, gpu: Gpu) -> tuple[str, ...]:
    """Kernels and precisions that the card does not have."""
    found = []
    wanted = plan.compute_precision or plan.precision
    has_rate = gpu.fp16_tflops is not None or gpu.bf16_tflops is not None
    if wanted == "bfloat16" and gpu.bf16_tflops is None and has_rate and not gpu.is_cpu:
        found.append(f"{gpu.name} has no bfloat16: it is emulated and slow; use float16.")
    if plan.attention == "flash" and gpu.architecture in _NO_FLASH:
        found.append(f"FlashAttention 2 does not run on {gpu.name}; use --attention sdpa.")
    return tuple(found)


def obstacle_sentences(obstacles: Sequence[Obstacle]) -> tuple[str, ...]:
    """Obstacles of the method as sentences."""
    return tuple(f"{o.message} {o.hint}".strip() for o in obstacles)


def _spread_note(errors: ErrorBand) -> str:
    said = (
        f"Weights and states are known; what else lives takes {errors.low:.2f} to "
        f"{errors.high:.2f} of the computed"
    )
    if not errors.runs:
        return f"{said} ({errors.why})."
    reason = {
        "none": "as in 8 of 10 published runs of this kind",
        "traced": "as in runs of other software, widened, for this one was traced, never measured",
        "stack": "as in runs whose software is taken as unknown",
        "length": "as in runs whose samples may be shorter than the limit",
    }[errors.guess]
    return f"{said}: {reason} ({errors.runs} runs, {errors.sources} sources)."


def _price_warnings(offer: Offer | None, request: EstimateRequest, gpu: Gpu) -> list[str]:
    if offer is None:
        return [f"No price of {gpu.id} is known, so its cost is unknown."]
    found = []
    if offer.kind == "community":
        found.append(f"{offer.provider} rents {gpu.id} from private owners (community price).")
    if offer.kind == "spot":
        found.append(f"{offer.provider} may take {gpu.id} back at any time (spot price).")
    if not offer.is_dated:
        found.append(
            f"The source of {offer.provider}'s price of {gpu.id} says no date ({offer.note})."
        )
    elif request.as_of and is_stale(offer, request.as_of):
        found.append(f"The price of {gpu.id} was last checked on {offer.checked}.")
    if offer.is_gpu_only:
        found.append(f"{offer.provider} bills the machine around {gpu.id} apart from this price.")
    paid = billed_gpus(offer, request.gpus)
    if paid > request.gpus:
        found.append(f"{offer.provider} rents {gpu.id} by {offer.gpus}; all {paid} are paid for.")
    return found


def _limit_warnings(
    request: EstimateRequest, price: UsdInterval | None, time: Interval | None
) -> list[str]:
    """Limits that count as kept only because the figure they limit is unknown."""
    found = []
    if request.budget_usd is not None and price is None:
        found.append(f"Whether it keeps to the budget of ${request.budget_usd} is unknown.")
    if request.max_hours is not None and time is None:
        found.append(f"Whether it keeps to the limit of {request.max_hours:g} hours is unknown.")
    return found


def _time_warnings(gpu: Gpu, time: Interval | None, parameters: int) -> list[str]:
    if time is not None and gpu.power_watt is None:
        return [f"The power of {gpu.name} is not in the catalog, so energy is unknown."]
    if time is not None:
        return []
    if gpu.is_cpu and parameters >= TOO_LARGE_FOR_A_PROCESSOR:
        return [f"{TOO_LARGE} (the time is unknown); take a card of your own or a smaller model."]
    if gpu.is_cpu:
        return ["The time on this CPU is unknown; the first steps of training measure it."]
    return [f"The speed of {gpu.name} is not in the catalog, so time is unknown."]
