"""The largest sequence, batch, rank or model with which a plan still fits a card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from advisor.contracts import Method
from advisor.errors import PlanError
from advisor.schema.catalog import Gpu, ModelCard
from advisor.schema.estimate import EstimateRequest, Option, Solved, Unknown
from advisor.stages.estimate.candidate import Candidate, Inquiry, make_candidate

SEQUENCE_STEP = 64
"""Lengths are looked for in such steps: kernels prefer them, and no one asks more finely."""
LONGEST_SEQUENCE = 1 << 20
LARGEST_BATCH = 1 << 12

Attempt = Callable[[int], Candidate]
Found = tuple[float | None, Option | None, str]
"""Value, the plan at it, and a remark."""


def solve(
    quantity: Unknown,
    inquiry: Inquiry,
    *,
    gpu: Gpu,
    method: Method,
    models: Sequence[ModelCard] = (),
) -> Solved:
    """The largest value that fits for certain, everything else as wished.

    Memory never falls when the quantity grows, so bisection finds it. `models` are those to choose
    from for `model-size`. Raises PlanError for the rank of a method that has none.
    """
    if quantity == "model-size":
        value, option, note = _largest_model(inquiry, gpu, method, models)
    else:
        value, option, note = _largest_setting(quantity, inquiry, gpu, method)
    return Solved(
        quantity=quantity,
        method=method.info.id,
        gpu=gpu.id,
        value=value,
        option=option,
        note=note,
    )


def _largest_setting(quantity: Unknown, inquiry: Inquiry, gpu: Gpu, method: Method) -> Found:
    step, most = _range(quantity, inquiry.model, method)

    def attempt(steps: int) -> Candidate:
        wished = _wish(quantity, inquiry.request, steps * step)
        return make_candidate(replace(inquiry, request=wished), gpu, method)

    best = _largest(attempt, most // step)
    if best is None:
        headroom = attempt(1).option.headroom_gib
        left = f"{headroom:.1f} GiB to spare" if headroom >= 0 else f"{-headroom:.1f} GiB short"
        return None, None, f"Not even {step} is sure to fit: {left} at the likely value."
    note = "The end of the range that was searched." if best == most // step else ""
    return best * step, attempt(best).option, note


def _range(quantity: Unknown, model: ModelCard, method: Method) -> tuple[int, int]:
    """Step and largest value of a quantity.

    Raises PlanError for the rank of a method that has none.
    """
    if quantity == "seq-len":
        longest = model.max_sequence_length or LONGEST_SEQUENCE
        return min(SEQUENCE_STEP, longest), longest
    if quantity == "batch-size":
        return 1, LARGEST_BATCH
    if not method.info.needs_rank:
        raise PlanError(
            f"{method.info.id} has no rank to look for.",
            hint="Use --solve rank with --method lora or another low-rank method.",
        )
    return 1, model.hidden_size


def _wish(quantity: Unknown, request: EstimateRequest, value: int) -> EstimateRequest:
    field = {"seq-len": "seq_len", "batch-size": "batch_size", "rank": "rank"}[quantity]
    return request.model_copy(update={field: value, "lengths": None})


def _fits(candidate: Candidate) -> bool:
    return candidate.option.fits is True and not candidate.is_blocked


def _largest(attempt: Attempt, most: int) -> int | None:
    """The largest number of steps that fits, at most `most`; None when one step does not."""
    if not _fits(attempt(1)):
        return None
    low, high = 1, 2
    while high <= most and _fits(attempt(high)):
        low, high = high, high * 2
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(attempt(middle)) else (low, middle)
    return low


def _largest_model(
    inquiry: Inquiry, gpu: Gpu, method: Method, models: Sequence[ModelCard]
) -> Found:
    fitting: Option | None = None
    largest: ModelCard | None = None
    for model in sorted(models, key=lambda card: card.parameters):
        length = model.max_sequence_length
        wished = inquiry.request.seq_len
        if length and wished and wished > length:
            continue
        candidate = make_candidate(replace(inquiry, model=model), gpu, method)
        if _fits(candidate):
            fitting, largest = candidate.option, model
    if largest is None:
        return None, None, "No model of the catalog is sure to fit."
    return largest.parameters, fitting, largest.id
