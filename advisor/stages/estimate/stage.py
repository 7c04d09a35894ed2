"""Prices every method on every GPU, cheapest fitting first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.contracts import Method
from advisor.errors import PlanError
from advisor.schema.catalog import Gpu, ModelCard
from advisor.schema.estimate import Estimate, EstimatedModel, EstimateRequest
from advisor.stages.estimate.candidate import Candidate, Inquiry, make_candidate
from advisor.stages.estimate.choice import fastest
from advisor.stages.estimate.nearest import nearest_plan


def estimate(inquiry: Inquiry, *, gpus: Sequence[Gpu], methods: Mapping[str, Method]) -> Estimate:
    """Every method on every GPU; the recommended one is the cheapest that fits and is allowed.

    A GPU without offers is estimated without cost. Raises PlanError when the request contradicts
    itself.
    """
    request, model = inquiry.request, inquiry.model
    found = [
        make_candidate(inquiry, gpu, methods[name]) for name in request.methods for gpu in gpus
    ]
    if not found:
        raise PlanError("There is nothing to estimate.", hint="Name a method and a GPU.")
    found.sort(key=lambda c: c.order)
    quickest = fastest(found)
    recommended = quickest if _buys_speed(request) else None
    if recommended is None:
        recommended = next((i for i, c in enumerate(found) if c.can_be_recommended), None)
    return Estimate(
        model=EstimatedModel(
            id=model.id,
            parameters=model.parameters,
            active_parameters=model.active_parameters or model.parameters,
            note=model.provenance.note,
        ),
        options=tuple(c.option for c in found),
        recommended=recommended,
        fastest=quickest,
        lengths=request.lengths,
        nearest="" if recommended is not None else nearest_plan(inquiry, found, gpus, methods),
        prices_as_of=request.as_of,
        warnings=(*_model_warnings(model), *_overall_warnings(found, recommended)),
    )


def _buys_speed(request: EstimateRequest) -> bool:
    """Whether the fastest is wished for: on demand, or by a budget without a time limit."""
    if request.prefer is not None:
        return request.prefer == "fastest"
    return request.budget_usd is not None and request.max_hours is None


def _model_warnings(model: ModelCard) -> tuple[str, ...]:
    """How a model was read, where that leaves doubt."""
    if not model.is_approximate:
        return ()
    return (f"{model.id} has an architecture nobody checked here. {model.provenance.note}".strip(),)


def _overall_warnings(found: Sequence[Candidate], recommended: int | None) -> tuple[str, ...]:
    if recommended is None:
        return ("No plan can be recommended.",)
    if found[recommended].option.fits == "uncertain":
        return ("No plan fits for certain; the recommended one may run out of memory.",)
    return ()
