"""One method on one GPU: plan, memory, fit, time and cost, with what was assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from advisor.contracts import Method
from advisor.schema.base import Interval, UsdInterval
from advisor.schema.catalog import Figure, Gpu, ModelCard, Offer, Reference
from advisor.schema.estimate import EstimateRequest, Option
from advisor.schema.profile import MachineFacts
from advisor.stages.estimate.compute import hours, tokens_per_second
from advisor.stages.estimate.cost import best_offer, billed_gpus, cost, is_stale
from advisor.stages.estimate.fit import fits
from advisor.stages.estimate.planning import make_plan
from advisor.stages.estimate.tiers import allocated_error, memory
from advisor.stages.estimate.work import Work


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
        return (
            fit,
            self.is_blocked,
            not self.is_within_limits,
            priced,
            money,
            time,
            self.method_rank,
        )

    @property
    def can_be_recommended(self) -> bool:
        """Fits or may fit, nothing stands in its way, and it keeps to budget and time."""
        return self.option.fits is not False and not self.is_blocked and self.is_within_limits


@dataclass(frozen=True)
class Room:
    """What every candidate of one request shares."""

    request: EstimateRequest
    model: ModelCard
    offers: Mapping[str, Sequence[Offer]]
    reference: Reference


def make_candidate(room: Room, gpu: Gpu, method: Method) -> Candidate:
    """The option of a method on a GPU.

    Raises PlanError when no plan can be made of the request.
    """
    request, model, reference = room.request, room.model, room.reference
    plan = make_plan(request, model=model, gpu=gpu, method=method, reference=reference)
    footprint = method.footprint(plan, model)
    work = Work(plan, model, footprint, reference.stack)
    needed = memory(work, gpu)
    verdict, probability, headroom = fits(needed, gpu)
    speed = tokens_per_second(plan, model, footprint, gpu=gpu, stack=reference.stack)
    time = hours(plan, speed)
    offer = best_offer(room.offers.get(gpu.id, ()), plan.gpus)
    price = cost(offer, time, plan.gpus)
    obstacles = method.obstacles(plan, _machine(gpu, request))
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
            *_limit_warnings(request, price, time),
        ),
    )
    return Candidate(
        option=option,
        method_rank=method.info.cost_rank,
        is_blocked=any(o.severity == "blocks" for o in obstacles),
        is_within_limits=_is_within_limits(option, request),
    )


def _machine(gpu: Gpu, request: EstimateRequest) -> MachineFacts:
    """The machine a plan would run on: the user's own, or a rented one with the card in it."""
    if gpu.provenance.kind == "measured":
        return request.machine
    return MachineFacts(gpu=gpu.name, gpus=request.gpus, gpu_memory_gib=gpu.memory_gib)


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
        + ("tile by tile." if plan.loss_head == "chunked" else "from all logits."),
        _spread_note(errors),
    ]
    if plan.tokens is None:
        notes.append(
            f"Every sample is counted as a full sequence of {plan.sequence_length} tokens."
        )
    if plan.reasons.get("examples", "").startswith("recipe"):
        notes.append(f"{plan.examples} samples assumed; give --examples, --tokens or data.")
    if not gpu.is_cpu:
        notes.append("Start-up, downloads and evaluation are not in the hours.")
    return tuple(notes)


def _spread_note(errors: Figure) -> str:
    low, high = errors.interval.low, errors.interval.high
    return (
        f"Published runs measured {low:.2f} to {high:.2f} of the computed tensors "
        f"({errors.provenance.note}); the intervals span that."
    )


def _price_warnings(offer: Offer | None, request: EstimateRequest, gpu: Gpu) -> list[str]:
    if offer is None:
        return [f"No price of {gpu.id} is known, so its cost is unknown."]
    found = []
    if offer.kind == "community":
        found.append(f"{offer.provider} rents {gpu.id} from private owners (community price).")
    if offer.kind == "spot":
        found.append(f"{offer.provider} may take {gpu.id} back at any time (spot price).")
    if request.as_of and is_stale(offer, request.as_of):
        found.append(f"The price of {gpu.id} was last checked on {offer.checked}.")
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


def _time_warnings(gpu: Gpu, time: Interval | None) -> list[str]:
    if time is not None:
        return []
    if gpu.is_cpu:
        return ["The time on this CPU is unknown; the first steps of training measure it."]
    return [f"The speed of {gpu.name} is not in the catalog, so time is unknown."]
