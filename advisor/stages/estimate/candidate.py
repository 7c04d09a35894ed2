"""One method on one GPU: plan, memory, fit, time and cost, with what was assumed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from advisor.contracts import Method, Objective
from advisor.schema.base import Interval
from advisor.schema.catalog import Gpu, ModelCard, Offer, Reference
from advisor.schema.estimate import EstimateRequest, Memory, Option
from advisor.schema.machine import MachineFacts
from advisor.schema.money import Money
from advisor.schema.plan import ObjectiveFootprint, Plan
from advisor.stages.estimate.calibration import (
    Correction,
    calibrated,
    calibrated_timing,
    correction,
    machine_name,
    measured_speed,
)
from advisor.stages.estimate.memory.fit import fits, settled, usable_gib
from advisor.stages.estimate.memory.parts import with_extra_parts
from advisor.stages.estimate.memory.tiers import memory, outside_gib
from advisor.stages.estimate.memory.work import Work
from advisor.stages.estimate.money.choice import keeps_to
from advisor.stages.estimate.money.cost import best_offer, cost
from advisor.stages.estimate.plan.packing import packing_obstacles
from advisor.stages.estimate.plan.planning import make_plan
from advisor.stages.estimate.remarks import (
    assumptions,
    billing_note,
    kernel_warnings,
    obstacle_sentences,
    warnings,
)
from advisor.stages.estimate.throughput.energy import energy
from advisor.stages.estimate.throughput.hours import timing

if TYPE_CHECKING:  # its class is only built where there are records
    from advisor.schema.calibration import CalibrationRecord


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
class Inquiry:
    """What is asked about one model, and the knowledge that every candidate shares."""

    request: EstimateRequest
    model: ModelCard
    offers: Mapping[str, Sequence[Offer]]
    """GPU id -> its dated prices."""
    reference: Reference
    objective: Objective | None = None
    """None: plain next-token training."""
    money: Money | None = None
    """Steps of billing and interruptions; None counts neither."""
    records: Sequence[CalibrationRecord] = ()
    """Runs measured on this machine; they correct estimates for it."""


def _objective(inquiry: Inquiry, plan: Plan) -> ObjectiveFootprint:
    if inquiry.objective is None:
        return ObjectiveFootprint()
    return inquiry.objective.footprint(plan, inquiry.model)


def _together(plan: Plan, objective: ObjectiveFootprint) -> Plan:
    """The plan as a method sees it: both answers of a pair go through its layers together."""
    sequences = objective.sequences_per_sample
    if sequences == 1:
        return plan
    return plan.model_copy(update={"micro_batch_size": sequences * plan.micro_batch_size})


def _correction(inquiry: Inquiry, gpu: Gpu, plan: Plan) -> Correction | None:
    """What earlier runs tell, where the plan is for this machine."""
    if not inquiry.records or gpu.provenance.kind != "measured":
        return None
    machine = machine_name(gpu)
    return correction(inquiry.records, plan, model=plan.model, machine=machine)


def make_candidate(inquiry: Inquiry, gpu: Gpu, method: Method) -> Candidate:
    """The option of a method on a GPU.

    Raises PlanError when no plan can be made of the request.
    """
    request, model, reference = inquiry.request, inquiry.model, inquiry.reference
    plan = make_plan(
        request,
        model=model,
        gpu=gpu,
        method=method,
        reference=reference,
        objective=inquiry.objective.info if inquiry.objective else None,
    )
    obstacles = [
        *method.obstacles(plan, _machine(gpu, request)),
        *packing_obstacles(request, model, method.info),
    ]
    option = _option(inquiry, gpu, method, plan)
    option = option.model_copy(
        update={"warnings": (*obstacle_sentences(obstacles), *option.warnings)}
    )
    return Candidate(
        option=option,
        method_rank=method.info.cost_rank,
        is_blocked=any(o.severity == "blocks" for o in obstacles),
        is_within_limits=keeps_to(
            option, budget_usd=request.budget_usd, max_hours=request.max_hours
        ),
    )


def _work(inquiry: Inquiry, method: Method, plan: Plan) -> Work:
    objective, model = _objective(inquiry, plan), inquiry.model.loaded_as(plan.experts)
    footprint = method.footprint(_together(plan, objective), model)
    if model.extra_parameters:
        footprint = with_extra_parts(footprint, plan, model)
    return Work(plan, model, footprint, inquiry.reference.stack, objective)


def _option(inquiry: Inquiry, gpu: Gpu, method: Method, plan: Plan) -> Option:
    """Memory, fit, time and money of a plan."""
    request, reference = inquiry.request, inquiry.reference
    work = _work(inquiry, method, plan)
    known = _correction(inquiry, gpu, plan)
    needed = calibrated(_memory(inquiry, gpu, method, work), known)
    outside = None if gpu.is_cpu else outside_gib(work, gpu)
    if outside is not None and (known or request.lengths):
        needed = settled(needed, gpu, outside, reference.stack.tiers)
    verdict, probability, headroom = fits(needed, gpu, outside=outside, tiers=reference.stack.tiers)
    spent = calibrated_timing(timing(work, gpu, reference.throughput), known)
    time = spent.job_hours if spent else None
    offer = best_offer(inquiry.offers.get(gpu.id, ()), plan.gpus)
    drawn = energy(spent, gpu, plan.gpus, reference.throughput.power, offer.region if offer else "")
    price = cost(offer, time, plan.gpus, inquiry.money)
    return Option(
        objective=plan.objective,
        method=plan.method,
        plan=plan,
        memory=needed,
        gpu=gpu.id,
        gpus=plan.gpus,
        fits=verdict,
        probability_fits=probability,
        usable_gib=usable_gib(gpu, reference.stack.tiers),
        headroom_gib=headroom,
        trainable_parameters=work.footprint.trainable_parameters,
        time_hours=time,
        tokens_per_second=spent.tokens_per_second if spent else measured_speed(known),
        memory_correction=known.memory if known else 1.0,
        speed_correction=known.speed if known else 1.0,
        steps_hours=spent.steps_hours if spent else None,
        time_parts=spent.parts if spent else (),
        energy_kwh=drawn.kwh if drawn else None,
        co2_kg=drawn.co2_kg if drawn else None,
        cost_usd=price,
        offer=offer,
        assumptions=(
            *assumptions(work),
            *((known.note,) if known else ()),
            *(spent.notes if spent else ()),
            *(drawn.notes if drawn else ()),
            *work.footprint.notes,
            *work.objective.notes,
            *billing_note(offer, inquiry.money),
        ),
        warnings=(
            *work.footprint.warnings,
            *kernel_warnings(plan, gpu),
            *warnings(
                request,
                gpu,
                offer=offer,
                price=price,
                time=time,
                parameters=inquiry.model.parameters,
            ),
        ),
    )


def _memory(inquiry: Inquiry, gpu: Gpu, method: Method, work: Work) -> Memory:
    """Memory of the plan; where lengths are not exact, up to that of the longest they may be."""
    needed, plan, lengths = memory(work, gpu), work.plan, inquiry.request.lengths
    if lengths is None or lengths.is_exact or plan.packing:
        return needed
    longest = min(math.ceil(lengths.longest.high), lengths.limit)
    if longest <= plan.sequence_length:
        return needed
    longer = plan.model_copy(update={"sequence_length": longest})
    most = memory(_work(inquiry, method, longer), gpu)
    tiers = {
        tier: _up_to(getattr(needed, tier), getattr(most, tier))
        for tier in ("allocated_gib", "reserved_gib", "process_gib")
    }
    return needed.model_copy(update=tiers)


def _up_to(interval: Interval | None, other: Interval | None) -> Interval | None:
    """The interval with its high end raised to the other's."""
    if interval is None or other is None:
        return interval
    return interval.model_copy(update={"high": max(interval.high, other.high)})


def _machine(gpu: Gpu, request: EstimateRequest) -> MachineFacts:
    """The machine a plan would run on: the user's own, or a rented one with the card in it."""
    if gpu.provenance.kind == "measured":
        return request.machine
    return MachineFacts(gpu=gpu.name, gpus=request.gpus, gpu_memory_gib=gpu.memory_gib)
