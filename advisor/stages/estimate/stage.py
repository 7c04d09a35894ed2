"""Prices every method on every GPU, cheapest fitting first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.contracts import Method
from advisor.errors import PlanError
from advisor.schema.catalog import Gpu, ModelCard
from advisor.schema.estimate import Estimate, EstimatedModel, EstimateRequest
from advisor.stages.estimate.candidate import Candidate, Inquiry, make_candidate
from advisor.stages.estimate.money.choice import chosen, chosen_as, fastest
from advisor.stages.estimate.nearest import nearest_plan
from advisor.stages.estimate.plan.refusals import ignored_flags

FAR_LONGER = 1.5
"""Times the 99 % point at which the longest sample is worth a word."""

LOADS_IN_32_BITS = "stock"
"""The stack whose trainer loads 32 bits when a script says nothing."""
BITS_OF_HALF = 16
HELD_IN_HALF = ("weights", "gradients", "optimizer states")


def estimate(inquiry: Inquiry, *, gpus: Sequence[Gpu], methods: Mapping[str, Method]) -> Estimate:
    """Every method on every GPU; the recommended one is the cheapest that fits and is allowed.

    With `methods_in_line` the first method counts that has such an option. A GPU without offers is
    estimated without cost. Raises PlanError when the request contradicts itself.
    """
    request, model = inquiry.request, inquiry.model
    found = [
        make_candidate(inquiry, gpu, methods[name]) for name in request.methods for gpu in gpus
    ]
    if not found:
        raise PlanError("There is nothing to estimate.", hint="Name a method and a GPU.")
    found.sort(key=lambda c: c.order)
    recommended = chosen(
        found,
        budget_usd=request.budget_usd,
        max_hours=request.max_hours,
        prefer=request.prefer,
        line=request.methods if request.methods_in_line else (),
    )
    return Estimate(
        model=EstimatedModel(
            id=model.id,
            parameters=model.parameters,
            active_parameters=model.active_parameters or model.parameters,
            note=model.provenance.note,
        ),
        options=tuple(c.option for c in found),
        recommended=recommended,
        recommended_as=chosen_as(
            found,
            recommended,
            budget_usd=request.budget_usd,
            max_hours=request.max_hours,
            prefer=request.prefer,
        ),
        fastest=fastest(found),
        lengths=request.lengths,
        nearest="" if recommended is not None else nearest_plan(inquiry, found, gpus, methods),
        prices_as_of=request.as_of,
        warnings=(
            *_model_warnings(model),
            *_length_warnings(request),
            *_flag_warnings(request, methods),
            *_overall_warnings(found, recommended),
            *_loading_warning(found, recommended),
        ),
    )


def _loading_warning(found: Sequence[Candidate], recommended: int | None) -> tuple[str, ...]:
    """What the recommended plan takes when a script forgets to say in what precision to load.

    TRL loads 32 bits unless told otherwise (`create_model_from_path`, TRL 1.x): what is held in 16
    bits, the weights and where they are trained their gradients and states, then takes twice.
    """
    if recommended is None:
        return ()
    option = found[recommended].option
    plan, needed = option.plan, option.memory
    is_open = plan.reasons.get("precision", "").startswith("recipe")
    if plan.stack != LOADS_IN_32_BITS or not is_open or plan.base_bits != BITS_OF_HALF:
        return ()
    doubled = HELD_IN_HALF if plan.trained_precision == plan.precision else HELD_IN_HALF[:1]
    more = sum(term.gib for term in needed.terms if term.name in doubled)
    tier = needed.process_gib or needed.reserved_gib or needed.allocated_gib
    told = (
        f"Weights are taken as loaded in {plan.precision} (dtype='{plan.precision}'); a TRL script "
        f"that does not say so loads float32 and needs about {tier.likely + more:.0f} GiB."
    )
    return (told,)


def _model_warnings(model: ModelCard) -> tuple[str, ...]:
    """How a model was read, where that leaves doubt, and what of it is not counted."""
    said = []
    if model.is_approximate:
        note = model.provenance.note
        said.append(f"{model.id} has an architecture nobody checked here. {note}".strip())
    if model.uncounted:
        parts = ", ".join(name.removesuffix("_config") for name in model.uncounted)
        said.append(f"Not counted of {model.id}: {parts}. What is loaded of it needs memory too.")
    if model.kind != "decoder":
        kind = model.kind.replace("_", "-")
        said.append(f"{model.id} is an {kind}; a task head on top is not counted.")
    return tuple(said)


def _flag_warnings(request: EstimateRequest, methods: Mapping[str, Method]) -> tuple[str, ...]:
    infos = [methods[name].info for name in request.methods]
    names = ", ".join(info.id for info in infos)
    ignored = ignored_flags(request, infos)
    return tuple(f"{flag} is not used: {names} cannot take it." for flag in ignored)


def _length_warnings(request: EstimateRequest) -> tuple[str, ...]:
    """Few samples that decide how much memory all batches need, and samples that are cut."""
    lengths = request.lengths
    if lengths is None or request.packing:
        return ()
    said = []
    longest = min(lengths.longest.likely, lengths.limit)
    common = lengths.percentile_99.likely
    if longest > FAR_LONGER * common:
        said.append(
            f"One sample in a hundred sets the peak: the longest has about {longest:.0f} tokens, "
            f"99 % have at most {common:.0f}; --seq-len would cut it."
        )
    if lengths.truncated_samples:
        said.append(
            f"{lengths.truncated_samples} of {lengths.samples} samples are longer than "
            f"{lengths.limit} tokens and are cut."
        )
    return tuple(said)


def _overall_warnings(found: Sequence[Candidate], recommended: int | None) -> tuple[str, ...]:
    if recommended is None:
        return ("No plan can be recommended.",)
    if found[recommended].option.fits == "uncertain":
        return ("No plan fits for certain; the recommended one may run out of memory.",)
    return ()
