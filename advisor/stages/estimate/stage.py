"""Prices every method on every GPU: plan, memory, fit, time and cost, cheapest fitting first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from advisor.contracts import Method
from advisor.errors import PlanError
from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu, ModelCard, Offer, Reference
from advisor.schema.estimate import Estimate, EstimatedModel, EstimateRequest, Option
from advisor.schema.plan import Plan
from advisor.stages.estimate.compute import hours, tokens_per_second
from advisor.stages.estimate.cost import best_offer, billed_gpus, cost
from advisor.stages.estimate.fit import fits, process_interval
from advisor.stages.estimate.memory import Work, allocated_error, memory
from advisor.stages.estimate.planning import make_plan, pick_recipe

STALE_AFTER_DAYS = 90
SHORTEST_SEQUENCE = 128
DEVICE_COUNTS = (2, 4, 8, 16)


@dataclass(frozen=True)
class Candidate:
    """An option, and what beside memory decides whether it can be recommended."""

    option: Option
    method_rank: int
    is_blocked: bool
    is_within_limits: bool

    @property
    def order(self) -> tuple[int, bool, bool, bool, Decimal, float, int]:
        """Fitting before uncertain before not; then allowed, priced, cheap, quick, simple."""
        option = self.option
        fit = {True: 0, "uncertain": 1, False: 2}[option.fits]
        money = option.cost_usd.likely if option.cost_usd else Decimal(0)
        time = option.time_hours.likely if option.time_hours else 0.0
        priced = option.cost_usd is None
        return (fit, self.is_blocked, not self.is_within_limits, priced, money, time, self.method_rank)

    @property
    def can_be_recommended(self) -> bool:
        """Fits or may fit, nothing stands in its way, and it keeps to budget and time."""
        return self.option.fits is not False and not self.is_blocked and self.is_within_limits


@dataclass(frozen=True)
class _Room:
    """What every candidate of one request shares."""

    request: EstimateRequest
    model: ModelCard
    offers: Mapping[str, Sequence[Offer]]
    reference: Reference


def estimate(  # noqa: PLR0913 - the ingredients, each by name
    request: EstimateRequest,
    *,
    model: ModelCard,
    gpus: Sequence[Gpu],
    offers: Mapping[str, Sequence[Offer]],
    methods: Mapping[str, Method],
    reference: Reference,
) -> Estimate:
    """Every method on every GPU; the recommended one is the cheapest that fits and is allowed.

    `offers` maps GPU ids to dated prices; a GPU without offers is estimated without cost. Raises
    PlanError when the request contradicts itself.
    """
    room = _Room(request=request, model=model, offers=offers, reference=reference)
    found = [_candidate(room, gpu, methods[name]) for name in request.methods for gpu in gpus]
    if not found:
        raise PlanError("There is nothing to estimate.", hint="Name a method and a GPU.")
    found.sort(key=lambda c: c.order)
    recommended = next((i for i, c in enumerate(found) if c.can_be_recommended), None)
    return Estimate(
        model=EstimatedModel(
            id=model.id, parameters=model.parameters, active_parameters=model.active_parameters
        ),
        options=tuple(c.option for c in found),
        recommended=recommended,
        nearest="" if recommended is not None else _nearest(room, found, gpus, methods),
        prices_as_of=request.as_of,
        warnings=_overall_warnings(found, recommended),
    )


def _overall_warnings(found: Sequence[Candidate], recommended: int | None) -> tuple[str, ...]:
    if recommended is None:
        return ("No plan can be recommended.",)
    if found[recommended].option.fits == "uncertain":
        return ("No plan fits for certain; the recommended one may run out of memory.",)
    return ()


def _candidate(room: _Room, gpu: Gpu, method: Method) -> Candidate:
    request, model, reference = room.request, room.model, room.reference
    recipe = pick_recipe(reference.recipes, method.info.id, model.parameters)
    plan = make_plan(request, model=model, gpu=gpu, method=method, recipe=recipe)
    footprint = method.footprint(plan, model)
    work = Work(plan, model, footprint, reference.stack)
    needed = memory(work, gpu)
    verdict, probability, headroom = fits(needed, gpu)
    speed = tokens_per_second(plan, model, footprint, gpu=gpu, stack=reference.stack)
    time = hours(plan, speed)
    offer = best_offer(room.offers.get(gpu.id, ()), plan.gpus)
    price = cost(offer, time, plan.gpus)
    obstacles = method.obstacles(plan, request.machine)
    option = Option(
        objective=plan.objective,
        method=plan.method,
        plan=plan,
        memory=needed,
        gpu=gpu.id,
        gpus=plan.gpus,
        fits=verdict,
        probability_fits=probability,
        headroom_gib=headroom,
        trainable_parameters=footprint.trainable_parameters,
        time_hours=time,
        tokens_per_second=speed,
        cost_usd=price,
        offer=offer,
        assumptions=(*_assumptions(work, gpu), *footprint.notes),
        warnings=(
            *(f"{o.message} {o.hint}".strip() for o in obstacles),
            *_price_warnings(offer, request, gpu),
            *_time_warnings(gpu, time),
        ),
    )
    return Candidate(
        option=option,
        method_rank=method.info.cost_rank,
        is_blocked=any(o.severity == "blocks" for o in obstacles),
        is_within_limits=_is_within_limits(option, request),
    )


def _is_within_limits(option: Option, request: EstimateRequest) -> bool:
    """Whether likely cost and likely time keep to the user's limits; unknown counts as kept."""
    money, time = option.cost_usd, option.time_hours
    if request.budget_usd is not None and money is not None and money.likely > request.budget_usd:
        return False
    return not (request.max_hours and time is not None and time.likely > request.max_hours)


def _assumptions(work: Work, gpu: Gpu) -> tuple[str, ...]:
    plan, stack, errors = work.plan, work.stack, allocated_error(work)
    notes = [
        f"Software: {stack.title}; loss computed "
        + ("tile by tile." if plan.loss_head == "fused" else "from all logits."),
        f"Memory intervals span what published runs measured over this computation: "
        f"{errors.interval.low:.2f} to {errors.interval.high:.2f} ({errors.provenance.note}).",
    ]
    if plan.tokens is None:
        notes.append(f"Every sample is counted as a full sequence of {plan.sequence_length} tokens.")
    if plan.reasons.get("examples", "").startswith("recipe"):
        notes.append(f"{plan.examples} samples assumed; give --examples, --tokens or data.")
    if not gpu.is_cpu:
        notes.append("Start-up, downloads and evaluation are not in the hours.")
    return tuple(notes)


def _price_warnings(offer: Offer | None, request: EstimateRequest, gpu: Gpu) -> list[str]:
    if offer is None:
        return [f"No price of {gpu.id} is known, so its cost is unknown."]
    found = []
    if offer.kind == "community":
        found.append(f"{offer.provider} rents {gpu.id} from private owners (community price).")
    if offer.kind == "spot":
        found.append(f"{offer.provider} may take {gpu.id} back at any time (spot price).")
    if request.as_of and offer.kind != "own":
        age = (date.fromisoformat(request.as_of) - date.fromisoformat(offer.checked)).days
        if age > STALE_AFTER_DAYS:
            found.append(f"The price of {gpu.id} was last checked on {offer.checked}.")
    paid = billed_gpus(offer, request.gpus)
    if paid > request.gpus:
        found.append(f"{offer.provider} rents {gpu.id} by {offer.gpus}; all {paid} are paid for.")
    return found


def _time_warnings(gpu: Gpu, time: Interval | None) -> list[str]:
    if time is not None:
        return []
    if gpu.is_cpu:
        return ["The time on this CPU is unknown; the first steps of training measure it."]
    return [f"The speed of {gpu.name} is not in the catalog, so time is unknown."]


def _nearest(
    room: _Room, found: Sequence[Candidate], gpus: Sequence[Gpu], methods: Mapping[str, Method]
) -> str:
    """In words: the plan closest to the wish that would do."""
    dear = next((c.option for c in found if c.option.fits is not False and not c.is_blocked), None)
    if dear is not None:
        return f"{dear.method} on {dear.gpu} fits but breaks a limit: {_price_and_time(dear)}."
    for smaller in _smaller(room.request, found[0].option.plan):
        for gpu in gpus:
            for name in room.request.methods:
                changed = _Room(smaller, room.model, room.offers, room.reference)
                candidate = _candidate(changed, gpu, methods[name])
                if candidate.option.fits is True and not candidate.is_blocked:
                    return _would_fit(candidate.option, gpu)
    least = min(found, key=lambda c: process_interval(c.option.memory).likely).option
    return (
        f"The least any plan needs is {process_interval(least.memory).likely:.1f} GiB per device "
        f"({least.method}); choose a larger GPU, more of them, or a smaller model."
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


def _would_fit(option: Option, gpu: Gpu) -> str:
    plan = option.plan
    process = process_interval(option.memory).likely
    devices = f"{plan.gpus} x {gpu.id} ({plan.strategy})" if plan.gpus > 1 else gpu.id
    return (
        f"{option.method} on {devices} with batch {plan.micro_batch_size} and "
        f"{plan.sequence_length} tokens would fit: {process:.1f} of {gpu.memory_gib:.1f} GiB."
    )
